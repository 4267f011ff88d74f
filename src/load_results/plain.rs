//! The document of a team's own tool: `{"p99_latency": 70}`, with whatever else it reports: `unit`, `requests`, `failures`,
//! `target`, `users`, `machine`, `measured_at`, and the same figures for each of its `endpoints`.

use serde_json::Value;

use super::{
    figures::{Failures, RequestFigures},
    json::{count, decimal},
    load_test::{Format, LoadTest, ReadError},
};
use crate::{
    error::ValueError,
    values::{clip, decimal::Decimal},
};

const P99: &str = "p99_latency";
/// The most characters of a name or a value in a message.
const LONGEST: usize = 120;

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    // A list is that of several runs, which an expression reads.
    let p99 = decimal(document.get(P99)?)?;
    Some(read(document, p99))
}

fn read(document: &Value, p99: Decimal) -> Result<LoadTest, ReadError> {
    let string = |key: &str| document.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let mut test = LoadTest::new(Format::Plain, None, figures(document, p99, "")?);
    if let Some(unit) = document.get("unit") {
        test.unit = Some(unit.as_str().unwrap_or_default().parse().map_err(|error: ValueError| {
            let malformed = ReadError::malformed(format!("`unit` is {unit}")).expected(error.to_string());
            malformed.next("correct the unit in the file")
        })?);
    }
    if let Some(endpoints) = present(document, "endpoints") {
        let Some(endpoints) = endpoints.as_object() else {
            return Err(malformed(
                format!("`endpoints` is {}", shown(endpoints)),
                "an object with the names of endpoints",
            ));
        };
        for (name, entry) in endpoints.iter().filter(|(_, entry)| !entry.is_null()) {
            if !entry.is_object() {
                let actual = format!("`{}` in `endpoints` is {}", clip(name, LONGEST), shown(entry));
                return Err(malformed(actual, "an object with `p99_latency`"));
            }
            let of = format!(" of `{}`", clip(name, LONGEST));
            if let Some(value) = present(entry, P99) {
                let p99 = decimal(value).ok_or_else(|| not_a_number(P99, &of, value, "a number of at least 0"))?;
                test.endpoints.insert(name.clone(), figures(entry, p99, &of)?);
            }
        }
    }
    test.measured_at = string("measured_at").and_then(|time| time.parse().ok());
    test.profile.target = string("target");
    test.profile.machine = string("machine");
    test.profile.users = counted(document, "users", "")?;
    Ok(test)
}

/// Without a count of failures, none is known; the p99 is then taken as it is.
fn figures(entry: &Value, p99: Decimal, of: &str) -> Result<RequestFigures, ReadError> {
    let failures = counted(entry, "failures", of)?.map(Failures::by_time);
    Ok(RequestFigures::reported(counted(entry, "requests", of)?, failures, Ok(p99), Vec::new()))
}

/// The value of a key; `null` is the same as none.
fn present<'a>(entry: &'a Value, key: &str) -> Option<&'a Value> {
    entry.get(key).filter(|value| !value.is_null())
}

/// A count that may be left out. One that is there and is none would hide that requests failed.
fn counted(entry: &Value, key: &str, of: &str) -> Result<Option<u64>, ReadError> {
    let Some(value) = present(entry, key) else { return Ok(None) };
    count(Some(value)).map(Some).ok_or_else(|| not_a_number(key, of, value, "a whole number of at least 0"))
}

fn not_a_number(key: &str, of: &str, value: &Value, expected: &str) -> ReadError {
    malformed(format!("`{key}`{of} is {}", shown(value)), expected)
}

fn malformed(actual: String, expected: &str) -> ReadError {
    ReadError::malformed(actual).expected(expected).next("correct it in the file, or leave it out if it is unknown")
}

fn shown(value: &Value) -> String {
    clip(&value.to_string(), LONGEST)
}
