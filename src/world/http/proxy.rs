//! Which way a request goes: straight to its host, or through a proxy that the environment names.

use std::{fmt, net::IpAddr};

use ::url::Host;
use base64::{Engine, prelude::BASE64_STANDARD};
use ureq::{
    Proxy, ProxyProtocol,
    config::Config,
    http::{HeaderValue, Uri},
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport},
    },
};

use super::{
    error::{HttpError, Kind},
    url::Url,
};

/// The proxy variables, read as curl and Go read them, which ureq does not: one proxy per scheme, lower case first.
///
/// - `http_proxy`, `HTTP_PROXY` for http URLs, `https_proxy`, `HTTPS_PROXY` for https URLs, else `all_proxy`,
///   `ALL_PROXY`.
/// - `no_proxy`, `NO_PROXY`: `*`, host names (they and what is below them; a leading `.` or `*.` changes nothing),
///   addresses, networks such as `10.0.0.0/8`; names and addresses with or without a port.
/// - Loopback never goes through a proxy.
#[derive(Clone, Default)]
pub(super) struct Proxies {
    http: Option<Variable>,
    https: Option<Variable>,
    exempt: Vec<String>,
}

#[derive(Clone)]
struct Variable {
    name: &'static str,
    /// May hold a password.
    value: String,
}

/// The way to one host.
pub(super) enum Route {
    Direct,
    /// A plain http request that an HTTP proxy passes on.
    Forward(Proxy),
    /// A connection through an HTTP proxy's CONNECT, or through SOCKS.
    Tunnel(Proxy),
}

impl Proxies {
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 4]| {
            let mut set = names.into_iter().filter_map(|name| Some(Variable { name, value: variable(name)? }));
            set.find(|variable| !variable.value.trim().is_empty())
        };
        let exempt = ["no_proxy", "NO_PROXY"].into_iter().filter_map(&variable).find(|value| !value.is_empty());
        Self {
            http: first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            exempt: exempt
                .unwrap_or_default()
                .split([',', ' '])
                .filter(|entry| !entry.is_empty())
                .map(str::to_ascii_lowercase)
                .collect(),
        }
    }

    /// A variable that is set to something unusable is an error: going around a proxy that somebody wants is none of
    /// ours.
    pub(super) fn route(&self, url: &Url) -> Result<Route, HttpError> {
        let variable = if url.is_https() { &self.https } else { &self.http };
        let Some(Variable { name, value }) = variable else { return Ok(Route::Direct) };
        if self.is_exempt(url) {
            return Ok(Route::Direct);
        }
        let Ok(proxy) = Proxy::new(value.trim()) else {
            let detail = format!("{name} is set, but not to the URL of an http, https or socks proxy");
            return Err(HttpError::new(Kind::Proxy, detail));
        };
        Ok(match proxy.protocol() {
            ProxyProtocol::Http if !url.is_https() => Route::Forward(proxy),
            _ => Route::Tunnel(proxy),
        })
    }

    fn is_exempt(&self, url: &Url) -> bool {
        let (name, address) = match url.host() {
            Some(Host::Domain(name)) => (name.trim_end_matches('.'), None),
            Some(Host::Ipv4(address)) => ("", Some(IpAddr::V4(address))),
            Some(Host::Ipv6(address)) => ("", Some(IpAddr::V6(address))),
            None => return true,
        };
        let loopback = address.is_some_and(|address| address.is_loopback());
        if loopback || name == "localhost" || name.ends_with(".localhost") {
            return true;
        }
        self.exempt.iter().any(|entry| {
            if entry == "*" {
                return true;
            }
            // An IPv6 address has colons of its own: whole entries are tried before `host:port`.
            let is_this = |host: &str| match address {
                Some(address) => is_within(address, host.trim_start_matches('[').trim_end_matches(']')),
                None => is_below(name, host.trim_start_matches('*').trim_matches('.')),
            };
            is_this(entry)
                || entry.rsplit_once(':').is_some_and(|(host, port)| port.parse() == Ok(url.port()) && is_this(host))
        })
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    match name.strip_suffix(domain) {
        Some(rest) => !domain.is_empty() && (rest.is_empty() || rest.ends_with('.')),
        None => false,
    }
}

fn is_within(address: IpAddr, network: &str) -> bool {
    let (base, length) = network.split_once('/').map_or((network, None), |(base, length)| (base, Some(length)));
    let Ok(base) = base.parse::<IpAddr>() else { return false };
    let (address, base, width) = match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) => (u128::from(u32::from(address)), u128::from(u32::from(base)), 32),
        (IpAddr::V6(address), IpAddr::V6(base)) => (u128::from(address), u128::from(base), 128),
        _ => return false,
    };
    match length.map_or(Ok(width), str::parse::<u32>) {
        Ok(length) if length <= width => (address ^ base).checked_shr(width - length).unwrap_or(0) == 0,
        _ => false,
    }
}

impl Route {
    /// Whom we connect to, for messages.
    pub(super) fn peer(&self, url: &Url) -> String {
        match self {
            Self::Direct => url.authority(),
            Self::Forward(proxy) | Self::Tunnel(proxy) => format!("the proxy {}:{}", proxy.host(), proxy.port()),
        }
    }

    pub(super) fn is_tls_proxy(&self) -> bool {
        matches!(self, Self::Tunnel(proxy) if proxy.protocol() == ProxyProtocol::Https)
    }

    /// What a forwarding proxy wants to know who we are; a tunnel's is said by ureq.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let Self::Forward(proxy) = self else { return None };
        proxy.username().or(proxy.password())?;
        let pair = format!("{}:{}", proxy.username().unwrap_or_default(), proxy.password().unwrap_or_default());
        let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Resolves every host to the proxy's address: it is the proxy that knows where the host is.
pub(super) struct ToProxy(pub(super) Uri);

impl Resolver for ToProxy {
    fn resolve(&self, _: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        DefaultResolver::default().resolve(&self.0, config, timeout)
    }
}

impl fmt::Debug for ToProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToProxy")
    }
}

/// Asks in absolute form, `GET http://host/path`, as a forwarding proxy wants it (RFC 9112, 3.2.2). ureq only knows
/// CONNECT, which proxies commonly allow for port 443 alone.
#[derive(Debug)]
pub(super) struct AbsoluteForm;

impl<In: Transport> Connector<In> for AbsoluteForm {
    type Out = Absolute<In>;

    fn connect(&self, details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let origin = details.uri.authority().map(|authority| format!("http://{authority}"));
        Ok(chained.map(|inner| Absolute { inner, origin }))
    }
}

#[derive(Debug)]
pub(super) struct Absolute<In> {
    inner: In,
    /// What is missing from the request line that is still to be sent.
    origin: Option<String>,
}

impl<In: Transport> Transport for Absolute<In> {
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

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Proxies::read(move |name| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
    }

    fn way(proxies: &Proxies, url: &str) -> String {
        let url: Url = url.parse().unwrap();
        match proxies.route(&url) {
            Ok(Route::Direct) => "direct".to_owned(),
            Ok(Route::Forward(proxy)) => format!("forward {}:{}", proxy.host(), proxy.port()),
            Ok(Route::Tunnel(proxy)) => format!("tunnel {}:{}", proxy.host(), proxy.port()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_scheme_has_its_proxy_and_lower_case_comes_first() {
        let none = proxies(&[("HTTP_PROXY", ""), ("ALL_PROXY", " ")]);
        assert_eq!(way(&none, "http://a.example/"), "direct");
        let both =
            proxies(&[("HTTP_PROXY", "http://h:1"), ("https_proxy", "s:2"), ("HTTPS_PROXY", "http://ignored:3")]);
        assert_eq!(way(&both, "http://a.example/"), "forward h:1");
        assert_eq!(way(&both, "https://a.example/"), "tunnel s:2");
        let one = proxies(&[("HTTPS_PROXY", "http://user:pa%20ss@s")]);
        assert_eq!(way(&one, "http://a.example/"), "direct");
        assert_eq!(way(&one, "https://a.example/"), "tunnel s:80");
        let all = proxies(&[("ALL_PROXY", "socks5h://all"), ("http_proxy", "https://h")]);
        assert_eq!(way(&all, "https://a.example/"), "tunnel all:1080");
        assert_eq!(way(&all, "http://a.example/"), "tunnel h:443");
    }

    #[test]
    fn an_unusable_proxy_is_an_error_that_keeps_its_password() {
        let bad = proxies(&[("HTTPS_PROXY", "gopher://user:hunter2@proxy")]);
        assert_eq!(way(&bad, "https://a/"), "HTTPS_PROXY is set, but not to the URL of an http, https or socks proxy");
        assert_eq!(way(&bad, "http://a/"), "direct");
    }

    #[test]
    fn no_proxy_takes_names_what_is_below_them_addresses_networks_and_ports() {
        let exempt =
            |list: &str, url: &str| way(&proxies(&[("all_proxy", "http://p:1"), ("NO_PROXY", list)]), url) == "direct";
        for (list, url) in [
            ("*", "https://a.example/"),
            ("b.example, A.example", "https://a.example/"),
            ("a.example", "https://x.a.example/"),
            (".a.example", "https://x.a.example/"),
            ("*.a.example", "https://a.example./"),
            ("a.example:8443", "https://a.example:8443/"),
            ("10.0.0.0/8", "http://10.1.2.3/"),
            ("10.1.2.3", "http://10.1.2.3:8080/"),
            ("10.1.2.3:8080", "http://10.1.2.3:8080/"),
            ("0.0.0.0/0", "http://192.0.2.1/"),
            ("2001:db8::/32", "http://[2001:db8::1]/"),
            ("2001:db8::1", "http://[2001:db8::1]/"),
            ("[2001:db8::1]:80", "http://[2001:db8::1]/"),
            // Loopback needs no word.
            ("", "http://localhost:8080/"),
            ("", "http://127.0.0.2/"),
            ("", "http://[::1]/"),
            ("", "https://app.localhost/"),
        ] {
            assert!(exempt(list, url), "{list:?} {url}");
        }
        for (list, url) in [
            ("", "https://a.example/"),
            ("a.example", "https://ba.example/"),
            ("a.example", "https://a.example.evil/"),
            (".", "https://a.example/"),
            ("a.example:8443", "https://a.example/"),
            ("10.0.0.0/8", "http://11.1.2.3/"),
            ("10.0.0.0/33", "http://10.0.0.0/"),
            ("10.0.0.0/8", "http://10.example/"),
            ("2001:db8::/32", "http://[2001:db9::1]/"),
            ("0.0.0.0/0", "http://[2001:db9::1]/"),
            ("localhost.example", "http://localhost.example.org/"),
        ] {
            assert!(!exempt(list, url), "{list:?} {url}");
        }
    }
}
