//! The document of a team's own tool: `{"p99_latency": 70}`, with whatever else it reports: `unit`, `requests`, `failures`,
//! `target`, `users`, `machine`, `measured_at`, and the same figures for each of its `endpoints`.

use serde_json::Value;

use super::{
    figures::{Failures, RequestFigures},
    json::{count, decimal},
    load_test::{Format, LoadTest, ReadError},
};

const P99: &str = "p99_latency";

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let all = figures(document)?;
    let string = |key: &str| document.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let mut test = LoadTest::new(Format::Plain, None, all);
    if let Some(unit) = document.get("unit") {
        match unit.as_str().unwrap_or_default().parse() {
            Ok(unit) => test.unit = Some(unit),
            Err(error) => {
                let error = ReadError::malformed(format!("`unit` is {unit}")).expected(error.to_string());
                return Some(Err(error.next("correct the unit in the file")));
            }
        }
    }
    for (name, entry) in document.get("endpoints").and_then(Value::as_object).into_iter().flatten() {
        test.endpoints.extend(figures(entry).map(|figures| (name.clone(), figures)));
    }
    test.measured_at = string("measured_at").and_then(|time| time.parse().ok());
    test.profile.target = string("target");
    test.profile.machine = string("machine");
    test.profile.users = count(document.get("users"));
    Some(Ok(test))
}

/// Without a count of failures, none is known; the p99 is then taken as it is.
fn figures(entry: &Value) -> Option<RequestFigures> {
    let p99 = decimal(entry.get(P99)?)?;
    let failures = count(entry.get("failures")).map(Failures::by_time);
    Some(RequestFigures::reported(count(entry.get("requests")), failures, Ok(p99), Vec::new()))
}
