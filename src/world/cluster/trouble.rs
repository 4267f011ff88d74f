//! Why there is no answer, and whether it makes sense to ask again.

use std::{error::Error, iter};

use hyper::StatusCode;

use super::objects::Status;
use crate::{values::clip, verdict::Complaint};

/// Characters of what a server says that are shown.
const SAID: usize = 400;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It may be over soon.
    Lost(String),
    /// The version that a watch was to go on from is gone: everything is to be listed again.
    Expired,
    /// Asking again would change nothing.
    Refused(Complaint),
}

impl Trouble {
    /// From an answer that is none. `what` was asked for: `list pods in the namespace staging`.
    pub(super) fn of_answer(status: StatusCode, body: &[u8], what: &str) -> Self {
        let said: Status = serde_json::from_slice(body).unwrap_or_default();
        let said = match said.message.as_str() {
            "" => clip(String::from_utf8_lossy(body).trim(), SAID),
            message => clip(message, SAID),
        };
        let about = || Complaint::about("the cluster's API").seen(format!("{}: {said}", status.as_u16()));
        match status.as_u16() {
            410 => Self::Expired,
            401 => Self::Refused(
                about()
                    .expected("credentials that it accepts")
                    .next("see whether the token has expired, and log in again"),
            ),
            403 => Self::Refused(
                about()
                    .expected(format!("permission to {what}"))
                    .next("give the account the Role in the README of `health`"),
            ),
            404 => Self::Refused(
                about()
                    .expected(format!("an API server that can {what}"))
                    .next("see whether `context` is the right cluster, and what the kind needs is installed there"),
            ),
            408 | 429 | 500..=599 => Self::Lost(format!("{}: {said}", status.as_u16())),
            _ => Self::Refused(about()),
        }
    }
}

/// An error and what caused it, each said once.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said = Vec::<String>::new();
    for error in iter::successors(Some(error), |&error| error.source()) {
        let text = error.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
    }
    clip(&said.join(": "), SAID)
}
