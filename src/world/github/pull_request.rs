//! A pull request as the lists of REST show it.

use clap::ValueEnum;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::{account::Account, fields::names};
use crate::subject::Commit;

/// A pull request with its two branches.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PullRequest {
    pub number: u64,
    pub html_url: String,
    pub state: PullRequestState,
    /// `None` if it was not merged.
    #[serde(default)]
    pub merged_at: Option<Timestamp>,
    /// The commit on the base branch, once it is merged. Before that, a commit of GitHub's own test merge.
    #[serde(default)]
    pub merge_commit_sha: Option<String>,
    /// Who merged it, unless the account is gone. A list does not say it.
    #[serde(default)]
    pub merged_by: Option<Account>,
    /// Its own branch.
    pub head: PullRequestEnd,
    /// The branch that it is to be merged into.
    pub base: PullRequestEnd,
    #[serde(default, deserialize_with = "names")]
    pub labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullRequestState {
    Open,
    Closed,
}

/// One of the two branches of a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PullRequestEnd {
    #[serde(rename = "ref")]
    pub branch: String,
    /// The last commit of the branch.
    pub sha: String,
    /// `owner/name`; `None` if the repository was deleted.
    #[serde(default, rename = "repo", deserialize_with = "full_name")]
    pub repository: Option<String>,
}

/// A pull request to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPullRequest {
    pub title: String,
    /// Markdown.
    pub body: String,
    /// The name of its branch, in the same repository.
    pub head: String,
    /// The branch that it is to be merged into.
    pub base: String,
}

/// How a pull request is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MergeMethod {
    /// A merge commit.
    Merge,
    /// One new commit.
    Squash,
    /// The same commits on top of the base.
    Rebase,
}

impl MergeMethod {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

/// A merge to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge<'a> {
    pub method: MergeMethod,
    /// The last commit that the branch has to have.
    pub head: &'a Commit,
    /// The first line of the new commit's message, and the rest of it. A rebase makes no message.
    pub title: &'a str,
    pub message: &'a str,
}

impl PullRequest {
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == PullRequestState::Open
    }

    #[must_use]
    pub const fn is_merged(&self) -> bool {
        self.merged_at.is_some()
    }

    /// Whether its branch is in another repository, or in one that is gone.
    #[must_use]
    pub fn is_of_fork(&self) -> bool {
        self.head.repository.is_none() || self.head.repository != self.base.repository
    }
}

#[derive(Deserialize)]
struct RepositoryJson {
    full_name: String,
}

fn full_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<RepositoryJson>::deserialize(deserializer)?.map(|repository| repository.full_name))
}
