//! A request header whose value is never shown, because it may be a token.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ureq::http::{HeaderName, HeaderValue};

use crate::error::ValueError;
use crate::secret::Secret;

/// One header of a request, written as `Name: value`. Only its name is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: HeaderName,
    value: Secret,
}

/// Headers that frame the message or control the connection. The client sets them, so they cannot be given.
const RESERVED: [&str; 8] =
    ["connection", "content-length", "expect", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"];

/// Headers whose values are not secret. Pages contain these values for other reasons, so they are not hidden.
const PUBLIC: [&str; 7] =
    ["accept", "accept-encoding", "accept-language", "cache-control", "host", "pragma", "user-agent"];

/// The shortest value that is hidden, in bytes. Hiding every `1` would garble the log and protect nothing.
const MIN_SECRET_LENGTH: usize = 4;

/// The secrets in `Name: value`, well-formed or not: the value, the credentials after a scheme such as `Bearer`, and the
/// password in `Basic` credentials. Empty for a public header.
#[must_use]
pub fn header_secrets(text: &str) -> Vec<Secret> {
    let (name, value) = text.split_once(':').unwrap_or(("", text));
    if PUBLIC.iter().any(|public| public.eq_ignore_ascii_case(name.trim())) {
        return Vec::new();
    }
    let value = value.trim();
    let credentials = value.split_once(' ').map(|(_, credentials)| credentials.trim());
    let basic = credentials.filter(|_| value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic ")));
    let password = basic.and_then(password_of);
    let texts = [value].into_iter().chain(credentials).map(ToOwned::to_owned).chain(password);
    texts.filter(|text| text.len() >= MIN_SECRET_LENGTH).map(Secret::new).collect()
}

/// The password in the credentials of `Basic` (RFC 7617).
fn password_of(credentials: &str) -> Option<String> {
    let pair = String::from_utf8(BASE64_STANDARD.decode(credentials).ok()?).ok()?;
    Some(pair.split_once(':')?.1.to_owned())
}

impl Header {
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether `text` repeats a secret of this header, as an echoing page would; also when it is escaped with the backslashes
    /// of JSON or the percent signs of a URL.
    #[must_use]
    pub fn is_repeated_in(&self, text: &str) -> bool {
        let unescape = |text: &str| text.replace('\\', "");
        let texts = [unescape(text), percent_decoded(text)];
        let header = format!("{}: {}", self.name, self.value.expose());
        let secrets = header_secrets(&header);
        secrets
            .iter()
            .map(|secret| unescape(secret.expose()))
            .any(|secret| texts.iter().any(|text| text.contains(&secret)))
    }

    pub(in crate::world) fn wire_name(&self) -> &HeaderName {
        &self.name
    }

    pub(in crate::world) fn wire_value(&self) -> Result<HeaderValue, ValueError> {
        let text = Some(self.value.expose()).filter(|text| text.is_ascii());
        let value = text.and_then(|text| HeaderValue::from_str(text).ok());
        let mut value = value.ok_or_else(|| {
            ValueError::from(format!(
                "the value of {} holds a control character or a character outside of ASCII",
                self.name
            ))
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Decodes `%2B` to `+`, and leaves invalid sequences as they are.
fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => bytes.extend([&[byte], &part.as_bytes()[2..]].concat()),
            None => bytes.extend([b"%", part.as_bytes()].concat()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl FromStr for Header {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let Some((name, value)) = text.split_once(':') else {
            return Err(ValueError::new("no colon in it; accepted is `Name: value`"));
        };
        let name = HeaderName::from_str(name.trim())
            .map_err(|_| ValueError::new("no header name before the colon; accepted is `Name: value`"))?;
        if RESERVED.contains(&name.as_str()) {
            return Err(ValueError::from(format!("{name} cannot be set: it belongs to the connection")));
        }
        let value: Secret = value.trim_matches([' ', '\t']).to_owned().parse().unwrap_or_else(|never| match never {});
        if value.expose().is_empty() {
            return Err(ValueError::from(format!("{name} has no value: is the secret behind it set?")));
        }
        let header = Self { name, value };
        header.wire_value()?;
        Ok(header)
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_debug_show_the_name_only() {
        let header: Header = " Authorization:\tBearer s3cr3t:x ".parse().unwrap();
        assert_eq!(header.wire_value().unwrap(), "Bearer s3cr3t:x");
        assert_eq!(
            (header.to_string().as_str(), format!("{header:?}").as_str()),
            ("authorization", "authorization: ***")
        );
        assert_eq!(format!("{:?}", header.wire_value().unwrap()), "Sensitive");
    }

    #[test]
    fn the_secrets_of_a_header_are_its_value_and_its_credentials() {
        let secrets =
            |text: &str| header_secrets(text).iter().map(|secret| secret.expose().to_owned()).collect::<Vec<_>>();
        assert_eq!(secrets("Authorization: Bearer s3cr3t"), ["Bearer s3cr3t", "s3cr3t"]);
        assert_eq!(secrets("x-api-key:s3cr3t"), ["s3cr3t"]);
        assert_eq!(secrets("s3cr3t"), ["s3cr3t"], "a value without a name");
        let basic = "YWxpY2U6czNjcjN0OjE="; // alice:s3cr3t:1
        assert_eq!(secrets(&format!("Authorization: basic {basic}")), [&format!("basic {basic}"), basic, "s3cr3t:1"]);
        assert_eq!(secrets("X: Basic s3cr3t?"), ["Basic s3cr3t?", "s3cr3t?"]);
        for plain in ["Accept: application/json", "HOST: shop.example", "X-Probe: 1", "X:", ""] {
            assert_eq!(secrets(plain), [""; 0], "{plain}");
        }
    }

    #[test]
    fn a_page_that_repeats_a_secret_is_detected() {
        let header = |text: &str| text.parse::<Header>().unwrap();
        let token = header("Authorization: Bearer ab/c\"d");
        for page in ["ab/c\"d", r#"{"auth": "Bearer ab\/c\"d"}"#] {
            assert!(token.is_repeated_in(page), "{page}");
        }
        for page in ["https://a/ab%2Fc%22d", "100% ab%2fc\"d", "%zz%2Bab/c%22d%"] {
            assert!(token.is_repeated_in(page), "{page}");
        }
        assert!(!token.is_repeated_in("Bearer"));
        assert!(header("Authorization: Basic YWxpY2U6czNjcjN0OjE=").is_repeated_in("PHP_AUTH_PW=s3cr3t:1"));
        assert!(!header("Accept: application/json").is_repeated_in("application/json"));
    }

    #[test]
    fn an_invalid_header_is_refused_without_showing_its_value() {
        for (text, why) in [
            ("Authorization s3cr3t", "no colon"),
            (": s3cr3t", "no header name"),
            ("X Y: s3cr3t", "no header name"),
            ("X\r\nY: s3cr3t", "no header name"),
            ("X: s3cr3t\r\nY: z", "value of x holds"),
            ("X: s3cr3t\u{0}", "value of x holds"),
            ("X: s3cr3té", "value of x holds"),
            ("Authorization:  ", "has no value"),
            ("Content-Length: 5", "cannot be set"),
            ("transfer-encoding: chunked", "cannot be set"),
        ] {
            let error = text.parse::<Header>().expect_err(text).to_string();
            assert!(error.contains(why) && !error.contains("s3cr3t"), "{text:?}: {error}");
        }
    }
}
