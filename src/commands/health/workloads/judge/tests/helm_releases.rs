//! Flux `HelmReleases`: which condition counts, how long it is tolerated, and that a release that was rolled back never passes.

use super::*;
use crate::world::cluster::objects::HelmRelease;

fn condition(kind: &str, status: &str, reason: &str, since: i64) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(since), "observedGeneration": 2 })
}

/// The chart and its values are of one version, and so is the release that Helm made of them.
fn release(conditions: &[Value], attempted: &str, history: &[(i64, &str, &str)]) -> Value {
    let snapshot = |(version, chart, status): &(i64, &str, &str)| json!({ "version": version, "chartName": "shop", "chartVersion": chart, "status": status });
    json!({
        "metadata": { "name": "app", "uid": "h", "generation": 2 },
        "status": { "observedGeneration": 2, "lastAttemptedGeneration": 2, "conditions": conditions,
            "lastAttemptedRevision": attempted, "lastAttemptedReleaseAction": "upgrade",
            "lastAttemptedConfigDigest": format!("sha256:{attempted}"),
            "history": history.iter().map(snapshot).collect::<Vec<_>>() },
    })
}

fn ready_at(version: i64, chart: &str) -> Value {
    let conditions = [condition("Ready", "True", "UpgradeSucceeded", 0), condition("Released", "True", "x", 0)];
    release(&conditions, chart, &[(version - 1, "1.0", "superseded"), (version, chart, "deployed")])
}

fn ready() -> Value {
    ready_at(2, "1.1")
}

/// Helm runs, as the controller reports it.
fn upgrading(chart: &str) -> Value {
    let conditions =
        [condition("Reconciling", "True", "Progressing", 0), condition("Ready", "Unknown", "Progressing", 0)];
    release(&conditions, chart, &[(1, "1.0", "deployed")])
}

/// The release failed, and is retried.
fn failing(reason: &str, since: i64, chart: &str) -> Value {
    let conditions =
        [condition("Reconciling", "True", "ProgressingWithRetry", since), condition("Ready", "False", reason, since)];
    release(&conditions, chart, &[(1, "1.0", "deployed")])
}

fn remediated(reason: &str, more: &[Value]) -> Value {
    let own = [condition("Ready", "False", reason, 1), condition("Remediated", "True", reason, 1)];
    let history = [(3, "1.0", "deployed"), (2, "1.1", "failed"), (1, "1.0", "superseded")];
    release(&[more, &own].concat(), "1.1", &history)
}

fn stalled(reason: &str) -> Value {
    condition("Stalled", "True", reason, 1)
}

fn update(scenario: &mut Scenario, second: u64, it: &Value) {
    scenario.update(second, ClusterUpdate::HelmReleases(WatchUpdate::Applied(parsed(it.clone()))));
}

fn started_with(limits: WorkloadLimits, it: &Value) -> Scenario {
    let mut scenario = Scenario::new(limits);
    let it: HelmRelease = parsed(it.clone());
    let update = WatchUpdate::Listed { items: vec![it], at: Some(BEGAN.parse().unwrap()) };
    scenario.update(0, ClusterUpdate::HelmReleases(update));
    scenario
}

fn alone() -> WorkloadLimits {
    limits(&["helmrelease/app"])
}

fn changed(mut it: Value, changes: &Value) -> Value {
    merge(&mut it, changes);
    it
}

#[test]
fn a_release_is_complete_when_ready_at_this_generation_and_chart() {
    let complete = "complete: deployed shop@1.1 as release 2, and what it installs became healthy";
    started_with(alone(), &ready()).assert_decided(0, Verdict::Passed, complete);
    let requested = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
    let reconciling = condition("Reconciling", "True", "Progressing", 0);
    for (it, expected) in [
        // Its specification has changed since, according to both generations or to one.
        (changed(ready(), &json!({ "metadata": { "generation": 3 } })), "has not observed its latest change yet"),
        (changed(ready(), &json!({ "status": { "observedGeneration": 1 } })), "has not observed its latest change yet"),
        (changed(ready(), &json!({ "status": null })), "has not observed its latest change yet"),
        (changed(ready(), &requested), "a reconciliation was requested"),
        (upgrading("1.1"), "Progressing: why"),
        (
            release(&[condition("Ready", "True", "x", 0), reconciling], "1.1", &[(2, "1.1", "deployed")]),
            "Progressing: why",
        ),
        (release(&[condition("Ready", "Unknown", "AwaitingTests", 0)], "1.1", &[]), "AwaitingTests: why"),
        // `Ready`, but what Helm has deployed is something else.
        (release(&[condition("Ready", "True", "x", 0)], "1.1", &[]), "its history has no release"),
        (
            release(&[condition("Ready", "True", "x", 0)], "1.1", &[(2, "1.0", "deployed")]),
            "1.1 was tried, and release 2 of shop@1.0 is deployed",
        ),
        (
            release(&[condition("Ready", "True", "x", 0)], "1.1", &[(1, "1.1", "deployed"), (2, "1.1", "failed")]),
            "1.1 was tried, and release 2 of shop@1.1 is failed",
        ),
        (failing("DependencyNotReady", -900, "1.1"), "DependencyNotReady: why"),
        (failing("ArtifactFailed", -900, "1.1"), "ArtifactFailed: why"),
        (failing("SourceNotReady", -900, "1.1"), "SourceNotReady: why"),
        (failing("HealthCheckCanceled", -900, "1.1"), "HealthCheckCanceled: why"),
    ] {
        let scenario = started_with(alone(), &it);
        scenario.assert_pending(0, 600, expected);
        scenario.assert_decided(600, Verdict::Blocked, expected);
    }
    let handled = json!({ "status": { "lastHandledReconcileAt": "now" } });
    let handled = changed(changed(ready(), &requested), &handled);
    started_with(alone(), &handled).assert_decided(0, Verdict::Passed, complete);
}

#[test]
fn a_release_that_does_not_wait_is_inconclusive() {
    let without = |action: &str, install: bool, upgrade: bool| {
        let spec = json!({ "install": { "disableWait": install }, "upgrade": { "disableWait": upgrade } });
        changed(ready(), &json!({ "spec": spec, "status": { "lastAttemptedReleaseAction": action } }))
    };
    for (it, is_blind) in [
        (without("install", true, false), true),
        (without("install", false, true), false),
        (without("upgrade", true, false), false),
        (without("upgrade", false, true), true),
        // Either may have been the last.
        (without("", true, false), true),
        (without("", false, true), true),
        (without("", false, false), false),
    ] {
        let scenario = started_with(alone(), &it);
        if is_blind {
            scenario.assert_decided(0, Verdict::Inconclusive, "it checks no health (`disableWait`)");
        } else {
            scenario.assert_decided(0, Verdict::Passed, "became healthy");
        }
    }
    let blind = || without("upgrade", true, true);
    started_with(WorkloadLimits { allow_empty: true, ..alone() }, &blind()).assert_decided(
        0,
        Verdict::Passed,
        "deployed shop@1.1",
    );
    // A Deployment that is watched as well shows the health. A Kustomization that only applies does not.
    let mut scenario = started_with(limits(&["helmrelease/app", "deployment/app"]), &blind());
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    scenario.assert_decided(1, Verdict::Passed, "complete: deployed shop@1.1");
    let mut scenario = started_with(limits(&["helmrelease/app", "kustomization/app"]), &blind());
    let applied = parsed(json!({ "metadata": { "name": "app", "uid": "k" }, "status": { "lastAppliedRevision": "1",
        "lastAttemptedRevision": "1", "conditions": [{ "type": "Ready", "status": "True" }] } }));
    scenario.update(0, ClusterUpdate::Kustomizations(WatchUpdate::Listed { items: vec![applied], at: None }));
    scenario.assert_decided(0, Verdict::Inconclusive, "it checks no health (`disableWait`)");
}

#[test]
fn suspended_and_stalled_releases_block() {
    let suspended = changed(ready(), &json!({ "spec": { "suspend": true } }));
    started_with(alone(), &suspended).assert_decided(0, Verdict::Blocked, "it is suspended (`spec.suspend`)");
    for (reason, ready, expected) in [
        ("RetriesExceeded", "UpgradeFailed", "stalled: RetriesExceeded: why; UpgradeFailed: why"),
        ("RetriesExceeded", "InstallFailed", "stalled: RetriesExceeded: why; InstallFailed: why"),
        ("RetriesExceeded", "TestFailed", "stalled: RetriesExceeded: why; TestFailed: why"),
        ("MissingRollbackTarget", "UpgradeFailed", "stalled: MissingRollbackTarget: why; UpgradeFailed: why"),
        ("AccessDenied", "AccessDenied", "stalled: AccessDenied: why"),
    ] {
        let it =
            || release(&[stalled(reason), condition("Ready", "False", ready, 1)], "1.1", &[(1, "1.0", "deployed")]);
        started_with(alone(), &it()).assert_decided(0, Verdict::Blocked, expected);
        // It was fixed since.
        let mended = changed(it(), &json!({ "metadata": { "generation": 3 } }));
        started_with(alone(), &mended).assert_pending(0, 600, "has not observed its latest change yet");
    }
}

#[test]
fn a_release_that_was_rolled_back_never_passes() {
    for (reason, expected) in [
        ("RollbackSucceeded", "the release failed and was rolled back: RollbackSucceeded: why"),
        ("UninstallSucceeded", "the release failed and was uninstalled: UninstallSucceeded: why"),
    ] {
        let exhausted = format!("{expected}; stalled: RetriesExceeded: why");
        started_with(alone(), &remediated(reason, &[stalled("RetriesExceeded")])).assert_decided(
            0,
            Verdict::Blocked,
            &exhausted,
        );
        // The controller has ended, and may not be stalled yet.
        started_with(alone(), &remediated(reason, &[])).assert_decided(0, Verdict::Blocked, expected);
        // Retries are left.
        let retried = remediated(reason, &[condition("Reconciling", "True", "ProgressingWithRetry", 1)]);
        let mut scenario = started_with(alone(), &retried);
        scenario.assert_pending(1, 120, expected);
        scenario.assert_decided(120, Verdict::Blocked, expected);
        update(&mut scenario, 60, &upgrading("1.1"));
        scenario.assert_pending(121, 600, "Progressing");
        update(&mut scenario, 200, &ready_at(4, "1.1"));
        scenario.assert_decided(200, Verdict::Passed, "deployed shop@1.1 as release 4");
    }
    // No controller reports both. The pods of its Deployment are healthy.
    let both = [condition("Ready", "True", "x", 1), condition("Remediated", "True", "RollbackSucceeded", 1)];
    let mut scenario =
        started_with(limits(&["helmrelease/app", "deployment/app"]), &release(&both, "1.1", &[(3, "1.1", "deployed")]));
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    scenario.assert_decided(1, Verdict::Blocked, "was rolled back");
    // The next specification asks for what it was rolled back to.
    let older = changed(ready_at(3, "1.0"), &json!({ "metadata": { "generation": 3 } }));
    started_with(alone(), &older).assert_pending(0, 600, "has not observed its latest change yet");
    started_with(alone(), &ready_at(3, "1.0")).assert_decided(0, Verdict::Passed, "deployed shop@1.0 as release 3");
}

#[test]
fn retries_are_tolerated_from_the_first_failure_on() {
    for reason in ["InstallFailed", "UpgradeFailed", "TestFailed", "RollbackFailed", "UninstallFailed", "ValuesError"] {
        let mut scenario = started_with(alone(), &upgrading("1.1"));
        update(&mut scenario, 10, &failing(reason, 10, "1.1"));
        scenario.assert_pending(10, 130, &format!("{reason}: why"));
        // Each retry sets a new time, and may make a release that fails as well.
        update(&mut scenario, 70, &upgrading("1.1"));
        scenario.assert_pending(70, 600, "Progressing");
        let another = json!({ "status": { "history": [{ "version": 3, "chartVersion": "1.1", "status": "failed" }] } });
        update(&mut scenario, 100, &changed(failing(reason, 100, "1.1"), &another));
        scenario.assert_pending(129, 130, reason);
        scenario.assert_decided(130, Verdict::Blocked, reason);
        // Another chart may fix it, and so may other values.
        update(&mut scenario, 120, &failing(reason, 120, "1.2"));
        scenario.assert_pending(130, 240, reason);
        let values = json!({ "status": { "lastAttemptedConfigDigest": "sha256:other" } });
        update(&mut scenario, 200, &changed(failing(reason, 200, "1.2"), &values));
        scenario.assert_pending(240, 320, reason);
        update(&mut scenario, 205, &ready_at(4, "1.2"));
        scenario.assert_decided(205, Verdict::Passed, "deployed shop@1.2");
    }
    let patient = WorkloadLimits { grace_periods: vec!["degraded 5m".parse().unwrap()], ..alone() };
    started_with(patient, &failing("UpgradeFailed", 0, "1.1")).assert_pending(0, 300, "UpgradeFailed: why");
}

/// The controller may write the generation of a specification to a result that it had before.
#[test]
fn the_result_of_an_earlier_generation_is_out_of_date() {
    let earlier = json!({ "status": { "lastAttemptedGeneration": 1 } });
    for reason in ["InstallFailed", "UpgradeFailed", "TestFailed", "RollbackFailed", "UninstallFailed"] {
        let it = || failing(reason, -900, "1.1");
        started_with(alone(), &it()).assert_decided(0, Verdict::Blocked, &format!("{reason}: why"));
        started_with(alone(), &changed(it(), &earlier)).assert_pending(
            0,
            600,
            "has not observed its latest change yet",
        );
    }
    for reason in ["RollbackSucceeded", "UninstallSucceeded"] {
        let it = changed(remediated(reason, &[]), &earlier);
        started_with(alone(), &it).assert_pending(0, 600, "has not observed its latest change yet");
    }
    // What comes before an attempt has no attempt of this generation.
    let it = changed(failing("ValuesError", -900, "1.1"), &earlier);
    started_with(alone(), &it).assert_decided(0, Verdict::Blocked, "ValuesError: why");
}

#[test]
fn an_earlier_failure_may_be_fixed_by_the_release_under_promotion() {
    let patient = || WorkloadLimits { appear_timeout: seconds(300), ..alone() };
    let since = |it: Value, since: i64| {
        let mut it = it;
        for one in it["status"]["conditions"].as_array_mut().unwrap() {
            one["lastTransitionTime"] = at(since).into();
        }
        it
    };
    let rolled_back = || remediated("RollbackSucceeded", &[stalled("RetriesExceeded")]);
    for it in [since(rolled_back(), -60), failing("UpgradeFailed", -600, "1.1")] {
        started_with(alone(), &it).assert_decided(0, Verdict::Blocked, "ed: why");
        let scenario = started_with(patient(), &it);
        scenario.assert_pending(0, 300, "ed: why");
        scenario.assert_decided(300, Verdict::Blocked, "ed: why");
    }
    // The release under promotion has its own time limit, and its own failure counts.
    let mut scenario = started_with(patient(), &since(rolled_back(), -60));
    update(&mut scenario, 200, &upgrading("1.2"));
    scenario.assert_pending(200, 800, "Progressing");
    let failed = json!({ "status": { "lastAttemptedRevision": "1.2", "lastAttemptedConfigDigest": "sha256:1.2" } });
    update(&mut scenario, 210, &changed(since(rolled_back(), 210), &failed));
    scenario.assert_decided(210, Verdict::Blocked, "was rolled back");
    update(&mut scenario, 220, &ready_at(5, "1.2"));
    scenario.assert_decided(220, Verdict::Passed, "deployed shop@1.2");
}

#[test]
fn a_reconciliation_without_a_release_does_not_undo_a_complete_one() {
    let steady = || WorkloadLimits { stabilize: seconds(60), ..alone() };
    let looking = || {
        let conditions = [condition("Reconciling", "True", "Progressing", 0), condition("Ready", "True", "x", 0)];
        release(&conditions, "1.1", &[(2, "1.1", "deployed")])
    };
    let mut scenario = started_with(steady(), &ready());
    scenario.assert_pending(59, 60, "complete for less than 1m");
    update(&mut scenario, 50, &looking());
    scenario.assert_pending(65, 650, "Progressing");
    update(&mut scenario, 70, &ready());
    scenario.assert_decided(70, Verdict::Passed, "complete");
    // A new release restarts the time, also one of the same chart and values.
    for (version, chart) in [(3, "1.2"), (3, "1.1")] {
        let mut scenario = started_with(steady(), &ready());
        update(&mut scenario, 50, &upgrading(chart));
        update(&mut scenario, 70, &ready_at(version, chart));
        scenario.assert_pending(129, 130, "complete for less than 1m");
        scenario.assert_decided(130, Verdict::Passed, &format!("deployed shop@{chart} as release 3"));
    }
    // A failure restarts the time, and blocks by its own rules.
    let mut scenario = started_with(steady(), &ready());
    update(&mut scenario, 50, &failing("UpgradeFailed", 50, "1.1"));
    scenario.assert_pending(50, 170, "UpgradeFailed");
    scenario.assert_decided(170, Verdict::Blocked, "UpgradeFailed");
    update(&mut scenario, 80, &ready());
    scenario.assert_pending(139, 140, "complete for less than 1m");
    scenario.assert_decided(140, Verdict::Passed, "complete");
    // Suspended after it was healthy, it waits for someone to resume it.
    let mut scenario = started_with(steady(), &ready());
    update(&mut scenario, 10, &changed(ready(), &json!({ "spec": { "suspend": true } })));
    scenario.assert_pending(10, 600, "it is suspended");
    scenario.assert_decided(600, Verdict::Blocked, "it is suspended");
    update(&mut scenario, 20, &ready());
    scenario.assert_decided(60, Verdict::Passed, "complete");
}

#[test]
fn the_message_of_the_controller_is_masked_and_cut_short() {
    let secret = format!("password=hunter2 {}", "x".repeat(5000));
    for it in [
        failing("UpgradeFailed", -900, "1.1"),
        release(&[stalled("RetriesExceeded"), condition("Ready", "False", "UpgradeFailed", 1)], "1.1", &[]),
        remediated("RollbackSucceeded", &[]),
    ] {
        let mut it = it;
        for one in it["status"]["conditions"].as_array_mut().unwrap() {
            one["message"] = secret.clone().into();
        }
        let (verdict, actual, _) = started_with(alone(), &it).judge_at(0);
        assert!(verdict == Verdict::Blocked && !actual.contains("hunter2") && actual.len() < 900, "{actual}");
    }
}
