//! Pull requests and their reviews, as GitHub shows them.

use jiff::Timestamp;

use super::{account::Account, commit_people::GitActor};

/// A pull request with all its reviews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewedPullRequest {
    pub number: u64,
    pub url: String,
    /// `OPEN`, `CLOSED`, `MERGED`.
    pub state: String,
    pub is_draft: bool,
    /// Whether its branch is in another repository.
    pub is_of_fork: bool,
    /// The branch that it is to be merged into.
    pub base: String,
    /// The name of its branch.
    pub branch: String,
    /// The last commit of its branch.
    pub head: String,
    pub opened_at: Timestamp,
    /// `None` if the account was deleted.
    pub author: Option<ReviewerAccount>,
    /// How many commits it has.
    pub commits: u64,
    /// The authors, the co-authors and the committer of its last commit.
    pub people: Vec<GitActor>,
    /// How many files it changes.
    pub changed_files: u64,
    /// The paths of the first hundred of them.
    pub files: Vec<String>,
    /// When its branch was last moved to a commit that does not follow the one before.
    pub force_pushed_at: Option<Timestamp>,
    /// In the order of their submission.
    pub reviews: Vec<PullRequestReview>,
}

/// An account that opened or reviewed a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewerAccount {
    /// Its type is that of GraphQL, where an App has no `[bot]` in its login.
    pub account: Account,
    /// Stays when a user is renamed; `None` for an account that is no user's.
    pub id: Option<u64>,
}

/// One review of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestReview {
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `DISMISSED`, `PENDING`.
    pub state: String,
    /// `None` for a review that was not submitted.
    pub submitted_at: Option<Timestamp>,
    /// `None` if the account was deleted.
    pub author: Option<ReviewerAccount>,
    /// Whether its author may push to the repository.
    pub can_push: bool,
    /// The commit that was reviewed; `None` if GitHub does not have it any more.
    pub commit: Option<String>,
    /// As its author wrote it; raw.
    pub body: String,
    /// The teams that it was made for: `acme/platform-leads`.
    pub teams: Vec<String>,
}

/// A pull request in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPullRequest {
    pub number: u64,
    /// The name of its branch.
    pub branch: String,
    /// The last commit of its branch.
    pub head: String,
    /// Whether its branch is in another repository.
    pub is_of_fork: bool,
    /// Who approved it, and when: every approval that was not dismissed.
    pub approvals: Vec<(Option<ReviewerAccount>, Timestamp)>,
}
