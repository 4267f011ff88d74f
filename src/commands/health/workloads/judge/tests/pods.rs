//! The problems of pods, and when each blocks.

use super::*;

#[test]
fn an_unhealthy_state_blocks_after_its_grace_period() {
    let not_found = "rpc error: code = NotFound desc = failed to pull: shop:2: not found";
    // The state, when it blocks, and the message.
    for (state, blocks, expected) in [
        (waiting("InvalidImageName", "bad"), 1, "InvalidImageName: bad"),
        (waiting("ErrImageNeverPull", ""), 1, "ErrImageNeverPull"),
        (waiting("ErrImagePull", not_found), 1, "not found"),
        (waiting("ImagePullBackOff", not_found), 1, "not found"),
        (waiting("ErrImagePull", "manifest unknown"), 1, "manifest unknown"),
        (waiting("ErrImagePull", "dial tcp: i/o timeout"), 61, "i/o timeout"),
        (waiting("ImagePullBackOff", "Back-off pulling image"), 61, "Back-off"),
        (waiting("CreateContainerConfigError", "secret \"x\" not found"), 31, "secret \"x\" not found"),
        // The kubelet's cache catches up; only the unready pod counts.
        (
            waiting("CreateContainerConfigError", "failed to sync secret cache: timed out"),
            120,
            "failed to sync secret cache",
        ),
        (waiting("ContainerCreating", ""), 120, "to be ready within 2m"),
        (crashed(0, "Error"), 120, "it crashed once (Error, exit code 1)"),
        (crashed(1, "Error"), 120, "it crashed 2 times"),
        (crashed(2, "OOMKilled"), 1, "it crashed 3 times (OOMKilled, exit code 1)"),
        (
            json!({ "name": "app", "restartCount": 3, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 2 } } }),
            1,
            "it crashed 3 times",
        ),
        (
            json!({ "name": "app", "restartCount": 2, "state": { "terminated": { "exitCode": 9, "reason": "Error" } } }),
            1,
            "exit code 9",
        ),
    ] {
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &state)]);
        if blocks > 1 {
            scenario.assert_pending(blocks - 1, blocks, expected);
        }
        scenario.assert_decided(blocks, Verdict::Blocked, expected);
        // A failure of the old revision does not come from this release.
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment((1, 2, 1, 0), "2", &json!({})), vec![pod("a", "old", false, &state)]);
        scenario.assert_pending(130, 601, "1 of the old revision left");
    }
}

#[test]
fn grace_periods_and_the_crash_limit_can_be_set() {
    for (grace, state, blocks) in [
        ("image-pull 5s", waiting("ErrImagePull", "timeout"), 6),
        ("image-not-found 10s", waiting("ErrImagePull", "not found"), 11),
        ("config-error 0s", waiting("CreateContainerConfigError", "no secret"), 1),
        ("invalid-image 3s", waiting("InvalidImageName", ""), 4),
        // It still has to become ready.
        ("image-not-found never", waiting("ErrImagePull", "not found"), 120),
    ] {
        let mut scenario = Scenario::new(WorkloadLimits { grace_periods: vec![grace.parse().unwrap()], ..app() });
        scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &state)]);
        if blocks > 1 {
            scenario.assert_pending(blocks - 1, blocks, "pod a");
        }
        scenario.assert_decided(blocks, Verdict::Blocked, "pod a");
    }
    let mut scenario = Scenario::new(WorkloadLimits { crash_limit: 1, ..app() });
    scenario.list_deployment(
        1,
        deployment((1, 1, 1, 0), "2", &json!({})),
        vec![pod("a", "new", false, &crashed(0, "Error"))],
    );
    scenario.assert_decided(1, Verdict::Blocked, "it crashed once");
}

#[test]
fn the_error_of_a_registry_is_kept_while_the_kubelet_retries() {
    let mut scenario = Scenario::new(app());
    let with = |state: Value| pod("a", "new", false, &state);
    scenario.list_deployment(
        1,
        deployment((1, 1, 1, 0), "2", &json!({})),
        vec![with(waiting("ErrImagePull", "shop:2: not found"))],
    );
    scenario.update(
        2,
        ClusterUpdate::Pods(WatchUpdate::Applied(with(waiting("ImagePullBackOff", "Back-off pulling image")))),
    );
    scenario.assert_decided(2, Verdict::Blocked, "ImagePullBackOff: shop:2: not found");
    // The two reasons are one state: its grace period continues.
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(
        1,
        deployment((1, 1, 1, 0), "2", &json!({})),
        vec![with(waiting("ErrImagePull", "timeout"))],
    );
    scenario.update(30, ClusterUpdate::Pods(WatchUpdate::Applied(with(waiting("ImagePullBackOff", "Back-off")))));
    scenario.assert_pending(60, 61, "timeout");
    // Another state in between: the grace period starts again.
    scenario.update(40, ClusterUpdate::Pods(WatchUpdate::Applied(with(waiting("ContainerCreating", "")))));
    scenario.update(50, ClusterUpdate::Pods(WatchUpdate::Applied(with(waiting("ErrImagePull", "timeout")))));
    scenario.assert_pending(61, 110, "timeout");
}

#[test]
fn earlier_crashes_of_a_ready_pod_do_not_count() {
    let mut scenario = Scenario::new(app());
    let before = json!({ "name": "app", "ready": true, "restartCount": 7, "state": { "running": {} } });
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", true, &before)]);
    scenario.update(2, ClusterUpdate::Pods(WatchUpdate::Applied(pod("a", "new", false, &crashed(7, "Error")))));
    scenario.assert_pending(2, 120, "it crashed once");
    scenario.update(3, ClusterUpdate::Pods(WatchUpdate::Applied(pod("a", "new", false, &crashed(9, "Error")))));
    scenario.assert_decided(3, Verdict::Blocked, "it crashed 3 times");
}

#[test]
fn a_pod_has_the_time_that_its_probes_allow() {
    for (probes, started, blocks) in [
        (json!({}), 10, 130),
        (json!({ "startupProbe": { "periodSeconds": 10, "failureThreshold": 30 } }), 10, 430),
        (json!({ "readinessProbe": { "initialDelaySeconds": 20, "periodSeconds": 5 } }), 10, 155),
        (
            json!({ "startupProbe": { "initialDelaySeconds": 5, "periodSeconds": 1, "failureThreshold": 10 }, "readinessProbe": { "periodSeconds": 5 } }),
            0,
            140,
        ),
    ] {
        let mut one =
            pod("a", "new", false, &json!({ "name": "app", "state": { "running": { "startedAt": at(started) } } }));
        let mut container = json!({ "name": "app", "image": "shop:2" });
        container.as_object_mut().unwrap().extend(probes.as_object().unwrap().clone());
        one.spec.containers = vec![parsed(container)];
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![one]);
        scenario.assert_pending(blocks - 1, blocks, "to be ready within 2m");
        scenario.assert_decided(blocks, Verdict::Blocked, "to be ready within 2m");
    }
    // A pod that was ready counts from when it stopped being ready, even before the gate began.
    let mut one = pod("a", "new", false, &running());
    one.status.conditions[1].last_transition_time = Some(at(-100).parse().unwrap());
    one.status.conditions[0].last_transition_time = Some(at(-900).parse().unwrap());
    one.status.container_statuses[0].state.running.as_mut().unwrap().started_at = Some(at(-900).parse().unwrap());
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![one]);
    scenario.assert_pending(19, 20, "pod a");
    scenario.assert_decided(20, Verdict::Blocked, "pod a");
}

#[test]
fn pods_with_the_same_problem_share_a_line() {
    let mut scenario = Scenario::new(app());
    let bad = |name: &str| pod(name, "new", false, &waiting("InvalidImageName", "bad"));
    let slow = pod("slow", "new", false, &waiting("ContainerCreating", ""));
    scenario.list_deployment(1, deployment((4, 4, 4, 0), "2", &json!({})), vec![bad("a"), bad("b"), bad("c"), slow]);
    scenario.assert_decided(
        1,
        Verdict::Blocked,
        "pod a, container app: InvalidImageName: bad (and 3 more); 4 of 4 updated",
    );
}

/// With these conditions instead of the usual ones.
fn with_conditions(mut pod: Pod, conditions: &[(&str, &str, i64)]) -> Pod {
    let condition = |(kind, status, since): &(&str, &str, i64)| json!({ "type": kind, "status": status, "lastTransitionTime": at(*since) });
    pod.status.conditions = parsed(conditions.iter().map(condition).collect());
    pod
}

#[test]
fn a_pod_that_has_not_started_is_not_unhealthy() {
    let scheduled = ("PodScheduled", "True", 0);
    let unready = ("Ready", "False", 0);
    let pulling = || pod("a", "new", false, &waiting("ContainerCreating", ""));
    let sandbox = |status| ("PodReadyToStartContainers", status, 5);
    let mut migrating = pod("a", "new", false, &waiting("PodInitializing", ""));
    migrating.status.init_container_statuses =
        vec![parsed(json!({ "name": "migrate", "state": { "running": { "startedAt": at(1) } } }))];
    for (pod, conditions, blocks, expected) in [
        (
            pulling(),
            vec![scheduled, sandbox("True"), ("Initialized", "True", 0), unready],
            601,
            "container app: its image is being pulled",
        ),
        // It waits for a volume or a network, which does not take minutes.
        (pulling(), vec![scheduled, sandbox("False"), unready], 120, "to be ready within 2m"),
        (pulling(), vec![scheduled, unready], 120, "to be ready within 2m"),
        (
            migrating.clone(),
            vec![scheduled, ("Initialized", "False", 0), unready],
            601,
            "container migrate: the init container is running",
        ),
        (migrating.clone(), vec![scheduled, ("Initialized", "True", 400), unready], 520, "to be ready within 2m"),
    ] {
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![with_conditions(pod, &conditions)]);
        scenario.assert_pending(blocks - 1, blocks, expected);
        scenario.assert_decided(blocks, Verdict::Blocked, expected);
    }
    let mut scenario = Scenario::new(WorkloadLimits { grace_periods: vec!["starting 5m".parse().unwrap()], ..app() });
    let conditions = [scheduled, sandbox("True"), unready];
    scenario.list_deployment(
        1,
        deployment((1, 1, 1, 0), "2", &json!({})),
        vec![with_conditions(pulling(), &conditions)],
    );
    scenario.assert_decided(300, Verdict::Blocked, "its image is being pulled");
    // A failing init container is not running.
    let mut failing = migrating;
    failing.status.init_container_statuses =
        vec![parsed(json!({ "name": "migrate", "restartCount": 2, "state": { "terminated": { "exitCode": 1 } } }))];
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![failing]);
    scenario.assert_decided(1, Verdict::Blocked, "container migrate: it crashed 3 times");
}

#[test]
fn after_a_long_start_a_crash_is_tolerated_for_the_full_time() {
    // The image was pulled until 290, and the container crashed at 300.
    let crash =
        json!({ "name": "app", "restartCount": 0, "state": { "terminated": { "exitCode": 1, "startedAt": at(290) } } });
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(301, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &crash)]);
    scenario.assert_pending(301, 410, "it crashed once");
    // The next crash does not restart the time.
    let next =
        json!({ "name": "app", "restartCount": 1, "state": { "terminated": { "exitCode": 1, "startedAt": at(320) } } });
    scenario.update(330, ClusterUpdate::Pods(WatchUpdate::Applied(pod("a", "new", false, &next))));
    scenario.assert_pending(330, 410, "it crashed 2 times");
    // Its startup probe runs again, and allows more time.
    let mut slow = pod(
        "a",
        "new",
        false,
        &json!({ "name": "app", "restartCount": 1, "state": { "running": { "startedAt": at(330) } } }),
    );
    let probe = json!({ "periodSeconds": 10, "failureThreshold": 30 });
    slow.spec.containers = vec![parsed(json!({ "name": "app", "image": "shop:2", "startupProbe": probe }))];
    scenario.update(331, ClusterUpdate::Pods(WatchUpdate::Applied(slow)));
    scenario.assert_pending(331, 750, "it crashed once");
}

#[test]
fn earlier_crashes_of_an_old_pod_do_not_count() {
    let since = |created: i64| {
        let mut old = with_conditions(
            pod("a", "new", false, &crashed(7, "Error")),
            &[("PodScheduled", "True", created), ("Ready", "False", -10)],
        );
        old.metadata.creation_timestamp = Some(at(created).parse().unwrap());
        old
    };
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![since(-86_400)]);
    scenario.assert_pending(1, 110, "CrashLoopBackOff");
    scenario.update(2, ClusterUpdate::Pods(WatchUpdate::Applied(pod("a", "new", false, &crashed(9, "Error")))));
    scenario.assert_decided(2, Verdict::Blocked, "it crashed 3 times");
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![since(-60)]);
    scenario.assert_decided(1, Verdict::Blocked, "it crashed 8 times");
}

#[test]
fn the_reason_of_an_unready_pod_comes_from_the_status_that_has_it() {
    let gated = |pod: &mut Pod| {
        pod.status.conditions.push(parsed(json!({ "type": "ContainersReady", "status": "True" })));
        pod.status.conditions[1].reason = "ReadinessGatesNotReady".to_owned();
    };
    let mut balanced = pod("a", "new", false, &running());
    gated(&mut balanced);
    for (pod, expected) in [
        (balanced, "ReadinessGatesNotReady: containers with unready status: [app]"),
        (
            pod("a", "new", false, &waiting("CreateContainerError", "no such file: /app")),
            "CreateContainerError: no such file: /app",
        ),
        (
            // This passes: the layer was garbage-collected while it was pulled.
            pod(
                "a",
                "new",
                false,
                &waiting(
                    "ErrImagePull",
                    "code = NotFound desc = failed to extract layer: content digest sha256:1: not found",
                ),
            ),
            "content digest",
        ),
        (
            pod("a", "new", false, &waiting("ErrImagePull", "lookup registry.example: no such host, not found")),
            "no such host",
        ),
    ] {
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod]);
        let (verdict, actual, revisit) = scenario.judge_at(1);
        assert!(
            verdict == Verdict::Inconclusive && revisit.is_some() && actual.contains(expected),
            "{expected}: {actual}"
        );
    }
}
