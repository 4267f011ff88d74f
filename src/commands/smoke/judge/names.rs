//! How names, messages and counts are shortened for a page.

use crate::values::{clip, thousands};

/// The most characters of a test's name and of its message.
pub const NAME: usize = 200;
pub const MESSAGE: usize = 500;
/// The same in a headline and in an open table, so that each stays on few lines.
pub const SHORT: usize = 64;

/// The beginning of a text, up to a space: half of an address would be another address.
pub fn beginning(text: &str) -> String {
    let clipped = clip(text, SHORT);
    match clipped.rsplit_once(' ') {
        Some((words, _)) if clipped != text => format!("{words} …"),
        _ => clipped,
    }
}

pub fn count(number: usize) -> String {
    thousands(u64::try_from(number).unwrap_or(u64::MAX))
}
