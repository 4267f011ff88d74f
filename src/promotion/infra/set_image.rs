//! The change of every promotion: one image entry of one file, on the tip of one branch. The push is a plain fast-forward,
//! which the remote refuses when another push was first.

use std::cell::RefCell;

use super::{
    image_file::{FoundImage, find_image},
    image_locator::ImageLocator,
    plan::{InfraSnapshot, PlannedCommit, PromotionPlan, PromotionResult},
};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    ledger::{self, InfraRepo},
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::git::{Commit, CommitIdentity, FileMode, NewFile, PushOutcome, Signature, Tip},
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
    /// The mode of the image's file.
    mode: FileMode,
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
        let locator: &ImageLocator = self.plan.image_locator();
        let (file, name) = (&locator.file, locator.default_name());
        Effect {
            target: format!("{} {}", self.repo.remote.url(), self.repo.branch),
            detail: format!("{file}: {name} → {}", self.plan.release()),
            state: EffectState::Planned,
        }
    }

    fn detail(&self, edit: &PlannedCommit) -> Option<String> {
        let previous = edit.previous.as_deref().unwrap_or("no image entry");
        let remark = edit.remark.as_ref().map(|remark| format!(" ({remark})")).unwrap_or_default();
        Some(format!("{}: {previous} → {}{remark}", self.plan.image_locator().file, edit.image))
    }

    fn read(&self) -> Result<Base, CommandError> {
        let tip = self.repo.tip()?;
        let arrived = self.arrived_push(&tip.commit)?;
        let FoundImage { text, mode, field: image_field, unchecked } =
            find_image(self.repo, &tip.commit, self.plan.image_locator())?;
        if let Some(reason) = unchecked {
            self.ctx.log.say(&format!("not checked whether kustomize uses the entry `{}`: {reason}", image_field.name));
        }
        let now = self.ctx.execution.clock.wall();
        let entries = match self.plan.ledger_query(now) {
            Some(query) => ledger::run_query(self.repo, &tip.commit, &query).map_err(Finding::unobservable)?,
            None => Vec::new(),
        };
        Ok(Base { snapshot: InfraSnapshot { text, image_field, entries, now }, tip, mode, arrived })
    }

    fn arrived(&self, base: &Base) -> Option<PromotionResult> {
        base.arrived.clone()
    }

    fn plan(&self, base: &Base) -> Plan<PlannedCommit, PromotionResult> {
        self.plan.decide(&base.snapshot)
    }

    fn write(&self, permit: &Permit, base: &Base, edit: &PlannedCommit) -> WriteOutcome<PromotionResult> {
        let InfraRepo { git, remote, branch, .. } = self.repo;
        let path = self.plan.image_locator().file.clone();
        let file = NewFile { path, mode: base.mode, bytes: edit.text.clone().into_bytes() };
        let (author, committer) = (self.committer.clone(), self.committer.clone());
        let signature = Signature { author, committer, at: self.ctx.execution.clock.wall().into() };
        let commit = match git.commit_files(&base.tip.commit, &[file], &edit.message, &signature) {
            Ok(commit) => commit,
            // Nothing has left this machine yet.
            Err(finding) => return WriteOutcome::Refused(finding),
        };
        let (image, previous) = (edit.image.clone(), edit.previous.clone());
        let result = PromotionResult { image, previous, commit: Some(commit.clone()), changed: true, is_current: true };
        match git.push(permit, remote, &commit, branch) {
            PushOutcome::Done => {
                self.ctx.log.say(&format!("pushed {commit} to {branch}"));
                WriteOutcome::Done(result)
            }
            PushOutcome::Conflict { why, received } => {
                self.ctx.log.say(&format!("another push was first, planning again: {why}"));
                self.sent.borrow_mut().extend(received.then_some(result));
                WriteOutcome::Conflict(why)
            }
            PushOutcome::Refused { why } => WriteOutcome::Refused(
                Finding::inconclusive("push")
                    .actual(why)
                    .expected(format!("the right to push to {branch}"))
                    .next("give a `token` with Contents: write that the branch's rules accept; GITHUB_TOKEN cannot push to a protected branch"),
            ),
            PushOutcome::Unknown { why } => {
                self.ctx.log.say(&format!("the push got no answer, checking whether it reached the branch: {why}"));
                self.sent.borrow_mut().push(result);
                WriteOutcome::Unknown(
                    Finding::inconclusive("git push").actual(why).expected("an answer").next(
                        "look at the branch before running it again; a second run is safe: an image that is already set is not committed twice",
                    ),
                )
            }
        }
    }
}
