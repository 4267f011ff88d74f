//! The connection that octocrab sends its requests on: TLS, an optional proxy, no retries.

use std::sync::Arc;

use hyper::{
    Uri,
    header::{ACCEPT, HeaderValue, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connect, HttpConnector},
    },
    rt::TokioExecutor,
};
use octocrab::{
    AuthState, OctoBody, Octocrab, OctocrabBuilder,
    service::middleware::{base_uri::BaseUriLayer, extra_headers::ExtraHeadersLayer},
};
use rustls::{ClientConfig, RootCertStore};

use super::access::GitHubAccess;
use crate::{
    finding::Finding,
    world::{
        network::{ConfiguredProxy, Network, connector},
        url::Url,
    },
};

const AGENT: &str = concat!("promote-gates/", env!("CARGO_PKG_VERSION"));

/// Reads the API's address. `http://` is accepted on loopback only, where the token does not leave this machine.
pub(super) fn parse_base_url(api_url: &str) -> Result<Url, Finding> {
    let invalid = |actual: &str| {
        Err(Finding::inconclusive("the address of GitHub's API")
            .actual(actual)
            .expected("https://<host>, as in https://api.github.com or https://github.example.com/api/v3"))
    };
    // Checked first, because the other messages quote the address, and the part before an @ may be a password.
    if api_url.contains('@') {
        return invalid("an address with an @ in it");
    }
    let quoted = format!("{api_url:?}");
    match api_url.parse::<Url>() {
        Ok(_) if api_url.contains(['?', '#']) => invalid(&quoted),
        Ok(url) if url.is_https() || url.is_loopback() => Ok(url),
        Ok(_) => invalid(&format!("{quoted}, where everyone on the way could read the token")),
        Err(_) => invalid(&quoted),
    }
}

/// Reads the address for GraphQL: what comes before its last segment, and this segment with its slash.
pub(super) fn parse_graphql_url(graphql_url: &str) -> Result<(Url, String), Finding> {
    let for_graphql = |finding: Finding| Finding {
        check: "the address of GitHub's GraphQL API".to_owned(),
        ..finding.expected(
            "https://<host>/…, as in https://api.github.com/graphql or https://github.example.com/api/graphql",
        )
    };
    parse_base_url(graphql_url).map_err(for_graphql)?;
    let split = graphql_url.trim_end_matches('/').rsplit_once('/');
    let (base, path) = split
        .filter(|(base, _)| !base.ends_with(":/"))
        .ok_or_else(|| for_graphql(Finding::inconclusive("").actual(format!("{graphql_url:?}, which has no path"))))?;
    Ok((parse_base_url(base).map_err(for_graphql)?, format!("/{path}")))
}

/// How to connect to the API.
pub(super) struct TransportConfig {
    tls: ClientConfig,
    pub(super) proxy: Option<ConfiguredProxy>,
}

impl TransportConfig {
    pub(super) fn new(network: &Network, base: &Url) -> Result<Self, Finding> {
        // A plain connection needs no authorities, and reading them may fail.
        let roots = if base.is_https() { network.authorities()?.store() } else { RootCertStore::empty() };
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Finding::inconclusive("TLS").actual(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls, proxy: network.proxy(base)? })
    }
}

/// Builds an octocrab on this connection. Must be called on the runtime that the octocrab will use.
pub(super) fn build_octocrab(base: &Url, access: &GitHubAccess, config: TransportConfig) -> Result<Octocrab, Finding> {
    let TransportConfig { tls, proxy } = config;
    let base = base.full().parse::<Uri>().map_err(|error| {
        Finding::inconclusive("the address of GitHub's API")
            .actual(error.to_string())
            .expected("a URL that can be sent")
    })?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let auth = match &access.token {
        None => AuthState::None,
        Some(token) if HeaderValue::from_str(token.expose()).is_ok() => {
            AuthState::AccessToken { token: token.expose().into() }
        }
        Some(_) => {
            return Err(Finding::inconclusive("the token for GitHub's API")
                .actual("characters that no token has")
                .expected("the token alone, on one line"));
        }
    };
    // The limit covers the name lookup, the connection, the proxy and the TLS handshake.
    let builder = Octocrab::builder().set_connect_timeout(Some(access.connect_timeout));
    let direct = with_tls(&tls, tcp);
    Ok(match proxy {
        None => with_connector(builder.set_connect_timeout_service(direct), base, auth),
        Some(proxy) => {
            with_connector(builder.set_connect_timeout_service(with_tls(&tls, connector(&proxy, direct)?)), base, auth)
        }
    })
}

fn with_tls<C>(tls: &ClientConfig, below: C) -> HttpsConnector<C> {
    HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_http1().wrap_connector(below)
}

fn with_connector<C: Connect + Clone + Send + Sync + 'static>(connector: C, base: Uri, auth: AuthState) -> Octocrab {
    let mut client = Client::builder(TokioExecutor::new());
    // Every request gets a new connection. A connection that was idle for minutes may be dead without notice, and a write
    // that is lost on it looks the same as a late answer.
    client.pool_max_idle_per_host(0).retry_canceled_requests(false);
    let headers = vec![
        (USER_AGENT, HeaderValue::from_static(AGENT)),
        (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
    ];
    let Ok(octocrab) = OctocrabBuilder::new_empty()
        .with_service(client.build::<_, OctoBody>(connector))
        .with_layer(&ExtraHeadersLayer::new(Arc::new(headers)))
        .with_layer(&BaseUriLayer::new(base))
        .with_auth(auth)
        .build();
    octocrab
}
