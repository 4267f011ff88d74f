//! autocannon `--json`, in whole milliseconds. A response with another status than 2xx counts by its time; an error has none.

use serde_json::Value;

use super::{
    figures::{Failures, P99, RequestFigures, no_requests},
    json::{at, count, object, percentiles, reported_p99},
    load_test::{Format, LoadTest, ReadError, Unit},
};

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let latency = object(document, &["latency"])?;
    // Version 1 has no `p97_5`, but the throughput beside the requests.
    let is_known = ["p97_5", "stddev"].iter().any(|key| latency.contains_key(*key)) && latency.contains_key("p99");
    if !is_known || !["requests", "throughput"].iter().all(|key| document.get(*key).is_some_and(Value::is_object)) {
        return None;
    }
    let number = |key: &str| count(document.get(key));
    let responses = count(at(document, &["requests", "total"]));
    let failures = number("non2xx")
        .zip(number("errors"))
        .map(|(non2xx, errors)| Failures::new(non2xx + number("mismatches").unwrap_or_default(), errors));
    let failures =
        failures.map(|failures| Failures { unanswered: unanswered(document, failures.left_out), ..failures });
    let filled = count(latency.get("totalCount")).zip(responses).filter(|(counted, responses)| counted > responses);
    let p99 = match (filled, responses) {
        (Some((counted, responses)), _) => Err(P99::missing(
            format!("autocannon counted {counted} latencies of {responses} requests: with `-R` it fills in 1 ms each"),
            "run autocannon without `-R`, or use a tool that sends at a fixed rate, such as oha, k6 or vegeta",
        )),
        (None, Some(0)) => Err(no_requests()),
        (None, _) => reported_p99(latency.get("p99"), no_requests),
    };
    let named = [
        ("p50", "50"),
        ("p75", "75"),
        ("p90", "90"),
        ("p97_5", "97.5"),
        ("p99", "99"),
        ("p99_9", "99.9"),
        ("p999", "99.9"),
        ("p99_99", "99.99"),
        ("p9999", "99.99"),
        ("p99_999", "99.999"),
        ("max", "100"),
    ];
    let without_response = failures.map_or(0, |failures| failures.left_out + failures.unanswered);
    let requests = responses.map(|responses| responses + without_response);
    let all = RequestFigures::reported(requests, failures, p99, percentiles(latency, &named));
    let mut test = LoadTest::new(Format::Autocannon, Some(Unit::Milliseconds), all);
    let string = |key: &str| document.get(key).and_then(Value::as_str);
    test.measured_at = string("finish").and_then(|time| time.parse().ok());
    test.profile.target = string("url").map(ToOwned::to_owned);
    test.profile.users = number("connections");
    Some(Ok(test))
}

/// How many requests had no response when the load test ended, and no error either, if they are more than the connections can have on
/// their way. Version 1 does not say how many were sent.
fn unanswered(document: &Value, errors: u64) -> u64 {
    let number = |path: &[&str]| count(at(document, path));
    let (Some(sent), Some(answered)) = (number(&["requests", "sent"]), number(&["requests", "total"])) else {
        return 0;
    };
    let on_their_way = number(&["connections"]).unwrap_or(1) * number(&["pipelining"]).unwrap_or(1);
    let unanswered = sent.saturating_sub(answered + errors);
    if unanswered > on_their_way { unanswered } else { 0 }
}
