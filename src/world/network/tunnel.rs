//! Tunnels through an HTTP proxy for the clients that are built on hyper: GitHub's and the cluster's.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::header::HeaderValue;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use ureq::{Proxy, ProxyProtocol};

use crate::finding::Finding;

/// A connector that tunnels through `proxy`, which must be an `http://` or `https://` proxy.
pub fn tunnel<C>(proxy: &Proxy, below: C) -> Result<Tunnel<C>, Finding> {
    let unusable = |actual: &str| {
        // The message never quotes the proxy variable, which may hold a password.
        Finding::inconclusive("the proxy named by the environment")
            .actual(actual)
            .expected("http:// or https://, a host and a port")
            .next("correct HTTPS_PROXY (or ALL_PROXY), or name the API's host in NO_PROXY")
    };
    let scheme = match proxy.protocol() {
        ProxyProtocol::Http => "http",
        ProxyProtocol::Https => "https",
        _ => return Err(unusable("a SOCKS proxy")),
    };
    let address = format!("{scheme}://{}:{}", proxy.host(), proxy.port());
    let tunnel = Tunnel::new(address.parse().map_err(|_| unusable(&address))?, below);
    let Some(user) = proxy.username() else { return Ok(tunnel) };
    let credentials = BASE64_STANDARD.encode(format!("{user}:{}", proxy.password().unwrap_or_default()));
    let credentials = HeaderValue::try_from(format!("Basic {credentials}")).map_err(|_| unusable("its user name"))?;
    Ok(tunnel.with_auth(credentials))
}
