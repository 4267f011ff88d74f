//! Repository dispatches, which start the workflows of another repository: `POST /repos/{owner}/{repo}/dispatches`.
//! GitHub keeps no record of a dispatch, so a lost response cannot be read back.

use hyper::Method;
use serde_json::{Value, json};

use super::{client::GitHub, permission::RequiredPermission, repository::Repository, write::SendOutcome};
use crate::{finding::Finding, reconcile::Permit};

/// The most characters of an event type, and the most properties of a payload: GitHub's API description.
const MAX_TYPE: usize = 100;
const MAX_PROPERTIES: usize = 10;
/// The most characters of a payload: GitHub's page on the events that start workflows. The check counts the bytes of
/// compact JSON, which are never fewer than its characters.
const MAX_PAYLOAD: usize = 65_535;

/// Checks a dispatch against GitHub's limits.
///
/// # Errors
/// The limit that is exceeded, and by what.
pub fn check_dispatch_limits(client_payload: &Value, event_type: &str) -> Result<(), Finding> {
    let characters = event_type.chars().count();
    if !(1..=MAX_TYPE).contains(&characters) {
        return Err(Finding::inconclusive("event type of the dispatch")
            .actual(format!("{characters} characters"))
            .expected(format!("1 to {MAX_TYPE}")));
    }
    let payload = Finding::inconclusive("client payload of the dispatch");
    let Value::Object(properties) = client_payload else {
        return Err(payload.actual("JSON that is not an object").expected("an object"));
    };
    if properties.len() > MAX_PROPERTIES {
        let expected = format!("{MAX_PROPERTIES} at most, at the top level");
        return Err(payload.actual(format!("{} properties", properties.len())).expected(expected));
    }
    let size = client_payload.to_string().len();
    if size > MAX_PAYLOAD {
        return Err(payload.actual(format!("{size} bytes")).expected(format!("{MAX_PAYLOAD} at most")));
    }
    Ok(())
}

impl GitHub {
    /// Sends one `repository_dispatch` event, once. Needs Contents: write on the repository.
    pub fn dispatch(
        &self,
        _permit: &Permit,
        repository: &Repository,
        event_type: &str,
        client_payload: &Value,
    ) -> SendOutcome {
        let body = json!({ "event_type": event_type, "client_payload": client_payload });
        let required = RequiredPermission::new("Contents: write", repository.to_string());
        self.write(Method::POST, &repository.api_path("dispatches"), Some(&body), &required, 204, |_| Some(()))
    }
}
