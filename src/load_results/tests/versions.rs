//! Formats in the versions of their tools for which there is no sample: shortened, with the names and the layout of the tools' own code.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use serde_json::json;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn exactly(text: &str) -> P99 {
    P99::Between { low: decimal(text), high: Some(decimal(text)) }
}

fn read_error(bytes: &[u8]) -> ReadError {
    match read(bytes, None) {
        Err(error) => error,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(bytes)),
    }
}

/// Format, unit, requests and failures.
type Found<'a> = (Format, Option<&'a str>, Option<u64>, Option<u64>);

fn assert_read(bytes: &[u8], (format, unit, requests, failures): Found<'_>, p99: &P99) -> LoadTest {
    let test = read_test(bytes);
    let found = (test.format, test.unit.map(|unit| unit.to_string()), test.all.requests, test.all.failures);
    assert_eq!(found, (format, unit.map(ToOwned::to_owned), requests, failures), "{test:?}");
    assert_eq!(&test.all.p99, p99, "{test:?}");
    test
}

const JTL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testResults version="1.2">
<httpSample t="39" it="0" lt="36" ct="29" ts="1796000000376" s="false" lb="ok, &quot;main&quot;" rc="500" rm="Internal Server Error" tn="tg 1-2">
  <java.net.URL>http://shop.example:8080/mix?a=1&amp;b=2</java.net.URL>
</httpSample>
<httpSample t="63" ts="1796000001376" s="true" lb="redirected" rc="200" rm="OK">
  <httpSample t="40" ts="1796000001376" s="true" lb="redirected-0" rc="302" rm="Found"><java.net.URL>http://other.example/</java.net.URL></httpSample>
  <assertionResult><name>size</name><failure>false</failure></assertionResult>
  <responseData class="java.lang.String">&lt;html&gt;</responseData>
  <java.net.URL>http://shop.example:8080/two</java.net.URL>
</httpSample>
<sample t="102" ts="1796000000376" s="false" lb="checkout" rc="" rm="Number of samples in transaction : 2, number of failing samples : 1"/>
</testResults>
"#;

#[test]
fn jtl_files_in_xml_are_read_as_those_in_csv() {
    let failed = P99::OfFailed { at_least: decimal("63") };
    let test = assert_read(JTL.as_bytes(), (Format::Jmeter, Some("ms"), Some(2), Some(1)), &failed);
    assert_eq!(test.endpoints.keys().collect::<Vec<_>>(), ["checkout", "ok, \"main\"", "redirected"]);
    assert_eq!(test.profile.target.as_deref(), Some("http://shop.example:8080"));
    assert_eq!(test.measured_at, "2026-11-30T00:53:21.376Z".parse().ok());

    let csv = "timeStamp,elapsed,label,responseMessage,success,URL\n\
               1796000000376,39,\"ok, \"\"main\"\"\",Internal Server Error,false,http://shop.example:8080/mix\n\
               1796000001376,63,redirected,OK,true,http://shop.example:8080/two\n\
               1796000000376,102,checkout,\"Number of samples in transaction : 2, number of failing samples : 1\",false,null\n";
    assert_eq!(read_test(csv.as_bytes()), test);

    // With "Generate parent sample" the samples are inside of their transaction.
    let inside = JTL.replace(
        "failing samples : 1\"/>",
        "failing samples : 1\"><httpSample t=\"5\" ts=\"1\" s=\"true\" lb=\"inner\"/></sample>",
    );
    let test = read_test(inside.as_bytes());
    assert_eq!((test.all.requests, test.endpoints.contains_key("inner")), (Some(3), true));
    // In CSV such a file has the transactions only.
    let only = csv.lines().filter(|line| !line.contains(",http:")).collect::<Vec<_>>().join("\n");
    assert_eq!(read_test(only.as_bytes()).all.requests, Some(1));
}

#[test]
fn jtl_files_in_xml_that_are_cut_off_or_hostile_are_refused() {
    for at in JTL.match_indices('\n').map(|(at, _)| at).filter(|at| at + 1 < JTL.len()) {
        assert_eq!(read_error(&JTL.as_bytes()[..at]).kind, ReadErrorKind::Malformed, "{at}");
    }
    let deep = format!("<testResults>{}", "<a>".repeat(200));
    for text in [
        JTL.replace("s=\"true\"", "s=\"yes\""),
        JTL.replace("s=\"true\"", "").replace("rc=\"200\"", ""),
        JTL.replace("t=\"39\"", "t=\"-39\""),
        JTL.replace("t=\"39\"", "t=\"NaN\""),
        JTL.replace("<testResults", "<!DOCTYPE a [<!ENTITY b \"c\">]><testResults"),
        JTL.replace("</testResults>", "</other>"),
        JTL.replace("lb=\"redirected\"", "lb=\"&none;\""),
        deep,
    ] {
        assert_eq!(read_error(text.as_bytes()).kind, ReadErrorKind::Malformed, "{text}");
    }
    let none = read_test(b"<testResults version=\"1.2\"></testResults>");
    assert!(matches!(none.all.p99, P99::Missing { .. }), "{none:?}");
}

#[test]
fn an_element_of_a_jtl_file_has_a_bound() {
    let long = format!("<testResults><httpSample t=\"1\" s=\"true\" lb=\"{}\"/></testResults>", "x".repeat(17 << 20));
    let refused = read(std::io::BufReader::new(long.as_bytes()), None).map(|_| "read");
    assert!(refused.as_ref().is_err_and(|error| error.actual.contains("16 MiB")), "{refused:?}");
}

#[test]
fn the_new_summary_of_k6_has_no_p99_and_says_what_has() {
    let metric = |name: &str, kind: &str, values: serde_json::Value| json!({ "name": name, "type": kind, "contains": "default", "values": values });
    let summary = json!({
        "config": { "duration": 8.03, "execution": "local", "script": "load.js" },
        "metadata": { "generatedAt": "2026-11-30T01:02:03.5Z", "k6Version": "2.2.0" },
        "results": { "checks": {}, "metrics": [
            metric("http_reqs", "counter", json!({ "count": 1600 })),
            metric("http_req_failed", "rate", json!({ "matches": 16, "total": 1600, "rate": 0.01 })),
            metric("http_req_duration", "trend", json!({ "avg": 22, "min": 3, "med": 20, "max": 88, "p(90)": 38, "p(95)": 46 })),
        ] },
        "version": "1.0.0",
    });
    let test = read_test(summary.to_string().as_bytes());
    assert_eq!((test.format, test.all.requests, test.all.failures), (Format::K6, Some(1600), Some(16)));
    assert_eq!(test.measured_at, "2026-11-30T01:02:03.5Z".parse().ok());
    let P99::Missing { why, next } = test.all.p99 else { panic!("{:?}", test.all.p99) };
    assert!(
        why.contains("machine-readable") && next.contains("--out json") && !next.contains("p(95)"),
        "{why}; {next}"
    );
}

#[test]
fn both_versions_of_artillery_are_read() {
    let latency = json!({ "min": 3, "max": 95, "median": 21.1, "p95": 47.9, "p99": 64.7 });
    let first = |codes: serde_json::Value, errors: serde_json::Value| {
        json!({ "aggregate": {
            "timestamp": "2026-11-30T01:02:03.951Z", "scenariosCreated": 800, "scenariosCompleted": 800,
            "requestsCompleted": 800, "latency": latency, "rps": { "count": 800, "mean": 80 },
            "errors": errors, "codes": codes, "counters": {}, "customStats": {},
        }, "intermediate": [] })
        .to_string()
    };
    let ok = first(json!({ "200": 700, "201": 100 }), json!({}));
    let test = assert_read(ok.as_bytes(), (Format::Artillery, Some("ms"), Some(800), Some(0)), &exactly("64.7"));
    assert_eq!(test.measured_at, "2026-11-30T01:02:03.951Z".parse().ok());
    let failed = first(json!({ "200": 700, "503": 100 }), json!({ "ETIMEDOUT": 20 }));
    let slow = P99::OfFailed { at_least: decimal("95") };
    assert_read(failed.as_bytes(), (Format::Artillery, Some("ms"), Some(820), Some(120)), &slow);

    let engine = json!({ "aggregate": {
        "counters": { "engine.http.requests": 800, "engine.http.codes.200": 800, "engine.http.responses": 800 },
        "summaries": { "engine.http.response_time": latency },
    } });
    assert_read(engine.to_string().as_bytes(), (Format::Artillery, Some("ms"), Some(800), Some(0)), &exactly("64.7"));
    let refused = json!({ "aggregate": { "counters": { "http.requests": 800, "errors.ECONNREFUSED": 800 } } });
    let test = read_test(refused.to_string().as_bytes());
    assert_eq!((test.all.requests, test.all.failures), (Some(800), Some(800)));
}

#[test]
fn older_files_of_locust_are_read() {
    let stats = "\"Type\",\"Name\",\"# requests\",\"# failures\",\"Median response time\",\"50%\",\"99%\",\"100%\"\n\
                 \"GET\",\"/\",900,9,35,35,100,260\n\"None\",\"Aggregated\",900,9,35,35,100,260\n";
    let range = P99::Between { low: decimal("100"), high: Some(decimal("260")) };
    let test = assert_read(stats.as_bytes(), (Format::Locust, Some("ms"), Some(900), Some(9)), &range);
    assert_eq!(test.endpoints.keys().collect::<Vec<_>>(), ["GET /"]);
    let distribution = "\"Name\",\"# requests\",\"50%\",\"95%\",\"99%\",\"100%\"\n\
                        \"GET /\",161,35,100,210,300\n\"None Total\",161,35,100,210,300\n";
    assert_read(distribution.as_bytes(), (Format::Locust, Some("ms"), Some(161), None), &exactly("210"));
    let requests = "\"Method\",\"Name\",\"# requests\",\"# failures\",\"Median response time\"\n\
                    \"GET\",\"/\",0,56,0\n\"None\",\"Total\",0,56,0\n";
    let test = read_test(requests.as_bytes());
    assert_eq!((test.all.requests, test.all.failures), (Some(56), Some(56)));
    let P99::Missing { next, .. } = test.all.p99 else { panic!("{:?}", test.all.p99) };
    assert!(next.contains("_distribution.csv"), "{next}");
    for key in ["response_time_percentile_0.99", "ninety_ninth_response_time"] {
        let web =
            json!({ "stats": [{ "name": "Total", "method": "", "num_requests": 828, "num_failures": 0, key: 99 }] });
        assert_read(web.to_string().as_bytes(), (Format::Locust, Some("ms"), Some(828), Some(0)), &exactly("99"));
    }
}

#[test]
fn the_first_version_of_autocannon_is_read() {
    let report = json!({
        "url": "http://a", "connections": 10, "errors": 0, "timeouts": 0, "non2xx": 0, "2xx": 2876,
        "latency": { "average": 14, "stddev": 12, "max": 106, "p50": 12, "p90": 30, "p99": 57, "p999": 86 },
        "requests": { "average": 287, "total": 2876 }, "throughput": { "average": 33200 },
    });
    assert_read(report.to_string().as_bytes(), (Format::Autocannon, Some("ms"), Some(2876), Some(0)), &exactly("57"));
}

#[test]
fn percentiles_and_rows_of_ab_are_read() {
    let rows = (0..100).map(|percent| format!("{percent},{}.25\n", percent * 2)).collect::<String>();
    let percentiles = format!("Percentage served,Time in ms\n{rows}");
    assert_read(percentiles.as_bytes(), (Format::Ab, Some("ms"), None, None), &exactly("198.25"));
    let cut = percentiles.lines().take(60).collect::<Vec<_>>().join("\n");
    assert!(matches!(read_test(cut.as_bytes()).all.p99, P99::Missing { .. }));
    let header = "starttime\tseconds\tctime\tdtime\tttime\twait\n";
    let rows = (1..=100).map(|time| format!("Mon Nov 30 00:53:20 2026\t1796000000\t0\t{time}\t{time}\t1\n"));
    let requests = format!("{header}{}", rows.collect::<String>());
    let test = assert_read(requests.as_bytes(), (Format::Ab, Some("ms"), Some(100), None), &exactly("99"));
    assert_eq!(test.measured_at, "2026-11-30T00:53:20Z".parse().ok());
}

#[test]
fn a_histogram_of_vegeta_gives_the_range_of_the_p99() {
    let histogram = |last: u64| {
        format!(
            "Bucket           #    %       Histogram\n[0s,     10ms]   94   9.40%   #######\n\
             [10ms,   25ms]   890  89.00%  ######\n[25ms,   +Inf]   {last}    1.60%   #\n"
        )
    };
    let range = |low: &str, high: Option<&str>| P99::Between { low: decimal(low), high: high.map(decimal) };
    let open = range("25", None);
    assert_read(histogram(16).as_bytes(), (Format::Vegeta, Some("ms"), Some(1000), None), &open);
    let closed = range("10", Some("25"));
    assert_read(histogram(4).as_bytes(), (Format::Vegeta, Some("ms"), Some(988), None), &closed);
    assert_eq!(read_error(b"Bucket  #  %  Histogram\n[0s, 10m").kind, ReadErrorKind::Malformed);
    // As Go writes durations.
    let long = b"Bucket  #  %  Histogram\n[0s,  1m2.5s]  0  0%\n[1m2.5s,  1h0m1s]  9  100%\n";
    let minutes = range("62500", Some("3601000"));
    assert_read(long, (Format::Vegeta, Some("ms"), Some(9), None), &minutes);
    let none = read_test(b"Bucket  #  %  Histogram\n[0s,  +Inf]  0  NaN%\n");
    assert!(matches!(none.all.p99, P99::Missing { .. }), "{none:?}");
}

/// oha's report for people.
fn oha_text(time: &str, unit: &str, errors: &str) -> String {
    format!(
        "Summary:\n  Success rate:\t98.00%\n  Total:\t8004.1 ms\n  Slowest:\t97.8591 ms\n  Fastest:\t2.8043 ms\n  \
         Average:\t22.9841 ms\n  Requests/sec:\t199.8963\n\nResponse time histogram:\n   2.804 ms [1]   |\n\n\
         Response time distribution:\n  50.00% in 20.0831 ms\n  95.00% in 47.3738 ms\n  99.00% in {time} {unit}\n  \
         99.90% in 95.2444 ms\n\n\nDetails (average, fastest, slowest):\n  DNS+dialup:\t0.1701 ms, 0.0729 ms, 0.9138 ms\n\n\
         Status code distribution:\n  [200] 1584 responses\n{errors}"
    )
}

#[test]
fn the_report_of_oha_for_people_is_read() {
    let oha = (Format::Oha, Some("ms"), Some(1584), Some(0));
    assert_read(oha_text("67.9199", "ms", "").as_bytes(), oha, &exactly("67.9199"));
    assert_read(oha_text("0.0679", "sec", "").as_bytes(), oha, &exactly("67.9"));
    assert_read(oha_text("0.0679", "secs", "").as_bytes(), oha, &exactly("67.9"));
    let errors =
        "  [503] 8 responses\n\nError distribution:\n  [4] connection refused\n  [4] aborted due to deadline\n";
    let range = P99::Between { low: decimal("67.9199"), high: Some(decimal("95.2444")) };
    assert_read(oha_text("67.9199", "ms", errors).as_bytes(), (Format::Oha, Some("ms"), Some(1596), Some(12)), &range);
    let text = oha_text("67.9199", "ms", "");
    let cut = &text[..text.find("Status code").unwrap()];
    assert_eq!(read_error(cut.as_bytes()).kind, ReadErrorKind::Malformed);
}

#[test]
fn requests_that_a_stalled_server_leaves_unanswered_open_the_p99() {
    let report = |aborted: u64| {
        json!({
            "summary": { "slowest": 0.09, "average": 0.023, "requestsPerSec": 200.0 },
            "latencyPercentiles": { "p99": 0.06, "p99.9": 0.08 },
            "statusCodeDistribution": { "200": 1600 },
            "errorDistribution": { "aborted due to deadline": aborted },
        })
        .to_string()
    };
    // At 200 requests per second of 23 ms about five are on their way at any time.
    for usual in [0, 5, 20] {
        let oha = (Format::Oha, Some("s"), Some(1600), Some(0));
        assert_read(report(usual).as_bytes(), oha, &exactly("0.06"));
    }
    let stalled = P99::OfFailed { at_least: decimal("0.09") };
    let test = assert_read(report(50).as_bytes(), (Format::Oha, Some("s"), Some(1650), Some(0)), &stalled);
    assert_eq!(test.all.unanswered, 50);
}

#[test]
fn the_log_of_gatling_is_read_in_its_versions() {
    let third = "ASSERTION\tAAECAAIFAAAAAAAAAFlA\nRUN\tacme.Shop\tshop\t1796000000000\t \t3.9.3\nUSER\tbuy\tSTART\t1796000000000\n\
                 REQUEST\t\thome\t1796000000000\t1796000000040\tOK\t \n\
                 REQUEST\tcart,pay\tcheckout\t1796000000000\t1796000000250\tKO\tstatus.find.is(200), but actually found 500\n\
                 GROUP\tcart\t1796000000000\t1796000000250\t250\tKO\n";
    let second = "RUN\tacme.Shop\t\tshop\t1796000000000\t \t2.0\nREQUEST\tbuy\t1\t\thome\t1796000000000\t1796000000040\tOK\t \n\
                  REQUEST\tbuy\t1\tcart,pay\tcheckout\t1796000000000\t1796000000250\tKO\tboom\n";
    for log in [third, second] {
        let failed = P99::OfFailed { at_least: decimal("250") };
        let test = assert_read(log.as_bytes(), (Format::Gatling, Some("ms"), Some(2), Some(1)), &failed);
        assert_eq!(test.endpoints.keys().collect::<Vec<_>>(), ["cart / pay / checkout", "home"]);
        assert_eq!(test.measured_at, "2026-11-30T00:53:20.25Z".parse().ok());
    }
    let cut = read_error(&third.as_bytes()[..third.find("KO\tstatus").unwrap()]);
    assert!(cut.actual.contains("where the file ends"), "{cut:?}");
}

#[test]
fn the_corrected_latencies_of_wrk2_count() {
    let report = "Running 30s test @ http://127.0.0.1:8080/\n  2 threads and 10 connections\n  \
                  Thread calibration: mean lat.: 9.747ms, rate sampling interval: 21ms\n  \
                  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency    25.33ms   60.10ms 471.04ms   94.70%\n  \
                  Latency Distribution (HdrHistogram - Recorded Latency)\n 50.000%    9.21ms\n 75.000%   14.35ms\n 90.000%   30.01ms\n \
                  99.000%  471.04ms\n 99.900%    0.48s \n100.000%    0.50s \n\n  Detailed Percentile spectrum:\n       \
                  Value   Percentile   TotalCount 1/(1-Percentile)\n\n#[Mean    =       25.330, StdDeviation   =       60.100]\n\
                  ----------------------------------------------------------\n  \
                  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))\n \
                  50.000%    8.11ms\n 99.000%   21.02ms\n  5998 requests in 30.00s, 1.30MB read\nRequests/sec:    199.93\n";
    assert_read(report.as_bytes(), (Format::Wrk, Some("ms"), Some(5998), Some(0)), &exactly("471.04"));
}

#[test]
fn compressed_results_are_unpacked_and_other_encodings_named() {
    let pack = |bytes: &[u8]| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    for (path, bytes) in [sample!("k6/out.ndjson"), sample!("oha/report.json"), sample!("jmeter/results.jtl")] {
        let packed = pack(bytes);
        assert_eq!(read(&packed[..], None), read(bytes, None), "{path}");
        assert_eq!(read_error(&packed[..packed.len() / 2]).kind, ReadErrorKind::Malformed, "{path}");
    }
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("{}".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert!(read_error(&utf16).actual.contains("UTF-16"));
    let marked = [b"\xef\xbb\xbf", sample!("oha/report.json").1].concat();
    assert_eq!(read_test(&marked).format, Format::Oha);
}

#[test]
fn groups_of_k6_are_endpoints_where_they_are_more_than_one_name() {
    let point = |name: &str, group: &str| {
        format!(
            r#"{{"metric":"http_req_duration","type":"Point","data":{{"time":"2026-11-22T19:00:16Z","value":20,"tags":{{"name":"{name}","group":"{group}","status":"200"}}}}}}"#
        )
    };
    let lines =
        [point("/item/1", "::shop::item"), point("/item/2", "::shop::item"), point("/pay", "::pay"), point("/", "")];
    let test = read_test(lines.join("\n").as_bytes());
    assert_eq!(test.all.requests, Some(4));
    let found: Vec<_> = test.endpoints.iter().map(|(name, figures)| (name.as_str(), figures.requests)).collect();
    let one = Some(1);
    assert_eq!(found, [("/", one), ("/item/1", one), ("/item/2", one), ("/pay", one), ("shop::item", Some(2))]);
    let csv = "metric_name,timestamp,metric_value,group,name,status\nhttp_req_duration,1796000000,20,::shop::item,/item/1,200\n\
               http_req_duration,1796000000,20,::shop::item,/item/2,200\nhttp_req_duration,1796000000,20,::pay,/pay,200\n\
               http_req_duration,1796000000,20,,/,200\n";
    assert_eq!(read_test(csv.as_bytes()).endpoints, test.endpoints);
}

#[test]
fn the_columns_of_vegeta_have_names() {
    let report = |names: &str, latencies: &str| {
        format!(
            "  Requests      [total, rate]            6000, 200.03\n  Duration      [total, attack, wait]    1m0.01s, 1m0s, 7.2ms\n  \
             Latencies     [{names}]  {latencies}\n  Bytes In      [total, mean]            542574, 90.43\n  Success       [ratio]  \
             99.90%\n  Status Codes  [code:count]             200:5994  0:6\n  Error Set:\n  a: connection refused\n"
        )
    };
    let range = P99::Between { low: decimal("57.5"), high: Some(decimal("1050")) };
    let vegeta = (Format::Vegeta, Some("ms"), Some(6000), Some(6));
    let older = report("mean, 50, 95, 99, max", "554.1µs, 406.2µs, 9.5ms, 57.5ms, 1.05s");
    assert_read(older.as_bytes(), vegeta, &range);
    let newer = report("min, mean, 50, 90, 95, 99, max", "90µs, 554.1µs, 406.2µs, 7ms, 9.5ms, 57.5ms, 1.05s");
    assert_read(newer.as_bytes(), vegeta, &range);
    let short = report("mean, 50, 95, 99, max", "554.1µs, 406.2µs, 9.5ms");
    assert_eq!(read_error(short.as_bytes()).kind, ReadErrorKind::Malformed);
}

#[test]
fn before_version_1_oha_had_the_headings_of_hey() {
    let text =
        oha_text("0.0679", "secs", "  [503] 8 responses\n\nError distribution:\n  [4] aborted due to deadline\n")
            .replace("Response time distribution:", "Latency distribution:")
            .replace("98.00%", "1.0000");
    let range = P99::Between { low: decimal("67.9"), high: Some(decimal("95.2444")) };
    assert_read(text.as_bytes(), (Format::Oha, Some("ms"), Some(1592), Some(8)), &range);
}

#[test]
fn a_percentile_and_a_rate_of_k6_are_read_as_scripts_write_them() {
    let summary = |failed: serde_json::Value| {
        json!({ "metrics": {
            "http_reqs": { "values": { "count": 10_000, "rate": 33.3 } },
            "http_req_failed": { "values": failed },
            "http_req_duration": { "values": { "avg": 20.5, "p(99.00)": 60, "p(99.9)": 80, "max": 95 } },
        } })
        .to_string()
    };
    let k6 = |failures| (Format::K6, Some("ms"), Some(10_000), failures);
    let range = P99::Between { low: decimal("60"), high: Some(decimal("80")) };
    for failed in
        [json!({ "rate": 0.0005 }), json!({ "value": 0.0005 }), json!({ "rate": 0.5, "passes": 5, "fails": 9995 })]
    {
        assert_read(summary(failed).as_bytes(), k6(Some(5)), &range);
    }
    assert_read(summary(json!({ "rate": 0 })).as_bytes(), k6(Some(0)), &exactly("60"));
    assert_read(summary(json!({ "rate": 5 })).as_bytes(), k6(None), &exactly("60"));
}

#[test]
fn a_summary_of_k6_without_http_names_the_way_to_another_metric() {
    let summary = json!({ "metrics": { "iterations": { "count": 90 }, "grpc_req_duration": { "p(99)": 12.5 } } });
    let P99::Missing { why, next } = read_test(summary.to_string().as_bytes()).all.p99 else { panic!("{summary}") };
    assert!(why.contains("no HTTP request") && next.contains("grpc_req_duration[\"p(99)\"]"), "{why}; {next}");
}
