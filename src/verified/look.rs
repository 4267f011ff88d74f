//! Reads the annotations of a workflow run's jobs.

use super::{VerifiedRelease, announced};
use crate::{
    finding::Finding,
    world::github::{GitHub, Repository, WorkflowRun},
};

/// The releases that `evidence` verified in the latest attempt of a run.
///
/// # Errors
/// No answer; a token without Actions: read or Checks: read.
pub fn fetch_verified(
    github: &GitHub,
    repository: &Repository,
    run: &WorkflowRun,
) -> Result<Vec<VerifiedRelease>, Finding> {
    let mut releases = Vec::new();
    for job in github.jobs(repository, run.id, run.attempt)?.iter().filter(|job| job.has_run()) {
        releases.extend(announced(&github.annotations(repository, job.check_run_id())?));
    }
    Ok(releases)
}
