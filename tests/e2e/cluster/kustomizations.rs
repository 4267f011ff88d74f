//! Flux Kustomizations; the tests write their status as the controller does.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    definitions::{CustomObject, FAR_FUTURE, FLUX, LONG_AGO, with_definitions},
    states::{BLOCKED, INCONCLUSIVE, PASSED, assert_end},
    workloads::TestNamespace,
};

const TIME_LIMIT: Duration = Duration::from_mins(2);
const ONE: &str = "main@sha1:1111111111111111111111111111111111111111";
const TWO: &str = "main@sha1:2222222222222222222222222222222222222222";

fn kustomization<'a>(ns: &'a TestNamespace<'a>, wait: bool) -> CustomObject<'a> {
    let source = json!({ "kind": "GitRepository", "name": "infra" });
    let spec = json!({ "interval": "1m", "prune": true, "wait": wait, "path": "./shop", "sourceRef": source });
    CustomObject::create(ns, FLUX, "Kustomization", "app", &spec)
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, generation: i64) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": FAR_FUTURE,
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
    let ns = TestNamespace::new(with_definitions().0, "kustomizations");
    let kustomization = kustomization(&ns, true);
    let gate = || ns.gate("kustomization/app");
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("its controller has not observed its latest change yet");
    kustomization.set_status(&failing("DependencyNotReady", "dependency 'shop/db' is not ready", 1, ""));
    started.wait_for_line("DependencyNotReady: dependency 'shop/db' is not ready");
    kustomization.set_status(&reconciling("Fetching manifests for revision main", 1, ""));
    started.wait_for_line("Progressing: Fetching manifests");
    kustomization.set_status(&reconciling("Running health checks", 1, ONE));
    started.wait_for_line("Progressing: Running health checks");
    kustomization.set_status(&ready(1, ONE));
    let end = started.end_within(TIME_LIMIT);
    assert_end(&end, PASSED, &["complete: applied main@sha1:1111", "what it applies is healthy"]);

    // The specification changes, and a reconciliation is requested.
    kustomization.change(&json!({ "spec": { "path": "./other" } }));
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("its controller has not observed its latest change yet");
    kustomization.change(&json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "1" } } }));
    started.wait_for_line("a reconciliation was requested");
    let mut done = ready(2, TWO);
    done["lastHandledReconcileAt"] = "1".into();
    kustomization.set_status(&done);
    assert_end(&started.end_within(TIME_LIMIT), PASSED, &["complete: applied main@sha1:2222"]);
    // The applied revision is older than the attempted one.
    kustomization.set_status(&json!({ "lastAppliedRevision": ONE }));
    let end = gate().input("rollout-timeout", "1s").run(&["health"]);
    assert_end(&end, BLOCKED, &["main@sha1:2222222222222222222222222222222222222222 was tried, and main@sha1:1111"]);
}

#[test]
fn a_failed_reconciliation_blocks_with_the_reason() {
    let ns = TestNamespace::new(with_definitions().0, "kustomizations-unwell");
    let kustomization = kustomization(&ns, true);
    let gate = || ns.gate("ks/app");
    kustomization.set_status(&reconciling("Running health checks", 1, ONE));
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("Running health checks");
    kustomization.add_warning("HealthCheckFailed", "Deployment/shop/checkout status: 'InProgress', password=hunter2");
    kustomization.set_status(&failing(
        "HealthCheckFailed",
        "timeout waiting for: [Deployment/shop/checkout status: 'InProgress']",
        1,
        ONE,
    ));
    let end = started.end_within(TIME_LIMIT);
    assert_end(&end, BLOCKED, &["HealthCheckFailed: timeout waiting for: [Deployment/shop/checkout"]);
    for text in ["Conditions of kustomization/app", "ProgressingWithRetry", "Warning events"] {
        assert!(end.summary.contains(text), "{text}: {}", end.summary);
    }
    assert!(!end.summary.contains("hunter2"), "{}", end.summary);
    // The reconciliation fails repeatedly.
    kustomization.set_status(&failing("BuildFailed", "no such file", 1, ONE));
    let runner = gate().input("max-unhealthy", "1s");
    let started = runner.start(&["health"]);
    started.wait_for_line("BuildFailed: no such file");
    kustomization.set_status(&reconciling("Fetching manifests", 1, ONE));
    started.wait_for_line("Fetching manifests");
    kustomization.set_status(&failing("BuildFailed", "no such file", 1, ONE));
    assert_end(&started.end_within(TIME_LIMIT), BLOCKED, &["BuildFailed: no such file"]);
    let stalled = condition("Stalled", "True", "InvalidCELExpression", "Reconciliation failed terminally", 1);
    kustomization
        .set_status(&json!({ "conditions": [stalled, condition("Ready", "False", "InvalidCELExpression", "x", 1)] }));
    assert_end(&gate().run(&["health"]), BLOCKED, &["stalled: InvalidCELExpression: Reconciliation failed terminally"]);
    // The specification is fixed, and then suspended.
    kustomization.change(&json!({ "spec": { "path": "./fixed" } }));
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("its controller has not observed its latest change yet");
    kustomization.change(&json!({ "spec": { "suspend": true } }));
    assert_end(&started.end_within(TIME_LIMIT), BLOCKED, &["it is suspended (`spec.suspend`)"]);
}

#[test]
fn an_earlier_failure_can_be_fixed_by_the_awaited_revision() {
    let ns = TestNamespace::new(with_definitions().0, "kustomizations-mended");
    let kustomization = kustomization(&ns, true);
    let mut failed = failing("HealthCheckFailed", "timeout waiting", 1, ONE);
    failed["conditions"][1]["lastTransitionTime"] = LONG_AGO.into();
    kustomization.set_status(&failed);
    let gate = || ns.gate("kustomization/app");
    assert_end(&gate().run(&["health"]), BLOCKED, &["HealthCheckFailed"]);
    let runner = gate().input("appear-timeout", "30s");
    let started = runner.start(&["health"]);
    started.wait_for_line("HealthCheckFailed: timeout waiting");
    kustomization.set_status(&reconciling("Building manifests", 1, TWO));
    started.wait_for_line("Building manifests");
    kustomization.set_status(&ready(1, TWO));
    assert_end(&started.end_within(TIME_LIMIT), PASSED, &["complete: applied main@sha1:2222"]);
}

#[test]
fn a_kustomization_without_health_checks_is_inconclusive_unless_a_workload_is_watched() {
    let ns = TestNamespace::new(with_definitions().0, "kustomizations-blind");
    let kustomization = kustomization(&ns, false);
    kustomization.set_status(&ready(1, ONE));
    let end = ns.gate("kustomization/app").run(&["health"]);
    assert_end(&end, INCONCLUSIVE, &["it checks no health"]);
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    let end = ns.gate("kustomization/app\ndeployment/app").input("tag", "1").run(&["health"]);
    assert_end(&end, PASSED, &["complete"]);
    assert_eq!(end.report["findings"].as_array().map(Vec::len), Some(2), "{}", end.log);
}
