//! The address, the token and the time limits with which GitHub's API is reached.

use std::time::Duration;

use crate::secret::Secret;

/// How to reach GitHub's API.
#[derive(Clone, Debug)]
pub struct GitHubAccess {
    /// `GITHUB_API_URL`: `https://api.github.com`, or `https://<host>/api/v3` on an Enterprise server.
    pub api_url: String,
    /// `GITHUB_GRAPHQL_URL`: `https://api.github.com/graphql`, or `https://<host>/api/graphql` on an Enterprise server.
    pub graphql_url: String,
    pub token: Option<Secret>,
    /// Limit for the name lookup, the connection, the proxy and the TLS handshake together.
    pub connect_timeout: Duration,
    /// Limit for a whole call.
    pub timeout: Duration,
    /// Limit for all calls together.
    pub total: Option<Duration>,
}

impl GitHubAccess {
    /// Limits of 30 s for a call and 10 s for its connection. An empty token counts as no token. The address for GraphQL is the
    /// one that GitHub documents for a server with this API.
    #[must_use]
    pub fn new(api_url: impl Into<String>, token: Option<Secret>) -> Self {
        let api_url = api_url.into();
        Self {
            graphql_url: graphql_url_of(&api_url),
            api_url,
            token: token.filter(|token| !token.expose().is_empty()),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            total: None,
        }
    }
}

/// The address for GraphQL on the server of a REST API: `…/graphql` beside it, on an Enterprise server `…/api/graphql`.
/// <https://docs.github.com/enterprise-server/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint>
fn graphql_url_of(api_url: &str) -> String {
    let api_url = api_url.trim_end_matches('/');
    let base = api_url.strip_suffix("/v3").filter(|base| base.ends_with("/api")).unwrap_or(api_url);
    format!("{base}/graphql")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_for_graphql_is_the_one_that_github_documents() {
        for (api, graphql) in [
            ("https://api.github.com", "https://api.github.com/graphql"),
            ("https://api.octocorp.ghe.com/", "https://api.octocorp.ghe.com/graphql"),
            ("https://github.acme.example/api/v3", "https://github.acme.example/api/graphql"),
            ("https://github.acme.example/api/v3/", "https://github.acme.example/api/graphql"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/graphql"),
        ] {
            assert_eq!(GitHubAccess::new(api, None).graphql_url, graphql);
        }
    }
}
