//! The settings of a repository that [`settings`](super::settings) reads, as values.

use serde::Deserialize;

/// A repository as a token sees it, and what GitHub says of the token beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryOverview {
    pub visibility: Visibility,
    /// Whether an organisation owns it, and not a person.
    pub of_organisation: bool,
    pub default_branch: String,
    /// The version of an Enterprise Server; `None` on GitHub's own servers.
    pub server: Option<String>,
    /// The scopes of a classic token; `None` for every other kind.
    pub scopes: Option<Vec<String>>,
    /// When the token ends, as GitHub writes it, if it ends.
    pub token_ends: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    Public,
    Private,
    /// Only Enterprise has it.
    Internal,
}

/// What the job's own token may do where a workflow has no `permissions`, and whether it may open and approve pull requests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WorkflowPermissions {
    /// `read` or `write`.
    #[serde(rename = "default_workflow_permissions")]
    pub default: String,
    #[serde(rename = "can_approve_pull_request_reviews")]
    pub may_open_pull_requests: bool,
}

/// A rule that a ruleset puts on a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesetRule {
    /// `pull_request`, `required_status_checks`.
    pub kind: String,
    /// The statuses that it requires.
    pub statuses: Vec<RequiredStatus>,
}

/// What GitHub shows of a branch's protection to those who may read the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchProtection {
    pub protected: bool,
    /// Whether classic branch protection is on; `None`: a server that does not say it.
    pub is_classic: Option<bool>,
    /// The statuses that classic branch protection requires.
    pub statuses: Vec<RequiredStatus>,
}

/// A status that a rule requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredStatus {
    pub context: String,
    /// The number of the App that it has to be from; `None`: any account.
    pub app: Option<u64>,
}

/// A team, as far as a reviewer's is of interest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TeamFacts {
    #[serde(default, rename = "members_count")]
    pub members: Option<u64>,
}
