//! A workflow run, its jobs, annotations and approvals, as GitHub's API describes them.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::fields::{full_name, login, names, optional_full_name};

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
    pub head_branch: Option<String>,
    pub head_sha: String,
    #[serde(default, deserialize_with = "login")]
    pub actor: Option<String>,
    #[serde(default, deserialize_with = "login")]
    pub triggering_actor: Option<String>,
    #[serde(deserialize_with = "full_name")]
    pub repository: String,
    /// The repository of the commit: a different one for a fork's pull request.
    #[serde(default, deserialize_with = "optional_full_name")]
    pub head_repository: Option<String>,
    pub html_url: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(default)]
    pub run_started_at: Option<Timestamp>,
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
    #[serde(default, deserialize_with = "login")]
    pub user: Option<String>,
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
