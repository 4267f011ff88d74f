//! A kustomization file as a YAML tree.

use super::error::KustomizationError;
use crate::yaml::{
    Position, YamlError, YamlErrorKind,
    tree::{Document, read_document},
};

/// How deep a file may nest. Kustomizations stay under ten.
const MAX_DEPTH: usize = 100;

/// Reads the only document of `text`.
pub fn parse(text: &str) -> Result<Document, KustomizationError> {
    check_characters(text)?;
    let document = read_document(text, MAX_DEPTH).map_err(|error| unreadable(text, error))?;
    document.ok_or_else(|| {
        KustomizationError::at(Position::START, "the file")
            .actual("no YAML document, only blank lines and comments")
            .expected("a kustomization: a mapping with keys such as `resources`")
            .next("is it the right file?")
    })
}

fn unreadable(text: &str, error: YamlError) -> KustomizationError {
    let YamlError { position, kind } = error;
    let the_file = KustomizationError::at(position, "the file");
    match kind {
        YamlErrorKind::Syntax(message) => {
            let line = text.lines().nth(position.line - 1).unwrap_or_default();
            let next = if line.contains('\t') {
                "use spaces instead of the tab on this line"
            } else {
                "make the file valid YAML"
            };
            the_file.actual(format!("no valid YAML: {message}")).expected("one YAML document").next(next)
        }
        YamlErrorKind::SecondDocument => the_file
            .actual("a second YAML document")
            .expected("one document")
            .next("keep the kustomization alone in its file"),
        YamlErrorKind::TooDeep(limit) => {
            the_file.actual(format!("more than {limit} levels of nesting")).expected("a kustomization")
        }
        YamlErrorKind::DuplicateKey { key, first } => KustomizationError::duplicate_key(&key, first, position),
        YamlErrorKind::Unsupported { actual, expected } => the_file.actual(actual).expected(expected),
    }
}

/// Readers of YAML disagree about some characters: some take NEL, LS, PS or a lone CR for the end of a line.
fn check_characters(text: &str) -> Result<(), KustomizationError> {
    let mut position = Position::START;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let refused = match character {
            '\u{feff}' if position == Position::START => "a byte order mark".to_owned(),
            '\r' if rest.peek() != Some(&'\n') => "a carriage return without a line feed".to_owned(),
            '\t' | '\r' | '\n' => String::new(),
            '\u{2028}' | '\u{2029}' => format!("the character U+{:04X}", u32::from(character)),
            control if control.is_control() => format!("the control character U+{:04X}", u32::from(control)),
            _ => String::new(),
        };
        if !refused.is_empty() {
            return Err(KustomizationError::at(position, "the file")
                .actual(refused)
                .expected("UTF-8 without a byte order mark, lines ending in LF or CRLF")
                .next("take the character out"));
        }
        position = match character {
            '\n' => Position { line: position.line + 1, column: 1 },
            _ => Position { column: position.column + 1, ..position },
        };
    }
    Ok(())
}
