//! Argo Rollouts: when one is complete, and which pauses end without a person.

use super::*;
use crate::world::cluster::objects::Rollout;

/// A complete Rollout, with changes.
fn rollout(changes: &Value) -> Rollout {
    let mut it = json!({
        "metadata": { "name": "app", "uid": "r", "generation": 3 },
        "spec": { "replicas": 2, "template": { "spec": { "containers": [{ "name": "app", "image": "shop:2" }] } },
            "strategy": { "canary": { "steps": [{ "setWeight": 20 }, { "pause": {} }, { "pause": { "duration": "1m" } }] } } },
        "status": { "observedGeneration": "3", "phase": "Healthy", "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
            "currentPodHash": "new", "stableRS": "new" },
    });
    merge(&mut it, changes);
    parsed(it)
}

/// The old and the new ReplicaSet. `kept`: pods of the old one that wait to be scaled down.
fn sets(tag: &str, kept: i32) -> Vec<ReplicaSet> {
    let set = |hash: &str, tag: &str| {
        json!({ "metadata": { "name": hash, "uid": hash, "labels": { "rollouts-pod-template-hash": hash },
            "ownerReferences": [{ "uid": "r", "controller": true }] },
            "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": format!("shop:{tag}") }] } } } })
    };
    let mut old = set("old", "1");
    if kept > 0 {
        old["metadata"]["annotations"] = json!({ "scale-down-deadline": at(30) });
        old["status"] = json!({ "replicas": kept });
    }
    vec![parsed(old), parsed(set("new", tag))]
}

fn two() -> Vec<Pod> {
    vec![pod("a", "new", true, &running()), pod("b", "new", true, &running())]
}

fn list_rollout(scenario: &mut Scenario, second: u64, it: Rollout, sets: Vec<ReplicaSet>, pods: Vec<Pod>) {
    let clock = Some(at(i64::try_from(second).unwrap()).parse().unwrap());
    scenario.update(second, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items: sets, at: clock }));
    scenario.update(second, ClusterUpdate::Pods(WatchUpdate::Listed { items: pods, at: clock }));
    scenario.update(second, ClusterUpdate::Rollouts(WatchUpdate::Listed { items: vec![it], at: clock }));
}

fn scenario(changes: &Value) -> Scenario {
    let mut scenario = Scenario::new(limits(&["rollout/app"]));
    list_rollout(&mut scenario, 1, rollout(changes), sets("2", 0), two());
    scenario
}

#[test]
fn a_rollout_is_complete_when_its_phase_is_current_and_no_old_pod_is_left() {
    scenario(&json!({})).assert_decided(1, Verdict::Passed, "complete: 2 of 2 updated, 2 available, revision new");
    // The default is one replica.
    scenario(&json!({ "spec": { "replicas": null }, "status": { "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 } }))
        .assert_decided(1, Verdict::Passed, "1 of 1 updated");
    for (changes, expected) in [
        // Healthy, but the phase is not of this generation.
        (json!({ "status": { "observedGeneration": "2" } }), "has not observed its latest change yet"),
        (json!({ "status": { "observedGeneration": "4" } }), "has not observed its latest change yet"),
        (json!({ "status": { "observedGeneration": "" } }), "has not observed its latest change yet"),
        (json!({ "status": { "observedGeneration": "5f9cd6fdb" } }), "has not observed its latest change yet"),
        (json!({ "status": null }), "has not observed its latest change yet"),
        (json!({ "status": { "phase": "" } }), "no phase is reported"),
        (
            json!({ "status": { "phase": "Progressing", "message": "more replicas need to be updated" } }),
            "Progressing: more",
        ),
        (json!({ "status": { "phase": "Sideways" } }), "Sideways"),
        (json!({ "status": { "updatedReplicas": 1 } }), "1 of 2 updated"),
        (json!({ "status": { "availableReplicas": 1 } }), "1 available"),
        (json!({ "status": { "stableRS": "old" } }), "2 of 2 updated"),
        (json!({ "status": { "replicas": 3 } }), "1 of the old revision left"),
        // It was resumed, and has not continued yet.
        (json!({ "status": { "phase": "Paused", "controllerPause": true } }), "it is about to resume"),
        (json!({ "status": { "currentPodHash": "newer", "stableRS": "newer" } }), "newest ReplicaSet is not seen yet"),
    ] {
        scenario(&changes).assert_pending(1, 601, expected);
    }
    let mut scenario = Scenario::new(limits(&["rollout/app"]));
    list_rollout(&mut scenario, 1, rollout(&json!({})), sets("2", 0), two().split_off(1));
    scenario.assert_pending(1, 601, "1 of 2 pods are seen");
}

#[test]
fn pods_kept_for_a_fast_rollback_do_not_count_as_old_pods() {
    let mut scenario = Scenario::new(limits(&["rollout/app"]));
    list_rollout(&mut scenario, 1, rollout(&json!({ "status": { "replicas": 4 } })), sets("2", 2), two());
    scenario.assert_decided(1, Verdict::Passed, "2 of the old revision kept for a fast rollback");
    // One pod more than those that are kept; or the annotation is on the new ReplicaSet, left over from an abort.
    let mut marked = sets("2", 0);
    marked[1].metadata.annotations = [("scale-down-deadline".to_owned(), at(30))].into();
    marked[1].status.replicas = 2;
    for (replicas, sets, left) in [(5, sets("2", 2), 1), (4, marked, 2)] {
        let mut scenario = Scenario::new(limits(&["rollout/app"]));
        list_rollout(&mut scenario, 1, rollout(&json!({ "status": { "replicas": replicas } })), sets, two());
        scenario.assert_pending(1, 601, &format!("{left} of the old revision left"));
    }
}

#[test]
fn a_timed_pause_is_waited_for_and_a_pause_for_a_person_blocks() {
    let paused = |step: i32, reason: &str| {
        json!({ "status": { "phase": "Paused", "message": reason, "controllerPause": true, "currentStepIndex": step,
            "pauseConditions": [{ "reason": reason, "startTime": at(0) }], "updatedReplicas": 1 } })
    };
    let promotion = |value: Value| {
        let mut it = paused(0, "BlueGreenPause");
        it["spec"] = json!({ "strategy": { "canary": null, "blueGreen": { "autoPromotionEnabled": value } } });
        it
    };
    for (changes, expected) in [
        (paused(1, "CanaryPauseStep"), "it is paused at step 2 of 3 until it is resumed by hand: 1 of 2 updated"),
        // The index names no step.
        (paused(7, "CanaryPauseStep"), "until it is resumed by hand"),
        (paused(2, "InconclusiveAnalysisRun"), "until it is resumed by hand (InconclusiveAnalysisRun)"),
        (paused(2, "InconclusiveExperiment"), "until it is resumed by hand (InconclusiveExperiment)"),
        (promotion(json!(false)), "until it is resumed by hand (BlueGreenPause)"),
        (
            json!({ "spec": { "paused": true }, "status": { "phase": "Paused", "message": "manually paused" } }),
            "(`spec.paused`)",
        ),
    ] {
        let scenario = scenario(&changes);
        scenario.assert_decided(1, Verdict::Blocked, expected);
        let finding = &judge(&scenario.limits, &scenario.observations, seconds(1)).findings[0];
        assert!(finding.next.as_ref().is_some_and(|next| next.contains("promote")), "{finding:?}");
    }
    for changes in [paused(2, "CanaryPauseStep"), promotion(json!(true)), promotion(Value::Null)] {
        scenario(&changes).assert_pending(1, 601, "it is paused for a while");
    }
    // The controller's clock is ahead.
    let mut early = paused(1, "CanaryPauseStep");
    early["status"]["pauseConditions"][0]["startTime"] = at(30).into();
    scenario(&early).assert_decided(1, Verdict::Blocked, "until it is resumed by hand");
    // A grace period gives a person time, from when the pause began.
    let mut scenario =
        Scenario::new(WorkloadLimits { grace_periods: vec!["paused 5m".parse().unwrap()], ..limits(&["rollout/app"]) });
    list_rollout(&mut scenario, 1, rollout(&paused(1, "CanaryPauseStep")), sets("2", 0), two());
    scenario.assert_pending(1, 300, "until it is resumed by hand");
    scenario.assert_decided(300, Verdict::Blocked, "until it is resumed by hand");
    scenario.update(200, ClusterUpdate::Rollouts(WatchUpdate::Applied(rollout(&json!({})))));
    scenario.assert_decided(200, Verdict::Passed, "complete");
}

#[test]
fn an_aborted_or_degraded_rollout_blocks_at_once() {
    let condition = |kind: &str, reason: &str| json!([{ "type": kind, "status": "True", "reason": reason, "message": "why", "lastTransitionTime": at(1) }]);
    let message = "ProgressDeadlineExceeded: ReplicaSet \"new\" has timed out progressing.";
    for (changes, expected) in [
        (
            json!({ "status": { "phase": "Degraded", "message": message } }),
            "Degraded: ProgressDeadlineExceeded: ReplicaSet",
        ),
        (
            json!({ "status": { "phase": "Degraded", "abort": true, "message": "RolloutAborted: metric failed" } }),
            "it was aborted: RolloutAborted: metric failed",
        ),
    ] {
        scenario(&changes).assert_decided(1, Verdict::Blocked, expected);
    }
    // A failure of an old generation does not count for the next.
    let stale =
        json!({ "status": { "phase": "Degraded", "abort": true, "message": message, "observedGeneration": "2" } });
    scenario(&stale).assert_pending(1, 601, "has not observed its latest change yet");
    // A retry was requested: the flag is gone, but the condition is still set.
    let again = json!({ "status": { "phase": "Degraded", "conditions": condition("Progressing", "RolloutAborted") } });
    scenario(&again).assert_pending(1, 601, "to be retried");
    // The Rollout may have been created before the service that it names.
    let invalid = json!({ "status": { "phase": "Degraded", "conditions": condition("InvalidSpec", "InvalidSpec") } });
    let invalid = scenario(&invalid);
    invalid.assert_pending(120, 121, "InvalidSpec: why");
    invalid.assert_decided(121, Verdict::Blocked, "InvalidSpec: why");
    for (kind, reason) in [("ReplicaFailure", "FailedCreate"), ("Progressing", "ReplicaSetCreateError")] {
        let failure = json!({ "status": { "phase": "Progressing", "conditions": condition(kind, reason) } });
        let failure = scenario(&failure);
        failure.assert_pending(15, 16, &format!("{reason}: why"));
        failure.assert_decided(16, Verdict::Blocked, &format!("{reason}: why"));
    }
}

#[test]
fn zero_replicas_are_inconclusive_and_only_pods_of_the_new_revision_are_judged() {
    let nothing =
        json!({ "spec": { "replicas": 0 }, "status": { "replicas": 0, "updatedReplicas": 0, "availableReplicas": 0 } });
    scenario(&nothing).assert_decided(1, Verdict::Inconclusive, "`replicas: 0`");
    let progressing = json!({ "status": { "phase": "Progressing", "availableReplicas": 1 } });
    let crashing = |owner: &str| vec![pod("a", "new", true, &running()), pod("b", owner, false, &crashed(2, "Error"))];
    let mut new = Scenario::new(limits(&["rollout/app"]));
    list_rollout(&mut new, 1, rollout(&progressing), sets("2", 0), crashing("new"));
    new.assert_decided(1, Verdict::Blocked, "pod b, container app: CrashLoopBackOff: it crashed 3 times");
    let mut old = Scenario::new(limits(&["rollout/app"]));
    list_rollout(&mut old, 1, rollout(&progressing), sets("2", 0), crashing("old"));
    old.assert_pending(1, 601, "Progressing");
}

#[test]
fn the_image_comes_from_the_template_or_from_the_newest_replica_set_of_a_workload_reference() {
    let mut own = Scenario::new(with_tag("3", limits(&["rollout/app"])));
    list_rollout(&mut own, 1, rollout(&json!({})), sets("2", 0), two());
    own.assert_decided(1, Verdict::Blocked, "it is healthy, and runs shop:2, not an image with tag 3");
    let referring = |noted: &str, observed: &str| {
        rollout(&json!({
            "metadata": { "annotations": { "rollout.argoproj.io/workload-generation": noted } },
            "spec": { "template": null, "workloadRef": { "kind": "Deployment", "name": "app" } },
            "status": { "workloadObservedGeneration": observed },
        }))
    };
    let scenario = |tag: &str, it: Rollout| {
        let mut scenario = Scenario::new(with_tag(tag, limits(&["rollout/app"])));
        list_rollout(&mut scenario, 1, it, sets("2", 0), two());
        scenario
    };
    scenario("2", referring("5", "5")).assert_decided(1, Verdict::Passed, "its pods run an image with tag 2");
    scenario("3", referring("5", "5")).assert_decided(1, Verdict::Blocked, "it is healthy, and runs shop:2");
    // The referenced object has changed, and the controller has not observed it yet.
    scenario("3", referring("6", "5")).assert_pending(1, 601, "has not observed its latest change yet");
    scenario("3", referring("", "")).assert_pending(1, 601, "has not observed its latest change yet");
}
