//! The change of several promotions: one commit for each service, and one move of the branch. Either all commits reach the branch
//! or none, and the ledger still has one promotion in each commit.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use super::{
    api::ParentCommit,
    infra::{FileTexts, InfraSnapshot, PlannedCommit, PromotionPlan, PromotionResult, set_image::read_snapshot},
    writer::BranchWriter,
};
use crate::{
    error::CommandError,
    finding::Finding,
    ledger::InfraRepo,
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::git::{Commit, FileMode, Tip, TreePath},
};

/// How each promotion ended, in the order of the plans: with a result, or with the reason why it was left out.
pub type Results = Vec<Result<PromotionResult, Finding>>;

/// Commits the images that the plans decide on, and moves the branch to all of them at once.
pub struct SetImages<'a, P> {
    plans: &'a [P],
    writer: BranchWriter<'a>,
    /// Writes that were not refused: each may have reached the remote, or may still.
    sent: RefCell<Vec<Results>>,
}

/// The branch at its current tip.
pub struct Base {
    tip: Tip,
    /// What each plan reads; the reason for one that cannot be decided.
    services: Vec<Result<Snapshot, Finding>>,
    /// The earlier write that reached the remote, although its answer was lost or said otherwise.
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
    pub fn new(plans: &'a [P], writer: BranchWriter<'a>) -> Self {
        Self { plans, writer, sent: RefCell::default() }
    }

    /// The earlier write that reached the branch.
    fn arrived_write(&self, tip: &Commit) -> Result<Option<Results>, CommandError> {
        for results in &*self.sent.borrow() {
            if let Some(commit) = last_commit(results)
                && self.writer.has_arrived(commit, tip).map_err(Finding::unobservable)?
            {
                return Ok(Some(results.clone()));
            }
        }
        Ok(None)
    }

    /// Makes the commits, each on top of the one before. No branch has them yet.
    fn commit(&self, permit: &Permit, base: &Base, chain: &Chain) -> Result<Results, WriteOutcome<Infallible>> {
        let mut results: BTreeMap<usize, Result<PromotionResult, Finding>> = chain.others.clone();
        let mut parent = ParentCommit::from(&base.tip.commit);
        for ChainLink { index, modes, commit } in &chain.links {
            parent = self.writer.commit(permit, &parent, modes, commit)?;
            let (image, previous) = (commit.image.clone(), commit.previous.clone());
            let commit = Some(parent.commit.clone());
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
        let InfraRepo { remote, branch, .. } = self.writer.repo;
        Effect {
            target: format!("{} {branch}", remote.url()),
            detail: services.collect::<Vec<_>>().join(", "),
            state: EffectState::Planned,
        }
    }

    fn detail(&self, chain: &Chain) -> Option<String> {
        let edits: Vec<String> = chain.links.iter().map(|link| link.commit.describe_change()).collect();
        Some(format!("{} commits at once: {}", edits.len(), edits.join(", ")))
    }

    fn read(&self) -> Result<Base, CommandError> {
        let BranchWriter { repo, ctx, .. } = &self.writer;
        let tip = repo.tip()?;
        let arrived = self.arrived_write(&tip.commit)?;
        let mut services = Vec::with_capacity(self.plans.len());
        for plan in self.plans {
            services.push(match read_snapshot(repo, ctx, &tip.commit, plan) {
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
        let results = match self.commit(permit, base, chain) {
            Ok(results) => results,
            Err(end) => return end.map(|never| match never {}),
        };
        match last_commit(&results).cloned() {
            Some(last) => self.writer.move_branch(permit, &last, results, &self.sent),
            None => WriteOutcome::Refused(Finding::inconclusive("branch").actual("there is no commit to move it to")),
        }
    }
}

/// The end of the chain.
fn last_commit(results: &Results) -> Option<&Commit> {
    let changed = results.iter().flatten().filter(|result| result.changed);
    changed.filter_map(|result| result.commit.as_ref()).next_back()
}
