//! JSON written as YAML: plain scalars are typed by the core schema of YAML 1.2, quoted ones are texts.

use serde_json::{Number, Value};

use crate::{
    error::ValueError,
    yaml::{
        Position,
        tree::{Content, Quoting, SpannedNode},
    },
};

/// The value at a position, outermost first. A key alone has no value.
#[must_use]
pub fn find(node: &SpannedNode, position: Position) -> Option<&SpannedNode> {
    if node.position == position {
        return Some(node);
    }
    match &node.content {
        Content::List { items, .. } => items.iter().find_map(|item| find(item, position)),
        Content::Map { pairs, .. } => pairs.iter().find_map(|pair| find(&pair.value, position)),
        Content::Scalar { .. } | Content::Alias(_) => None,
    }
}

/// The node as JSON.
///
/// # Errors
/// A number that JSON would write in another way, such as `1.10`; a key that is no text.
pub fn json(node: &SpannedNode) -> Result<Value, ValueError> {
    match &node.content {
        Content::Scalar { text, quoting: Quoting::Plain } => scalar(text),
        Content::Scalar { text, .. } => Ok(Value::String(text.clone())),
        Content::List { items, .. } => items.iter().map(json).collect(),
        Content::Map { pairs, .. } => {
            let entries = pairs.iter().map(|pair| {
                let (key, _) = pair.key.scalar().ok_or(ValueError::new("texts as keys"))?;
                Ok((key.to_owned(), json(&pair.value)?))
            });
            entries.collect::<Result<_, ValueError>>().map(Value::Object)
        }
        Content::Alias(_) => Err(ValueError::new("the value itself")),
    }
}

fn scalar(text: &str) -> Result<Value, ValueError> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let is_numeric = text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.parse::<f64>().is_ok();
    if !is_numeric {
        return Ok(Value::String(text.to_owned()));
    }
    // A version such as 1.10 is another number once it is read as one.
    let number = serde_json::from_str::<Number>(text).ok().filter(|number| number.to_string() == text);
    number.map(Value::Number).ok_or_else(|| {
        ValueError::from(format!("a number as JSON writes it, or a text in quotes: is {text} the text \"{text}\"?"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::tree::read_document;

    fn read(text: &str) -> Result<Value, ValueError> {
        json(&read_document(text, 16).unwrap().unwrap().root)
    }

    #[test]
    fn plain_scalars_are_typed_and_quoted_ones_are_texts() {
        assert_eq!(
            read("a: 1\nb: '1'\nc: [true, \"true\", ~, -2.5, x 1, 1.2.3]\nd: |\n  text\ne:\n").unwrap(),
            json!({ "a": 1, "b": "1", "c": [true, "true", null, -2.5, "x 1", "1.2.3"], "d": "text\n", "e": null })
        );
        for text in ["a: 1.10", "a: 007", "a: +1", "a: 1e3", "a: .5", "[1, 2.0]"] {
            assert!(read(text).is_err() == (text != "[1, 2.0]"), "{text}");
        }
    }

    #[test]
    fn a_value_is_found_by_its_position() {
        let document = read_document("a:\n  b: [x, {c: 1}]\n", 16).unwrap().unwrap();
        for (line, column, expected) in
            [(2, 3, json!({ "b": ["x", { "c": 1 }] })), (2, 6, json!(["x", { "c": 1 }])), (2, 10, json!({ "c": 1 }))]
        {
            let found = find(&document.root, Position { line, column }).unwrap();
            assert_eq!(json(found).unwrap(), expected);
        }
        assert!(find(&document.root, Position { line: 9, column: 9 }).is_none());
    }
}
