//! Reads JSON objects strictly: each field by its type, no unknown fields, and errors that name the field and its value.

use std::{fmt::Display, str::FromStr};

use serde_json::{Map, Value};

use crate::{finding::Finding, values::clip};

/// How much of a value goes into a message, in characters.
const CLIP: usize = 200;

/// A JSON object and its path in the document, such as `client_payload.evidence`.
pub struct ObjectReader<'a> {
    path: String,
    fields: &'a Map<String, Value>,
}

impl<'a> ObjectReader<'a> {
    /// # Errors
    /// The value is not an object, or has a field that is not `known`.
    pub fn new(path: &str, value: &'a Value, known: &[&str]) -> Result<Self, Finding> {
        let fields = match value {
            Value::Object(fields) => fields,
            other => return Err(invalid(path, Some(other), format!("an object of {}", known.join(", ")))),
        };
        match fields.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(Self { path: path.to_owned(), fields }),
            Some(unknown) => {
                let field = format!("{path}.{}", clip(unknown, CLIP));
                Err(Finding::inconclusive(format!("`{field}`"))
                    .actual("a field that `record` does not write")
                    .expected(known.join(", ")))
            }
        }
    }

    /// The object in a field; `None` if the field is absent.
    pub fn object(&self, key: &str, known: &[&str]) -> Result<Option<Self>, Finding> {
        self.fields.get(key).map(|value| Self::new(&self.path_of(key), value, known)).transpose()
    }

    /// The parsed text in a field; `None` if the field is absent.
    pub fn optional<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>, Finding> {
        let Some(value) = self.fields.get(key) else { return Ok(None) };
        let parsed = value.as_str().ok_or_else(|| "a text".to_owned());
        let parsed = parsed.and_then(|text| text.parse().map_err(|error: T::Err| error.to_string()));
        parsed.map(Some).map_err(|expected| invalid(&self.path_of(key), Some(value), expected))
    }

    /// The whole number over 0 in a field.
    pub fn positive_number<T: TryFrom<u64>>(&self, key: &str) -> Result<T, Finding> {
        let value = self.fields.get(key);
        let number = value.and_then(Value::as_u64).filter(|number| *number > 0);
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| invalid(&self.path_of(key), value, "a whole number over 0".to_owned()))
    }

    /// The list of texts in a field.
    pub fn texts(&self, key: &str) -> Result<Vec<&'a str>, Finding> {
        let value = self.fields.get(key);
        let texts = value.and_then(Value::as_array).and_then(|items| items.iter().map(Value::as_str).collect());
        texts.ok_or_else(|| invalid(&self.path_of(key), value, "a list of texts".to_owned()))
    }

    /// The value of a field that must not be absent.
    pub fn require<T>(&self, key: &str, value: Option<T>, expected: &str) -> Result<T, Finding> {
        value.ok_or_else(|| invalid(&self.path_of(key), None, expected.to_owned()))
    }

    fn path_of(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }
}

fn invalid(path: &str, value: Option<&Value>, expected: String) -> Finding {
    let actual = value.map_or_else(|| "not there".to_owned(), |value| clip(&value.to_string(), CLIP));
    Finding::inconclusive(format!("`{path}`")).actual(actual).expected(expected)
}
