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

/// Where a piece of the script begins, and the index of its source.
type Start = (usize, Option<u32>);

/// The bytes of a script by source. A source without a name, and code without a source, do not count. `None` if the map is no
/// source map.
#[must_use]
pub fn read(map: &[u8], script: &[u8]) -> Option<HashMap<String, u64>> {
    let map: Map = serde_json::from_slice(map).ok()?;
    let lines: Vec<&[u8]> = script.split(|byte| *byte == b'\n').collect();
    let mut names = Vec::new();
    let mut starts: Vec<Vec<Start>> = vec![Vec::new(); lines.len()];
    add(&map, Offset { line: 0, column: 0 }, &mut names, &mut starts);
    let mut bytes: Vec<u64> = vec![0; names.len()];
    for (line, mut starts) in lines.iter().zip(starts) {
        starts.sort_by_key(|start| start.0);
        let ends = starts.iter().skip(1).map(|start| start.0).chain([usize::MAX]);
        let columns: Vec<(usize, usize, Option<u32>)> =
            starts.iter().zip(ends).map(|(start, end)| (start.0, end, start.1)).collect();
        let offset = Columns::of(line);
        for (start, end, source) in columns {
            let length = offset.byte(end).saturating_sub(offset.byte(start));
            if let Some(sum) = source.and_then(|source| bytes.get_mut(source as usize)) {
                *sum += length as u64;
            }
        }
    }
    let mut found: HashMap<String, u64> = HashMap::new();
    for (name, bytes) in names.into_iter().zip(bytes).filter(|(_, bytes)| *bytes > 0) {
        *found.entry(name?).or_default() += bytes;
    }
    Some(found)
}

/// Adds the sources and the mappings of a map that begins at `offset`.
fn add(map: &Map, offset: Offset, names: &mut Vec<Option<String>>, starts: &mut [Vec<Start>]) {
    for section in &map.sections {
        add(&section.map, section.offset, names, starts);
    }
    let first = names.len();
    let root = map.source_root.as_deref().unwrap_or_default();
    names.extend(map.sources.iter().map(|name| Some(format!("{root}{}", name.as_deref().unwrap_or_default()))));
    let mut source = 0_i64;
    for (index, line) in map.mappings.split(';').enumerate() {
        let Some(found) = starts.get_mut(offset.line.saturating_add(index)) else { return };
        let mut column = if index == 0 { i64::try_from(offset.column).unwrap_or_default() } else { 0 };
        for segment in line.split(',').filter(|segment| !segment.is_empty()) {
            let mut values = Values(segment.bytes());
            let Some(step) = values.next() else { continue };
            column = column.wrapping_add(step);
            let step = values.next();
            source = source.wrapping_add(step.unwrap_or_default());
            let known = usize::try_from(source).ok().filter(|source| step.is_some() && *source < map.sources.len());
            let index = known.and_then(|source| u32::try_from(first + source).ok());
            found.push((usize::try_from(column).unwrap_or_default(), index));
        }
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

/// The columns of a line, which count UTF-16 units, as bytes.
enum Columns {
    Ascii(usize),
    /// The byte at which each unit begins, and the end.
    Units(Vec<u32>),
}

impl Columns {
    fn of(line: &[u8]) -> Self {
        if line.is_ascii() {
            return Self::Ascii(line.len());
        }
        let text = String::from_utf8_lossy(line);
        let mut units: Vec<u32> = Vec::new();
        for (at, character) in text.char_indices() {
            units.extend(std::iter::repeat_n(u32::try_from(at).unwrap_or(u32::MAX), character.len_utf16()));
        }
        units.push(u32::try_from(line.len()).unwrap_or(u32::MAX));
        Self::Units(units)
    }

    fn byte(&self, column: usize) -> usize {
        match self {
            Self::Ascii(length) => column.min(*length),
            Self::Units(units) => units.get(column).or(units.last()).map_or(0, |at| *at as usize),
        }
    }
}
