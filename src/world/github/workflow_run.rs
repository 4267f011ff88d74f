//! A workflow run, its jobs, annotations and approvals, as GitHub's API describes them.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::{
    account::Account,
    fields::{login, names},
};

/// A repository in another object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RunRepository {
    /// Stays when the repository is renamed; no other repository ever has it.
    #[serde(default)]
    pub id: Option<u64>,
    pub full_name: String,
}

/// One attempt of a workflow run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WorkflowRun {
    pub id: u64,
    #[serde(rename = "run_attempt")]
    pub attempt: u32,
    pub workflow_id: u64,
    /// The workflow's file: `.github/workflows/ci.yml`, sometimes followed by `@` and a ref.
    pub path: String,
    /// The event that started the run: `push`, `workflow_run`.
    pub event: String,
    /// `queued`, `waiting`, `in_progress`, `completed` and others.
    pub status: Option<String>,
    /// `success`, `failure` and others, once the run is completed.
    pub conclusion: Option<String>,
    /// The name of what was pushed: a branch or a tag.
    pub head_branch: Option<String>,
    pub head_sha: String,
    #[serde(default, deserialize_with = "login")]
    pub actor: Option<String>,
    #[serde(default, deserialize_with = "login")]
    pub triggering_actor: Option<String>,
    pub repository: RunRepository,
    /// The repository of the commit: a different one for a fork's pull request, none after the fork was deleted.
    #[serde(default)]
    pub head_repository: Option<RunRepository>,
    pub html_url: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(default)]
    pub run_started_at: Option<Timestamp>,
}

impl WorkflowRun {
    /// Whether the run's commit comes from the run's own repository, and not from a fork.
    #[must_use]
    pub fn is_of_own_commit(&self) -> bool {
        let head = self.head_repository.as_ref().and_then(|repository| repository.id);
        head.is_some() && head == self.repository.id
    }

    /// The name of the commit's repository, for messages.
    #[must_use]
    pub fn head_repository_name(&self) -> &str {
        self.head_repository.as_ref().map_or("an unknown repository", |repository| repository.full_name.as_str())
    }

    /// Whether the run belongs to a workflow file. GitHub sometimes appends `@` and a ref to the path.
    #[must_use]
    pub fn is_of_workflow(&self, path: &str) -> bool {
        self.path.split('@').next() == Some(path)
    }
}

/// A job of a workflow run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// In practice also the id of its check run; [`Job::check_run_id`] is what the API says.
    pub id: u64,
    #[serde(default)]
    pub check_run_url: Option<String>,
    /// The displayed name: the job's `name:` or its key, followed by the values of a matrix.
    pub name: String,
    pub status: String,
    pub conclusion: Option<String>,
    /// Not always the time when a runner took the job: GitHub has been seen to leave it at the time of queueing.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When the first step started. A runner starts no step before the job passed its environment's rules.
    #[serde(default, rename = "steps", deserialize_with = "first_start")]
    pub began: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    #[serde(default)]
    pub runner_name: Option<String>,
}

impl Job {
    /// The id of its check run: the last part of `…/check-runs/41`.
    #[must_use]
    pub fn check_run_id(&self) -> u64 {
        let number = self.check_run_url.as_deref().and_then(|url| url.rsplit_once("/check-runs/")?.1.parse().ok());
        number.unwrap_or(self.id)
    }

    /// Whether the job has ended, and was not skipped.
    #[must_use]
    pub fn has_run(&self) -> bool {
        self.status == "completed" && self.conclusion.as_deref() != Some("skipped")
    }
}

/// A message that a step of a job printed with `::notice`, `::warning` or `::error`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Annotation {
    #[serde(rename = "annotation_level")]
    pub level: Option<String>,
    pub title: Option<String>,
    pub message: Option<String>,
}

/// A review of a run that waited for one. GitHub gives neither its time nor the attempt that it was for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Approval {
    /// `approved`, `rejected` or `pending`.
    pub state: String,
    pub comment: String,
    /// `None` for a deleted account.
    #[serde(default)]
    pub user: Option<Account>,
    #[serde(deserialize_with = "names")]
    pub environments: Vec<String>,
}

#[derive(Deserialize)]
struct StepJson {
    #[serde(default)]
    started_at: Option<Timestamp>,
}

fn first_start<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let steps = Option::<Vec<StepJson>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(steps.into_iter().filter_map(|step| step.started_at).min())
}
