//! Why there is no answer, and whether it makes sense to ask again.

use std::{error::Error as StdError, io, iter, time::Duration};

use kube::{Error, core::Status};

use crate::{finding::Finding, values::clip};

/// Characters of what a server says that are shown.
const SAID: usize = 400;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterError {
    /// It may be over soon.
    Lost(String),
    /// The same, and the server says how long it wants to be left alone.
    Busy(String, Duration),
    /// The version that a watch was to go on from is gone: everything is to be listed again.
    Expired,
    /// Asking again would change nothing, unless the answer was another one before.
    Denied(Finding),
    /// Asking again would change nothing.
    Refused(Finding),
}

impl ClusterError {
    /// From what kube says. `what` was asked for: `list pods in the namespace staging`.
    pub(super) fn of(error: &Error, what: &str) -> Self {
        match error {
            Error::Api(status) => Self::of_answer(status, what),
            Error::Service(error) if is_untrusted(&**error) => Self::Refused(
                Finding::inconclusive("the cluster's API")
                    .actual(causes(&**error))
                    .expected("a certificate of an authority that is trusted, for the name that it is reached by")
                    .next("see `certificate-authority-data`, `server` and `tls-server-name` of the kubeconfig"),
            ),
            Error::Service(error) => Self::Lost(causes(&**error)),
            Error::SerdeError(error) => Self::json(error),
            error => Self::Lost(causes(error)),
        }
    }

    fn of_answer(status: &Status, what: &str) -> Self {
        let Status { code, message, .. } = status;
        let said = clip(message.trim(), SAID);
        let about = || Finding::inconclusive("the cluster's API").actual(format!("{code}: {said}"));
        match code {
            // Somebody on the way, in words of their own; kube has lost the number.
            0 => Self::Lost("an answer that is none of Kubernetes".to_owned()),
            410 => Self::Expired,
            401 => Self::Refused(
                about()
                    .expected("credentials that it accepts")
                    .next("see whether the token has expired, and log in again"),
            ),
            403 => Self::Denied(
                about()
                    .expected(format!("permission to {what}"))
                    .next("give the account the Role in the README of `health`"),
            ),
            404 => Self::Denied(
                about()
                    .expected(format!("an API server that can {what}"))
                    .next("see whether `context` is the right cluster, and what the kind needs is installed there"),
            ),
            408 | 429 | 500..=599 => Self::Lost(format!("{code}: {said}")),
            _ => Self::Refused(about()),
        }
    }

    /// Of JSON that cannot be read.
    pub(super) fn json(error: &serde_json::Error) -> Self {
        if error.is_eof() {
            return Self::Lost("the answer broke off".to_owned());
        }
        Self::unreadable(&format!("an answer that cannot be read: {error}"))
    }

    pub(super) fn unreadable(why: &str) -> Self {
        Self::Denied(
            Finding::inconclusive("the cluster's API")
                .actual(why)
                .expected("objects as Kubernetes v1.20 and later write them"),
        )
    }
}

/// Whether it is the server's certificate, which will be the same the next time.
fn is_untrusted(error: &(dyn StdError + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    // An `io::Error` does not name what it wraps as its source, but the source of that.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.is_some_and(|wrapped| is_untrusted(wrapped)) || error.source().is_some_and(is_untrusted)
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
