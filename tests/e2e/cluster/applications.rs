//! Argo CD Applications; the tests write their status as the controller does. The status is not a subresource.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    control_plane::{GATE, until},
    definitions::{ARGO, CustomObject, FAR_FUTURE, LONG_AGO, with_definitions},
    outage::grant,
    states::{BLOCKED, INCONCLUSIVE, PASSED, assert_end},
    workloads::{APP, TestNamespace},
};

const TIME_LIMIT: Duration = Duration::from_mins(2);
const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn source() -> Value {
    json!({ "repoURL": "https://example.com/acme/infra", "path": "shop", "targetRevision": "main" })
}

fn destination() -> Value {
    json!({ "server": "https://kubernetes.default.svc", "namespace": "shop" })
}

fn application<'a>(ns: &'a TestNamespace<'a>, policy: &Value) -> CustomObject<'a> {
    // The controller omits default fields such as this one in its status.
    let mut source = source();
    source["directory"] = json!({ "recurse": false });
    let spec = json!({ "project": "default", "source": source, "destination": destination(), "syncPolicy": policy });
    CustomObject::create(ns, ARGO, "Application", "app", &spec)
}

fn images(tags: &[&str]) -> Value {
    let images: Vec<String> = tags.iter().map(|tag| format!("{APP}:{tag}")).collect();
    json!({ "images": images })
}

/// Sets the changing parts of a status.
fn set_status(application: &CustomObject<'_>, sync: &str, revision: &str, health: &str, more: &Value) {
    let mut status = json!({
        "sync": { "status": sync, "revision": revision, "comparedTo": { "source": source(), "destination": destination() } },
        "health": { "status": health }, "reconciledAt": FAR_FUTURE,
    });
    for (key, value) in more.as_object().expect("fields") {
        status[key] = value.clone();
    }
    application.change(&json!({ "status": status }));
}

fn sync(phase: &str, message: &str, revision: &str, resources: &Value) -> Value {
    let ended = if phase == "Running" { Value::Null } else { LONG_AGO.into() };
    json!({ "phase": phase, "message": message, "startedAt": LONG_AGO, "finishedAt": ended,
        "operation": { "sync": { "revision": revision } }, "syncResult": { "revision": revision, "resources": resources } })
}

#[test]
fn a_commit_is_followed_from_sync_to_health() {
    let ns = TestNamespace::new(with_definitions().0, "applications");
    let application = application(&ns, &json!({ "automated": {} }));
    let gate = || ns.gate("application/app");
    // The controller has not processed the object yet.
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("it has not been compared yet");
    let done = |revision: &str| sync("Succeeded", "successfully synced", revision, &json!([]));
    set_status(
        &application,
        "Synced",
        ONE,
        "Healthy",
        &json!({ "operationState": done(ONE), "summary": images(&["1"]) }),
    );
    assert_end(&started.end_within(TIME_LIMIT), PASSED, &["complete: Healthy, Synced to 111111111111"]);
    let end = gate().input("tag", "2").run(&["health"]);
    assert_end(&end, BLOCKED, &["it is healthy, and runs ghcr.io/acme/app:1, not an image with tag 2"]);

    let runner = gate().input("image", &format!("{APP}:2")).input("appear-timeout", "30s");
    let started = runner.start(&["health"]);
    started.wait_for_line("complete: Healthy, Synced to 111111111111");
    application.change(&json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "normal" } } }));
    started.wait_for_line("a refresh was requested");
    application.change(&json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": null } } }));
    set_status(&application, "OutOfSync", TWO, "Healthy", &json!({}));
    started.wait_for_line("OutOfSync with 222222222222, and to be synced automatically");
    application.change(&json!({ "operation": { "sync": { "revision": TWO } } }));
    started.wait_for_line("a sync was requested");
    set_status(
        &application,
        "OutOfSync",
        TWO,
        "Healthy",
        &json!({ "operationState": sync("Running", "one task left", TWO, &json!([])) }),
    );
    started.wait_for_line("its sync runs: one task left");
    // The sync has ended, but the last comparison is older.
    application.change(&json!({ "operation": null }));
    let mut ended = done(TWO);
    ended["finishedAt"] = FAR_FUTURE.into();
    set_status(
        &application,
        "OutOfSync",
        TWO,
        "Healthy",
        &json!({ "operationState": ended, "reconciledAt": LONG_AGO }),
    );
    started.wait_for_line("it has not been compared since");
    set_status(
        &application,
        "Synced",
        TWO,
        "Progressing",
        &json!({ "operationState": done(TWO), "summary": images(&["1", "2"]) }),
    );
    started.wait_for_line("Progressing");
    set_status(&application, "Synced", TWO, "Healthy", &json!({}));
    started.wait_for_line("ghcr.io/acme/app:1 runs as well");
    set_status(&application, "Synced", TWO, "Healthy", &json!({ "summary": images(&["2"]) }));
    let end = started.end_within(TIME_LIMIT);
    assert_end(&end, PASSED, &["complete: Healthy, Synced to 222222222222", "it runs ghcr.io/acme/app:2"]);
}

#[test]
fn unhealthy_resources_are_listed() {
    let ns = TestNamespace::new(with_definitions().0, "applications-unwell");
    let application = application(&ns, &json!({ "automated": {} }));
    let gate = || ns.gate("app/app");
    let resources = json!([
        { "group": "apps", "kind": "Deployment", "namespace": "shop", "name": "checkout", "version": "v1", "status": "Synced",
          "health": { "status": "Degraded", "message": "Deployment \"checkout\" exceeded its progress deadline, token=hunter2" } },
        { "kind": "Service", "namespace": "shop", "name": "well", "version": "v1", "status": "Synced", "health": { "status": "Healthy" } },
    ]);
    let runner = gate().input("max-unhealthy", "1s");
    set_status(&application, "Synced", ONE, "Progressing", &json!({ "resources": resources }));
    let started = runner.start(&["health"]);
    started.wait_for_line("Progressing");
    set_status(&application, "Synced", ONE, "Degraded", &json!({}));
    let end = started.end_within(TIME_LIMIT);
    assert_end(&end, BLOCKED, &["Degraded"]);
    assert!(end.summary.contains("Resources of application/app that are not Healthy and Synced"), "{}", end.summary);
    assert!(end.summary.contains("shop/checkout") && !end.summary.contains("shop/well"), "{}", end.summary);
    assert!(
        end.summary.contains("exceeded its progress deadline") && !end.summary.contains("hunter2"),
        "{}",
        end.summary
    );
    // The application recovers within its grace period.
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("Degraded");
    set_status(&application, "Synced", ONE, "Healthy", &json!({}));
    assert_end(&started.end_within(TIME_LIMIT), PASSED, &["complete"]);

    let runner = gate().input("tag", "2").input("appear-timeout", "30s");
    set_status(
        &application,
        "OutOfSync",
        TWO,
        "Healthy",
        &json!({ "operationState": sync("Running", "", TWO, &json!([])), "summary": images(&["1"]) }),
    );
    let started = runner.start(&["health"]);
    started.wait_for_line("its sync runs");
    let results = json!([{ "group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "checkout",
        "status": "SyncFailed", "message": "field is immutable" }]);
    let mut failed = sync("Failed", "one or more objects failed to apply", TWO, &results);
    failed["finishedAt"] = FAR_FUTURE.into();
    set_status(&application, "OutOfSync", TWO, "Healthy", &json!({ "operationState": failed }));
    let end = started.end_within(TIME_LIMIT);
    assert_end(&end, BLOCKED, &["its sync to 222222222222 failed: one or more objects failed to apply"]);
    assert!(end.summary.contains("What the last sync of application/app could not do"), "{}", end.summary);
    assert!(end.summary.contains("field is immutable"), "{}", end.summary);
}

#[test]
fn an_outdated_waiting_or_unknown_state_never_passes() {
    let ns = TestNamespace::new(with_definitions().0, "applications-stale");
    let application = application(&ns, &json!({}));
    let gate = || ns.gate("application/app");
    set_status(&application, "Synced", ONE, "Healthy", &json!({}));
    assert_end(&gate().run(&["health"]), PASSED, &["complete"]);
    // The specification changes after the comparison.
    application.change(&json!({ "spec": { "source": { "targetRevision": "v2" } } }));
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("its specification has changed since it was compared");
    let mut compared = source();
    compared["targetRevision"] = "v2".into();
    let sync = json!({ "status": "OutOfSync", "revision": TWO, "comparedTo": { "source": compared, "destination": destination() } });
    application.change(&json!({ "status": { "sync": sync } }));
    let end = started.end_within(TIME_LIMIT);
    assert_end(&end, BLOCKED, &["OutOfSync with 222222222222 until it is synced by hand"]);
    let error =
        json!([{ "type": "ComparisonError", "message": "repository not found", "lastTransitionTime": LONG_AGO }]);
    application.change(&json!({ "status": { "sync": { "status": "Unknown" }, "conditions": error } }));
    let end = gate().input("rollout-timeout", "1s").run(&["health"]);
    assert_end(&end, INCONCLUSIVE, &["not complete after 1s: ComparisonError: repository not found"]);
}

#[test]
fn an_application_needs_no_other_permission() {
    let ns = TestNamespace::new(with_definitions().0, "applications-role");
    let application = application(&ns, &json!({}));
    set_status(&application, "Synced", ONE, "Degraded", &json!({ "summary": images(&["1"]) }));
    let rules = json!([{ "apiGroups": ["argoproj.io"], "resources": ["applications"], "verbs": ["list", "watch"] }]);
    let gate = || ns.gate_as(GATE, "application/app").input("max-unhealthy", "0s");
    let findings = gate().run(&["health"]).report["findings"].to_string();
    assert!(findings.contains("permission to list and watch applications"), "{findings}");
    grant(&ns, &rules);
    let end = until("role in force", || Some(gate().run(&["health"])).filter(|end| end.code != INCONCLUSIVE));
    assert_end(&end, BLOCKED, &["Degraded"]);
    assert!(!end.summary.contains("What could not be seen"), "{}", end.summary);
    set_status(&application, "Synced", ONE, "Healthy", &json!({}));
    assert_end(&gate().input("tag", "1").run(&["health"]), PASSED, &["it runs an image with tag 1"]);
}
