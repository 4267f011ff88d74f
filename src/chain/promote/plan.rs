//! Decides about a promotion, from what was read and nothing else.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    chain::kustomization::{self, Edited, ImageChange, ImageEntry, Problem},
    converge::Plan,
    ledger::{Entry, Kind, Promotion},
    report::Report,
    subject::Subject,
    values::Span,
    verdict::Finding,
    world::git::{Commit, TreePath},
};

/// How far the clocks of two runners may be apart.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What shall be so.
pub(super) struct Intent {
    pub subject: Subject,
    pub file: TreePath,
    /// The image's name in the manifests.
    pub image_name: String,
    /// What the commit will say; the images in it are the plan's to fill in.
    pub promotion: Promotion,
    pub basis: Basis,
}

/// The branch as it is.
pub(super) struct Seen {
    /// What the file holds.
    pub text: String,
    /// The youngest promotion of this service to this environment, if it is young enough to stand in the way.
    pub youngest: Option<Entry>,
    /// What we sent is there, though nobody told us.
    pub arrived: Option<Promoted>,
    pub now: Timestamp,
}

/// What to write.
#[derive(Debug, PartialEq)]
pub(super) struct Edit {
    pub text: String,
    pub image: String,
    pub previous: Option<String>,
    pub message: String,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Promoted {
    pub image: String,
    /// What stood there before; `None` when there was no entry.
    pub previous: Option<String>,
    /// None when the image stood there already.
    pub commit: Option<Commit>,
}

impl Intent {
    pub fn plan(&self, seen: &Seen) -> Plan<Edit, Promoted> {
        if let Some(arrived) = &seen.arrived {
            return Plan::Already(arrived.clone());
        }
        let (edited, entry) = match self.edit(&seen.text) {
            Ok(edited) => edited,
            Err(problem) => return Plan::Refuse(problem.complaint(self.file.as_str()).into()),
        };
        let image = entry.reference();
        let previous = edited.previous.as_ref().map(ImageEntry::reference);
        if !edited.changed {
            return Plan::Already(Promoted { image, previous, commit: None });
        }
        if let Some(finding) = self.basis.too_old(seen.now).or_else(|| self.superseded(seen.youngest.as_ref())) {
            return Plan::Refuse(finding);
        }
        let promotion = Promotion { image: image.clone(), previous: previous.clone(), ..self.promotion.clone() };
        Plan::Write(Edit { text: edited.text, image, previous, message: promotion.message() })
    }

    /// The file with the image set, and its entry then. Where no image was given, the one that stands there gets the tag:
    /// `kustomize edit set image NAME=*:TAG`.
    fn edit(&self, text: &str) -> Result<(Edited, ImageEntry), Problem> {
        let Self { subject, image_name: name, .. } = self;
        let stands = kustomization::image(text, name)?;
        let new_name = subject.image.as_ref().map(ToString::to_string);
        let (tag, digest) =
            (subject.tag.as_ref().map(ToString::to_string), subject.digest.as_ref().map(ToString::to_string));
        let new_name = new_name.or_else(|| stands.and_then(|entry| entry.new_name));
        let change = ImageChange { name: name.clone(), new_name, tag, digest };
        let edited = kustomization::set_image(text, &change)?;
        let ImageChange { name, new_name, tag, digest } = change;
        Ok((edited, ImageEntry { name, new_name, tag, digest }))
    }

    /// What has landed of this service since our validation was not known to it: ours would take it back.
    fn superseded(&self, youngest: Option<&Entry>) -> Option<Finding> {
        let youngest = youngest?;
        let Entry { commit, image, .. } = youngest;
        let (theirs, ours) = (youngest.as_of(), self.promotion.validated_at?);
        let became = match youngest.kind {
            Kind::Normal => {
                format!("{image} was validated at {theirs}, after this release ({ours}), and is promoted by {commit}")
            }
            Kind::Emergency => format!(
                "{image} was promoted in an emergency by {commit} at {theirs}, after this release was validated ({ours})"
            ),
            Kind::Rollback => {
                format!("{commit} rolled back to {image} at {theirs}, after this release was validated ({ours})")
            }
        };
        (theirs > ours).then(|| {
            Finding::blocked("supersession")
                .actual(became)
                .expected("the youngest validated release")
                .next("promote the younger one, or validate this one again")
        })
    }
}

/// The reports that a promotion rests on.
#[derive(Debug)]
pub(super) struct Basis {
    reports: Vec<Ground>,
    max_age: Span,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Ground {
    pub command: String,
    pub finished: Timestamp,
    /// The URL of the workflow run that wrote it.
    pub run: Option<String>,
}

impl Basis {
    /// # Errors
    /// A report does not tell when it was finished.
    pub fn of(reports: &[&Report], max_age: Span) -> Result<Self, Finding> {
        let ground = |report: &&Report| {
            let run = report.run.as_ref().map(|run| run.url.clone());
            match report.finished_at.parse() {
                Ok(finished) => Ok(Ground { command: report.command.clone(), finished, run }),
                Err(_) => Err(Finding::inconclusive(&report.command)
                    .actual(format!("its report was finished at \"{}\"", report.finished_at))
                    .expected("a time as RFC 3339 tells it")),
            }
        };
        Ok(Self { reports: reports.iter().map(ground).collect::<Result<_, _>>()?, max_age })
    }

    /// Nothing that is promoted was seen later than this; `None` when nothing was required.
    pub fn oldest(&self) -> Option<&Ground> {
        self.reports.iter().min_by_key(|report| report.finished)
    }

    fn too_old(&self, now: Timestamp) -> Option<Finding> {
        let oldest = self.oldest()?;
        if let Some(early) = self.reports.iter().find(|report| report.finished.duration_since(now) > SKEW) {
            return Some(
                Finding::inconclusive(&early.command)
                    .actual(format!("its report was finished at {}, and it is {now} now", early.finished))
                    .expected("a report of the past")
                    .next("set the runners' clocks"),
            );
        }
        let age = now.duration_since(oldest.finished).max(SignedDuration::ZERO).unsigned_abs();
        (age > self.max_age.0).then(|| {
            Finding::blocked(&oldest.command)
                .actual(format!("its report is {} old", Span(Duration::from_secs(age.as_secs()))))
                .expected(format!("a report of the last {}", self.max_age))
                .next("validate the release again")
        })
    }
}
