//! The change behind `promote`: one image entry of one file on the tip of one branch. A plain fast-forward is the lock.

use jiff::Timestamp;

use super::{Place, Target, seconds};
use crate::{
    chain::kustomization::{self, ImageChange},
    converge::{Change, Permit, Plan, Wrote},
    ledger::Promotion,
    report::{Effect, EffectState, Report, log::Log},
    values::Span,
    verdict::{Complaint, Finding, Stop},
    world::{
        World,
        clock::Clock,
        git::{Blob, Commit, Entry, Identity, LastChange, NewFile, Push, Signature, Tip, TreePath},
    },
};

pub(super) struct SetImage<'a> {
    pub place: &'a Place,
    pub target: &'a Target,
    pub file: TreePath,
    pub image_name: String,
    pub promotion: Promotion,
    /// The reports that let it pass: their age is looked at again before every push.
    pub reports: Vec<&'a Report>,
    pub max_age: Span,
    pub committer: Identity,
    pub clock: &'a dyn Clock,
    pub log: &'a Log,
}

/// How it ended.
pub(super) struct Promoted {
    /// None when the image stood there already.
    pub commit: Option<Commit>,
    pub previous: Option<String>,
}

/// The branch as it is now.
pub(super) struct Base {
    pub tip: Tip,
    pub file: Blob,
    pub text: String,
    pub last: Option<LastChange>,
    pub now: Timestamp,
}

/// What to write.
pub(super) struct Edit {
    pub text: String,
    pub previous: Option<String>,
    pub message: String,
}

impl Change for SetImage<'_> {
    type Base = Base;
    type Edit = Edit;
    type Done = Promoted;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        Effect {
            target: format!("{} {}", self.place.remote.url(), self.place.branch),
            detail: format!("{} {} in {}", self.image_name, self.target.release(), self.file),
            state: EffectState::Planned,
        }
    }

    fn read(&self, _: &World) -> Result<Base, Stop> {
        let Place { git, remote, branch } = self.place;
        let Some(tip) = git.fetch_tip(remote, branch).map_err(Complaint::unseen)? else {
            return Err(Complaint::about("`branch`")
                .seen(format!("{} has no branch {branch}", remote.url()))
                .expected("a branch that the remote has")
                .bad_input());
        };
        let file = match git.read_file(&tip.commit, &self.file).map_err(Complaint::unseen)? {
            Some(Entry::File(file)) => file,
            other => {
                let seen = if other.is_none() { "no such file" } else { "no regular file" };
                return Err(Complaint::about("`file`")
                    .seen(format!("{seen} at {} on {branch}", self.file))
                    .expected("a kustomization file")
                    .next("name the repository's layout with `file`; `{service}` and `{environment}` are filled in")
                    .bad_input());
            }
        };
        let text = String::from_utf8(file.bytes.clone()).map_err(|error| {
            Complaint::about(self.file.as_str()).seen(error.to_string()).expected("UTF-8").bad_input()
        })?;
        let last = git.last_change(&tip.commit, &self.file).map_err(Complaint::unseen)?;
        Ok(Base { tip, file, text, last, now: self.clock.wall() })
    }

    fn plan(&self, base: &Base) -> Plan<Edit, Promoted> {
        let edited = match kustomization::set_image(&base.text, &self.image_change()) {
            Ok(edited) => edited,
            Err(problem) => return Plan::Refuse(problem.complaint(self.file.as_str()).into()),
        };
        let previous = edited.previous.as_ref().map(kustomization::ImageEntry::reference);
        if !edited.changed {
            return Plan::Already(Promoted { commit: None, previous });
        }
        if let Some(finding) = self.too_old(base.now).or_else(|| self.superseded(base.last.as_ref())) {
            return Plan::Refuse(finding);
        }
        let mut promotion = self.promotion.clone();
        promotion.previous.clone_from(&previous);
        if promotion.image.is_none() {
            promotion.image = kustomization::image(&edited.text, &self.image_name)
                .ok()
                .flatten()
                .and_then(|entry| entry.reference().parse().ok());
        }
        Plan::Write(Edit { text: edited.text, previous, message: promotion.message() })
    }

    fn write(&self, _: &World, permit: &Permit, base: &Base, edit: &Edit) -> Wrote<Promoted> {
        let Place { git, remote, branch } = self.place;
        let file = NewFile { path: self.file.clone(), mode: base.file.mode, bytes: edit.text.clone().into_bytes() };
        let signature =
            Signature { author: self.committer.clone(), committer: self.committer.clone(), at: seconds(self.clock) };
        let commit = match git.commit_files(&base.tip.commit, &[file], &edit.message, &signature) {
            Ok(commit) => commit,
            // Nothing has left this machine yet.
            Err(complaint) => return Wrote::Refused(complaint.into()),
        };
        match git.push(permit, remote, &commit, branch) {
            Push::Done => {
                self.log.say(&format!("pushed {commit} to {branch}"));
                Wrote::Done(Promoted { commit: Some(commit), previous: edit.previous.clone() })
            }
            Push::Lost { why } => {
                self.log.say(&format!("somebody pushed first, planning again: {why}"));
                Wrote::Lost(why)
            }
            Push::Refused { why } => Wrote::Refused(
                Finding::inconclusive("push")
                    .actual(why)
                    .expected(format!("the right to push to {branch}"))
                    .next("give a `token` with Contents: write that the branch's rules let through; GITHUB_TOKEN cannot push to a protected branch"),
            ),
            Push::Unknown { why } => Wrote::Unknown(
                Complaint::about("git push").seen(why).expected("an answer").next("look at the branch before running it again: it is safe, what stands there already is not written twice"),
            ),
        }
    }
}

impl SetImage<'_> {
    fn image_change(&self) -> ImageChange {
        let subject = &self.target.subject;
        ImageChange {
            name: self.image_name.clone(),
            new_name: subject.image.as_ref().map(ToString::to_string),
            tag: subject.tag.as_ref().map(ToString::to_string),
            digest: subject.digest.as_ref().map(ToString::to_string),
        }
    }

    fn too_old(&self, now: Timestamp) -> Option<Finding> {
        self.reports.iter().find_map(|report| {
            let expected = format!("a report of the last {}", self.max_age);
            let finished: Timestamp = match report.finished_at.parse() {
                Ok(finished) => finished,
                Err(_) => {
                    return Some(
                        Finding::inconclusive(&report.command)
                            .actual(format!("a report of \"{}\"", report.finished_at))
                            .expected(expected),
                    );
                }
            };
            let age = now.duration_since(finished).unsigned_abs();
            let whole = std::time::Duration::from_secs(age.as_secs());
            (age > self.max_age.0).then(|| {
                Finding::blocked(&report.command)
                    .actual(format!("its report is {} old", Span(whole)))
                    .expected(expected)
                    .next("validate the release again")
            })
        })
    }

    /// A promotion of this service whose validation is younger than ours has landed: ours would take it back.
    fn superseded(&self, last: Option<&LastChange>) -> Option<Finding> {
        let last = last?;
        let same = last.trailer("Service") == Some(self.target.service.as_str())
            && last.trailer("Environment") == Some(self.target.environment.as_str());
        let theirs: Timestamp = last.trailer("Validated-at").filter(|_| same)?.parse().ok()?;
        let ours: Timestamp = self.promotion.validated_at.as_deref()?.parse().ok()?;
        (theirs > ours).then(|| {
            Finding::blocked("supersession")
                .actual(format!(
                    "{} was validated at {theirs}, after this release ({ours}), and is promoted by {}",
                    last.trailer("Image").unwrap_or("another image"),
                    last.commit
                ))
                .expected("the youngest validated release")
                .next("promote the younger one, or validate this one again")
        })
    }
}
