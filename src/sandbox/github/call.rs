//! What a route is called with.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Breach;

/// A request to something that exists, by a caller who may.
pub(super) struct Call {
    /// What the addresses of the API in an answer begin with.
    pub(super) api: String,
    /// The path as links to other pages have it.
    pub(super) path: String,
    /// What the `{…}` of the route stand for, decoded.
    pub(super) parameters: Vec<(&'static str, String)>,
    /// Decoded; no other names than the route's.
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Value>,
    pub(super) now: Timestamp,
}

impl Call {
    /// What stands in the path for `{name}`.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The same as a number, which the description says it is.
    pub(super) fn number(&self, name: &str) -> Result<u64, Breach> {
        let text = self.parameter(name);
        text.parse().map_err(|_| Breach::new(404, format!("{name} is {text:?}, not a number.")))
    }

    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A query of which GitHub knows all values.
    pub(super) fn asked_of(&self, name: &str, known: &[&str]) -> Result<Option<&str>, Breach> {
        match self.asked(name) {
            Some(value) if !known.contains(&value) => {
                Err(Breach::invalid(&format!("{name} is {value:?}, not one of {}.", known.join(", "))))
            }
            asked => Ok(asked),
        }
    }

    /// The body: an object with no other fields than these.
    pub(super) fn fields(&self, known: &[&str]) -> Result<Fields<'_>, Breach> {
        let Some(body) = &self.body else { return Err(Breach::invalid("A body is needed.")) };
        Fields::of(body, known)
    }
}

/// An object of a body, all of whose fields are known.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value, known: &[&str]) -> Result<Self, Breach> {
        let Some(fields) = value.as_object() else {
            return Err(Breach::invalid(&format!("{value} is not an object.")));
        };
        match fields.keys().find(|field| !known.contains(&field.as_str())) {
            Some(unknown) => Err(Breach::invalid(&format!("\"{unknown}\" is not a permitted key."))),
            None => Ok(Self(fields)),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    /// The field's value when it is there; a breach when it is not of the kind that `read` takes.
    pub(super) fn read<T>(
        &self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Breach> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        match read(value) {
            Some(read) => Ok(Some(read)),
            None => Err(Breach::invalid(&format!("For 'properties/{name}', {value} is not {kind}."))),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Breach> {
        self.read(name, "a string", Value::as_str)
    }

    pub(super) fn switch(&self, name: &str) -> Result<Option<bool>, Breach> {
        self.read(name, "a boolean", Value::as_bool)
    }

    pub(super) fn needed<T>(name: &str, value: Option<T>) -> Result<T, Breach> {
        value.ok_or_else(|| Breach::invalid(&format!("\"{name}\" wasn't supplied.")))
    }
}
