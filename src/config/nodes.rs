//! Reads mappings from the config file's YAML, and makes the errors for other shapes and unknown keys.

use crate::{
    error::CommandError,
    finding::Finding,
    values::closest,
    yaml::{Key, Node, Value},
};

pub(super) fn mapping(path: &str, name: &str, node: Node) -> Result<Vec<(Key, Node)>, CommandError> {
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::Nothing => Ok(Vec::new()),
        _ => Err(wrong_shape(path, name, &node, "a mapping of settings")),
    }
}

pub(super) fn wrong_shape(path: &str, name: &str, node: &Node, expected: &str) -> CommandError {
    Finding::inconclusive(format!("`{name}`"))
        .actual(node.kind())
        .expected(expected)
        .with_origin(location(path, node.line, node.column))
        .bad_input()
}

pub(super) fn unknown_key(path: &str, key: &Key, section: &str, known: &[&str]) -> CommandError {
    let close = closest(&key.name, known);
    // A reason has 500 characters: a long list would cut off the suggestion behind it.
    let expected = match close {
        Some(_) => format!("one of its {} keys", known.len()),
        None => format!("one of {}", known.join(", ")),
    };
    let finding = Finding::inconclusive(format!("`{}`", key.name))
        .actual(format!("no such key in {section}"))
        .expected(expected)
        .with_origin(location(path, key.line, key.column));
    finding.did_you_mean(close).bad_input()
}

pub(super) fn location(path: &str, line: usize, column: usize) -> String {
    format!("{path}:{line}:{column}")
}
