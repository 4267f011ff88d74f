//! Tokens that cannot be printed, and masking of texts that seem to contain one.

use std::{convert::Infallible, fmt, str::FromStr};

use crate::values::clip;

/// Holds a token. It has no `Display`, its `Debug` hides it, and it is never serialized.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The token, for the code that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

/// A name that contains one of these has a secret value.
const NAMES: [&str; 9] =
    ["token", "secret", "passw", "pwd", "api_key", "apikey", "api-key", "authorization", "credential"];
/// The known prefixes of tokens.
const PREFIXES: [&str; 12] =
    ["ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk_live_", "AKIA", "eyJ", "AIza"];

/// Words of an error that follow `token:` in prose, as in "failed to fetch a token: unexpected status".
const ERROR_WORDS: [&str; 18] = [
    "unexpected",
    "failed",
    "failure",
    "unauthorized",
    "forbidden",
    "denied",
    "invalid",
    "expired",
    "error",
    "cannot",
    "could",
    "missing",
    "not",
    "no",
    "unable",
    "server",
    "the",
    "get",
];

/// Replaces by `***` what looks like a secret in a text from outside: values of names such as `password`, passwords in URLs,
/// credentials after `Bearer` or `Basic`, tokens with a known prefix, private keys.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut in_key = false;
    let lines = text.split('\n').map(|line| {
        if in_key || line.contains("PRIVATE KEY-----") {
            in_key = !line.contains("-----END");
            return "***".to_owned();
        }
        masked_line(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The masked beginning of such a text, in at most `limit` characters. Masking comes first: a truncated secret would not be
/// recognised.
#[must_use]
pub fn excerpt(text: &str, limit: usize) -> String {
    // Masks a bounded part only.
    clip(&masked(&clip(text.trim(), 10 * limit)), limit)
}

fn masked_line(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    // Whether a secret value follows: after such a name and `=` or `:`, or after an authorization scheme.
    let mut hides = false;
    for piece in line.split_inclusive([' ', '\t', ',', ';', '&', '{', '}', '(', ')', '[', ']', '<', '>']) {
        let end = piece.len() - piece.chars().next_back().filter(|c| !is_wordy(*c)).map_or(0, char::len_utf8);
        let (word, separator) = piece.split_at(end);
        // No value follows the name, but the reason why there is none.
        hides &= !ERROR_WORDS.contains(&&*word.to_ascii_lowercase());
        let (shown, next) = masked_word(word, hides, 0);
        out.push_str(&shown);
        out.push_str(separator);
        // A space before the value changes nothing.
        hides = next || (hides && word.trim_matches(['"', '\'', '=', ':']).is_empty());
    }
    out
}

const fn is_wordy(c: char) -> bool {
    !matches!(c, ' ' | '\t' | ',' | ';' | '&' | '{' | '}' | '(' | ')' | '[' | ']' | '<' | '>')
}

/// The maximum number of names and values in one word, as in `a=b:c`. The rest of the word is masked.
const MOST_PARTS: usize = 32;

/// The masked word, and whether the next word is a secret. `parts`: the number of parts before it in the same word.
fn masked_word(word: &str, hides: bool, parts: usize) -> (String, bool) {
    if parts == MOST_PARTS {
        return ("***".to_owned(), false);
    }
    let bare = word.trim_matches(['"', '\'', '`']);
    let lower = bare.to_ascii_lowercase();
    if matches!(lower.trim_end_matches(':'), "bearer" | "basic") {
        return (word.to_owned(), true);
    }
    if hides && !bare.trim_matches(['=', ':']).is_empty() {
        return ("***".to_owned(), false);
    }
    if bare.len() >= 16 && PREFIXES.iter().any(|prefix| bare.starts_with(prefix)) {
        return ("***".to_owned(), false);
    }
    if let Some((scheme, rest)) = word.split_once("://")
        && let Some((user, host)) = rest.split_once('@')
        && !user.contains('/')
    {
        return (format!("{scheme}://***@{host}"), false);
    }
    let Some(at) = word.find(['=', ':']) else { return (word.to_owned(), false) };
    let (name, value) = word.split_at(at + 1);
    let lower = name.to_ascii_lowercase();
    let names_secret = NAMES.iter().any(|secret| lower.contains(secret));
    match (names_secret, value.trim_matches(['"', '\'', '=', ':']).is_empty()) {
        (true, true) => (word.to_owned(), true),
        (true, false) if matches!(value.trim_matches('"').to_ascii_lowercase().as_str(), "bearer" | "basic") => {
            (word.to_owned(), true)
        }
        (true, false) => (format!("{name}***"), false),
        (false, _) => {
            let (shown, hides) =
                if value.is_empty() { (String::new(), false) } else { masked_word(value, false, parts + 1) };
            (format!("{name}{shown}"), hides)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        for (text, shown) in [
            (
                "panic: connect postgres://app:hunter2@db:5432/shop failed",
                "panic: connect postgres://***@db:5432/shop failed",
            ),
            ("DB_PASSWORD=hunter2 PORT=80", "DB_PASSWORD=*** PORT=80"),
            ("password: hunter2", "password: ***"),
            (
                "failed to fetch anonymous token: unexpected status 401",
                "failed to fetch anonymous token: unexpected status 401",
            ),
            ("token: no such host, token: s3cr3t", "token: no such host, token: ***"),
            (r#"{"password": "hunter2", "port": 80}"#, r#"{"password": ***, "port": 80}"#),
            (r#"{"api_key":"hunter2"}"#, r#"{"api_key":***}"#),
            ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
            ("header Bearer hunter2 refused", "header Bearer *** refused"),
            ("?user=a&access_token=hunter2&x=1", "?user=a&access_token=***&x=1"),
            ("got ghp_0123456789abcdefghij from env", "got *** from env"),
            ("jwt=eyJhbGciOiJIUzI1NiJ9.e30.x0123456", "jwt=***"),
            ("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nok", "***\n***\n***\nok"),
            (
                "2026-01-01T00:00:00Z error: port 80 in use (EADDRINUSE)",
                "2026-01-01T00:00:00Z error: port 80 in use (EADDRINUSE)",
            ),
            ("GET https://a.example/x?y=1 200", "GET https://a.example/x?y=1 200"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shown, "{text}");
        }
    }

    #[test]
    fn a_text_of_any_size_is_masked() {
        let parts = masked(&format!("a {} b", ":=".repeat(2_000_000)));
        assert_eq!(parts, format!("a {}*** b", ":=".repeat(MOST_PARTS / 2)));
        let long = "ÄÖ".repeat(1_000_000);
        assert_eq!(masked(&long), long);
    }
}
