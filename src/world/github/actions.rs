//! Workflow runs, their jobs, what those said, and who approved: `/repos/{owner}/{repo}/actions` and `/check-runs`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::{
    GitHub, Repository,
    answer::{Need, encoded},
};
use crate::{clock::rfc3339, finding::Finding};

/// However many runs a search finds, GitHub shows no more: its description of the route.
const MOST_FOUND: usize = 1000;
/// How many searches one list of runs may take.
const MOST_SEARCHES: usize = 20;

/// One attempt of a workflow run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WorkflowRun {
    pub id: u64,
    #[serde(rename = "run_attempt")]
    pub attempt: u32,
    pub workflow_id: u64,
    /// The workflow's file: `.github/workflows/ci.yml`, at times with `@` and a ref behind it.
    pub path: String,
    /// What started it: `push`, `workflow_run`.
    pub event: String,
    /// `queued`, `waiting`, `in_progress`, `completed` and others.
    pub status: Option<String>,
    /// `success`, `failure` and others, once it is completed.
    pub conclusion: Option<String>,
    pub head_branch: Option<String>,
    pub head_sha: String,
    #[serde(default, deserialize_with = "login")]
    pub actor: Option<String>,
    #[serde(default, deserialize_with = "login")]
    pub triggering_actor: Option<String>,
    #[serde(deserialize_with = "full_name")]
    pub repository: String,
    /// Where its commit is from: another one for a fork's pull request.
    #[serde(default, deserialize_with = "maybe_full_name")]
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
    /// As people see it: the `name:` of the job, or its key; with a matrix, the values behind it.
    pub name: String,
    pub status: String,
    pub conclusion: Option<String>,
    /// Not always when a runner took it: it has been seen to stay at the time when the job was put into the queue.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When the first of its steps started, which no runner begins before the job was let through.
    #[serde(default, rename = "steps", deserialize_with = "first_start")]
    pub began: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    #[serde(default)]
    pub runner_name: Option<String>,
}

/// What a step of a job said by `::notice`, `::warning` or `::error`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Annotation {
    #[serde(rename = "annotation_level")]
    pub level: Option<String>,
    pub title: Option<String>,
    pub message: Option<String>,
}

/// A review of a run that waited for one. GitHub tells neither when it was given nor for which attempt.
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
    /// Without an answer; a token without Actions: read.
    pub fn workflow_run(&self, repository: &Repository, id: u64) -> Result<Option<WorkflowRun>, Finding> {
        self.get(&repository.path(&format!("actions/runs/{id}")), &need(repository))
    }

    /// One attempt of a workflow run.
    ///
    /// # Errors
    /// Without an answer; a token without Actions: read.
    pub fn workflow_run_attempt(
        &self,
        repository: &Repository,
        id: u64,
        attempt: u32,
    ) -> Result<Option<WorkflowRun>, Finding> {
        self.get(&repository.path(&format!("actions/runs/{id}/attempts/{attempt}")), &need(repository))
    }

    /// The jobs of one attempt.
    ///
    /// # Errors
    /// Without an answer; no such attempt; a token without Actions: read.
    pub fn jobs(&self, repository: &Repository, id: u64, attempt: u32) -> Result<Vec<Job>, Finding> {
        let need = need(repository);
        let path = repository.path(&format!("actions/runs/{id}/attempts/{attempt}/jobs"));
        self.list(&path, Some("jobs"), &need)?
            .ok_or_else(|| Self::missing(format!("attempt {attempt} of workflow run {id}"), &need))
    }

    /// What the steps of a job said. They are there once it is complete.
    ///
    /// # Errors
    /// Without an answer; no such job; a token without Checks: read.
    pub fn annotations(&self, repository: &Repository, job: u64) -> Result<Vec<Annotation>, Finding> {
        let need = Need::of("Checks: read", repository.to_string());
        self.list(&repository.path(&format!("check-runs/{job}/annotations")), None, &need)?
            .ok_or_else(|| Self::missing(format!("the annotations of job {job}"), &need))
    }

    /// The reviews of a workflow run, of all its attempts.
    ///
    /// # Errors
    /// Without an answer; no such run; a token without Actions: read.
    pub fn approvals(&self, repository: &Repository, run: u64) -> Result<Vec<Approval>, Finding> {
        let need = need(repository);
        self.get(&repository.path(&format!("actions/runs/{run}/approvals")), &need)?
            .ok_or_else(|| Self::missing(format!("workflow run {run}"), &need))
    }

    /// The runs of one workflow that were created at `since` or later, in every state, newest first. GitHub shows the
    /// newest thousand of what a search finds; those before them are asked for in turn.
    ///
    /// # Errors
    /// Without an answer; no such workflow; a token without Actions: read; more runs than a list that ends can hold.
    pub fn runs_of_workflow(
        &self,
        repository: &Repository,
        workflow: u64,
        since: Timestamp,
    ) -> Result<Vec<WorkflowRun>, Finding> {
        let need = need(repository);
        let mut all: Vec<WorkflowRun> = Vec::new();
        let mut created = format!(">={}", rfc3339(since));
        for _ in 0..MOST_SEARCHES {
            let path = repository.path(&format!("actions/workflows/{workflow}/runs?created={}", encoded(&created)));
            let found: Vec<WorkflowRun> = self
                .list(&path, Some("workflow_runs"), &need)?
                .ok_or_else(|| Self::missing(format!("the runs of workflow {workflow}"), &need))?;
            let whole = found.len() < MOST_FOUND;
            // Both ends of a range belong to it: those of its last second come twice.
            let known: BTreeSet<u64> = all.iter().map(|run| run.id).collect();
            all.extend(found.into_iter().filter(|run| !known.contains(&run.id)));
            let oldest = all.iter().map(|run| run.created_at).min();
            match oldest.filter(|_| !whole) {
                None => return Ok(all),
                Some(oldest) => created = format!("{}..{}", rfc3339(since), rfc3339(oldest)),
            }
        }
        Err(Finding::inconclusive(format!("the runs of workflow {workflow}"))
            .actual(format!("more than {} of them since {since}", all.len()))
            .expected("a list that ends"))
    }
}

fn need(repository: &Repository) -> Need {
    Need::of("Actions: read", repository.to_string())
}

/// Somebody's account, or none: a deleted one, or one that GitHub does not know.
#[derive(Deserialize)]
struct Account {
    login: Option<String>,
}

pub(super) fn login<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Account>::deserialize(deserializer)?.and_then(|account| account.login))
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    started_at: Option<Timestamp>,
}

fn first_start<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let steps = Option::<Vec<Step>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(steps.into_iter().filter_map(|step| step.started_at).min())
}

#[derive(Deserialize)]
struct Located {
    full_name: String,
}

fn full_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Located::deserialize(deserializer)?.full_name)
}

fn maybe_full_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Located>::deserialize(deserializer)?.map(|located| located.full_name))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::<Named>::deserialize(deserializer)?.into_iter().map(|named| named.name).collect())
}
