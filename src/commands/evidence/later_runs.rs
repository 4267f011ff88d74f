//! The runs that can end the time which `min-age` asks for: what GitHub shows of the two workflows since. Pure.

use jiff::Timestamp;

use crate::{finding::Finding, world::github::WorkflowRun};

/// Events of runs that look at a proposed change, and deploy nothing to an environment of releases.
const PROPOSALS: [&str; 4] = ["pull_request", "pull_request_target", "pull_request_review", "merge_group"];
/// States of a run none of whose jobs has begun.
const NOT_BEGUN: [&str; 3] = ["queued", "requested", "pending"];

/// The runs of a month, in their latest attempts: an older run can be run again, and deploys again then.
pub struct LaterRuns {
    /// Of the workflow that validates.
    pub validations: Result<Vec<WorkflowRun>, Finding>,
    /// Of the workflow that deploys; `None` if `services` names none: each validating run is one of a deployment then.
    pub deploys: Option<Result<Vec<WorkflowRun>, Finding>>,
}

/// When the latest attempt of a run began.
pub fn began(run: &WorkflowRun) -> Timestamp {
    run.run_started_at.unwrap_or(run.created_at).max(run.created_at)
}

/// Whether a run did anything after the moment: it still runs, or it ended later.
pub fn was_active_after(run: &WorkflowRun, at: Timestamp) -> bool {
    run.status.as_deref() != Some("completed") || run.updated_at > at
}

/// Whether a run can have done anything to the environment: it has begun, was not skipped, and is no run of a proposed change.
pub fn can_have_acted(run: &WorkflowRun) -> bool {
    let is_waiting = run.status.as_deref().is_some_and(|status| NOT_BEGUN.contains(&status));
    !is_waiting && run.conclusion.as_deref() != Some("skipped") && !PROPOSALS.contains(&run.event.as_str())
}
