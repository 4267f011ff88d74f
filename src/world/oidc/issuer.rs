//! The issuer of tokens.

use std::{fmt, str::FromStr};

use crate::{error::ValueError, runner_env::DEFAULT_SERVER, world::url::Url};

const PUBLIC_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The issuer of tokens, as their `iss` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    /// The issuer of a GitHub server. An enterprise can give its issuer its own path, which a server's name does not show.
    ///
    /// # Errors
    /// The address of the server is not one that an issuer can be at.
    pub fn of_server(server_url: Option<&str>) -> Result<Self, ValueError> {
        let server = server_url.unwrap_or(DEFAULT_SERVER).trim_end_matches('/');
        if server.eq_ignore_ascii_case(DEFAULT_SERVER) {
            return PUBLIC_ISSUER.parse();
        }
        match server.strip_prefix("https://").filter(|host| host.ends_with(".ghe.com")) {
            Some(host) => format!("https://token.actions.{host}").parse(),
            None => format!("{server}/_services/token").parse(),
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) const fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn discovery_url(&self) -> Url {
        self.url.below("/.well-known/openid-configuration")
    }
}

impl FromStr for Issuer {
    type Err = ValueError;

    /// The exact text counts, so it has only one spelling.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "an issuer: an https:// URL as in the tokens' `iss`, without a slash at the end, without a query, in lower case",
        );
        let url: Url = text.parse().map_err(|_| ACCEPTED)?;
        let is_plain = !text.contains(['?', '#']) && !text.ends_with('/') && url.full().trim_end_matches('/') == text;
        if is_plain && url.is_encrypted_or_local() { Ok(Self { text: text.to_owned(), url }) } else { Err(ACCEPTED) }
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_of_a_server_is_the_one_that_github_documents() {
        for (server, issuer) in [
            (None, "https://token.actions.githubusercontent.com"),
            (Some("https://github.com"), "https://token.actions.githubusercontent.com"),
            (Some("https://GitHub.com/"), "https://token.actions.githubusercontent.com"),
            (Some("https://octocorp.ghe.com"), "https://token.actions.octocorp.ghe.com"),
            (Some("https://github.acme.example"), "https://github.acme.example/_services/token"),
            (Some("http://127.0.0.1:8080"), "http://127.0.0.1:8080/_services/token"),
        ] {
            assert_eq!(Issuer::of_server(server).unwrap().as_str(), issuer, "{server:?}");
        }
        for server in ["http://github.acme.example", "http://github.com", "ftp://github.com", "github.com", ""] {
            assert!(Issuer::of_server(Some(server)).is_err(), "{server}");
        }
    }

    #[test]
    fn an_issuer_has_one_spelling() {
        for good in ["https://github.acme.example/_services/token/acme", "http://[::1]:9/x", "https://a.example:8443"] {
            assert_eq!(good.parse::<Issuer>().map(|issuer| issuer.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "https://a.example/",
            "https://a.example/x/",
            "https://a.example?x",
            "https://a.example#x",
            "https://A.example",
            "https://a.example:443",
            "https://a.example/x/../y",
            "https://u@a.example",
            "http://a.example",
            "a.example",
        ] {
            assert!(bad.parse::<Issuer>().is_err(), "{bad}");
        }
        let issuer: Issuer = "https://a.example/x".parse().unwrap();
        assert_eq!(issuer.discovery_url().full(), "https://a.example/x/.well-known/openid-configuration");
    }
}
