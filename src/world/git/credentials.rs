//! Authentication of git, and redaction of its output.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{secret::Secret, world::process::Program};

/// A token and the one server that it is for.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    server: String,
    token: Secret,
}

impl Credentials {
    /// `server` is a URL such as `https://github.com`; only its scheme, host and port matter.
    pub(super) fn new(server: &str, token: Secret) -> Self {
        Self { server: server.to_owned(), token }
    }

    pub(super) fn server(&self) -> String {
        redact_remote_url(&self.server)
    }

    /// Whether `url` is on the server that the token is for. Never for ssh and files.
    pub(super) fn apply_to(&self, url: &str) -> bool {
        !self.token.expose().is_empty()
            && HttpOrigin::parse(url).is_some_and(|origin| Some(origin) == HttpOrigin::parse(&self.server))
    }

    /// Lets git send the token with requests to `url`, in place of any configured authentication. `program` must have no
    /// subcommand yet. The token is passed in the environment, never in the arguments.
    pub(super) fn authenticate(&self, program: Program, url: &str) -> Program {
        // In git the most specific key wins, not the last one. A key for a shorter URL would lose against a header that
        // `actions/checkout` or a user left in the configuration. An empty value discards the headers before it.
        let key = format!("http.{}", config_key_url(url));
        program
            .args(["-c", "credential.helper="])
            .arg(format!("--config-env={key}.extraheader=PROMOTE_GATES_GIT_NO_HEADER"))
            .arg(format!("--config-env={key}.extraheader=PROMOTE_GATES_GIT_HEADER"))
            // After a redirect to another host, git sends that host all of its headers (seen with 2.39).
            .arg(format!("--config-env={key}.followRedirects=PROMOTE_GATES_GIT_NO_REDIRECT"))
            .set("PROMOTE_GATES_GIT_NO_HEADER", "")
            .set("PROMOTE_GATES_GIT_HEADER", format!("AUTHORIZATION: basic {}", self.basic()))
            .set("PROMOTE_GATES_GIT_NO_REDIRECT", "false")
            .show_args(redact_urls)
    }

    /// The credentials that GitHub expects: any user name, with the token as the password.
    fn basic(&self) -> String {
        BASE64_STANDARD.encode(format!("x-access-token:{}", self.token.expose()))
    }

    /// Removes the token, in every form in which it is sent, from `text`.
    pub(super) fn redact(&self, text: &str) -> String {
        let token = self.token.expose();
        if token.is_empty() {
            return text.to_owned();
        }
        let basic = self.basic();
        [basic.as_str(), basic.trim_end_matches('='), &BASE64_STANDARD.encode(token), token]
            .iter()
            .fold(text.to_owned(), |text, form| text.replace(form, "***"))
    }
}

/// Scheme, host and port of an HTTP URL.
#[derive(PartialEq)]
struct HttpOrigin {
    scheme: String,
    host: String,
    port: String,
}

impl HttpOrigin {
    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "http" => "80",
            "https" => "443",
            _ => return None,
        };
        let (authority, _) = split_authority(rest);
        let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address).to_ascii_lowercase();
        // The colons of an IPv6 address come before its closing bracket.
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (address.as_str(), ""),
        };
        let port = if port.is_empty() { default_port } else { port };
        Some(Self { scheme, host: host.to_owned(), port: port.to_owned() })
    }
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()))
}

/// The URL as a key of git's configuration: with the user name, without password, query and fragment.
fn config_key_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = split_authority(rest);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(userinfo, _)| userinfo.split(':').next().unwrap_or_default());
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    match user {
        Some(user) => format!("{scheme}://{user}@{address}{path}"),
        None => format!("{scheme}://{address}{path}"),
    }
}

/// Redacts a remote's URL: removes userinfo, query and fragment, each of which may hold a secret. A query that only names a
/// ref stays: GitHub's address of the rules that refused a push has one.
#[must_use]
pub fn redact_remote_url(url: &str) -> String {
    let one_slash = || url.split_once(":/").filter(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()));
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => match one_slash() {
            // `https:/…`: a misspelled URL, which may still hold secrets.
            Some((scheme, rest)) => (format!("{scheme}:/"), rest),
            // `user@host:path`, or a URL without its scheme.
            None => (String::new(), url),
        },
    };
    let (authority, path) = split_authority(rest);
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    // A file name may contain `?` and `#`, and holds no secrets.
    if scheme.is_empty() || names_a_ref(path) {
        return format!("{scheme}{address}{path}");
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}{address}{path}")
}

/// Whether the query of this path and query is a ref and nothing else: `/acme/infra/rules?ref=refs%2Fheads%2Fmain`.
fn names_a_ref(path: &str) -> bool {
    let name = path.split_once('?').and_then(|(_, query)| query.strip_prefix("ref=refs%2F"));
    name.is_some_and(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"%-_.".contains(&b)))
}

/// Redacts every URL in `text`, as [`redact_remote_url`] does.
pub(super) fn redact_urls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let start = rest[..at]
            .rfind(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))
            .map_or(0, |before| before + rest[before..].chars().next().map_or(1, char::len_utf8));
        let end = at
            + rest[at..]
                .find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '<' | '>'))
                .unwrap_or(rest.len() - at);
        shown.push_str(&rest[..start]);
        shown.push_str(&redact_remote_url(&rest[start..end]));
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_config_key_url() {
        for (url, shown) in [
            ("https://github.com/acme/infra", "https://github.com/acme/infra"),
            ("https://x-access-token:hunter2@github.com/acme/infra.git", "https://github.com/acme/infra.git"),
            ("https://hunter2@github.com", "https://github.com"),
            ("https://a:hunter@2@[::1]:8080/x?token=hunter2#y", "https://[::1]:8080/x"),
            ("https://github.com?hunter2", "https://github.com"),
            ("ssh://git@github.com/acme/infra", "ssh://github.com/acme/infra"),
            ("git@github.com:acme/infra.git", "github.com:acme/infra.git"),
            ("x-access-token:hunter2@github.com/acme/infra", "github.com/acme/infra"),
            ("https:/bob:hunter2@github.com/a/b?c", "https:/github.com/a/b"),
            (
                "https://x:y@github.com/a/rules?ref=refs%2Fheads%2Fmain",
                "https://github.com/a/rules?ref=refs%2Fheads%2Fmain",
            ),
            ("https://github.com/a/rules?ref=refs%2Fheads%2Fmain&token=hunter2", "https://github.com/a/rules"),
            ("https://github.com/a/rules?ref=refs%2Fheads%2Fmain#hunter2", "https://github.com/a/rules"),
            ("git@host:/srv/a@b.git", "host:/srv/a@b.git"),
            ("/srv/infra@old?.git", "/srv/infra@old?.git"),
            ("file:///srv/a@b.git", "file:///srv/a@b.git"),
            ("", ""),
        ] {
            assert_eq!(redact_remote_url(url), shown, "{url}");
        }
    }

    #[test]
    fn urls_inside_a_text_are_redacted() {
        let text = "fatal: unable to access 'https://bob:hunter2@x.example/r.git/': ä://hunter2@y z://b@c";
        assert_eq!(redact_urls(text), "fatal: unable to access 'https://x.example/r.git/': ä://y z://c");
    }

    #[test]
    fn a_token_applies_to_one_server_only() {
        let credentials = Credentials::new("https://github.com", Secret::new("t".into()));
        for url in ["https://github.com/a/b", "https://bob:x@GitHub.com:443/a", "HTTPS://github.com"] {
            assert!(credentials.apply_to(url), "{url}");
        }
        for url in [
            "http://github.com/a/b",
            "https://github.com.evil.example/a",
            "https://github.com:8443/a",
            "https://github.com@evil.example/a",
            "ssh://git@github.com/a",
            "git@github.com:a/b",
            "/srv/github.com",
        ] {
            assert!(!credentials.apply_to(url), "{url}");
        }
        assert!(!Credentials::new("https://github.com", Secret::new(String::new())).apply_to("https://github.com/a"));
        assert!(!Credentials::new("nonsense", Secret::new("t".into())).apply_to("nonsense"));
    }

    #[test]
    fn every_form_of_the_token_is_redacted() {
        let credentials = Credentials::new("https://github.com", Secret::new("hunter22".into()));
        let basic = credentials.basic();
        let text = format!("hunter22 {basic} {} aHVudGVyMjI=", basic.trim_end_matches('='));
        assert_eq!(credentials.redact(&text), "*** *** *** ***");
        assert_eq!(Credentials::new("x", Secret::new(String::new())).redact("abc"), "abc");
    }
}
