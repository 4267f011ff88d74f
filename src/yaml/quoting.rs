//! How to write a value so that every reader of YAML takes it for text.

use yaml_tree::Quoting;

/// Words that some reader of YAML takes for null, a bool or a number, in small letters.
const WORDS: [&str; 14] =
    ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "inf", "infinity", "nan"];

/// `value` in the given quoting. Plain becomes double-quoted, as kustomize does, where a reader could take the plain text for
/// something else. `flow`: inside brackets or braces.
pub fn render(value: &str, quoting: Quoting, flow: bool) -> String {
    match quoting {
        Quoting::Single => format!("'{}'", value.replace('\'', "''")),
        Quoting::Plain if plain_is_text(value) && !(flow && value.contains(':')) => value.to_owned(),
        _ => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// Whether Kubernetes' tools read nothing here: a missing value, or null.
pub fn is_null(text: &str, quoting: Quoting) -> bool {
    text.is_empty() || (quoting == Quoting::Plain && matches!(text, "~" | "null" | "Null" | "NULL"))
}

/// The characters of image references.
pub fn is_image_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-/:@+".contains(&byte)
}

/// Whether every reader takes a plain scalar for text. Readers of YAML 1.1, kustomize's among them, see numbers in `0123`,
/// `1_000` and `12:30`, a date in `2024-01-01`, a bool in `on`. False when in doubt.
pub fn plain_is_text(value: &str) -> bool {
    let Some(first) = value.bytes().next() else { return false };
    // `=` joins the two images of a text such as `app=registry/app:1.4.2`; alone it is a value of YAML 1.1.
    if !value.bytes().all(|byte| is_image_character(byte) || byte == b'=') || value.ends_with(':') {
        return false;
    }
    if first.is_ascii_alphabetic() {
        return !WORDS.contains(&value.to_ascii_lowercase().as_str());
    }
    // The first character is a digit. No number and no date has two dots (`1.4.2`). Apart from `0x`, `0o` and `0b`, none has
    // letters other than those of an exponent or a time.
    let has_base = value.len() > 1 && first == b'0' && b"xXoObB".contains(&value.as_bytes()[1]);
    let numeric = value.bytes().all(|byte| byte.is_ascii_digit() || b"._-+:eEtTzZ".contains(&byte));
    first.is_ascii_digit() && !has_base && (!numeric || value.matches('.').count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_plain_values_are_quoted() {
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
            "=",
        ] {
            assert!(!plain_is_text(value), "{value}");
            assert!(render(value, Quoting::Plain, false).starts_with('"'), "{value}");
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
            "app=registry/app:1.4.2",
        ] {
            assert!(plain_is_text(value), "{value}");
            assert_eq!(render(value, Quoting::Plain, false), value);
        }
    }

    #[test]
    fn the_existing_quoting_is_kept() {
        assert_eq!(render("v1", Quoting::Single, false), "'v1'");
        assert_eq!(render("v1", Quoting::Double, true), "\"v1\"");
        assert_eq!(render("it's", Quoting::Single, false), "'it''s'");
        assert_eq!(render("a\\\"b", Quoting::Double, false), r#""a\\\"b""#);
        assert_eq!(render("sha256:0a", Quoting::Plain, true), "\"sha256:0a\"", "old readers see a key in flow style");
    }
}
