//! How much of a report is kept, and what its characters may be.

use std::borrow::Cow;

/// The largest report in bytes: 64 MiB.
pub const SIZE: usize = 64 << 20;
/// The most tests of one report.
pub const CASES: usize = 100_000;
/// The most bytes kept of a message or a text.
pub const TEXT: usize = 16 << 10;
/// The most bytes kept of a name or a path. Each test of a suite may inherit the path.
pub const NAME: usize = 1 << 10;

/// At most about `bytes` of `text`.
#[must_use]
pub fn truncate(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes)])
}

/// The text with U+FFFD for references to characters that XML cannot hold: some runners write `&#0;` all the same.
#[must_use]
pub fn with_valid_references(text: &str) -> Cow<'_, str> {
    if !text.contains("&#") {
        return Cow::Borrowed(text);
    }
    let mut valid = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("&#") {
        valid.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|end| *end <= LONGEST_REFERENCE);
        let number = end.map(|end| &rest[1..end]);
        let end = match end {
            Some(end) if number.is_some_and(is_invalid_number) => {
                valid.push(char::REPLACEMENT_CHARACTER);
                end + 1
            }
            _ => {
                valid.push_str("&#");
                2
            }
        };
        rest = &rest[end..];
    }
    valid.push_str(rest);
    Cow::Owned(valid)
}

/// The longest reference to a character, `&#x10FFFF;`, with some leading zeros.
const LONGEST_REFERENCE: usize = 16;

/// Whether a reference without `&` and `;` is a number of no character: `#0`, `#xD800`.
#[must_use]
pub fn is_invalid_number(reference: &str) -> bool {
    let number = reference.strip_prefix('#').and_then(|digits| match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    });
    number.is_some_and(|number| number == 0 || char::from_u32(number).is_none())
}
