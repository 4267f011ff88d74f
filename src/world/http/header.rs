//! A request header whose value is nobody's business.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ureq::http::{HeaderName, HeaderValue};

use crate::error::ValueError;
use crate::secret::Secret;

/// One header of a request, from `Name: value`. The value may be a token: only the name is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: HeaderName,
    value: Secret,
}

/// What decides how a message is framed or a connection is used is ours to say.
const OURS: [&str; 8] =
    ["connection", "content-length", "expect", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"];

/// What only says what is asked for, and how: their values are no secrets, and words that pages hold for other reasons.
const PLAIN: [&str; 7] =
    ["accept", "accept-encoding", "accept-language", "cache-control", "host", "pragma", "user-agent"];

/// The shortest text that is taken for a secret: hiding each `1` would hide half of a log, and protect nothing.
const SHORTEST: usize = 4;

/// What of `Name: value`, well-formed or not, nobody may read: the value, behind a scheme such as `Bearer` the credentials
/// alone, and of `Basic` ones the password as well. Nothing of a header that only says what is asked for.
#[must_use]
pub fn secrets_of(text: &str) -> Vec<Secret> {
    let (name, value) = text.split_once(':').unwrap_or(("", text));
    if PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(name.trim())) {
        return Vec::new();
    }
    let value = value.trim();
    let behind_scheme = value.split_once(' ').map(|(_, credentials)| credentials.trim());
    let basic = behind_scheme.filter(|_| value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic ")));
    let password = basic.and_then(password_of);
    let texts = [value].into_iter().chain(behind_scheme).map(ToOwned::to_owned).chain(password);
    texts.filter(|text| text.len() >= SHORTEST).map(Secret::new).collect()
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

    /// Whether `text` holds what of this header nobody may read: a page may repeat what it was asked with. Found as well
    /// where JSON has put backslashes into it, or an address percent signs.
    #[must_use]
    pub fn is_repeated_in(&self, text: &str) -> bool {
        let bare = |text: &str| text.replace('\\', "");
        let texts = [bare(text), without_percent(text)];
        let own = format!("{}: {}", self.name, self.value.expose());
        let secrets = secrets_of(&own);
        secrets.iter().map(|secret| bare(secret.expose())).any(|secret| texts.iter().any(|text| text.contains(&secret)))
    }

    pub(super) fn name_on_the_wire(&self) -> &HeaderName {
        &self.name
    }

    pub(super) fn value_on_the_wire(&self) -> Result<HeaderValue, ValueError> {
        let text = Some(self.value.expose()).filter(|text| text.is_ascii());
        let value = text.and_then(|text| HeaderValue::from_str(text).ok());
        let mut value = value.ok_or_else(|| {
            ValueError::from(format!(
                "the value of {} holds a control character or something that is no ASCII",
                self.name
            ))
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// A text in which `%2B` stands for `+` again.
fn without_percent(text: &str) -> String {
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
        if OURS.contains(&name.as_str()) {
            return Err(ValueError::from(format!("{name} cannot be set: it belongs to the connection")));
        }
        let value: Secret = value.trim_matches([' ', '\t']).to_owned().parse().unwrap_or_else(|never| match never {});
        if value.expose().is_empty() {
            return Err(ValueError::from(format!("{name} has no value: is the secret behind it set?")));
        }
        let header = Self { name, value };
        header.value_on_the_wire()?;
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
    fn a_header_shows_its_name_only() {
        let header: Header = " Authorization:\tBearer s3cr3t:x ".parse().unwrap();
        assert_eq!(header.value_on_the_wire().unwrap(), "Bearer s3cr3t:x");
        assert_eq!(
            (header.to_string().as_str(), format!("{header:?}").as_str()),
            ("authorization", "authorization: ***")
        );
        assert_eq!(format!("{:?}", header.value_on_the_wire().unwrap()), "Sensitive");
    }

    #[test]
    fn what_nobody_may_read_is_the_value_and_the_credentials_in_it() {
        let secrets = |text: &str| secrets_of(text).iter().map(|secret| secret.expose().to_owned()).collect::<Vec<_>>();
        assert_eq!(secrets("Authorization: Bearer s3cr3t"), ["Bearer s3cr3t", "s3cr3t"]);
        assert_eq!(secrets("x-api-key:s3cr3t"), ["s3cr3t"]);
        assert_eq!(secrets("s3cr3t"), ["s3cr3t"], "a forgotten name");
        let basic = "YWxpY2U6czNjcjN0OjE="; // alice:s3cr3t:1
        assert_eq!(secrets(&format!("Authorization: basic {basic}")), [&format!("basic {basic}"), basic, "s3cr3t:1"]);
        assert_eq!(secrets("X: Basic s3cr3t?"), ["Basic s3cr3t?", "s3cr3t?"]);
        for plain in ["Accept: application/json", "HOST: shop.example", "X-Probe: 1", "X:", ""] {
            assert_eq!(secrets(plain), [""; 0], "{plain}");
        }
    }

    #[test]
    fn a_page_that_repeats_a_header_is_found_out() {
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
    fn what_is_no_header_is_refused_without_showing_it() {
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
