//! YAML with the place of every key and value, and scalars as they were written: `1.10` stays `1.10`.
//!
//! What a file of settings does not need is refused instead of guessed at: anchors and aliases, tags, several documents,
//! keys given twice.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use crate::finding::Finding;

/// A value and where it stands; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub line: usize,
    pub column: usize,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    /// A key with nothing behind it.
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
    /// What stands here, in words.
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

/// What is wrong, and where; line and column count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    pub line: usize,
    pub column: usize,
    seen: String,
    expected: &'static str,
}

impl YamlError {
    /// May repeat a key of the file.
    #[must_use]
    pub fn of(self, file: &str) -> Finding {
        Finding::inconclusive(file)
            .actual(format!("{} at line {}, column {}", self.seen, self.line, self.column))
            .expected(self.expected)
    }
}

/// The deepest nesting read; settings need three levels.
const DEEPEST: usize = 16;

/// Reads one document. An empty one is [`Value::Nothing`].
///
/// # Errors
/// Broken YAML, or what the module refuses.
pub fn read(text: &str) -> Result<Node, YamlError> {
    let mut reader = Reader { events: Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)) };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(document.unwrap_or(Node { line: 1, column: 1, value: Value::Nothing })),
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            event if document.is_none() => document = Some(reader.node(event, span, 0)?),
            _ => return Err(refuse(span, "a second document", "one document")),
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), YamlError> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(fault(error.marker(), error.info(), "YAML")),
            None => Err(fault(&Marker::new(0, 1, 0), "an end too early", "YAML")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, YamlError> {
        if depth > DEEPEST {
            return Err(refuse(span, "nesting deeper than settings go", "at most 16 levels"));
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if anchor != 0 || tag.is_some() {
                    return Err(refuse(span, "an anchor or a tag", "the value itself"));
                }
                if text.is_empty() && style == ScalarStyle::Plain {
                    Value::Nothing
                } else {
                    Value::Text(text.into_owned())
                }
            }
            Event::SequenceStart(0, None) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::SequenceEnd {
                        break Value::List(items);
                    }
                    items.push(self.node(event, span, depth + 1)?);
                }
            }
            Event::MappingStart(0, None) => Value::Map(self.map(depth)?),
            _ => return Err(refuse(span, "an anchor, an alias or a tag", "the value itself")),
        };
        Ok(Node { line: span.start.line(), column: span.start.col() + 1, value })
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(Key, Node)>, YamlError> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let Node { line, column, value: Value::Text(name) } = self.node(event, span, depth + 1)? else {
                return Err(refuse(span, "a key that is no text", "a key"));
            };
            if entries.iter().any(|(key, _)| key.name == name) {
                return Err(refuse(span, &format!("the key `{name}` for the second time"), "each key once"));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push((Key { name, line, column }, value));
        }
    }
}

fn fault(at: &Marker, seen: &str, expected: &'static str) -> YamlError {
    YamlError { line: at.line(), column: at.col() + 1, seen: seen.to_owned(), expected }
}

fn refuse(span: Span, seen: &str, expected: &'static str) -> YamlError {
    fault(&span.start, seen, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_stay_as_written_and_know_their_place() {
        let Value::Map(entries) = read("tag: 1.10\nlist:\n  - a\n  - \"\"\nempty:\n").unwrap().value else {
            panic!("a mapping")
        };
        assert_eq!(entries[0].1, Node { line: 1, column: 6, value: Value::Text("1.10".to_owned()) });
        assert_eq!(entries[1].0, Key { name: "list".to_owned(), line: 2, column: 1 });
        let Value::List(items) = &entries[1].1.value else { panic!("a list") };
        assert_eq!((items[0].line, items[0].column), (3, 5));
        assert_eq!(items[1].value, Value::Text(String::new()));
        assert_eq!(entries[2].1.value, Value::Nothing);
        assert_eq!(read("# nothing\n").unwrap().value, Value::Nothing);
    }

    #[test]
    fn what_settings_do_not_need_is_refused_with_its_place() {
        for (text, place) in [
            ("a: &x 1", "line 1, column 4"),
            ("a: 1\nb: *a", "line 2"),
            ("a: !!str 1", "line 1"),
            ("a: 1\na: 2", "line 2, column 1"),
            ("a: 1\n---\nb: 2", "line 3"),
            ("a: [1", "line 2"),
            ("? [a]\n: b", "line 1"),
            (&"[".repeat(60_000), "line 1"),
        ] {
            let finding = read(text).unwrap_err().of("promote-gates.yml").to_string();
            assert!(finding.contains("promote-gates.yml") && finding.contains(place), "{finding}");
        }
    }
}
