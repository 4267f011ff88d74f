//! Argo Rollouts, as their controller writes them. Pods and what makes them are real.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    definitions::{ARGO, Custom, LONG_AGO, TO_COME, defined},
    plane::until,
    states::{BLOCKED, PASSED, assert_end},
    workloads::{APP, Room, template},
};

const PATIENCE: Duration = Duration::from_secs(20);

fn app(tag: &str) -> String {
    format!("{APP}:{tag}")
}

fn rollout<'a>(room: &'a Room<'a>, name: &str, tag: &str) -> Custom<'a> {
    let steps = json!([{ "setWeight": 50 }, { "pause": { "duration": "1s" } }, { "pause": {} }]);
    let spec = json!({ "replicas": 2, "selector": { "matchLabels": { "app": name } }, "template": template(name, &app(tag), &json!({})),
        "strategy": { "canary": { "steps": steps } } });
    Custom::create(room, ARGO, "Rollout", name, &spec)
}

/// A revision, with as many pods.
fn set(room: &Room<'_>, owner: &Custom<'_>, name: &str, hash: &str, tag: &str, replicas: u32, notes: &Value) {
    let labels = json!({ "app": name, "rollouts-pod-template-hash": hash });
    let mut template = template(name, &app(tag), notes);
    template["metadata"]["labels"] = labels.clone();
    let owner = json!([{ "apiVersion": ARGO, "kind": "Rollout", "name": name, "uid": owner.uid, "controller": true }]);
    let set = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": { "name": format!("{name}-{hash}"), "labels": labels, "ownerReferences": owner },
        "spec": { "replicas": replicas, "selector": { "matchLabels": labels }, "template": template } });
    room.plane.api.create(&format!("/apis/apps/v1/namespaces/{}/replicasets", room.name), &set);
}

fn scale(room: &Room<'_>, name: &str, replicas: u32) {
    let path = format!("/apis/apps/v1/namespaces/{}/replicasets/{name}", room.name);
    room.plane.api.patch(&path, &json!({ "spec": { "replicas": replicas } }));
}

fn scaled(room: &Room<'_>, name: &str, replicas: u64) {
    let path = format!("/apis/apps/v1/namespaces/{}/replicasets/{name}", room.name);
    until("pods of a revision", || {
        let status = &room.plane.api.get(&path)["status"];
        let count = |key: &str| status[key].as_u64().unwrap_or(0);
        (count("replicas") == replicas && count("availableReplicas") == replicas).then_some(())
    });
}

fn healthy(generation: &str, hash: &str) -> Value {
    json!({ "observedGeneration": generation, "phase": "Healthy", "message": null, "replicas": 2, "updatedReplicas": 2,
        "availableReplicas": 2, "currentPodHash": hash, "stableRS": hash, "pauseConditions": null, "controllerPause": null })
}

fn paused(step: u32) -> Value {
    let pause = json!([{ "reason": "CanaryPauseStep", "startTime": TO_COME }]);
    json!({ "phase": "Paused", "message": "CanaryPauseStep", "controllerPause": true, "currentStepIndex": step, "pauseConditions": pause })
}

#[test]
fn a_canary_is_followed_through_its_steps() {
    let room = Room::new(defined().0, "rollouts");
    let it = rollout(&room, "app", "1");
    set(&room, &it, "app", "old", "1", 2, &json!({}));
    scaled(&room, "app-old", 2);
    it.status(&healthy("1", "old"));
    assert_end(
        &room.gate("rollout/app").run(&["health"]),
        PASSED,
        &["complete: 2 of 2 updated, 2 available, revision old"],
    );
    let end = room.gate("ro/app").input("tag", "2").run(&["health"]);
    assert_end(&end, BLOCKED, &["it is healthy, and runs ghcr.io/acme/app:1: an image 2 has not appeared"]);

    let runner = room.gate("rollout/app").input("tag", "2").input("appear-timeout", "30s").input("grace", "paused 1h");
    let started = runner.start(&["health"]);
    started.heard("complete: 2 of 2 updated");
    // A commit reaches the cluster: what is healthy is still the old one.
    it.change(&json!({ "spec": { "template": template("app", &app("2"), &json!({})) } }));
    started.heard("its latest change has not been taken up yet");
    set(&room, &it, "app", "new", "2", 1, &json!({}));
    it.status(&json!({ "observedGeneration": "2", "currentPodHash": "new", "phase": "Progressing",
        "message": "more replicas need to be updated", "replicas": 3, "updatedReplicas": 1 }));
    started.heard("Progressing: more replicas need to be updated");
    it.status(&paused(1));
    started.heard("it is paused for a while");
    it.status(&paused(2));
    started.heard("it is paused at step 3 of 3 until somebody goes on");
    // `kubectl argo rollouts promote`, and what the controller makes of it.
    it.status(&json!({ "pauseConditions": null }));
    started.heard("it is about to go on");
    scale(&room, "app-new", 2);
    it.status(
        &json!({ "phase": "Progressing", "message": "old replicas are pending termination", "controllerPause": null,
        "updatedReplicas": 2, "replicas": 4, "availableReplicas": 4 }),
    );
    started.heard("old replicas are pending termination");
    scale(&room, "app-old", 0);
    it.status(&healthy("2", "new"));
    let end = started.end_within(PATIENCE);
    assert_end(&end, PASSED, &["revision new", "its pods run an image 2"]);
}

#[test]
fn what_waits_for_somebody_and_what_was_given_up_block_and_say_why() {
    let room = Room::new(defined().0, "rollouts-stuck");
    let it = rollout(&room, "app", "2");
    set(&room, &it, "app", "new", "2", 2, &json!({}));
    it.status(&healthy("1", "new"));
    it.status(&paused(2));
    let gate = || room.gate("rollout/app");
    let end = gate().run(&["health"]);
    assert_end(&end, BLOCKED, &["it is paused at step 3 of 3 until somebody goes on"]);
    assert!(end.log.contains("kubectl argo rollouts promote"), "{}", end.log);

    let progressing = |reason: &str| {
        json!([{ "type": "Progressing", "status": "False", "reason": reason, "message": "see the metric s3cr3t-free",
            "lastTransitionTime": LONG_AGO, "lastUpdateTime": LONG_AGO }])
    };
    let runner = gate();
    it.status(&json!({ "phase": "Progressing", "pauseConditions": null, "controllerPause": null }));
    let started = runner.start(&["health"]);
    started.heard("Progressing");
    let aborted = json!({ "phase": "Degraded", "abort": true, "message": "RolloutAborted: metric error-rate failed",
        "conditions": progressing("RolloutAborted") });
    it.status(&aborted);
    let end = started.end_within(PATIENCE);
    assert_end(&end, BLOCKED, &["it was aborted: RolloutAborted: metric error-rate failed"]);
    assert!(end.summary.contains("Conditions of rollout/app"), "{}", end.summary);
    // Another try.
    let runner = gate();
    it.status(&json!({ "abort": null }));
    let started = runner.start(&["health"]);
    started.heard("it was aborted, and is to be tried again");
    it.status(&json!({ "phase": "Degraded", "message": "ProgressDeadlineExceeded: ReplicaSet \"app-new\" has timed out progressing.",
        "conditions": progressing("ProgressDeadlineExceeded") }));
    assert_end(&started.end_within(PATIENCE), BLOCKED, &["Degraded: ProgressDeadlineExceeded"]);
    // A failure of before is none of the change that came since.
    let runner = gate();
    it.change(&json!({ "spec": { "minReadySeconds": 1 } }));
    let started = runner.start(&["health"]);
    started.heard("its latest change has not been taken up yet");
    it.status(&json!({ "conditions": null }));
    it.status(&healthy("2", "new"));
    assert_end(&started.end_within(PATIENCE), PASSED, &["revision new"]);
}

#[test]
fn pods_of_the_new_revision_are_judged_and_told() {
    let room = Room::new(defined().0, "rollouts-pods");
    let it = rollout(&room, "app", "2");
    set(&room, &it, "app", "old", "1", 1, &json!({ "plays": "crashes" }));
    set(&room, &it, "app", "new", "2", 1, &json!({}));
    scaled(&room, "app-new", 1);
    it.status(&healthy("1", "new"));
    it.status(
        &json!({ "phase": "Progressing", "message": "waiting for all steps to complete", "availableReplicas": 1 }),
    );
    // What the old one does is not this release's doing.
    let end = room.gate("rollout/app").input("rollout-timeout", "1s").run(&["health"]);
    assert_end(&end, BLOCKED, &["not complete after 1s: Progressing"]);
    set(&room, &it, "app", "newer", "3", 1, &json!({ "plays": "crashes" }));
    it.status(&json!({ "currentPodHash": "newer" }));
    let end = room.gate("rollout/app").run(&["health"]);
    assert_end(&end, BLOCKED, &["pod app-newer-", "CrashLoopBackOff: it crashed"]);
    assert!(end.summary.contains("last lines of the run before its last restart"), "{}", end.summary);
}

#[test]
fn a_template_of_another_object_is_looked_up_where_it_was_taken_up() {
    let room = Room::new(defined().0, "rollouts-referring");
    room.deploy("deployments", "app", 0, "1", &json!({}));
    let spec = json!({ "replicas": 2, "selector": { "matchLabels": { "app": "app" } }, "strategy": { "canary": {} },
        "workloadRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "app" } });
    let it = Custom::create(&room, ARGO, "Rollout", "app", &spec);
    let noted = |generation: &str| {
        it.change(&json!({ "metadata": { "annotations": { "rollout.argoproj.io/workload-generation": generation } } }));
    };
    set(&room, &it, "app", "old", "1", 2, &json!({}));
    scaled(&room, "app-old", 2);
    it.status(&healthy("1", "old"));
    it.status(&json!({ "workloadObservedGeneration": "1" }));
    noted("1");
    let end = room.gate("rollout/app").input("image", &app("1")).run(&["health"]);
    assert_end(&end, PASSED, &["its pods run ghcr.io/acme/app:1"]);
    // The Deployment has changed, and the Rollout has not: its generation is still the one that was observed.
    room.release("deployments", "app", "2", &json!({}));
    noted("2");
    let runner = room.gate("rollout/app").input("tag", "2");
    let started = runner.start(&["health"]);
    started.heard("its latest change has not been taken up yet");
    set(&room, &it, "app", "new", "2", 2, &json!({}));
    scale(&room, "app-old", 0);
    let mut status = healthy("1", "new");
    status["workloadObservedGeneration"] = "2".into();
    it.status(&status);
    assert_end(&started.end_within(PATIENCE), PASSED, &["revision new", "its pods run an image 2"]);
}
