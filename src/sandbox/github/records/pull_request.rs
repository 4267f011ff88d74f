//! A pull request, with its own commits and those that its merge brought.

use jiff::Timestamp;

use super::history::FakeCommit;

#[derive(Clone, Debug, Default)]
pub struct FakePullRequest {
    pub number: u64,
    /// The login of the opener; `None` after the account was deleted.
    pub opener: Option<String>,
    pub assignees: Vec<String>,
    pub is_open: bool,
    /// Its description.
    pub body: String,
    /// When the description was changed last; `None` if it never was.
    pub edited_at: Option<Timestamp>,
    /// The commits of its branch.
    pub own: Vec<FakeCommit>,
    /// How many more own commits it has, which GitHub does not show.
    pub hidden: usize,
    /// The SHAs of the commits that its merge brought to the branch.
    pub brought: Vec<String>,
}
