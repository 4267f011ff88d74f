//! A commit of the ledger.

use jiff::Timestamp;

use super::{kind::PromotionKind, promotion::Promotion};
use crate::world::git::{Commit, CommitSummary};

/// A commit of the ledger, and the promotion that it records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    pub commit: Commit,
    /// The commit time, by the committer's clock.
    pub committed_at: Timestamp,
    pub promotion: Promotion,
}

impl LedgerEntry {
    /// Reads a commit; `None` when it is not in the ledger.
    #[must_use]
    pub fn read(commit: &CommitSummary) -> Option<Self> {
        let promotion = Promotion::from_trailers(commit)?;
        Some(Self { commit: commit.commit.clone(), committed_at: commit.at, promotion })
    }

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
}
