//! Commits of a repository, as GitHub's API describes them.

use serde::{Deserialize, Deserializer};

use super::account::Account;

/// The commits between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// How the second one relates to the first: `ahead`, `behind`, `diverged` or `identical`.
    pub status: String,
    pub total: u64,
    /// From the first one, exclusive, to the second; oldest first.
    pub commits: Vec<SourceCommit>,
}

/// How a commit relates to another one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CommitRelation {
    /// `ahead`, `behind`, `diverged` or `identical`.
    pub status: String,
    /// How many commits only the other one has.
    pub behind_by: u64,
}

impl CommitRelation {
    /// Whether the commit is the other one, or an ancestor of it.
    #[must_use]
    pub fn is_ancestor(&self) -> bool {
        matches!(self.status.as_str(), "identical" | "behind")
    }
}

/// A commit with the GitHub accounts of its author and committer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SourceCommit {
    pub sha: String,
    /// The id with which GraphQL asks for the commit.
    pub node_id: String,
    /// `None` when the commit's email address belongs to no GitHub account.
    #[serde(default, deserialize_with = "account")]
    pub author: Option<Account>,
    #[serde(default, deserialize_with = "account")]
    pub committer: Option<Account>,
    pub commit: CommitContent,
}

/// The part of a commit that its author wrote, and may have made up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CommitContent {
    pub message: String,
    pub author: Option<CommitAuthor>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CommitAuthor {
    pub name: Option<String>,
}

/// An account. Where GitHub knows none, it answers `null` or an empty object.
fn account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Account>, D::Error> {
    #[derive(Deserialize)]
    struct AccountJson {
        login: Option<String>,
        #[serde(rename = "type", default)]
        kind: String,
    }
    let account = Option::<AccountJson>::deserialize(deserializer)?;
    Ok(account.and_then(|account| Some(Account { login: account.login?, kind: account.kind })))
}

impl SourceCommit {
    /// The first line of the message.
    #[must_use]
    pub fn title(&self) -> &str {
        self.commit.message.lines().next().unwrap_or_default()
    }

    /// The author's name in the commit.
    #[must_use]
    pub fn author_name(&self) -> &str {
        self.commit.author.as_ref().and_then(|author| author.name.as_deref()).unwrap_or_default()
    }
}
