//! A commit of the ledger.

use jiff::Timestamp;

use super::{
    kind::PromotionKind,
    promotion::Promotion,
    proof::{EntryChange, Unproven, is_described},
};
use crate::{
    image_entry::ImageEntry,
    world::git::{Commit, CommitSummary},
};

/// A commit of the ledger: the promotion that its message records, and the changes of the image that prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    pub commit: Commit,
    /// The commit time, by the committer's clock.
    pub committed_at: Timestamp,
    pub promotion: Promotion,
    /// One for each file that it changed, at least one.
    pub changes: Vec<EntryChange>,
}

impl LedgerEntry {
    /// The moment of the decision for this release. A decision that rests on older facts did not know of it. A normal
    /// promotion was decided by its validation; every other one, and one with no valid validation time, when it was
    /// committed.
    #[must_use]
    pub fn decided_at(&self) -> Timestamp {
        match self.promotion.validated_at {
            Some(validated_at) if self.promotion.kind == PromotionKind::Normal => validated_at.min(self.committed_at),
            _ => self.committed_at,
        }
    }

    /// Whether this promotion set the image that an entry has now.
    #[must_use]
    pub fn has_set(&self, current: &ImageEntry) -> bool {
        is_described(current, &self.promotion.image)
    }
}

/// A commit whose message claims a promotion that the commit did not make. Nothing believes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnprovenClaim {
    pub commit: CommitSummary,
    pub promotion: Promotion,
    pub why: Unproven,
}
