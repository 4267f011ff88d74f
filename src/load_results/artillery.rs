//! Artillery's report, in milliseconds. Latencies are those of responses, whatever their status; an error has none.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    figures::{Failures, RequestFigures, no_requests},
    json::{count, object, percentiles, reported_p99},
    load_test::{Format, LoadTest, ReadError, Unit},
};

const RESPONSE_TIME: &str = "http.response_time";
const BY_ENDPOINT: &str = "plugins.metrics-by-endpoint.";
const NAMED: [(&str, &str); 7] =
    [("p50", "50"), ("p75", "75"), ("p90", "90"), ("p95", "95"), ("p99", "99"), ("p999", "99.9"), ("max", "100")];

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let counters = object(document, &["aggregate", "counters"])?;
    let summaries = object(document, &["aggregate", "summaries"])?;
    if !counters.keys().any(|key| key.starts_with("http.") || key.starts_with("vusers.")) {
        return None;
    }
    let requests = count(counters.get("http.requests"));
    let failures = failures(counters, "http.codes.", "errors.");
    let all = figures(summaries.get(RESPONSE_TIME), requests, failures);
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

fn failures(counters: &Map<String, Value>, codes: &str, errors: &str) -> Failures {
    let sum = |prefix: &str, counts: fn(&str) -> bool| {
        let counted = counters.iter().filter(|(key, _)| key.strip_prefix(prefix).is_some_and(counts));
        counted.filter_map(|(_, number)| count(Some(number))).sum()
    };
    Failures { by_time: sum(codes, |code| code.starts_with(['4', '5'])), left_out: sum(errors, |_| true) }
}

fn figures(summary: Option<&Value>, requests: Option<u64>, failures: Failures) -> RequestFigures {
    let values = summary.and_then(Value::as_object);
    let p99 = reported_p99(values.and_then(|values| values.get("p99")), no_requests);
    let named = values.map(|values| percentiles(values, &NAMED)).unwrap_or_default();
    RequestFigures::reported(requests, Some(failures), p99, named)
}
