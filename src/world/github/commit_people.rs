//! The people of commits and pull requests, as GitHub links them to accounts.

use serde::Deserialize;

use super::account::Account;

/// The people that a commit names, and its pull requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitPeople {
    pub sha: String,
    /// The author first, then the co-authors.
    pub authors: Vec<GitActor>,
    pub committer: Option<GitActor>,
    /// Whether GitHub itself made the commit, for an account that was signed in.
    pub is_signed_by_github: bool,
    /// The merged pull requests that brought the commit.
    pub pull_requests: Vec<PullRequestId>,
}

/// A person as a commit names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitActor {
    /// As in the commit. Git does not verify it.
    pub name: Option<String>,
    pub email: Option<String>,
    /// The login of the user with this email address; `None` for an address of no user, which an App's is too.
    pub login: Option<String>,
}

/// The id with which GraphQL asks for a pull request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct PullRequestId(pub(super) String);

/// The people of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestPeople {
    pub id: PullRequestId,
    pub number: u64,
    /// `None` if the account was deleted.
    pub opener: Option<Account>,
    pub assignees: Vec<String>,
    /// The authors and co-authors of its own commits, with the SHA of the commit.
    pub authors: Vec<(String, GitActor)>,
    /// How many of its commits GitHub does not show: it shows 250 of a pull request.
    pub hidden_commits: u64,
}
