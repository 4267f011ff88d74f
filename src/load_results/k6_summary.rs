//! k6's summary: `--summary-export`; what `handleSummary` receives, where the figures of a metric are below `values`; and the
//! summary of `--new-machine-readable-summary` (k6 1.5), where the metrics are a list. In milliseconds. Failed requests count by
//! their time; a refused connection takes none.

use serde_json::{Map, Value};

use super::{
    figures::{Failures, P99, Percentile, RequestFigures},
    json::{at, count, decimal, reported_p99},
    load_test::{Format, LoadTest, ReadError, Unit},
};
use crate::values::decimal::Decimal;

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let Some(metrics) = document.get("metrics").and_then(Value::as_object) else { return recognize_list(document) };
    if !is_of_k6(metrics) {
        return None;
    }
    let mut test = LoadTest::new(Format::K6, Some(Unit::Milliseconds), figures(metrics, "", no_p99));
    for key in metrics.keys() {
        let Some(filter) = key.strip_prefix("http_req_duration").filter(|filter| filter.starts_with('{')) else {
            continue;
        };
        let name = filter.trim_start_matches('{').trim_end_matches('}');
        // This one is no endpoint: k6 adds it for all requests that succeeded.
        if name != "expected_response:true" {
            let name = ["name:", "group:::"].iter().find_map(|tag| name.strip_prefix(tag)).unwrap_or(name);
            test.endpoints.insert(name.to_owned(), figures(metrics, filter, no_p99));
        }
    }
    Some(Ok(test))
}

/// `results.metrics` is a list. k6 leaves every percentile above the 95th out of it, whatever `summaryTrendStats` asks for.
fn recognize_list(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let list = at(document, &["results", "metrics"])?.as_array()?;
    let named = list.iter().filter_map(|metric| Some((metric.get("name")?.as_str()?.to_owned(), metric.clone())));
    let metrics: Map<String, Value> = named.collect();
    if !is_of_k6(&metrics) {
        return None;
    }
    let all = figures(&metrics, "", no_p99_in_list);
    let mut test = LoadTest::new(Format::K6, Some(Unit::Milliseconds), all);
    let time = at(document, &["metadata", "generatedAt"]).and_then(Value::as_str);
    test.measured_at = time.and_then(|time| time.parse().ok());
    Some(Ok(test))
}

fn is_of_k6(metrics: &Map<String, Value>) -> bool {
    ["http_req_duration", "http_reqs", "iterations"].iter().any(|name| metrics.contains_key(*name))
}

/// The figures of all requests, or of those that a filter such as `{name:login}` selects.
fn figures(metrics: &Map<String, Value>, filter: &str, absent: fn() -> P99) -> RequestFigures {
    let metric = |name: &str| values(metrics.get(&format!("{name}{filter}"))?);
    let (duration, requests, failed) = (metric("http_req_duration"), metric("http_reqs"), metric("http_req_failed"));
    let number = |metric: Option<&Map<String, Value>>, key| count(metric?.get(key));
    let requests = number(requests, "count").or_else(|| number(duration, "count"));
    // A rate in k6 counts how often it was true: these are the requests that failed.
    let failures = number(failed, "passes").or_else(|| number(failed, "matches"));
    // A summary that a script wrote may have nothing but the rate.
    let rate = || failed.and_then(|failed| failed.get("rate").or_else(|| failed.get("value")))?.as_f64();
    let failures = failures.or_else(|| rate().zip(requests).and_then(|(rate, requests)| share_of(rate, requests)));
    let failures = failures.map(Failures::by_time);
    let p99 = match (duration, requests) {
        (_, Some(0)) => Err(super::figures::no_requests()),
        (None, _) => Err(no_http_requests()),
        (Some(duration), _) => {
            let is_p99 = |key: &str| percent_of(key) == Some(Decimal::whole(99));
            reported_p99(duration.iter().find_map(|(key, value)| is_p99(key).then_some(value)), absent)
        }
    };
    let percentiles = duration
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some(Percentile { percent: percent_of(key)?, latency: decimal(value)? }));
    RequestFigures::reported(requests, failures, p99, percentiles.collect())
}

/// k6 names a percentile as `summaryTrendStats` does: `p(99)`, or `p(99.00)`.
fn percent_of(key: &str) -> Option<Decimal> {
    match key {
        "med" => Some(Decimal::whole(50)),
        "max" => Some(Decimal::whole(100)),
        key => key.strip_prefix("p(")?.strip_suffix(')')?.trim().parse().ok(),
    }
}

/// A share from 0 to 1 of a number, rounded up.
fn share_of(rate: f64, number: u64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share from 0 to 1 of a count"
    )]
    // A share of a whole number of requests, as a double, may be a little above it.
    (0.0..=1.0).contains(&rate).then(|| (rate * number as f64 - 1e-6).ceil() as u64)
}

fn values(metric: &Value) -> Option<&Map<String, Value>> {
    metric.get("values").unwrap_or(metric).as_object()
}

fn no_http_requests() -> P99 {
    P99::missing(
        "k6's summary has no `http_req_duration`: the load test sent no HTTP request",
        "see what the load test did; for another protocol name its metric, such as \
         `results-query: .metrics.grpc_req_duration[\"p(99)\"]` with `results-unit: ms`",
    )
}

fn no_p99() -> P99 {
    P99::missing(
        "k6's summary has no p(99)",
        "let k6 compute it, in the options of the script: `summaryTrendStats: ['avg', 'med', 'max', 'p(99)', 'count']`",
    )
}

fn no_p99_in_list() -> P99 {
    P99::missing(
        "k6's machine-readable summary has no p(99): k6 leaves it out of this one, whatever `summaryTrendStats` says",
        "let k6 write every request (`--out json=points.json`), or the other summary: leave out \
         `--new-machine-readable-summary`, with `summaryTrendStats: ['avg', 'med', 'max', 'p(99)', 'count']`",
    )
}
