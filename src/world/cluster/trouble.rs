//! Why there is no answer, and whether it makes sense to ask again.

use std::{error::Error as StdError, iter};

use kube::{Error, core::Status};

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
    /// From what kube says. `what` was asked for: `list pods in the namespace staging`.
    pub(super) fn of(error: &Error, what: &str) -> Self {
        match error {
            Error::Api(status) => Self::of_answer(status, what),
            Error::Service(error) => Self::Lost(causes(&**error)),
            Error::SerdeError(error) => Self::unreadable(&error.to_string()),
            error => Self::Lost(causes(error)),
        }
    }

    fn of_answer(status: &Status, what: &str) -> Self {
        let Status { code, message, .. } = status;
        let said = clip(message.trim(), SAID);
        let about = || Complaint::about("the cluster's API").seen(format!("{code}: {said}"));
        match code {
            // Somebody on the way, in words of their own; kube has lost the number.
            0 => Self::Lost("an answer that is none of Kubernetes".to_owned()),
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
            408 | 429 | 500..=599 => Self::Lost(format!("{code}: {said}")),
            _ => Self::Refused(about()),
        }
    }

    pub(super) fn unreadable(why: &str) -> Self {
        Self::Refused(
            Complaint::about("the cluster's API")
                .seen(why)
                .expected("objects as Kubernetes v1.20 and later write them"),
        )
    }
}

/// An error and what caused it, each said once.
pub(super) fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut said = Vec::<String>::new();
    for error in iter::successors(Some(error), |&error| error.source()) {
        let text = error.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
    }
    clip(&said.join(": "), SAID)
}
