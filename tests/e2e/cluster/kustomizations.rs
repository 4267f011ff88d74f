//! Flux's Kustomizations, as their controller writes them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    definitions::{Custom, FLUX, LONG_AGO, TO_COME, defined},
    states::{BLOCKED, INCONCLUSIVE, PASSED, assert_end},
    workloads::Room,
};

const PATIENCE: Duration = Duration::from_secs(20);
const ONE: &str = "main@sha1:1111111111111111111111111111111111111111";
const TWO: &str = "main@sha1:2222222222222222222222222222222222222222";

fn kustomization<'a>(room: &'a Room<'a>, wait: bool) -> Custom<'a> {
    let source = json!({ "kind": "GitRepository", "name": "infra" });
    let spec = json!({ "interval": "1m", "prune": true, "wait": wait, "path": "./shop", "sourceRef": source });
    Custom::create(room, FLUX, "Kustomization", "app", &spec)
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, generation: i64) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": TO_COME,
        "observedGeneration": generation })
}

fn reconciling(message: &str, generation: i64, attempted: &str) -> Value {
    let conditions = [
        condition("Reconciling", "True", "Progressing", message, generation),
        condition("Ready", "Unknown", "Progressing", "Reconciliation in progress", generation),
    ];
    json!({ "conditions": conditions, "lastAttemptedRevision": attempted })
}

fn ready(generation: i64, revision: &str) -> Value {
    let message = format!("Applied revision: {revision}");
    json!({ "conditions": [condition("Ready", "True", "ReconciliationSucceeded", &message, generation)],
        "observedGeneration": generation, "lastAppliedRevision": revision, "lastAttemptedRevision": revision })
}

fn failing(reason: &str, message: &str, generation: i64, attempted: &str) -> Value {
    let conditions = [
        condition("Reconciling", "True", "ProgressingWithRetry", message, generation),
        condition("Ready", "False", reason, message, generation),
    ];
    json!({ "conditions": conditions, "lastAttemptedRevision": attempted })
}

#[test]
fn a_reconciliation_is_followed_to_its_end() {
    let room = Room::new(defined().0, "kustomizations");
    let it = kustomization(&room, true);
    let gate = || room.gate("kustomization/app");
    let runner = gate();
    let started = runner.start(&["health"]);
    started.heard("its latest change has not been taken up yet");
    it.status(&failing("DependencyNotReady", "dependency 'shop/db' is not ready", 1, ""));
    started.heard("DependencyNotReady: dependency 'shop/db' is not ready");
    it.status(&reconciling("Fetching manifests for revision main", 1, ""));
    started.heard("Progressing: Fetching manifests");
    it.status(&reconciling("Running health checks", 1, ONE));
    started.heard("Progressing: Running health checks");
    it.status(&ready(1, ONE));
    let end = started.end_within(PATIENCE);
    assert_end(&end, PASSED, &["complete: applied main@sha1:1111", "what it applies is healthy"]);

    // Its specification changes, and somebody asks for it to be taken up.
    it.change(&json!({ "spec": { "path": "./other" } }));
    let runner = gate();
    let started = runner.start(&["health"]);
    started.heard("its latest change has not been taken up yet");
    it.change(&json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "1" } } }));
    started.heard("a reconciliation was asked for");
    let mut done = ready(2, TWO);
    done["lastHandledReconcileAt"] = "1".into();
    it.status(&done);
    assert_end(&started.end_within(PATIENCE), PASSED, &["complete: applied main@sha1:2222"]);
    // An old revision.
    it.status(&json!({ "lastAppliedRevision": ONE }));
    let end = gate().input("rollout-timeout", "1s").run(&["health"]);
    assert_end(&end, BLOCKED, &["main@sha1:2222222222222222222222222222222222222222 was tried, and main@sha1:1111"]);
}

#[test]
fn what_failed_says_why() {
    let room = Room::new(defined().0, "kustomizations-unwell");
    let it = kustomization(&room, true);
    let gate = || room.gate("ks/app");
    it.status(&reconciling("Running health checks", 1, ONE));
    let runner = gate();
    let started = runner.start(&["health"]);
    started.heard("Running health checks");
    it.warn("HealthCheckFailed", "Deployment/shop/checkout status: 'InProgress', password=hunter2");
    it.status(&failing(
        "HealthCheckFailed",
        "timeout waiting for: [Deployment/shop/checkout status: 'InProgress']",
        1,
        ONE,
    ));
    let end = started.end_within(PATIENCE);
    assert_end(&end, BLOCKED, &["HealthCheckFailed: timeout waiting for: [Deployment/shop/checkout"]);
    for told in ["Conditions of kustomization/app", "ProgressingWithRetry", "Warning events"] {
        assert!(end.summary.contains(told), "{told}: {}", end.summary);
    }
    assert!(!end.summary.contains("hunter2"), "{}", end.summary);
    // Tried again and again.
    it.status(&failing("BuildFailed", "no such file", 1, ONE));
    let runner = gate().input("max-unhealthy", "1s");
    let started = runner.start(&["health"]);
    started.heard("BuildFailed: no such file");
    it.status(&reconciling("Fetching manifests", 1, ONE));
    started.heard("Fetching manifests");
    it.status(&failing("BuildFailed", "no such file", 1, ONE));
    assert_end(&started.end_within(PATIENCE), BLOCKED, &["BuildFailed: no such file"]);
    let stalled = condition("Stalled", "True", "InvalidCELExpression", "Reconciliation failed terminally", 1);
    it.status(&json!({ "conditions": [stalled, condition("Ready", "False", "InvalidCELExpression", "x", 1)] }));
    assert_end(&gate().run(&["health"]), BLOCKED, &["stalled: InvalidCELExpression: Reconciliation failed terminally"]);
    // Mended, and suspended.
    it.change(&json!({ "spec": { "path": "./mended" } }));
    let runner = gate();
    let started = runner.start(&["health"]);
    started.heard("its latest change has not been taken up yet");
    it.change(&json!({ "spec": { "suspend": true } }));
    assert_end(&started.end_within(PATIENCE), BLOCKED, &["it is suspended (`spec.suspend`)"]);
}

#[test]
fn a_failure_of_before_may_be_mended_by_what_is_to_come() {
    let room = Room::new(defined().0, "kustomizations-mended");
    let it = kustomization(&room, true);
    let mut failed = failing("HealthCheckFailed", "timeout waiting", 1, ONE);
    failed["conditions"][1]["lastTransitionTime"] = LONG_AGO.into();
    it.status(&failed);
    let gate = || room.gate("kustomization/app");
    assert_end(&gate().run(&["health"]), BLOCKED, &["HealthCheckFailed"]);
    let runner = gate().input("appear-timeout", "30s");
    let started = runner.start(&["health"]);
    started.heard("HealthCheckFailed: timeout waiting");
    it.status(&reconciling("Building manifests", 1, TWO));
    started.heard("Building manifests");
    it.status(&ready(1, TWO));
    assert_end(&started.end_within(PATIENCE), PASSED, &["complete: applied main@sha1:2222"]);
}

#[test]
fn what_checks_no_health_is_named_beside_what_does() {
    let room = Room::new(defined().0, "kustomizations-blind");
    let it = kustomization(&room, false);
    it.status(&ready(1, ONE));
    let end = room.gate("kustomization/app").run(&["health"]);
    assert_end(&end, INCONCLUSIVE, &["it is to check no health"]);
    room.deploy("deployments", "app", 1, "1", &json!({}));
    let end = room.gate("kustomization/app\ndeployment/app").input("tag", "1").run(&["health"]);
    assert_end(&end, PASSED, &["complete"]);
    assert_eq!(end.report["findings"].as_array().map(Vec::len), Some(2), "{}", end.log);
}
