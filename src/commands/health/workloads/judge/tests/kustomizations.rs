//! Flux Kustomizations: which condition counts, and how long it is tolerated.

use super::*;
use crate::world::cluster::objects::Kustomization;

const ONE: &str = "main@sha1:1111";
const TWO: &str = "main@sha1:2222";

fn condition(kind: &str, status: &str, reason: &str, since: i64) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(since), "observedGeneration": 2 })
}

/// A Kustomization that waits for the objects that it applies.
fn kustomization(conditions: &[Value], applied: &str, attempted: &str) -> Value {
    json!({
        "metadata": { "name": "app", "uid": "k", "generation": 2 },
        "spec": { "wait": true },
        "status": { "observedGeneration": 2, "conditions": conditions, "lastAppliedRevision": applied, "lastAttemptedRevision": attempted },
    })
}

fn ready() -> Value {
    kustomization(&[condition("Ready", "True", "ReconciliationSucceeded", 0)], ONE, ONE)
}

/// What the controller writes when it starts to reconcile.
fn reconciling(revision: &str) -> Value {
    let conditions =
        [condition("Reconciling", "True", "Progressing", 0), condition("Ready", "Unknown", "Progressing", 0)];
    kustomization(&conditions, ONE, revision)
}

fn failing(reason: &str, since: i64, revision: &str) -> Value {
    let conditions =
        [condition("Reconciling", "True", "ProgressingWithRetry", since), condition("Ready", "False", reason, since)];
    kustomization(&conditions, ONE, revision)
}

fn update(scenario: &mut Scenario, second: u64, it: &Value) {
    scenario.update(second, ClusterUpdate::Kustomizations(WatchUpdate::Applied(parsed(it.clone()))));
}

fn started_with(limits: WorkloadLimits, it: &Value) -> Scenario {
    let mut scenario = Scenario::new(limits);
    let it: Kustomization = parsed(it.clone());
    scenario.update(
        0,
        ClusterUpdate::Kustomizations(WatchUpdate::Listed { items: vec![it], at: Some(BEGAN.parse().unwrap()) }),
    );
    scenario
}

fn alone() -> WorkloadLimits {
    limits(&["kustomization/app"])
}

fn changed(mut it: Value, changes: &Value) -> Value {
    merge(&mut it, changes);
    it
}

#[test]
fn a_kustomization_is_complete_when_ready_at_this_generation_and_revision() {
    let complete = "complete: applied main@sha1:1111, and what it applies is healthy";
    started_with(alone(), &ready()).assert_decided(0, Verdict::Passed, complete);
    let checks = json!({ "spec": { "wait": false, "healthChecks": [{ "kind": "Deployment", "name": "app" }] } });
    started_with(alone(), &changed(ready(), &checks)).assert_decided(0, Verdict::Passed, complete);
    for (it, expected) in [
        // Its specification has changed since, according to both generations or to one.
        (changed(ready(), &json!({ "metadata": { "generation": 3 } })), "has not observed its latest change yet"),
        (changed(ready(), &json!({ "status": { "observedGeneration": 1 } })), "has not observed its latest change yet"),
        (changed(ready(), &json!({ "status": null })), "has not observed its latest change yet"),
        (
            changed(ready(), &json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } })),
            "a reconciliation was requested",
        ),
        (reconciling(ONE), "Progressing: why"),
        (
            kustomization(
                &[condition("Ready", "True", "x", 0), condition("Reconciling", "True", "Progressing", 0)],
                ONE,
                ONE,
            ),
            "Progressing",
        ),
        (
            kustomization(&[condition("Ready", "True", "x", 0)], ONE, TWO),
            "main@sha1:2222 was tried, and main@sha1:1111 is applied",
        ),
        (kustomization(&[condition("Ready", "True", "x", 0)], "", ""), "nothing is applied"),
        (failing("DependencyNotReady", -900, ONE), "DependencyNotReady: why"),
        (failing("ArtifactFailed", -900, ONE), "ArtifactFailed: why"),
        (failing("HealthCheckCanceled", -900, ONE), "HealthCheckCanceled: why"),
    ] {
        let scenario = started_with(alone(), &it);
        scenario.assert_pending(0, 600, expected);
        scenario.assert_decided(600, Verdict::Blocked, expected);
    }
    let handled = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } }, "status": { "lastHandledReconcileAt": "now" } });
    started_with(alone(), &changed(ready(), &handled)).assert_decided(0, Verdict::Passed, complete);
}

#[test]
fn a_kustomization_without_health_checks_is_inconclusive() {
    let blind = changed(ready(), &json!({ "spec": { "wait": false } }));
    started_with(alone(), &blind).assert_decided(
        0,
        Verdict::Inconclusive,
        "it checks no health (`wait`, `healthChecks`)",
    );
    started_with(WorkloadLimits { allow_empty: true, ..alone() }, &blind).assert_decided(0, Verdict::Passed, "applied");
    // A Deployment that is watched as well shows the health.
    let mut scenario = started_with(limits(&["kustomization/app", "deployment/app"]), &blind);
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    scenario.assert_decided(1, Verdict::Passed, "complete: applied main@sha1:1111");
}

#[test]
fn suspended_stalled_and_failed_kustomizations_block() {
    let suspended = changed(ready(), &json!({ "spec": { "suspend": true } }));
    started_with(alone(), &suspended).assert_decided(0, Verdict::Blocked, "it is suspended (`spec.suspend`)");
    let stalled = || {
        kustomization(
            &[condition("Stalled", "True", "InvalidCELExpression", 1), condition("Ready", "False", "x", 1)],
            ONE,
            ONE,
        )
    };
    started_with(alone(), &stalled()).assert_decided(0, Verdict::Blocked, "stalled: InvalidCELExpression: why");
    // It was fixed since.
    let mended = changed(stalled(), &json!({ "metadata": { "generation": 3 } }));
    started_with(alone(), &mended).assert_pending(0, 600, "has not observed its latest change yet");
    started_with(alone(), &failing("HealthCheckFailed", 1, ONE)).assert_decided(
        0,
        Verdict::Blocked,
        "HealthCheckFailed: why",
    );
    let unhealthy = kustomization(
        &[condition("Ready", "True", "x", 0), condition("Healthy", "False", "HealthCheckFailed", 0)],
        ONE,
        ONE,
    );
    started_with(alone(), &unhealthy).assert_pending(0, 120, "HealthCheckFailed: why");
}

#[test]
fn retries_are_tolerated_from_the_first_failure_on() {
    for reason in ["BuildFailed", "ReconciliationFailed", "PruneFailed", "DirCreationFailed"] {
        let mut scenario = started_with(alone(), &reconciling(ONE));
        update(&mut scenario, 10, &failing(reason, 10, ONE));
        scenario.assert_pending(10, 130, &format!("{reason}: why"));
        // Each retry sets a new time.
        update(&mut scenario, 70, &reconciling(ONE));
        scenario.assert_pending(70, 600, "Progressing");
        update(&mut scenario, 100, &failing(reason, 100, ONE));
        scenario.assert_pending(129, 130, reason);
        scenario.assert_decided(130, Verdict::Blocked, reason);
        // A new revision may fix it.
        update(&mut scenario, 120, &failing(reason, 120, TWO));
        scenario.assert_pending(130, 240, reason);
        update(&mut scenario, 125, &ready());
        scenario.assert_decided(125, Verdict::Passed, "applied");
    }
}

#[test]
fn an_earlier_failure_may_be_fixed_by_the_revision_under_promotion() {
    let patient = || WorkloadLimits { appear_timeout: seconds(300), ..alone() };
    for it in [failing("HealthCheckFailed", -60, ONE), failing("BuildFailed", -600, ONE)] {
        started_with(alone(), &it).assert_decided(0, Verdict::Blocked, "Failed: why");
        let scenario = started_with(patient(), &it);
        scenario.assert_pending(0, 300, "Failed: why");
        scenario.assert_decided(300, Verdict::Blocked, "Failed: why");
    }
    let mut scenario = started_with(patient(), &failing("HealthCheckFailed", -60, ONE));
    // The same failure again does not count.
    update(&mut scenario, 20, &reconciling(ONE));
    update(&mut scenario, 30, &failing("HealthCheckFailed", 30, ONE));
    scenario.assert_pending(30, 300, "HealthCheckFailed");
    // The new revision has its own time limit, and its own failure counts.
    update(&mut scenario, 200, &reconciling(TWO));
    scenario.assert_pending(200, 800, "Progressing");
    update(&mut scenario, 210, &failing("HealthCheckFailed", 210, TWO));
    scenario.assert_decided(210, Verdict::Blocked, "HealthCheckFailed");
    update(&mut scenario, 220, &kustomization(&[condition("Ready", "True", "x", 220)], TWO, TWO));
    scenario.assert_decided(220, Verdict::Passed, "applied main@sha1:2222");
}

#[test]
fn a_reconciliation_does_not_undo_a_complete_kustomization() {
    let steady = || WorkloadLimits { stabilize: seconds(60), ..alone() };
    let mut scenario = started_with(steady(), &ready());
    update(&mut scenario, 50, &reconciling(ONE));
    scenario.assert_pending(65, 650, "Progressing");
    update(&mut scenario, 70, &ready());
    scenario.assert_decided(70, Verdict::Passed, "complete");
    // With another revision, the stabilization time begins again.
    let mut scenario = started_with(steady(), &ready());
    update(&mut scenario, 50, &reconciling(TWO));
    update(&mut scenario, 70, &kustomization(&[condition("Ready", "True", "x", 70)], TWO, TWO));
    scenario.assert_pending(129, 130, "complete for less than 1m");
    scenario.assert_decided(130, Verdict::Passed, "applied main@sha1:2222");
    // A failure blocks by its own rules.
    let mut scenario = started_with(steady(), &ready());
    update(&mut scenario, 50, &failing("BuildFailed", 50, ONE));
    scenario.assert_pending(50, 170, "BuildFailed");
    scenario.assert_decided(170, Verdict::Blocked, "BuildFailed");
}
