//! The proxy for a URL, by the proxy variables of the environment.

use std::{collections::BTreeMap, net::IpAddr};

use ::url::Host;

use super::{error::NetworkError, proxy::ConfiguredProxy};
use crate::world::url::Url;

/// The proxy variables, with the rules of curl and Go, which ureq does not follow: one proxy per scheme, lower case first.
///
/// - `http_proxy`, `HTTP_PROXY` for http URLs, `https_proxy`, `HTTPS_PROXY` for https URLs, else `all_proxy`,
///   `ALL_PROXY`.
/// - `no_proxy`, `NO_PROXY`: `*`, host names (including their subdomains; a leading `.` or `*.` makes no difference),
///   addresses, networks such as `10.0.0.0/8`; names and addresses with or without a port.
/// - Loopback never goes through a proxy.
#[derive(Default)]
pub(super) struct Proxies {
    http: Option<ProxyVariable>,
    https: Option<ProxyVariable>,
    exempt: Vec<String>,
}

struct ProxyVariable {
    name: &'static str,
    /// May hold a password.
    value: String,
}

impl Proxies {
    pub(super) fn new(variables: &BTreeMap<String, String>) -> Self {
        let set = |name| variables.get(name).filter(|value| !value.trim().is_empty()).cloned();
        let first = |names: [&'static str; 4]| {
            names.into_iter().find_map(|name| Some(ProxyVariable { name, value: set(name)? }))
        };
        let exempt = ["no_proxy", "NO_PROXY"].into_iter().find_map(set).unwrap_or_default();
        Self {
            http: first(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: first(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            exempt: exempt.split([',', ' ']).filter(|entry| !entry.is_empty()).map(str::to_ascii_lowercase).collect(),
        }
    }

    /// The proxy for `url`.
    pub(super) fn for_url(&self, url: &Url) -> Result<Option<ConfiguredProxy>, NetworkError> {
        match if url.is_https() { &self.https } else { &self.http } {
            Some(ProxyVariable { name, value }) if !self.is_exempt(url) => {
                ConfiguredProxy::parse(value, name).map(Some).ok_or(NetworkError::Proxy(name))
            }
            _ => Ok(None),
        }
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
            // An IPv6 address contains colons, so the whole entry is tried before `host:port`.
            let matches = |host: &str| match address {
                Some(address) => is_in_network(address, host.trim_start_matches('[').trim_end_matches(']')),
                None => is_subdomain(name, host.trim_start_matches('*').trim_matches('.')),
            };
            matches(entry)
                || entry.rsplit_once(':').is_some_and(|(host, port)| port.parse() == Ok(url.port()) && matches(host))
        })
    }
}

fn is_subdomain(name: &str, domain: &str) -> bool {
    match name.strip_suffix(domain) {
        Some(rest) => !domain.is_empty() && (rest.is_empty() || rest.ends_with('.')),
        None => false,
    }
}

fn is_in_network(address: IpAddr, network: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use crate::world::network::tests::network;

    fn route(variables: &[(&str, &str)], url: &str) -> String {
        match network(variables).proxy(&url.parse().unwrap()) {
            Ok(None) => "direct".to_owned(),
            Ok(Some(proxy)) => format!("{:?} {}", proxy.scheme(), proxy.address()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_scheme_has_its_proxy_and_lower_case_comes_first() {
        let none = [("HTTP_PROXY", ""), ("ALL_PROXY", " ")];
        assert_eq!(route(&none, "http://a.example/"), "direct");
        let both = [("HTTP_PROXY", "http://h:1"), ("https_proxy", "s:2"), ("HTTPS_PROXY", "http://ignored:3")];
        assert_eq!(route(&both, "http://a.example/"), "Http h:1");
        assert_eq!(route(&both, "https://a.example/"), "Http s:2");
        let one = [("HTTPS_PROXY", "http://user:pa%20ss@s")];
        assert_eq!(route(&one, "http://a.example/"), "direct");
        assert_eq!(route(&one, "https://a.example/"), "Http s:80");
        let all = [("ALL_PROXY", "socks5h://all"), ("http_proxy", "https://h")];
        assert_eq!(route(&all, "https://a.example/"), "Socks5h all:1080");
        assert_eq!(route(&all, "http://a.example/"), "Https h:443");
    }

    #[test]
    fn an_unusable_proxy_is_an_error_without_its_password() {
        let bad = [("HTTPS_PROXY", "gopher://user:hunter2@proxy")];
        assert_eq!(
            route(&bad, "https://a/"),
            "HTTPS_PROXY is set, but not to the URL of an http, https or socks proxy"
        );
        assert_eq!(route(&bad, "http://a/"), "direct");
    }

    #[test]
    fn no_proxy_takes_names_subdomains_addresses_networks_and_ports() {
        let exempt = |list: &str, url: &str| route(&[("all_proxy", "http://p:1"), ("NO_PROXY", list)], url) == "direct";
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
            // Loopback is always exempt.
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
