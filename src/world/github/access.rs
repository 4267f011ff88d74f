//! The address, the token and the time limits with which GitHub's API is reached.

use std::time::Duration;

use crate::secret::Secret;

/// How to reach GitHub's API.
#[derive(Clone, Debug)]
pub struct GitHubAccess {
    /// `GITHUB_API_URL`: `https://api.github.com`, or `https://<host>/api/v3` on an Enterprise server.
    pub api_url: String,
    pub token: Option<Secret>,
    /// Limit for the name lookup, the connection, the proxy and the TLS handshake together.
    pub connect_timeout: Duration,
    /// Limit for a whole call.
    pub timeout: Duration,
}

impl GitHubAccess {
    /// Limits of 30 s for a call and 10 s for its connection. An empty token counts as no token.
    #[must_use]
    pub fn new(api_url: impl Into<String>, token: Option<Secret>) -> Self {
        Self {
            api_url: api_url.into(),
            token: token.filter(|token| !token.expose().is_empty()),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}
