//! Whether this image was rolled back: then only evidence that was made after the rollback counts, and the approver reads of it.

use crate::{
    clock::minute,
    commands::evidence::{observations::EvidenceObservations, verification::Verification},
    finding::Finding,
    ledger::{LedgerEntry, PromotionKind},
    subject::Reference,
    values::{clip, short_sha},
};

const CHECK: &str = "rollback";
/// How much of a reason goes into a finding, in characters.
const CLIP: usize = 200;

impl Verification<'_> {
    /// Nothing if the image was not rolled back. That the ledger cannot be read is a separate finding.
    pub(super) fn check_rollback(&self, observations: &EvidenceObservations) -> Option<Finding> {
        let rollback = self.rollback(observations)?;
        let finding =
            |finding: Finding| finding.actual(describe(rollback)).expected("evidence that was made after the rollback");
        let next = "find out whether the reason of the rollback is gone, and validate the release again";
        Some(match self.first_end(&self.gate_jobs(observations)) {
            None => finding(Finding::inconclusive(CHECK)).next("see the checks of the gates"),
            Some(validated_at) if validated_at > rollback.committed_at => {
                finding(Finding::passed(CHECK)).waived(format!("validated again, on {}", minute(validated_at)))
            }
            Some(_) => finding(Finding::blocked(CHECK)).next(next),
        })
    }

    /// The newest rollback that replaced this image.
    pub fn rollback<'a>(&self, observations: &'a EvidenceObservations) -> Option<&'a LedgerEntry> {
        let entries = observations.ledger.as_ref().ok()?;
        entries.iter().find(|entry| {
            let previous = entry.promotion.previous.as_deref().and_then(|previous| previous.parse().ok());
            entry.promotion.kind == PromotionKind::Rollback && previous.is_some_and(|image| self.is_version(&image))
        })
    }

    /// Whether an image of this service is the release: by the digests if both are known, else by the tags.
    fn is_version(&self, image: &Reference) -> bool {
        let release = self.release();
        match (&image.digest, &release.digest) {
            (Some(image), Some(release)) => image == release,
            _ => image.tag.is_some() && image.tag == release.tag,
        }
    }
}

/// `ghcr.io/acme/shop:1.4.2 was rolled back by 3f2a1b0 on 2026-11-29 15:44 UTC (reason: …)`
pub fn describe(rollback: &LedgerEntry) -> String {
    let promotion = &rollback.promotion;
    let reason = promotion.reason.as_deref().or(promotion.incident.as_deref());
    let reason = reason.map(|reason| format!(" ({})", clip(reason, CLIP))).unwrap_or_default();
    format!(
        "{} was rolled back by {} on {}{reason}",
        promotion.previous.as_deref().unwrap_or_default(),
        short_sha(rollback.commit.as_str()),
        minute(rollback.committed_at)
    )
}
