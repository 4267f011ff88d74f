//! The run that deployed a release, and the branch that its commit is on. A `workflow_run` event names a run of any branch,
//! tag or fork, and a run has the name of what was pushed, which can be a tag named like a branch. So `record` and `evidence`
//! ask GitHub for both.

pub mod judge;

use crate::{
    finding::Finding,
    subject::Commit,
    world::{
        git::Branch,
        github::{GitHub, Repository, WorkflowRun},
    },
};
use judge::BranchPosition;

/// The latest attempt of a run. GitHub answers 404 for everything that a token may not see, so a run is only missing for
/// certain if the token can see the repository.
///
/// # Errors
/// No answer; a missing permission; a repository that the token cannot see.
pub fn fetch_run(github: &GitHub, repository: &Repository, id: u64) -> Result<Option<WorkflowRun>, Finding> {
    let run = github.workflow_run(repository, id)?;
    if run.is_none() && github.repository(repository)?.is_none() {
        return Err(hidden(repository).expected(format!("run {id}")));
    }
    Ok(run)
}

/// Where a commit is towards a branch of the repository, or towards its default branch.
///
/// # Errors
/// No answer; a missing permission; a repository that the token cannot see.
pub fn locate_commit(
    github: &GitHub,
    repository: &Repository,
    branch: Option<&Branch>,
    commit: &Commit,
) -> Result<BranchPosition, Finding> {
    let branch = branch.map_or_else(|| default_branch(github, repository), |branch| Ok(branch.clone()))?;
    let tip = github.branch_tip(repository, &branch)?;
    let relation = match &tip {
        Some(tip) => github.relation(repository, tip, commit)?,
        None if github.repository(repository)?.is_none() => return Err(hidden(repository)),
        None => None,
    };
    Ok(BranchPosition { branch, tip, relation })
}

fn default_branch(github: &GitHub, repository: &Repository) -> Result<Branch, Finding> {
    let facts = github.repository(repository)?.ok_or_else(|| hidden(repository))?;
    facts
        .default_branch
        .parse()
        .map_err(|error: String| Finding::inconclusive("default branch").actual(error).expected("the name of a branch"))
}

fn hidden(repository: &Repository) -> Finding {
    Finding::inconclusive("source repository")
        .actual(format!("GitHub does not show {repository} to this token"))
        .expected("a repository that the token can read")
        .next(format!("give a `source-token` with Actions and Contents: read on {repository}"))
}
