//! `POST /repos/{owner}/{repo}/dispatches`: starts the workflows of another repository. GitHub keeps nothing that could
//! be read back, so an answer that was lost stays lost.

use hyper::Method;
use serde_json::{Value, json};

use super::{GitHub, Repository, Sent, answer::Need};
use crate::{finding::Finding, reconcile::Permit};

/// The most characters of an event type, and the most properties of a payload: GitHub's API description.
const LONGEST_TYPE: usize = 100;
const MOST_PROPERTIES: usize = 10;
/// The most characters of a payload: GitHub's page on the events that start workflows. We count bytes of JSON without
/// blanks, which are never fewer.
const LARGEST_PAYLOAD: usize = 65_535;

/// Whether GitHub can take such a dispatch.
///
/// # Errors
/// A complaint that names what is over which limit.
pub fn dispatch_limits(client_payload: &Value, event_type: &str) -> Result<(), Finding> {
    let characters = event_type.chars().count();
    if !(1..=LONGEST_TYPE).contains(&characters) {
        return Err(Finding::inconclusive("event type of the dispatch")
            .actual(format!("{characters} characters"))
            .expected(format!("1 to {LONGEST_TYPE}")));
    }
    let payload = Finding::inconclusive("client payload of the dispatch");
    let Value::Object(properties) = client_payload else {
        return Err(payload.actual("JSON that is no object").expected("an object"));
    };
    if properties.len() > MOST_PROPERTIES {
        let expected = format!("{MOST_PROPERTIES} at most, at the top level");
        return Err(payload.actual(format!("{} properties", properties.len())).expected(expected));
    }
    let size = client_payload.to_string().len();
    if size > LARGEST_PAYLOAD {
        return Err(payload.actual(format!("{size} bytes")).expected(format!("{LARGEST_PAYLOAD} at most")));
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
    ) -> Sent {
        let body = json!({ "event_type": event_type, "client_payload": client_payload });
        let need = Need::of("Contents: write", repository.to_string());
        self.write(Method::POST, &repository.path("dispatches"), Some(&body), &need, 204, |_| Some(()))
    }
}
