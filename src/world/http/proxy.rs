//! The route of a request: directly to its host, or through a proxy.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use ureq::{
    ProxyProtocol,
    config::Config,
    http::{HeaderValue, Uri},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport},
    },
};

use crate::world::{network::ConfiguredProxy, url::Url};

/// How to reach one host.
pub(super) enum RequestRoute {
    Direct,
    /// A plain http request that an HTTP proxy forwards.
    Forward(ConfiguredProxy),
    /// A connection through an HTTP proxy's CONNECT, or through SOCKS.
    Tunnel(ConfiguredProxy),
}

impl RequestRoute {
    pub(super) fn new(url: &Url, proxy: Option<ConfiguredProxy>) -> Self {
        match proxy {
            None => Self::Direct,
            Some(proxy) if proxy.proxy.protocol() == ProxyProtocol::Http && !url.is_https() => Self::Forward(proxy),
            Some(proxy) => Self::Tunnel(proxy),
        }
    }

    pub(super) const fn proxy(&self) -> Option<&ConfiguredProxy> {
        match self {
            Self::Direct => None,
            Self::Forward(proxy) | Self::Tunnel(proxy) => Some(proxy),
        }
    }

    pub(super) fn is_tls_proxy(&self) -> bool {
        matches!(self, Self::Tunnel(proxy) if proxy.proxy.protocol() == ProxyProtocol::Https)
    }

    /// The `Proxy-Authorization` for a forwarding proxy. For a tunnel, ureq sends it.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let Self::Forward(ConfiguredProxy { proxy, .. }) = self else { return None };
        proxy.username().or(proxy.password())?;
        let pair = format!("{}:{}", proxy.username().unwrap_or_default(), proxy.password().unwrap_or_default());
        let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Resolves every host to the proxy's address, because the proxy looks up the host itself.
pub(super) struct ProxyResolver(pub(super) Uri);

impl Resolver for ProxyResolver {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        DefaultResolver::default().resolve(&self.0, config, timeout)
    }
}

impl fmt::Debug for ProxyResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyResolver")
    }
}

/// Sends the request line in absolute form, `GET http://host/path`, as a forwarding proxy requires (RFC 9112, 3.2.2). ureq
/// only supports CONNECT, which proxies commonly allow for port 443 only.
#[derive(Debug)]
pub(super) struct AbsoluteFormConnector;

impl<In: Transport> Connector<In> for AbsoluteFormConnector {
    type Out = AbsoluteFormTransport<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let origin = details.uri.authority().map(|authority| format!("http://{authority}"));
        Ok(chained.map(|inner| AbsoluteFormTransport { inner, origin }))
    }
}

#[derive(Debug)]
pub(super) struct AbsoluteFormTransport<In> {
    inner: In,
    /// The part that the request line lacks; `None` once the line is sent.
    origin: Option<String>,
}

impl<In: Transport> Transport for AbsoluteFormTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let Some(origin) = self.origin.take() else { return self.inner.transmit_output(amount, timeout) };
        let output = self.inner.buffers().output();
        let path = output.iter().take(amount).position(|byte| *byte == b' ').map_or(0, |space| space + 1);
        let whole = amount + origin.len();
        if whole > output.len() {
            return Err(ureq::Error::BadUri(String::new()));
        }
        output.copy_within(path..amount, path + origin.len());
        output[path..path + origin.len()].copy_from_slice(origin.as_bytes());
        self.inner.transmit_output(whole, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_through_a_plain_http_proxy_is_forwarded() {
        for (url, proxy, way, tls) in [
            ("http://a.example/", "http://p", "forward", false),
            ("https://a.example/", "http://p", "tunnel", false),
            ("http://a.example/", "https://p", "tunnel", true),
            ("http://a.example/", "socks5://p", "tunnel", false),
        ] {
            let route = RequestRoute::new(&url.parse().unwrap(), ConfiguredProxy::parse(proxy, "ALL_PROXY"));
            let taken = match route {
                RequestRoute::Direct => "direct",
                RequestRoute::Forward(_) => "forward",
                RequestRoute::Tunnel(_) => "tunnel",
            };
            assert_eq!((taken, route.is_tls_proxy()), (way, tls), "{url} by {proxy}");
        }
    }
}
