//! JSON from a file or a server: parsing it, following a path, and describing a value in one line.

use std::fmt::{self, Write};

use serde_json::{Deserializer, Value};

use crate::{error::ValueError, values::closest};

/// Parses JSON. One document gives its value; several documents, as in NDJSON (`k6 --out json`), give an array of them. So a
/// stream with a single document gives that document, not an array of one.
///
/// Empty input, nesting deeper than 127 levels and a number too large for a double are errors. A UTF-8 byte order mark is
/// skipped: some shells on Windows write one.
pub fn parse(bytes: &[u8]) -> Result<Value, ValueError> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut values = match documents(text) {
        Ok(values) => values,
        Err(error) => return Err(ValueError::from(format!("not JSON: {error}; it begins with {}", beginning(text)))),
    };
    match values.len() {
        0 => Err(ValueError::new("not JSON: there is nothing in it")),
        1 => Ok(values.remove(0)),
        _ => Ok(Value::Array(values)),
    }
}

/// Every document in `text`, in order.
pub(super) fn documents(text: &[u8]) -> Result<Vec<Value>, serde_json::Error> {
    Deserializer::from_slice(text).into_iter().collect()
}

fn beginning(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(240)];
    // Cutting may split a character, which is left out.
    let text = String::from_utf8_lossy(head);
    let whole = if head.len() < bytes.len() { text.trim_end_matches('\u{fffd}') } else { &text };
    quoted(whole, 60)
}

/// `text` in quotes, on one line, cut after `limit` characters.
pub(super) fn quoted(text: &str, limit: usize) -> String {
    let cut: String = text.chars().take(limit).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

/// What `value` displays as, cut after `limit` characters; a large value is not written out in full first.
pub(super) fn clipped(value: &impl fmt::Display, limit: usize) -> String {
    struct BoundedText {
        text: String,
        left: usize,
    }
    impl Write for BoundedText {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            for character in part.chars() {
                self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
                self.text.push(if character.is_control() { ' ' } else { character });
            }
            Ok(())
        }
    }
    let mut bounded = BoundedText { text: String::new(), left: limit };
    if write!(bounded, "{value}").is_err() {
        bounded.text.push('…');
    }
    bounded.text
}

/// Describes a value in one short line: `array of 3 objects`, `object with keys latency, … (12 more)`.
#[must_use]
pub fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", quoted(text, 40)),
        Value::Array(items) => match items.first() {
            None => "empty array".to_owned(),
            Some(first) => {
                let kind = kind(first);
                let same = items.iter().all(|item| self::kind(item) == kind);
                let plural = if items.len() == 1 { "" } else { "s" };
                let of = format!("array of {} {}{plural}", items.len(), if same { kind } else { "value" });
                match first {
                    Value::Object(entries) if !entries.is_empty() => format!("{of}, the first with {}", keys(entries)),
                    _ => of,
                }
            }
        },
        Value::Object(entries) if entries.is_empty() => "empty object".to_owned(),
        Value::Object(entries) => format!("object with {}", keys(entries)),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn keys(entries: &serde_json::Map<String, Value>) -> String {
    const SHOWN: usize = 8;
    let noun = if entries.len() == 1 { "the key" } else { "keys" };
    let mut text = entries.keys().take(SHOWN).map(|name| key(name)).collect::<Vec<_>>().join(", ");
    if let Some(more) = entries.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = write!(text, ", … ({more} more)");
    }
    format!("{noun} {text}")
}

/// A key as jq writes it: in quotes only if needed.
fn key(name: &str) -> String {
    let bare = !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    if bare && !name.is_empty() && name.len() <= 40 { name.to_owned() } else { quoted(name, 40) }
}

/// Describes where `input` ends the path that `expression` begins with: `` `.latency` has no key "avrage" (did you mean
/// "average"?): object with keys … ``. `None` if `input` has the path, or if the expression begins with something else.
pub(super) fn dead_end(expression: &str, input: &Value) -> Option<String> {
    walk(expression, input).err()
}

/// Describes the value of that path, or where `input` ends it: `` `.version` is the string "1.4.1" ``.
pub(super) fn describe_path(expression: &str, input: &Value) -> Option<String> {
    match walk(expression, input) {
        Ok((walked, _)) if walked.is_empty() => None,
        Ok((walked, value)) => Some(format!("`{walked}` is {}", shape(value))),
        Err(dead_end) => Some(dead_end),
    }
}

/// Follows the path that `expression` begins with as far as it is plain. Returns the path and its value.
pub(super) fn walk<'a>(expression: &str, input: &'a Value) -> Result<(String, &'a Value), String> {
    let mut value = input;
    let mut rest = expression.trim_start();
    let mut walked = String::new();
    loop {
        let Some((step, after)) = step(rest) else { return Ok((walked, value)) };
        let parent = if walked.is_empty() { "the input".to_owned() } else { format!("`{walked}`") };
        let next = match &step {
            PathStep::Key(name) => value.get(name.as_str()),
            PathStep::Index(index) => value.get(*index),
        };
        let Some(next) = next else {
            let near = match (&step, value) {
                (PathStep::Key(name), Value::Object(entries)) => {
                    closest(name, &entries.keys().map(String::as_str).collect::<Vec<_>>())
                }
                _ => None,
            };
            let suggestion = near.map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
            let missing = match &step {
                PathStep::Key(name) => format!("no key {}", quoted(name, 60)),
                PathStep::Index(index) => format!("no element {index}"),
            };
            let shape = if walked.is_empty() { String::new() } else { format!(": {}", shape(value)) };
            return Err(format!("{parent} has {missing}{suggestion}{shape}"));
        };
        walked.push_str(rest[..rest.len() - after.len()].trim());
        (value, rest) = (next, after);
    }
}

pub(super) enum PathStep {
    Key(String),
    Index(usize),
}

/// The first step of a plain path, and what follows it: `.name`, `."any text"`, `["any text"]`, `.["any text"]`, `[0]`.
pub(super) fn step(text: &str) -> Option<(PathStep, &str)> {
    let dotted = text.strip_prefix('.');
    if let Some(name) = dotted {
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        if end > 0 {
            return (!name.starts_with(|c: char| c.is_ascii_digit()))
                .then(|| (PathStep::Key(name[..end].to_owned()), &name[end..]));
        }
        if name.starts_with('"') {
            return string(name).map(|(name, rest)| (PathStep::Key(name), rest));
        }
    }
    let inside = dotted.unwrap_or(text).strip_prefix('[')?;
    if inside.starts_with('"') {
        let (name, rest) = string(inside)?;
        return Some((PathStep::Key(name), rest.strip_prefix(']')?));
    }
    let (index, rest) = inside.split_once(']')?;
    Some((PathStep::Index(index.trim().parse().ok()?), rest))
}

/// A JSON string at the start of `text`, and the text behind it. A jq string is a JSON string unless it interpolates.
fn string(text: &str) -> Option<(String, &str)> {
    let mut stream = Deserializer::from_str(text).into_iter::<String>();
    let name = stream.next()?.ok()?;
    Some((name, &text[stream.byte_offset()..]))
}
