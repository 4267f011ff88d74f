//! The cookies of one session, by RFC 6265. A session is one path of a team's checks, so nothing is stored beyond it.

use jiff::{Timestamp, fmt::rfc2822};
use url::Host;

use crate::world::url::Url;

/// The most cookies of a session, and the most bytes of one. Source: RFC 6265, 6.1.
const MOST: usize = 300;
const LARGEST: usize = 4096;

/// The cookies that were received and not removed.
#[derive(Clone, Debug, Default)]
pub(super) struct CookieJar(Vec<Cookie>);

#[derive(Clone)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Sent to this host only, not to hosts below it.
    host_only: bool,
    path: String,
    secure: bool,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=***", self.name)
    }
}

impl CookieJar {
    /// Adds a cookie for the host of `url`, and every path there.
    pub(super) fn set(&mut self, url: &Url, name: &str, value: &str) {
        self.put(Cookie {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: host(url),
            host_only: true,
            path: "/".to_owned(),
            secure: false,
        });
    }

    /// Takes a `Set-Cookie` header of a response from `url`. One that is not for this host, or malformed, is ignored.
    pub(super) fn receive(&mut self, url: &Url, header: &str, now: Timestamp) {
        if header.len() > LARGEST || header.chars().any(char::is_control) {
            return;
        }
        let mut parts = header.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let mut cookie = Cookie {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            domain: host(url),
            host_only: true,
            path: default_path(url),
            secure: false,
        };
        let (mut expires, mut max_age) = (None, None);
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" if !value.trim_start_matches('.').is_empty() => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    if domain != cookie.domain {
                        if !covers(&domain, url) {
                            return;
                        }
                        cookie.domain = domain;
                    }
                    cookie.host_only = false;
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "max-age" => max_age = value.parse::<i64>().ok(),
                "expires" => expires = date(value),
                _ => {}
            }
        }
        // A server removes a cookie by a time that is past; Max-Age has precedence.
        let is_past = max_age.map_or_else(|| expires.is_some_and(|at| at <= now), |seconds| seconds <= 0);
        self.0.retain(|other| !other.is_same(&cookie));
        if !cookie.name.is_empty() && !is_past {
            self.put(cookie);
        }
    }

    fn put(&mut self, cookie: Cookie) {
        self.0.retain(|other| !other.is_same(&cookie));
        if self.0.len() < MOST {
            self.0.push(cookie);
        }
    }

    /// The value of the `Cookie` header of a request to `url`; `None`: without one. Longer paths come first.
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let mut sent: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.is_for(url)).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<String> = sent.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The values, to hide them.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|cookie| cookie.value.as_str())
    }
}

impl Cookie {
    fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.domain, &self.path) == (&other.name, &other.domain, &other.path)
    }

    fn is_for(&self, url: &Url) -> bool {
        let host = host(url);
        (host == self.domain || !self.host_only && covers(&self.domain, url))
            && path_matches(&self.path, url.path())
            && (!self.secure || url.is_encrypted_or_local())
    }
}

fn host(url: &Url) -> String {
    url.host().map(|host| host.to_string().to_ascii_lowercase()).unwrap_or_default()
}

/// Whether the host of `url` is below `domain`. An address has nothing below it, and a name without a dot is no domain of one
/// owner.
fn covers(domain: &str, url: &Url) -> bool {
    matches!(url.host(), Some(Host::Domain(_)))
        && domain.contains('.')
        && host(url).strip_suffix(domain).is_some_and(|below| below.ends_with('.'))
}

/// The folder of the URL's path. Source: RFC 6265, 5.1.4.
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

fn path_matches(path: &str, requested: &str) -> bool {
    requested == path || requested.strip_prefix(path).is_some_and(|below| path.ends_with('/') || below.starts_with('/'))
}

/// A date of HTTP, also in the older form with dashes: `Thu, 01-Jan-1970 00:00:00 GMT`. A weekday that does not belong to the
/// date changes nothing.
fn date(text: &str) -> Option<Timestamp> {
    let spaced = text.replace('-', " ");
    let without_weekday = spaced.split_once(',').map_or(spaced.as_str(), |(_, rest)| rest.trim());
    rfc2822::DateTimeParser::new().parse_timestamp(without_weekday).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "https://shop.example/cart/items";

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    /// The `Cookie` header to `to`, after these `Set-Cookie` headers from the shop.
    fn sent(received: &[&str], to: &str) -> Option<String> {
        let mut jar = CookieJar::default();
        for header in received {
            jar.receive(&url(SHOP), header, "2026-11-30T00:00:00Z".parse().unwrap());
        }
        jar.header(&url(to))
    }

    #[test]
    fn a_cookie_goes_back_to_its_host_and_path_only() {
        for (header, to, expected) in [
            ("a=1", SHOP, Some("a=1")),
            ("a=1", "https://shop.example/cart", Some("a=1")),
            ("a=1", "https://shop.example/cartoon", None),
            ("a=1; Path=/", "https://shop.example/", Some("a=1")),
            ("a=1; Path=/", "https://other.example/", None),
            ("a=1; Path=/", "https://www.shop.example/", None),
            ("a=1; Path=/; Domain=shop.example", "https://www.shop.example/", Some("a=1")),
            ("a=1; Path=/; Domain=.Shop.Example", "https://shop.example/", Some("a=1")),
            ("a=1; Path=/; Domain=other.example", "https://other.example/", None),
            ("a=1; Path=/; Domain=example", "https://shop.example/", None),
            ("a=1; Path=/; Domain=hop.example", "https://shop.example/", None),
            ("a=1; Path=/; Secure", "https://shop.example/", Some("a=1")),
            ("a=1; Path=/; Secure", "http://shop.example/", None),
            ("a=b=c; Path=/; HttpOnly; SameSite=Lax", "https://shop.example/", Some("a=b=c")),
            ("a=; Path=/", "https://shop.example/", Some("a=")),
            ("=1; Path=/", "https://shop.example/", None),
            ("nothing", "https://shop.example/", None),
        ] {
            assert_eq!(sent(&[header], to).as_deref(), expected, "{header} to {to}");
        }
    }

    #[test]
    fn a_later_cookie_replaces_and_a_past_one_removes() {
        for (second, expected) in [
            ("a=2", Some("a=2")),
            ("a=2; Path=/", Some("a=1; a=2")),
            ("a=; Max-Age=0", None),
            ("a=2; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", Some("a=2")),
            ("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", None),
            ("a=; Expires=Thu, 01-Jan-1970 00:00:00 GMT", None),
            ("a=2; Expires=Tue, 01 Jan 2036 00:00:00 GMT", Some("a=2")),
            ("a=2; Expires=soon", Some("a=2")),
        ] {
            assert_eq!(sent(&["a=1", second], SHOP).as_deref(), expected, "{second}");
        }
    }

    #[test]
    fn an_address_has_no_hosts_below_it() {
        let mut jar = CookieJar::default();
        let address = url("http://127.0.0.1:8080/");
        jar.receive(&address, "a=1; Domain=0.0.1", Timestamp::UNIX_EPOCH);
        assert_eq!(jar.header(&address), None);
        jar.receive(&address, "a=1; Domain=127.0.0.1", Timestamp::UNIX_EPOCH);
        assert_eq!(jar.header(&url("http://127.0.0.1:9090/")).as_deref(), Some("a=1"), "a port is no part of it");
        jar.set(&address, "given", "x");
        assert_eq!(jar.values().collect::<Vec<_>>(), ["1", "x"]);
        assert!(!format!("{jar:?}").contains("=1"), "{jar:?}");
    }
}
