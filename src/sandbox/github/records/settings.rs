//! The settings of a repository that are not those of an environment or a branch.

use std::collections::BTreeMap;

use serde_json::Value;

pub struct RepositorySettings {
    /// `public`, `private`, `internal`.
    pub visibility: String,
    /// `read` or `write`.
    pub default_workflow_permissions: String,
    pub may_open_pull_requests: bool,
    /// Whether GitHub signs the commits that Apps make by its API.
    pub signs_commits: bool,
    pub secrets: Vec<String>,
    pub organisation_secrets: Vec<String>,
    /// By environment, in lower case.
    pub environment_secrets: BTreeMap<String, Vec<String>>,
    /// Whether the classic protection of branches requires signed commits.
    pub requires_signatures: bool,
    /// The rules of rulesets for the default branch.
    pub rules: Vec<Value>,
}

impl Default for RepositorySettings {
    /// As GitHub makes a new repository.
    fn default() -> Self {
        Self {
            visibility: "private".to_owned(),
            default_workflow_permissions: "read".to_owned(),
            may_open_pull_requests: false,
            signs_commits: true,
            secrets: Vec::new(),
            organisation_secrets: Vec::new(),
            environment_secrets: BTreeMap::new(),
            requires_signatures: false,
            rules: Vec::new(),
        }
    }
}
