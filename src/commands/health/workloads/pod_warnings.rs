//! The last Warning event about each pod. A pod's status does not show that its probe has failed before, nor that the kubelet
//! waits before the next start.

use std::collections::BTreeMap;

use super::{pod_status::MESSAGE_CHARS, timeline::NodeTime};
use crate::{
    clock::Moment,
    finding::Finding,
    secret::excerpt,
    world::cluster::{WatchUpdate, objects::Event},
};

/// Reasons of the kubelet: a probe failed, and a container or an image is retried later. Source: Kubernetes v1.36,
/// `pkg/kubelet/events/event.go`.
const REASONS: [&str; 2] = ["Unhealthy", "BackOff"];

#[derive(Clone, Debug, Default)]
pub struct PodWarnings {
    /// By the uid of the pod.
    last: BTreeMap<String, PodWarning>,
    /// Events have been listed at least once.
    listed: bool,
    /// The account may not watch events.
    pub refused: bool,
}

/// The last warning about a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodWarning {
    pub at: NodeTime,
    /// `reason: message`
    pub text: String,
    /// Of a probe after which the kubelet stops the container. Source: Kubernetes v1.36, `pkg/kubelet/prober/prober.go`,
    /// whose messages begin with the kind of the probe.
    pub stops_container: bool,
}

impl PodWarnings {
    pub fn record(&mut self, at: Moment, update: WatchUpdate<Event>) {
        match update {
            // The API server deletes an event after an hour; what it reported stays true.
            WatchUpdate::Listed { items, .. } => {
                for event in items {
                    self.record_event(at, &event);
                }
                self.listed = true;
            }
            WatchUpdate::Applied(event) => self.record_event(at, &event),
            WatchUpdate::Relisting
            | WatchUpdate::Deleted(_)
            | WatchUpdate::Interrupted(_)
            | WatchUpdate::Refused(_) => {}
        }
    }

    /// Notes that the account may not watch events, or that the cluster does not offer them. Returns a line for the log, the
    /// first time.
    pub fn refuse(&mut self, finding: &Finding) -> Option<String> {
        let was_refused = std::mem::replace(&mut self.refused, true);
        (!was_refused).then(|| format!("Warning events cannot be seen, and the gate continues without them: {finding}"))
    }

    fn record_event(&mut self, at: Moment, event: &Event) {
        let reported = event.last_seen().filter(|_| REASONS.contains(&event.reason.as_str()));
        if reported.is_none() {
            return;
        }
        let text = format!("{}: {}", event.reason, excerpt(&event.message, MESSAGE_CHARS));
        let uid = &event.involved_object.uid;
        // The same event is listed again after an interruption.
        if self.last.get(uid).is_none_or(|last| last.at.reported < reported) {
            let at = NodeTime { reported, seen: at, before: !self.listed };
            let of_probe = |kind: &str| event.reason == "Unhealthy" && event.message.starts_with(kind);
            let stops_container = of_probe("Liveness probe") || of_probe("Startup probe");
            self.last.insert(uid.clone(), PodWarning { at, text, stops_container });
        }
    }

    /// Whether warnings are seen: events were listed, and the account may watch them.
    #[must_use]
    pub const fn are_seen(&self) -> bool {
        self.listed && !self.refused
    }

    #[must_use]
    pub fn last(&self, pod_uid: &str) -> Option<&PodWarning> {
        self.last.get(pod_uid)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(uid: &str, reason: &str, second: u32) -> Event {
        serde_json::from_value(json!({ "reason": reason, "message": format!("at {second}"),
            "involvedObject": { "kind": "Pod", "uid": uid }, "lastTimestamp": format!("2026-01-01T00:00:{second:02}Z") }))
        .unwrap()
    }

    #[test]
    fn the_last_warning_of_each_pod_is_kept() {
        let mut warnings = PodWarnings::default();
        let listed = vec![event("a", "BackOff", 9), event("a", "Unhealthy", 3), event("b", "FailedMount", 4)];
        let second = Moment::from_secs;
        warnings.record(second(1), WatchUpdate::Listed { items: listed, at: None });
        let epoch = Some("2026-01-01T00:00:10Z".parse().unwrap());
        let last = |warnings: &PodWarnings, uid: &str| {
            warnings.last(uid).map(|it| (it.at.gate_millis(epoch), it.text.clone()))
        };
        assert_eq!(last(&warnings, "a"), Some((-1000, "BackOff: at 9".to_owned())));
        assert_eq!(last(&warnings, "b"), None);
        // A first list that comes late makes nothing older.
        let mut late = PodWarnings::default();
        late.record(second(40), WatchUpdate::Listed { items: vec![event("a", "BackOff", 39)], at: None });
        assert_eq!(last(&late, "a"), Some((29_000, "BackOff: at 39".to_owned())));
        // What comes later is dated by the gate, whatever the node says.
        warnings.record(second(40), WatchUpdate::Applied(event("a", "Unhealthy", 12)));
        // Events expire, and a watch is opened again.
        warnings.record(second(50), WatchUpdate::Deleted(event("a", "Unhealthy", 12)));
        warnings.record(second(60), WatchUpdate::Listed { items: vec![event("a", "Unhealthy", 12)], at: None });
        assert_eq!(last(&warnings, "a"), Some((40_000, "Unhealthy: at 12".to_owned())));
    }

    #[test]
    fn events_that_cannot_be_seen_are_reported_in_a_line() {
        let mut warnings = PodWarnings::default();
        let refused = Finding::inconclusive("the cluster's API").actual("403: no");
        let line = warnings.refuse(&refused);
        assert!(warnings.refused && line.unwrap().contains("403: no"));
        // Two watches need the same permission.
        assert_eq!(warnings.refuse(&refused), None);
    }
}
