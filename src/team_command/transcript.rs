//! What a command prints: the lines that the log has room for, and the last lines.

use std::collections::VecDeque;

use crate::values::clip;

/// The most bytes for the log: a log page of this size still opens quickly.
const LOGGED_BYTES: usize = 1 << 20;
/// The most lines for the log.
const LOGGED_LINES: usize = 10_000;
/// How many lines are kept from the end, and how many characters of each.
const LAST_LINES: usize = 50;
const LAST_LINE: usize = 500;

/// Counts the printed lines, and keeps the last ones.
#[derive(Debug)]
pub struct Transcript {
    room_bytes: usize,
    room_lines: usize,
    omitted: usize,
    last: VecDeque<String>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self { room_bytes: LOGGED_BYTES, room_lines: LOGGED_LINES, omitted: 0, last: VecDeque::new() }
    }
}

/// The lines that the log had no room for.
#[derive(Debug, PartialEq, Eq)]
pub struct OmittedLines {
    pub count: usize,
    /// The last of those lines, clipped.
    pub lines: Vec<String>,
}

impl Transcript {
    /// Adds a printed line. Returns it for the log, as long as there is room.
    pub fn add(&mut self, line: &str) -> Option<String> {
        let line = sanitize(line);
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(clip(&line, LAST_LINE));
        // The log also breaks lines at CR, so a progress bar is many lines.
        let lines = 1 + line.matches('\r').count();
        let room = self.room_bytes.checked_sub(line.len()).zip(self.room_lines.checked_sub(lines));
        if let Some((bytes, lines)) = room.filter(|_| self.omitted == 0) {
            (self.room_bytes, self.room_lines) = (bytes, lines);
            return Some(line);
        }
        self.omitted += 1;
        None
    }

    /// The lines that were left out of the log, if any.
    pub fn omitted(&self) -> Option<OmittedLines> {
        let skipped = self.last.len().saturating_sub(self.omitted);
        let lines = self.last.iter().skip(skipped).cloned().collect();
        (self.omitted > 0).then_some(OmittedLines { count: self.omitted, lines })
    }

    /// The last lines that are not blank, in order.
    pub fn last(&self) -> Vec<String> {
        self.last.iter().filter(|line| !line.trim().is_empty()).cloned().collect()
    }
}

/// A line without terminal colours and without a value that it asks the runner to mask: the log makes the mask command
/// ineffective like any other command, so the value would be visible.
fn sanitize(line: &str) -> String {
    let plain = without_colours(line);
    for mask in ["::add-mask::", "##[add-mask]"] {
        if let Some(at) = plain.to_ascii_lowercase().find(mask) {
            return format!("{}(a value to mask: not shown)", &plain[..at]);
        }
    }
    plain
}

/// Removes ANSI control sequences: `ESC [`, parameters, one final character. Source: ECMA-48, 5.4.
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

    fn add_all(lines: impl IntoIterator<Item = String>) -> (usize, Transcript) {
        let mut transcript = Transcript::default();
        let logged = lines.into_iter().filter_map(|line| transcript.add(&line)).count();
        (logged, transcript)
    }

    #[test]
    fn lines_are_logged_while_there_is_room() {
        let (logged, transcript) = add_all((0..LOGGED_LINES).map(|n| n.to_string()));
        assert_eq!((logged, transcript.omitted()), (LOGGED_LINES, None));
        assert_eq!(transcript.last().len(), LAST_LINES);
        assert_eq!(add_all(["x".repeat(LOGGED_BYTES)]).0, 1);
    }

    #[test]
    fn lines_beyond_the_room_are_counted_and_the_last_are_kept() {
        let (logged, transcript) = add_all((0..LOGGED_LINES + 3).map(|n| n.to_string()));
        let omitted = transcript.omitted().unwrap();
        assert_eq!(
            (logged, omitted.count, omitted.lines),
            (LOGGED_LINES, 3, ["10000", "10001", "10002"].map(String::from).to_vec())
        );
        let (logged, transcript) = add_all(["x".repeat(LOGGED_BYTES - 1), "yy".to_owned(), "z".to_owned()]);
        assert_eq!(
            (logged, transcript.omitted().unwrap().lines.len()),
            (1, 2),
            "nothing is logged after an omitted line"
        );
        assert_eq!(add_all(["\r".repeat(LOGGED_LINES)]).0, 0, "a progress bar is many lines");
        let (_, transcript) = add_all((0..LOGGED_LINES * 2).map(|_| "é".repeat(LAST_LINE * 2)));
        assert_eq!(transcript.omitted().unwrap().lines.len(), LAST_LINES);
        assert!(transcript.last().iter().all(|line| line.chars().count() == LAST_LINE));
    }

    #[test]
    fn the_last_lines_are_not_blank() {
        let (_, transcript) = add_all(["one", "", " \t", "two", ""].map(String::from));
        assert_eq!(transcript.last(), ["one", "two"]);
    }

    #[test]
    fn colours_and_masks_are_removed() {
        for (line, logged) in [
            ("\u{1b}[31mred\u{1b}[0m and \u{1b}[1;38;5;9mbold", "red and bold"),
            ("##\u{1b}[0m[error]x", "##[error]x"),
            ("cut off \u{1b}[31", "cut off "),
            ("\u{1b}[", ""),
            ("\u{1b}[é", "é"),
            ("no [31m sequence", "no [31m sequence"),
            ("::add-mask::hunter2", "(a value to mask: not shown)"),
            ("a ##[Add-Mask]hunter2", "a (a value to mask: not shown)"),
            ("::add-\u{1b}[0mmask::hunter2", "(a value to mask: not shown)"),
        ] {
            assert_eq!(sanitize(line), logged, "{line:?}");
        }
    }
}
