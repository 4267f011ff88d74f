//! Reads a text that is to be edited, and refuses what readers of YAML disagree about.

use std::borrow::Cow;

use yaml_tree::{Document, Position, YamlError, YamlErrorKind, read_documents_with_duplicates};

use super::edit_error::EditError;

/// How deep a file may nest. Files of Kubernetes stay under thirty.
pub const MAX_DEPTH: usize = 100;

/// Reads all documents of `text`: YAML, or JSON. A mapping may have a key twice: whoever looks one up refuses it.
///
/// # Errors
/// Text that readers disagree about, or that is no YAML.
pub fn parse_all(text: &str) -> Result<Vec<Document>, EditError> {
    check_characters(text)?;
    read_documents_with_duplicates(&without_json_tabs(text), MAX_DEPTH).map_err(|error| unreadable(text, error))
}

/// Whether a text is JSON, in which every text has double quotes.
#[must_use]
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// JSON allows tabs between values, and never within one. YAML does not allow them as indentation.
fn without_json_tabs(text: &str) -> Cow<'_, str> {
    if text.contains('\t') && is_json(text) { text.replace('\t', " ").into() } else { text.into() }
}

/// Why a text is no YAML, with what to do.
#[must_use]
pub fn unreadable(text: &str, error: YamlError) -> EditError {
    let YamlError { position, kind } = error;
    let the_file = EditError::at(position, "the file");
    match kind {
        YamlErrorKind::Syntax(message) => {
            let line = text.lines().nth(position.line - 1).unwrap_or_default();
            let next = if line.contains("{{") {
                "name a file without templates: what a template becomes is not known before it is rendered"
            } else if line.contains('\t') {
                "use spaces instead of the tab on this line"
            } else {
                "make the file valid YAML"
            };
            the_file.actual(format!("no valid YAML: {message}")).expected("valid YAML").next(next)
        }
        YamlErrorKind::SecondDocument => the_file.actual("a second YAML document").expected("one document"),
        YamlErrorKind::TooDeep(limit) => {
            the_file.actual(format!("more than {limit} levels of nesting")).expected(format!("at most {limit}"))
        }
        YamlErrorKind::DuplicateKey { key, first } => EditError::duplicate_key(&key, first, position),
        YamlErrorKind::Unsupported { actual, expected } => the_file.actual(actual).expected(expected),
    }
}

/// Readers of YAML disagree about some characters: some take NEL, LS, PS or a lone CR for the end of a line.
pub fn check_characters(text: &str) -> Result<(), EditError> {
    // The characters below start with one of these bytes, and few others do.
    let is_suspect =
        |byte: u8| (byte.is_ascii_control() && byte != b'\t' && byte != b'\n') || matches!(byte, 0xC2 | 0xE2 | 0xEF);
    for (at, _) in text.bytes().enumerate().filter(|(_, byte)| is_suspect(*byte)) {
        let mut rest = text[at..].chars();
        let refused = match (rest.next(), rest.next()) {
            (Some('\u{feff}'), _) if at == 0 => "a byte order mark".to_owned(),
            (Some('\r'), Some('\n')) => continue,
            (Some('\r'), _) => "a carriage return without a line feed".to_owned(),
            (Some(mark @ ('\u{2028}' | '\u{2029}')), _) => format!("the character U+{:04X}", u32::from(mark)),
            (Some(control), _) if control.is_control() => format!("the control character U+{:04X}", u32::from(control)),
            _ => continue,
        };
        return Err(EditError::at(Position::of(text, at), "the file")
            .actual(refused)
            .expected("UTF-8 without a byte order mark, lines ending in LF or CRLF")
            .next("take the character out"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_readers_disagree_about_are_refused_with_their_position() {
        for (text, at, actual) in [
            ("\u{feff}a", (1, 1), "a byte order mark"),
            ("é: 1\r\nb:\ré", (2, 3), "a carriage return without a line feed"),
            ("a\r", (1, 2), "a carriage return without a line feed"),
            ("# é—é\u{2028}", (1, 6), "the character U+2028"),
            ("\n\u{2029}", (2, 1), "the character U+2029"),
            ("é\u{85}", (1, 2), "the control character U+0085"),
            ("é\n\u{7f}", (2, 1), "the control character U+007F"),
            ("a\0", (1, 2), "the control character U+0000"),
        ] {
            let error = check_characters(text).unwrap_err();
            let Position { line, column } = error.position.unwrap();
            assert_eq!(((line, column), error.finding.actual.as_str()), (at, actual), "{text:?}");
        }
        // A no-break space, a dash, a mark within the text and a full-width letter start with the same bytes.
        for text in ["", "\ta\r\n\r\n", "\u{a0}", "a — б", "a\u{feff}", "\u{ff21}", "\u{2027}\u{202a}", "👩‍🚀"]
        {
            assert_eq!(check_characters(text), Ok(()), "{text:?}");
        }
    }
}
