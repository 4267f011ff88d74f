//! The text that the parser gets: the file's, with changes where the parser refuses what YAML or its other readers accept. All
//! positions and byte ranges are those of the file.

use std::{borrow::Cow, collections::BTreeMap};

use saphyr_parser::Marker;

use crate::error::{Position, YamlError, YamlErrorKind};

/// How many places are changed for the parser, each in its own pass.
pub const MAX_CHANGES: usize = 200;
/// How many spaces are added to a text. A deep line and many short ones must not become gigabytes.
const MAX_SPACES: usize = 1 << 20;

/// A file's text, and what is changed for the parser.
pub struct ParserText<'t> {
    /// Of the same length as the file's.
    text: Cow<'t, str>,
    /// Spaces at the start of lines, by the line's number: where the line starts, and how many.
    indents: BTreeMap<usize, (usize, usize)>,
}

impl<'t> ParserText<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text: text.into(), indents: BTreeMap::new() }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Changes the place that an error is about. `false` when the error is no such case.
    pub fn change(&mut self, error: &YamlError) -> bool {
        let YamlErrorKind::Syntax(message) = &error.kind else { return false };
        match message.as_str() {
            "':' must be followed by a valid YAML whitespace" => self.replace_tab(error.position),
            "invalid indentation" | "invalid indentation in flow construct" => self.indent(error.position),
            "invalid indentation in quoted scalar" => self.indent_quoted(error.position),
            _ => false,
        }
    }

    /// YAML allows tabs behind a colon (production 66, `s-separate-in-line`), and other parsers read them; this one does not.
    /// <https://yaml.org/spec/1.2.2/#63-line-prefixes>
    fn replace_tab(&mut self, position: Position) -> bool {
        let Some(value) = self.offset(position) else { return false };
        let before = &self.text[..value];
        let colon = before.trim_end_matches(['\t', ' ']).len();
        let is_tab = before[..colon].ends_with(':') && before[colon..].contains('\t');
        if is_tab {
            let blank = colon..before.len();
            self.text.to_mut().replace_range(blank.clone(), &" ".repeat(blank.len()));
        }
        is_tab
    }

    /// The YAML of the specification wants lines in brackets indented deeper than the key before them. The readers of Kubernetes'
    /// tools do not, and many files have the closing bracket below the key. Indentation within brackets means nothing.
    fn indent(&mut self, position: Position) -> bool {
        let start = self.line_start(position.line);
        let is_first = self.text[start..].chars().take(position.column - 1).all(|character| character == ' ');
        if !is_first || self.indents.contains_key(&position.line) {
            return false;
        }
        let width = self.deeper_than_before(start);
        if !self.has_room_for(width) {
            return false;
        }
        self.indents.insert(position.line, (start, width));
        true
    }

    /// The same for the further lines of a text in quotes, whose indentation means nothing either.
    fn indent_quoted(&mut self, position: Position) -> bool {
        let Some(start) = self.offset(position) else { return false };
        let Some(end) = closing_quote(&self.text, start) else { return false };
        let width = self.deeper_than_before(start);
        let lines = self.text[start..end].matches('\n').count();
        if !self.has_room_for(width.saturating_mul(lines)) {
            return false;
        }
        let before = self.indents.len();
        let mut start = self.line_start(position.line);
        let of_text = self.text[start..].split_inclusive('\n').take(lines);
        for (line, above) in (position.line + 1..).zip(of_text) {
            start += above.len();
            self.indents.entry(line).or_insert((start, width));
        }
        self.indents.len() > before
    }

    fn has_room_for(&self, spaces: usize) -> bool {
        let added: usize = self.indents.values().map(|(_, width)| width).sum();
        added.saturating_add(spaces) <= MAX_SPACES
    }

    /// More spaces than any line has before a byte, so that no key before it is as deep.
    fn deeper_than_before(&self, offset: usize) -> usize {
        let width = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
        self.text[..offset].lines().map(width).max().unwrap_or_default() + 1
    }

    fn offset(&self, position: Position) -> Option<usize> {
        let start = self.line_start(position.line);
        Some(start + self.text[start..].char_indices().nth(position.column - 1)?.0)
    }

    fn line_start(&self, line: usize) -> usize {
        self.text.split_inclusive('\n').take(line - 1).map(str::len).sum()
    }

    /// The text with the spaces at the start of lines.
    pub fn indented(&self) -> Cow<'_, str> {
        if self.indents.is_empty() {
            return self.text.as_ref().into();
        }
        let mut indented = String::with_capacity(self.text.len() + 100);
        let mut from = 0;
        for (start, width) in self.indents.values() {
            indented.push_str(&self.text[from..*start]);
            indented.extend(std::iter::repeat_n(' ', *width));
            from = *start;
        }
        indented.push_str(&self.text[from..]);
        indented.into()
    }

    /// The byte in the file's text of a byte in the one with the spaces.
    pub fn byte(&self, offset: usize) -> usize {
        let mut added = 0;
        for (start, width) in self.indents.values() {
            match offset.checked_sub(start + added) {
                Some(behind) => added += behind.min(*width),
                None => break,
            }
        }
        offset - added
    }

    /// The position in the file.
    pub fn position(&self, marker: Marker) -> Position {
        let Position { line, column } = marker.into();
        Position { line, column: column.saturating_sub(self.added(line)).max(1) }
    }

    fn added(&self, line: usize) -> usize {
        self.indents.get(&line).map(|(_, width)| *width).unwrap_or_default()
    }
}

/// The bytes at which characters start. The parser counts characters, which are bytes in most files.
pub struct Offsets<'t> {
    text: &'t str,
    is_ascii: bool,
    /// A character, and the byte at which it starts. The parser's markers come nearly in order, so the next one is near.
    index: usize,
    offset: usize,
}

impl<'t> Offsets<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { text, is_ascii: text.is_ascii(), index: 0, offset: 0 }
    }

    /// The byte of a marker; the end of the text for one behind it.
    pub fn of(&mut self, marker: Marker) -> usize {
        let index = marker.index();
        if self.is_ascii {
            return index.min(self.text.len());
        }
        let mut characters = self.text[self.offset..].chars();
        while self.index < index && characters.next().is_some() {
            self.index += 1;
        }
        self.offset = self.text.len() - characters.as_str().len();
        let mut characters = self.text[..self.offset].chars();
        while self.index > index && characters.next_back().is_some() {
            self.index -= 1;
        }
        self.offset = characters.as_str().len();
        self.offset
    }
}

/// The byte behind the closing quote of a quoted scalar at `start`; `None` for other scalars.
pub fn closing_quote(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = *bytes.get(start).filter(|byte| matches!(byte, b'\'' | b'"'))?;
    let mut offset = start + 1;
    loop {
        offset += match (quote, *bytes.get(offset)?) {
            (b'"', b'\\') => 2,
            // Two single quotes stand for one.
            (b'\'', b'\'') if bytes.get(offset + 1) == Some(&b'\'') => 2,
            (quote, byte) if byte == quote => return Some(offset + 1),
            _ => 1,
        };
    }
}
