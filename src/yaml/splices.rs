//! An edit of a text as splices: byte ranges and their replacements.

use std::ops::Range;

/// An edit: byte ranges of the original and their replacements. The ranges do not overlap.
#[derive(Debug)]
pub struct Splices {
    splices: Vec<(Range<usize>, String)>,
    /// The bytes of the original that the edit may touch.
    pub reach: Range<usize>,
}

impl Splices {
    pub const fn within(reach: Range<usize>) -> Self {
        Self { splices: Vec::new(), reach }
    }

    pub fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.splices.push((range, text.into()));
    }

    pub fn remove(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    pub fn insert(&mut self, offset: usize, text: impl Into<String>) {
        self.replace(offset..offset, text);
    }

    pub const fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// The text after the edit; `None` if two splices overlap.
    pub fn apply(mut self, text: &str) -> Option<String> {
        // The sort is stable. At one offset, insertions come before a replacement, and otherwise keep their order.
        self.splices.sort_by_key(|(range, _)| (range.start, range.end));
        let mut edited = String::with_capacity(text.len() + 200);
        let mut from = 0;
        for (range, replacement) in &self.splices {
            edited.push_str(text.get(from..range.start)?);
            edited.push_str(replacement);
            from = range.end;
        }
        edited.push_str(text.get(from..)?);
        Some(edited)
    }

    /// Adds members to a flow collection behind the one at `neighbour`: each on its own line if that one has its own line.
    pub fn extend_flow(&mut self, text: &str, neighbour: Range<usize>, members: &[String]) {
        if !has_own_line(text, neighbour.clone()) {
            self.insert(neighbour.end, format!(", {}", members.join(", ")));
            return;
        }
        let indent = &text[line_start(text, neighbour.start)..neighbour.start];
        let end = line_end(text, neighbour.end);
        let comma = text[neighbour.end..end].trim_start().starts_with(',');
        let line_break = format!("{}{indent}", line_break(text, neighbour.start));
        let lines = members.join(&format!(",{line_break}"));
        if comma {
            self.insert(end, format!("{line_break}{lines},"));
        } else {
            self.insert(neighbour.end, ",");
            self.insert(end, format!("{line_break}{lines}"));
        }
    }
}

/// Whether a member of a flow collection shares its lines only with a comma and a comment.
pub fn has_own_line(text: &str, member: Range<usize>) -> bool {
    let rest = text[member.end..line_end(text, member.end)].trim_start();
    let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    text[line_start(text, member.start)..member.start].trim().is_empty() && (rest.is_empty() || rest.starts_with('#'))
}

pub fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |before| before + 1)
}

/// The end of the line, before its line break.
pub fn line_end(text: &str, offset: usize) -> usize {
    let end = text[offset..].find('\n').map_or(text.len(), |length| offset + length);
    if end > offset && text[..end].ends_with('\r') { end - 1 } else { end }
}

/// The line break that this part of the file uses.
pub fn line_break(text: &str, offset: usize) -> &'static str {
    let end = text[offset..].find('\n').map(|length| offset + length).or_else(|| text.find('\n'));
    if end.is_some_and(|end| text[..end].ends_with('\r')) { "\r\n" } else { "\n" }
}

/// The text between a key and a new value. A missing value is an empty range behind the colon, or behind the key if a flow
/// mapping omits even the colon.
pub fn value_lead(text: &str, value: &Range<usize>) -> &'static str {
    match text[..value.start].ends_with(':') {
        _ if value.start < value.end => "",
        true => " ",
        false => ": ",
    }
}
