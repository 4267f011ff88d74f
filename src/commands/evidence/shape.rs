//! JSON objects of a known shape: every field by its type, none beside them, and errors that name the field and its value.

use std::{fmt::Display, str::FromStr};

use serde_json::{Map, Value};

use crate::{finding::Finding, values::clip};

/// How much of a value goes into a message, in characters.
const CLIP: usize = 200;

/// An object, and where it stands: `client_payload.evidence`.
pub(super) struct Shape<'a> {
    at: String,
    fields: &'a Map<String, Value>,
}

impl<'a> Shape<'a> {
    /// # Errors
    /// It is no object, or holds a field that is not `known`.
    pub fn of(at: &str, value: &'a Value, known: &[&str]) -> Result<Self, Finding> {
        let fields = match value {
            Value::Object(fields) => fields,
            other => return Err(refused(at, Some(other), format!("an object of {}", known.join(", ")))),
        };
        match fields.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(Self { at: at.to_owned(), fields }),
            Some(unknown) => {
                let field = format!("{at}.{}", clip(unknown, CLIP));
                Err(Finding::inconclusive(format!("`{field}`"))
                    .actual("a field that `record` does not write")
                    .expected(known.join(", ")))
            }
        }
    }

    /// An object inside it; `None`: it is not there.
    pub fn inside(&self, key: &str, known: &[&str]) -> Result<Option<Self>, Finding> {
        self.fields.get(key).map(|value| Self::of(&self.at(key), value, known)).transpose()
    }

    pub fn maybe<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>, Finding> {
        let Some(value) = self.fields.get(key) else { return Ok(None) };
        let parsed = value.as_str().ok_or_else(|| "a text".to_owned());
        let parsed = parsed.and_then(|text| text.parse().map_err(|error: T::Err| error.to_string()));
        parsed.map(Some).map_err(|expected| refused(&self.at(key), Some(value), expected))
    }

    /// A whole number over 0.
    pub fn number<T: TryFrom<u64>>(&self, key: &str) -> Result<T, Finding> {
        let value = self.fields.get(key);
        let number = value.and_then(Value::as_u64).filter(|number| *number > 0);
        let number = number.and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| refused(&self.at(key), value, "a whole number over 0".to_owned()))
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Result<Vec<&'a str>, Finding> {
        let value = self.fields.get(key);
        let texts = value.and_then(Value::as_array).and_then(|items| items.iter().map(Value::as_str).collect());
        texts.ok_or_else(|| refused(&self.at(key), value, "a list of texts".to_owned()))
    }

    /// What must be there.
    pub fn needed<T>(&self, key: &str, found: Option<T>, expected: &str) -> Result<T, Finding> {
        found.ok_or_else(|| refused(&self.at(key), None, expected.to_owned()))
    }

    fn at(&self, key: &str) -> String {
        format!("{}.{key}", self.at)
    }
}

fn refused(at: &str, value: Option<&Value>, expected: String) -> Finding {
    let seen = value.map_or_else(|| "not there".to_owned(), |value| clip(&value.to_string(), CLIP));
    Finding::inconclusive(format!("`{at}`")).actual(seen).expected(expected)
}
