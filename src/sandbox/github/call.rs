//! The arguments of a route: path parameters, query and body.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::errors::ContractViolation;

/// A request whose route exists and whose token has the permission.
pub struct ApiCall {
    /// The base of the API's addresses in a response.
    pub api: String,
    /// The path for links to other pages.
    pub path: String,
    /// The decoded values of the route's `{…}` segments.
    pub parameters: Vec<(&'static str, String)>,
    /// Decoded; contains only names that the route allows.
    pub query: Vec<(String, String)>,
    pub body: Option<Value>,
    pub now: Timestamp,
    /// The permissions of the token, of a repository or of its owner.
    pub granted: Vec<String>,
    /// The login of the token's account.
    pub account: String,
}

impl ApiCall {
    /// The path segment at `{name}`.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The path segment at `{name}`, for parameters that the API description declares as integers.
    pub fn number(&self, name: &str) -> Result<u64, ContractViolation> {
        let text = self.parameter(name);
        text.parse().map_err(|_| ContractViolation::new(404, format!("{name} is {text:?}, not a number.")))
    }

    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A query value that must be one of a fixed set.
    pub fn query_one_of(&self, name: &str, known: &[&str]) -> Result<Option<&str>, ContractViolation> {
        match self.query_value(name) {
            Some(value) if !known.contains(&value) => {
                Err(ContractViolation::invalid(&format!("{name} is {value:?}, not one of {}.", known.join(", "))))
            }
            value => Ok(value),
        }
    }

    /// The body: an object that has no fields but these.
    pub fn body_fields(&self, known: &[&str]) -> Result<BodyFields<'_>, ContractViolation> {
        let Some(body) = &self.body else { return Err(ContractViolation::invalid("A body is needed.")) };
        BodyFields::new(body, known)
    }
}

/// An object in a request body that has only known fields.
pub struct BodyFields<'a>(&'a Map<String, Value>);

impl<'a> BodyFields<'a> {
    pub fn new(value: &'a Value, known: &[&str]) -> Result<Self, ContractViolation> {
        let Some(fields) = value.as_object() else {
            return Err(ContractViolation::invalid(&format!("{value} is not an object.")));
        };
        match fields.keys().find(|field| !known.contains(&field.as_str())) {
            Some(unknown) => Err(ContractViolation::invalid(&format!("\"{unknown}\" is not a permitted key."))),
            None => Ok(Self(fields)),
        }
    }

    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    /// The field's value, if the body has the field; a violation if `parse` does not accept it.
    pub fn parse<T>(
        &self,
        name: &str,
        kind: &str,
        parse: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ContractViolation> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        match parse(value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(ContractViolation::invalid(&format!("For 'properties/{name}', {value} is not {kind}."))),
        }
    }

    pub fn string(&self, name: &str) -> Result<Option<&'a str>, ContractViolation> {
        self.parse(name, "a string", Value::as_str)
    }

    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ContractViolation> {
        self.parse(name, "a boolean", Value::as_bool)
    }

    pub fn required<T>(name: &str, value: Option<T>) -> Result<T, ContractViolation> {
        value.ok_or_else(|| ContractViolation::invalid(&format!("\"{name}\" wasn't supplied.")))
    }
}
