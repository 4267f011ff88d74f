use proptest::prelude::*;

use super::{samples::Samples, *};

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

proptest! {
    #[test]
    fn the_p99_of_samples_is_that_of_sorted_values(
        values in prop::collection::vec(0_u32..5000, 1..400),
        failures in 0_usize..4,
    ) {
        let mut samples = Samples::default();
        values.iter().for_each(|value| samples.add(f64::from(*value) / 8.0));
        (0..failures).for_each(|_| samples.add_failed(Some(1.0)));
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let requests = values.len() + failures;
        let rank = (requests * 99).div_ceil(100);
        let figures = samples.figures();
        prop_assert_eq!(figures.requests, Some(requests as u64));
        match sorted.get(rank - 1) {
            Some(value) => {
                let p99 = Decimal::from_f64(f64::from(*value) / 8.0).unwrap();
                prop_assert_eq!(figures.p99, P99::Between { low: p99, high: Some(p99) });
            }
            None => prop_assert_eq!(matches!(figures.p99, P99::OfFailed { .. }), true),
        }
    }
}
