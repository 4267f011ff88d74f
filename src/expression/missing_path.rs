//! Finds the first path of an expression that its input does not have. In jq such a path gives `null`, which is less than any
//! number: a condition such as `.settings["max-ratio"] <= 1.2` would be true without any setting.
//!
//! It reads the text, not the compiled program: plain paths that begin at the input, anywhere in the text. Behind a pipe
//! that follows a plain path, paths begin at the value of that path. Arguments of functions are skipped.

use serde_json::Value;

use super::document::{self, PathStep, step};

/// Words before a parenthesis that do not make it the arguments of a function.
const KEYWORDS: [&str; 8] = ["if", "then", "elif", "else", "and", "or", "not", "as"];

/// Describes the first path in `text` that `input` does not have. A `?` or `//` behind a path allows that it is missing.
pub(super) fn missing_path(text: &str, input: &Value) -> Option<String> {
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        at += match next {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => quoted_length(rest),
            '(' if follows_a_name(&text[..at]) => bracket_length(rest),
            // The value of the text before a pipe is the input of the text behind it.
            '|' => return missing_behind_pipe(&text[..at], rest[1..].trim_start_matches('='), input),
            '(' | '[' | '{' if !continues(&text[..at]) => {
                let length = bracket_length(rest);
                let inside = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
                let missing = missing_path(inside, input);
                if missing.is_some() {
                    return missing;
                }
                length
            }
            '.' if !continues(&text[..at]) => {
                let length = path_length(rest);
                let after = rest[length..].trim_start();
                let is_optional = after.starts_with('?') || after.starts_with("//");
                let dead_end = document::dead_end(&rest[..length], input);
                if dead_end.is_some() && !is_optional {
                    return dead_end;
                }
                length.max(1)
            }
            other => other.len_utf8(),
        };
    }
    None
}

/// The first missing path behind a pipe, if a plain path precedes the pipe.
fn missing_behind_pipe(before: &str, after: &str, input: &Value) -> Option<String> {
    let before = before.trim();
    if path_length(before) == before.len() {
        document::walk(before, input).ok().and_then(|(_, value)| missing_path(after, value))
    } else {
        None
    }
}

/// The length of the plain path that `text` begins with, which may be a single dot.
fn path_length(text: &str) -> usize {
    let mut rest = text;
    while let Some((PathStep::Key(_) | PathStep::Index(_), after)) = step(rest) {
        rest = after;
    }
    match text.len() - rest.len() {
        0 if text.starts_with('.') => 1,
        length => length,
    }
}

/// Whether the text before continues here, as a path or as the value of a variable or function.
fn continues(before: &str) -> bool {
    before.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ')' | ']' | '}' | '"' | '?' | '.' | '$'))
}

/// Whether the text before ends with the name of a function.
fn follows_a_name(before: &str) -> bool {
    let before = before.trim_end();
    let name =
        before.rsplit(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '$')).next().unwrap_or_default();
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && !KEYWORDS.contains(&name)
}

/// The length of the quoted string that `text` begins with.
fn quoted_length(text: &str) -> usize {
    let mut escaped = true;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => return at + 1,
            '\\' if !escaped => escaped = true,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of the bracketed text that `text` begins with, including the closing bracket.
fn bracket_length(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(next) = text[at..].chars().next() {
        at += match next {
            '"' => quoted_length(&text[at..]),
            other => other.len_utf8(),
        };
        match next {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_missing_path_is_found_anywhere_in_the_expression() {
        let input = json!({ "settings": { "max-ratio": 1.2, "a": null }, "findings": [{ "verdict": "passed" }] });
        for (text, missing) in [
            (r#".settings["max-ratio"] <= 1.2"#, None),
            (r#".settings["max-ration"] <= 1.2"#, Some("max-ration")),
            (r"1.2 >= .settings.max", Some("max")),
            (r"1.2>=.settings.max", Some("max")),
            (r"(.settings.max) <= 1.2", Some("max")),
            (r"(.settings.max <= 1.2) and true", Some("max")),
            (r"true and (.settings.max <= 1.2)", Some("max")),
            (r"if (.settings.max) then true else false end", Some("max")),
            (r"[.settings.max, 1] == []", Some("max")),
            (r"{a: .settings.max} == {}", Some("max")),
            (r#".settings | .["max"] <= 1.2"#, Some("max")),
            (r#".settings | .["max-ratio"] <= 1.2"#, None),
            (r". | .settings.max <= 1", Some("max")),
            (r".findings[0].verdict == .findings[1].verdict", Some("no element 1")),
            (r"(.settings.max // 1) <= 1.2", None),
            (r".settings.max? == null", None),
            (r".settings.a == null", None),
            (r#"all(.findings[]; .verdict == "passed")"#, None),
            (r#"(.findings | map(.verdict) | all(. == "passed"))"#, None),
            (r#".findings[].verdict == "passed""#, None),
            (r#".settings["max-ratio"] <= 1.2 # .gone"#, None),
            (r#"".gone" != ".settings.gone\" .gone""#, None),
            (r". != {}", None),
            (r"1.2 <= .5", None),
            ("", None),
            ("((((", None),
            ("\"", None),
            (".settings | ", None),
        ] {
            let result = missing_path(text, &input);
            match missing {
                None => assert_eq!(result, None, "{text}"),
                Some(part) => {
                    let description = result.unwrap_or_else(|| panic!("{text}: nothing is missing"));
                    assert!(description.contains(part), "{text}: {part} in {description}");
                }
            }
        }
    }
}
