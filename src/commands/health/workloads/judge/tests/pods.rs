//! What is wrong with pods, and when it is too much.

use super::*;

#[test]
fn states_of_pods_block_when_their_time_is_up() {
    let not_found = "rpc error: code = NotFound desc = failed to pull: shop:2: not found";
    // State, when it blocks, and the words.
    for (state, blocks, said) in [
        (waiting("InvalidImageName", "bad"), 1, "InvalidImageName: bad"),
        (waiting("ErrImageNeverPull", ""), 1, "ErrImageNeverPull"),
        (waiting("ErrImagePull", not_found), 1, "not found"),
        (waiting("ImagePullBackOff", not_found), 1, "not found"),
        (waiting("ErrImagePull", "manifest unknown"), 1, "manifest unknown"),
        (waiting("ErrImagePull", "dial tcp: i/o timeout"), 61, "i/o timeout"),
        (waiting("ImagePullBackOff", "Back-off pulling image"), 61, "Back-off"),
        (waiting("CreateContainerConfigError", "secret \"x\" not found"), 31, "secret \"x\" not found"),
        // The kubelet's cache comes; what is left is that the pod is not ready.
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
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &state)]);
        if blocks > 1 {
            story.open(blocks - 1, blocks, said);
        }
        story.settled(blocks, Verdict::Blocked, said);
        // What the old revision does is not this release's doing.
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 2, 1, 0), "2", &json!({})), vec![pod("a", "old", false, &state)]);
        story.open(130, 601, "1 of the old revision left");
    }
}

#[test]
fn graces_and_the_crash_limit_can_be_set() {
    for (grace, state, blocks) in [
        ("image-pull 5s", waiting("ErrImagePull", "timeout"), 6),
        ("image-not-found 10s", waiting("ErrImagePull", "not found"), 11),
        ("config-error 0s", waiting("CreateContainerConfigError", "no secret"), 1),
        ("invalid-image 3s", waiting("InvalidImageName", ""), 4),
        // It still has to become ready.
        ("image-not-found never", waiting("ErrImagePull", "not found"), 120),
    ] {
        let mut story = Story::of(Rules { graces: vec![grace.parse().unwrap()], ..app() });
        story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &state)]);
        if blocks > 1 {
            story.open(blocks - 1, blocks, "pod a");
        }
        story.settled(blocks, Verdict::Blocked, "pod a");
    }
    let mut story = Story::of(Rules { crash_limit: 1, ..app() });
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &crashed(0, "Error"))]);
    story.settled(1, Verdict::Blocked, "it crashed once");
}

#[test]
fn a_registry_is_remembered_by_what_it_said() {
    let mut story = Story::of(app());
    let with = |state: Value| pod("a", "new", false, &state);
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![with(waiting("ErrImagePull", "shop:2: not found"))]);
    story.hear(2, Fact::Pods(News::Now(with(waiting("ImagePullBackOff", "Back-off pulling image")))));
    story.settled(2, Verdict::Blocked, "ImagePullBackOff: shop:2: not found");
    // One state in two words: the time runs on.
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![with(waiting("ErrImagePull", "timeout"))]);
    story.hear(30, Fact::Pods(News::Now(with(waiting("ImagePullBackOff", "Back-off")))));
    story.open(60, 61, "timeout");
    // Another state, and back: it starts again.
    story.hear(40, Fact::Pods(News::Now(with(waiting("ContainerCreating", "")))));
    story.hear(50, Fact::Pods(News::Now(with(waiting("ErrImagePull", "timeout")))));
    story.open(61, 110, "timeout");
}

#[test]
fn crashes_from_before_do_not_count_on_a_pod_that_was_well() {
    let mut story = Story::of(app());
    let before = json!({ "name": "app", "ready": true, "restartCount": 7, "state": { "running": {} } });
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", true, &before)]);
    story.hear(2, Fact::Pods(News::Now(pod("a", "new", false, &crashed(7, "Error")))));
    story.open(2, 120, "it crashed once");
    story.hear(3, Fact::Pods(News::Now(pod("a", "new", false, &crashed(9, "Error")))));
    story.settled(3, Verdict::Blocked, "it crashed 3 times");
}

#[test]
fn a_pod_may_take_the_time_that_its_probes_give_it() {
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
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![one]);
        story.open(blocks - 1, blocks, "to be ready within 2m");
        story.settled(blocks, Verdict::Blocked, "to be ready within 2m");
    }
    // One that was ready counts from when it stopped being so, long before the gate began too.
    let mut one = pod("a", "new", false, &running());
    one.status.conditions[1].last_transition_time = Some(at(-100).parse().unwrap());
    one.status.conditions[0].last_transition_time = Some(at(-900).parse().unwrap());
    one.status.container_statuses[0].state.running.as_mut().unwrap().started_at = Some(at(-900).parse().unwrap());
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![one]);
    story.open(19, 20, "pod a");
    story.settled(20, Verdict::Blocked, "pod a");
}

#[test]
fn several_pods_with_the_same_trouble_are_one_line() {
    let mut story = Story::of(app());
    let bad = |name: &str| pod(name, "new", false, &waiting("InvalidImageName", "bad"));
    let slow = pod("slow", "new", false, &waiting("ContainerCreating", ""));
    story.shows(1, deployment((4, 4, 4, 0), "2", &json!({})), vec![bad("a"), bad("b"), bad("c"), slow]);
    story.settled(1, Verdict::Blocked, "pod a, container app: InvalidImageName: bad (and 3 more); 4 of 4 updated");
}

/// With conditions of its own in the place of the usual ones.
fn with_conditions(mut pod: Pod, conditions: &[(&str, &str, i64)]) -> Pod {
    let condition = |(kind, status, since): &(&str, &str, i64)| json!({ "type": kind, "status": status, "lastTransitionTime": at(*since) });
    pod.status.conditions = parsed(conditions.iter().map(condition).collect());
    pod
}

#[test]
fn what_has_not_begun_is_not_late() {
    let scheduled = ("PodScheduled", "True", 0);
    let unready = ("Ready", "False", 0);
    let pulling = || pod("a", "new", false, &waiting("ContainerCreating", ""));
    let sandbox = |status| ("PodReadyToStartContainers", status, 5);
    let mut migrating = pod("a", "new", false, &waiting("PodInitializing", ""));
    migrating.status.init_container_statuses =
        vec![parsed(json!({ "name": "migrate", "state": { "running": { "startedAt": at(1) } } }))];
    for (pod, conditions, blocks, said) in [
        (
            pulling(),
            vec![scheduled, sandbox("True"), ("Initialized", "True", 0), unready],
            601,
            "container app: its image is being pulled",
        ),
        // A volume, a network: nothing that takes minutes.
        (pulling(), vec![scheduled, sandbox("False"), unready], 120, "to be ready within 2m"),
        (pulling(), vec![scheduled, unready], 120, "to be ready within 2m"),
        (
            migrating.clone(),
            vec![scheduled, ("Initialized", "False", 0), unready],
            601,
            "container migrate: the init container is at work",
        ),
        (migrating.clone(), vec![scheduled, ("Initialized", "True", 400), unready], 520, "to be ready within 2m"),
    ] {
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![with_conditions(pod, &conditions)]);
        story.open(blocks - 1, blocks, said);
        story.settled(blocks, Verdict::Blocked, said);
    }
    let mut story = Story::of(Rules { graces: vec!["starting 5m".parse().unwrap()], ..app() });
    let conditions = [scheduled, sandbox("True"), unready];
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![with_conditions(pulling(), &conditions)]);
    story.settled(300, Verdict::Blocked, "its image is being pulled");
    // An init container that fails is no work.
    let mut failing = migrating;
    failing.status.init_container_statuses =
        vec![parsed(json!({ "name": "migrate", "restartCount": 2, "state": { "terminated": { "exitCode": 1 } } }))];
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![failing]);
    story.settled(1, Verdict::Blocked, "container migrate: it crashed 3 times");
}

#[test]
fn a_crash_after_a_long_start_has_its_time_as_well() {
    // Pulled until 290, crashed at 300.
    let crash =
        json!({ "name": "app", "restartCount": 0, "state": { "terminated": { "exitCode": 1, "startedAt": at(290) } } });
    let mut story = Story::of(app());
    story.shows(301, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &crash)]);
    story.open(301, 410, "it crashed once");
    // It does not begin again with the next one.
    let next =
        json!({ "name": "app", "restartCount": 1, "state": { "terminated": { "exitCode": 1, "startedAt": at(320) } } });
    story.hear(330, Fact::Pods(News::Now(pod("a", "new", false, &next))));
    story.open(330, 410, "it crashed 2 times");
    // Its own start-up probe gives it time again.
    let mut slow = pod(
        "a",
        "new",
        false,
        &json!({ "name": "app", "restartCount": 1, "state": { "running": { "startedAt": at(330) } } }),
    );
    let probe = json!({ "periodSeconds": 10, "failureThreshold": 30 });
    slow.spec.containers = vec![parsed(json!({ "name": "app", "image": "shop:2", "startupProbe": probe }))];
    story.hear(331, Fact::Pods(News::Now(slow)));
    story.open(331, 750, "it crashed once");
}

#[test]
fn crashes_of_a_pod_that_has_been_there_for_long_say_nothing_about_now() {
    let since = |created: i64| {
        let mut old = with_conditions(
            pod("a", "new", false, &crashed(7, "Error")),
            &[("PodScheduled", "True", created), ("Ready", "False", -10)],
        );
        old.metadata.creation_timestamp = Some(at(created).parse().unwrap());
        old
    };
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![since(-86_400)]);
    story.open(1, 110, "CrashLoopBackOff");
    story.hear(2, Fact::Pods(News::Now(pod("a", "new", false, &crashed(9, "Error")))));
    story.settled(2, Verdict::Blocked, "it crashed 3 times");
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![since(-60)]);
    story.settled(1, Verdict::Blocked, "it crashed 8 times");
}

#[test]
fn why_a_pod_is_not_ready_is_said_where_it_is_told() {
    let gated = |pod: &mut Pod| {
        pod.status.conditions.push(parsed(json!({ "type": "ContainersReady", "status": "True" })));
        pod.status.conditions[1].reason = "ReadinessGatesNotReady".to_owned();
    };
    let mut balanced = pod("a", "new", false, &running());
    gated(&mut balanced);
    for (pod, said) in [
        (balanced, "ReadinessGatesNotReady: containers with unready status: [app]"),
        (
            pod("a", "new", false, &waiting("CreateContainerError", "no such file: /app")),
            "CreateContainerError: no such file: /app",
        ),
        (
            // It passes: the layer was collected as garbage while it was pulled.
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
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod]);
        let (verdict, actual, revisit) = story.at(1);
        assert!(verdict == Verdict::Inconclusive && revisit.is_some() && actual.contains(said), "{said}: {actual}");
    }
}
