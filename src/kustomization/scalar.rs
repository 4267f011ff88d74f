//! How a value is written so that every reader takes it for text.

/// How a scalar stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    Plain,
    Single,
    Double,
    /// `|` or `>`.
    Block,
}

/// Words that some reader of YAML takes for null, a bool or a number, in small letters.
const WORDS: [&str; 14] =
    ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "inf", "infinity", "nan"];

/// `value` in the wanted quoting; plain becomes double-quoted (as kustomize does) where plain could be misread.
/// `flow`: inside brackets or braces.
pub fn written(value: &str, quote: Quote, flow: bool) -> String {
    match quote {
        Quote::Single => format!("'{}'", value.replace('\'', "''")),
        Quote::Plain if plain_is_text(value) && !(flow && value.contains(':')) => value.to_owned(),
        _ => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// Nothing, to kustomize: a missing value, or null.
pub fn is_null(text: &str, quote: Quote) -> bool {
    text.is_empty() || (quote == Quote::Plain && matches!(text, "~" | "null" | "Null" | "NULL"))
}

/// What image references are made of.
pub fn is_usual(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-/:@+".contains(&byte)
}

/// Whether a plain scalar is text to every reader: those of YAML 1.1 (kustomize's is one) see numbers in `0123`, `1_000` and
/// `12:30`, a date in `2024-01-01`, a bool in `on`. Answers no when in doubt.
pub fn plain_is_text(value: &str) -> bool {
    let Some(first) = value.bytes().next() else { return false };
    if !value.bytes().all(is_usual) || value.ends_with(':') {
        return false;
    }
    if first.is_ascii_alphabetic() {
        return !WORDS.contains(&value.to_ascii_lowercase().as_str());
    }
    // A digit. No number and no date has two dots (`1.4.2`); none but `0x`, `0o`, `0b` has letters apart from those of an
    // exponent or a time.
    let based = value.len() > 1 && first == b'0' && b"xXoObB".contains(&value.as_bytes()[1]);
    let numeric = value.bytes().all(|byte| byte.is_ascii_digit() || b"._-+:eEtTzZ".contains(&byte));
    first.is_ascii_digit() && !based && (!numeric || value.matches('.').count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_could_take_for_something_else_is_quoted() {
        for value in [
            "1",
            "1.10",
            "0123",
            "1e3",
            "12e4567",
            "1E-3",
            "true",
            "True",
            "null",
            "NULL",
            "on",
            "No",
            "y",
            "0x1F",
            "0b11",
            "0o17",
            "1_000",
            "12:30",
            "190:20:30.15",
            "2024-01-01",
            "2024-01-01T00:00:00Z",
            "nan",
            "~",
            "-",
            "-1",
            "+1",
            ".5",
            ".inf",
            "",
            "@a",
            "*",
            "a:",
            "a b",
            "a#b",
            "'a",
            "1234567",
            "20240101",
        ] {
            assert!(!plain_is_text(value), "{value}");
            assert!(written(value, Quote::Plain, false).starts_with('"'), "{value}");
        }
        for value in [
            "1.4.2",
            "v1",
            "1.10.0-rc.1",
            "a1b2c3d",
            "1a2b3c4",
            "2024.01.01",
            "20240101-abc",
            "localhost:5000/app",
            "sha256:0a",
        ] {
            assert!(plain_is_text(value), "{value}");
            assert_eq!(written(value, Quote::Plain, false), value);
        }
    }

    #[test]
    fn the_quoting_that_stands_there_is_kept() {
        assert_eq!(written("v1", Quote::Single, false), "'v1'");
        assert_eq!(written("v1", Quote::Double, true), "\"v1\"");
        assert_eq!(written("it's", Quote::Single, false), "'it''s'");
        assert_eq!(written("a\\\"b", Quote::Double, false), r#""a\\\"b""#);
        assert_eq!(written("sha256:0a", Quote::Plain, true), "\"sha256:0a\"", "old readers see a key in flow style");
    }
}
