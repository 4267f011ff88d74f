//! The change behind `promote`: one image entry of one file on the tip of one branch. A plain fast-forward is the lock.

use std::cell::RefCell;

use jiff::SignedDuration;

use super::plan::{Edit, Intent, Promoted, Seen};
use crate::{
    converge::{Change, Permit, Plan, Wrote},
    desk::Desk,
    ledger::{self, Entry, Place},
    report::{Effect, EffectState},
    verdict::{Complaint, Finding, Stop},
    world::{
        World,
        git::{self, Commit, Identity, Mode, NewFile, Push, Signature, Tip},
    },
};

/// A promotion is committed after it was validated. The clocks that say so may be this far apart.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

pub(super) struct SetImage<'a> {
    intent: &'a Intent,
    place: &'a Place,
    committer: Identity,
    desk: &'a Desk,
    /// Pushes whose answer was lost: each may still arrive.
    unanswered: RefCell<Vec<Promoted>>,
}

/// The branch as it is now.
pub(super) struct Base {
    tip: Tip,
    mode: Mode,
    seen: Seen,
}

impl<'a> SetImage<'a> {
    pub fn new(intent: &'a Intent, place: &'a Place, committer: Identity, desk: &'a Desk) -> Self {
        Self { intent, place, committer, desk, unanswered: RefCell::default() }
    }

    /// The file on the branch.
    fn file(&self, tip: &Commit) -> Result<(String, Mode), Stop> {
        let Place { git, branch, .. } = self.place;
        let path = &self.intent.file;
        let seen = match git.read_file(tip, path).map_err(Complaint::unseen)? {
            Some(git::Entry::File(blob)) => {
                let text = String::from_utf8(blob.bytes).map_err(|error| {
                    Complaint::about(path.as_str()).seen(error.to_string()).expected("UTF-8").unseen()
                })?;
                return Ok((text, blob.mode));
            }
            Some(_) => "no regular file",
            None => "no such file",
        };
        Err(Complaint::about("`file`")
            .seen(format!("{seen} at {path} on {branch}"))
            .expected("a kustomization file")
            .next("name the repository's layout with `file`; `{service}` and `{environment}` are filled in")
            .bad_input())
    }

    /// The youngest entry of this service, if it can be younger than this promotion.
    fn youngest(&self, tip: &Commit) -> Result<Option<Entry>, Stop> {
        let promotion = &self.intent.promotion;
        let Some(validated_at) = promotion.validated_at else { return Ok(None) };
        let since = validated_at.checked_sub(MARGIN).unwrap_or(validated_at);
        let entries = ledger::since(self.place, tip, since).map_err(Complaint::unseen)?;
        let ours = entries.into_iter().filter(|entry| entry.is_of(&promotion.service, &promotion.environment));
        Ok(ours.max_by_key(Entry::as_of))
    }

    /// One of our own pushes that arrived, though its answer did not.
    fn arrived(&self, tip: &Commit) -> Result<Option<Promoted>, Stop> {
        for promoted in &*self.unanswered.borrow() {
            if let Some(commit) = &promoted.commit
                && self.place.git.is_ancestor(commit, tip).map_err(Complaint::unseen)?
            {
                return Ok(Some(promoted.clone()));
            }
        }
        Ok(None)
    }
}

impl Change for SetImage<'_> {
    type Base = Base;
    type Edit = Edit;
    type Done = Promoted;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let Intent { file, image_name, promotion, .. } = self.intent;
        Effect {
            target: format!("{} {}", self.place.remote.url(), self.place.branch),
            detail: format!("{file}: {image_name} → {}", promotion.release),
            state: EffectState::Planned,
        }
    }

    fn detail(&self, edit: &Edit) -> Option<String> {
        let previous = edit.previous.as_deref().unwrap_or("no image entry");
        Some(format!("{}: {previous} → {}", self.intent.file, edit.image))
    }

    fn read(&self, _: &World) -> Result<Base, Stop> {
        let tip = self.place.tip()?;
        let (text, mode) = self.file(&tip.commit)?;
        let (youngest, arrived) = (self.youngest(&tip.commit)?, self.arrived(&tip.commit)?);
        Ok(Base { seen: Seen { text, youngest, arrived, now: self.desk.clock.wall() }, tip, mode })
    }

    fn plan(&self, base: &Base) -> Plan<Edit, Promoted> {
        self.intent.plan(&base.seen)
    }

    fn write(&self, _: &World, permit: &Permit, base: &Base, edit: &Edit) -> Wrote<Promoted> {
        let Place { git, remote, branch } = self.place;
        let file = NewFile { path: self.intent.file.clone(), mode: base.mode, bytes: edit.text.clone().into_bytes() };
        let who = &self.committer;
        let signature = Signature { author: who.clone(), committer: who.clone(), at: self.desk.clock.wall().into() };
        let commit = match git.commit_files(&base.tip.commit, &[file], &edit.message, &signature) {
            Ok(commit) => commit,
            // Nothing has left this machine yet.
            Err(complaint) => return Wrote::Refused(complaint.into()),
        };
        let promoted =
            Promoted { image: edit.image.clone(), previous: edit.previous.clone(), commit: Some(commit.clone()) };
        match git.push(permit, remote, &commit, branch) {
            Push::Done => {
                self.desk.log.say(&format!("pushed {commit} to {branch}"));
                Wrote::Done(promoted)
            }
            Push::Lost { why } => {
                self.desk.log.say(&format!("somebody pushed first, planning again: {why}"));
                Wrote::Lost(why)
            }
            Push::Refused { why } => Wrote::Refused(
                Finding::inconclusive("push")
                    .actual(why)
                    .expected(format!("the right to push to {branch}"))
                    .next("give a `token` with Contents: write that the branch's rules let through; GITHUB_TOKEN cannot push to a protected branch"),
            ),
            Push::Unknown { why } => {
                self.desk.log.say(&format!("the push was not answered, looking whether it arrived: {why}"));
                self.unanswered.borrow_mut().push(promoted);
                Wrote::Unknown(
                    Complaint::about("git push").seen(why).expected("an answer").next(
                        "look at the branch before running it again: it is safe, what stands there already is not written twice",
                    ),
                )
            }
        }
    }
}
