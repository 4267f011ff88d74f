//! Nodes of the config file's YAML in the shapes that its sections expect, and the errors for other shapes.

use crate::{
    error::CommandError,
    finding::Finding,
    values::closest,
    yaml::{Key, Node, Value},
};

pub(super) fn mapping(path: &str, what: &str, node: Node) -> Result<Vec<(Key, Node)>, CommandError> {
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::Nothing => Ok(Vec::new()),
        _ => Err(misshapen(path, what, &node, "a mapping of settings")),
    }
}

pub(super) fn misshapen(path: &str, what: &str, node: &Node, expected: &str) -> CommandError {
    Finding::inconclusive(format!("`{what}`"))
        .actual(node.kind())
        .expected(expected)
        .with_origin(location(path, node.line, node.column))
        .bad_input()
}

pub(super) fn unknown(path: &str, key: &Key, section: &str, known: &[&str]) -> CommandError {
    let finding = Finding::inconclusive(format!("`{}`", key.name))
        .actual(format!("no such key in {section}"))
        .expected(format!("one of {}", known.join(", ")))
        .with_origin(location(path, key.line, key.column));
    finding.did_you_mean(closest(&key.name, known)).bad_input()
}

pub(super) fn location(path: &str, line: usize, column: usize) -> String {
    format!("{path}:{line}:{column}")
}
