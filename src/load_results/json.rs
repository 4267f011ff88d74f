//! Reads figures from JSON documents.

use serde_json::{Map, Value};

use super::figures::{P99, Percentile};
use crate::values::decimal::Decimal;

/// The value at a path of keys.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

pub(super) fn object<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Map<String, Value>> {
    at(value, path)?.as_object()
}

/// A count: a whole number of at least zero, also as a text or as `1600.0`.
pub(super) fn count(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn whole(number: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number in the range of u64")]
    (number >= 0.0 && number.fract() == 0.0 && number < 1e15).then_some(number as u64)
}

/// A number of at least zero, also as a text.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The p99 that the source reports, or why it is none. `absent` says what is missing and what to do.
pub(super) fn reported_p99(value: Option<&Value>, absent: impl FnOnce() -> P99) -> Result<Decimal, P99> {
    match value {
        None | Some(Value::Null) => Err(absent()),
        Some(value) => decimal(value).ok_or_else(|| not_a_latency(value)),
    }
}

pub(super) fn not_a_latency(value: &Value) -> P99 {
    P99::missing(format!("the p99 is {value}, which is not a latency"), "see what the load test measured")
}

/// The percentiles under these keys, with the number of each.
pub(super) fn percentiles(values: &Map<String, Value>, keys: &[(&str, &str)]) -> Vec<Percentile> {
    let reported = keys.iter().filter_map(|(key, percent)| {
        Some(Percentile { percent: percent.parse().ok()?, latency: decimal(values.get(*key)?)? })
    });
    reported.collect()
}
