//! Decides whether to commit a promotion, from the branch and the reports alone.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::freshness::Freshness;
use crate::{
    finding::Finding,
    ledger::{LedgerEntry, LedgerQuery, Promotion, PromotionKind, RunUrl},
    promotion::infra::{ImageLocators, InfraSnapshot, NewImage, PlannedCommit, PromotionPlan, PromotionResult},
    reconcile::Plan,
};

/// How far the clock of the validation and that of the commit may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);

/// A promotion whose required reports passed.
pub(super) struct Promote {
    pub image_locators: ImageLocators,
    pub image: NewImage,
    pub release: String,
    /// The facts for the commit. The images in it are filled in by the plan.
    pub promotion: Promotion,
    pub freshness: Freshness,
}

impl PromotionPlan for Promote {
    fn image_locators(&self) -> &ImageLocators {
        &self.image_locators
    }

    fn release(&self) -> String {
        self.release.clone()
    }

    /// The entries that can rest on the same evidence, or be newer than it.
    fn ledger_query(&self, _: Timestamp) -> Option<LedgerQuery> {
        let Promotion { service, environment, validated_at, .. } = self.promotion.clone();
        let validated_at = validated_at?;
        let since = validated_at.checked_sub(CLOCK_SKEW).unwrap_or(validated_at);
        Some(LedgerQuery { service, environment, since, wanted: None })
    }

    fn decide(&self, snapshot: &InfraSnapshot) -> Plan<PlannedCommit, PromotionResult> {
        let InfraSnapshot { entries, now, .. } = snapshot;
        let edit = match snapshot.set(&self.image) {
            Ok(edit) => edit,
            Err(finding) => return Plan::Refuse(finding),
        };
        let has_evidence = self.promotion.evidence.is_some();
        let committed =
            entries.iter().find(|entry| has_evidence && entry.promotion.evidence == self.promotion.evidence);
        if !edit.changed() {
            let image = edit.entry().map(|entry| entry.reference()).unwrap_or_default();
            return Plan::UpToDate(PromotionResult::up_to_date(image, committed));
        }
        let refusal = committed.map(|committed| evidence_used(committed, entries));
        let newer = entries.iter().filter(|entry| self.is_older_than(entry));
        let refusal = refusal.or_else(|| self.superseded(newer.max_by_key(|entry| entry.decided_at())));
        match refusal.or_else(|| self.freshness.refusal(*now)) {
            Some(finding) => Plan::Refuse(finding),
            None => Plan::Write(PlannedCommit::new(edit, &self.promotion)),
        }
    }
}

/// Refuses evidence whose image was promoted and replaced since: the same evidence does not restore it.
fn evidence_used(committed: &LedgerEntry, entries: &[LedgerEntry]) -> Finding {
    let LedgerEntry { commit, promotion: Promotion { image, .. }, .. } = committed;
    let next = entries.iter().take_while(|entry| entry.commit != *commit).last();
    let replaced = next.map_or_else(
        || "it was changed since without a ledger entry".to_owned(),
        |next| match next.promotion.kind {
            PromotionKind::Rollback => format!("it was rolled back by {}", next.commit),
            _ => format!("{} was promoted after it by {}", next.promotion.image, next.commit),
        },
    );
    Finding::blocked("evidence")
        .actual(format!("{image} was promoted on this evidence by {commit}, and {replaced}"))
        .expected("evidence that was not used before, or whose image is still the current one")
        .next("validate the release again")
}

impl Promote {
    /// Whether an entry is of a newer state than this release. Times are whole seconds: of two validations in the same
    /// second, the run with the higher number is newer. An entry without such a number counts as newer.
    fn is_older_than(&self, entry: &LedgerEntry) -> bool {
        let Some(validated_at) = self.promotion.validated_at else { return false };
        let run = |url: &Option<String>| url.as_deref()?.parse::<RunUrl>().ok();
        let is_later = || {
            let (own, other) = (run(&self.promotion.validation_run)?, run(&entry.promotion.validation_run)?);
            Some(own.repository == other.repository && own.id > other.id)
        };
        match entry.decided_at().cmp(&validated_at) {
            Ordering::Less => false,
            Ordering::Equal => !is_later().unwrap_or_default(),
            Ordering::Greater => true,
        }
    }

    /// Refuses a release that would undo a promotion that its validation did not know of.
    fn superseded(&self, newest: Option<&LedgerEntry>) -> Option<Finding> {
        let newest = newest?;
        let LedgerEntry { commit, promotion: Promotion { image, kind, .. }, .. } = newest;
        let (decided_at, validated_at) = (newest.decided_at(), self.promotion.validated_at?);
        let actual = match kind {
            PromotionKind::Normal => {
                format!(
                    "{image} was validated at {decided_at}, not before this release ({validated_at}), and is promoted by {commit}"
                )
            }
            PromotionKind::Emergency => format!(
                "{image} was promoted in an emergency by {commit} at {decided_at}, after this release was validated ({validated_at})"
            ),
            PromotionKind::Rollback => {
                format!(
                    "{commit} rolled back to {image} at {decided_at}, after this release was validated ({validated_at})"
                )
            }
        };
        Some(
            Finding::blocked("supersession")
                .actual(actual)
                .expected("the newest validated release")
                .next("promote the newer one, or validate this one again"),
        )
    }
}
