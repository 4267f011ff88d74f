//! The answer of Prometheus's query API: one value, one series over time, or the buckets of a histogram. The unit is that of
//! the metric's name, if the query has kept it. [`read_instant_value`] reads a figure that is no latency.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    figures::{P99, Percentile, RequestFigures},
    json::at,
    load_test::{Format, LoadTest, ReadError, Unit},
};
use crate::values::decimal::Decimal;

/// A query that gives one value.
const ONE_VALUE: &str =
    "let the query give one value: histogram_quantile(0.99, sum by (le) (increase(METRIC_bucket[10m])))";
/// The same for a native histogram, which has no buckets in series of their own.
const NATIVE: &str = "let the query give one value: histogram_quantile(0.99, sum(increase(METRIC[10m])))";

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    if let Some(error) = server_error(document) {
        return Some(Err(error));
    }
    document.get("status")?.as_str()?;
    let result = at(document, &["data", "result"])?;
    if let Some(warning) = warning(document) {
        return Some(Err(warning));
    }
    let kind = at(document, &["data", "resultType"]).and_then(Value::as_str).unwrap_or_default();
    let test = read_result(kind, result);
    Some(test.map(|test| LoadTest { measured_at: evaluated_at(kind, result), ..test }))
}

/// The error that Prometheus answered.
fn server_error(document: &Value) -> Option<ReadError> {
    if document.get("status")?.as_str()? != "error" {
        return None;
    }
    document.get("error")?;
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let error = ReadError::empty(format!("Prometheus answered {}: {}", text("errorType"), text("error")));
    Some(error.expected("the value of a query").next("run the query by hand, and correct it"))
}

/// The warning that an answer has: Thanos and `VictoriaMetrics` answer with what they have when a store does not answer.
fn warning(document: &Value) -> Option<ReadError> {
    let is_said = |value: &&Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    let warnings = document.get("warnings").filter(is_said);
    if warnings.is_none() && !document.get("isPartial").is_some_and(|value| is_said(&value)) {
        return None;
    }
    let first = warnings.map(|warnings| warnings.get(0).unwrap_or(warnings));
    let warning = first.map_or("a part of the data is missing".to_owned(), |first| {
        first.as_str().map_or_else(|| first.to_string(), ToOwned::to_owned)
    });
    let error = ReadError::empty(format!("the answer has a warning: {warning}")).expected("the value of a query");
    Some(error.next("see whether all stores of the server answer, and whether the query fits the metric"))
}

/// A value, and the time that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstantValue {
    pub value: Decimal,
    pub at: Timestamp,
}

/// Reads the answer to an instant query that gives one value of at least zero.
///
/// # Errors
/// An error of the server, no series, several, a histogram, `NaN`, an infinite or a negative value, an answer with warnings or of
/// a part of the data.
pub fn read_instant_value(document: &Value) -> Result<InstantValue, ReadError> {
    let error = |actual: String, next: &str| ReadError::empty(actual).expected("one value").next(next);
    if let Some(error) = server_error(document) {
        return Err(error);
    }
    if let Some(warning) = warning(document) {
        return Err(warning.expected("one value"));
    }
    let is_success = document.get("status").and_then(Value::as_str) == Some("success");
    let kind = at(document, &["data", "resultType"]).and_then(Value::as_str).filter(|_| is_success);
    let (Some(kind), Some(result)) = (kind, at(document, &["data", "result"])) else {
        return Err(error(
            "the answer is not that of Prometheus's query API".to_owned(),
            "see whether the address is that of Prometheus: the gate adds /api/v1/query to it",
        ));
    };
    let pair = match (kind, result.as_array().map(Vec::as_slice)) {
        ("scalar", _) => result,
        (_, Some([])) => {
            return Err(error(
                "the result is empty: no series".to_owned(),
                "see whether the metric has this name and these labels; if no series means 0, say so in the query: \
                 `(sum(…) or vector(0)) / sum(…)`",
            ));
        }
        ("vector", Some([one])) => one.get("value").ok_or_else(|| {
            error(
                "the result is a native histogram".to_owned(),
                "take a value of it, such as `histogram_quantile(0.99, …)`",
            )
        })?,
        ("vector", Some(several)) => {
            let next = "let the query give one value, such as by `sum(…)` or `max(…)`";
            return Err(error(format!("the result has {} series", several.len()), next));
        }
        (other, _) => {
            let next = "let the query give one value at one time: without a range such as `[5m]` around it";
            return Err(error(format!("the result is a {other}"), next));
        }
    };
    let text = pair.get(1).and_then(Value::as_str).unwrap_or_default();
    let value = text.parse().map_err(|_| match text {
        "NaN" => error(
            "the value is NaN: the query divides 0 by 0, as without a request in the window".to_owned(),
            "send traffic to the release; a longer `window` has more of it",
        ),
        "+Inf" | "-Inf" => error(format!("the value is {text}"), "see what the query divides by"),
        _ => error(
            format!("the value is {text:?}"),
            "let the query give a number of at least 0, such as by `clamp_min(…, 0)`",
        ),
    })?;
    let at = evaluated_at(kind, result)
        .ok_or_else(|| error("the value has no time".to_owned(), "see whether the address is that of Prometheus"))?;
    Ok(InstantValue { value, at })
}

/// The time of the last value, in seconds: the one that the query asks for, by default now.
fn evaluated_at(kind: &str, result: &Value) -> Option<Timestamp> {
    let seconds = |pair: &Value| pair.get(0)?.as_f64();
    let last = |one: &Value| {
        let pair = one.get("value").or_else(|| one.get("values")?.as_array()?.last())?;
        seconds(pair)
    };
    let time = match kind {
        "scalar" => seconds(result),
        _ => result.as_array()?.iter().filter_map(last).reduce(f64::max),
    };
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds")]
    time.and_then(|time| Timestamp::from_millisecond((time * 1e3) as i64).ok())
}

fn read_result(kind: &str, result: &Value) -> Result<LoadTest, ReadError> {
    let empty = |actual: &str| ReadError::empty(actual).expected("the value of a query").next(ONE_VALUE);
    if kind == "scalar" {
        return Ok(test(None, alone(value(result)?)));
    }
    let series = result.as_array().ok_or_else(|| empty("Prometheus answered with no list of series"))?;
    // A bound is a text; what processes the answer may make it a number.
    let label = |one: &Value, name: &str| match at(one, &["metric", name])? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    if series.iter().any(|one| ["histogram", "histograms"].iter().any(|key| one.get(*key).is_some())) {
        let p99 = P99::missing("Prometheus answered with a native histogram, which is not read", NATIVE);
        return Ok(test(None, RequestFigures::of_p99(p99)));
    }
    let unit = series.iter().find_map(|one| unit_of(&label(one, "__name__")?));
    match series.as_slice() {
        [] => Err(empty("Prometheus found no series: the result is empty")),
        buckets if buckets.iter().all(|one| label(one, "le").is_some()) => {
            let mut counts: BTreeMap<Option<Decimal>, f64> = BTreeMap::new();
            for bucket in buckets {
                let bound = label(bucket, "le").unwrap_or_default();
                let bound = match bound.trim_start_matches('+') {
                    "Inf" | "inf" => None,
                    number => Some(number.parse::<Decimal>().map_err(|_| empty("a bucket whose `le` is no number"))?),
                };
                *counts.entry(bound).or_default() += increase(bucket)?;
            }
            Ok(test(unit, from_buckets(&counts)?))
        }
        [one] => Ok(test(unit, alone(over_time(one)?))),
        several => {
            let p99 = P99::missing(format!("Prometheus found {} series, not one", several.len()), ONE_VALUE);
            Ok(test(unit, RequestFigures::of_p99(p99)))
        }
    }
}

fn test(unit: Option<Unit>, all: RequestFigures) -> LoadTest {
    LoadTest::new(Format::Prometheus, unit, all)
}

fn alone(p99: Decimal) -> RequestFigures {
    RequestFigures::of_p99(P99::Between { low: p99, high: Some(p99) })
}

fn unit_of(name: &str) -> Option<Unit> {
    let name = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let units = [
        ("_seconds", Unit::Seconds),
        ("_milliseconds", Unit::Milliseconds),
        ("_ms", Unit::Milliseconds),
        ("_microseconds", Unit::Microseconds),
        ("_nanoseconds", Unit::Nanoseconds),
    ];
    units.into_iter().find_map(|(end, unit)| name.ends_with(end).then_some(unit))
}

/// The number in `[time, "number"]`.
fn value(pair: &Value) -> Result<Decimal, ReadError> {
    let text = pair.get(1).and_then(Value::as_str).unwrap_or_default();
    text.parse().map_err(|_| {
        let meaning = if text == "NaN" { ": no request in that time" } else { "" };
        let next = "run the query by hand, over the time in which the load test ran";
        ReadError::empty(format!("Prometheus answered {text:?}{meaning}")).expected("a latency").next(next)
    })
}

/// The value of a series. Of several moments it is the median; a moment without a value hides what happened then.
fn over_time(one: &Value) -> Result<Decimal, ReadError> {
    if let Some(pair) = one.get("value") {
        return value(pair);
    }
    let pairs = one.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut values = pairs.iter().map(value).collect::<Result<Vec<_>, _>>()?;
    values.sort_unstable();
    values
        .get(values.len() / 2)
        .copied()
        .ok_or_else(|| ReadError::empty("Prometheus answered with no value").next(ONE_VALUE))
}

/// How many requests a bucket counted: the value, or over a time the sum of its increases. A counter that restarts begins at 0.
fn increase(bucket: &Value) -> Result<f64, ReadError> {
    if let Some(pair) = bucket.get("value") {
        return value(pair).map(Decimal::to_f64);
    }
    let pairs = bucket.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let values = pairs.iter().map(|pair| value(pair).map(Decimal::to_f64)).collect::<Result<Vec<_>, _>>()?;
    Ok(values.windows(2).map(|pair| if pair[1] >= pair[0] { pair[1] - pair[0] } else { pair[1] }).sum())
}

/// The p99 of cumulative counts: it lies between two bounds. `histogram_quantile` interpolates between them, and so does this.
fn from_buckets(counts: &BTreeMap<Option<Decimal>, f64>) -> Result<RequestFigures, ReadError> {
    let error =
        |actual: &str| ReadError::empty(actual.to_owned()).expected("the buckets of a histogram").next(ONE_VALUE);
    let total = counts.get(&None).copied().ok_or_else(|| error("Prometheus answered with no bucket `+Inf`"))?;
    if total < 1.0 {
        return Err(error("Prometheus counted no request in that time"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests")]
    let requests = total.round() as u64;
    let rank = total * 0.99;
    let (mut below, mut bound_below) = (0.0_f64, 0.0_f64);
    for (bound, cumulative) in counts.iter().filter_map(|(bound, count)| Some(((*bound)?, *count))) {
        let upper = bound.to_f64();
        if cumulative >= rank && cumulative > below {
            let p99 = bound_below + (upper - bound_below) * ((rank - below) / (cumulative - below)).clamp(0.0, 1.0);
            let p99 = Decimal::from_f64(p99).ok_or_else(|| error("the bounds of the buckets are no latencies"))?;
            let percentiles = vec![Percentile { percent: Decimal::whole(99), latency: p99 }];
            let p99 = P99::Between { low: p99, high: Some(p99) };
            return Ok(RequestFigures { requests: Some(requests), percentiles, ..RequestFigures::of_p99(p99) });
        }
        (below, bound_below) = (below.max(cumulative), upper);
    }
    let p99 = P99::missing(
        format!("the p99 is above {bound_below}, the largest bound of the histogram"),
        "give the histogram larger buckets",
    );
    Ok(RequestFigures { requests: Some(requests), ..RequestFigures::of_p99(p99) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn vector(value: &str) -> Value {
        json!({ "status": "success", "data": { "resultType": "vector", "result": [{ "metric": {}, "value": [1_767_225_600.5, value] }] } })
    }

    #[test]
    fn an_instant_value_has_its_time() {
        let at: Timestamp = "2026-01-01T00:00:00.5Z".parse().unwrap();
        let mut whole = vector("0.25");
        whole["warnings"] = json!([]);
        whole["isPartial"] = json!(false);
        // Hints of Prometheus 3 on the names of metrics: the value is whole.
        whole["infos"] = json!(["PromQL info: metric might not be a counter"]);
        for document in [
            vector("0.25"),
            whole,
            json!({ "status": "success", "data": { "resultType": "scalar", "result": [1_767_225_600.5, "0.25"] } }),
        ] {
            let value = "0.25".parse().unwrap();
            assert_eq!(read_instant_value(&document), Ok(InstantValue { value, at }));
        }
    }

    #[test]
    fn what_is_no_single_number_is_no_instant_value() {
        let result = |kind: &str, result: Value| json!({ "status": "success", "data": { "resultType": kind, "result": result } });
        let series = || json!({ "metric": {}, "value": [1.0, "1"] });
        let mut warned = vector("1");
        warned["warnings"] = json!(["store 2 is not available"]);
        let mut partial = vector("1");
        partial["isPartial"] = json!(true);
        let mut warned_once = vector("1");
        warned_once["warnings"] = json!("store 3 is not available");
        let mut of_no_status = vector("1");
        of_no_status["status"] = json!("pending");
        for (document, why) in [
            (vector("NaN"), "divides 0 by 0"),
            (vector("+Inf"), "the value is +Inf"),
            (vector("-1"), "the value is \"-1\""),
            (vector(""), "the value is \"\""),
            (result("vector", json!([])), "no series"),
            (result("vector", json!([series(), series()])), "2 series"),
            (result("vector", json!([{ "metric": {}, "histogram": [1.0, {}] }])), "native histogram"),
            (result("matrix", json!([{ "metric": {}, "values": [[1.0, "1"]] }])), "a matrix"),
            (result("string", json!([1.0, "1"])), "a string"),
            (json!({ "status": "error", "errorType": "bad_data", "error": "parse error" }), "bad_data: parse error"),
            (json!({ "p99": 1 }), "not that of Prometheus's query API"),
            (json!([]), "not that of Prometheus's query API"),
            (warned, "store 2 is not available"),
            (partial, "a part of the data is missing"),
            (warned_once, "store 3 is not available"),
            (of_no_status, "not that of Prometheus's query API"),
        ] {
            let error = read_instant_value(&document).expect_err(why);
            assert!(error.actual.contains(why) && !error.next.is_empty(), "{why}: {error:?}");
        }
    }
}
