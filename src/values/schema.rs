//! The notations of this module in JSON Schema, for editors.
//!
//! A reader keeps scalars as they are written, so each value is a number of JSON or the text of the notation.

use serde_json::{Value, json};

use super::{Bytes, HumanDuration, Percent, Ratio, WHOLE_PATTERN};

/// A number in the notation of a pattern.
#[must_use]
pub fn number(pattern: &str) -> Value {
    let json_type = if [WHOLE_PATTERN, Bytes::PATTERN].contains(&pattern) { "integer" } else { "number" };
    let least = if pattern == Ratio::PATTERN { "exclusiveMinimum" } else { "minimum" };
    json!({ "type": [json_type, "string"], "pattern": pattern, least: 0 })
}

/// A percentage, such as 5 or 2.5%.
#[must_use]
pub fn percent(description: &str) -> Value {
    described(number(Percent::PATTERN), description)
}

/// A number of bytes, such as 500 kB.
#[must_use]
pub fn bytes(description: &str) -> Value {
    described(number(Bytes::PATTERN), description)
}

/// A duration, such as 90s; a bare number means seconds.
#[must_use]
pub fn duration() -> Value {
    let most = HumanDuration::LONGEST.as_secs();
    json!({ "type": ["string", "integer"], "pattern": HumanDuration::PATTERN, "minimum": 0, "maximum": most })
}

/// A schema with a description.
#[must_use]
pub fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}
