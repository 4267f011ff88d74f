//! `POST /repos/{owner}/{repo}/dispatches`. Limits: GitHub's API description (`event_type` 1 to 100 characters,
//! `client_payload` an object of at most 10 properties) and its page on the events that start workflows (65,535
//! characters). Messages are worded as GitHub words them.

use serde_json::Value;

use super::{
    Breach, FakeGitHub,
    accounts::Accounts,
    call::{Call, Fields},
    repositories::Repository,
};
use crate::sandbox::server::Answer;

/// A `repository_dispatch` event as a workflow would receive it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatch {
    pub event_type: String,
    pub client_payload: Value,
}

impl FakeGitHub {
    /// The dispatch events of a repository, oldest first.
    #[must_use]
    pub fn dispatches(&self, repository: &str) -> Vec<Dispatch> {
        let state = self.state();
        let known = state.world.repositories.get(&repository.to_lowercase());
        known.map_or_else(Vec::new, |known| known.dispatches.clone())
    }
}

pub(super) fn create(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let fields = call.fields(&["event_type", "client_payload"])?;
    let event_type = Fields::needed("event_type", fields.text("event_type")?)?;
    match event_type.chars().count() {
        0 => return Err(Breach::invalid("At least 1 character is required; only 0 were supplied.")),
        1..=100 => {}
        many => return Err(Breach::invalid(&format!("Only 100 characters are allowed; {many} were supplied."))),
    }
    let properties = fields.read("client_payload", "an object", Value::as_object)?.cloned().unwrap_or_default();
    if properties.len() > 10 {
        let many = properties.len();
        return Err(Breach::invalid(&format!("No more than 10 properties are allowed; {many} were supplied.")));
    }
    let client_payload = Value::Object(properties);
    if client_payload.to_string().len() > 65_535 {
        return Err(Breach::new(422, "client_payload is too large."));
    }
    repository.dispatches.push(Dispatch { event_type: event_type.to_owned(), client_payload });
    Ok(Answer::status(204))
}
