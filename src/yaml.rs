//! YAML of a settings file: every key and value with its line and column, and scalars as written: `1.10` stays `1.10`.
//!
//! Refused is what settings do not need and readers of YAML interpret differently: anchors and aliases, tags, several
//! documents, duplicate keys.
//!
//! [`tree`] is the reader of YAML for the whole program, a separate crate (`crates/yaml-tree`). The edits of files work on its
//! byte ranges: [`text`] reads a file to edit, [`splices`] is an edit, [`quoting`] writes a value, and an [`EditError`] says why a
//! file is refused.

mod edit_error;
mod file_error;
pub mod quoting;
pub mod splices;
pub mod text;

pub use edit_error::EditError;
pub use file_error::unreadable_file;
pub use yaml_tree::{self as tree, Position, YamlError, YamlErrorKind};

use yaml_tree::{Content, Quoting, SpannedNode, SpannedPair};

/// A value and its position; line and column count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub line: usize,
    pub column: usize,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    /// A key without a value.
    Nothing,
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    pub line: usize,
    pub column: usize,
}

impl Node {
    /// The kind of value, for a message.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Nothing => "nothing",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// How many collections may be nested; settings need three levels.
const MAX_DEPTH: usize = 16;

/// Reads one document. An empty one is [`Value::Nothing`].
///
/// # Errors
/// Broken YAML, or YAML that the module refuses.
pub fn read(text: &str) -> Result<Node, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = tree::read_document(text, MAX_DEPTH)?;
    document.map_or(Ok(Node { line: 1, column: 1, value: Value::Nothing }), |document| plain_node(document.root))
}

fn plain_node(node: SpannedNode) -> Result<Node, YamlError> {
    let SpannedNode { position, anchor, tag, content, .. } = node;
    if anchor != 0 || tag.is_some() {
        return Err(unsupported(position, "an anchor or a tag", "the value itself"));
    }
    let value = match content {
        Content::Scalar { text, quoting: Quoting::Plain } if text.is_empty() => Value::Nothing,
        Content::Scalar { text, .. } => Value::Text(text),
        Content::List { items, .. } => Value::List(items.into_iter().map(plain_node).collect::<Result<_, _>>()?),
        Content::Map { pairs, .. } => Value::Map(pairs.into_iter().map(plain_pair).collect::<Result<_, _>>()?),
        Content::Alias(_) => return Err(unsupported(position, "an alias", "the value itself")),
    };
    let Position { line, column } = position;
    Ok(Node { line, column, value })
}

fn plain_pair(pair: SpannedPair) -> Result<(Key, Node), YamlError> {
    let position = pair.key.position;
    match plain_node(pair.key)? {
        Node { line, column, value: Value::Text(name) } => Ok((Key { name, line, column }, plain_node(pair.value)?)),
        _ => Err(unsupported(position, "a key that is not text", "a key")),
    }
}

fn unsupported(position: Position, actual: &'static str, expected: &'static str) -> YamlError {
    YamlError::new(position, YamlErrorKind::Unsupported { actual, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_stay_as_written_and_have_a_position() {
        let Value::Map(entries) = read("tag: 1.10\nlist:\n  - a\n  - \"\"\nempty:\n").unwrap().value else {
            panic!("a mapping")
        };
        assert_eq!(entries[0].1, Node { line: 1, column: 6, value: Value::Text("1.10".to_owned()) });
        assert_eq!(entries[1].0, Key { name: "list".to_owned(), line: 2, column: 1 });
        let Value::List(items) = &entries[1].1.value else { panic!("a list") };
        assert_eq!((items[0].line, items[0].column), (3, 5));
        assert_eq!(items[1].value, Value::Text(String::new()));
        assert_eq!(entries[2].1.value, Value::Nothing);
        let Value::Map(tabs) = read("a:\tx\nb: \t y z # c\nc:\t-1\nd: |\n  e:\tf\n").unwrap().value else {
            panic!("a mapping")
        };
        let texts = ["x", "y z", "-1", "e:\tf\n"].map(|text| Value::Text(text.to_owned()));
        assert!(tabs.iter().map(|(_, node)| &node.value).eq(&texts), "{tabs:?}");
        assert_eq!((tabs[1].1.line, tabs[1].1.column), (2, 6));
        assert_eq!(read("# nothing\n").unwrap().value, Value::Nothing);
    }

    #[test]
    fn yaml_that_settings_do_not_need_is_refused_with_its_position() {
        for (text, position) in [
            ("a: &x 1", "line 1, column 4"),
            ("a: 1\nb: *a", "line 2"),
            ("a: !!str 1", "line 1"),
            ("a: 1\na: 2", "line 2, column 1"),
            ("a: 1\n---\nb: 2", "line 2, column 1"),
            ("a: [1", "line 2"),
            ("a:\n\tb: 1", "line 2"),
            ("a:\t- 1", "line 1"),
            ("a:\tb: 1", "line 1"),
            ("? [a]\n: b", "line 1"),
            (&"[".repeat(60_000), "line 1"),
        ] {
            let finding = unreadable_file(&read(text).unwrap_err(), "promote-gates.yml").to_string();
            assert!(finding.contains("promote-gates.yml") && finding.contains(position), "{finding}");
        }
    }
}
