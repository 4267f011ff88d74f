//! Reads mappings from the YAML of the config file and of a file of checks, and makes the errors for other shapes and unknown keys.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{
    error::CommandError,
    finding::Finding,
    values::closest,
    yaml::{Key, Node, Value},
};

pub fn mapping(path: &str, name: &str, node: Node) -> Result<Vec<(Key, Node)>, CommandError> {
    match node.value {
        Value::Map(entries) => Ok(entries),
        Value::Nothing => Ok(Vec::new()),
        _ => Err(wrong_shape(path, name, &node, "a mapping of settings")),
    }
}

pub fn wrong_shape(path: &str, name: &str, node: &Node, expected: &str) -> CommandError {
    Finding::inconclusive(format!("`{name}`"))
        .actual(node.kind())
        .expected(expected)
        .with_origin(location(path, node.line, node.column))
        .bad_input()
}

pub fn unknown_key(path: &str, key: &Key, section: &str, known: &[&str]) -> CommandError {
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

pub fn location(path: &str, line: usize, column: usize) -> String {
    format!("{path}:{line}:{column}")
}

/// A list that is not empty, or one text in its place.
pub(super) fn list<T: FromStr<Err: fmt::Display>>(
    path: &str,
    key: &Key,
    node: Node,
    expected: &str,
) -> Result<Vec<T>, CommandError> {
    let items = match node.value {
        Value::List(items) if !items.is_empty() => items,
        Value::Text(_) => vec![node],
        _ => return Err(wrong_shape(path, &key.name, &node, expected)),
    };
    let one = |item: Node| match item.value {
        Value::Text(text) => parsed(path, &key.name, &text, (item.line, item.column)),
        _ => Err(wrong_shape(path, &key.name, &item, "one text")),
    };
    items.into_iter().map(one).collect()
}

/// A text, and its line and column.
pub(super) type Texts = BTreeMap<String, (String, (usize, usize))>;

pub(super) fn optional<T: FromStr<Err: fmt::Display>>(
    path: &str,
    key: &str,
    texts: &Texts,
) -> Result<Option<T>, CommandError> {
    texts.get(key).map(|(text, at)| parsed(path, key, text, *at)).transpose()
}

pub(super) fn required<T: FromStr<Err: fmt::Display>>(path: &str, key: &str, texts: &Texts) -> Result<T, CommandError> {
    let (text, at) = texts.get(key).map_or(("", (1, 1)), |(text, at)| (text.as_str(), *at));
    parsed(path, key, text, at)
}

pub(super) fn parsed<T: FromStr<Err: fmt::Display>>(
    path: &str,
    key: &str,
    text: &str,
    (line, column): (usize, usize),
) -> Result<T, CommandError> {
    text.parse().map_err(|error: T::Err| {
        Finding::inconclusive(format!("`{key}`"))
            .actual(format!("\"{text}\""))
            .expected(error.to_string())
            .with_origin(location(path, line, column))
            .bad_input()
    })
}
