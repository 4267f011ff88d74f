//! A repository and everything that belongs to it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    comment::{FakeComment, FakeEdits},
    deployment::FakeDeployment,
    environment::FakeEnvironment,
    history::CommitHistory,
    issue::FakeIssue,
    pull_request::FakePullRequest,
    run::{FakeAnnotation, FakeJob, FakeReview, FakeRun},
    settings::RepositorySettings,
    status::FakeStatus,
};
use crate::sandbox::{
    github::format::{now, split_name},
    infra::Infra,
};

pub struct FakeRepository {
    /// `owner/name`, with the case of its creation.
    pub name: String,
    pub dispatches: Vec<DispatchEvent>,
    /// Every attempt of every run.
    pub runs: Vec<FakeRun>,
    /// Each with its run id and attempt.
    pub jobs: Vec<(u64, u32, FakeJob)>,
    pub annotations: Vec<FakeAnnotation>,
    pub reviews: Vec<FakeReview>,
    /// Each with the name of its environment.
    pub deployments: Vec<(String, FakeDeployment)>,
    pub history: CommitHistory,
    /// The git repository with the branches of its pull requests; without one, they are those of `history`.
    pub git: Option<Infra>,
    /// The files of the default branch that the contents API shows, by path.
    pub files: BTreeMap<String, String>,
    /// The files of other branches, by branch and path.
    pub branch_files: BTreeMap<String, BTreeMap<String, String>>,
    /// In order of creation.
    pub environments: Vec<FakeEnvironment>,
    /// The fields of environments and policies that an older server does not know.
    pub unknown_fields: Vec<&'static str>,
    /// The ids of users and teams without access, whom GitHub drops from the reviewers of an environment.
    pub without_access: Vec<u64>,
    pub settings: RepositorySettings,
    pub issues: Vec<FakeIssue>,
    pub pull_requests: Vec<FakePullRequest>,
    /// Oldest first.
    pub comments: Vec<FakeComment>,
    pub edits: Vec<FakeEdits>,
    pub statuses: Vec<FakeStatus>,
}

/// A `repository_dispatch` event as a workflow would receive it.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchEvent {
    pub event_type: String,
    pub client_payload: Value,
}

impl FakeRepository {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            dispatches: Vec::new(),
            runs: Vec::new(),
            jobs: Vec::new(),
            annotations: Vec::new(),
            reviews: Vec::new(),
            deployments: Vec::new(),
            history: CommitHistory::default(),
            git: None,
            files: BTreeMap::new(),
            branch_files: BTreeMap::new(),
            environments: Vec::new(),
            unknown_fields: Vec::new(),
            without_access: Vec::new(),
            settings: RepositorySettings::default(),
            issues: Vec::new(),
            pull_requests: Vec::new(),
            comments: Vec::new(),
            edits: Vec::new(),
            statuses: Vec::new(),
        }
    }

    pub fn owner(&self) -> &str {
        split_name(&self.name).0
    }

    /// The repository's address in the API.
    pub fn url(&self, api: &str) -> String {
        format!("{api}/repos/{}", self.name)
    }

    /// The repository's web page.
    pub fn page(&self) -> String {
        format!("https://github.com/{}", self.name)
    }

    /// The environment of that name, ignoring case. A missing one is created without protection, as GitHub does when a
    /// job names it.
    pub fn environment_or_create(&mut self, name: &str) -> &mut FakeEnvironment {
        let index = self.environments.iter().position(|environment| environment.has_name(name));
        let index = index.unwrap_or_else(|| {
            self.environments.push(FakeEnvironment::new(name, now()));
            self.environments.len() - 1
        });
        &mut self.environments[index]
    }
}
