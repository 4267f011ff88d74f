//! The follow-up issue of a rollback.

use crate::{
    ledger::{LedgerEntry, Promotion},
    promotion::follow_up::{FollowUp, entry_facts},
};

/// The title.
pub(super) fn title(promotion: &Promotion) -> String {
    let Promotion { service, environment, incident, .. } = promotion;
    let incident = incident.as_ref().map(|incident| format!(" ({incident})")).unwrap_or_default();
    format!("Rollback of {service} in {environment}: review{incident}")
}

/// The issue about a rollback's commit.
pub(super) fn follow_up(entry: &LedgerEntry, repository_url: &str) -> FollowUp {
    let Promotion { service, environment, .. } = &entry.promotion;
    let text = format!(
        "A promotion of `{service}` to `{environment}` was rolled back.\n\n{}\n\n\
        ### To be answered\n\n\
        - [ ] What went wrong, for whom, and from when to when?\n\
        - [ ] Which gate should have seen it, and why did it pass? Add the check, or say why it cannot be seen before production.\n\
        - [ ] Did the reviewer see the relevant evidence?\n\
        - [ ] Is there data, or a contract with other services, that the rollback alone does not fix?\n\
        - [ ] Which validated release comes next?\n",
        entry_facts(entry, repository_url)
    );
    FollowUp { marker: FollowUp::marker(entry), title: title(&entry.promotion), text }
}
