//! Why a text cannot be read as YAML, and where.

use std::fmt;

use saphyr_parser::Marker;

/// A position in a text. Line and column count from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    pub const START: Self = Self { line: 1, column: 1 };

    /// The position of a byte, at which a character starts.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |line_break| line_break + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
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
    /// Valid YAML that the one who reads the tree refuses.
    Unsupported {
        actual: &'static str,
        expected: &'static str,
    },
}

impl YamlError {
    #[must_use]
    pub const fn new(position: Position, kind: YamlErrorKind) -> Self {
        Self { position, kind }
    }
}
