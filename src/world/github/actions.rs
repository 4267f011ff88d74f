//! Workflow runs, their jobs, annotations and approvals: `/repos/{owner}/{repo}/actions` and `/check-runs`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::{
    client::GitHub,
    fields::{full_name, login, names, optional_full_name},
    permission::RequiredPermission,
    read::percent_encode,
    repository::Repository,
};
use crate::{clock::rfc3339, finding::Finding};

/// The most runs that GitHub shows of one search: its description of the route.
const MAX_FOUND: usize = 1000;
/// The most searches that one list of runs may take.
const MAX_SEARCHES: usize = 20;

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

/// A job of a workflow run. Its id is also that of its check run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Job {
    pub id: u64,
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

impl GitHub {
    /// A workflow run in its latest attempt.
    ///
    /// # Errors
    /// No answer; a token without Actions: read.
    pub fn workflow_run(&self, repository: &Repository, id: u64) -> Result<Option<WorkflowRun>, Finding> {
        self.get(&repository.api_path(&format!("actions/runs/{id}")), &read_permission(repository))
    }

    /// One attempt of a workflow run.
    ///
    /// # Errors
    /// No answer; a token without Actions: read.
    pub fn workflow_run_attempt(
        &self,
        repository: &Repository,
        id: u64,
        attempt: u32,
    ) -> Result<Option<WorkflowRun>, Finding> {
        self.get(&repository.api_path(&format!("actions/runs/{id}/attempts/{attempt}")), &read_permission(repository))
    }

    /// The jobs of one attempt.
    ///
    /// # Errors
    /// No answer; no such attempt; a token without Actions: read.
    pub fn jobs(&self, repository: &Repository, id: u64, attempt: u32) -> Result<Vec<Job>, Finding> {
        let required = read_permission(repository);
        let path = repository.api_path(&format!("actions/runs/{id}/attempts/{attempt}/jobs"));
        self.list(&path, Some("jobs"), &required)?
            .ok_or_else(|| Self::missing(format!("attempt {attempt} of workflow run {id}"), &required))
    }

    /// The annotations of a job. GitHub has them once the job is complete.
    ///
    /// # Errors
    /// No answer; no such job; a token without Checks: read.
    pub fn annotations(&self, repository: &Repository, job: u64) -> Result<Vec<Annotation>, Finding> {
        let required = RequiredPermission::new("Checks: read", repository.to_string());
        self.list(&repository.api_path(&format!("check-runs/{job}/annotations")), None, &required)?
            .ok_or_else(|| Self::missing(format!("the annotations of job {job}"), &required))
    }

    /// The reviews of all attempts of a workflow run.
    ///
    /// # Errors
    /// No answer; no such run; a token without Actions: read.
    pub fn approvals(&self, repository: &Repository, run: u64) -> Result<Vec<Approval>, Finding> {
        let required = read_permission(repository);
        self.get(&repository.api_path(&format!("actions/runs/{run}/approvals")), &required)?
            .ok_or_else(|| Self::missing(format!("workflow run {run}"), &required))
    }

    /// The runs of one workflow that were created at `since` or later, in every state, newest first. A search shows the
    /// newest thousand runs only, so further searches ask for the runs before those.
    ///
    /// # Errors
    /// No answer; no such workflow; a token without Actions: read; more runs than the searches can list.
    pub fn runs_of_workflow(
        &self,
        repository: &Repository,
        workflow: u64,
        since: Timestamp,
    ) -> Result<Vec<WorkflowRun>, Finding> {
        let required = read_permission(repository);
        let mut all: Vec<WorkflowRun> = Vec::new();
        let mut created = format!(">={}", rfc3339(since));
        for _ in 0..MAX_SEARCHES {
            let path =
                repository.api_path(&format!("actions/workflows/{workflow}/runs?created={}", percent_encode(&created)));
            let found: Vec<WorkflowRun> = self
                .list(&path, Some("workflow_runs"), &required)?
                .ok_or_else(|| Self::missing(format!("the runs of workflow {workflow}"), &required))?;
            let complete = found.len() < MAX_FOUND;
            // A range includes both of its ends, so the runs of its last second appear in two searches.
            let known: BTreeSet<u64> = all.iter().map(|run| run.id).collect();
            all.extend(found.into_iter().filter(|run| !known.contains(&run.id)));
            let oldest = all.iter().map(|run| run.created_at).min();
            match oldest.filter(|_| !complete) {
                None => return Ok(all),
                Some(oldest) => created = format!("{}..{}", rfc3339(since), rfc3339(oldest)),
            }
        }
        Err(Finding::inconclusive(format!("the runs of workflow {workflow}"))
            .actual(format!("more than {} of them since {since}", all.len()))
            .expected("a list that ends"))
    }
}

fn read_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Actions: read", repository.to_string())
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
