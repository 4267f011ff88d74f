//! Network settings of the environment that cannot be used: a proxy or certificate authorities.

use std::{error::Error, fmt};

use super::proxy::ConfiguredProxy;
use crate::finding::Finding;

/// An unusable network setting. Its value is left out, because it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// The name of the proxy variable.
    Proxy(&'static str),
    /// Why `SSL_CERT_FILE` or `SSL_CERT_DIR` cannot be used.
    Authorities(String),
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proxy(name) => write!(f, "{name} is set, but not to the URL of an http, https or socks proxy"),
            Self::Authorities(why) => write!(f, "SSL_CERT_FILE or SSL_CERT_DIR is set, but unusable: {why}"),
        }
    }
}

impl Error for NetworkError {}

impl From<NetworkError> for Finding {
    fn from(error: NetworkError) -> Self {
        match error {
            NetworkError::Proxy(name) => Self::inconclusive(name)
                .actual("not the URL of a proxy")
                .expected(ConfiguredProxy::ACCEPTED)
                .next(format!("correct {name}, or name the host in NO_PROXY")),
            NetworkError::Authorities(why) => Self::inconclusive("SSL_CERT_FILE, SSL_CERT_DIR")
                .actual(why)
                .expected("PEM files with the certificate authorities to trust")
                .next("correct them, or unset both to trust what this system trusts"),
        }
    }
}
