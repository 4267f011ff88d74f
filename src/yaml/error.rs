//! Why a text cannot be read as YAML, and where.

use std::fmt;

use saphyr_parser::Marker;

use crate::finding::Finding;

/// A position in a text. Line and column count from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    pub const START: Self = Self { line: 1, column: 1 };
}

impl From<Marker> for Position {
    fn from(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text is refused, and the position of the cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    pub position: Position,
    pub kind: YamlErrorKind,
}

/// What the text contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum YamlErrorKind {
    /// No valid YAML; the message is the parser's.
    Syntax(String),
    SecondDocument,
    /// More nested collections than the given limit.
    TooDeep(usize),
    /// One mapping has a key twice.
    DuplicateKey {
        key: String,
        first: Position,
    },
    /// Valid YAML that settings do not need.
    Unsupported {
        actual: &'static str,
        expected: &'static str,
    },
}

impl YamlError {
    pub(super) const fn new(position: Position, kind: YamlErrorKind) -> Self {
        Self { position, kind }
    }

    /// The finding about the settings file `file`. It may repeat a key of the file.
    #[must_use]
    pub fn to_finding(&self, file: &str) -> Finding {
        let (actual, expected) = match &self.kind {
            YamlErrorKind::Syntax(message) => (message.clone(), "YAML".to_owned()),
            YamlErrorKind::SecondDocument => ("a second document".to_owned(), "one document".to_owned()),
            YamlErrorKind::TooDeep(limit) => {
                ("nesting deeper than settings need".to_owned(), format!("at most {limit} levels"))
            }
            YamlErrorKind::DuplicateKey { key, .. } => {
                (format!("the key `{key}` for the second time"), "each key once".to_owned())
            }
            YamlErrorKind::Unsupported { actual, expected } => ((*actual).to_owned(), (*expected).to_owned()),
        };
        Finding::inconclusive(file).actual(format!("{actual} at {}", self.position)).expected(expected)
    }
}
