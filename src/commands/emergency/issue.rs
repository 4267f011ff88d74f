//! What is asked after an emergency.

use super::budget::Spent;
use crate::{
    ledger::{Entry, Promotion},
    promotion::follow_up::{FollowUp, facts},
    report::summary::escape,
};

/// The title, before there is a commit.
pub(super) fn title(promotion: &Promotion) -> String {
    let Promotion { service, environment, release, incident, .. } = promotion;
    titled(service.as_str(), environment.as_str(), release, incident.as_deref())
}

fn titled(service: &str, environment: &str, release: &str, incident: Option<&str>) -> String {
    let incident = incident.map(|incident| format!(" ({incident})")).unwrap_or_default();
    format!("Emergency promotion of {service} to {environment}: {release}{incident}")
}

/// The issue about an emergency's commit.
pub(super) fn about(entry: &Entry, spent: &Spent, pages: &str) -> FollowUp {
    let Entry { service, environment, image, incident, approved_by, .. } = entry;
    let mut text = format!(
        "`{service}` was promoted to `{environment}` around the gates. Nothing has validated this release yet.\n\n{}\n\n",
        facts(entry, pages)
    );
    if approved_by.is_none() {
        text += "Nobody is known to have approved it.\n\n";
    }
    if let Some(told) = spent.too_many() {
        text += &format!("**{}.** See which gate was too slow or too strict before the next one.\n\n", escape(&told));
    }
    text += "### To be answered\n\n\
        - [ ] Would the gates have passed? Validate this image now (health, smoke, performance, bundle size), and link the run.\n\
        - [ ] Was it justified: was waiting for the gates worse than what could have gone wrong?\n\
        - [ ] What has to change so that the next one can go through the gates?\n\
        - [ ] If the gates would not have passed: is it rolled back, or mended by a validated release?\n";
    FollowUp {
        marker: FollowUp::marker(entry),
        title: titled(service.as_str(), environment.as_str(), image, incident.as_deref()),
        text,
    }
}
