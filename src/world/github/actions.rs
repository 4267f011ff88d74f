//! Workflow runs, their jobs, annotations and approvals: `/repos/{owner}/{repo}/actions` and `/check-runs`.

use super::{
    client::GitHub,
    permission::RequiredPermission,
    repository::Repository,
    workflow_run::{Annotation, Approval, Job, WorkflowRun},
};
use crate::finding::Finding;

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

    /// The reviews of all attempts of a workflow run; `None` if the run does not exist.
    ///
    /// # Errors
    /// No answer; a token without Actions: read.
    pub fn approvals(&self, repository: &Repository, run: u64) -> Result<Option<Vec<Approval>>, Finding> {
        self.get(&repository.api_path(&format!("actions/runs/{run}/approvals")), &read_permission(repository))
    }
}

fn read_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Actions: read", repository.to_string())
}
