//! What every step of a promotion by pull request works with.

use super::super::plan::Promote;
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    ledger::{InfraRepo, PromotionBranch},
    values::HumanDuration,
    world::{
        git::{Branch, CommitIdentity},
        github::{GitHub, Repository},
    },
};

/// One promotion, and where it is proposed.
pub struct Session<'a> {
    pub promote: &'a Promote,
    /// The branch that the pull request is to be merged into.
    pub repo: &'a InfraRepo,
    /// The same repository at the promotion's own branch.
    pub on_branch: InfraRepo,
    pub branch: PromotionBranch,
    pub github: &'a GitHub,
    /// The same repository on GitHub.
    pub repository: &'a Repository,
    pub committer: CommitIdentity,
    pub labels: &'a [String],
    pub timeout: HumanDuration,
    pub ctx: &'a CommandContext,
}

/// The promotion's branch: its name has the evidence id, without which there is none.
///
/// # Errors
/// A finding: the promotion names no evidence, or git does not accept the name.
pub fn branch_of(promote: &Promote) -> Result<(PromotionBranch, Branch), Finding> {
    let promotion = &promote.promotion;
    let Some(evidence) = promotion.evidence.clone() else {
        return Err(Finding::inconclusive("evidence")
            .actual("no evidence id")
            .expected("the id of the evidence, which names the branch"));
    };
    let (environment, service) = (promotion.environment.clone(), promotion.service.clone());
    let branch = PromotionBranch { environment, service, evidence };
    let name: Branch = branch.to_string().parse().map_err(|error: String| {
        Finding::inconclusive("pull request").actual(error).expected("names that git accepts in a branch")
    })?;
    Ok((branch, name))
}

/// Checks that the checkout is of the repository whose pull request is opened. A remote of another form than GitHub's addresses
/// cannot be compared.
///
/// # Errors
/// Bad input: it is of another repository on this server.
pub fn check_repository(repo: &InfraRepo, repository: &Repository, ctx: &CommandContext) -> Result<(), CommandError> {
    let server = ctx.runner_env.server();
    let own = format!("{}/{repository}", server.trim_end_matches('/'));
    match repo.web_address(Some(server)) {
        Some(found) if !found.eq_ignore_ascii_case(&own) => Err(Finding::inconclusive("`checkout`")
            .actual(format!("a checkout of {found}"))
            .expected(format!("one of {own}, in which the pull request is opened"))
            .next("run this workflow in the repository with the manifests, or set `mode: push`")
            .bad_input()),
        _ => Ok(()),
    }
}
