//! Writes: each is sent once, and its outcome says whether it arrived.

use hyper::Method;
use serde_json::Value;

use super::{
    client::{GitHub, RequestError},
    permission::RequiredPermission,
    refusal::GitHubRefusal,
};
use crate::{finding::Finding, reconcile::WriteOutcome};

/// The outcome of a write.
#[must_use = "whether it arrived decides whether it may be sent again"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome<T = ()> {
    /// GitHub accepted the write.
    Done(T),
    /// GitHub refused the write, and changed nothing.
    Refused(GitHubRefusal),
    /// The request has not left this machine.
    NotSent { why: String },
    /// The request may have arrived. It must not be sent again unless its effect can be read back.
    Unknown { why: String },
}

impl<T> SendOutcome<T> {
    /// The outcome as [`reconcile`](crate::reconcile) needs it. `check` names the thing that was written: `dispatch`, `issue`.
    pub fn into_write_outcome(self, check: &str) -> WriteOutcome<T> {
        match self {
            Self::Done(done) => WriteOutcome::Done(done),
            Self::Refused(refusal) => WriteOutcome::Refused(refusal.to_finding(check)),
            Self::NotSent { why } => WriteOutcome::Unsent(why),
            Self::Unknown { why } => {
                WriteOutcome::Unknown(Finding::inconclusive(check).actual(why).expected("an answer"))
            }
        }
    }
}

impl GitHub {
    /// Sends one write, once. It is done when the response has the status `expected` and `parse` can read its body; any
    /// other success leaves the outcome unknown.
    pub(super) fn write<T>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        required: &RequiredPermission,
        expected: u16,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> SendOutcome<T> {
        match self.send(method, path, body) {
            Err(RequestError::NotSent(why)) => SendOutcome::NotSent { why },
            Err(RequestError::NoResponse(why)) => SendOutcome::Unknown { why },
            Ok(response) => match response.status {
                status if status == expected => match parse(&response.body) {
                    Some(done) => SendOutcome::Done(done),
                    None => SendOutcome::Unknown { why: format!("answered {status}, and cannot be read") },
                },
                300..=499 => SendOutcome::Refused(self.refusal(&response, required)),
                status => SendOutcome::Unknown { why: format!("answered {status}: {}", self.message(&response)) },
            },
        }
    }
}
