//! Errors of requests to the cluster, and whether a retry can help.

use std::{error::Error as StdError, io, iter, time::Duration};

use kube::{Error, core::Status};

use crate::{finding::Finding, values::clip, world::network::ProxyError};

/// How many characters of an error message are shown.
const LONGEST_MESSAGE: usize = 400;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterError {
    /// A retry may succeed.
    Temporary(String),
    /// A retry may succeed, but the server asks the client to wait first (`Retry-After`).
    RetryAfter(String, Duration),
    /// The server no longer has the requested resource version: the objects have to be listed again.
    Expired,
    /// Permanent, unless the same request succeeded before: a server that has just started may deny it for a moment.
    Denied(Finding),
    /// Permanent.
    Refused(Finding),
}

impl ClusterError {
    /// `permission` is what the account has to be allowed to do: `list pods in the namespace staging`.
    pub(super) fn from_kube(error: &Error, permission: &str) -> Self {
        match error {
            Error::Api(status) => Self::from_status(status, permission),
            Error::Service(error) if let Some(error) = proxy_error(&**error) => {
                if error.permanent {
                    Self::Refused(error.to_finding("the cluster's API"))
                } else {
                    Self::Temporary(error.to_string())
                }
            }
            Error::Service(error) if is_untrusted(&**error) => Self::Refused(
                Finding::inconclusive("the cluster's API")
                    .actual(causes(&**error))
                    .expected("a certificate from a trusted authority, for the host name in `server`")
                    .next("see `certificate-authority-data`, `server` and `tls-server-name` of the kubeconfig"),
            ),
            Error::Service(error) => Self::Temporary(causes(&**error)),
            Error::SerdeError(error) => Self::from_json(error),
            error => Self::Temporary(causes(error)),
        }
    }

    fn from_status(status: &Status, permission: &str) -> Self {
        let Status { code, message, .. } = status;
        let message = clip(message.trim(), LONGEST_MESSAGE);
        let finding = || Finding::inconclusive("the cluster's API").actual(format!("{code}: {message}"));
        match code {
            410 => Self::Expired,
            401 => Self::Refused(
                finding()
                    .expected("credentials that the API server accepts")
                    .next("see whether the token has expired, and log in again"),
            ),
            403 => Self::Denied(
                finding()
                    .expected(format!("permission to {permission}"))
                    .next("give the account the Role in the README of `health`"),
            ),
            404 => Self::Denied(
                finding()
                    .expected(format!("an API server that can {permission}"))
                    .next("see whether `context` is the right cluster, and whether the kind is installed there"),
            ),
            408 | 429 | 500..=599 => Self::Temporary(format!("{code}: {message}")),
            _ => Self::Refused(finding()),
        }
    }

    pub(super) fn from_json(error: &serde_json::Error) -> Self {
        if error.is_eof() {
            return Self::Temporary("the response ended early".to_owned());
        }
        Self::unreadable(&format!("the answer cannot be read: {error}"))
    }

    pub(super) fn unreadable(reason: &str) -> Self {
        Self::Denied(
            Finding::inconclusive("the cluster's API")
                .actual(reason)
                .expected("objects in the format of Kubernetes v1.20 or later"),
        )
    }
}

/// The error of the connection's proxy, which may be what failed.
fn proxy_error<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a ProxyError> {
    iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// Whether the server's certificate is the cause: a retry would get the same one.
fn is_untrusted(error: &(dyn StdError + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    // `source()` of an `io::Error` skips the error that it wraps.
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.is_some_and(|wrapped| is_untrusted(wrapped)) || error.source().is_some_and(is_untrusted)
}

/// An error and its causes; a cause whose text the message already holds is left out.
pub(super) fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut messages = Vec::<String>::new();
    for error in iter::successors(Some(error), |&error| error.source()) {
        let text = error.to_string();
        if !messages.iter().any(|message| message.contains(&text)) {
            messages.push(text);
        }
    }
    clip(&messages.join(": "), LONGEST_MESSAGE)
}
