//! The connection below octocrab: TLS, through a proxy where there is one, each request sent once at most.

use std::sync::Arc;

use ::url::Host;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::{
    Uri,
    header::{ACCEPT, HeaderValue, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connect, HttpConnector, proxy::Tunnel},
    },
    rt::TokioExecutor,
};
use octocrab::{
    AuthState, OctoBody, Octocrab, OctocrabBuilder,
    service::middleware::{base_uri::BaseUriLayer, extra_headers::ExtraHeadersLayer},
};
use rustls::{ClientConfig, RootCertStore};
use ureq::{Proxy, ProxyProtocol};

use super::Access;
use crate::{
    finding::Finding,
    world::{network::Network, url::Url},
};

const AGENT: &str = concat!("promote-gates/", env!("CARGO_PKG_VERSION"));

/// Where the API is: `http://` on loopback only, where a token travels on no wire.
pub(super) fn base(api_url: &str) -> Result<Url, Finding> {
    let wrong = |seen: &str| {
        Err(Finding::inconclusive("the address of GitHub's API")
            .actual(seen)
            .expected("https://<host>, as in https://api.github.com or https://github.example.com/api/v3"))
    };
    // Before anything is repeated from it: the part before an @ may be a password.
    if api_url.contains('@') {
        return wrong("an address with an @ in it");
    }
    let seen = format!("{api_url:?}");
    match api_url.parse::<Url>() {
        Ok(_) if api_url.contains(['?', '#']) => wrong(&seen),
        Ok(url) if url.is_https() || is_loopback(&url) => Ok(url),
        Ok(_) => wrong(&format!("{seen}, where everyone on the way could read the token")),
        Err(_) => wrong(&seen),
    }
}

/// Narrower than where no proxy is asked for: a name server may be asked what `api.localhost` is.
pub(in crate::world) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The way to the API.
pub(super) struct Way {
    tls: ClientConfig,
    proxy: Option<Proxy>,
}

impl Way {
    pub(super) fn new(network: &Network, base: &Url) -> Result<Self, Finding> {
        // Without TLS nobody needs to be trusted.
        let roots = if base.is_https() { network.authorities()?.store() } else { RootCertStore::empty() };
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Finding::inconclusive("TLS").actual(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls, proxy: network.proxy(base)? })
    }
}

/// An octocrab that speaks through our own connection. To be called on the runtime that it will work on.
pub(super) fn octocrab(base: &Url, access: &Access, way: Way) -> Result<Octocrab, Finding> {
    let Way { tls, proxy } = way;
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
    // The limit is for all of it: name, connection, proxy and handshake.
    let limited = Octocrab::builder().set_connect_timeout(Some(access.connect_timeout));
    let direct = encrypted(&tls, tcp);
    Ok(match proxy {
        None => above(limited.set_connect_timeout_service(direct), base, auth),
        Some(proxy) => above(limited.set_connect_timeout_service(encrypted(&tls, tunnel(&proxy, direct)?)), base, auth),
    })
}

fn encrypted<C>(tls: &ClientConfig, below: C) -> HttpsConnector<C> {
    HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_http1().wrap_connector(below)
}

/// A tunnel through a proxy that is reached by `http://` or `https://`, the two kinds that every client knows.
pub(in crate::world) fn tunnel<C>(proxy: &Proxy, below: C) -> Result<Tunnel<C>, Finding> {
    let wrong = |seen: &str| {
        // Not the whole address: it may hold a password.
        Finding::inconclusive("the proxy named by the environment")
            .actual(seen)
            .expected("http:// or https://, a host and a port")
            .next("correct HTTPS_PROXY (or ALL_PROXY), or name the API's host in NO_PROXY")
    };
    let scheme = match proxy.protocol() {
        ProxyProtocol::Http => "http",
        ProxyProtocol::Https => "https",
        _ => return Err(wrong("a SOCKS proxy")),
    };
    let address = format!("{scheme}://{}:{}", proxy.host(), proxy.port());
    let tunnel = Tunnel::new(address.parse().map_err(|_| wrong(&address))?, below);
    let Some(user) = proxy.username() else { return Ok(tunnel) };
    let credentials = BASE64_STANDARD.encode(format!("{user}:{}", proxy.password().unwrap_or_default()));
    let credentials = HeaderValue::try_from(format!("Basic {credentials}")).map_err(|_| wrong("its user name"))?;
    Ok(tunnel.with_auth(credentials))
}

fn above<C: Connect + Clone + Send + Sync + 'static>(connector: C, base: Uri, auth: AuthState) -> Octocrab {
    let mut client = Client::builder(TokioExecutor::new());
    // A connection of its own for every request: one kept through a wait of minutes may be dead without saying so, and
    // a write on it would be lost in a way that nobody can tell from a late answer.
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
