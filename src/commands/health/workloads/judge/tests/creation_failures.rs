//! Pods of a StatefulSet or a DaemonSet that cannot be created, which only events report.

use super::*;
use crate::world::cluster::objects::Event;

fn event(second: i64, uid: &str) -> Event {
    parsed(json!({ "reason": "FailedCreate", "lastTimestamp": at(second), "involvedObject": { "uid": uid },
        "message": "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden: exceeded quota: few" }))
}

/// A workload with the uid `new` and two pods to create, of which so many are updated and available. Its specification
/// changed at this second.
fn changed_at(kind: &str, second: i64, observed: i64, updated: i32) -> Value {
    json!({
        "metadata": { "name": "db", "uid": "new", "generation": 2, "managedFields": [
            { "time": at(second), "fieldsV1": { "f:spec": {} } },
            { "time": at(900), "fieldsV1": { "f:status": {} }, "subresource": "status" }] },
        "spec": { "replicas": 2, "template": { "spec": { "containers": [{ "image": "shop:2" }] } },
            "updateStrategy": { "type": "RollingUpdate" } },
        "status": if kind == "statefulset" {
            json!({ "observedGeneration": observed, "replicas": updated, "readyReplicas": updated, "updatedReplicas": updated,
                "availableReplicas": updated, "currentRevision": "new", "updateRevision": "new" })
        } else {
            json!({ "observedGeneration": observed, "desiredNumberScheduled": if observed == 2 { 2 } else { 0 },
                "updatedNumberScheduled": updated, "numberAvailable": updated })
        },
    })
}

fn update_workload(scenario: &mut Scenario, kind: &str, second: u64, it: &Value) {
    let list = |second: u64| Some(at(i64::try_from(second).unwrap()).parse().unwrap());
    let fact = match kind {
        "statefulset" => {
            ClusterUpdate::StatefulSets(WatchUpdate::Listed { items: vec![parsed(it.clone())], at: list(second) })
        }
        _ => ClusterUpdate::DaemonSets(WatchUpdate::Listed { items: vec![parsed(it.clone())], at: list(second) }),
    };
    scenario.update(second, fact);
}

/// What is listed at the second 1, when the gate begins to see it.
fn listed(kind: &str, it: &Value, pods: Vec<Pod>, events: Vec<Event>) -> Scenario {
    listed_for(limits(&[&format!("{kind}/db")]), kind, it, pods, events)
}

fn listed_for(limits: WorkloadLimits, kind: &str, it: &Value, pods: Vec<Pod>, events: Vec<Event>) -> Scenario {
    let mut scenario = Scenario::new(limits);
    let revision =
        parsed(json!({ "metadata": { "name": "new", "uid": "r", "labels": { "controller-revision-hash": "new" },
        "ownerReferences": [{ "uid": "new", "controller": true }] }, "revision": 2 }));
    let clock = Some(at(1).parse().unwrap());
    scenario.update(1, ClusterUpdate::CreationFailures(WatchUpdate::Listed { items: events, at: clock }));
    scenario.update(1, ClusterUpdate::Pods(WatchUpdate::Listed { items: pods, at: clock }));
    if kind == "daemonset" {
        scenario.update(1, ClusterUpdate::Revisions(WatchUpdate::Listed { items: vec![revision], at: clock }));
    }
    update_workload(&mut scenario, kind, 1, it);
    scenario
}

const KINDS: [&str; 2] = ["statefulset", "daemonset"];
const EXPECTED: &str = "FailedCreate: pods \"db-0\" is forbidden: exceeded quota: few; ";

fn created(name: &str, second: i64) -> Pod {
    let mut it = pod(name, "new", true, &running());
    it.metadata.creation_timestamp = Some(at(second).parse().unwrap());
    it
}

#[test]
fn pods_that_cannot_be_created_block_as_fast_as_those_of_a_deployment() {
    for kind in KINDS {
        for (observed, events, expected) in [
            // It failed before the gate began, and since.
            (2, vec![event(-40, "new"), event(-20, "new")], Some(16)),
            (2, vec![event(-40, "new")], Some(16)),
            // The controller writes no status after a failure.
            (1, vec![event(-40, "new")], Some(16)),
            // Of an earlier revision, of another workload, and none.
            (2, vec![event(-61, "new")], None),
            (2, vec![event(-40, "other")], None),
            (2, vec![], None),
        ] {
            let scenario = listed(kind, &changed_at(kind, -60, observed, 0), vec![], events);
            match expected {
                Some(due) => {
                    scenario.assert_pending(due - 1, due, EXPECTED);
                    scenario.assert_decided(due, Verdict::Blocked, EXPECTED);
                    let finding = &judge(&scenario.limits, &scenario.observations, seconds(due)).findings[0];
                    assert!(finding.next.as_ref().is_some_and(|next| next.contains("quotas")), "{finding:?}");
                }
                None => scenario.assert_pending(600, 601, if observed == 2 { "0 of 2" } else { "not observed" }),
            }
        }
        // The gate sees the first failure.
        let mut scenario = listed(kind, &changed_at(kind, -60, 2, 0), vec![], vec![]);
        for second in [20, 21, 25] {
            let failure = event(i64::try_from(second).unwrap(), "new");
            scenario.update(second, ClusterUpdate::CreationFailures(WatchUpdate::Applied(failure)));
        }
        scenario.assert_pending(34, 35, EXPECTED);
        scenario.assert_decided(35, Verdict::Blocked, EXPECTED);
        let mut patient = scenario;
        patient.limits.grace_periods = vec!["failed-create never".parse().unwrap()];
        patient.assert_pending(600, 601, EXPECTED);
    }
}

#[test]
fn a_failure_that_heals_does_not_block() {
    for kind in KINDS {
        let mut scenario = listed(kind, &changed_at(kind, -60, 2, 0), vec![], vec![event(-20, "new")]);
        scenario.assert_pending(10, 16, EXPECTED);
        // The first pod is created; the second waits for it.
        scenario.update(12, ClusterUpdate::Pods(WatchUpdate::Applied(created("db-0", 12))));
        scenario.assert_pending(300, 601, "0 of 2 updated");
        // The second one fails, and begins its own time.
        scenario.update(320, ClusterUpdate::CreationFailures(WatchUpdate::Applied(event(320, "new"))));
        scenario.assert_pending(334, 335, EXPECTED);
        scenario.update(334, ClusterUpdate::Pods(WatchUpdate::Applied(created("db-1", 334))));
        scenario.assert_pending(335, 601, "0 of 2 updated");
        update_workload(&mut scenario, kind, 340, &changed_at(kind, -60, 2, 2));
        scenario.assert_decided(340, Verdict::Passed, "complete: 2 of 2 updated");
        // A failure of a set that has all its pods holds up nothing.
        let all = vec![created("db-0", -30), created("db-1", -30)];
        let scenario = listed(kind, &changed_at(kind, -60, 2, 1), all, vec![event(-20, "new")]);
        scenario.assert_pending(300, 601, "1 of 2 updated");
        // Within a second, a failure may come before the pod.
        let scenario = listed(kind, &changed_at(kind, -60, 2, 1), vec![created("db-0", -20)], vec![event(-20, "new")]);
        scenario.assert_pending(300, 601, "1 of 2 updated");
    }
}

#[test]
fn a_failure_of_the_previous_revision_does_not_count_for_the_one_under_promotion() {
    for kind in KINDS {
        let mut old = changed_at(kind, -600, 2, 0);
        old["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:1".into();
        let of_tag = with_tag("2", limits(&[&format!("{kind}/db")]));
        let patient = WorkloadLimits { appear_timeout: seconds(300), ..of_tag };
        let mut scenario = listed_for(patient, kind, &old, vec![], vec![event(-500, "new"), event(0, "new")]);
        scenario.assert_pending(100, 300, "it requests shop:1");
        update_workload(&mut scenario, kind, 100, &changed_at(kind, 100, 2, 0));
        scenario.assert_pending(130, 700, "0 of 2 updated");
        scenario.update(131, ClusterUpdate::CreationFailures(WatchUpdate::Applied(event(131, "new"))));
        scenario.assert_pending(145, 146, EXPECTED);
        scenario.assert_decided(146, Verdict::Blocked, EXPECTED);
    }
}
