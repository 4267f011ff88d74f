//! Reads a Rust file for the rules: code without comments and string literals, one path for each import, tests marked.

/// A file's code.
pub struct SourceFile {
    pub path: String,
    pub lines: Vec<SourceLine>,
}

pub struct SourceLine {
    /// Counts from 1.
    pub number: usize,
    /// The code of the line. An import is `use` and the whole path, once for each imported name.
    pub code: String,
    /// Whether it is in `mod tests`, or in a file of tests or of a bench.
    pub test: bool,
    /// Whether its item has an `#[expect]` for clippy's disallowed methods, with a reason.
    pub excused: bool,
    /// Whether it is a re-export.
    pub reexport: bool,
}

impl SourceFile {
    pub fn new(path: &str, text: &str) -> Self {
        let code = without_prose(text);
        let outside = ["tests/", "bench/"].iter().any(|folder| path.starts_with(folder));
        let only_tests = outside || path.contains("/tests/") || path.ends_with("/tests.rs");
        let first_test =
            code.lines().position(|line| line.starts_with("mod tests {") || line.starts_with("pub mod tests {"));
        let is_test = |number: usize| only_tests || first_test.is_some_and(|first| number > first);
        let mut lines = Vec::new();
        let mut numbered = code.lines().zip(1..);
        while let Some((line, number)) = numbered.next() {
            let Some((reexport, start)) = import(line) else {
                let code = line.to_owned();
                lines.push(SourceLine { number, code, test: is_test(number), excused: false, reexport: false });
                continue;
            };
            let mut tree = start.to_owned();
            while !tree.contains(';') {
                let Some((next, _)) = numbered.next() else { break };
                tree += next.trim();
            }
            for path in paths("", tree.split(';').next().unwrap_or_default()) {
                let code = format!("use {path}");
                lines.push(SourceLine { number, code, test: is_test(number), excused: false, reexport });
            }
        }
        excuse(&mut lines);
        Self { path: path.to_owned(), lines }
    }
}

/// Marks each item with `#[expect(clippy::disallowed_methods, …)]`, up to the brace or semicolon of the same indentation.
fn excuse(lines: &mut [SourceLine]) {
    let mut item = None;
    for line in lines {
        let code = line.code.trim();
        let depth = line.code.len() - line.code.trim_start().len();
        if code.starts_with("#[expect(clippy::disallowed_methods, reason") {
            item = Some(depth);
        }
        line.excused = item.is_some();
        if item == Some(depth) && (code.starts_with('}') || code.ends_with(';')) {
            item = None;
        }
    }
}

/// For a line that starts an import: whether it is a re-export, and its use tree.
fn import(line: &str) -> Option<(bool, &str)> {
    let line = line.trim_start();
    let inner = without_visibility(line);
    Some((inner.len() < line.len(), inner.strip_prefix("use ")?))
}

/// An item without its `pub`, `pub(super)`, `pub(crate)`.
pub fn without_visibility(item: &str) -> &str {
    let Some(rest) = item.strip_prefix("pub") else { return item };
    let rest = if rest.starts_with('(') { rest.split_once(')').map_or(rest, |(_, rest)| rest) } else { rest };
    rest.strip_prefix(' ').unwrap_or(item)
}

/// The paths of a use tree: `std::{env, process::{Child, Command}}` gives three.
fn paths(before: &str, tree: &str) -> Vec<String> {
    let Some((root, inner)) = tree.split_once('{') else {
        return vec![format!("{before}{}", tree.trim())];
    };
    let before = format!("{before}{}", root.trim());
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let mut depth = 0_usize;
    let branches = inner.split(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    branches.filter(|branch| !branch.trim().is_empty()).flat_map(|branch| paths(&before, branch)).collect()
}

/// The code without comments and string literals; line numbers stay the same.
fn without_prose(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = prose(rest, code.chars().next_back());
        let taken = &rest[..length.unwrap_or(next.len_utf8())];
        match length {
            Some(_) => code.extend(taken.chars().filter(|c| *c == '\n')),
            None => code.push(next),
        }
        rest = &rest[taken.len()..];
    }
    code
}

/// The length in bytes of the comment or literal at the start; `None` for code.
fn prose(rest: &str, before: Option<char>) -> Option<usize> {
    let to = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    let mut chars = rest.chars();
    match (chars.next()?, chars.next()) {
        ('/', Some('/')) => Some(rest.find('\n').unwrap_or(rest.len())),
        ('/', Some('*')) => Some(to("*/", 2)),
        ('"', _) => Some(quoted(rest)),
        // A character literal, not a lifetime.
        ('\'', Some('\\')) => Some(to("'", 3)),
        ('\'', Some(c)) if chars.next() == Some('\'') => Some(2 + c.len_utf8()),
        ('r', Some('"' | '#')) if !before.is_some_and(|c| in_name(c) && !matches!(c, 'b' | 'c')) => {
            let hashes = rest[1..].len() - rest[1..].trim_start_matches('#').len();
            rest[1 + hashes..].starts_with('"').then(|| to(&format!("\"{}", "#".repeat(hashes)), hashes + 2))
        }
        _ => None,
    }
}

/// The length of a string literal, with its quotes.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        closes
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// Whether a character can be part of a name.
pub fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `code` contains `word`, not as a part of a longer name.
pub fn mentions(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let joins = |inner: Option<char>, outer: Option<char>| inner.is_some_and(in_name) && outer.is_some_and(in_name);
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        !joins(word.chars().next(), before.chars().next_back())
            && !joins(word.chars().next_back(), after.chars().next())
    })
}

#[test]
fn comments_and_literals_are_removed() {
    for (text, code) in [
        ("a // b\nc", "a \nc"),
        ("a(\"b \\\" c\", d)", "a(, d)"),
        ("a /* b\n c */ d", "a \n d"),
        ("x = r#\"a \" b\"#; y", "x = ; y"),
        ("x = br\"a\\\"; y", "x = b; y"),
        ("for_r\"x\"", "for_r"),
        ("f::<'a>('\"', '\\'', 'b') + \"z\"", "f::<'a>(, , ) + "),
        ("r#type", "r#type"),
        ("\"one\ntwo\" end", "\n end"),
    ] {
        assert_eq!(without_prose(text), code, "{text}");
    }
}

#[test]
fn imports_are_whole_paths_and_tests_are_marked() {
    let source = SourceFile::new(
        "src/a.rs",
        "use std::{\n    env,\n    process::{Child, Command as Run},\n};\nf()\nmod tests {\n    g()\n}\n",
    );
    let lines: Vec<_> = source.lines.iter().map(|line| (line.number, line.code.trim(), line.test)).collect();
    assert_eq!(
        lines,
        [
            (1, "use std::env", false),
            (1, "use std::process::Child", false),
            (1, "use std::process::Command as Run", false),
            (5, "f()", false),
            (6, "mod tests {", true),
            (7, "g()", true),
            (8, "}", true),
        ]
    );
    assert!(SourceFile::new("src/a/tests.rs", "f()").lines[0].test);
}

#[test]
fn an_expectation_ends_with_its_item() {
    let text = "a()\n#[expect(clippy::disallowed_methods, reason = \"why\")]\nfn b() {\n    c();\n}\nfn d() {}\n";
    let excused: Vec<usize> =
        SourceFile::new("f", text).lines.iter().filter(|line| line.excused).map(|line| line.number).collect();
    assert_eq!(excused, [2, 3, 4, 5]);
}

#[test]
fn a_word_is_not_a_part_of_a_longer_one() {
    assert!(mentions("x = env::var(name)", "env::var"));
    assert!(mentions("print!(x)", "print!"));
    for (code, word) in [("eprint!(x)", "print!"), ("env::var_os(x)", "env::var"), ("underworld::x", "world")] {
        assert!(!mentions(code, word), "{code}");
    }
}
