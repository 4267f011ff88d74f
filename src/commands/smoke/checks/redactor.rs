//! Hides secrets in texts that are shown: values of the environment, secret captures, cookies.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{secret::excerpt, world::url::percent_encode};

/// The shortest value that is hidden, in bytes: hiding every `1` would garble the texts and protect nothing.
pub const SHORTEST: usize = 4;

/// The shortest line of a longer secret that is hidden by itself, in bytes.
const LINE: usize = 8;

/// How much of a body is looked at for an excerpt, in bytes. Far more than an excerpt shows, so that none ends in the middle of a
/// secret.
const LOOKED_AT: usize = 64 << 10;

/// The secrets of a path, in each form in which a response may repeat them.
#[derive(Clone, Default)]
pub struct Redactor {
    /// The longest first, so that none leaves the rest of a longer one.
    forms: Vec<String>,
    /// As they are, to see whether a text holds one in a form that is not known.
    plain: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor of {} secrets", self.plain.len())
    }
}

impl Redactor {
    /// Hides a value from now on, and each line of it: a response may repeat only a part of a key.
    pub fn add(&mut self, secret: &str) {
        self.add_one(secret);
        if secret.trim().contains('\n') {
            secret.lines().filter(|line| line.trim().len() >= LINE).for_each(|line| self.add_one(line));
        }
    }

    fn add_one(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST || self.plain.iter().any(|known| known == secret) {
            return;
        }
        let json = serde_json::Value::from(secret).to_string();
        let json = json.trim_matches('"').to_owned();
        let encoded = percent_encode(secret);
        let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let quoted = html.replace('"', "&quot;").replace('\'', "&#39;");
        let forms = [
            secret.to_owned(),
            json.replace('/', "\\/"),
            json,
            encoded.replace("%20", "+"),
            encoded.to_ascii_lowercase(),
            encoded,
            html,
            quoted.replace("&#39;", "&#x27;"),
            quoted,
            BASE64_STANDARD.encode(secret),
        ];
        self.forms.extend(forms);
        self.forms.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        self.forms.dedup();
        self.plain.push(secret.to_owned());
    }

    /// The text with `***` in place of each secret. A text that holds one in a form that is not known is hidden whole.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let hidden = self.forms.iter().fold(text.to_owned(), |text, form| text.replace(form.as_str(), "***"));
        let unescaped = [hidden.replace('\\', ""), percent_decoded(&hidden)];
        let is_repeated = |secret: &String| {
            let secret = secret.replace('\\', "");
            unescaped.iter().any(|text| text.contains(&secret))
        };
        if self.plain.iter().any(is_repeated) { "*** (it repeats a secret)".to_owned() } else { hidden }
    }

    /// The beginning of a response's body, without its secrets, in at most `limit` characters. Secrets go first: a part of one
    /// would not be recognised.
    #[must_use]
    pub fn excerpt(&self, body: &[u8], limit: usize) -> String {
        match str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => {
                excerpt(&self.hide(&text[..text.floor_char_boundary(LOOKED_AT)]), limit)
            }
            _ => format!("{} bytes that are no text", body.len()),
        }
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form() {
        let mut redactor = Redactor::default();
        redactor.add("s3c/r3t \"&<x>");
        for text in [
            "got s3c/r3t \"&<x>!",
            "{\"a\": \"s3c/r3t \\\"&<x>\"}",
            "{\"a\": \"s3c\\/r3t \\\"&<x>\"}",
            "q=s3c%2Fr3t%20%22%26%3Cx%3E",
            "q=s3c%2fr3t%20%22%26%3cx%3e",
            "q=s3c%2Fr3t+%22%26%3Cx%3E",
            "<p>s3c/r3t &quot;&amp;&lt;x&gt;</p>",
            "czNjL3IzdCAiJjx4Pg==",
            "q=s3c%2fr3t \"&<x>",
        ] {
            let hidden = redactor.hide(text);
            assert!(!hidden.contains("s3c") && !hidden.contains("czNj") && hidden.contains("***"), "{text}: {hidden}");
        }
        assert_eq!(redactor.hide("nothing here, 100 %"), "nothing here, 100 %");
        assert!(!format!("{redactor:?}").contains("s3c"));
    }

    #[test]
    fn short_values_stay_and_longer_secrets_leave_no_rest() {
        let mut redactor = Redactor::default();
        redactor.add("abc");
        redactor.add("token");
        redactor.add("token-longer");
        assert_eq!(redactor.hide("abc token-longer token"), "abc *** ***");
        redactor.add("-----BEGIN KEY-----\nMIIEvQIBADANBg\nx\n-----END KEY-----\n");
        assert_eq!(redactor.hide("got MIIEvQIBADANBg x"), "got *** x");
    }

    #[test]
    fn an_excerpt_hides_before_it_cuts() {
        let mut redactor = Redactor::default();
        redactor.add("0123456789");
        assert_eq!(redactor.excerpt(b"ab 0123456789 cd", 8), "ab *** …");
        assert_eq!(redactor.excerpt(b"a\0b", 8), "3 bytes that are no text");
        assert_eq!(redactor.excerpt("ü\u{ff}".as_bytes(), 8), "üÿ");
        assert_eq!(redactor.excerpt(&[0xff, 0xfe], 8), "2 bytes that are no text");
        assert_eq!(redactor.excerpt(b"DB_PASSWORD=hunter2", 40), "DB_PASSWORD=***");
    }
}
