//! The status of a commit.

use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeStatus {
    pub sha: String,
    /// `success`, `failure`, `error`, `pending`.
    pub state: String,
    pub context: String,
    pub description: Option<String>,
    pub target_url: Option<String>,
    /// The login of the account that set it.
    pub creator: String,
    pub created_at: Timestamp,
}
