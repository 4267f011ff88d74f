//! The last Warning event about each pod. A pod's status does not show that its probe has failed before, nor that the kubelet
//! waits before the next start.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::pod_status::MESSAGE_CHARS;
use crate::{
    secret::excerpt,
    world::cluster::{WatchUpdate, objects::Event},
};

/// Reasons of the kubelet: a probe failed, and a container or an image is retried later. Source: Kubernetes v1.36,
/// `pkg/kubelet/events/event.go`.
const REASONS: [&str; 2] = ["Unhealthy", "BackOff"];

#[derive(Clone, Debug, Default)]
pub struct PodWarnings {
    /// When, on the cluster's clock, and `reason: message`, by the uid of the pod.
    last: BTreeMap<String, (Timestamp, String)>,
    /// The account may not watch events. The verdict does not need them.
    pub refused: bool,
}

impl PodWarnings {
    /// Returns a line for the log if events cannot be seen.
    pub fn record(&mut self, update: WatchUpdate<Event>) -> Option<String> {
        match update {
            // The API server deletes an event after an hour; what it reported stays true.
            WatchUpdate::Listed { items, .. } => items.into_iter().for_each(|event| self.record_event(&event)),
            WatchUpdate::Applied(event) => self.record_event(&event),
            WatchUpdate::Relisting | WatchUpdate::Deleted(_) | WatchUpdate::Interrupted(_) => {}
            WatchUpdate::Refused(finding) => {
                self.refused = true;
                return Some(format!("the Warning events of pods cannot be seen, and are not needed: {finding}"));
            }
        }
        None
    }

    fn record_event(&mut self, event: &Event) {
        let Some(at) = event.last_seen().filter(|_| REASONS.contains(&event.reason.as_str())) else { return };
        let text = || format!("{}: {}", event.reason, excerpt(&event.message, MESSAGE_CHARS));
        let uid = &event.involved_object.uid;
        if self.last.get(uid).is_none_or(|(last, _)| *last <= at) {
            self.last.insert(uid.clone(), (at, text()));
        }
    }

    /// When the last warning about a pod was reported, on the cluster's clock, and its `reason: message`.
    #[must_use]
    pub fn last(&self, pod_uid: &str) -> Option<(Timestamp, String)> {
        self.last.get(pod_uid).cloned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Finding;

    fn event(uid: &str, reason: &str, second: u32) -> Event {
        serde_json::from_value(json!({ "reason": reason, "message": format!("at {second}"),
            "involvedObject": { "kind": "Pod", "uid": uid }, "lastTimestamp": format!("2026-01-01T00:00:{second:02}Z") }))
        .unwrap()
    }

    #[test]
    fn the_last_warning_of_each_pod_is_kept() {
        let mut warnings = PodWarnings::default();
        let listed = vec![event("a", "BackOff", 9), event("a", "Unhealthy", 3), event("b", "FailedMount", 4)];
        assert_eq!(warnings.record(WatchUpdate::Listed { items: listed, at: None }), None);
        let last = |warnings: &PodWarnings, uid: &str| warnings.last(uid).map(|(at, text)| (at.to_string(), text));
        let seen = |second: u32, text: &str| Some((format!("2026-01-01T00:00:{second:02}Z"), text.to_owned()));
        assert_eq!(last(&warnings, "a"), seen(9, "BackOff: at 9"));
        assert_eq!(last(&warnings, "b"), None);
        warnings.record(WatchUpdate::Applied(event("a", "Unhealthy", 12)));
        // Events expire, and a watch is opened again.
        warnings.record(WatchUpdate::Deleted(event("a", "Unhealthy", 12)));
        warnings.record(WatchUpdate::Listed { items: Vec::new(), at: None });
        assert_eq!(last(&warnings, "a"), seen(12, "Unhealthy: at 12"));
    }

    #[test]
    fn events_that_cannot_be_seen_are_reported_in_a_line() {
        let mut warnings = PodWarnings::default();
        let line = warnings.record(WatchUpdate::Refused(Finding::inconclusive("the cluster's API").actual("403: no")));
        assert!(warnings.refused && line.unwrap().contains("403: no"));
    }
}
