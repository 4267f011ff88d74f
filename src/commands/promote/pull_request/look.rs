//! Reads the promotion's branch, and the other open pull requests of the same service and environment. A commit counts by what it
//! changed, so git reads each branch.

use super::{
    plan::{BranchTip, Rival, is_of_branch},
    session::Session,
};
use crate::{
    finding::Finding,
    ledger::{self, InfraRepo, PromotionBranch},
    world::git::Branch,
};

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
