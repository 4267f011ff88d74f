//! The comment of an approver.

use crate::values::{clip, is_invisible};

/// How many letters or digits a comment must have.
const MIN_LETTERS: usize = 2;
/// How much of a comment a message quotes, in characters.
const MAX_COMMENT: usize = 80;

/// Whether a comment says something. Some letters of Unicode show nothing, such as the Hangul filler.
#[must_use]
pub fn has_letters(comment: &str) -> bool {
    comment.chars().filter(|c| c.is_alphanumeric() && !is_invisible(*c)).count() >= MIN_LETTERS
}

/// A comment as a message quotes it.
#[must_use]
pub fn quote(comment: &str) -> String {
    format!("\"{}\"", clip(comment.trim(), MAX_COMMENT))
}
