//! The ledger as `audit` observes it, and the image changes that are not in it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    ledger::LedgerEntry,
    subject::{Commit, Environment, Service},
};

/// The period of a budget.
pub(super) const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The commits of the audited period.
#[derive(Clone, Debug)]
pub(super) struct AuditObservations {
    pub since: Timestamp,
    pub until: Timestamp,
    /// The audited entries, newest first: those since `since`, and the earlier ones that a budget covers.
    pub entries: Vec<LedgerEntry>,
    /// Since `since`, newest first.
    pub by_hand: Vec<ManualChange>,
}

impl AuditObservations {
    /// The entries of the audited period, including those in between with an earlier commit time.
    pub fn audited_entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        let last = self.entries.iter().rposition(|entry| entry.committed_at >= self.since);
        self.entries.iter().take(last.map_or(0, |last| last + 1))
    }
}

/// A commit that changed an image, and that the ledger lacks or records with another image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct ManualChange {
    pub commit: Commit,
    pub at: Timestamp,
    pub author: String,
    pub title: String,
    pub service: Service,
    pub environment: Environment,
    pub before: String,
    pub after: String,
    /// The image that the commit's trailers record.
    #[serde(rename = "says", skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
}
