//! Argo Rollouts; the tests write their status as the controller does. Replica sets and pods are real.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    control_plane::until,
    definitions::{ARGO, CustomObject, FAR_FUTURE, LONG_AGO, with_definitions},
    states::{BLOCKED, PASSED, assert_end},
    workloads::{APP, TestNamespace, template},
};

const TIME_LIMIT: Duration = Duration::from_mins(2);

fn app(tag: &str) -> String {
    format!("{APP}:{tag}")
}

fn rollout<'a>(ns: &'a TestNamespace<'a>, name: &str, tag: &str) -> CustomObject<'a> {
    let steps = json!([{ "setWeight": 50 }, { "pause": { "duration": "1s" } }, { "pause": {} }]);
    let spec = json!({ "replicas": 2, "selector": { "matchLabels": { "app": name } }, "template": template(name, &app(tag), &json!({})),
        "strategy": { "canary": { "steps": steps } } });
    CustomObject::create(ns, ARGO, "Rollout", name, &spec)
}

/// Creates the ReplicaSet of a revision.
fn create_replica_set(
    ns: &TestNamespace<'_>,
    owner: &CustomObject<'_>,
    name: &str,
    hash: &str,
    tag: &str,
    replicas: u32,
    annotations: &Value,
) {
    let labels = json!({ "app": name, "rollouts-pod-template-hash": hash });
    let mut template = template(name, &app(tag), annotations);
    template["metadata"]["labels"] = labels.clone();
    let owner = json!([{ "apiVersion": ARGO, "kind": "Rollout", "name": name, "uid": owner.uid, "controller": true }]);
    let set = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": { "name": format!("{name}-{hash}"), "labels": labels, "ownerReferences": owner },
        "spec": { "replicas": replicas, "selector": { "matchLabels": labels }, "template": template } });
    ns.control_plane.api.create(&format!("/apis/apps/v1/namespaces/{}/replicasets", ns.name), &set);
}

fn scale(ns: &TestNamespace<'_>, name: &str, replicas: u32) {
    let path = format!("/apis/apps/v1/namespaces/{}/replicasets/{name}", ns.name);
    ns.control_plane.api.patch(&path, &json!({ "spec": { "replicas": replicas } }));
}

fn wait_for_replicas(ns: &TestNamespace<'_>, name: &str, replicas: u64) {
    let path = format!("/apis/apps/v1/namespaces/{}/replicasets/{name}", ns.name);
    until("pods of a revision", || {
        let status = &ns.control_plane.api.get(&path)["status"];
        let count = |key: &str| status[key].as_u64().unwrap_or(0);
        (count("replicas") == replicas && count("availableReplicas") == replicas).then_some(())
    });
}

fn healthy(generation: &str, hash: &str) -> Value {
    json!({ "observedGeneration": generation, "phase": "Healthy", "message": null, "replicas": 2, "updatedReplicas": 2,
        "availableReplicas": 2, "currentPodHash": hash, "stableRS": hash, "pauseConditions": null, "controllerPause": null })
}

fn paused(step: u32) -> Value {
    let pause = json!([{ "reason": "CanaryPauseStep", "startTime": FAR_FUTURE }]);
    json!({ "phase": "Paused", "message": "CanaryPauseStep", "controllerPause": true, "currentStepIndex": step, "pauseConditions": pause })
}

#[test]
fn a_canary_is_followed_through_its_steps() {
    let ns = TestNamespace::new(with_definitions().0, "rollouts");
    let rollout = rollout(&ns, "app", "1");
    create_replica_set(&ns, &rollout, "app", "old", "1", 2, &json!({}));
    wait_for_replicas(&ns, "app-old", 2);
    rollout.set_status(&healthy("1", "old"));
    assert_end(
        &ns.gate("rollout/app").run(&["health"]),
        PASSED,
        &["complete: 2 of 2 updated, 2 available, revision old"],
    );
    let end = ns.gate("ro/app").input("tag", "2").run(&["health"]);
    assert_end(&end, BLOCKED, &["it is healthy, and runs ghcr.io/acme/app:1, not an image with tag 2"]);

    let runner = ns.gate("rollout/app").input("tag", "2").input("appear-timeout", "30s").input("grace", "paused 1h");
    let started = runner.start(&["health"]);
    started.wait_for_line("complete: 2 of 2 updated");
    // A new commit reaches the cluster; the healthy revision is still the old one.
    rollout.change(&json!({ "spec": { "template": template("app", &app("2"), &json!({})) } }));
    started.wait_for_line("its controller has not observed its latest change yet");
    create_replica_set(&ns, &rollout, "app", "new", "2", 1, &json!({}));
    rollout.set_status(&json!({ "observedGeneration": "2", "currentPodHash": "new", "phase": "Progressing",
        "message": "more replicas need to be updated", "replicas": 3, "updatedReplicas": 1 }));
    started.wait_for_line("Progressing: more replicas need to be updated");
    rollout.set_status(&paused(1));
    started.wait_for_line("it is paused for a while");
    rollout.set_status(&paused(2));
    started.wait_for_line("it is paused at step 3 of 3 until it is resumed by hand");
    // The effect of `kubectl argo rollouts promote` on the status.
    rollout.set_status(&json!({ "pauseConditions": null }));
    started.wait_for_line("it is about to resume");
    scale(&ns, "app-new", 2);
    rollout.set_status(
        &json!({ "phase": "Progressing", "message": "old replicas are pending termination", "controllerPause": null,
        "updatedReplicas": 2, "replicas": 4, "availableReplicas": 4 }),
    );
    started.wait_for_line("old replicas are pending termination");
    scale(&ns, "app-old", 0);
    rollout.set_status(&healthy("2", "new"));
    let end = started.end_within(TIME_LIMIT);
    assert_end(&end, PASSED, &["revision new", "its pods run an image with tag 2"]);
}

#[test]
fn a_rollout_that_waits_for_promotion_or_was_aborted_blocks_with_the_reason() {
    let ns = TestNamespace::new(with_definitions().0, "rollouts-stuck");
    let rollout = rollout(&ns, "app", "2");
    create_replica_set(&ns, &rollout, "app", "new", "2", 2, &json!({}));
    rollout.set_status(&healthy("1", "new"));
    rollout.set_status(&paused(2));
    let gate = || ns.gate("rollout/app");
    let end = gate().run(&["health"]);
    assert_end(&end, BLOCKED, &["it is paused at step 3 of 3 until it is resumed by hand"]);
    assert!(end.log.contains("kubectl argo rollouts promote"), "{}", end.log);

    let progressing = |reason: &str| {
        json!([{ "type": "Progressing", "status": "False", "reason": reason, "message": "see the metric s3cr3t-free",
            "lastTransitionTime": LONG_AGO, "lastUpdateTime": LONG_AGO }])
    };
    let runner = gate();
    rollout.set_status(&json!({ "phase": "Progressing", "pauseConditions": null, "controllerPause": null }));
    let started = runner.start(&["health"]);
    started.wait_for_line("Progressing");
    let aborted = json!({ "phase": "Degraded", "abort": true, "message": "RolloutAborted: metric error-rate failed",
        "conditions": progressing("RolloutAborted") });
    rollout.set_status(&aborted);
    let end = started.end_within(TIME_LIMIT);
    assert_end(&end, BLOCKED, &["it was aborted: RolloutAborted: metric error-rate failed"]);
    assert!(end.summary.contains("Conditions of rollout/app"), "{}", end.summary);
    // A retry of the rollout.
    let runner = gate();
    rollout.set_status(&json!({ "abort": null }));
    let started = runner.start(&["health"]);
    started.wait_for_line("it was aborted, and is to be retried");
    rollout.set_status(&json!({ "phase": "Degraded", "message": "ProgressDeadlineExceeded: ReplicaSet \"app-new\" has timed out progressing.",
        "conditions": progressing("ProgressDeadlineExceeded") }));
    assert_end(&started.end_within(TIME_LIMIT), BLOCKED, &["Degraded: ProgressDeadlineExceeded"]);
    // An earlier failure does not belong to a newer change.
    let runner = gate();
    rollout.change(&json!({ "spec": { "minReadySeconds": 1 } }));
    let started = runner.start(&["health"]);
    started.wait_for_line("its controller has not observed its latest change yet");
    rollout.set_status(&json!({ "conditions": null }));
    rollout.set_status(&healthy("2", "new"));
    assert_end(&started.end_within(TIME_LIMIT), PASSED, &["revision new"]);
}

#[test]
fn pods_of_the_new_revision_are_judged_and_reported() {
    let ns = TestNamespace::new(with_definitions().0, "rollouts-pods");
    let rollout = rollout(&ns, "app", "2");
    create_replica_set(&ns, &rollout, "app", "old", "1", 1, &json!({ "plays": "crashes" }));
    create_replica_set(&ns, &rollout, "app", "new", "2", 1, &json!({}));
    wait_for_replicas(&ns, "app-new", 1);
    rollout.set_status(&healthy("1", "new"));
    rollout.set_status(
        &json!({ "phase": "Progressing", "message": "waiting for all steps to complete", "availableReplicas": 1 }),
    );
    // Crashes of the old revision do not block the release.
    let end = ns.gate("rollout/app").input("rollout-timeout", "1s").run(&["health"]);
    assert_end(&end, BLOCKED, &["not complete after 1s: Progressing"]);
    create_replica_set(&ns, &rollout, "app", "newer", "3", 1, &json!({ "plays": "crashes" }));
    rollout.set_status(&json!({ "currentPodHash": "newer" }));
    let end = ns.gate("rollout/app").run(&["health"]);
    assert_end(&end, BLOCKED, &["pod app-newer-", "CrashLoopBackOff: it crashed"]);
    assert!(end.summary.contains("last lines of the run before its last restart"), "{}", end.summary);
}

#[test]
fn a_workload_ref_is_complete_once_its_generation_is_observed() {
    let ns = TestNamespace::new(with_definitions().0, "rollouts-referring");
    ns.deploy("deployments", "app", 0, "1", &json!({}));
    let spec = json!({ "replicas": 2, "selector": { "matchLabels": { "app": "app" } }, "strategy": { "canary": {} },
        "workloadRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "app" } });
    let rollout = CustomObject::create(&ns, ARGO, "Rollout", "app", &spec);
    let set_workload_generation = |generation: &str| {
        rollout.change(
            &json!({ "metadata": { "annotations": { "rollout.argoproj.io/workload-generation": generation } } }),
        );
    };
    create_replica_set(&ns, &rollout, "app", "old", "1", 2, &json!({}));
    wait_for_replicas(&ns, "app-old", 2);
    rollout.set_status(&healthy("1", "old"));
    rollout.set_status(&json!({ "workloadObservedGeneration": "1" }));
    set_workload_generation("1");
    let end = ns.gate("rollout/app").input("image", &app("1")).run(&["health"]);
    assert_end(&end, PASSED, &["its pods run ghcr.io/acme/app:1"]);
    // The Deployment has changed but the Rollout has not, so the Rollout's own generation is still observed.
    ns.release("deployments", "app", "2", &json!({}));
    set_workload_generation("2");
    let runner = ns.gate("rollout/app").input("tag", "2");
    let started = runner.start(&["health"]);
    started.wait_for_line("its controller has not observed its latest change yet");
    create_replica_set(&ns, &rollout, "app", "new", "2", 2, &json!({}));
    scale(&ns, "app-old", 0);
    let mut status = healthy("1", "new");
    status["workloadObservedGeneration"] = "2".into();
    rollout.set_status(&status);
    assert_end(&started.end_within(TIME_LIMIT), PASSED, &["revision new", "its pods run an image with tag 2"]);
}
