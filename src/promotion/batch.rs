//! The change of several promotions: one commit for each service, and all of them in one push. Either all commits reach the branch
//! or none, and the ledger still has one promotion in each commit.

use std::{cell::RefCell, collections::BTreeMap};

use super::{
    infra::{
        FileTexts, InfraSnapshot, PlannedCommit, PromotionPlan, PromotionResult,
        set_image::{commit_edit, read_snapshot},
    },
    push::push,
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    ledger::InfraRepo,
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::git::{Commit, CommitIdentity, FileMode, Tip, TreePath},
};

/// How each promotion ended, in the order of the plans: with a result, or with the reason why it was left out.
pub type Results = Vec<Result<PromotionResult, Finding>>;

/// Commits the images that the plans decide on, and pushes them together.
pub struct SetImages<'a, P> {
    plans: &'a [P],
    repo: &'a InfraRepo,
    committer: CommitIdentity,
    ctx: &'a CommandContext,
    /// Pushes that were not refused: each may have reached the remote, or may still.
    sent: RefCell<Vec<Results>>,
}

/// The branch at its current tip.
pub struct Base {
    tip: Tip,
    /// What each plan reads; the reason for one that cannot be decided.
    services: Vec<Result<Snapshot, Finding>>,
    /// The earlier push that reached the remote, although its answer was lost or said otherwise.
    arrived: Option<Results>,
}

/// The modes of the files, and what the plan decides by.
type Snapshot = (BTreeMap<TreePath, FileMode>, InfraSnapshot);

/// One commit of the chain, and the plan it belongs to.
pub struct ChainLink {
    index: usize,
    modes: BTreeMap<TreePath, FileMode>,
    commit: PlannedCommit,
}

/// The commits to make, in their order, and how the other promotions ended.
pub struct Chain {
    links: Vec<ChainLink>,
    others: BTreeMap<usize, Result<PromotionResult, Finding>>,
}

impl<'a, P: PromotionPlan> SetImages<'a, P> {
    pub fn new(plans: &'a [P], repo: &'a InfraRepo, committer: CommitIdentity, ctx: &'a CommandContext) -> Self {
        Self { plans, repo, committer, ctx, sent: RefCell::default() }
    }

    /// The earlier push that reached the branch.
    fn arrived_push(&self, tip: &Commit) -> Result<Option<Results>, CommandError> {
        for results in &*self.sent.borrow() {
            if let Some(commit) = last_commit(results)
                && self.repo.git.is_ancestor(commit, tip).map_err(Finding::unobservable)?
            {
                return Ok(Some(results.clone()));
            }
        }
        Ok(None)
    }

    /// Makes the commits, each on top of the one before. Nothing leaves this machine.
    fn commit(&self, base: &Base, chain: &Chain) -> Result<Results, Finding> {
        let mut results: BTreeMap<usize, Result<PromotionResult, Finding>> = chain.others.clone();
        let mut parent = base.tip.commit.clone();
        for ChainLink { index, modes, commit } in &chain.links {
            parent = commit_edit(self.repo, self.ctx, &self.committer, (&parent, modes), commit)?;
            let (image, previous) = (commit.image.clone(), commit.previous.clone());
            let commit = Some(parent.clone());
            results.insert(*index, Ok(PromotionResult { image, previous, commit, changed: true, is_current: true }));
        }
        Ok(results.into_values().collect())
    }
}

/// Decides for each plan. An edit of a file that an earlier plan edits is made on that plan's text.
fn plan_chain<P: PromotionPlan>(plans: &[P], services: &[Result<Snapshot, Finding>]) -> Chain {
    let mut edited = FileTexts::new();
    let mut chain = Chain { links: Vec::new(), others: BTreeMap::new() };
    for (index, (plan, read)) in plans.iter().zip(services).enumerate() {
        let (modes, infra) = match read {
            Ok(snapshot) => snapshot,
            Err(finding) => {
                chain.others.insert(index, Err(finding.clone()));
                continue;
            }
        };
        let mut texts = infra.texts.clone();
        for (path, text) in &mut texts {
            if let Some(edited) = edited.get(path) {
                text.clone_from(edited);
            }
        }
        let (fields, entries) = (infra.fields.clone(), infra.entries.clone());
        let decision = plan.decide(&InfraSnapshot { texts, fields, entries, now: infra.now });
        let other = match decision {
            Plan::Write(commit) => {
                edited.extend(commit.files.clone());
                chain.links.push(ChainLink { index, modes: modes.clone(), commit });
                continue;
            }
            Plan::UpToDate(result) => Ok(result),
            Plan::Refuse(finding) => Err(finding),
        };
        chain.others.insert(index, other);
    }
    chain
}

impl<P: PromotionPlan> Change for SetImages<'_, P> {
    type Base = Base;
    type Edit = Chain;
    type Done = Results;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let services =
            self.plans.iter().map(|plan| format!("{} → {}", plan.image_locators().describe(), plan.release()));
        Effect {
            target: format!("{} {}", self.repo.remote.url(), self.repo.branch),
            detail: services.collect::<Vec<_>>().join(", "),
            state: EffectState::Planned,
        }
    }

    fn detail(&self, chain: &Chain) -> Option<String> {
        let edits: Vec<String> = chain.links.iter().map(|link| link.commit.describe_change()).collect();
        Some(format!("{} commits in one push: {}", edits.len(), edits.join(", ")))
    }

    fn read(&self) -> Result<Base, CommandError> {
        let tip = self.repo.tip()?;
        let arrived = self.arrived_push(&tip.commit)?;
        let mut services = Vec::with_capacity(self.plans.len());
        for plan in self.plans {
            services.push(match read_snapshot(self.repo, self.ctx, &tip.commit, plan) {
                Ok(snapshot) => Ok(snapshot),
                // The file of one service is wrong: that keeps no other back.
                Err(CommandError::BadInput(finding) | CommandError::Refused(finding)) => Err(finding),
                Err(CommandError::Unobservable(finding)) if finding.retry_after.is_none() => Err(finding),
                Err(error) => return Err(error),
            });
        }
        Ok(Base { tip, services, arrived })
    }

    fn arrived(&self, base: &Base) -> Option<Results> {
        base.arrived.clone()
    }

    fn plan(&self, base: &Base) -> Plan<Chain, Results> {
        let chain = plan_chain(self.plans, &base.services);
        if chain.links.is_empty() { Plan::UpToDate(chain.others.into_values().collect()) } else { Plan::Write(chain) }
    }

    fn write(&self, permit: &Permit, base: &Base, chain: &Chain) -> WriteOutcome<Results> {
        let results = match self.commit(base, chain) {
            Ok(results) => results,
            Err(finding) => return WriteOutcome::Refused(finding),
        };
        match last_commit(&results).cloned() {
            Some(last) => push(permit, self.repo, self.ctx, &last, results, &self.sent),
            None => WriteOutcome::Refused(Finding::inconclusive("push").actual("there is no commit to push")),
        }
    }
}

/// The end of the chain.
fn last_commit(results: &Results) -> Option<&Commit> {
    let changed = results.iter().flatten().filter(|result| result.changed);
    changed.filter_map(|result| result.commit.as_ref()).next_back()
}
