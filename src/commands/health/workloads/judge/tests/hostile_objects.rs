//! Objects that no controller writes. An account that may write objects must not be able to crash the gate or make it pass.

use super::*;
use crate::world::cluster::objects::{Object, Rollout};

const NUMBERS: [i32; 5] = [i32::MIN, -1, 0, 1, i32::MAX];

/// Every combination of four numbers.
fn fours() -> impl Iterator<Item = (i32, i32, i32, i32)> {
    let pairs = || NUMBERS.into_iter().flat_map(|one| NUMBERS.map(|other| (one, other)));
    pairs().flat_map(move |(a, b)| pairs().map(move |(c, d)| (a, b, c, d)))
}

fn all<T: Object>(item: T) -> WatchUpdate<T> {
    WatchUpdate::Listed { items: vec![item], at: Some(at(0).parse().unwrap()) }
}

/// The judgement of one object, with what it owns.
fn judged(workload: &str, fact: ClusterUpdate, pods: &[Pod]) -> (Verdict, String) {
    let mut scenario = Scenario::new(limits(&[workload]));
    let revision = json!({ "metadata": { "uid": "n", "labels": { "controller-revision-hash": "new" },
        "ownerReferences": [{ "uid": "new", "controller": true }] }, "revision": i64::MAX });
    let set = |uid: &str, kept: Value| -> ReplicaSet {
        parsed(json!({ "metadata": { "name": uid, "uid": uid, "annotations": kept,
            "labels": { "rollouts-pod-template-hash": uid }, "ownerReferences": [{ "uid": "d", "controller": true }] },
            "status": { "replicas": i32::MAX } }))
    };
    let kept = || json!({ "scale-down-deadline": "" });
    let newest = set("new", json!({ "deployment.kubernetes.io/revision": "2" }));
    let items = vec![newest, set("one", kept()), set("other", kept())];
    scenario.update(0, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items, at: None }));
    scenario.update(0, ClusterUpdate::Revisions(all(parsed(revision))));
    scenario.update(0, ClusterUpdate::Pods(WatchUpdate::Listed { items: pods.to_vec(), at: None }));
    scenario.update(0, fact);
    let (verdict, actual, _) = scenario.judge_at(0);
    scenario.judge_at(1_000_000);
    (verdict, actual)
}

#[test]
fn no_status_counts_pass_without_pods() {
    for (a, b, c, d) in fours() {
        let set: StatefulSet = parsed(json!({ "metadata": { "name": "app", "uid": "new" }, "spec": { "replicas": a },
            "status": { "replicas": a, "readyReplicas": b, "updatedReplicas": c, "availableReplicas": d,
                "currentRevision": "new", "updateRevision": "new" } }));
        let partition: StatefulSet = parsed(json!({ "metadata": { "name": "app", "uid": "new" },
            "spec": { "replicas": a, "updateStrategy": { "rollingUpdate": { "partition": b } } },
            "status": { "replicas": a, "readyReplicas": a, "updatedReplicas": c, "availableReplicas": d } }));
        let daemons: DaemonSet = parsed(json!({ "metadata": { "name": "app", "uid": "new" },
            "status": { "desiredNumberScheduled": a, "updatedNumberScheduled": b, "numberAvailable": c } }));
        let rollout: Rollout = parsed(json!({ "metadata": { "name": "app", "uid": "d", "generation": 1 },
            "spec": { "replicas": a }, "status": { "observedGeneration": "1", "phase": "Healthy", "currentPodHash": "new",
                "stableRS": "new", "replicas": b, "updatedReplicas": c, "availableReplicas": d } }));
        for (workload, fact) in [
            ("deployment/app", ClusterUpdate::Deployments(all(deployment((a, b, c, d), "2", &json!({}))))),
            ("statefulset/app", ClusterUpdate::StatefulSets(all(set))),
            ("statefulset/app", ClusterUpdate::StatefulSets(all(partition))),
            ("daemonset/app", ClusterUpdate::DaemonSets(all(daemons))),
            ("rollout/app", ClusterUpdate::Rollouts(all(rollout))),
        ] {
            let (verdict, actual) = judged(workload, fact, &[]);
            assert_ne!(verdict, Verdict::Passed, "{workload} {:?}: {actual}", (a, b, c, d));
        }
    }
}

#[test]
fn a_workload_that_scales_to_zero_is_not_complete() {
    // Its last pod is ready, and about to be deleted.
    let last = [pod("a", "new", true, &running())];
    let deployment = deployment((0, 1, 1, 1), "2", &json!({}));
    let rollout: Rollout = parsed(json!({ "metadata": { "name": "app", "uid": "d", "generation": 1 },
        "spec": { "replicas": 0 }, "status": { "observedGeneration": "1", "phase": "Healthy", "currentPodHash": "new",
            "stableRS": "new", "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 } }));
    for (workload, fact) in [
        ("deployment/app", ClusterUpdate::Deployments(all(deployment))),
        ("rollout/app", ClusterUpdate::Rollouts(all(rollout))),
    ] {
        let (verdict, actual) = judged(workload, fact, &last);
        assert!(verdict == Verdict::Inconclusive && actual.contains("undecided"), "{workload}: {verdict}: {actual}");
    }
}

#[test]
fn restarts_without_an_exit_status_are_crashes() {
    let endless = |restarts: i32| json!({ "name": "app", "restartCount": restarts, "state": { "terminated": { "exitCode": 1 } } });
    let mut twice = pod("a", "new", false, &endless(i32::MAX));
    twice.status.init_container_statuses = vec![parsed(endless(i32::MAX))];
    let one = || ClusterUpdate::Deployments(all(deployment((1, 1, 1, 0), "2", &json!({}))));
    let (verdict, actual) = judged("deployment/app", one(), &[twice]);
    assert!(verdict == Verdict::Blocked && actual.contains("it crashed"), "{verdict}: {actual}");
    judged("deployment/app", one(), &[pod("a", "new", false, &endless(i32::MIN))]);
    // It restarts within the stabilization time.
    let well = |restarts: i32| {
        let state = json!({ "name": "app", "ready": true, "restartCount": restarts, "state": { "running": {} } });
        let mut it = pod("a", "new", true, &state);
        it.status.container_statuses.push(parsed(state));
        it
    };
    let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![well(1)]);
    scenario.update(2, ClusterUpdate::Pods(WatchUpdate::Applied(well(i32::MAX))));
    scenario.assert_decided(2, Verdict::Blocked, "pod a, container app restarted 2147483646 times");
}

#[test]
fn times_and_probes_of_any_size_are_accepted() {
    let probe =
        |number: i64| json!({ "initialDelaySeconds": number, "periodSeconds": number, "failureThreshold": number });
    for time in ["-009999-01-02T02:00:00Z", "9999-12-30T22:00:00Z"] {
        for number in [i64::MIN, i64::MAX] {
            let mut it = pod(
                "a",
                "new",
                false,
                &json!({ "name": "app", "restartCount": 1, "state": { "running": { "startedAt": time } } }),
            );
            let container = json!({ "name": "app", "startupProbe": probe(number), "readinessProbe": probe(number) });
            it.spec.containers = vec![parsed(container)];
            it.metadata.creation_timestamp = Some(time.parse().unwrap());
            for condition in &mut it.status.conditions {
                condition.last_transition_time = Some(time.parse().unwrap());
            }
            let mut scenario = Scenario::new(app());
            scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![it.clone()]);
            scenario.assert_decided(601, Verdict::Blocked, "pod a");
            // The server's clock is untrusted input as well.
            let mut scenario = Scenario::new(app());
            scenario.update(
                1,
                ClusterUpdate::ReplicaSets(WatchUpdate::Listed {
                    items: replica_sets(),
                    at: Some(time.parse().unwrap()),
                }),
            );
            scenario.update(
                1,
                ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![it], at: Some(time.parse().unwrap()) }),
            );
            scenario.update(1, ClusterUpdate::Deployments(all(deployment((1, 1, 1, 0), "2", &json!({})))));
            scenario.assert_decided(700, Verdict::Blocked, "pod a");
        }
    }
}

#[test]
fn a_step_index_out_of_range_is_a_pause_for_a_person() {
    let paused: Rollout = parsed(json!({ "metadata": { "name": "app", "uid": "d", "generation": 1 },
        "status": { "observedGeneration": "1", "phase": "Paused", "currentStepIndex": u64::MAX,
            "replicas": i32::MIN, "updatedReplicas": i32::MAX, "pauseConditions": [{ "reason": "CanaryPauseStep" }] } }));
    let (verdict, actual) = judged("rollout/app", ClusterUpdate::Rollouts(all(paused)), &[]);
    assert!(verdict == Verdict::Blocked && actual.contains("until it is resumed by hand"), "{verdict}: {actual}");
}

#[test]
fn secrets_are_masked_in_findings() {
    let secret = "panic: password=hunter2";
    let one = || deployment((1, 1, 1, 0), "2", &json!({}));
    let ended = json!({ "name": "app", "state": { "terminated": { "exitCode": 1, "message": secret } } });
    let condition = json!([{ "type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": secret }]);
    let given_up = deployment((1, 1, 0, 0), "2", &json!({ "status": { "conditions": condition } }));
    // Clipping first would cut the secret in half, so that it would not be recognized.
    let edge = format!("{} ghp_{}", "x".repeat(286), "0123456789".repeat(2));
    let mut evicted = pod("a", "new", false, &json!({ "name": "app" }));
    (evicted.status.reason, evicted.status.message) = ("NodeLost".to_owned(), edge);
    for (it, pods) in [
        (one(), vec![pod("a", "new", false, &ended)]),
        (one(), vec![pod("a", "new", false, &waiting("ErrImagePull", secret))]),
        (one(), vec![evicted]),
        (given_up, vec![]),
    ] {
        let (_, actual) = judged("deployment/app", ClusterUpdate::Deployments(all(it)), &pods);
        assert!(actual.contains("***") && !actual.contains("hunter2") && !actual.contains("ghp_"), "{actual}");
    }
}

#[test]
fn long_controller_messages_are_clipped() {
    let long = "ÄÖ".repeat(100_000);
    let condition =
        json!([{ "type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": long, "status": "False" }]);
    let it = deployment((1, 1, 0, 0), "2", &json!({ "status": { "conditions": condition } }));
    let (_, actual) = judged("deployment/app", ClusterUpdate::Deployments(all(it)), &[]);
    assert!(actual.contains("ProgressDeadlineExceeded: ÄÖ") && actual.len() < 2000, "{}", actual.len());
}
