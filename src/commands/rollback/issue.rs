//! What is asked after a rollback.

use crate::{
    ledger::{Entry, Promotion},
    promotion::follow_up::{FollowUp, facts},
};

/// The title, before there is a commit.
pub(super) fn title(promotion: &Promotion) -> String {
    let Promotion { service, environment, incident, .. } = promotion;
    titled(service.as_str(), environment.as_str(), incident.as_deref())
}

fn titled(service: &str, environment: &str, incident: Option<&str>) -> String {
    let incident = incident.map(|incident| format!(" ({incident})")).unwrap_or_default();
    format!("Rollback of {service} in {environment}: review{incident}")
}

/// The issue about a rollback's commit.
pub(super) fn about(entry: &Entry, pages: &str) -> FollowUp {
    let Entry { service, environment, incident, .. } = entry;
    let text = format!(
        "A promotion of `{service}` to `{environment}` was taken back.\n\n{}\n\n\
        ### To be answered\n\n\
        - [ ] What went wrong, for whom, and from when to when?\n\
        - [ ] Which gate should have seen it, and why did it pass? Add the check, or say why it cannot be seen before production.\n\
        - [ ] Had the reviewer seen what there was to see?\n\
        - [ ] Is there data, or a contract with other services, that the rollback alone does not mend?\n\
        - [ ] Which validated release comes next?\n",
        facts(entry, pages)
    );
    let title = titled(service.as_str(), environment.as_str(), incident.as_deref());
    FollowUp { marker: FollowUp::marker(entry), title, text }
}
