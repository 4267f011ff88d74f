//! Why a file that is read, and not edited, cannot be read.

use yaml_tree::{YamlError, YamlErrorKind};

use crate::finding::Finding;

/// The finding about `file`. It may repeat a key of the file.
#[must_use]
pub fn unreadable_file(error: &YamlError, file: &str) -> Finding {
    let (actual, expected) = match &error.kind {
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
    Finding::inconclusive(file).actual(format!("{actual} at {}", error.position)).expected(expected)
}
