//! Source maps: which source the bytes of a script come from. Source: ECMA-426.

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;

/// A source map, or an index of several.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Map<'a> {
    #[serde(default)]
    sources: Vec<Option<String>>,
    #[serde(default)]
    source_root: Option<String>,
    #[serde(borrow, default)]
    mappings: Cow<'a, str>,
    #[serde(borrow, default)]
    sections: Vec<Section<'a>>,
}

#[derive(Deserialize)]
struct Section<'a> {
    offset: Offset,
    #[serde(borrow)]
    map: Box<Map<'a>>,
}

#[derive(Clone, Copy, Deserialize)]
struct Offset {
    line: usize,
    column: usize,
}

/// The bytes of a script by source. A source without a name, and code without a source, do not count. `None` if the map is no
/// source map.
///
/// Memory is bounded by the map and the script: a map of a few bytes for each piece may have a hundred million pieces.
#[must_use]
pub fn read(map: &[u8], script: &[u8]) -> Option<HashMap<String, u64>> {
    let map: Map = serde_json::from_slice(map).ok()?;
    let mut walk = Walk::new(script);
    let mut names = Vec::new();
    add(&map, Offset { line: 0, column: 0 }, &mut names, &mut walk);
    let bytes = walk.finish();
    let mut found: HashMap<String, u64> = HashMap::new();
    for (name, bytes) in names.into_iter().zip(bytes).filter(|(_, bytes)| *bytes > 0) {
        *found.entry(name).or_default() += bytes;
    }
    Some(found)
}

/// Adds the sources and the mappings of a map that begins at `offset`.
fn add(map: &Map, offset: Offset, names: &mut Vec<String>, walk: &mut Walk<'_>) {
    for section in &map.sections {
        add(&section.map, section.offset, names, walk);
    }
    let first = names.len();
    let root = map.source_root.as_deref().unwrap_or_default();
    names.extend(map.sources.iter().map(|name| format!("{root}{}", name.as_deref().unwrap_or_default())));
    let mut source = 0_i64;
    for (index, line) in map.mappings.split(';').enumerate() {
        let number = offset.line.saturating_add(index);
        if number >= walk.lines {
            return;
        }
        let mut column = if index == 0 { i64::try_from(offset.column).unwrap_or(i64::MAX) } else { 0 };
        for segment in line.split(',').filter(|segment| !segment.is_empty()) {
            let mut values = Values(segment.bytes());
            let Some(step) = values.next() else { continue };
            column = column.wrapping_add(step);
            let step = values.next();
            source = source.wrapping_add(step.unwrap_or_default());
            let known = usize::try_from(source).ok().filter(|source| step.is_some() && *source < map.sources.len());
            walk.begin(number, usize::try_from(column).unwrap_or_default(), known.map(|source| first + source));
        }
    }
}

/// A walk through a script, from one piece to the next. It never goes back, so each byte counts once, whatever a map says: a piece
/// that begins before the present one is ignored.
struct Walk<'a> {
    rest: std::slice::Split<'a, u8, fn(&u8) -> bool>,
    lines: usize,
    line: &'a [u8],
    is_ascii: bool,
    number: usize,
    /// The place in the line in bytes and in UTF-16 units, which columns count.
    byte: usize,
    unit: usize,
    source: Option<usize>,
    bytes: Vec<u64>,
}

impl<'a> Walk<'a> {
    fn new(script: &'a [u8]) -> Self {
        let is_end: fn(&u8) -> bool = |byte| *byte == b'\n';
        let mut rest = script.split(is_end);
        let line = rest.next().unwrap_or_default();
        let lines = script.split(is_end).count();
        let is_ascii = line.is_ascii();
        Self { rest, lines, line, is_ascii, number: 0, byte: 0, unit: 0, source: None, bytes: Vec::new() }
    }

    /// Begins a piece that is from `source`.
    fn begin(&mut self, number: usize, column: usize, source: Option<usize>) {
        while self.number < number {
            self.advance(usize::MAX);
            let Some(line) = self.rest.next() else { return };
            (self.line, self.is_ascii, self.number) = (line, line.is_ascii(), self.number + 1);
            (self.byte, self.unit, self.source) = (0, 0, None);
        }
        if self.number == number && column >= self.unit {
            self.advance(column);
            self.source = source;
        }
    }

    /// Counts the bytes up to a column.
    fn advance(&mut self, column: usize) {
        let from = self.byte;
        if self.is_ascii {
            self.byte = column.min(self.line.len()).max(from);
            self.unit = self.byte;
        }
        while self.unit < column
            && let Some(first) = self.line.get(self.byte)
        {
            let (bytes, units) = match first {
                0xc0..0xe0 => (2, 1),
                0xe0..0xf0 => (3, 1),
                0xf0.. => (4, 2),
                _ => (1, 1),
            };
            self.byte = (self.byte + bytes).min(self.line.len());
            self.unit += units;
        }
        if let Some(source) = self.source {
            if self.bytes.len() <= source {
                self.bytes.resize(source + 1, 0);
            }
            self.bytes[source] += (self.byte - from) as u64;
        }
    }

    fn finish(mut self) -> Vec<u64> {
        self.advance(usize::MAX);
        self.bytes
    }
}

/// The numbers of a segment, in base 64 with variable length. A malformed one ends the segment.
struct Values<I>(I);

impl<I: Iterator<Item = u8>> Iterator for Values<I> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let (mut value, mut shift) = (0_i64, 0_u32);
        loop {
            let digit = match self.0.next()? {
                byte @ b'A'..=b'Z' => byte - b'A',
                byte @ b'a'..=b'z' => byte - b'a' + 26,
                byte @ b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            if shift > 55 {
                return None;
            }
            value |= i64::from(digit & 31) << shift;
            shift += 5;
            if digit & 32 == 0 {
                return Some(if value & 1 == 1 { -(value >> 1) } else { value >> 1 });
            }
        }
    }
}
