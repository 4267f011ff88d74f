//! The change of every promotion: the image of one service in all of its files, by one commit on the tip of one branch. The branch
//! moves by a plain fast-forward, which the remote refuses when another commit was first.

use std::{cell::RefCell, collections::BTreeMap};

use super::{
    image_file::{FoundImages, find_images},
    plan::{InfraSnapshot, PlannedCommit, PromotionPlan, PromotionResult},
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    ledger::{self, InfraRepo},
    promotion::{api::ParentCommit, writer::BranchWriter},
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::git::{Commit, FileMode, Tip, TreePath},
};

/// Commits the image that a command decided on.
pub struct SetImage<'a, P> {
    plan: &'a P,
    writer: BranchWriter<'a>,
    /// Writes that were not refused: each may have reached the remote, or may still.
    sent: RefCell<Vec<PromotionResult>>,
}

/// The branch at its current tip.
pub struct Base {
    tip: Tip,
    /// The modes of the files with the image.
    modes: BTreeMap<TreePath, FileMode>,
    snapshot: InfraSnapshot,
    /// The earlier write that reached the remote, although its answer was lost or said otherwise.
    arrived: Option<PromotionResult>,
}

impl<'a, P: PromotionPlan> SetImage<'a, P> {
    pub fn new(plan: &'a P, writer: BranchWriter<'a>) -> Self {
        Self { plan, writer, sent: RefCell::default() }
    }

    /// The earlier write that reached the branch. A connection that is cut during a push makes git send it again; the answer to
    /// that is a conflict with the first.
    fn arrived_write(&self, tip: &Commit) -> Result<Option<PromotionResult>, CommandError> {
        for result in &*self.sent.borrow() {
            if let Some(commit) = &result.commit
                && self.writer.has_arrived(commit, tip).map_err(Finding::unobservable)?
            {
                return Ok(Some(result.clone()));
            }
        }
        Ok(None)
    }
}

impl<P: PromotionPlan> Change for SetImage<'_, P> {
    type Base = Base;
    type Edit = PlannedCommit;
    type Done = PromotionResult;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let InfraRepo { remote, branch, .. } = self.writer.repo;
        Effect {
            target: format!("{} {branch}", remote.url()),
            detail: format!("{} → {}", self.plan.image_locators().describe(), self.plan.release()),
            state: EffectState::Planned,
        }
    }

    fn detail(&self, edit: &PlannedCommit) -> Option<String> {
        let remark = edit.remark.as_ref().map(|remark| format!(" ({remark})")).unwrap_or_default();
        Some(format!("{}{remark}", edit.describe_change()))
    }

    fn read(&self) -> Result<Base, CommandError> {
        let BranchWriter { repo, ctx, .. } = &self.writer;
        let tip = repo.tip()?;
        let arrived = self.arrived_write(&tip.commit)?;
        let (modes, snapshot) = read_snapshot(repo, ctx, &tip.commit, self.plan)?;
        Ok(Base { tip, modes, snapshot, arrived })
    }

    fn arrived(&self, base: &Base) -> Option<PromotionResult> {
        base.arrived.clone()
    }

    fn plan(&self, base: &Base) -> Plan<PlannedCommit, PromotionResult> {
        self.plan.decide(&base.snapshot)
    }

    fn write(&self, permit: &Permit, base: &Base, edit: &PlannedCommit) -> WriteOutcome<PromotionResult> {
        let made = match self.writer.commit(permit, &ParentCommit::from(&base.tip.commit), &base.modes, edit) {
            Ok(made) => made.commit,
            Err(end) => return end.map(|never| match never {}),
        };
        let (image, previous) = (edit.image.clone(), edit.previous.clone());
        let result = PromotionResult { image, previous, commit: Some(made.clone()), changed: true, is_current: true };
        self.writer.move_branch(permit, &made, result, &self.sent)
    }
}

/// What a plan needs of a commit of the branch, and the modes of its files.
///
/// # Errors
/// The image is not found, or git fails.
pub fn read_snapshot<P: PromotionPlan>(
    repo: &InfraRepo,
    ctx: &CommandContext,
    tip: &Commit,
    plan: &P,
) -> Result<(BTreeMap<TreePath, FileMode>, InfraSnapshot), CommandError> {
    let FoundImages { texts, modes, fields, unchecked } = find_images(repo, tip, plan.image_locators())?;
    for reason in unchecked {
        ctx.log.say(&reason);
    }
    let now = ctx.execution.clock.wall();
    let entries = match plan.ledger_query(now) {
        Some(query) => ledger::run_query(repo, tip, &query).map_err(Finding::unobservable)?,
        None => Vec::new(),
    };
    Ok((modes, InfraSnapshot { texts, fields, entries, now }))
}
