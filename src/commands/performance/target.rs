//! What a load test sends its requests to, and the difference that its users do not notice.

use std::{fmt, str::FromStr};

use crate::{error::ValueError, load_results::Unit, values::decimal::Decimal};

/// A URL, or a host, without credentials: it stands in the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(String);

impl FromStr for Target {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "a URL or a host such as `https://staging.example.com`, without spaces and without a user name or a password; give \
             credentials by `env`",
        );
        let plain = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        if plain && !text.starts_with('-') && !authority(text).contains('@') {
            Ok(Self(text.to_owned()))
        } else {
            Err(ACCEPTED)
        }
    }
}

impl fmt::Display for Target {
    /// Without the query, which may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.split(['?', '#']).next().unwrap_or_default())
    }
}

/// Between the scheme and the path.
fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The host and the port, if one is written that is not the scheme's own.
fn host(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let authority = authority(&lower);
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let default = if lower.starts_with("http://") {
        ":80"
    } else if lower.starts_with("https://") {
        ":443"
    } else {
        ""
    };
    authority.strip_suffix(default).unwrap_or(authority).to_owned()
}

impl Target {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `reported`, a URL or a host in the results of a load test, has the same host and port.
    pub fn has_host_of(&self, reported: &str) -> bool {
        host(&self.0) == host(reported)
    }

    /// The name of an endpoint without the address of this target, so that it is the same on another one:
    /// `GET https://staging.example.com/cart` becomes `GET /cart`.
    pub fn relative(&self, name: &str) -> String {
        let (method, url) = name.split_once(' ').filter(|(_, url)| url.contains("://")).unwrap_or(("", name));
        let base = self.0.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let below = |base: &str| {
            let rest = url.strip_prefix(base)?;
            (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
        };
        let origin = || {
            let (_, rest) = url.split_once("://").filter(|_| self.has_host_of(url))?;
            Some(rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]))
        };
        match below(base).filter(|_| url.contains("://")).or_else(origin) {
            None => name.to_owned(),
            Some(rest) => {
                let slash = if rest.starts_with('/') { "" } else { "/" };
                format!("{method} {slash}{rest}").trim_start().to_owned()
            }
        }
    }

    /// Whether a name is the URL of another host.
    pub fn is_elsewhere(&self, name: &str) -> bool {
        self.0.contains("://") && name.contains("://")
    }
}

/// A difference in time: `5ms`, `0.5ms`, `300us`, or `0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MinDelta(Decimal);

impl FromStr for MinDelta {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError =
            ValueError::new("`0`, or a time with its unit, `us`, `ms` or `s`, such as `5ms` or `0.5ms`");
        if text == "0" {
            return Ok(Self(Decimal::ZERO));
        }
        let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(ACCEPTED)?;
        let (number, unit) = text.split_at(unit_at);
        let number: Decimal = number.parse().map_err(|_| ACCEPTED)?;
        let unit: Unit = unit.trim_start().parse().map_err(|_| ACCEPTED)?;
        Ok(Self(unit.convert(number, Unit::Seconds)))
    }
}

impl MinDelta {
    pub fn in_unit(self, unit: Unit) -> f64 {
        Unit::Seconds.convert(self.0, unit).to_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_no_spaces_and_no_credentials() {
        for good in ["https://staging.example.com/shop", "staging:8080", "http://[::1]:80/a@b", "grpc://a.b"] {
            assert_eq!(good.parse::<Target>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "https://user:secret@example.com", "user@host", "a\nb", "-x"] {
            assert!(bad.parse::<Target>().is_err(), "{bad:?}");
        }
        assert_eq!("https://a/b?key=secret".parse::<Target>().unwrap().to_string(), "https://a/b");
    }

    #[test]
    fn hosts_are_compared_without_the_default_port() {
        let target = |text: &str| text.parse::<Target>().unwrap();
        for (given, reported) in [
            ("https://a.example/x", "https://A.example:443/y"),
            ("http://a:80", "http://a/"),
            ("a:8080", "http://a:8080/orders"),
        ] {
            assert!(target(given).has_host_of(reported), "{given} {reported}");
        }
        for (given, reported) in
            [("http://a:8080", "http://a:8081"), ("https://a", "https://b"), ("http://a", "http://a.b")]
        {
            assert!(!target(given).has_host_of(reported), "{given} {reported}");
        }
    }

    #[test]
    fn endpoints_are_named_without_the_address_of_the_target() {
        let target: Target = "https://staging.example.com/new".parse().unwrap();
        for (name, relative) in [
            ("GET https://staging.example.com/new/cart?a=1", "GET /cart?a=1"),
            ("GET https://staging.example.com/new", "GET /"),
            ("https://staging.example.com/new/", "/"),
            ("GET https://STAGING.example.com:443/newer", "GET /newer"),
            ("POST https://staging.example.com", "POST /"),
            ("GET https://other.example/new", "GET https://other.example/new"),
            ("GET /cart", "GET /cart"),
            ("Add to cart", "Add to cart"),
            ("", ""),
        ] {
            assert_eq!(target.relative(name), relative, "{name}");
        }
        let bare: Target = "staging:8080".parse().unwrap();
        assert_eq!(bare.relative("GET http://staging:8080/cart"), "GET /cart");
        assert!(target.is_elsewhere("GET https://other.example/") && !target.is_elsewhere("GET /"));
        assert!(!bare.is_elsewhere("GET https://other.example/"), "its load test may know the address");
    }

    #[test]
    fn a_difference_has_a_unit() {
        for (text, milliseconds) in
            [("0", 0.0), ("5ms", 5.0), ("0.5ms", 0.5), (".5ms", 0.5), ("300us", 0.3), ("1 s", 1000.0)]
        {
            assert_eq!(
                text.parse::<MinDelta>().map(|delta| delta.in_unit(Unit::Milliseconds)),
                Ok(milliseconds),
                "{text}"
            );
        }
        for bad in ["", "5", "5 m", "-5ms", "ms", "1e3ms", "five"] {
            assert!(bad.parse::<MinDelta>().is_err(), "{bad:?}");
        }
    }
}
