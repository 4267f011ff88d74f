//! `POST /repos/{owner}/{repo}/dispatches`. Limits: GitHub's API description (`event_type` 1 to 100 characters,
//! `client_payload` an object of at most 10 properties) and its page on the events that start workflows (65,535
//! characters). Messages are worded as GitHub words them.

use serde_json::Value;

use super::{Breach, Repository, call::Call};
use crate::sandbox::server::Answer;

/// A `repository_dispatch` event as a workflow would receive it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    pub event_type: String,
    pub client_payload: Value,
}

pub(super) fn create(repository: &mut Repository, call: &Call) -> Result<Answer, Breach> {
    let fields = call.fields(&["event_type", "client_payload"])?;
    let event_type = match fields.get("event_type") {
        None => return Err(Breach::invalid("\"event_type\" wasn't supplied.")),
        Some(Value::String(event_type)) => event_type,
        Some(other) => return Err(Breach::invalid(&format!("For 'properties/event_type', {other} is not a string."))),
    };
    match event_type.chars().count() {
        0 => return Err(Breach::invalid("At least 1 character is required; only 0 were supplied.")),
        1..=100 => {}
        many => return Err(Breach::invalid(&format!("Only 100 characters are allowed; {many} were supplied."))),
    }
    let client_payload = match fields.get("client_payload") {
        None => Value::Object(serde_json::Map::new()),
        Some(payload @ Value::Object(properties)) if properties.len() <= 10 => payload.clone(),
        Some(Value::Object(properties)) => {
            let many = properties.len();
            return Err(Breach::invalid(&format!("No more than 10 properties are allowed; {many} were supplied.")));
        }
        Some(other) => {
            return Err(Breach::invalid(&format!("For 'properties/client_payload', {other} is not an object.")));
        }
    };
    if client_payload.to_string().len() > 65_535 {
        return Err(Breach::new(422, "client_payload is too large."));
    }
    repository.dispatches.push(Dispatch { event_type: event_type.clone(), client_payload });
    Ok(Answer::status(204))
}
