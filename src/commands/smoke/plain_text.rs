//! Texts of test reports without what only a terminal understands.

use std::borrow::Cow;

/// What a runner writes where a reason should stand.
const EMPTY_WORDS: [&str; 9] =
    ["failed", "failure", "error", "test failed", "assertion failed", "failed.", "test failure", "test error", "none"];
/// How the messages of dart's reports end.
const EMPTY_END: &str = "see stacktrace for details";
/// How a stack trace of Python begins; its last line has the reason.
const TRACEBACK: &str = "Traceback (most recent call last)";
/// How lines begin that the output of go, newman and bats has before the reason.
const HEADERS: [&str; 5] = ["=== ", "--- ", "Iteration: ", "(in test file ", "(from function "];

/// How pytest, surefire and Node's TAP write the escape character.
const ESCAPES: [&str; 6] = ["#x1B", "&#27;", "\\x1B", "\\x1b", "\\u001b", "\\u001B"];

/// A text without terminal sequences (ECMA-48) and control characters other than line ends and tabs. A sequence whose
/// escape character was lost on the way into XML, `[31m`, is left out where the letter `m` ends it.
#[must_use]
pub fn without_terminal_codes(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t') || c == '\r';
    if text.chars().all(is_plain) && !text.contains('[') && !ESCAPES.iter().any(|escape| text.contains(escape)) {
        return Cow::Borrowed(text);
    }
    let text = ESCAPES.iter().fold(text.to_owned(), |text, escape| text.replace(escape, "\u{1b}"));
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\u{1b}' => after_sequence(after),
            '\u{9b}' => after_control_sequence(after),
            c => colour(rest).unwrap_or_else(|| {
                if is_plain(c) {
                    plain.push(c);
                }
                after
            }),
        };
    }
    Cow::Owned(plain)
}

/// What follows an escape character.
fn after_sequence(text: &str) -> &str {
    match text.chars().next() {
        Some('[') => after_control_sequence(&text[1..]),
        // An operating system command, such as a link or a title, ends with BEL or ESC \.
        Some(']') => match text.find(['\u{7}', '\u{1b}']) {
            Some(end) => text[end + 1..].strip_prefix('\\').unwrap_or(&text[end + 1..]),
            None => "",
        },
        // The choice of a character set has one more character.
        Some('(' | ')') => text[1..].char_indices().nth(1).map_or("", |(next, _)| &text[1 + next..]),
        _ => text,
    }
}

/// What follows `ESC [`: parameters up to a final byte.
fn after_control_sequence(text: &str) -> &str {
    let end = text.find(|c: char| !matches!(c, '0'..='?' | ' '..='/'));
    match end {
        Some(end) if text[end..].starts_with(|c: char| matches!(c, '@'..='~')) => &text[end + 1..],
        Some(end) => &text[end..],
        None => "",
    }
}

/// What follows a colour whose escape character is gone or replaced: `[31m`, `[0m`, `�[1;31m`.
fn colour(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('\u{fffd}').unwrap_or(text).strip_prefix('[')?;
    let end = inner.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    (end > 0).then_some(()).and(inner[end..].strip_prefix('m'))
}

/// The first line that says something.
#[must_use]
pub fn informative_line(text: &str) -> Option<&str> {
    let says_something = |line: &&str| {
        line.chars().any(char::is_alphanumeric)
            && !HEADERS.iter().any(|header| line.starts_with(header))
            && !EMPTY_WORDS.iter().any(|word| line.trim_end_matches(':').eq_ignore_ascii_case(word))
            && !line.ends_with(EMPTY_END)
    };
    let mut lines = text.lines().map(str::trim);
    if text.trim_start().starts_with(TRACEBACK) { lines.rfind(says_something) } else { lines.find(says_something) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_are_left_out_and_all_else_stays() {
        for (text, plain) in [
            ("plain [a|b] ü\n\ttext", "plain [a|b] ü\n\ttext"),
            ("\u{1b}[31mred\u{1b}[0m end", "red end"),
            ("\u{1b}[1;38;5;9mred\u{1b}[m", "red"),
            ("fails [31mred[0m", "fails red"),
            ("boom \u{fffd}[31mred\u{fffd}[0m", "boom red"),
            ("boom #x1B[31mred#x1B[0m", "boom red"),
            ("\u{1b}]8;;https://a.example\u{7}link\u{1b}]8;;\u{1b}\\ x", "link x"),
            ("\u{9b}31mred", "red"),
            ("a\u{0}b\u{8}c\u{7f}", "abc"),
            ("items[3]; m[1] [12] [m", "items[3]; m[1] [12] [m"),
            ("cut \u{1b}[31", "cut "),
            ("cut \u{1b}", "cut "),
            ("first &#27;[31mred", "first red"),
            ("boom \\x1B[31mred\\x1B[0m \\u001b[1mend", "boom red end"),
            ("first &#27;red \u{1b}(Bend", "first red end"),
            ("\u{1b}]never ended", ""),
        ] {
            assert_eq!(without_terminal_codes(text), plain, "{text:?}");
        }
    }
}
