//! Flux `HelmReleases`; the tests write their status as the controller does.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    definitions::{CustomObject, FAR_FUTURE, HELM, with_definitions},
    states::{BLOCKED, PASSED, assert_end},
    workloads::TestNamespace,
};

const TIME_LIMIT: Duration = Duration::from_mins(2);

fn release<'a>(ns: &'a TestNamespace<'a>) -> CustomObject<'a> {
    let source = json!({ "kind": "HelmRepository", "name": "acme" });
    let chart = json!({ "spec": { "chart": "shop", "version": "1.x", "sourceRef": source } });
    let remediation = json!({ "remediation": { "retries": 1 } });
    let spec = json!({ "interval": "5m", "chart": chart, "upgrade": remediation });
    CustomObject::create(ns, HELM, "HelmRelease", "app", &spec)
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, generation: i64) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": FAR_FUTURE,
        "observedGeneration": generation })
}

/// A release in Helm's storage, with all fields that the definition requires.
fn snapshot(version: i64, chart: &str, status: &str) -> Value {
    json!({ "version": version, "chartName": "shop", "chartVersion": chart, "status": status, "name": "app",
        "namespace": "shop", "digest": "sha256:1", "configDigest": "sha256:2", "firstDeployed": FAR_FUTURE,
        "lastDeployed": FAR_FUTURE })
}

fn running(action: &str, generation: i64, chart: &str) -> Value {
    let message = format!("Running '{action}' action with timeout of 5m0s");
    let conditions = [
        condition("Reconciling", "True", "Progressing", &message, generation),
        condition("Ready", "Unknown", "Progressing", &message, generation),
    ];
    json!({ "conditions": conditions, "lastAttemptedRevision": chart, "lastAttemptedReleaseAction": action,
        "lastAttemptedGeneration": generation })
}

fn ready(reason: &str, generation: i64, chart: &str, history: &Value) -> Value {
    let message = format!("Helm action succeeded for release shop/app with chart shop@{chart}");
    let conditions = ["Ready", "Released"].map(|kind| condition(kind, "True", reason, &message, generation)).to_vec();
    json!({ "conditions": conditions, "history": history, "observedGeneration": generation })
}

#[test]
fn a_release_is_followed_through_its_rollback_to_its_success() {
    let ns = TestNamespace::new(with_definitions().0, "helm-releases");
    let release = release(&ns);
    let gate = || ns.gate("helmrelease/app").input("stabilize", "0");
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("its controller has not observed its latest change yet");
    let waiting = [
        condition("Reconciling", "True", "Progressing", "Fulfilling prerequisites", 1),
        condition("Ready", "False", "SourceNotReady", "HelmChart 'shop/app' is not ready: no artifact", 1),
    ];
    release.set_status(&json!({ "conditions": waiting }));
    started.wait_for_line("SourceNotReady: HelmChart 'shop/app' is not ready");
    release.set_status(&running("install", 1, "1.0.0"));
    started.wait_for_line("Progressing: Running 'install' action with timeout of 5m0s");
    let first = snapshot(1, "1.0.0", "deployed");
    release.set_status(&ready("InstallSucceeded", 1, "1.0.0", &json!([first])));
    let end = started.end_within(TIME_LIMIT);
    assert_end(&end, PASSED, &["complete: deployed shop@1.0.0 as release 1, and what it installs became healthy"]);

    // The specification changes. The upgrade fails, is rolled back, and is tried again.
    release.change(&json!({ "spec": { "values": { "image": { "tag": "2" } } } }));
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("its controller has not observed its latest change yet");
    release.set_status(&running("upgrade", 2, "1.1.0"));
    started.wait_for_line("Progressing: Running 'upgrade' action");
    let rolled_back = "Helm rollback to previous release shop/app.v1 with chart shop@1.0.0 succeeded";
    let upgrade_failed = "Helm upgrade failed for release shop/app with chart shop@1.1.0: password=hunter2: timeout";
    let remediated = |first: Value| {
        let history = json!([
            snapshot(3, "1.0.0", "deployed"),
            snapshot(2, "1.1.0", "failed"),
            snapshot(1, "1.0.0", "superseded")
        ]);
        let conditions = [
            first,
            condition("Ready", "False", "RollbackSucceeded", rolled_back, 2),
            condition("Released", "False", "UpgradeFailed", upgrade_failed, 2),
            condition("Remediated", "True", "RollbackSucceeded", rolled_back, 2),
        ];
        json!({ "conditions": conditions, "history": history })
    };
    release.set_status(&remediated(condition("Reconciling", "True", "ProgressingWithRetry", rolled_back, 2)));
    started
        .wait_for_line("the release failed and was rolled back: RollbackSucceeded: Helm rollback to previous release");
    release.set_status(&running("upgrade", 2, "1.1.0"));
    started.wait_for_line("Progressing: Running 'upgrade' action");
    // No retry is left.
    release.add_warning("UpgradeFailed", upgrade_failed);
    release.set_status(&remediated(condition(
        "Stalled",
        "True",
        "RetriesExceeded",
        "Failed to upgrade after 2 attempt(s)",
        2,
    )));
    let end = started.end_within(TIME_LIMIT);
    let expected =
        ["the release failed and was rolled back: RollbackSucceeded", "stalled: RetriesExceeded: Failed to upgrade"];
    assert_end(&end, BLOCKED, &expected);
    for text in ["Conditions of helmrelease/app", "Remediated", "UpgradeFailed", "Warning events"] {
        assert!(end.summary.contains(text), "{text}: {}", end.summary);
    }
    assert!(!end.summary.contains("hunter2") && !end.log.contains("hunter2"), "{}", end.log);

    // What it was rolled back to is healthy, and is not the release under promotion.
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    let end = ns.gate("helmrelease/app\ndeployment/app").run(&["health"]);
    assert_end(&end, BLOCKED, &["the release failed and was rolled back"]);

    // The specification is fixed, then suspended, and resumed.
    release.change(&json!({ "spec": { "values": { "image": { "tag": "3" } } } }));
    let runner = gate();
    let started = runner.start(&["health"]);
    started.wait_for_line("its controller has not observed its latest change yet");
    release.set_status(&running("upgrade", 3, "1.2.0"));
    started.wait_for_line("Progressing: Running 'upgrade' action");
    let history = json!([snapshot(4, "1.2.0", "deployed"), snapshot(3, "1.0.0", "superseded")]);
    release.set_status(&ready("UpgradeSucceeded", 3, "1.2.0", &history));
    assert_end(&started.end_within(TIME_LIMIT), PASSED, &["complete: deployed shop@1.2.0 as release 4"]);
    release.change(&json!({ "spec": { "suspend": true } }));
    assert_end(&gate().run(&["health"]), BLOCKED, &["it is suspended (`spec.suspend`)"]);
}
