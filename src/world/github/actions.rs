//! Workflow runs, their jobs, annotations and approvals: `/repos/{owner}/{repo}/actions` and `/check-runs`.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    client::GitHub,
    permission::RequiredPermission,
    read::percent_encode,
    repository::Repository,
    workflow_run::{Annotation, Approval, Job, WorkflowRun},
};
use crate::{clock::rfc3339, finding::Finding};

/// The most runs that GitHub shows of one search: its description of the route.
const MAX_FOUND: usize = 1000;
/// The most searches that one list of runs may take.
const MAX_SEARCHES: usize = 20;

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
            .expected("fewer runs, in a shorter time"))
    }
}

fn read_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Actions: read", repository.to_string())
}
