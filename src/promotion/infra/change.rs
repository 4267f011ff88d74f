//! The change behind every promotion: one image entry of one file on the tip of one branch. A plain fast-forward is the
//! lock.

use std::cell::RefCell;

use super::{Done, Edit, Intent, Seen, Slot};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    ledger::Place,
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::git::{Commit, Identity, Mode, NewFile, Push, Signature, Tip},
};

/// Sets the image that an intent wants.
pub struct SetImage<'a, I> {
    intent: &'a I,
    place: &'a Place,
    committer: Identity,
    ctx: &'a CommandContext,
    /// Pushes whose answer was lost: each may still arrive.
    unanswered: RefCell<Vec<Done>>,
}

/// The branch as it is now.
pub struct Base {
    tip: Tip,
    mode: Mode,
    seen: Seen,
    /// What we sent is there, though nobody told us.
    arrived: Option<Done>,
}

impl<'a, I: Intent> SetImage<'a, I> {
    pub fn new(intent: &'a I, place: &'a Place, committer: Identity, ctx: &'a CommandContext) -> Self {
        Self { intent, place, committer, ctx, unanswered: RefCell::default() }
    }

    /// One of our own pushes that arrived, though its answer did not.
    fn arrived(&self, tip: &Commit) -> Result<Option<Done>, CommandError> {
        for done in &*self.unanswered.borrow() {
            if let Some(commit) = &done.commit
                && self.place.git.is_ancestor(commit, tip).map_err(Finding::unobservable)?
            {
                return Ok(Some(done.clone()));
            }
        }
        Ok(None)
    }
}

impl<I: Intent> Change for SetImage<'_, I> {
    type Base = Base;
    type Edit = Edit;
    type Done = Done;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let Slot { file, name } = self.intent.slot();
        Effect {
            target: format!("{} {}", self.place.remote.url(), self.place.branch),
            detail: format!("{file}: {name} → {}", self.intent.release()),
            state: EffectState::Planned,
        }
    }

    fn detail(&self, edit: &Edit) -> Option<String> {
        let previous = edit.previous.as_deref().unwrap_or("no image entry");
        Some(format!("{}: {previous} → {}", self.intent.slot().file, edit.image))
    }

    fn read(&self) -> Result<Base, CommandError> {
        let tip = self.place.tip()?;
        let (text, mode) = self.intent.slot().read(self.place, &tip.commit)?;
        let arrived = self.arrived(&tip.commit)?;
        let now = self.ctx.execution.clock.wall();
        let entries = self.intent.entries(self.place, &tip.commit, now).map_err(Finding::unobservable)?;
        Ok(Base { seen: Seen { text, entries, now }, tip, mode, arrived })
    }

    fn plan(&self, base: &Base) -> Plan<Edit, Done> {
        match &base.arrived {
            // Whatever stands there now, and on whatever grounds: it was done.
            Some(arrived) => Plan::UpToDate(arrived.clone()),
            None => self.intent.plan(&base.seen),
        }
    }

    fn write(&self, permit: &Permit, base: &Base, edit: &Edit) -> WriteOutcome<Done> {
        let Place { git, remote, branch } = self.place;
        let path = self.intent.slot().file.clone();
        let file = NewFile { path, mode: base.mode, bytes: edit.text.clone().into_bytes() };
        let who = &self.committer;
        let signature =
            Signature { author: who.clone(), committer: who.clone(), at: self.ctx.execution.clock.wall().into() };
        let commit = match git.commit_files(&base.tip.commit, &[file], &edit.message, &signature) {
            Ok(commit) => commit,
            // Nothing has left this machine yet.
            Err(finding) => return WriteOutcome::Refused(finding),
        };
        let Edit { image, previous, .. } = edit;
        let (image, previous) = (image.clone(), previous.clone());
        let done = Done { image, previous, commit: Some(commit.clone()), changed: true, stands: true };
        match git.push(permit, remote, &commit, branch) {
            Push::Done => {
                self.ctx.log.say(&format!("pushed {commit} to {branch}"));
                WriteOutcome::Done(done)
            }
            Push::Lost { why } => {
                self.ctx.log.say(&format!("somebody pushed first, planning again: {why}"));
                WriteOutcome::Conflict(why)
            }
            Push::Refused { why } => WriteOutcome::Refused(
                Finding::inconclusive("push")
                    .actual(why)
                    .expected(format!("the right to push to {branch}"))
                    .next("give a `token` with Contents: write that the branch's rules let through; GITHUB_TOKEN cannot push to a protected branch"),
            ),
            Push::Unknown { why } => {
                self.ctx.log.say(&format!("the push was not answered, looking whether it arrived: {why}"));
                self.unanswered.borrow_mut().push(done);
                WriteOutcome::Unknown(
                    Finding::inconclusive("git push").actual(why).expected("an answer").next(
                        "look at the branch before running it again: it is safe, what stands there already is not written twice",
                    ),
                )
            }
        }
    }
}
