//! Which init container holds up a pod: sidecars run beside the others, and wait for nothing.

use super::*;

/// A pod that waits for its init containers; `true` marks a sidecar.
fn initializing(init: &[(&str, bool, Value)]) -> Pod {
    let mut it = pod("a", "new", false, &waiting("PodInitializing", ""));
    let names: Vec<&str> = init.iter().map(|(name, ..)| *name).collect();
    it.spec.init_containers = init
        .iter()
        .map(|(name, is_sidecar, _)| {
            parsed(json!({ "name": name, "restartPolicy": if *is_sidecar { json!("Always") } else { Value::Null } }))
        })
        .collect();
    it.status.init_container_statuses = init
        .iter()
        .map(|(name, _, status)| {
            let mut status = status.clone();
            status["name"] = (*name).into();
            parsed(status)
        })
        .collect();
    it.status.conditions = parsed(json!([
        { "type": "PodReadyToStartContainers", "status": "True", "lastTransitionTime": at(0) },
        { "type": "Initialized", "status": "False", "lastTransitionTime": at(0), "reason": "ContainersNotInitialized",
          "message": format!("containers with incomplete status: [{}]", names.join(" ")) },
        { "type": "Ready", "status": "False", "lastTransitionTime": at(0), "reason": "ContainersNotReady",
          "message": "containers with unready status: [app]" },
        { "type": "ContainersReady", "status": "False", "lastTransitionTime": at(0), "reason": "ContainersNotReady",
          "message": "containers with unready status: [app]" },
        { "type": "PodScheduled", "status": "True", "lastTransitionTime": at(0) },
    ]));
    it
}

fn runs() -> Value {
    json!({ "started": true, "ready": true, "state": { "running": { "startedAt": at(0) } } })
}

fn starts() -> Value {
    json!({ "started": false, "state": { "running": { "startedAt": at(0) } } })
}

fn is_working() -> Value {
    json!({ "started": true, "state": { "running": { "startedAt": at(0) } } })
}

fn done() -> Value {
    json!({ "ready": true, "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } })
}

fn failed_with(restarts: i32) -> Value {
    json!({ "restartCount": restarts, "state": { "waiting": { "reason": "CrashLoopBackOff" } },
        "lastState": { "terminated": { "exitCode": 7, "reason": "Error" } } })
}

fn waits(reason: &str) -> Value {
    json!({ "state": { "waiting": { "reason": reason } } })
}

#[test]
fn the_init_container_that_holds_up_the_pod_is_named() {
    let later = || ("later", false, waits("PodInitializing"));
    for (init, expected) in [
        // A healthy sidecar, and an init container that works, fails, or is pulled.
        (
            vec![("proxy", true, runs()), ("migrate", false, is_working()), later()],
            "migrate: the init container is running",
        ),
        (
            vec![("proxy", true, runs()), ("migrate", false, failed_with(1)), later()],
            "migrate: CrashLoopBackOff: it crashed 2 times (Error, exit code 7)",
        ),
        (
            vec![("proxy", true, runs()), ("migrate", false, waits("PodInitializing"))],
            "migrate: its image is being pulled",
        ),
        (
            vec![("proxy", true, runs()), ("migrate", false, waits("CreateContainerConfigError"))],
            "migrate: CreateContainerConfigError",
        ),
        // The first of several that has not ended well.
        (
            vec![("first", false, done()), ("proxy", true, runs()), ("second", false, is_working()), later()],
            "second: the init container is running",
        ),
        (vec![("first", false, is_working()), later()], "first: the init container is running"),
        // A sidecar that does not start holds up those after it.
        (
            vec![("proxy", true, starts()), ("migrate", false, waits("PodInitializing"))],
            "proxy: the sidecar has not started yet",
        ),
        (
            vec![("proxy", true, failed_with(0)), ("migrate", false, waits("PodInitializing"))],
            "proxy: CrashLoopBackOff: it crashed once (Error, exit code 7)",
        ),
        // One that restarted beside an init container that fails: the latter holds up the pod.
        (
            vec![
                (
                    "proxy",
                    true,
                    json!({ "restartCount": 1, "state": { "waiting": { "reason": "CrashLoopBackOff" } }, "started": true }),
                ),
                ("migrate", false, failed_with(1)),
            ],
            "migrate: CrashLoopBackOff: it crashed 2 times",
        ),
    ] {
        let names: Vec<&str> = init.iter().map(|(name, ..)| *name).collect();
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![initializing(&init)]);
        let (verdict, actual, revisit) = scenario.judge_at(2);
        let expected = format!("pod a, container {expected}");
        assert!(
            verdict == Verdict::Inconclusive && revisit.is_some() && actual.contains(&expected),
            "{names:?}: {actual}"
        );
    }
    // At the crash limit any of them blocks, also one that does not hold up the pod.
    for init in [
        vec![("proxy", true, runs()), ("migrate", false, failed_with(2))],
        vec![("migrate", true, failed_with(2)), ("other", false, is_working())],
    ] {
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![initializing(&init)]);
        scenario.assert_decided(1, Verdict::Blocked, "pod a, container migrate: CrashLoopBackOff: it crashed 3 times");
    }
}

#[test]
fn containers_are_named_once_all_init_containers_are_done() {
    let mut it = initializing(&[("proxy", true, runs()), ("migrate", false, done())]);
    it.status.conditions[1].status = "True".to_owned();
    it.status.container_statuses = vec![parsed(waiting("ContainerCreating", ""))];
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![it.clone()]);
    scenario.assert_pending(1, 601, "pod a, container app: its image is being pulled");
    // Without a container that says why, the condition does.
    it.status.container_statuses = vec![];
    it.status.conditions[1].status = "False".to_owned();
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![it]);
    scenario.assert_pending(
        1,
        120,
        "pod a: ContainersNotInitialized: containers with incomplete status: [proxy migrate]",
    );
}
