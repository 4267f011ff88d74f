//! Decides about a rollback's commit, from what was read and nothing else.

use jiff::Timestamp;

use crate::{
    finding::Finding,
    ledger::{self, Entry, Kind, Place, Promotion},
    promotion::{
        bypass::{RERUNS, of_this_run},
        infra::{Done, Edit, Intent, NewImage, Seen, Slot},
    },
    reconcile::Plan,
    report::Run,
    subject::Reference,
    world::git::Commit,
};

/// Which promotion is to be taken back.
#[derive(Debug)]
pub(super) enum Asked {
    Named(Commit),
    /// The last one that whoever started this could know of.
    Last {
        /// When that was, where it is known.
        started: Option<Timestamp>,
    },
}

/// What shall be so.
pub(super) struct Rollback {
    pub slot: Slot,
    pub asked: Asked,
    /// What the commit will say; release, images and what it takes back are the plan's to fill in.
    pub promotion: Promotion,
    /// Why nothing may be written: nobody approved.
    pub refusal: Option<Finding>,
    pub run: Option<Run>,
}

impl Rollback {
    fn history(&self, place: &Place, tip: &Commit, enough: impl Fn(&[Entry]) -> bool) -> Result<Vec<Entry>, Finding> {
        let Promotion { service, environment, .. } = &self.promotion;
        ledger::history(place, tip, service, environment, enough)
    }

    /// The ledger's entry of the commit that was made or found, however old that is.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn entry_of(&self, place: &Place, done: &Done) -> Result<Option<Entry>, Finding> {
        let Some(commit) = &done.commit else { return Ok(None) };
        let tip = place.fetch()?.ok_or_else(|| place.no_branch())?;
        let is_it = |entry: &Entry| entry.commit == *commit;
        let entries = self.history(place, &tip.commit, |entries| entries.iter().any(is_it))?;
        Ok(entries.into_iter().find(is_it))
    }

    /// The promotion to take back, or how that was done before.
    fn target<'a>(&self, entries: &'a [Entry], stands: Option<&str>) -> Result<&'a Entry, Plan<Edit, Done>> {
        let Promotion { service, environment, .. } = &self.promotion;
        let refuse = |actual: String, next: &str| {
            let expected = format!("a promotion of {service} to {environment} that can be taken back");
            Err(Plan::Refuse(Finding::blocked("rollback").actual(actual).expected(expected).next(next)))
        };
        let before = |entry: &Entry| Err(Plan::UpToDate(Done::before(entry, stands)));
        let named = match &self.asked {
            Asked::Named(named) => named,
            Asked::Last { started } => {
                return match entries.first() {
                    None => refuse("the ledger holds none".to_owned(), "set the image by a promotion"),
                    // Twice is as good as once: to go further back is to be said.
                    Some(last) if last.kind == Kind::Rollback => before(last),
                    Some(Entry { commit, image, at, .. }) if started.is_some_and(|started| *at > started) => refuse(
                        format!("{image} was promoted by {commit} at {at}, after this run was started"),
                        "start the workflow anew, or name the promotion that is meant with `promotion`",
                    ),
                    Some(last) => Ok(last),
                };
            }
        };
        if let Some(back) = entries.iter().find(|entry| entry.rolls_back.as_ref() == Some(named)) {
            return before(back);
        }
        match entries.iter().find(|entry| entry.commit == *named) {
            None => refuse(
                format!("{named} is none"),
                "name a commit by its whole id; `git log --grep 'Service: '` shows those of the ledger",
            ),
            Some(entry) => Ok(entry),
        }
    }
}

impl Intent for Rollback {
    fn slot(&self) -> &Slot {
        &self.slot
    }

    fn release(&self) -> String {
        "the image before".to_owned()
    }

    /// As far back as the promotion, and as what this very run can have committed before.
    fn entries(&self, place: &Place, tip: &Commit, now: Timestamp) -> Result<Vec<Entry>, Finding> {
        let Promotion { service, environment, .. } = &self.promotion;
        let enough = |entries: &[Entry]| match &self.asked {
            Asked::Named(named) => entries.iter().any(|entry| entry.commit == *named),
            Asked::Last { .. } => !entries.is_empty(),
        };
        let mut recent = ledger::since(place, tip, now.checked_sub(RERUNS).unwrap_or(now))?;
        recent.retain(|entry| entry.is_of(service, environment));
        if enough(&recent) { Ok(recent) } else { self.history(place, tip, enough) }
    }

    fn plan(&self, seen: &Seen) -> Plan<Edit, Done> {
        let stands = match self.slot.image(&seen.text) {
            Ok(image) => image,
            Err(finding) => return Plan::Refuse(finding),
        };
        if let Some(ours) = of_this_run(&seen.entries, Kind::Rollback, self.run.as_ref()) {
            return Plan::UpToDate(Done::before(ours, stands.as_deref()));
        }
        let target = match self.target(&seen.entries, stands.as_deref()) {
            Ok(target) => target,
            Err(plan) => return plan,
        };
        let refuse = |actual: String, expected: String, next: &str| {
            Plan::Refuse(Finding::blocked("rollback").actual(actual).expected(expected).next(next))
        };
        let Entry { commit, image, previous, .. } = target;
        if stands.as_deref() != Some(image) {
            let stands = stands.unwrap_or_else(|| "no image entry".to_owned());
            return refuse(
                format!("{stands} stands there now"),
                format!("{image}, which {commit} promoted"),
                "somebody has changed it since: name the promotion that set what stands there, or set the image by hand",
            );
        }
        let Some(previous) = previous else {
            return refuse(
                format!("{commit} does not say what stood there before it"),
                "a promotion with `Previous-Image`".to_owned(),
                "it was the first of its service, or was not made here: set the image by hand",
            );
        };
        let Ok(Reference { image, tag, digest }) = previous.parse() else {
            return refuse(
                format!("`Previous-Image` of {commit} is \"{previous}\""),
                "an image such as `ghcr.io/acme/checkout-service:1.4.1`".to_owned(),
                "set the image by hand",
            );
        };
        let (edited, entry) = match self.slot.set(&seen.text, &NewImage { image: Some(image), tag, digest }) {
            Ok(edited) => edited,
            Err(finding) => return Plan::Refuse(finding),
        };
        if !edited.changed {
            return Plan::UpToDate(Done::already(entry.reference(), None));
        }
        if let Some(finding) = &self.refusal {
            return Plan::Refuse(finding.clone());
        }
        let parts = [&entry.tag, &entry.digest].map(Clone::clone).into_iter().flatten().collect::<Vec<_>>();
        let release = if parts.is_empty() { entry.reference() } else { parts.join("@") };
        let promotion = Promotion { release, rolls_back: Some(commit.clone()), ..self.promotion.clone() };
        Plan::Write(Edit::new(edited, &entry, &promotion))
    }
}
