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
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::git::{Commit, CommitIdentity, FileMode, NewFile, PushOutcome, Signature, Tip, TreePath},
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
        let previous = edit.previous.as_deref().unwrap_or("no image entry");
        let remark = edit.remark.as_ref().map(|remark| format!(" ({remark})")).unwrap_or_default();
        let detail = match &edit.places[..] {
            [] => {
                let files: Vec<&str> = edit.files.keys().map(TreePath::as_str).collect();
                format!("{}: {previous} → {}", files.join(", "), edit.image)
            }
            places => format!("{} → {}", places.join("; "), edit.image),
        };
        Some(format!("{detail}{remark}"))
    }

    fn read(&self) -> Result<Base, CommandError> {
        let tip = self.repo.tip()?;
        let arrived = self.arrived_push(&tip.commit)?;
        let FoundImages { texts, modes, fields, unchecked } =
            find_images(self.repo, &tip.commit, self.plan.image_locators())?;
        for reason in unchecked {
            self.ctx.log.say(&reason);
        }
        let now = self.ctx.execution.clock.wall();
        let entries = match self.plan.ledger_query(now) {
            Some(query) => ledger::run_query(self.repo, &tip.commit, &query).map_err(Finding::unobservable)?,
            None => Vec::new(),
        };
        Ok(Base { snapshot: InfraSnapshot { texts, fields, entries, now }, tip, modes, arrived })
    }

    fn arrived(&self, base: &Base) -> Option<PromotionResult> {
        base.arrived.clone()
    }

    fn plan(&self, base: &Base) -> Plan<PlannedCommit, PromotionResult> {
        self.plan.decide(&base.snapshot)
    }

    fn write(&self, permit: &Permit, base: &Base, edit: &PlannedCommit) -> WriteOutcome<PromotionResult> {
        let InfraRepo { git, remote, branch, .. } = self.repo;
        let file = |(path, text): (&TreePath, &String)| NewFile {
            path: path.clone(),
            mode: base.modes.get(path).copied().unwrap_or(FileMode::Regular),
            bytes: text.clone().into_bytes(),
        };
        let files: Vec<NewFile> = edit.files.iter().map(file).collect();
        let (author, committer) = (self.committer.clone(), self.committer.clone());
        let signature = Signature { author, committer, at: self.ctx.execution.clock.wall().into() };
        let commit = match git.commit_files(&base.tip.commit, &files, &edit.message, &signature) {
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
