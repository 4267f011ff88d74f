//! Who reviewed a workflow run, read from GitHub's reviews. `github.actor` only names who started the run, which for a
//! dispatch is an App.

mod reviews;

use crate::{
    finding::Finding,
    subject::Environment,
    world::github::{GitHub, Repository},
};

pub use reviews::{ReviewAuthor, Reviews, is_same_login, join_names};

/// Fetches the reviews of a workflow run's deployment to an environment.
///
/// # Errors
/// GitHub does not answer; the run does not exist; the token lacks Actions: read.
pub fn fetch_reviews(
    github: &GitHub,
    repository: &Repository,
    run: u64,
    environment: &Environment,
) -> Result<Reviews, Finding> {
    Ok(Reviews::for_environment(&github.approvals(repository, run)?, environment))
}
