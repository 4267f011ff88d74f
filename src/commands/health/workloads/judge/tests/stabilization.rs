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
