//! Flux's Kustomizations: which word of their controller counts, and how long.

use super::*;
use crate::world::cluster::objects::Kustomization;

const ONE: &str = "main@sha1:1111";
const TWO: &str = "main@sha1:2222";

fn condition(kind: &str, status: &str, reason: &str, since: i64) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(since), "observedGeneration": 2 })
}

/// One that waits for what it applies.
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

/// What a controller writes when it sets to work.
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

fn now(story: &mut Story, second: u64, it: &Value) {
    story.hear(second, Fact::Kustomizations(News::Now(parsed(it.clone()))));
}

fn begun(rules: Rules, it: &Value) -> Story {
    let mut story = Story::of(rules);
    let it: Kustomization = parsed(it.clone());
    story.hear(0, Fact::Kustomizations(News::All { items: vec![it], at: Some(BEGAN.parse().unwrap()) }));
    story
}

fn alone() -> Rules {
    rules(&["kustomization/app"])
}

fn changed(mut it: Value, changes: &Value) -> Value {
    merge(&mut it, changes);
    it
}

#[test]
fn it_is_complete_when_it_is_ready_at_this_generation_and_revision() {
    let told = "complete: applied main@sha1:1111, and what it applies is healthy";
    begun(alone(), &ready()).settled(0, Verdict::Passed, told);
    let checks = json!({ "spec": { "wait": false, "healthChecks": [{ "kind": "Deployment", "name": "app" }] } });
    begun(alone(), &changed(ready(), &checks)).settled(0, Verdict::Passed, told);
    for (it, said) in [
        // Its specification has changed since; so it has by one of the two words only.
        (changed(ready(), &json!({ "metadata": { "generation": 3 } })), "not been taken up yet"),
        (changed(ready(), &json!({ "status": { "observedGeneration": 1 } })), "not been taken up yet"),
        (changed(ready(), &json!({ "status": null })), "not been taken up yet"),
        (
            changed(ready(), &json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } })),
            "a reconciliation was asked for",
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
        let story = begun(alone(), &it);
        story.open(0, 600, said);
        story.settled(600, Verdict::Blocked, said);
    }
    let handled = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } }, "status": { "lastHandledReconcileAt": "now" } });
    begun(alone(), &changed(ready(), &handled)).settled(0, Verdict::Passed, told);
}

#[test]
fn what_checks_no_health_tells_none() {
    let blind = changed(ready(), &json!({ "spec": { "wait": false } }));
    begun(alone(), &blind).settled(0, Verdict::Inconclusive, "it is to check no health (`wait`, `healthChecks`)");
    begun(Rules { allow_empty: true, ..alone() }, &blind).settled(0, Verdict::Passed, "applied");
    // Beside one that does.
    let mut story = begun(rules(&["kustomization/app", "deployment/app"]), &blind);
    story.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    story.settled(1, Verdict::Passed, "complete: applied main@sha1:1111");
}

#[test]
fn suspended_stalled_and_failed_ones_are_named() {
    let suspended = changed(ready(), &json!({ "spec": { "suspend": true } }));
    begun(alone(), &suspended).settled(0, Verdict::Blocked, "it is suspended (`spec.suspend`)");
    let stalled = || {
        kustomization(
            &[condition("Stalled", "True", "InvalidCELExpression", 1), condition("Ready", "False", "x", 1)],
            ONE,
            ONE,
        )
    };
    begun(alone(), &stalled()).settled(0, Verdict::Blocked, "stalled: InvalidCELExpression: why");
    // Somebody has mended it since.
    let mended = changed(stalled(), &json!({ "metadata": { "generation": 3 } }));
    begun(alone(), &mended).open(0, 600, "not been taken up yet");
    begun(alone(), &failing("HealthCheckFailed", 1, ONE)).settled(0, Verdict::Blocked, "HealthCheckFailed: why");
    let unhealthy = kustomization(
        &[condition("Ready", "True", "x", 0), condition("Healthy", "False", "HealthCheckFailed", 0)],
        ONE,
        ONE,
    );
    begun(alone(), &unhealthy).open(0, 120, "HealthCheckFailed: why");
}

#[test]
fn what_is_tried_again_is_borne_with_from_the_first_failure() {
    for reason in ["BuildFailed", "ReconciliationFailed", "PruneFailed", "DirCreationFailed"] {
        let mut story = begun(alone(), &reconciling(ONE));
        now(&mut story, 10, &failing(reason, 10, ONE));
        story.open(10, 130, &format!("{reason}: why"));
        // Each try has a time of its own.
        now(&mut story, 70, &reconciling(ONE));
        story.open(70, 600, "Progressing");
        now(&mut story, 100, &failing(reason, 100, ONE));
        story.open(129, 130, reason);
        story.settled(130, Verdict::Blocked, reason);
        // A new revision may mend it.
        now(&mut story, 120, &failing(reason, 120, TWO));
        story.open(130, 240, reason);
        now(&mut story, 125, &ready());
        story.settled(125, Verdict::Passed, "applied");
    }
}

#[test]
fn what_had_failed_before_may_be_mended_by_what_is_under_promotion() {
    let patient = || Rules { appear_timeout: seconds(300), ..alone() };
    for it in [failing("HealthCheckFailed", -60, ONE), failing("BuildFailed", -600, ONE)] {
        begun(alone(), &it).settled(0, Verdict::Blocked, "Failed: why");
        let story = begun(patient(), &it);
        story.open(0, 300, "Failed: why");
        story.settled(300, Verdict::Blocked, "Failed: why");
    }
    let mut story = begun(patient(), &failing("HealthCheckFailed", -60, ONE));
    // The same once more tells nothing new.
    now(&mut story, 20, &reconciling(ONE));
    now(&mut story, 30, &failing("HealthCheckFailed", 30, ONE));
    story.open(30, 300, "HealthCheckFailed");
    // The new revision has a time of its own, and its own failure counts.
    now(&mut story, 200, &reconciling(TWO));
    story.open(200, 800, "Progressing");
    now(&mut story, 210, &failing("HealthCheckFailed", 210, TWO));
    story.settled(210, Verdict::Blocked, "HealthCheckFailed");
    now(&mut story, 220, &kustomization(&[condition("Ready", "True", "x", 220)], TWO, TWO));
    story.settled(220, Verdict::Passed, "applied main@sha1:2222");
}

#[test]
fn looking_again_is_no_harm_to_what_was_complete() {
    let steady = || Rules { stabilize: seconds(60), ..alone() };
    let mut story = begun(steady(), &ready());
    now(&mut story, 50, &reconciling(ONE));
    story.open(65, 650, "Progressing");
    now(&mut story, 70, &ready());
    story.settled(70, Verdict::Passed, "complete");
    // With another revision, the time begins anew.
    let mut story = begun(steady(), &ready());
    now(&mut story, 50, &reconciling(TWO));
    now(&mut story, 70, &kustomization(&[condition("Ready", "True", "x", 70)], TWO, TWO));
    story.open(129, 130, "to stay so for 1m");
    story.settled(130, Verdict::Passed, "applied main@sha1:2222");
    // What fails is harm.
    let mut story = begun(steady(), &ready());
    now(&mut story, 50, &failing("BuildFailed", 50, ONE));
    story.settled(50, Verdict::Blocked, "it was complete, and did not stay so for 1m: BuildFailed");
}
