//! The change of every promotion: the image of one service in all of its files, by one commit on the tip of one branch. The push
//! is a plain fast-forward,
//! which the remote refuses when another push was first.

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
    promotion::push::push,
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::git::{Commit, CommitIdentity, FileMode, NewFile, Signature, Tip, TreePath},
};

/// Commits and pushes the image that a command decided on.
pub struct SetImage<'a, P> {
    plan: &'a P,
    repo: &'a InfraRepo,
    committer: CommitIdentity,
    ctx: &'a CommandContext,
    /// Pushes that were not refused: each may have reached the remote, or may still.
    sent: RefCell<Vec<PromotionResult>>,
}

/// The branch at its current tip.
pub struct Base {
    tip: Tip,
    /// The modes of the files with the image.
    modes: BTreeMap<TreePath, FileMode>,
    snapshot: InfraSnapshot,
    /// The earlier push that reached the remote, although its answer was lost or said otherwise.
    arrived: Option<PromotionResult>,
}

impl<'a, P: PromotionPlan> SetImage<'a, P> {
    pub fn new(plan: &'a P, repo: &'a InfraRepo, committer: CommitIdentity, ctx: &'a CommandContext) -> Self {
        Self { plan, repo, committer, ctx, sent: RefCell::default() }
    }

    /// The earlier push that reached the branch. A connection that is cut during a push makes git send it again; the answer to
    /// that is a conflict with the first.
    fn arrived_push(&self, tip: &Commit) -> Result<Option<PromotionResult>, CommandError> {
        for result in &*self.sent.borrow() {
            if let Some(commit) = &result.commit
                && self.repo.git.is_ancestor(commit, tip).map_err(Finding::unobservable)?
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
        Effect {
            target: format!("{} {}", self.repo.remote.url(), self.repo.branch),
            detail: format!("{} → {}", self.plan.image_locators().describe(), self.plan.release()),
            state: EffectState::Planned,
        }
    }

    fn detail(&self, edit: &PlannedCommit) -> Option<String> {
        let remark = edit.remark.as_ref().map(|remark| format!(" ({remark})")).unwrap_or_default();
        Some(format!("{}{remark}", edit.describe_change()))
    }

    fn read(&self) -> Result<Base, CommandError> {
        let tip = self.repo.tip()?;
        let arrived = self.arrived_push(&tip.commit)?;
        let (modes, snapshot) = read_snapshot(self.repo, self.ctx, &tip.commit, self.plan)?;
        Ok(Base { tip, modes, snapshot, arrived })
    }

    fn arrived(&self, base: &Base) -> Option<PromotionResult> {
        base.arrived.clone()
    }

    fn plan(&self, base: &Base) -> Plan<PlannedCommit, PromotionResult> {
        self.plan.decide(&base.snapshot)
    }

    fn write(&self, permit: &Permit, base: &Base, edit: &PlannedCommit) -> WriteOutcome<PromotionResult> {
        let commit = match commit_edit(self.repo, self.ctx, &self.committer, (&base.tip.commit, &base.modes), edit) {
            Ok(commit) => commit,
            // Nothing has left this machine yet.
            Err(finding) => return WriteOutcome::Refused(finding),
        };
        let (image, previous) = (edit.image.clone(), edit.previous.clone());
        let result = PromotionResult { image, previous, commit: Some(commit.clone()), changed: true, is_current: true };
        push(permit, self.repo, self.ctx, &commit, result, &self.sent)
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

/// Makes the commit of a plan on top of another one. Nothing leaves this machine.
///
/// # Errors
/// Git fails.
pub fn commit_edit(
    repo: &InfraRepo,
    ctx: &CommandContext,
    committer: &CommitIdentity,
    (parent, modes): (&Commit, &BTreeMap<TreePath, FileMode>),
    edit: &PlannedCommit,
) -> Result<Commit, Finding> {
    let file = |(path, text): (&TreePath, &String)| NewFile {
        path: path.clone(),
        mode: modes.get(path).copied().unwrap_or(FileMode::Regular),
        bytes: text.clone().into_bytes(),
    };
    let files: Vec<NewFile> = edit.files.iter().map(file).collect();
    let signature =
        Signature { author: committer.clone(), committer: committer.clone(), at: ctx.execution.clock.wall().into() };
    repo.git.commit_files(parent, &files, &edit.message, &signature)
}
