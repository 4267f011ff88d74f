//! The event that started the workflow, as far as it is needed.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::CommandError,
    finding::Finding,
    subject::{Commit, Subject},
};

/// The event that started the workflow.
#[derive(Clone, Debug, PartialEq)]
pub enum TriggerEvent {
    /// The run of another workflow completed.
    WorkflowRun(CompletedRun),
    RepositoryDispatch(RepositoryDispatch),
    /// Any other event, or none.
    Other,
}

/// What starts the doorbell of promotions by pull request.
const REVIEW: &str = "pull_request_review";

/// The run that a `workflow_run` event names. Its `head_sha` is the commit that was built and deployed, while `GITHUB_SHA`
/// is the tip of the default branch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CompletedRun {
    pub id: u64,
    #[serde(rename = "run_attempt")]
    pub attempt: u32,
    pub head_sha: Commit,
    /// What started it; GitHub always says it.
    #[serde(default)]
    pub event: String,
}

/// The content of a `repository_dispatch` event. Untrusted: everyone with write access to the repository can send one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RepositoryDispatch {
    /// The event type of the dispatch.
    pub action: String,
    #[serde(default)]
    pub client_payload: Value,
}

/// The subject with the commit of the run that a `workflow_run` event names: that commit was deployed, so it is judged. A run that a
/// review started has deployed nothing: its commit is that of the pull request.
///
/// # Errors
/// Bad input when the subject names another commit.
pub fn complete_subject(subject: Subject, event: &TriggerEvent) -> Result<Subject, CommandError> {
    let TriggerEvent::WorkflowRun(run) = event else { return Ok(subject) };
    if run.event == REVIEW {
        return Ok(subject);
    }
    match &subject.commit {
        Some(given) if *given != run.head_sha => Err(Finding::inconclusive("`commit`")
            .actual(given.to_string())
            .expected(format!("{}, which the `workflow_run` event is about, or none at all", run.head_sha))
            .next("leave `commit` out: in a `workflow_run` workflow, GITHUB_SHA is the tip of the default branch")
            .bad_input()),
        _ => Ok(Subject { commit: Some(run.head_sha.clone()), ..subject }),
    }
}
