//! How many emergencies there have been, and whether that is too many.

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::rfc3339,
    finding::Finding,
    ledger::{Entry, Kind},
    report::Table,
    subject::Environment,
};

/// The time that a budget is for.
const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The emergencies of the last 30 days.
#[derive(Debug, PartialEq)]
pub(super) struct Spent {
    /// Newest first.
    emergencies: Vec<Entry>,
    budget: u32,
}

impl Spent {
    /// Those of all services of one environment among `entries`.
    pub fn of(entries: &[Entry], environment: &Environment, budget: u32, now: Timestamp) -> Self {
        let since = now.checked_sub(WINDOW).unwrap_or(now);
        let counts =
            |entry: &&Entry| entry.kind == Kind::Emergency && entry.environment == *environment && entry.at >= since;
        Self { emergencies: entries.iter().filter(counts).cloned().collect(), budget }
    }

    pub const fn count(&self) -> usize {
        self.emergencies.len()
    }

    /// What more than the budget means, in words.
    pub fn too_many(&self) -> Option<String> {
        let over = self.count() > usize::try_from(self.budget).unwrap_or(usize::MAX);
        over.then(|| {
            format!(
                "{} emergencies in 30 days, and {} are normal: the normal flow is too slow or too strict",
                self.count(),
                self.budget
            )
        })
    }

    /// One that never blocks: whoever is in an incident cannot mend the flow first.
    pub fn finding(&self) -> Finding {
        let finding = Finding::passed("emergency budget").expected(format!("at most {} in 30 days", self.budget));
        match self.too_many() {
            Some(told) => finding
                .actual(told)
                .waived("an emergency is never held up by its budget")
                .next("read the follow-ups together: mend what makes people go around the gates"),
            None => finding.actual(format!("{} in 30 days", self.count())),
        }
    }

    /// Which they were, where that is more than one.
    pub fn table(&self) -> Option<Table> {
        let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        let row = |entry: &Entry| {
            let (service, commit) = (entry.service.to_string(), entry.commit.to_string());
            vec![
                rfc3339(entry.at),
                service,
                entry.image.clone(),
                cell(&entry.incident),
                cell(&entry.approved_by),
                commit,
            ]
        };
        (self.count() > 1).then(|| Table {
            title: "Emergencies of the last 30 days".to_owned(),
            open: true,
            columns: ["When", "Service", "Image", "Incident", "Approved by", "Commit"].map(ToOwned::to_owned).into(),
            rows: self.emergencies.iter().map(row).collect(),
        })
    }
}
