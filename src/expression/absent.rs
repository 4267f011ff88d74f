//! What an expression asks for by name, and its input lacks. To jq that is `null`, which is less than any number: a
//! condition such as `.settings["max-ratio"] <= 1.2` would hold where nothing was set.
//!
//! It reads the text, not the program: plain paths that begin at the input, wherever they stand. What comes behind a pipe
//! begins elsewhere, and is followed where that is a plain path as well; the arguments of functions are left alone.

use serde_json::Value;

use super::document::{self, Step, step};

/// Words that a parenthesis may follow without being a function's.
const WORDS: [&str; 8] = ["if", "then", "elif", "else", "and", "or", "not", "as"];

/// Where the first of the paths in `text` leaves `input`, unless `?` or `//` behind it says that it may.
pub(super) fn absent(text: &str, input: &Value) -> Option<String> {
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        at += match next {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => quoted(rest),
            '(' if follows_a_name(&text[..at]) => closed(rest),
            // Everything up to here is the input of what follows.
            '|' => return behind(&text[..at], rest[1..].trim_start_matches('='), input),
            '(' | '[' | '{' if !continues(&text[..at]) => {
                let length = closed(rest);
                let inside = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
                let found = absent(inside, input);
                if found.is_some() {
                    return found;
                }
                length
            }
            '.' if !continues(&text[..at]) => {
                let length = path(rest);
                let may_be_absent = rest[length..].trim_start();
                let may_be_absent = may_be_absent.starts_with('?') || may_be_absent.starts_with("//");
                let dead_end = document::dead_end(&rest[..length], input);
                if dead_end.is_some() && !may_be_absent {
                    return dead_end;
                }
                length.max(1)
            }
            other => other.len_utf8(),
        };
    }
    None
}

/// What follows a pipe, when what stands before it is a plain path.
fn behind(before: &str, after: &str, input: &Value) -> Option<String> {
    let before = before.trim();
    if path(before) == before.len() {
        document::walk(before, input).ok().and_then(|(_, value)| absent(after, value))
    } else {
        None
    }
}

/// The length of the plain path that `text` begins with; a lone dot is one.
fn path(text: &str) -> usize {
    let mut rest = text;
    while let Some((Step::Key(_) | Step::Index(_), after)) = step(rest) {
        rest = after;
    }
    match text.len() - rest.len() {
        0 if text.starts_with('.') => 1,
        length => length,
    }
}

/// Whether what stands before goes on here: a path, a variable, the value of a function.
fn continues(before: &str) -> bool {
    before.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ')' | ']' | '}' | '"' | '?' | '.' | '$'))
}

fn follows_a_name(before: &str) -> bool {
    let before = before.trim_end();
    let name =
        before.rsplit(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '$')).next().unwrap_or_default();
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && !WORDS.contains(&name)
}

/// The length of the text in quotes that `text` begins with.
fn quoted(text: &str) -> usize {
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

/// The length of the bracket that `text` begins with, up to the one that closes it.
fn closed(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(next) = text[at..].chars().next() {
        at += match next {
            '"' => quoted(&text[at..]),
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
    fn a_path_that_leads_nowhere_is_told_wherever_it_stands() {
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
            let found = absent(text, &input);
            match missing {
                None => assert_eq!(found, None, "{text}"),
                Some(part) => {
                    let found = found.unwrap_or_else(|| panic!("{text}: nothing found"));
                    assert!(found.contains(part), "{text}: {part} in {found}");
                }
            }
        }
    }
}
