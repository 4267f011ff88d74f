//! Gatling's `stats.json` and `global_stats.json`, in milliseconds. `total` counts failed requests by their time. The fourth
//! percentile is the p99 unless configured otherwise. Figures may be texts; `-` is none.

use serde_json::Value;

use super::{
    figures::{Failures, Percentile, RequestFigures, no_requests},
    json::{at, count, decimal, reported_p99},
    load_test::{Format, LoadTest, ReadError, Unit},
};
use crate::values::decimal::Decimal;

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let stats = document.get("stats").unwrap_or(document);
    at(stats, &["numberOfRequests", "total"])?;
    let mut test = LoadTest::new(Format::Gatling, Some(Unit::Milliseconds), figures(stats));
    add_contents(document, "", &mut test);
    Some(Ok(test))
}

/// Adds the requests and groups below a group; the name of a nested one has its path.
fn add_contents(group: &Value, path: &str, test: &mut LoadTest) {
    for entry in group.get("contents").and_then(Value::as_object).into_iter().flat_map(|entries| entries.values()) {
        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
        let name = if path.is_empty() { name.to_owned() } else { format!("{path} / {name}") };
        if let Some(stats) = entry.get("stats") {
            test.endpoints.insert(name.clone(), figures(stats));
        }
        add_contents(entry, &name, test);
    }
}

fn figures(stats: &Value) -> RequestFigures {
    let total = |key: &str| at(stats, &[key, "total"]);
    let requests = count(total("numberOfRequests"));
    let failures = count(at(stats, &["numberOfRequests", "ko"])).map(Failures::by_time);
    let p99 = match (requests, total("percentiles4")) {
        (Some(0), _) => Err(no_requests()),
        (_, Some(none)) if none == "-" => Err(no_requests()),
        (_, reported) => reported_p99(reported, no_requests),
    };
    let named = [("percentiles4", 99), ("maxResponseTime", 100)].into_iter().filter_map(|(key, percent)| {
        Some(Percentile { percent: Decimal::whole(percent), latency: decimal(total(key)?)? })
    });
    RequestFigures::reported(requests, failures, p99, named.collect())
}
