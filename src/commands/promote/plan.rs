//! Decides about a promotion, from what was read and nothing else.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::basis::Basis;
use crate::{
    finding::Finding,
    ledger::{self, Entry, Kind, Place, Promotion, RunUrl},
    promotion::infra::{Done, Edit, Intent, NewImage, Seen, Slot},
    reconcile::Plan,
    world::git::Commit,
};

/// A promotion is committed after it was validated. The clocks that say so may be this far apart.
const MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// What shall be so.
pub(super) struct Promote {
    pub slot: Slot,
    pub image: NewImage,
    /// What the commit will say; the images in it are the plan's to fill in.
    pub promotion: Promotion,
    pub basis: Basis,
}

impl Intent for Promote {
    fn slot(&self) -> &Slot {
        &self.slot
    }

    fn release(&self) -> String {
        self.promotion.release.clone()
    }

    /// What can have been promoted on the same evidence, or be younger than it.
    fn entries(&self, place: &Place, tip: &Commit, _: Timestamp) -> Result<Vec<Entry>, Finding> {
        let Promotion { service, environment, validated_at, .. } = &self.promotion;
        let Some(validated_at) = *validated_at else { return Ok(Vec::new()) };
        let since = validated_at.checked_sub(MARGIN).unwrap_or(validated_at);
        let mut entries = ledger::since(place, tip, since)?;
        entries.retain(|entry| entry.is_of(service, environment));
        Ok(entries)
    }

    fn plan(&self, seen: &Seen) -> Plan<Edit, Done> {
        let (edited, entry) = match self.slot.set(&seen.text, &self.image) {
            Ok(edited) => edited,
            Err(finding) => return Plan::Refuse(finding),
        };
        let ours =
            seen.entries.iter().find(|entry| entry.evidence.is_some() && entry.evidence == self.promotion.evidence);
        if !edited.changed {
            return Plan::UpToDate(Done::already(entry.reference(), ours));
        }
        let refusal = ours.map(|ours| spent(ours, &seen.entries));
        let younger = seen.entries.iter().filter(|entry| self.is_older_than(entry));
        let refusal = refusal.or_else(|| self.superseded(younger.max_by_key(|entry| entry.as_of())));
        match refusal.or_else(|| self.basis.too_old(seen.now)) {
            Some(finding) => Plan::Refuse(finding),
            None => Plan::Write(Edit::new(edited, &entry, &self.promotion)),
        }
    }
}

/// What was promoted once on this evidence, and does not stand there any more: the same evidence does not bring it back.
fn spent(ours: &Entry, entries: &[Entry]) -> Finding {
    let Entry { commit, image, .. } = ours;
    let since = entries.iter().take_while(|entry| entry.commit != *commit).last();
    let since = since.map_or_else(
        || "somebody has changed it since".to_owned(),
        |next| match next.kind {
            Kind::Rollback => format!("it was rolled back by {}", next.commit),
            _ => format!("{} was promoted after it by {}", next.image, next.commit),
        },
    );
    Finding::blocked("evidence")
        .actual(format!("{image} was promoted on this evidence by {commit}, and {since}"))
        .expected("evidence that nothing has been promoted on, or whose image still stands there")
        .next("validate the release again")
}

impl Promote {
    /// Whether an entry stands for a younger state than ours. Times are whole seconds: of two validations that ended in the
    /// same one, the run with the higher number is the younger; what tells no such number may be.
    fn is_older_than(&self, entry: &Entry) -> bool {
        let Some(ours) = self.promotion.validated_at else { return false };
        let run = |url: &Option<String>| url.as_deref()?.parse::<RunUrl>().ok();
        let is_later = || {
            let (ours, theirs) = (run(&self.promotion.validation_run)?, run(&entry.validation_run)?);
            Some(ours.repository == theirs.repository && ours.id > theirs.id)
        };
        match entry.as_of().cmp(&ours) {
            Ordering::Less => false,
            Ordering::Equal => !is_later().unwrap_or_default(),
            Ordering::Greater => true,
        }
    }

    /// What has landed of this service since our validation was not known to it: ours would take it back.
    fn superseded(&self, youngest: Option<&Entry>) -> Option<Finding> {
        let youngest = youngest?;
        let Entry { commit, image, .. } = youngest;
        let (theirs, ours) = (youngest.as_of(), self.promotion.validated_at?);
        let became = match youngest.kind {
            Kind::Normal => {
                format!(
                    "{image} was validated at {theirs}, not before this release ({ours}), and is promoted by {commit}"
                )
            }
            Kind::Emergency => format!(
                "{image} was promoted in an emergency by {commit} at {theirs}, after this release was validated ({ours})"
            ),
            Kind::Rollback => {
                format!("{commit} rolled back to {image} at {theirs}, after this release was validated ({ours})")
            }
        };
        Some(
            Finding::blocked("supersession")
                .actual(became)
                .expected("the youngest validated release")
                .next("promote the younger one, or validate this one again"),
        )
    }
}
