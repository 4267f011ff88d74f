//! The ledger as `audit` observes it, and the image changes that are not in it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{merge::MergeLook, validations::UnpromotedReleases};
use crate::{
    finding::Finding,
    ledger::{LedgerEntry, UnprovenClaim},
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
    /// Since `since`, newest first: the claims of commits that changed no image.
    pub unproven: Vec<UnprovenPromotion>,
    pub coverage: Coverage,
    pub runs: CheckedRuns,
    pub merges: CheckedMerges,
    /// Only with `stale-after`.
    pub validations: Option<Result<UnpromotedReleases, Finding>>,
}

/// What GitHub says about the pull requests that the audited entries came by. Those that bypassed their review are changes by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CheckedMerges {
    /// How many promotions each account merged.
    pub merged_by: BTreeMap<String, usize>,
    /// How many are not known, and why the first of them.
    pub unchecked: usize,
    pub why_unchecked: Option<String>,
}

impl CheckedMerges {
    /// Counts a merge that bypassed nothing; a push has no pull request.
    pub fn add(&mut self, look: &MergeLook) {
        if let MergeLook::Merged { by: Some(by), .. } = look {
            *self.merged_by.entry(by.login.clone()).or_default() += 1;
        }
    }
}

/// What GitHub says about the workflow runs that the audited entries name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CheckedRuns {
    pub confirmed: usize,
    /// The commits whose run did not make the promotion, and why.
    pub refuted: Vec<(Commit, String)>,
    /// How many are not known, and why the first of them.
    pub unchecked: usize,
    pub why_unchecked: Option<String>,
}

/// The audited files at the tip of the branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Coverage {
    pub files: usize,
    /// Those without an image entry.
    pub without: Vec<String>,
}

/// A commit whose message claims a promotion that the commit did not make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct UnprovenPromotion {
    pub commit: Commit,
    pub at: Timestamp,
    pub author: String,
    pub title: String,
    pub kind: &'static str,
    pub service: Service,
    pub environment: Environment,
    pub image: String,
    pub why: String,
}

impl From<UnprovenClaim> for UnprovenPromotion {
    fn from(UnprovenClaim { commit, promotion, why }: UnprovenClaim) -> Self {
        Self {
            commit: commit.commit,
            at: commit.at,
            author: commit.author,
            title: commit.title,
            kind: promotion.kind.word(),
            service: promotion.service,
            environment: promotion.environment,
            image: promotion.image,
            why: why.to_string(),
        }
    }
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
    /// Why that record does not count.
    #[serde(rename = "why", skip_serializing_if = "Option::is_none")]
    pub unproven: Option<String>,
}
