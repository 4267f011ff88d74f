//! Decides about an emergency's commit, from what was read and nothing else.

use jiff::Timestamp;

use crate::{
    finding::Finding,
    kustomization::ImageEntry,
    ledger::{self, Entry, Kind, Place, Promotion},
    promotion::{
        bypass::{RERUNS, of_this_run},
        infra::{Done, Edit, Intent, NewImage, Seen, Slot},
    },
    reconcile::Plan,
    report::Run,
    world::git::Commit,
};

/// What shall be so.
pub(super) struct Emergency {
    pub slot: Slot,
    pub image: NewImage,
    /// What the commit will say; the images in it are the plan's to fill in.
    pub promotion: Promotion,
    /// Why nothing may be written: nobody approved.
    pub refusal: Option<Finding>,
    pub run: Option<Run>,
}

impl Intent for Emergency {
    fn slot(&self) -> &Slot {
        &self.slot
    }

    fn release(&self) -> String {
        self.promotion.release.clone()
    }

    /// What this very run can have committed before.
    fn entries(&self, place: &Place, tip: &Commit, now: Timestamp) -> Result<Vec<Entry>, Finding> {
        let Promotion { service, environment, .. } = &self.promotion;
        let mut entries = ledger::since(place, tip, now.checked_sub(RERUNS).unwrap_or(now))?;
        entries.retain(|entry| entry.is_of(service, environment));
        Ok(entries)
    }

    fn plan(&self, seen: &Seen) -> Plan<Edit, Done> {
        let (edited, entry) = match self.slot.set(&seen.text, &self.image) {
            Ok(edited) => edited,
            Err(finding) => return Plan::Refuse(finding),
        };
        if let Some(ours) = of_this_run(&seen.entries, Kind::Emergency, self.run.as_ref()) {
            let now = edited.previous.as_ref().map(ImageEntry::reference);
            return Plan::UpToDate(Done::before(ours, now.as_deref()));
        }
        if !edited.changed {
            let image = entry.reference();
            let by = seen.entries.first().filter(|last| last.image == image);
            return Plan::UpToDate(Done::already(image, by));
        }
        match &self.refusal {
            Some(finding) => Plan::Refuse(finding.clone()),
            None => Plan::Write(Edit::new(edited, &entry, &self.promotion)),
        }
    }
}
