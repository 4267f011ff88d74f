use proptest::prelude::*;

use super::{samples::Samples, *};
use crate::values::decimal::Decimal;

macro_rules! sample {
    ($path:literal) => {
        ($path, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/", $path)) as &[u8])
    };
}

mod documents;
mod encodings;
mod hostile;
mod lighthouse;
mod refused;
mod versions;

fn read_test(bytes: &[u8]) -> LoadTest {
    match read(bytes, None) {
        Ok(Reading::LoadTest(test)) => *test,
        other => panic!("{other:?}"),
    }
}

#[test]
fn k6_points_are_read_line_by_line() {
    let point = |value: f64, expected: bool, name: &str| {
        format!(
            r#"{{"metric":"http_req_duration","type":"Point","data":{{"time":"2026-11-22T19:00:16.99Z","value":{value},"tags":{{"expected_response":"{expected}","method":"GET","name":"{name}","status":"200"}}}}}}"#
        )
    };
    let mut lines = vec![
        r#"{"type":"Metric","data":{"name":"http_req_duration"},"metric":"http_req_duration"}"#.to_owned(),
        r#"{"metric":"http_reqs","type":"Point","data":{"time":"2026-11-22T19:00:16Z","value":1}}"#.to_owned(),
    ];
    lines.extend((1..=200).map(|value| point(f64::from(value) + 0.25, true, if value % 2 == 0 { "/a" } else { "/b" })));
    let test = read_test(lines.join("\n").as_bytes());
    assert_eq!((test.format, test.unit), (Format::K6, Some(Unit::Milliseconds)));
    assert_eq!((test.all.requests, test.all.failures), (Some(200), Some(0)));
    assert_eq!(test.all.least_p99(), "198.25".parse().ok());
    assert_eq!(test.endpoints.keys().collect::<Vec<_>>(), ["GET /a", "GET /b"]);
    assert_eq!(test.endpoints["GET /b"].least_p99(), "197.25".parse().ok());
    assert_eq!(test.measured_at, "2026-11-22T19:00:16.99Z".parse().ok());

    lines.push(point(1.0, false, "/a"));
    let test = read_test(lines.join("\n").as_bytes());
    assert_eq!(test.all.failures, Some(1));
    assert_eq!(test.all.least_p99(), "199.25".parse().ok(), "a failed request is slower than every other");

    let mut cut = lines.join("\n");
    cut.truncate(cut.len() - 20);
    assert!(read(cut.as_bytes(), None).unwrap_err().actual.contains("where the file ends"));
}

#[test]
fn results_of_every_tool_are_understood() {
    use Format::*;
    for ((path, bytes), format, unit, requests, failures, p99) in [
        (sample!("k6/summary.json"), K6, "ms", 1601, 0, "60.164489"),
        (sample!("locust/run.json"), Locust, "ms", 3179, 0, "110"),
        (sample!("locust/stats.csv"), Locust, "ms", 3053, 0, "100"),
        (sample!("oha/report.json"), Oha, "s", 1596, 0, "0.067919949"),
        (sample!("autocannon/ok.json"), Autocannon, "ms", 2876, 0, "30"),
        (sample!("artillery/report.json"), Artillery, "ms", 800, 0, "64.7"),
        (sample!("vegeta/ok.json"), Vegeta, "ns", 500, 0, "60176391"),
        (sample!("wrk/ok.txt"), Wrk, "ms", 3140, 0, "26.18"),
        (sample!("hey/ok.txt"), Hey, "s", 1184, 0, "0.0269"),
        (sample!("ab/ok.txt"), Ab, "ms", 600, 0, "40"),
    ] {
        let test = read_test(bytes);
        let found = (test.format, test.unit.map(|unit| unit.to_string()), test.all.requests, test.all.failures);
        assert_eq!(found, (format, Some(unit.to_owned()), Some(requests), Some(failures)), "{path}");
        let p99: Decimal = p99.parse().unwrap();
        assert_eq!(test.all.p99, P99::Between { low: p99, high: Some(p99) }, "{path}");
    }
}

#[test]
fn failed_requests_are_counted_in_every_format() {
    for ((path, bytes), requests, failures) in [
        (sample!("autocannon/mix.json"), 2873, 133),
        (sample!("autocannon/refused.json"), 8704, 8704),
        (sample!("vegeta/mix.json"), 300, 14),
        (sample!("vegeta/mix.txt"), 300, 14),
        (sample!("vegeta/every-connection-refused.json"), 500, 500),
        (sample!("hey/mix.txt"), 1199, 69),
        (sample!("hey/refused.txt"), 12620, 12620),
        (sample!("wrk/mix.txt"), 3126, 167),
        (sample!("ab/mix.txt"), 600, 27),
        (sample!("gatling/stats.json"), 400, 64),
        (sample!("jmeter/statistics.json"), 300, 97),
        (sample!("locust/mix_stats.csv"), 1313, 23),
    ] {
        let test = read_test(bytes);
        assert_eq!((test.all.requests, test.all.failures), (Some(requests), Some(failures)), "{path}");
        assert!(!matches!(test.all.p99, P99::Between { .. }), "{path}: {:?}", test.all.p99);
    }
    for (path, bytes) in [
        sample!("autocannon/down.json"),
        sample!("vegeta/down.json"),
        sample!("hey/down.txt"),
        sample!("wrk/down.txt"),
        sample!("ab/down.txt"),
        sample!("locust/refused.json"),
    ] {
        let test = read_test(bytes);
        assert_eq!(test.all.requests, test.all.failures, "{path}");
    }
}

#[test]
fn single_requests_are_read_from_every_format_that_has_them() {
    for ((path, bytes), requests) in
        [(sample!("vegeta/mix.csv"), 150), (sample!("vegeta/mix.ndjson"), 150), (sample!("jmeter/results.jtl"), 59)]
    {
        let test = read_test(bytes);
        assert_eq!(test.all.requests, Some(requests), "{path}");
        assert!(test.all.failures > Some(0) && !test.endpoints.is_empty() && test.measured_at.is_some(), "{path}");
    }
    let [csv, json] = [sample!("vegeta/mix.csv").1, sample!("vegeta/mix.ndjson").1].map(read_test);
    assert_eq!((csv.all, csv.endpoints), (json.all, json.endpoints));
    let hey = read_test(sample!("hey/mix.csv").1);
    assert_eq!((hey.format, hey.all.requests), (Format::Hey, Some(119)));
}

proptest! {
    #[test]
    fn the_p99_of_samples_is_that_of_sorted_values(
        values in prop::collection::vec(0_u32..5000, 1..400),
        failures in 0_usize..4,
    ) {
        let mut samples = Samples::default();
        for value in &values {
            samples.add(f64::from(*value) / 8.0);
        }
        for _ in 0..failures {
            samples.add_failed(Some(1.0));
        }
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let requests = values.len() + failures;
        let rank = (requests * 99).div_ceil(100);
        let figures = samples.figures();
        prop_assert_eq!(figures.requests, Some(requests as u64));
        if let Some(value) = sorted.get(rank - 1) {
            let p99 = Decimal::from_f64(f64::from(*value) / 8.0).unwrap();
            prop_assert_eq!(figures.p99, P99::Between { low: p99, high: Some(p99) });
        } else {
            prop_assert_eq!(matches!(figures.p99, P99::OfFailed { .. }), true);
        }
    }
}

/// As the bound of a histogram: what is kept of a latency is at least the latency, and less than its last kept bit above it.
#[test]
fn rounding_stays_within_its_bound_at_every_percentile() {
    let mut samples = Samples::default();
    // From a microsecond to a minute, in milliseconds.
    for step in 0..5000 {
        samples.add(1e-3 * 6e7_f64.powf(f64::from(step) / 5000.0));
    }
    let exact = samples.figures().percentiles;
    assert_eq!(exact.len(), 9);
    for bits in [17, 14, 11, 8, 8] {
        samples.round();
        for (kept, exact) in samples.figures().percentiles.iter().zip(&exact) {
            let error = kept.latency.to_f64() / exact.latency.to_f64() - 1.0;
            assert!((-1e-12..2_f64.powi(-bits)).contains(&error), "{bits} bits, {}: {error}", exact.percent);
        }
    }
    assert_ne!(samples.figures().percentiles, exact, "it has rounded");
}

#[test]
fn k6_requests_of_which_nothing_says_whether_they_failed_are_refused() {
    let point = |tags: &str| {
        format!(
            r#"{{"metric":"http_req_duration","type":"Point","data":{{"time":"2026-11-22T19:00:16Z","value":20,"tags":{{"name":"/a"{tags}}}}}}}"#
        )
    };
    let (good, none) = (point(r#","status":"200""#), point(""));
    for (text, requests) in [
        (none.clone(), "1 of 1 requests"),
        (point(r#","status":"none""#), "1 of 1 requests"),
        (format!("{good}\n{none}\n{good}"), "1 of 3 requests"),
        (
            "metric_name,timestamp,metric_value,method,name\nhttp_req_duration,1796000000,20,GET,/a\n".to_owned(),
            "1 of 1",
        ),
    ] {
        let error = read(text.as_bytes(), None).unwrap_err();
        assert_eq!(error.kind, ReadErrorKind::Malformed, "{text}");
        assert!(error.actual.starts_with(requests) && error.next.contains("--system-tags"), "{error:?}");
    }
    for (tags, failures) in [
        (r#","status":"200""#, 0),
        (r#","status":"0""#, 1),
        (r#","status":"503""#, 1),
        (r#","expected_response":"true""#, 0),
        (r#","expected_response":"false""#, 1),
    ] {
        assert_eq!(read_test(point(tags).as_bytes()).all.failures, Some(failures), "{tags}");
    }
}
