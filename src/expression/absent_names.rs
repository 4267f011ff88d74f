//! Finds parts of an input that an expression asks for and that are not there, where jq gives a figure all the same: `max` and
//! `add` skip a `null`, and `select` finds nothing.

use serde_json::Value;

/// The parts of an expression before each of its pipes, without those inside brackets and texts.
pub(super) fn before_pipes(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut parts = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '|' if depth == 0 && !text[at + 1..].starts_with('=') => parts.push(text[..at].trim()),
            _ => {}
        }
    }
    parts
}

/// The first text that `select(… == "…")` compares with, and that is nowhere in the input.
pub(super) fn absent_text(text: &str, input: &Value) -> Option<String> {
    text.split("select(").skip(1).map(condition).filter(|condition| !condition.contains('\\')).find_map(|condition| {
        let parts: Vec<&str> = condition.split('"').collect();
        let compared = |at: usize| {
            let behind = parts.get(at + 1).is_some_and(|behind| behind.trim_start().starts_with("=="));
            behind || parts[at - 1].trim_end().ends_with("==")
        };
        let mut literals = (1..parts.len()).step_by(2).filter(|at| compared(*at)).map(|at| parts[at]);
        literals.find(|literal| !contains(input, literal)).map(ToOwned::to_owned)
    })
}

/// The text up to the bracket that closes the one before it.
fn condition(text: &str) -> &str {
    let (mut depth, mut quoted) = (1_i32, false);
    let end = text.char_indices().find(|(_, character)| {
        match character {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    end.map_or(text, |(at, _)| &text[..at])
}

fn contains(value: &Value, literal: &str) -> bool {
    match value {
        Value::String(text) => text == literal,
        Value::Array(items) => items.iter().any(|item| contains(item, literal)),
        Value::Object(entries) => entries.iter().any(|(key, value)| key == literal || contains(value, literal)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_expression_is_cut_at_its_pipes() {
        for (text, parts) in [
            ("[.a.p99, .b.p99] | max", vec!["[.a.p99, .b.p99]"]),
            (".a | [.b | .c] | add | . / 2", vec![".a", ".a | [.b | .c]", ".a | [.b | .c] | add"]),
            ("[.a[] | .b]", vec![]),
            (".a |= 1 | .\"|\" | .b", vec![".a |= 1", ".a |= 1 | .\"|\""]),
        ] {
            assert_eq!(before_pipes(text), parts, "{text}");
        }
    }

    #[test]
    fn a_name_that_is_selected_and_absent_is_found() {
        let input = json!({ "list": [{ "name": "checkout", "p99": 70 }] });
        for (text, absent) in [
            (r#"[.list[] | select(.name == "checkout" or .name == "search") | .p99] | max"#, Some("search")),
            (r#"[.list[] | select("search" == (.name)) | .p99] | max"#, Some("search")),
            (r#"[.list[] | select(.name == "checkout") | .p99] | max"#, None),
            (r#"[.list[] | select(.name | test("search")) | .p99] | max"#, None),
            (r#".list[0] | if .name == "search" then 1 else 2 end"#, None),
        ] {
            assert_eq!(absent_text(text, &input).as_deref(), absent, "{text}");
        }
    }
}
