//! Who reviewed a workflow run or a pull request, read from GitHub's reviews, and when the jobs of a run were approved, read from
//! their deployments. `github.actor` only names who started the run, which for a dispatch is an App.

pub mod codeowners;
mod job_wait;
mod last_reviews;
mod reviews;

use crate::{
    config::people::People,
    finding::Finding,
    subject::Environment,
    world::github::{GitHub, Repository},
};

pub use job_wait::{ApprovalTime, JobWait, OtherRules, WaitEnd};
pub use last_reviews::{LastReview, ReviewState, last_reviews};
pub use reviews::{PersonApproval, ReviewAuthor, Reviews, join_names};

/// Fetches the reviews of a workflow run's deployments to an environment; `None` if the run does not exist.
///
/// # Errors
/// GitHub does not answer; the token lacks Actions: read.
pub fn find_reviews(
    github: &GitHub,
    repository: &Repository,
    run: u64,
    environment: &Environment,
    people: &People,
) -> Result<Option<Reviews>, Finding> {
    let approvals = github.approvals(repository, run)?;
    Ok(approvals.map(|approvals| Reviews::for_environment(&approvals, environment, people)))
}

/// As [`find_reviews`], of a run that must exist.
///
/// # Errors
/// GitHub does not answer; the run does not exist; the token lacks Actions: read.
pub fn fetch_reviews(
    github: &GitHub,
    repository: &Repository,
    run: u64,
    environment: &Environment,
    people: &People,
) -> Result<Reviews, Finding> {
    find_reviews(github, repository, run, environment, people)?.ok_or_else(|| {
        Finding::inconclusive(format!("workflow run {run}"))
            .actual("GitHub knows none, or does not show it to this token")
            .expected(format!("one in {repository}"))
            .next(format!("the token needs Actions: read on {repository}"))
    })
}
