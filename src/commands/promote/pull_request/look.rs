//! Reads the promotion's branch, and the other open pull requests of the same service and environment. A commit counts by what it
//! changed, so git reads each branch.

use std::collections::BTreeMap;

use super::{
    plan::{BranchTip, ProposalFacts, Rival, is_of_branch},
    session::Session,
};
use crate::{
    error::CommandError,
    finding::Finding,
    ledger::{self, InfraRepo, PromotionBranch},
    promotion::infra::{InfraSnapshot, set_image::read_snapshot},
    world::{
        git::{Branch, FileMode, Tip, TreePath},
        github::PullRequest,
    },
};

/// The base branch, the promotion's branch, and the pull requests that matter.
pub struct ProposalBase {
    pub tip: Tip,
    pub modes: BTreeMap<TreePath, FileMode>,
    snapshot: InfraSnapshot,
    pub on_branch: Option<BranchTip>,
    own: Vec<PullRequest>,
    rivals: Vec<Rival>,
}

impl ProposalBase {
    /// # Errors
    /// GitHub or git do not answer.
    pub fn read(session: &Session<'_>) -> Result<Self, CommandError> {
        let Session { promote, repo, on_branch, branch, github, repository, ctx, .. } = session;
        // Before the base: a newer one that is merged meanwhile is on the base then.
        let rivals = read_rivals(session).map_err(Finding::unobservable)?;
        let tip = repo.tip()?;
        let (modes, snapshot) = read_snapshot(repo, ctx, &tip.commit, *promote)?;
        let found = read_tip(on_branch, branch).map_err(Finding::unobservable)?;
        let own = github.pull_requests_of_branch(repository, &on_branch.branch).map_err(Finding::unobservable)?;
        Ok(Self { tip, modes, snapshot, on_branch: found, own, rivals })
    }

    pub fn facts<'a>(&'a self, session: &'a Session<'_>) -> ProposalFacts<'a> {
        ProposalFacts {
            branch: &session.branch,
            base: &self.snapshot,
            tip: self.on_branch.as_ref(),
            own: &self.own,
            rivals: &self.rivals,
        }
    }
}

/// The tip of a promotion's branch; `None` if the remote has no such branch.
///
/// # Errors
/// Git fails.
pub fn read_tip(on_branch: &InfraRepo, branch: &PromotionBranch) -> Result<Option<BranchTip>, Finding> {
    let Some(tip) = on_branch.fetch()? else { return Ok(None) };
    let PromotionBranch { service, environment, .. } = branch;
    let entries = ledger::history(on_branch, &tip.commit, service, environment, |entries| !entries.is_empty())?;
    let entry = entries.into_iter().next().filter(|entry| entry.commit == tip.commit);
    Ok(Some(BranchTip { commit: tip.commit.clone(), entry }))
}

/// The other open pull requests that promote the same service to the same environment. One whose branch holds something else than
/// its name says is left out: no rule counts it.
///
/// # Errors
/// GitHub or git do not answer.
pub fn read_rivals(session: &Session<'_>) -> Result<Vec<Rival>, Finding> {
    let Session { repo, branch: own, github, repository, .. } = session;
    let mut rivals = Vec::new();
    for open in github.open_pull_requests(repository, &repo.branch)? {
        let Ok(branch) = open.head.branch.parse::<PromotionBranch>() else { continue };
        let is_rival = branch.service == own.service
            && branch.environment == own.environment
            && branch.evidence != own.evidence
            && !open.is_of_fork();
        let Some(name) = open.head.branch.parse::<Branch>().ok().filter(|_| is_rival) else { continue };
        let tip = read_tip(&repo.on_branch(name), &branch)?;
        let entry = tip.and_then(|tip| tip.entry).filter(|entry| is_of_branch(entry, &branch));
        rivals.extend(entry.map(|entry| Rival { number: open.number, branch, entry }));
    }
    Ok(rivals)
}
