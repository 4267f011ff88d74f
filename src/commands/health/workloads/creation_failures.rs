//! Pods that could not be created. The controller of a StatefulSet or a DaemonSet reports that only in Warning events about
//! the workload; that of a ReplicaSet also does so in a condition.
//!
//! Sources: Kubernetes v1.36, `pkg/controller/statefulset/stateful_pod_control.go` (`recordPodEvent`, `recordClaimEvent`),
//! `pkg/controller/controller_utils.go` (`createPods`).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::pod_status::MESSAGE_CHARS;
use crate::{
    clock::Moment,
    secret::excerpt,
    world::cluster::{WatchUpdate, objects::Event},
};

/// The reason of these events.
pub const FAILED_CREATE: &str = "FailedCreate";
/// What the controllers write before the error of the API server.
const PREFIXES: [&str; 2] = [" failed error: ", "Error creating: "];
/// Failures of one workload that are kept. Clients limit the events about one object to 25, and then one in five minutes.
/// Source: client-go v0.36, `tools/record/events_cache.go`.
const MOST_FAILURES: usize = 100;
/// The API server writes times without their fraction of a second.
const FRACTION: SignedDuration = SignedDuration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub struct CreationFailures {
    /// By the uid of the workload.
    workloads: BTreeMap<String, WorkloadFailures>,
}

#[derive(Clone, Debug)]
struct WorkloadFailures {
    /// In order of time.
    times: Vec<FailureTime>,
    /// The last error of the API server.
    message: String,
}

#[derive(Clone, Copy, Debug)]
struct FailureTime {
    /// By the controller's clock.
    reported: Timestamp,
    /// By the API server's clock, if the gate saw it happen.
    at: Timestamp,
    seen_live: bool,
}

impl CreationFailures {
    /// `epoch` is the cluster's clock when the gate began.
    pub fn record(&mut self, at: Moment, epoch: Option<Timestamp>, update: WatchUpdate<Event>) {
        let elapsed = SignedDuration::try_from(at).unwrap_or_default();
        let now = epoch.and_then(|epoch| epoch.checked_add(elapsed).ok());
        match update {
            // The API server deletes an event after an hour; what it reported stays true.
            WatchUpdate::Listed { mut items, .. } => {
                items.sort_by_key(Event::last_seen);
                for event in items {
                    self.record_event(&event, now, false);
                }
            }
            WatchUpdate::Applied(event) => self.record_event(&event, now, true),
            WatchUpdate::Relisting
            | WatchUpdate::Deleted(_)
            | WatchUpdate::Interrupted(_)
            | WatchUpdate::Refused(_) => {}
        }
    }

    fn record_event(&mut self, event: &Event, now: Option<Timestamp>, seen_live: bool) {
        let Some(reported) = event.last_seen().filter(|_| event.reason == FAILED_CREATE) else { return };
        let at = match now {
            Some(now) if seen_live => now,
            Some(now) => reported.min(now),
            None => reported,
        };
        let error = PREFIXES.iter().find_map(|prefix| event.message.split_once(prefix));
        let message = excerpt(error.map_or(event.message.as_str(), |(_, error)| error), MESSAGE_CHARS);
        let failure = FailureTime { reported, at, seen_live };
        let uid = event.involved_object.uid.clone();
        let known = self.workloads.entry(uid).or_insert(WorkloadFailures { times: Vec::new(), message: String::new() });
        // The same event is listed again after an interruption.
        if known.times.last().is_some_and(|last| last.reported >= reported) {
            return;
        }
        if known.times.len() == MOST_FAILURES {
            known.times.pop();
        }
        known.times.push(failure);
        known.message = message;
    }

    /// Since when the controller fails to create pods of a workload, and the last error; `None` if the last attempt that is
    /// known did not fail.
    ///
    /// `changed`: when the workload's specification last changed, because an earlier failure may be of another revision; if
    /// that is unknown, only what the gate saw happen counts. `created`: when the newest pod was created.
    #[must_use]
    pub fn since(
        &self,
        uid: &str,
        changed: Option<Timestamp>,
        created: Option<Timestamp>,
    ) -> Option<(Timestamp, &str)> {
        let failures = self.workloads.get(uid)?;
        let is_of_revision = |one: &&FailureTime| match changed {
            Some(changed) => one.reported.max(one.at) >= changed,
            None => one.seen_live,
        };
        // A pod that was created within the same second may have been created after the failure.
        let is_in_force = |one: &&FailureTime| created.is_none_or(|created| one.at.duration_since(created) > FRACTION);
        let first = failures.times.iter().filter(is_of_revision).find(is_in_force)?;
        Some((first.at, &failures.message))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn event(second: i64, message: &str) -> Event {
        serde_json::from_value(
            json!({ "reason": FAILED_CREATE, "message": message, "lastTimestamp": time(second).to_string(),
            "involvedObject": { "kind": "StatefulSet", "uid": "db" } }),
        )
        .unwrap()
    }

    /// What is recorded of events that were listed at the second 0, and then seen live.
    fn recorded(listed: &[i64], live: &[i64]) -> CreationFailures {
        let mut failures = CreationFailures::default();
        let items = listed.iter().map(|second| event(*second, "Error creating: no quota")).collect();
        failures.record(Moment::ZERO, Some(time(0)), WatchUpdate::Listed { items, at: None });
        for second in live {
            let at = Moment::from_secs(u64::try_from(*second).unwrap());
            failures.record(at, Some(time(0)), WatchUpdate::Applied(event(*second, "Error creating: no quota")));
        }
        failures
    }

    #[test]
    fn a_failure_counts_for_the_current_revision_until_a_pod_is_created() {
        for (listed, live, changed, created, expected) in [
            (&[][..], &[][..], Some(-60), None, None),
            (&[-20], &[], Some(-60), None, Some(-20)),
            (&[-20, -10], &[5], Some(-60), None, Some(-20)),
            // Of an earlier revision.
            (&[-20], &[], Some(-10), None, None),
            (&[-20, -5], &[5], Some(-10), None, Some(-5)),
            (&[-10], &[], Some(-10), None, Some(-10)),
            // Unknown: only what the gate saw.
            (&[-20], &[], None, None, None),
            (&[-20], &[5, 7], None, None, Some(5)),
            // A pod was created since, or may have been.
            (&[-20], &[], Some(-60), Some(-5), None),
            (&[-20], &[], Some(-60), Some(-20), None),
            (&[-20], &[], Some(-60), Some(-21), None),
            // It failed again.
            (&[-20], &[5, 9], Some(-60), Some(2), Some(5)),
            (&[-20], &[5, 9], Some(-60), Some(5), Some(9)),
        ] {
            let failures = recorded(listed, live);
            let since = failures.since("db", changed.map(time), created.map(time));
            assert_eq!(since, expected.map(|second| (time(second), "no quota")), "{listed:?} {live:?} {changed:?}");
            assert_eq!(failures.since("other", changed.map(time), None), None);
        }
    }

    #[test]
    fn an_event_that_is_listed_again_is_no_other_failure() {
        let mut failures = recorded(&[], &[5]);
        let again = || WatchUpdate::Listed { items: vec![event(5, "Error creating: no quota")], at: None };
        failures.record(Moment::from_secs(60), Some(time(0)), again());
        assert_eq!(failures.since("db", Some(time(-60)), Some(time(30))), None);
        // One that came meanwhile is dated by its own time: a pod may have been created since.
        let meanwhile = WatchUpdate::Listed { items: vec![event(20, "Error creating: no quota")], at: None };
        failures.record(Moment::from_secs(60), Some(time(0)), meanwhile);
        assert_eq!(failures.since("db", Some(time(-60)), Some(time(30))), None);
        // The clock of a controller that is ahead dates no failure into the future.
        failures.record(Moment::from_secs(61), Some(time(0)), WatchUpdate::Applied(event(900, "x")));
        assert_eq!(failures.since("db", Some(time(-60)), Some(time(70))), None);
    }

    #[test]
    fn the_error_is_that_of_the_api_server_masked_and_short() {
        for (message, expected) in [
            (
                "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden",
                "pods \"db-0\" is forbidden",
            ),
            ("(combined from similar events): Error creating: denied, password=hunter2", "denied, password=***"),
            ("something else", "something else"),
        ] {
            let mut failures = CreationFailures::default();
            failures.record(Moment::ZERO, None, WatchUpdate::Applied(event(0, message)));
            assert_eq!(failures.since("db", None, None), Some((time(0), expected)));
        }
        let mut failures = CreationFailures::default();
        for second in 0..1000 {
            failures.record(Moment::ZERO, None, WatchUpdate::Applied(event(second, &"x".repeat(10_000))));
        }
        let (since, message) = failures.since("db", None, None).unwrap();
        assert_eq!((since, message.chars().count()), (time(0), MESSAGE_CHARS));
        assert_eq!(failures.workloads["db"].times.len(), MOST_FAILURES);
    }
}
