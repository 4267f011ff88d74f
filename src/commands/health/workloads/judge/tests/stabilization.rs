//! A complete rollout has to last: when it passes, and when it does not.

use super::*;

/// A rollout that is complete when the gate first looks, five seconds after it began, with one pod that started with it.
fn complete() -> Scenario {
    let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
    scenario.list_deployment(5, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    scenario
}

/// The container runs since `second`, after so many restarts; its previous run took so many seconds.
fn restarted(restarts: i32, second: i64, previous: i64) -> Value {
    let end = json!({ "exitCode": 3, "reason": "Error", "startedAt": at(second - previous - 1), "finishedAt": at(second - 1) });
    json!({ "name": "app", "ready": true, "restartCount": restarts,
        "state": { "running": { "startedAt": at(second) } }, "lastState": { "terminated": end } })
}

fn seen(scenario: &mut Scenario, second: u64, ready: bool, state: &Value) {
    let mut it = pod("a", "new", ready, state);
    it.status.conditions[1].last_transition_time = Some(at(i64::try_from(second).unwrap()).parse().unwrap());
    scenario.update(second, ClusterUpdate::Pods(WatchUpdate::Applied(it)));
}

#[test]
fn every_container_has_to_run_for_the_time_and_what_ran_before_counts() {
    let scenario = complete();
    scenario.assert_pending(29, 30, "has not been ready for 30s yet");
    scenario.assert_decided(30, Verdict::Passed, "every container has run for 30s");
    // The gate came later than the rollout.
    let mut late = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
    let mut old = pod("a", "new", true, &json!({ "name": "app", "state": { "running": { "startedAt": at(-60) } } }));
    old.status.conditions[1].last_transition_time = Some(at(-60).parse().unwrap());
    late.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![old]);
    late.assert_decided(1, Verdict::Passed, "every container has run for 30s");
    let mut at_once = Scenario::new(app());
    at_once.list_deployment(5, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    at_once.assert_decided(5, Verdict::Passed, "`stabilize: 0`: one moment was enough");
}

#[test]
fn a_moment_of_readiness_between_two_crashes_never_passes() {
    // Without a readiness probe, each start makes the pod ready.
    let mut scenario = complete();
    let mut start = 10;
    for restarts in 1..3 {
        seen(&mut scenario, start, true, &restarted(restarts, i64::try_from(start).unwrap(), 2));
        scenario.assert_pending(start, start + 32, "it has to outlive its previous run of 2s by 30s");
        seen(&mut scenario, start + 2, false, &crashed(restarts, "Error"));
        start += 20;
    }
    scenario.assert_decided(32, Verdict::Blocked, "it crashed 3 times");
    // A failing liveness probe leaves a minute of readiness in each life, and no crash is seen.
    let mut scenario = complete();
    for (restarts, start) in [(1, 70), (2, 140)] {
        seen(&mut scenario, start, true, &restarted(restarts, i64::try_from(start).unwrap(), 60));
        scenario.assert_pending(start + 60, start + 90, "restarted");
    }
    seen(&mut scenario, 210, true, &restarted(3, 210, 60));
    scenario.assert_decided(210, Verdict::Blocked, "container app restarted 3 times (Error, exit code 3)");
}

#[test]
fn a_crash_that_heals_is_tolerated_and_named() {
    let mut scenario = complete();
    seen(&mut scenario, 6, false, &crashed(0, "Error"));
    seen(&mut scenario, 16, true, &restarted(1, 16, 1));
    scenario.assert_pending(46, 47, "restarted once (Error, exit code 3)");
    scenario.assert_decided(47, Verdict::Passed, "tolerated: pod a, container app restarted once (Error, exit code 3)");
    // A run that was long was not one of a crash loop.
    let mut scenario = complete();
    seen(&mut scenario, 16, true, &restarted(1, 16, 600));
    scenario.assert_decided(46, Verdict::Passed, "complete");
}

#[test]
fn a_rollout_that_does_not_last_is_reported_with_the_exit_of_its_containers() {
    // The kubelet's times have whole seconds, so a run that ended at once took none.
    let mut scenario = complete();
    scenario.limits.crash_limit = 100;
    for restarts in 1..35 {
        let second = 20 * u64::try_from(restarts).unwrap();
        seen(&mut scenario, second, true, &restarted(restarts, i64::try_from(second).unwrap(), 0));
        scenario.assert_pending(second, second + 30, "(Error, exit code 3)");
    }
    seen(&mut scenario, 719, true, &restarted(36, 719, 0));
    scenario.assert_decided(
        725,
        Verdict::Blocked,
        "did not stay so for 30s: pod a, container app restarted 36 times (Error, exit code 3)",
    );
    // A warning comes after the restart.
    let event = parsed(json!({ "reason": "BackOff", "message": "Back-off restarting", "lastTimestamp": at(12),
        "involvedObject": { "kind": "Pod", "uid": "a" } }));
    let mut scenario = complete();
    seen(&mut scenario, 10, true, &restarted(1, 10, 1));
    scenario.update(12, ClusterUpdate::Warnings(WatchUpdate::Applied(event)));
    scenario.assert_pending(
        41,
        42,
        "BackOff: Back-off restarting; pod a, container app restarted once (Error, exit code 3)",
    );
}

/// Controllers report a moment of progress when they look again.
#[test]
fn a_controller_that_is_progressing_for_three_seconds_blocks_nothing() {
    use crate::world::cluster::objects::{Application, Kustomization, Rollout};
    let rollout = |phase: &str| -> Rollout {
        parsed(json!({
            "metadata": { "name": "app", "uid": "d", "generation": 3 },
            "spec": { "replicas": 1, "template": { "spec": { "containers": [{ "name": "app", "image": "shop:2" }] } } },
            "status": { "observedGeneration": "3", "phase": phase, "replicas": 1, "updatedReplicas": 1,
                "availableReplicas": 1, "currentPodHash": "2", "stableRS": "2" },
        }))
    };
    let application = |health: &str| -> Application {
        parsed(json!({
            "metadata": { "name": "app", "uid": "d" },
            "status": { "reconciledAt": at(0), "sync": { "status": "Synced", "revision": "1" },
                "health": { "status": health, "message": "why" } },
        }))
    };
    let kustomization = |ready: &str, reason: &str| -> Kustomization {
        let condition = json!({ "type": "Ready", "status": ready, "reason": reason, "observedGeneration": 1 });
        parsed(json!({
            "metadata": { "name": "app", "uid": "d", "generation": 1 }, "spec": { "wait": true },
            "status": { "observedGeneration": 1, "lastAppliedRevision": "1", "lastAttemptedRevision": "1",
                "conditions": [condition] },
        }))
    };
    let set = || {
        parsed(json!({ "metadata": { "name": "new", "uid": "new", "labels": { "rollouts-pod-template-hash": "2" },
            "ownerReferences": [{ "uid": "d", "controller": true }] } }))
    };
    let clock = |second: u64| Some(at(i64::try_from(second).unwrap()).parse().unwrap());
    // The kind, its states before, during and after, and when it passes: a time that began with the gate, or anew.
    let apply = |scenario: &mut Scenario, kind: &str, second: u64, healthy: bool| {
        let fact = match kind {
            "rollout" => ClusterUpdate::Rollouts(WatchUpdate::Listed {
                items: vec![rollout(if healthy { "Healthy" } else { "Progressing" })],
                at: clock(second),
            }),
            "application" => ClusterUpdate::Applications(WatchUpdate::Listed {
                items: vec![application(if healthy { "Healthy" } else { "Progressing" })],
                at: clock(second),
            }),
            _ => ClusterUpdate::Kustomizations(WatchUpdate::Listed {
                items: vec![if healthy { kustomization("True", "x") } else { kustomization("Unknown", "Progressing") }],
                at: clock(second),
            }),
        };
        scenario.update(second, fact);
    };
    for (kind, passes_at) in [("rollout", 31), ("application", 43), ("kustomization", 31)] {
        let mut scenario =
            Scenario::new(WorkloadLimits { stabilize: seconds(30), ..limits(&[&format!("{kind}/app")]) });
        let mut ready = pod("a", "new", true, &running());
        ready.status.conditions[1].last_transition_time = Some(at(1).parse().unwrap());
        if kind == "rollout" {
            scenario.update(1, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items: vec![set()], at: clock(1) }));
            scenario.update(1, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![ready], at: clock(1) }));
        }
        apply(&mut scenario, kind, 1, true);
        let (verdict, actual, revisit) = scenario.judge_at(5);
        assert!(verdict == Verdict::Inconclusive && revisit == Some(31), "{kind}: {actual}");
        apply(&mut scenario, kind, 10, false);
        for second in 10..13 {
            let (verdict, actual, revisit) = scenario.judge_at(second);
            assert!(verdict == Verdict::Inconclusive && revisit.is_some(), "{kind} at {second}: {actual}");
        }
        apply(&mut scenario, kind, 13, true);
        scenario.assert_pending(passes_at - 1, passes_at, "complete");
        scenario.assert_decided(passes_at, Verdict::Passed, "complete");
    }
}

#[test]
fn what_was_complete_is_not_blocked_because_its_controller_waits_for_a_person() {
    use crate::world::cluster::objects::Kustomization;
    let it = |suspend: bool| -> Kustomization {
        parsed(json!({
            "metadata": { "name": "app", "uid": "k", "generation": 1 }, "spec": { "wait": true, "suspend": suspend },
            "status": { "observedGeneration": 1, "lastAppliedRevision": "1", "lastAttemptedRevision": "1",
                "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 1 }] },
        }))
    };
    let see = |scenario: &mut Scenario, second: u64, suspend: bool| {
        let update = WatchUpdate::Listed { items: vec![it(suspend)], at: Some(BEGAN.parse().unwrap()) };
        scenario.update(second, ClusterUpdate::Kustomizations(update));
    };
    let steady = || WorkloadLimits { stabilize: seconds(30), ..limits(&["kustomization/app"]) };
    let mut scenario = Scenario::new(steady());
    see(&mut scenario, 0, true);
    scenario.assert_decided(0, Verdict::Blocked, "it is suspended");
    let mut scenario = Scenario::new(steady());
    see(&mut scenario, 0, false);
    see(&mut scenario, 10, true);
    scenario.assert_pending(10, 600, "it is suspended");
    scenario.assert_decided(600, Verdict::Blocked, "it is suspended");
    see(&mut scenario, 20, false);
    scenario.assert_decided(30, Verdict::Passed, "complete");
}

#[test]
fn the_time_begins_anew_when_a_pod_is_ready_again() {
    let mut scenario = complete();
    seen(&mut scenario, 20, false, &running());
    scenario.assert_pending(25, 140, "pod a");
    seen(&mut scenario, 26, true, &running());
    scenario.assert_pending(55, 56, "has not been ready for 30s yet");
    scenario.assert_decided(56, Verdict::Passed, "complete");
    // It never lasts.
    let mut scenario = complete();
    for second in (20..720).step_by(20) {
        seen(&mut scenario, second, second % 40 == 0, &running());
    }
    seen(&mut scenario, 719, true, &running());
    scenario.assert_decided(
        725,
        Verdict::Blocked,
        "it was complete, and did not stay so for 30s: pod a has not been ready",
    );
    // It is deleted.
    let mut scenario = complete();
    scenario.update(10, ClusterUpdate::Deployments(WatchUpdate::Listed { items: vec![], at: None }));
    scenario.assert_decided(10, Verdict::Blocked, "it is gone from the namespace shop");
}

#[test]
fn a_change_is_dated_by_the_gate_and_not_by_the_clock_of_the_node() {
    for node_is_ahead_by in [-300, 300] {
        let mut scenario = complete();
        let mut it = pod("a", "new", true, &restarted(1, 10 + node_is_ahead_by, 1));
        it.status.conditions[1].last_transition_time = Some(at(10 + node_is_ahead_by).parse().unwrap());
        scenario.update(10, ClusterUpdate::Pods(WatchUpdate::Applied(it)));
        scenario.assert_pending(40, 41, "restarted once");
        scenario.assert_decided(41, Verdict::Passed, "complete");
    }
}

#[test]
fn init_containers_that_ended_are_exempt_and_sidecars_are_not() {
    let with_init = |state: Value| {
        let mut it = pod("a", "new", true, &running());
        it.status.init_container_statuses = vec![parsed(state)];
        let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
        scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![it]);
        scenario
    };
    let ended = json!({ "name": "init", "restartCount": 1, "state": { "terminated": { "exitCode": 0 } },
        "lastState": { "terminated": { "exitCode": 1, "startedAt": at(-20), "finishedAt": at(-10) } } });
    with_init(ended).assert_decided(30, Verdict::Passed, "complete");
    let mut sidecar = restarted(1, -5, 60);
    sidecar["name"] = "proxy".into();
    with_init(sidecar).assert_pending(30, 85, "container proxy restarted once (Error, exit code 3)");
}
