//! The follow-up issue of an emergency.

use super::budget::BudgetUse;
use crate::{
    ledger::{LedgerEntry, Promotion},
    promotion::follow_up::{FollowUp, entry_facts},
    report::markdown::inline,
};

/// The title. `release` is the image of the commit; in dry-run, which makes no commit, it is tag and digest.
pub(super) fn title(promotion: &Promotion, release: &str) -> String {
    let Promotion { service, environment, incident, .. } = promotion;
    let incident = incident.as_ref().map(|incident| format!(" ({incident})")).unwrap_or_default();
    format!("Emergency promotion of {service} to {environment}: {release}{incident}")
}

/// The issue about an emergency's commit.
pub(super) fn follow_up(entry: &LedgerEntry, budget_use: &BudgetUse, repository_url: &str) -> FollowUp {
    let Promotion { service, environment, image, approved_by, .. } = &entry.promotion;
    let mut text = format!(
        "`{service}` was promoted to `{environment}`, bypassing the gates. This release is not validated yet.\n\n{}\n\n",
        entry_facts(entry, repository_url)
    );
    if approved_by.is_none() {
        text += "No approval of it is known.\n\n";
    }
    if entry.promotion.is_self_approved() {
        text += "**The person who started it also approved it.** Let another person confirm that it was needed.\n\n";
    }
    if let Some(message) = budget_use.excess_message() {
        text +=
            &format!("**{}.** See which gate was too slow or too strict before the next one.\n\n", inline(&message));
    }
    text += "### To be answered\n\n\
        - [ ] Would the gates have passed? Validate this image now (health, smoke, performance, bundle size), and link the run.\n\
        - [ ] Was it justified: was waiting for the gates worse than what could have gone wrong?\n\
        - [ ] What has to change so that the next one can go through the gates?\n\
        - [ ] If the gates would not have passed: is it rolled back, or replaced by a validated release?\n";
    FollowUp { marker: FollowUp::marker(entry), title: title(&entry.promotion, image), text }
}
