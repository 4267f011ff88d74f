//! An http or https URL, and how to show it without secrets.

use std::{fmt, str::FromStr};

use ::url::{Host, Position};

use crate::{error::ValueError, subject::Service};

/// An absolute `http` or `https` URL without user name and password. `Display` hides secrets in the query; [`Url::full`]
/// includes them, for sending.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url(::url::Url);

/// Percent-encodes a value for a query or a path: every byte but letters, digits and `-._~`. Source: RFC 3986, 2.3. A blank is
/// `%20`: the `+` of forms is a plus sign in a path.
#[must_use]
pub fn percent_encode(value: &str) -> String {
    let encode = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}

/// Parts of the names of query parameters whose values are hidden: `access_token`, `X-Amz-Signature`, `api-key`, `sig`.
const SECRET_NAMES: [&str; 10] = ["token", "key", "secret", "sig", "pass", "pwd", "auth", "cred", "session", "code"];

/// `{service}` in a path, as the parser of URLs writes it.
const SERVICE: &str = "%7Bservice%7D";

impl Url {
    /// The whole URL, including secrets.
    #[must_use]
    pub fn full(&self) -> &str {
        self.0.as_str()
    }

    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// `host:port`, also for a default port.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.0.host_str().unwrap_or_default(), self.port())
    }

    /// The URL up to its path, which is safe to show when a server chose the URL.
    #[must_use]
    pub fn without_query(&self) -> &str {
        &self.0[..Position::AfterPath]
    }

    /// Short names of these URLs: paths if all have the same host, else hosts with paths, without queries. Whole URLs where
    /// short names would be the same.
    #[must_use]
    pub fn short_names(urls: &[Self]) -> Vec<String> {
        let is_one_host = urls.windows(2).all(|pair| pair[0].authority() == pair[1].authority());
        let name = |url: &Self| {
            let (path, with_host) = (url.0.path(), &url.0[Position::BeforeHost..Position::AfterPath]);
            if is_one_host && path != "/" { path.to_owned() } else { with_host.trim_end_matches('/').to_owned() }
        };
        let names: Vec<String> = urls.iter().map(name).collect();
        let is_unique = |name: &String| names.iter().filter(|other| *other == name).count() == 1;
        if names.iter().all(is_unique) { names } else { urls.iter().map(ToString::to_string).collect() }
    }

    /// The path, with its encoding.
    pub(super) fn path(&self) -> &str {
        self.0.path()
    }

    pub(super) fn host(&self) -> Option<Host<&str>> {
        self.0.host()
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Whether the host is this machine without asking a name server: `localhost` or a loopback address. Names below
    /// `localhost` do not count, although they never go through a proxy.
    pub(super) fn is_loopback(&self) -> bool {
        match self.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Whether what is sent there stays between two processes: over https, or on this machine.
    pub(super) fn is_encrypted_or_local(&self) -> bool {
        self.is_https() || self.is_loopback()
    }

    /// The URL with one more parameter in its query, encoded.
    #[must_use]
    pub fn with_parameter(&self, name: &str, value: &str) -> Self {
        let mut url = self.0.clone();
        url.query_pairs_mut().append_pair(name, value);
        Self(url)
    }

    /// The URL with a longer path. `path` begins with a slash and needs no encoding.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        Self(url)
    }

    /// Whether scheme, host and port are equal, so that both URLs may receive the same credentials.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Whether `other` is the same page: the same host, path (a trailing slash makes no difference), query and port. An
    /// upgrade from http to https may change the port.
    #[must_use]
    pub fn same_page(&self, other: &Self) -> bool {
        let path = |url: &Self| url.0.path().trim_end_matches('/').to_owned();
        let upgraded = !self.is_https() && other.is_https();
        self.0.host() == other.0.host()
            && path(self) == path(other)
            && self.0.query() == other.0.query()
            && (upgraded || (self.0.scheme() == other.0.scheme() && self.port() == other.port()))
    }

    /// Resolves a reference, such as a `Location` header, against this URL.
    pub fn join(&self, location: &str) -> Result<Self, ValueError> {
        Self::checked(self.0.join(location))
    }

    /// The URL with a path and query below its own path: `/api` below `https://shop.example/v1` is `/v1/api`.
    ///
    /// # Errors
    /// The path does not make a URL.
    pub fn below_path(&self, path: &str) -> Result<Self, ValueError> {
        format!("{}{path}", self.without_query().trim_end_matches('/')).parse()
    }

    /// Parses a setting, with an error that says what the setting accepts.
    pub fn from_setting(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "an http:// or https:// URL, without a space or a backslash, and without a user name or a password: those go in a \
             header",
        );
        text.parse().map_err(|_| ACCEPTED)
    }

    /// Whether the path has `{service}`, which stands for the name of a service.
    #[must_use]
    pub fn names_service(&self) -> bool {
        self.0.path().contains(SERVICE)
    }

    /// The URL with the name of a service in place of `{service}`.
    #[must_use]
    pub fn for_service(&self, service: &Service) -> Self {
        let mut url = self.clone();
        url.0.set_path(&self.0.path().replace(SERVICE, service.as_str()));
        url
    }

    fn checked(parsed: Result<::url::Url, ::url::ParseError>) -> Result<Self, ValueError> {
        let mut url = parsed.map_err(|error| ValueError::from(format!("no valid URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ValueError::from(format!(
                "a URL with the scheme {:?}; accepted are http:// and https://",
                url.scheme()
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ValueError::new("a URL with a user name or password in it; accepted are those in a header"));
        }
        url.set_fragment(None);
        Ok(Self(url))
    }
}

impl FromStr for Url {
    type Err = ValueError;

    /// Stricter than browsers, which drop line breaks, treat `\` as `/` and find a host in `http:///x`.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let invalid = |reason: &str| Err(ValueError::from(format!("{reason}; accepted are http:// and https:// URLs")));
        if text.chars().any(|character| character.is_control() || character.is_whitespace() || character == '\\') {
            return invalid("a URL with a space, a control character or a backslash in it");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return invalid("no absolute URL");
        };
        if !["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return invalid(&format!("a URL with the scheme {scheme:?}"));
        }
        if rest.starts_with(['/', '?', '#']) || rest.is_empty() {
            return invalid("a URL without a host");
        }
        Self::checked(::url::Url::parse(text))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..Position::AfterPath])?;
        let Some(query) = self.0.query() else { return Ok(()) };
        for (index, pair) in query.split('&').enumerate() {
            f.write_str(if index == 0 { "?" } else { "&" })?;
            match pair.split_once('=') {
                Some((name, _)) if is_secret_parameter(name) => write!(f, "{name}=***")?,
                _ => f.write_str(pair)?,
            }
        }
        Ok(())
    }
}

fn is_secret_parameter(name: &str) -> bool {
    // An encoded name counts as secret, because the encoding may hide a letter of the name.
    let name = name.to_ascii_lowercase();
    name.contains('%') || SECRET_NAMES.iter().any(|part| name.contains(part))
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Redacts a text that is not a valid [`Url`]: removes its user name, password, query and fragment. Hides the whole text
/// when these cannot be located.
#[must_use]
pub fn redact_invalid_url(text: &str) -> String {
    const HIDDEN: &str = "a text that is hidden: it may hold a password";
    let end = text.find(['?', '#']).unwrap_or(text.len());
    if text[end..].contains('@') {
        return HIDDEN.to_owned();
    }
    let shown = &text[..end];
    match shown.rsplit_once('@') {
        None => shown.to_owned(),
        Some((before, host)) => match before.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://{host}"),
            None => HIDDEN.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_stand_for_each_service() {
        let url: Url = "https://staging.example/{service}/ready?for={service}".parse().unwrap();
        assert!(url.names_service());
        let of_cart = url.for_service(&"cart".parse().unwrap());
        assert_eq!(of_cart.full(), "https://staging.example/cart/ready?for={service}");
        assert!(!of_cart.names_service());
        let plain: Url = "https://staging.example/service/ready".parse().unwrap();
        assert!(!plain.names_service() && plain.for_service(&"cart".parse().unwrap()) == plain);
    }

    #[test]
    fn a_url_is_absolute_http_and_holds_no_password() {
        for (text, full) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("HTTPS://Staging.Example:443/health/ready?x=1#top", "https://staging.example/health/ready?x=1"),
            ("http://[::1]:9/%41", "http://[::1]:9/%41"),
            ("https://bücher.example/ä?ö", "https://xn--bcher-kva.example/%C3%A4?%C3%B6"),
        ] {
            assert_eq!(text.parse::<Url>().unwrap().full(), full);
        }
        for (text, why) in [
            ("", "no absolute URL"),
            ("staging.example/health", "no absolute URL"),
            ("http:/staging.example", "no absolute URL"),
            ("ftp://staging.example/x", "the scheme \"ftp\""),
            ("file:///etc/passwd", "the scheme \"file\""),
            ("javascript://x/%0aalert(1)", "the scheme \"javascript\""),
            ("http://", "without a host"),
            ("http:///x", "without a host"),
            ("https://?x", "without a host"),
            ("http://:80/", "empty host"),
            ("http://a:99999/", "invalid port"),
            ("http://a b/", "a space"),
            ("http://a/\r\nX: y", "a control character"),
            ("http://a\\@b/", "a backslash"),
            ("http://1.2.3.4.5/", "invalid IPv4 address"),
            ("http://[::1/", "invalid IPv6 address"),
            ("http://bob@a/", "user name or password"),
            ("http://bob:hunter2@a/", "user name or password"),
        ] {
            let error = text.parse::<Url>().expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_page_is_identified_by_its_host_port_path_and_query() {
        let same = |one: &str, other: &str| one.parse::<Url>().unwrap().same_page(&other.parse().unwrap());
        for (one, other) in [
            ("http://a/ready", "http://a:80/ready"),
            ("http://a/ready?x=1", "http://a/ready/?x=1"),
            ("http://a", "http://a/#x"),
            ("http://a/ready", "https://a/ready"),
            ("http://a:8080/ready", "https://a:8443/ready"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("http://a/ready", "http://a/sign-in"),
            ("http://a/ready", "http://a/Ready"),
            ("http://a/ready", "http://a/"),
            ("http://a/?page=ready", "http://a/?page=sign-in"),
            ("http://a/ready", "http://a/ready?signed-in=0"),
            ("http://a/", "http://b/"),
            ("http://a/", "https://www.a/"),
            ("http://a/", "http://a:8080/"),
            ("https://a/", "https://a:8443/"),
            ("https://a/", "http://a/"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn secrets_in_the_query_are_not_shown() {
        let url: Url =
            "https://a.example/p/key?page=2&access_token=s3cr3t&X-Amz-Signature=s3cr3t&flag&%6Bey=s3cr3t&q=a=b"
                .parse()
                .unwrap();
        let shown = "https://a.example/p/key?page=2&access_token=***&X-Amz-Signature=***&flag&%6Bey=***&q=a=b";
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), shown);
        assert!(url.full().contains("s3cr3t"));
        assert_eq!("http://a/".parse::<Url>().unwrap().to_string(), "http://a/");
        assert_eq!(url.without_query(), "https://a.example/p/key");
    }

    #[test]
    fn secrets_in_an_invalid_url_are_not_shown() {
        for (text, shown) in [
            ("staging.example/health", "staging.example/health"),
            ("ftp://staging.example/x?token=s3cr3t#s3cr3t", "ftp://staging.example/x"),
            ("https://bob:s3cr3t@staging.example/x", "https://staging.example/x"),
            ("https://bob:s3@cr3t@staging.example", "https://staging.example"),
            ("https://a/@acme/x", "https://acme/x"),
            ("", ""),
        ] {
            assert_eq!(redact_invalid_url(text), shown, "{text}");
        }
        for text in ["bob:s3cr3t@staging.example", "https:/bob:s3cr3t@a", "https://b:s3?cr3t@a", "https://b:s3#cr3t@a"]
        {
            assert!(
                redact_invalid_url(text).contains("hidden") && !redact_invalid_url(text).contains("s3"),
                "{text}: {}",
                redact_invalid_url(text)
            );
        }
    }
}
