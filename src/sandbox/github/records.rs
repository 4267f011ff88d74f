//! The data of the fake GitHub: repositories with their runs, commits, issues and environments, and the accounts.

mod accounts;
mod comment;
mod deployment;
mod environment;
mod history;
mod issue;
mod pull_request;
mod repository;
mod run;
mod settings;
mod status;

use std::collections::BTreeMap;

pub use accounts::{FakeAccounts, FakeTeam};
pub use comment::{FakeComment, FakeEdits};
pub use deployment::FakeDeployment;
pub use environment::{BranchPolicy, DeploymentBranches, FakeEnvironment, ProtectionSettings};
pub use history::{CommitHistory, FakeCommit, GitObject};
pub use issue::FakeIssue;
pub use pull_request::{FakePullRequest, FakePullRequestReview};
pub use repository::{DispatchEvent, FakeRepository};
pub use run::{FakeAnnotation, FakeJob, FakeReview, FakeRun};
pub use status::FakeStatus;

/// Everything that routes read and change.
#[derive(Default)]
pub struct FakeGitHubData {
    /// By lower-case `owner/name`: GitHub ignores case in names.
    pub repositories: BTreeMap<String, FakeRepository>,
    /// The name of each renamed repository, by its old name in lower case.
    pub renamed: BTreeMap<String, String>,
    pub accounts: FakeAccounts,
}

impl FakeGitHubData {
    /// The repository of that name, created if it does not exist; and the accounts.
    pub fn repository(&mut self, name: &str) -> (&mut FakeRepository, &mut FakeAccounts) {
        let Self { repositories, accounts, .. } = self;
        let repository = repositories.entry(name.to_lowercase()).or_insert_with(|| {
            let created = FakeRepository::new(name);
            accounts.add_organisation(created.owner());
            created
        });
        (repository, accounts)
    }
}
