//! What a route is called with.

use serde_json::{Map, Value};

use super::Breach;

/// A request to a repository that exists, by a caller who may.
pub(super) struct Call {
    pub(super) body: Option<Value>,
}

impl Call {
    /// The body: an object with no other fields than these.
    pub(super) fn fields(&self, known: &[&str]) -> Result<&Map<String, Value>, Breach> {
        let Some(body) = &self.body else { return Err(Breach::invalid("A body is needed.")) };
        let Some(fields) = body.as_object() else { return Err(Breach::invalid(&format!("{body} is not an object."))) };
        match fields.keys().find(|field| !known.contains(&field.as_str())) {
            Some(unknown) => Err(Breach::invalid(&format!("\"{unknown}\" is not a permitted key."))),
            None => Ok(fields),
        }
    }
}
