//! `POST /repos/{owner}/{repo}/dispatches`. The limits are from GitHub's API description (`event_type` 1 to 100
//! characters, `client_payload` an object of at most 10 properties) and from its page on the events that start workflows
//! (65,535 characters). The messages are GitHub's.

use serde_json::Value;

use super::{
    call::{ApiCall, BodyFields},
    errors::ContractViolation,
    fake_github::FakeGitHub,
    records::{DispatchEvent, FakeAccounts, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// The dispatch events of a repository, oldest first.
    #[must_use]
    pub fn dispatches(&self, repository: &str) -> Vec<DispatchEvent> {
        let state = self.state();
        let repository = state.data.repositories.get(&repository.to_lowercase());
        repository.map_or_else(Vec::new, |repository| repository.dispatches.clone())
    }
}

pub fn create(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let fields = call.body_fields(&["event_type", "client_payload"])?;
    let event_type = BodyFields::required("event_type", fields.string("event_type")?)?;
    match event_type.chars().count() {
        0 => return Err(ContractViolation::invalid("At least 1 character is required; only 0 were supplied.")),
        1..=100 => {}
        count => {
            return Err(ContractViolation::invalid(&format!(
                "Only 100 characters are allowed; {count} were supplied."
            )));
        }
    }
    let properties = fields.parse("client_payload", "an object", Value::as_object)?.cloned().unwrap_or_default();
    if properties.len() > 10 {
        let count = properties.len();
        return Err(ContractViolation::invalid(&format!(
            "No more than 10 properties are allowed; {count} were supplied."
        )));
    }
    let client_payload = Value::Object(properties);
    if client_payload.to_string().len() > 65_535 {
        return Err(ContractViolation::new(422, "client_payload is too large."));
    }
    repository.dispatches.push(DispatchEvent { event_type: event_type.to_owned(), client_payload });
    Ok(FakeResponse::status(204))
}
