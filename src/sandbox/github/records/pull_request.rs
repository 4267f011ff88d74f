//! A pull request, with its own commits, its reviews, and the commits that its merge brought.

use jiff::Timestamp;

use super::history::FakeCommit;
use crate::sandbox::github::format::now;

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of GitHub's")]
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
    /// Whether it was closed and not merged, if it is not open.
    pub is_unmerged: bool,
    pub is_draft: bool,
    /// Whether its branch is in another repository.
    pub is_of_fork: bool,
    /// The branch that it is to be merged into; empty for `main`.
    pub base: String,
    /// The name of its branch.
    pub branch: String,
    /// `None`: now.
    pub opened_at: Option<Timestamp>,
    /// `None`: when it was opened.
    pub updated_at: Option<Timestamp>,
    /// When its branch was last force-pushed.
    pub force_pushed_at: Option<Timestamp>,
    /// The paths of the files that it changes.
    pub files: Vec<String>,
    /// In the order of their submission.
    pub reviews: Vec<FakePullRequestReview>,
    /// The commits of its branch.
    pub own: Vec<FakeCommit>,
    /// How many more own commits it has, which GitHub does not show.
    pub hidden: usize,
    /// The SHAs of the commits that its merge brought to the branch.
    pub brought: Vec<String>,
    /// The login of the account that merged it.
    pub merged_by: Option<String>,
}

/// A review of a pull request. The default is an approval by a person who can push, of no commit.
#[derive(Clone, Debug)]
pub struct FakePullRequestReview {
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED`, `PENDING`.
    pub state: String,
    /// The login of its author; `None` after the account was deleted.
    pub author: Option<String>,
    /// The login that the author had when the account was made, if the account was renamed.
    pub former_login: Option<String>,
    pub can_push: bool,
    /// The SHA of the reviewed commit; `None` if it is gone.
    pub commit: Option<String>,
    pub body: String,
    /// The teams that it was made for: `acme/platform-leads`.
    pub teams: Vec<String>,
    pub at: Timestamp,
}

impl Default for FakePullRequestReview {
    fn default() -> Self {
        Self {
            state: "APPROVED".to_owned(),
            author: None,
            former_login: None,
            can_push: true,
            commit: None,
            body: String::new(),
            teams: Vec::new(),
            at: now(),
        }
    }
}
