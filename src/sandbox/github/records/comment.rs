//! A comment on a pull request, and who wrote and labelled the pull request.

use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub struct FakeComment {
    pub id: u64,
    /// The number of the pull request.
    pub number: u64,
    pub body: String,
    /// The login of the author.
    pub user: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Who edited the description of a pull request last, and who set its labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FakeEdits {
    /// The number of the pull request.
    pub number: u64,
    pub editor: Option<String>,
    /// The login of the person who set a label, and the label; in order.
    pub labelled: Vec<(String, String)>,
}
