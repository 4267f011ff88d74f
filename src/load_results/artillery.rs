//! Artillery's report, in milliseconds. Latencies are those of responses, whatever their status; an error has none. Version 1 has
//! its figures in `aggregate.latency`, version 2 in `aggregate.summaries`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    figures::{Failures, RequestFigures, no_requests},
    json::{at, count, object, percentiles, reported_p99},
    load_test::{Format, LoadTest, ReadError, Unit},
};

const BY_ENDPOINT: &str = "plugins.metrics-by-endpoint.";
const NAMED: [(&str, &str); 8] = [
    ("p50", "50"),
    ("median", "50"),
    ("p75", "75"),
    ("p90", "90"),
    ("p95", "95"),
    ("p99", "99"),
    ("p999", "99.9"),
    ("max", "100"),
];

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    if let Some(test) = read_first(document) {
        return Some(Ok(test));
    }
    let counters = object(document, &["aggregate", "counters"])?;
    let none = Map::new();
    // Without a response there are none.
    let summaries = object(document, &["aggregate", "summaries"]).unwrap_or(&none);
    if !counters.keys().any(|key| ["http.", "vusers.", "engine.http."].iter().any(|start| key.starts_with(start))) {
        return None;
    }
    // The first releases of version 2 have `engine.` before the names.
    let engine = if counters.contains_key("engine.http.requests") { "engine.http." } else { "http." };
    let requests = count(counters.get(&format!("{engine}requests")));
    let failures = failures(counters, &format!("{engine}codes."), "errors.");
    let all = figures(summaries.get(&format!("{engine}response_time")), requests, failures);
    let mut test = LoadTest::new(Format::Artillery, Some(Unit::Milliseconds), all);
    for (key, summary) in summaries {
        let Some(name) = key.strip_prefix(BY_ENDPOINT).and_then(|key| key.strip_prefix("response_time.")) else {
            continue;
        };
        let prefix = format!("{BY_ENDPOINT}{name}.");
        let failures = self::failures(counters, &format!("{prefix}codes."), &format!("{prefix}errors."));
        let responses = count(summary.get("count"));
        let requests = responses.map(|responses| responses + failures.left_out);
        test.endpoints.insert(name.to_owned(), figures(Some(summary), requests, failures));
    }
    let last = document.get("aggregate").and_then(|all| all.get("lastMetricAt").or_else(|| all.get("lastCounterAt")));
    test.measured_at = last.and_then(Value::as_i64).and_then(|millis| Timestamp::from_millisecond(millis).ok());
    Some(Ok(test))
}

/// A report of version 1. `requestsCompleted` counts the responses.
fn read_first(document: &Value) -> Option<LoadTest> {
    let aggregate = document.get("aggregate")?;
    let responses = count(aggregate.get("requestsCompleted"))?;
    let latency = aggregate.get("latency").filter(|latency| latency.is_object())?;
    let none = Map::new();
    let [codes, errors] = ["codes", "errors"].map(|key| object(aggregate, &[key]).unwrap_or(&none));
    let failures = Failures::new(failures(codes, "", "").by_time, failures(errors, "", "").left_out);
    let all = figures(Some(latency), Some(responses + failures.left_out), failures);
    let mut test = LoadTest::new(Format::Artillery, Some(Unit::Milliseconds), all);
    test.measured_at = at(aggregate, &["timestamp"]).and_then(Value::as_str).and_then(|time| time.parse().ok());
    Some(test)
}

fn failures(counters: &Map<String, Value>, codes: &str, errors: &str) -> Failures {
    let sum = |prefix: &str, counts: fn(&str) -> bool| {
        let counted = counters.iter().filter(|(key, _)| key.strip_prefix(prefix).is_some_and(counts));
        counted.filter_map(|(_, number)| count(Some(number))).sum()
    };
    Failures::new(sum(codes, |code| code.starts_with(['4', '5'])), sum(errors, |_| true))
}

fn figures(summary: Option<&Value>, requests: Option<u64>, failures: Failures) -> RequestFigures {
    let values = summary.and_then(Value::as_object);
    let p99 = reported_p99(values.and_then(|values| values.get("p99")), no_requests);
    let named = values.map(|values| percentiles(values, &NAMED)).unwrap_or_default();
    RequestFigures::reported(requests, Some(failures), p99, named)
}
