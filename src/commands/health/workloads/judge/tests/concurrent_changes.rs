//! What may happen while the gate watches: rollbacks, autoscalers, evictions, other releases, outdated conditions.

use super::*;

fn changed<T: for<'de> serde::Deserialize<'de>>(of: Value, changes: &Value) -> T {
    let mut it = of;
    merge(&mut it, changes);
    parsed(it)
}

/// A ReplicaSet of the Deployment, with its revision number.
fn set(uid: &str, number: &str, changes: &Value) -> ReplicaSet {
    let it = json!({ "metadata": { "name": uid, "uid": uid, "ownerReferences": [{ "uid": "d", "controller": true }],
        "annotations": { "deployment.kubernetes.io/revision": number } } });
    changed(it, changes)
}

/// Lists a Deployment with these `ReplicaSet`s instead of the usual ones.
fn list_all(scenario: &mut Scenario, second: u64, sets: Vec<ReplicaSet>, it: Deployment, pods: Vec<Pod>) {
    let clock = Some(at(i64::try_from(second).unwrap()).parse().unwrap());
    scenario.update(second, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items: sets, at: clock }));
    scenario.update(second, ClusterUpdate::Pods(WatchUpdate::Listed { items: pods, at: clock }));
    scenario.update(second, ClusterUpdate::Deployments(WatchUpdate::Listed { items: vec![it], at: clock }));
}

fn ready(name: &str) -> Pod {
    pod(name, "new", true, &running())
}

fn condition(kind: &str, status: &str, reason: &str, since: i64) -> Value {
    json!([{ "type": kind, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(since) }])
}

#[test]
fn in_a_rollback_the_failed_revision_is_not_judged() {
    let bad = || vec![ready("a"), pod("b", "old", false, &crashed(9, "Error"))];
    let none = json!({});
    for sets in [
        // The number of the earlier ReplicaSet is raised before the Deployment names it.
        vec![set("new", "3", &none), set("old", "2", &none)],
        // Two ReplicaSets have the number.
        vec![set("new", "2", &none), set("old", "2", &none)],
        vec![set("new", "none", &none), set("old", "1", &none)],
    ] {
        let mut scenario = Scenario::new(app());
        list_all(&mut scenario, 1, sets.clone(), deployment((1, 2, 1, 1), "2", &none), bad());
        scenario.assert_pending(1, 601, "1 of the old revision left");
        // Nor does it pass while the newest ReplicaSet is unknown.
        let mut scenario = Scenario::new(app());
        list_all(&mut scenario, 1, sets, deployment((1, 1, 1, 1), "2", &none), vec![ready("a")]);
        scenario.assert_pending(1, 601, "newest ReplicaSet is not seen yet");
    }
    // The Deployment names it, and its pods are judged.
    let mut scenario = Scenario::new(app());
    let named = json!({ "metadata": { "annotations": { "deployment.kubernetes.io/revision": "3" } } });
    let sets = vec![set("new", "3", &none), set("old", "2", &none)];
    list_all(&mut scenario, 1, sets, deployment((1, 1, 1, 1), "2", &named), bad());
    scenario.assert_decided(1, Verdict::Passed, "revision 3");
}

#[test]
fn scaling_and_changing_at_once_does_not_judge_the_old_revision() {
    let mut scenario = Scenario::new(app());
    let bad = vec![pod("a", "new", false, &crashed(9, "Error"))];
    scenario.list_deployment(1, deployment((4, 1, 0, 0), "2", &json!({})), bad.clone());
    scenario.assert_pending(1, 601, "0 of 4 updated");
    scenario.list_deployment(2, deployment((4, 1, 1, 0), "2", &json!({})), bad);
    scenario.assert_decided(2, Verdict::Blocked, "it crashed 10 times");
}

#[test]
fn a_deadline_missed_by_the_previous_revision_does_not_block() {
    let missed = |since: i64| json!({ "status": { "conditions": condition("Progressing", "False", "ProgressDeadlineExceeded", since) } });
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 2, 1, 1), "2", &missed(-300)), vec![ready("a")]);
    scenario.assert_pending(1, 6, "ProgressDeadlineExceeded: why");
    scenario.update(2, ClusterUpdate::Deployments(WatchUpdate::Applied(deployment((1, 1, 1, 1), "2", &missed(-300)))));
    scenario.assert_decided(2, Verdict::Passed, "complete");
    // The condition stays, so it describes this rollout.
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 2, 1, 0), "2", &missed(-300)), vec![]);
    scenario.assert_decided(6, Verdict::Blocked, "ProgressDeadlineExceeded: why");
}

#[test]
fn only_the_newest_replica_set_reports_that_pods_cannot_be_created() {
    let failed =
        |since: i64| json!({ "status": { "conditions": condition("ReplicaFailure", "True", "FailedCreate", since) } });
    let none = json!({});
    for (of_new, of_old, of_deployment, blocks) in [
        (failed(-300), none.clone(), none.clone(), 16),
        (failed(10), none.clone(), none.clone(), 25),
        (none.clone(), failed(-300), failed(-300), 601),
    ] {
        let mut scenario = Scenario::new(app());
        let sets = vec![set("new", "2", &of_new), set("old", "1", &of_old)];
        list_all(&mut scenario, 1, sets, deployment((1, 1, 0, 0), "2", &of_deployment), vec![]);
        scenario.assert_pending(blocks - 1, blocks, "0 of 1 updated");
        scenario.assert_decided(blocks, Verdict::Blocked, "0 of 1 updated");
    }
    // Not even a ReplicaSet can be created, so the change is never observed.
    let denied = json!({ "metadata": { "generation": 3 },
        "status": { "conditions": condition("Progressing", "False", "ReplicaSetCreateError", 1) } });
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &denied), vec![ready("a")]);
    scenario.assert_pending(15, 16, "ReplicaSetCreateError: why");
    scenario.assert_decided(16, Verdict::Blocked, "ReplicaSetCreateError: why");
}

/// A pod that ended for good.
fn ended(name: &str, reason: &str) -> Pod {
    let mut it = pod(name, "new", false, &json!({ "name": "app", "state": { "terminated": { "exitCode": 137 } } }));
    (it.status.phase, it.status.reason, it.status.message) =
        ("Failed".to_owned(), reason.to_owned(), "low on memory".to_owned());
    it
}

#[test]
fn an_evicted_pod_does_not_count_as_a_pod_of_the_rollout() {
    let one = || deployment((1, 1, 1, 1), "2", &json!({}));
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, one(), vec![ready("a"), ended("b", "Evicted"), ended("c", "NodeShutdown")]);
    scenario.assert_decided(1, Verdict::Passed, "complete");
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![ended("b", "Evicted")]);
    scenario.assert_pending(300, 601, "1 of 1 updated, 0 available");
    // An eviction restarts the time, unless the node is the reason.
    for (reason, passes_at) in [("Evicted", 35), ("NodeShutdown", 30), ("Terminated", 30)] {
        let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
        scenario.list_deployment(1, deployment((2, 2, 2, 2), "2", &json!({})), vec![ready("a"), ready("b")]);
        scenario.update(5, ClusterUpdate::Pods(WatchUpdate::Applied(ended("a", reason))));
        scenario.update(9, ClusterUpdate::Pods(WatchUpdate::Applied(ready("c"))));
        let why = if reason == "Evicted" { "pod a: Evicted: low on memory" } else { "has not been ready for 30s" };
        scenario.assert_pending(passes_at - 1, passes_at, why);
        scenario.assert_decided(passes_at, Verdict::Passed, "complete");
    }
}

#[test]
fn pods_that_end_one_after_the_other_block_with_their_reason() {
    // A node that rejects a pod ends it, and the controller makes the next one at once; none counts as updated.
    let none = || deployment((1, 0, 0, 0), "2", &json!({}));
    let rejected = |name: &str| ended(name, "UnexpectedAdmissionError");
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, none(), vec![rejected("a")]);
    scenario.assert_pending(5, 601, "pod a: UnexpectedAdmissionError: low on memory");
    for (second, name) in [(6, "b"), (7, "c")] {
        scenario.update(second, ClusterUpdate::Pods(WatchUpdate::Applied(rejected(name))));
        scenario.assert_pending(second, 601, "UnexpectedAdmissionError");
    }
    scenario.update(8, ClusterUpdate::Pods(WatchUpdate::Applied(rejected("d"))));
    scenario.assert_decided(8, Verdict::Blocked, "UnexpectedAdmissionError: low on memory; 3 more ended before it");
    // Pods that were evicted before the gate began block nothing.
    let mut scenario = Scenario::new(app());
    let old = ["a", "b", "c", "d"].map(|name| ended(name, "Evicted"));
    let starting = pod("e", "new", false, &waiting("ContainerCreating", ""));
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), old.into_iter().chain([starting]).collect());
    scenario.assert_pending(5, 120, "pod");
    // Nor do those of another image, while no pod of the new one exists.
    let mut scenario = Scenario::new(with_tag("3", app()));
    scenario.list_deployment(1, deployment((1, 0, 0, 0), "3", &json!({})), vec![]);
    for (second, name) in [(2, "a"), (3, "b"), (4, "c"), (5, "d")] {
        scenario.update(second, ClusterUpdate::Pods(WatchUpdate::Applied(rejected(name))));
    }
    scenario.assert_pending(5, 601, "0 of 1 updated");
}

#[test]
fn an_autoscaler_may_scale_within_the_stabilization_time() {
    let steady = || {
        let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
        scenario.list_deployment(1, deployment((2, 2, 2, 2), "2", &json!({})), vec![ready("a"), ready("b")]);
        scenario
    };
    let update_deployment = |scenario: &mut Scenario, second: u64, it: Deployment| {
        scenario.update(second, ClusterUpdate::Deployments(WatchUpdate::Applied(it)));
    };
    let more = json!({ "metadata": { "generation": 3 } });
    // Up: the new pods have time to become ready.
    let mut scenario = steady();
    update_deployment(&mut scenario, 10, deployment((3, 2, 2, 2), "2", &more));
    scenario.assert_pending(10, 721, "has not observed its latest change yet");
    update_deployment(&mut scenario, 11, deployment((3, 3, 3, 2), "2", &json!({})));
    scenario.update(
        11,
        ClusterUpdate::Pods(WatchUpdate::Applied(pod("c", "new", false, &waiting("ContainerCreating", "")))),
    );
    scenario.assert_pending(40, 120, "pod c");
    update_deployment(&mut scenario, 50, deployment((3, 3, 3, 3), "2", &json!({})));
    scenario.update(50, ClusterUpdate::Pods(WatchUpdate::Applied(ready("c"))));
    scenario.assert_decided(50, Verdict::Passed, "complete: 3 of 3 updated");
    // Their crashes count all the same.
    let mut scenario = steady();
    update_deployment(&mut scenario, 11, deployment((3, 3, 3, 2), "2", &json!({})));
    scenario.update(11, ClusterUpdate::Pods(WatchUpdate::Applied(pod("c", "new", false, &crashed(2, "Error")))));
    scenario.assert_decided(11, Verdict::Blocked, "pod c, container app: CrashLoopBackOff: it crashed 3 times");
    // Down: a deleted pod is not ready any more, but is not a disturbance.
    let mut scenario = steady();
    let mut going = pod("b", "new", false, &running());
    going.metadata.deletion_timestamp = Some(at(40).parse().unwrap());
    update_deployment(&mut scenario, 10, deployment((1, 2, 2, 2), "2", &more));
    scenario.update(10, ClusterUpdate::Pods(WatchUpdate::Applied(going.clone())));
    update_deployment(&mut scenario, 11, deployment((1, 1, 1, 1), "2", &json!({})));
    scenario.update(12, ClusterUpdate::Pods(WatchUpdate::Deleted(going)));
    scenario.assert_decided(30, Verdict::Passed, "complete: 1 of 1 updated");
    // All pods were moved to other nodes: the stabilization time begins again.
    let mut scenario = steady();
    let items = vec![ready("c"), ready("d")];
    scenario.update(20, ClusterUpdate::Pods(WatchUpdate::Listed { items, at: None }));
    scenario.assert_pending(31, 50, "has not been ready for 30s yet");
    scenario.assert_decided(50, Verdict::Passed, "complete");
}

#[test]
fn what_happened_during_an_interrupted_watch_is_found_in_the_pod() {
    let mut flapped = ready("a");
    flapped.status.conditions[1].last_transition_time = Some(at(12).parse().unwrap());
    let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![ready("a")]);
    scenario.update(10, ClusterUpdate::Pods(WatchUpdate::Interrupted("gone".to_owned())));
    scenario.update(20, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![flapped], at: None }));
    scenario.assert_pending(49, 50, "pod a has not been ready for 30s yet");
    scenario.assert_decided(50, Verdict::Passed, "complete");
}

#[test]
fn nothing_passes_while_a_kind_is_relisted() {
    let steady = || {
        let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
        scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![ready("a")]);
        scenario.update(25, ClusterUpdate::Pods(WatchUpdate::Relisting));
        scenario
    };
    let mut scenario = steady();
    scenario.assert_pending(31, u64::MAX, "not seen yet");
    scenario.update(40, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![ready("a")], at: None }));
    scenario.assert_decided(40, Verdict::Passed, "complete");
    let mut scenario = steady();
    scenario.update(
        40,
        ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![pod("a", "new", false, &running())], at: None }),
    );
    scenario.assert_pending(40, 120, "pod a");
    let mut scenario = steady();
    scenario.update(35, ClusterUpdate::Pods(WatchUpdate::Interrupted("no answer".to_owned())));
    scenario.assert_decided(95, Verdict::Inconclusive, "does not answer: no answer");
}

#[test]
fn a_workload_that_was_stable_has_to_be_healthy_at_the_end_only() {
    let named = |name: &str, counts: (i32, i32, i32, i32)| -> Deployment {
        let mut it = deployment(counts, "2", &json!({}));
        (it.metadata.name, it.metadata.uid) = (name.to_owned(), name.to_owned());
        it
    };
    let set_of = |name: &str| {
        set(
            &format!("{name}-set"),
            "2",
            &json!({ "metadata": { "ownerReferences": [{ "uid": name, "controller": true }] } }),
        )
    };
    let pod_of = |name: &str, ready: bool, restarts: i32| {
        let state = if ready { running() } else { crashed(0, "Error") };
        let mut it = pod(name, &format!("{name}-set"), ready, &state);
        it.status.container_statuses[0].restart_count = restarts;
        it
    };
    let mut scenario =
        Scenario::new(WorkloadLimits { stabilize: seconds(30), ..limits(&["deployment/a", "deployment/b"]) });
    let clock = || Some(at(1).parse().unwrap());
    scenario.update(
        1,
        ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items: vec![set_of("a"), set_of("b")], at: clock() }),
    );
    scenario.update(1, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![pod_of("a", true, 0)], at: clock() }));
    let both = vec![named("a", (1, 1, 1, 1)), named("b", (1, 1, 0, 0))];
    scenario.update(1, ClusterUpdate::Deployments(WatchUpdate::Listed { items: both, at: clock() }));
    assert!(matches!(scenario.judge_at(40), (Verdict::Passed, _, Some(601))), "it waits for the other one");
    // After its stabilization time, and before the other workload is complete.
    scenario.update(60, ClusterUpdate::Pods(WatchUpdate::Applied(pod_of("a", true, 1))));
    scenario.update(61, ClusterUpdate::Pods(WatchUpdate::Applied(pod_of("b", true, 0))));
    scenario.update(61, ClusterUpdate::Deployments(WatchUpdate::Applied(named("b", (1, 1, 1, 1)))));
    scenario.assert_decided(91, Verdict::Passed, "complete");
    // A workload that is broken by then does not pass.
    scenario.update(70, ClusterUpdate::Pods(WatchUpdate::Applied(pod_of("a", false, 1))));
    let (verdict, actual, _) = scenario.judge_at(91);
    assert!(verdict == Verdict::Inconclusive && actual.contains("undecided: pod a"), "{verdict}: {actual}");
    scenario.update(95, ClusterUpdate::Pods(WatchUpdate::Applied(pod_of("a", false, 3))));
    scenario.assert_decided(95, Verdict::Blocked, "pod a, container app: CrashLoopBackOff");
}

#[test]
fn a_release_that_replaces_the_one_under_promotion_is_named() {
    let patient = || WorkloadLimits { appear_timeout: seconds(60), ..with_tag("2", app()) };
    let mut scenario = Scenario::new(patient());
    scenario.list_deployment(1, deployment((1, 1, 0, 0), "2", &json!({})), vec![]);
    scenario.update(30, ClusterUpdate::Deployments(WatchUpdate::Applied(deployment((1, 1, 0, 0), "3", &json!({})))));
    scenario.assert_decided(
        30,
        Verdict::Blocked,
        "an image with tag 2 was requested, and now shop:3 is: another release took its place",
    );
    // It may be rolled out again.
    scenario.update(40, ClusterUpdate::Deployments(WatchUpdate::Applied(deployment((1, 1, 1, 1), "2", &json!({})))));
    scenario.update(40, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![ready("a")], at: None }));
    scenario.assert_decided(40, Verdict::Passed, "its pods run an image with tag 2");
}

#[test]
fn an_image_that_only_pods_show_has_its_time_limit_from_when_it_appears() {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let expected_image = ExpectedImage { digest: Some(digest("2")), ..ExpectedImage::default() };
    let mut scenario = Scenario::new(WorkloadLimits { image: expected_image, appear_timeout: seconds(600), ..app() });
    let of = |name: &str, digit: &str| {
        let mut it = ready(name);
        it.status.container_statuses[0].image_id = format!("shop@{}", digest(digit));
        it
    };
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![of("a", "1")]);
    scenario.assert_pending(
        540,
        600,
        "its pods run shop:2; one image has several digests: the runtime reports sha256:1111",
    );
    // It appears late, and has its full time limit.
    scenario.list_deployment(540, deployment((1, 2, 1, 0), "2", &json!({})), vec![]);
    scenario.assert_pending(700, 1140, "1 of the old revision left");
    scenario.list_deployment(800, deployment((1, 1, 1, 1), "2", &json!({})), vec![of("b", "2")]);
    scenario.assert_decided(800, Verdict::Passed, "complete");
}

#[test]
fn a_broken_pod_of_the_old_revision_blocks_an_ordered_rollout() {
    let set = |policy: &str| -> StatefulSet {
        parsed(json!({
            "metadata": { "name": "db", "uid": "new", "generation": 1 },
            "spec": { "replicas": 2, "podManagementPolicy": policy, "updateStrategy": { "type": "RollingUpdate" } },
            "status": { "observedGeneration": 1, "replicas": 2, "readyReplicas": 1, "availableReplicas": 1,
                "currentRevision": "old", "updateRevision": "new" },
        }))
    };
    for (policy, holds_up) in [("OrderedReady", true), ("Parallel", false)] {
        let mut scenario = Scenario::new(limits(&["statefulset/db"]));
        let mut broken = pod("db-1", "new", false, &crashed(9, "Error"));
        broken.metadata.labels.insert("controller-revision-hash".to_owned(), "old".to_owned());
        scenario.update(
            1,
            ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![broken], at: Some(at(1).parse().unwrap()) }),
        );
        scenario.update(1, ClusterUpdate::StatefulSets(WatchUpdate::Listed { items: vec![set(policy)], at: None }));
        scenario.assert_pending(1, 601, "0 of 2 updated");
        assert_eq!(
            scenario.judge_at(601).1.contains("pod db-1 of the old revision is not ready, and holds it up"),
            holds_up
        );
    }
}

#[test]
fn a_partition_that_keeps_back_all_pods_is_inconclusive() {
    let set = |partition: i32, current: &str, strategy: &str| -> StatefulSet {
        parsed(json!({
            "metadata": { "name": "db", "uid": "new", "generation": 1 },
            "spec": { "replicas": 1, "template": { "spec": { "containers": [{ "image": "shop:2" }] } },
                "updateStrategy": { "type": strategy, "rollingUpdate": { "partition": partition } } },
            "status": { "observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": i32::from(partition == 0 || current == "new"),
                "availableReplicas": 1, "currentRevision": current, "updateRevision": "new" },
        }))
    };
    for (it, owner, verdict, expected) in [
        (
            set(5, "old", "RollingUpdate"),
            "old",
            Verdict::Inconclusive,
            "no pod is to run the new revision: `partition: 1`",
        ),
        (set(5, "new", "RollingUpdate"), "new", Verdict::Passed, "1 kept back by `partition`"),
        // With `OnDelete`, the controller does not update the current revision.
        (set(0, "old", "OnDelete"), "new", Verdict::Passed, "1 of 1 updated"),
    ] {
        let mut scenario = Scenario::new(with_tag("2", limits(&["statefulset/db"])));
        let mut pod = pod("db-0", "new", true, &running());
        pod.metadata.labels.insert("controller-revision-hash".to_owned(), owner.to_owned());
        scenario
            .update(1, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![pod], at: Some(at(1).parse().unwrap()) }));
        scenario.update(1, ClusterUpdate::StatefulSets(WatchUpdate::Listed { items: vec![it], at: None }));
        scenario.assert_decided(1, verdict, expected);
    }
}
