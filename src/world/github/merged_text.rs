//! The descriptions of pull requests, as their authors wrote them.

use jiff::Timestamp;

/// The descriptions of pull requests, and the templates of their repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedTexts {
    pub pull_requests: Vec<MergedText>,
    pub templates: Vec<String>,
}

/// A pull request with its description, which is raw text of its author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedText {
    pub number: u64,
    pub url: String,
    pub body: String,
    /// `None` if it was not merged.
    pub merged_at: Option<Timestamp>,
    /// When the description was changed last, by whomever; `None` if it never was.
    pub edited_at: Option<Timestamp>,
}
