//! Decides whether to commit an emergency promotion, from the branch and the approval alone.

use jiff::Timestamp;

use crate::{
    finding::Finding,
    ledger::{LedgerQuery, Promotion, PromotionKind},
    promotion::{
        infra::{ImageLocators, InfraSnapshot, NewImage, PlannedCommit, PromotionPlan, PromotionResult},
        rerun::{earliest_attempt, find_commit_of_run},
    },
    reconcile::Plan,
    report::Run,
};

/// A promotion that bypasses the gates.
pub(super) struct Emergency {
    pub image_locators: ImageLocators,
    pub image: NewImage,
    pub release: String,
    /// The facts for the commit. The images in it are filled in by the plan.
    pub promotion: Promotion,
    /// Why no commit may be made: the approval is missing.
    pub refusal: Option<Finding>,
    pub run: Option<Run>,
}

impl PromotionPlan for Emergency {
    fn image_locators(&self) -> &ImageLocators {
        &self.image_locators
    }

    fn release(&self) -> String {
        self.release.clone()
    }

    /// The entries that an earlier attempt of this run can have committed.
    fn ledger_query(&self, now: Timestamp) -> Option<LedgerQuery> {
        let Promotion { service, environment, .. } = self.promotion.clone();
        Some(LedgerQuery { service, environment, since: earliest_attempt(now), wanted: None })
    }

    fn decide(&self, snapshot: &InfraSnapshot) -> Plan<PlannedCommit, PromotionResult> {
        let (edit, current) = match (snapshot.set(&self.image), snapshot.current_image()) {
            (Ok(edit), Ok(current)) => (edit, current),
            (Err(finding), _) | (_, Err(finding)) => return Plan::Refuse(finding),
        };
        if let Some(earlier) = find_commit_of_run(&snapshot.entries, PromotionKind::Emergency, self.run.as_ref()) {
            return Plan::UpToDate(PromotionResult::committed_earlier(earlier, current.as_deref()));
        }
        if !edit.changed() {
            let image = edit.entry().map(|entry| entry.reference()).unwrap_or_default();
            let entry = snapshot.entries.first().filter(|last| last.promotion.image == image);
            return Plan::UpToDate(PromotionResult::up_to_date(image, entry));
        }
        match &self.refusal {
            Some(finding) => Plan::Refuse(finding.clone()),
            None => Plan::Write(PlannedCommit::new(edit, &self.promotion)),
        }
    }
}
