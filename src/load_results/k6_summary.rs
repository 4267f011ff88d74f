//! k6's summary: `--summary-export`, and what `handleSummary` receives, where the figures of a metric are below `values`. In
//! milliseconds. Failed requests count by their time; a refused connection takes none.

use serde_json::{Map, Value};

use super::{
    figures::{Failures, P99, Percentile, RequestFigures},
    json::{count, decimal, reported_p99},
    load_test::{Format, LoadTest, ReadError, Unit},
};

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let metrics = document.get("metrics")?.as_object()?;
    if !["http_req_duration", "http_reqs", "iterations"].iter().any(|name| metrics.contains_key(*name)) {
        return None;
    }
    let mut test = LoadTest::new(Format::K6, Some(Unit::Milliseconds), figures(metrics, ""));
    for key in metrics.keys() {
        let Some(filter) = key.strip_prefix("http_req_duration").filter(|filter| filter.starts_with('{')) else {
            continue;
        };
        let name = filter.trim_start_matches('{').trim_end_matches('}');
        // This one is no endpoint: k6 adds it for all requests that succeeded.
        if name != "expected_response:true" {
            let name = ["name:", "group:::"].iter().find_map(|tag| name.strip_prefix(tag)).unwrap_or(name);
            test.endpoints.insert(name.to_owned(), figures(metrics, filter));
        }
    }
    Some(Ok(test))
}

/// The figures of all requests, or of those that a filter such as `{name:login}` selects.
fn figures(metrics: &Map<String, Value>, filter: &str) -> RequestFigures {
    let metric = |name: &str| values(metrics.get(&format!("{name}{filter}"))?);
    let (duration, requests, failed) = (metric("http_req_duration"), metric("http_reqs"), metric("http_req_failed"));
    let number = |metric: Option<&Map<String, Value>>, key| count(metric?.get(key));
    let requests = number(requests, "count").or_else(|| number(duration, "count"));
    // A rate in k6 counts how often it was true: `passes` are the requests that failed.
    let failures = number(failed, "passes").map(|by_time| Failures { by_time, left_out: 0 });
    let p99 = match (duration, requests) {
        (None, _) | (_, Some(0)) => Err(super::figures::no_requests()),
        (Some(duration), _) => reported_p99(duration.get("p(99)"), no_p99),
    };
    let percentiles = duration.into_iter().flatten().filter_map(|(key, value)| {
        let percent = match key.as_str() {
            "med" => "50",
            "max" => "100",
            key => key.strip_prefix("p(")?.strip_suffix(')')?,
        };
        Some(Percentile { percent: percent.parse().ok()?, latency: decimal(value)? })
    });
    RequestFigures::reported(requests, failures, p99, percentiles.collect())
}

fn values(metric: &Value) -> Option<&Map<String, Value>> {
    metric.get("values").unwrap_or(metric).as_object()
}

fn no_p99() -> P99 {
    P99::missing(
        "k6's summary has no p(99)",
        "let k6 compute it, in the options of the script: `summaryTrendStats: ['avg', 'med', 'max', 'p(99)', 'count']`",
    )
}
