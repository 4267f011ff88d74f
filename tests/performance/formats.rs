//! Results as the tools write them, without an expression.

use promote_gates::{
    clock::{Clock as _, SystemClock},
    sandbox::server::{FakeResponse, LoopbackServer},
};
use serde_json::json;

use crate::{
    house::{Ended, Runner},
    repository::root,
};

fn sample(path: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/samples").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A sample as if it were of now: dates of November 2026, and times since the epoch of that month, are replaced.
fn fresh(sample: &[u8]) -> Vec<u8> {
    let now = SystemClock::new().wall();
    let (time, epoch) = (format!("{now:.0}"), now.as_second().to_string());
    let date = time.trim_end_matches('Z');
    let mut fresh = sample.to_vec();
    for at in 0..fresh.len() {
        let old = &fresh[at..];
        let new = match old {
            _ if old.starts_with(b"2026-11-") && old.get(10) == Some(&b'T') => date,
            [b'1', b'7', b'9', b'5' | b'6', rest @ ..]
                if rest.iter().take(6).filter(|b| b.is_ascii_digit()).count() == 6 =>
            {
                &epoch
            }
            _ => continue,
        };
        if old.len() >= new.len() {
            fresh[at..at + new.len()].copy_from_slice(new.as_bytes());
        }
    }
    fresh
}

/// A step with these results and this baseline.
fn step(results: &[u8], baseline: &[u8], inputs: &[(&str, &str)]) -> Ended {
    let runner = Runner::new().input("results", "results").input("baseline", "baseline");
    runner.write("results", fresh(results));
    runner.write("baseline", baseline);
    inputs.iter().fold(runner, |runner, (key, value)| runner.input(key, value)).run(&["performance"])
}

#[test]
fn the_unit_comes_with_the_format() {
    for (path, p99) in [
        ("k6/summary.json", "60.164489"),
        ("oha/report.json", "67.919949"),
        ("hey/ok.txt", "26.9"),
        ("wrk/ok.txt", "26.18"),
        ("ab/ok.txt", "40"),
        ("locust/stats.csv", "100"),
    ] {
        let limit: f64 = p99.parse().expect("a number");
        for (baseline, code) in [(limit, 0), (limit / 1.3, 1)] {
            let baseline = json!({ "p99_latency": baseline }).to_string();
            let ended = step(&sample(path), baseline.as_bytes(), &[]);
            assert_eq!((ended.code, ended.outputs["p99"].as_str()), (code, p99), "{path}: {}", ended.log);
        }
    }
}

#[test]
fn failed_load_tests_of_every_tool_block() {
    for path in [
        "ab/down.txt",
        "hey/down.txt",
        "hey/refused.txt",
        "wrk/down.txt",
        "autocannon/down.json",
        "autocannon/refused.json",
        "vegeta/mix.ndjson",
        "vegeta/mix.csv",
        "jmeter/results.jtl",
        "jmeter/statistics.json",
        "gatling/stats.json",
    ] {
        let ended = step(&sample(path), b"{\"p99_latency\": 1000}", &[("min-requests", "1")]);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (1, "blocked"), "{path}: {}", ended.log);
        assert!(ended.outputs["reason"].contains("failed requests"), "{path}: {}", ended.outputs["reason"]);
    }
    for path in ["ab/refused.txt", "wrk/refused.txt", "wrk/nolatency.txt"] {
        let ended = step(&sample(path), b"{\"p99_latency\": 1000}", &[]);
        assert_eq!(ended.code, 3, "{path}: {}", ended.log);
    }
}

#[test]
fn a_format_that_is_named_must_be_the_one() {
    let k6 = sample("k6/summary.json");
    assert_eq!(step(&k6, &k6, &[("format", "k6")]).code, 0);
    let ended = step(&k6, &k6, &[("format", "oha")]);
    assert_eq!(ended.code, 2, "{}", ended.log);
    let ended = step(&k6, &k6, &[("results-unit", "s")]);
    assert!(ended.code == 2 && ended.outputs["reason"].contains("the unit of k6"), "{}", ended.log);
    let ended = step(&k6, &k6, &[("results-unit", "seconds")]);
    assert!(ended.code == 2 && ended.outputs["reason"].contains("`ms`"), "{}", ended.log);
}

#[test]
fn k6_without_a_p99_says_how_to_get_it() {
    let default = sample("k6/summary-default.json");
    for inputs in [&[][..], &[("results-query", r#".metrics.http_req_duration["p(99)"]"#)]] {
        let ended = step(&default, b"{\"p99_latency\": 70}", inputs);
        assert_eq!(ended.code, 3, "{}", ended.log);
        assert!(ended.outputs["reason"].contains("summaryTrendStats"), "{}", ended.outputs["reason"]);
        assert!(!ended.log.contains("p(95)"), "no other percentile takes its place: {}", ended.log);
    }
}

#[test]
fn latencies_without_a_unit_are_not_compared() {
    let list = format!("{:?}", (1..=500).collect::<Vec<_>>());
    let baseline = b"{\"p99_latency\": 495}";
    let ended = step(list.as_bytes(), baseline, &[]);
    assert!(ended.code == 3 && ended.outputs["reason"].contains("results-unit"), "{}", ended.log);
    assert_eq!(step(list.as_bytes(), baseline, &[("results-unit", "ms")]).code, 0);
    assert_eq!(step(list.as_bytes(), baseline, &[("results-unit", "s")]).code, 1);
    let lines = (1..=500).map(|number| format!("{number}.0\n")).collect::<String>();
    assert_eq!(step(lines.as_bytes(), baseline, &[("results-unit", "ms")]).outputs["p99"], "495");
    let histogram = json!({ "10": 98, "20": 1, "495": 1 }).to_string();
    assert_eq!(step(histogram.as_bytes(), b"{\"p99_latency\": 20}", &[("results-unit", "ms")]).outputs["p99"], "20");
}

#[test]
fn what_is_no_result_never_passes() {
    for (results, codes) in [
        (&b""[..], &[2][..]),
        (b"\n \n", &[2]),
        (b"[]", &[2]),
        (b"{}", &[2]),
        (b"null", &[2]),
        (b"NaN", &[2]),
        (b"{\"p99_latency\": NaN}", &[2]),
        (b"{\"p99_latency\": \"NaN\"}", &[2]),
        (b"{\"p99_latency\": -5}", &[3]),
        (b"{\"p99_latency\": null}", &[2]),
        (b"{\"p99_latency\": 70, \"requests\": 0}", &[3]),
        (b"{\"p99_latency\": 70, \"requests\": 500, \"failures\": 500}", &[1]),
        (b"{\"p99_latency\": 70, \"measured_at\": \"2020-01-01T00:00:00Z\"}", &[3]),
        (b"[1, 2, -3]", &[2]),
        (b"[1, null]", &[2]),
        (b"1.5\nx\n", &[2]),
        (b"PNG\x00\xff", &[2]),
        (b"timeStamp,elapsed,label,success\n", &[3]),
        (b"timeStamp,elapsed,label,success\n1,-5,a,true\n", &[2]),
        (b"timeStamp,elapsed,label,success\n1,5,a,tr", &[2]),
        (b"Type,Name,Request Count,Failure Count,99%\n", &[2]),
        (b"Type,Name,Request Count,Failure Count,99%\n,Aggregated,0,0,N/A\n", &[3]),
        (b"Timestamp,User Count,Type,Name\n", &[2]),
        (br#"{"status":"error","errorType":"bad_data","error":"unknown function"}"#, &[3]),
        (br#"{"status":"success","data":{"resultType":"vector","result":[]}}"#, &[3]),
        (br#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"NaN"]}]}}"#, &[3]),
    ] {
        let ended = step(results, b"{\"p99_latency\": 70}", &[("unit", "ms")]);
        assert!(codes.contains(&ended.code), "{}: {}", String::from_utf8_lossy(results), ended.log);
    }
    let k6 = sample("k6/out.ndjson");
    let ended = step(&k6[..k6.len() - 30], b"{\"p99_latency\": 70}", &[]);
    assert!(ended.code == 2 && ended.outputs["reason"].contains("where the file ends"), "{}", ended.log);
}

#[test]
fn results_come_from_a_server_with_headers() {
    let now = SystemClock::new().wall().as_second();
    let server = LoopbackServer::start(move |request| {
        let allowed = request.headers.get("authorization").is_some();
        let series = |name: &str, value: &str| {
            json!({ "status": "success", "data": { "resultType": "vector", "result": [
                { "metric": { "__name__": name }, "value": [now, value] }] } })
        };
        match (allowed, request.path.as_str()) {
            (false, _) => FakeResponse::status(401),
            (_, "/seconds") => FakeResponse::json(200, &series("latency_seconds", "0.084")),
            (_, "/bare") => FakeResponse::json(200, &series("", "0.084")),
            (_, "/several") => FakeResponse::json(
                200,
                &json!({ "status": "success", "data": { "resultType": "vector", "result": [
                    { "metric": { "path": "/a" }, "value": [now, "0.08"] },
                    { "metric": { "path": "/b" }, "value": [now, "0.084"] },
                ] } }),
            ),
            _ => FakeResponse::json(
                422,
                &json!({ "status": "error", "errorType": "execution", "error": "query timed out in expression" }),
            ),
        }
    })
    .expect("a server");
    let ask = |path: &str, inputs: &[(&str, &str)]| {
        let runner = Runner::new()
            .input("results", &format!("{}{path}?token=s3cret-query", server.url()))
            .input("results-headers", "Authorization: Bearer s3cret-token")
            .input("baseline", "baseline.json");
        runner.write("baseline.json", "{\"p99_latency\": 70}");
        let ended = inputs.iter().fold(runner, |runner, (key, value)| runner.input(key, value)).run(&["performance"]);
        let log: String = ended.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect();
        for text in [&log, &ended.summary, &ended.report.to_string(), &format!("{:?}", ended.outputs)] {
            assert!(!text.contains("s3cret"), "{text}");
        }
        ended
    };
    let ended = ask("/seconds", &[]);
    assert_eq!((ended.code, ended.outputs["p99"].as_str()), (0, "84"), "{}", ended.log);
    assert_eq!(ask("/bare", &[]).code, 3, "no unit");
    assert_eq!(ask("/bare", &[("results-unit", "s")]).code, 0);
    let several = ask("/several", &[]);
    assert!(several.code == 3 && several.outputs["reason"].contains("2 series"), "{}", several.log);
    let largest = [("results-query", "[.data.result[].value[1] | tonumber] | max"), ("results-unit", "s")];
    assert_eq!(ask("/several", &largest).outputs["p99"], "84");
    let refused = ask("/refused", &[]);
    assert!(refused.code == 3 && refused.outputs["reason"].contains("query timed out"), "{}", refused.log);
}

#[test]
fn an_expression_that_skips_a_missing_scenario_is_inconclusive() {
    let results = br#"{"checkout": {"p99": 70}, "list": [{"name": "checkout", "p99": 70}]}"#;
    for (query, code) in [
        ("[.checkout.p99, .search.p99] | max", 3),
        ("[.checkout, .search] | map(.p99) | max", 3),
        (".checkout.p99 + .search.p99", 3),
        ("[.list[] | .p99, .p95] | max", 3),
        (r#"[.list[] | select(.name == "checkout" or .name == "search") | .p99] | max"#, 3),
        ("[.checkout.p99, (.search.p99 // 0)] | max", 0),
        ("[.list[].p99] | max", 0),
        (".checkout.p99", 0),
    ] {
        let ended = step(results, b"{\"p99_latency\": 70}", &[("results-query", query)]);
        assert_eq!(ended.code, code, "{query}: {}", ended.log);
    }
}

#[test]
fn a_query_on_a_known_format_is_held_against_it() {
    let (oha, vegeta) = (sample("oha/report.json"), sample("vegeta/ok.json"));
    for (results, query, inputs, code) in [
        (&oha, ".latencyPercentiles.p99", &[][..], 3),
        (&oha, ".latencyPercentiles.p99", &[("results-unit", "s")], 0),
        (&oha, ".latencyPercentiles.p99 * 1000", &[], 0),
        (&vegeta, r#".latencies["99th"] / 1e6"#, &[], 0),
        (&vegeta, r#".latencies["99th"]"#, &[], 3),
    ] {
        let inputs: Vec<_> = inputs.iter().copied().chain([("results-query", query)]).collect();
        let ended = step(results, b"{\"p99_latency\": 70}", &inputs);
        assert_eq!(ended.code, code, "{query}: {}", ended.log);
    }
}

#[test]
fn a_ratio_that_is_a_percentage_is_bad_input() {
    for (ratio, code) in [("120", 2), ("20", 2), ("10.5", 2), ("10", 0), ("1.2", 0)] {
        let ended = step(b"{\"p99_latency\": 70}", b"{\"p99_latency\": 70}", &[("max-ratio", ratio)]);
        assert_eq!(ended.code, code, "{ratio}: {}", ended.log);
        assert!(code == 0 || ended.outputs["reason"].contains("120 % of the baseline"), "{}", ended.log);
    }
}
