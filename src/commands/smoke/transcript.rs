//! What the tests say, as far as the log has room for it.

use std::collections::VecDeque;

use crate::values::clip;

/// The most bytes that are told in the log: what a page of it shows without trouble.
const TOLD_BYTES: usize = 1 << 20;
/// The most lines that are told in the log.
const TOLD_LINES: usize = 10_000;
/// How many lines are kept from the end, and how many characters of each.
const LAST_LINES: usize = 50;
const LAST_LINE: usize = 500;

/// Counts what was said, and keeps the end of it.
#[derive(Debug)]
pub struct Transcript {
    room_bytes: usize,
    room_lines: usize,
    left_out: usize,
    last: VecDeque<String>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self { room_bytes: TOLD_BYTES, room_lines: TOLD_LINES, left_out: 0, last: VecDeque::new() }
    }
}

/// What there was no room for.
#[derive(Debug, PartialEq, Eq)]
pub struct Rest {
    pub left_out: usize,
    /// The last of those lines, clipped.
    pub lines: Vec<String>,
}

impl Transcript {
    /// Takes a line as it was said, and gives it as it is to be told, while there is room.
    pub fn hear(&mut self, line: &str) -> Option<String> {
        let line = legible(line);
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(clip(&line, LAST_LINE));
        // The log breaks lines at CR too: a progress bar is many lines.
        let lines = 1 + line.matches('\r').count();
        let room = self.room_bytes.checked_sub(line.len()).zip(self.room_lines.checked_sub(lines));
        if let Some((bytes, lines)) = room.filter(|_| self.left_out == 0) {
            (self.room_bytes, self.room_lines) = (bytes, lines);
            return Some(line);
        }
        self.left_out += 1;
        None
    }

    /// What was not told, if anything was not.
    pub fn rest(&self) -> Option<Rest> {
        let skipped = self.last.len().saturating_sub(self.left_out);
        let lines = self.last.iter().skip(skipped).cloned().collect();
        (self.left_out > 0).then_some(Rest { left_out: self.left_out, lines })
    }

    /// The last lines that say something, in order.
    pub fn last(&self) -> Vec<String> {
        self.last.iter().filter(|line| !line.trim().is_empty()).cloned().collect()
    }
}

/// A line without the colours of a terminal, and without what it asks the runner to hide: broken as a command like any
/// other, it would hide nothing, and show it.
fn legible(line: &str) -> String {
    let plain = without_colours(line);
    for mask in ["::add-mask::", "##[add-mask]"] {
        if let Some(at) = plain.to_ascii_lowercase().find(mask) {
            return format!("{}(a value to mask: not told)", &plain[..at]);
        }
    }
    plain
}

/// Takes out ANSI control sequences: `ESC [`, parameters, one final character. Source: ECMA-48, 5.4.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, sequence)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = sequence.trim_start_matches(|c| matches!(c, '\u{20}'..='\u{3f}'));
        rest = rest.strip_prefix(|c| matches!(c, '\u{40}'..='\u{7e}')).unwrap_or(rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: impl IntoIterator<Item = String>) -> (usize, Transcript) {
        let mut transcript = Transcript::default();
        let told = lines.into_iter().filter_map(|line| transcript.hear(&line)).count();
        (told, transcript)
    }

    #[test]
    fn what_has_room_is_told_whole() {
        let (told, transcript) = heard((0..TOLD_LINES).map(|n| n.to_string()));
        assert_eq!((told, transcript.rest()), (TOLD_LINES, None));
        assert_eq!(transcript.last().len(), LAST_LINES);
        assert_eq!(heard(["x".repeat(TOLD_BYTES)]).0, 1);
    }

    #[test]
    fn beyond_the_room_only_the_end_is_kept_and_the_rest_counted() {
        let (told, transcript) = heard((0..TOLD_LINES + 3).map(|n| n.to_string()));
        let rest = transcript.rest().unwrap();
        assert_eq!(
            (told, rest.left_out, rest.lines),
            (TOLD_LINES, 3, ["10000", "10001", "10002"].map(String::from).to_vec())
        );
        let (told, transcript) = heard(["x".repeat(TOLD_BYTES - 1), "yy".to_owned(), "z".to_owned()]);
        assert_eq!((told, transcript.rest().unwrap().lines.len()), (1, 2), "nothing is told after a gap");
        assert_eq!(heard(["\r".repeat(TOLD_LINES)]).0, 0, "a progress bar is many lines");
        let (_, transcript) = heard((0..TOLD_LINES * 2).map(|_| "é".repeat(LAST_LINE * 2)));
        assert_eq!(transcript.rest().unwrap().lines.len(), LAST_LINES);
        assert!(transcript.last().iter().all(|line| line.chars().count() == LAST_LINE));
    }

    #[test]
    fn the_last_lines_are_those_that_say_something() {
        let (_, transcript) = heard(["one", "", " \t", "two", ""].map(String::from));
        assert_eq!(transcript.last(), ["one", "two"]);
    }

    #[test]
    fn colours_and_masks_are_taken_out() {
        for (line, told) in [
            ("\u{1b}[31mred\u{1b}[0m and \u{1b}[1;38;5;9mbold", "red and bold"),
            ("##\u{1b}[0m[error]x", "##[error]x"),
            ("cut off \u{1b}[31", "cut off "),
            ("\u{1b}[", ""),
            ("\u{1b}[é", "é"),
            ("no [31m sequence", "no [31m sequence"),
            ("::add-mask::hunter2", "(a value to mask: not told)"),
            ("a ##[Add-Mask]hunter2", "a (a value to mask: not told)"),
            ("::add-\u{1b}[0mmask::hunter2", "(a value to mask: not told)"),
        ] {
            assert_eq!(legible(line), told, "{line:?}");
        }
    }
}
