//! Files of load tests that are recognized, but have no p99 to read: what they are, and what to give instead.

use serde_json::Value;

use super::{json::at, load_test::ReadError};

/// A text that contains all of `marks`.
struct Text {
    marks: &'static [&'static str],
    what: &'static str,
    next: &'static str,
}

// What to give in place of several files of one tool.
const LOCUST: &str = "give the file that ends with `_stats.csv`, or the output of `--json`";
const JMETER: &str = "give the JTL file (`-l results.jtl`), or `statistics.json` of the dashboard (`-e -o report`)";
const SIEGE: &str = "use a tool that reports the 99th percentile, such as oha, k6 or vegeta";
const TAURUS: &str = "give what its executor wrote, such as `kpi.jtl` in the folder of artifacts";
const WEB_PAGE: &str =
    "give the file that the load test writes for programs, in JSON or CSV, rather than its report for people";

const TEXTS: &[Text] = &[
    Text {
        marks: &["http_req_duration", "avg="],
        what: "k6's summary for people, whose times are rounded",
        next: "give k6's summary in JSON: `--summary-export=summary.json`, with \
               `--summary-trend-stats='avg,med,max,p(99),count'`",
    },
    Text {
        marks: &["Method", "Name", "Occurrences", "Error"],
        what: "Locust's file of failures, which has no latencies",
        next: LOCUST,
    },
    Text {
        marks: &["Count,Message,Traceback,Nodes"],
        what: "Locust's file of exceptions, which has no latencies",
        next: LOCUST,
    },
    Text {
        marks: &["# reqs", "# fails"],
        what: "Locust's table for people",
        next: "give the output of `--json`, or the file of `--csv` that ends with `_stats.csv`",
    },
    Text {
        marks: &["Summary report @", "http.response_time"],
        what: "Artillery's report for people",
        next: "give the file of `artillery run --output report.json`",
    },
    Text {
        marks: &["97.5%", "Stdev", "Req/Sec"],
        what: "autocannon's tables for people",
        next: "give the output of `autocannon --json`",
    },
    Text {
        marks: &["Bombarding ", "Statistics "],
        what: "bombardier's report for people",
        next: "run bombardier with `--print=result --format=json --latencies >bombardier.json`, and give it as the gate then says",
    },
    Text {
        marks: &["Response time histogram:", "Latency distribution:", "Count:"],
        what: "ghz's report for people",
        next: "run ghz with `--format=json --output=ghz.json`, and give it as the gate then says",
    },
    Text {
        marks: &["Effective rps:", "Percentage of requests served"],
        what: "loadtest's report for people",
        next: "give its figures as a document of your own: `{\"p99_latency\": 32, \"unit\": \"ms\", \"requests\": 600, \"failures\": 0}`",
    },
    Text {
        marks: &["var stats = {"],
        what: "Gatling's stats.js, which is JavaScript",
        next: "give the `stats.json` beside it",
    },
    Text {
        marks: &["---- Global Information ---"],
        what: "Gatling's report for people",
        next: "give `js/stats.json` of the report",
    },
    Text {
        marks: &["summary =", "Avg:", "Err:"],
        what: "JMeter's summary in its log, which has no percentiles",
        next: JMETER,
    },
    Text {
        marks: &["# Samples,Average"],
        what: "JMeter's aggregate report, in which failed requests are a rounded share",
        next: JMETER,
    },
    Text {
        marks: &["Transactions:", "Availability:", "Longest transaction:"],
        what: "siege's report, which has no percentiles",
        next: SIEGE,
    },
    Text {
        marks: &["# TYPE ", "_bucket{"],
        what: "metrics as Prometheus scrapes them, which count since the process began",
        next: "give the response of Prometheus's query API about the time of the load test: \
               `histogram_quantile(0.99, sum by (le) (increase(METRIC_bucket[10m])))`",
    },
    Text {
        marks: &["label,", "concurrency,", "perc_99.0"],
        what: "Taurus's final statistics in CSV, in seconds",
        next: TAURUS,
    },
    Text { marks: &["<FinalStatus"], what: "Taurus's final statistics in XML, in seconds", next: TAURUS },
    Text { marks: &["<html"], what: "a web page", next: WEB_PAGE },
    Text { marks: &["<!DOCTYPE html"], what: "a web page", next: WEB_PAGE },
];

/// The file that a text is, if it is one of these.
pub(super) fn recognize_text(text: &str) -> Option<ReadError> {
    if is_jtl_without_names(text.lines().next().unwrap_or_default()) {
        let next = "let JMeter write the names of the columns: `jmeter.save.saveservice.print_field_names=true`";
        return Some(ReadError::malformed("a JTL file without the names of its columns").next(next));
    }
    let text = TEXTS.iter().find(|known| known.marks.iter().all(|mark| text.contains(mark)))?;
    Some(ReadError::malformed(text.what).next(text.next))
}

/// A row begins with the time in milliseconds since the epoch, and the latency.
fn is_jtl_without_names(first_line: &str) -> bool {
    let is_number = |field: &str| !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    [',', ';', '\t'].into_iter().any(|separator| {
        let fields: Vec<&str> = first_line.split(separator).collect();
        fields.len() >= 5 && fields[0].len() == 13 && fields[..2].iter().all(|field| is_number(field))
    })
}

/// The beginnings of binary files.
pub(super) fn recognize_binary(head: &[u8]) -> Option<ReadError> {
    let head = &head[..head.len().min(64)];
    if !head.contains(&0) {
        return None;
    }
    // Go's encoding of the type `Result`.
    if head.windows(8).any(|window| window == b"\x06Result\x01") {
        let next = "give the report or the requests: `vegeta report -type=json`, or `vegeta encode -to json`";
        return Some(ReadError::malformed("vegeta's results in its own binary form").next(next));
    }
    // A zero, the length of the version, and the version.
    if head.starts_with(b"\0\0\0\0") && head.get(5).is_some_and(u8::is_ascii_digit) {
        let next = "give `js/stats.json` of the report that Gatling makes of it";
        return Some(ReadError::malformed("Gatling's simulation.log in binary form, as of version 3.11").next(next));
    }
    let zeros: usize = head.iter().map(|byte| usize::from(*byte == 0)).sum();
    if zeros * 3 > head.len() {
        return Some(ReadError::utf_16());
    }
    Some(ReadError::malformed("a binary file").next("give a file in JSON, CSV or text, which gzip may have compressed"))
}

/// A document that has a value at each path of `marks`.
struct Document {
    marks: &'static [&'static [&'static str]],
    tool: &'static str,
    /// Makes a document with `p99_latency` of it.
    jq: &'static str,
}

const DOCUMENTS: &[Document] = &[
    Document {
        marks: &[&["spec", "numberOfConnections"], &["result", "latency"], &["result", "req2xx"]],
        tool: "bombardier (with `--latencies`)",
        jq: r#"{p99_latency: .result.latency.percentiles["99"], unit: "us", requests: (.result | .req1xx + .req2xx + .req3xx + .req4xx + .req5xx + .others), failures: (.result | .req4xx + .req5xx + .others)}"#,
    },
    Document {
        marks: &[&["DurationHistogram", "Percentiles"], &["RetCodes"]],
        tool: "fortio",
        jq: r#"{p99_latency: (.DurationHistogram.Percentiles[] | select(.Percentile == 99) | .Value), unit: "s", requests: .DurationHistogram.Count, failures: ([.RetCodes | to_entries[] | select(.key | test("^(2..|OK|SERVING)$") | not) | .value] | add // 0)}"#,
    },
    Document {
        marks: &[&["latencyDistribution"], &["statusCodeDistribution"], &["count"]],
        tool: "ghz",
        jq: r#"{p99_latency: (.latencyDistribution[] | select(.percentage == 99) | .latency), unit: "ns", requests: .count, failures: (.count - (.statusCodeDistribution.OK // 0))}"#,
    },
    Document {
        marks: &[&["totalRequests"], &["totalErrors"], &["percentiles", "99"], &["meanLatencyMs"]],
        tool: "loadtest",
        jq: r#"{p99_latency: .percentiles["99"], unit: "ms", requests: .totalRequests, failures: .totalErrors}"#,
    },
];

/// The results that a document is, if they are of one of these tools.
pub(super) fn recognize(document: &Value) -> Option<ReadError> {
    let has = |marks: &[&[&str]]| marks.iter().all(|path| at(document, path).is_some());
    if has(&[&["simulation"], &["assertions"]]) {
        let error = ReadError::malformed("Gatling's assertions.json, which has no latencies");
        return Some(error.next("give the `stats.json` beside it"));
    }
    if has(&[&["transactions"], &["availability"], &["longest_transaction"]]) {
        let next = SIEGE;
        return Some(ReadError::malformed("siege's report, which has no percentiles").next(next));
    }
    let known = DOCUMENTS.iter().find(|known| has(known.marks))?;
    let error = ReadError::malformed(format!("results of {}, which are not read as they are", known.tool));
    Some(error.expected("a known format, or a document with `p99_latency` and its unit").next(format!(
        "convert them, and give the new file: jq '{}' {}.json >results.json",
        known.jq,
        known.tool.split(' ').next().unwrap_or_default()
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        expression::Expression,
        load_results::{Reading, Unit, read},
    };

    /// The document that the jq expression in the refusal makes of these results.
    fn converted(document: &Value) -> crate::load_results::LoadTest {
        let error = read(document.to_string().as_bytes(), None).expect_err("refused");
        let jq = error.next.split('\'').nth(1).unwrap_or_else(|| panic!("{error:?}"));
        let outputs = Expression::compile(jq).expect("an expression").evaluate(document).expect("an output");
        match read(outputs[0].to_string().as_bytes(), None) {
            Ok(Reading::LoadTest(test)) => *test,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn results_of_other_tools_are_refused_with_an_expression_that_converts_them() {
        let bombardier = json!({
            "spec": { "numberOfConnections": 5, "testType": "timed", "method": "GET", "url": "http://a" },
            "result": {
                "timeTakenSeconds": 9.5, "req1xx": 0, "req2xx": 940, "req3xx": 2, "req4xx": 3, "req5xx": 50, "others": 5,
                "latency": { "mean": 93840.6, "stddev": 30040.2, "max": 4_006_338.0, "percentiles": { "50": 50275, "99": 2_009_596 } },
                "rps": { "mean": 102.5, "percentiles": { "99": 201.9 } },
            },
        });
        let fortio = json!({
            "RunType": "HTTP", "ActualQPS": 99.5, "RetCodes": { "200": 990, "503": 8, "-1": 2 },
            "DurationHistogram": { "Count": 1000, "Max": 0.5, "Percentiles": [
                { "Percentile": 50, "Value": 0.01 }, { "Percentile": 99, "Value": 0.084 }, { "Percentile": 99.9, "Value": 0.2 }] },
        });
        let ghz = json!({
            "count": 200, "total": 1_000_000_000, "rps": 200.0, "errorDistribution": { "rpc error: code = Unavailable": 4 },
            "statusCodeDistribution": { "OK": 196, "Unavailable": 4 },
            "latencyDistribution": [{ "percentage": 95, "latency": 30_000_000 }, { "percentage": 99, "latency": 52_000_000 }],
        });
        let loadtest = json!({
            "totalRequests": 2000, "totalErrors": 12, "totalTimeSeconds": 18.2, "rps": 109, "meanLatencyMs": 72,
            "maxLatencyMs": 111, "minLatencyMs": 51, "percentiles": { "50": 68, "99": 110 }, "errorCodes": { "503": 12 },
        });
        for (document, unit, requests, failures, p99) in [
            (loadtest, Unit::Milliseconds, 2000, 12, "110"),
            (bombardier, Unit::Microseconds, 1000, 58, "2009596"),
            (fortio, Unit::Seconds, 1000, 10, "0.084"),
            (ghz, Unit::Nanoseconds, 200, 4, "52000000"),
        ] {
            let test = converted(&document);
            assert_eq!((test.unit, test.all.requests, test.all.failures), (Some(unit), Some(requests), Some(failures)));
            assert_eq!(test.all.least_p99(), p99.parse().ok());
        }
    }
}
