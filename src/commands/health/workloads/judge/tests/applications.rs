//! Argo CD Applications: when their status is current, and which image they run.

use super::*;
use crate::world::cluster::objects::Application;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

/// A healthy and synced Application, with changes.
fn application(changes: &Value) -> Value {
    let source = json!({ "repoURL": "https://example.com/infra", "path": "shop", "targetRevision": "main" });
    let destination = json!({ "server": "https://kubernetes.default.svc", "namespace": "shop" });
    let mut it = json!({
        "metadata": { "name": "app", "uid": "a" },
        "spec": { "source": source, "destination": destination, "syncPolicy": { "automated": { "prune": true } } },
        "status": {
            "sync": { "status": "Synced", "revision": ONE, "comparedTo": { "source": source, "destination": destination } },
            "health": { "status": "Healthy", "lastTransitionTime": at(-900) },
            "operationState": { "phase": "Succeeded", "startedAt": at(-950), "finishedAt": at(-940), "syncResult": { "revision": ONE } },
            "reconciledAt": at(-5),
            "summary": { "images": ["shop:2"] },
        },
    });
    merge(&mut it, changes);
    it
}

fn update(scenario: &mut Scenario, second: u64, changes: &Value) {
    scenario.update(second, ClusterUpdate::Applications(WatchUpdate::Applied(parsed(application(changes)))));
}

fn started_with(limits: WorkloadLimits, changes: &Value) -> Scenario {
    let mut scenario = Scenario::new(limits);
    let it: Application = parsed(application(changes));
    scenario.update(
        0,
        ClusterUpdate::Applications(WatchUpdate::Listed { items: vec![it], at: Some(BEGAN.parse().unwrap()) }),
    );
    scenario
}

fn alone() -> WorkloadLimits {
    limits(&["application/app"])
}

fn health(status: &str, since: i64) -> Value {
    json!({ "status": { "health": { "status": status, "message": "why", "lastTransitionTime": at(since) } } })
}

fn sync(phase: &str, revision: &str, ended: i64) -> Value {
    json!({ "status": { "operationState": { "phase": phase, "message": "why", "finishedAt": at(ended), "syncResult": { "revision": revision } } } })
}

fn out_of_sync(revision: &str, policy: &Value) -> Value {
    json!({ "spec": { "syncPolicy": policy }, "status": { "sync": { "status": "OutOfSync", "revision": revision },
        "resources": [{ "kind": "Deployment", "name": "app", "status": "OutOfSync" }, { "kind": "Service", "name": "app", "status": "Synced" }] } })
}

fn merged(mut one: Value, other: &Value) -> Value {
    merge(&mut one, other);
    one
}

#[test]
fn an_application_is_complete_when_healthy_and_synced_by_a_current_comparison() {
    let well = "complete: Healthy, Synced to 111111111111";
    started_with(alone(), &json!({})).assert_decided(0, Verdict::Passed, well);
    // Neither empty values, which Go omits, nor a dry run change anything.
    let empty = json!({ "spec": { "source": { "directory": { "recurse": false }, "chart": "" }, "sources": [] } });
    started_with(alone(), &empty).assert_decided(0, Verdict::Passed, well);
    let rehearsal = merged(
        sync("Failed", TWO, 5),
        &json!({ "status": { "operationState": { "operation": { "sync": { "dryRun": true } } } } }),
    );
    started_with(alone(), &rehearsal).assert_decided(0, Verdict::Passed, well);
    let warned = json!({ "status": { "conditions": [{ "type": "OrphanedResourceWarning", "message": "1" }] } });
    started_with(alone(), &warned).assert_decided(0, Verdict::Passed, well);
    let several = json!({ "spec": { "source": null, "sources": [{ "path": "a" }] },
        "status": { "sync": { "revision": "", "revisions": [ONE, TWO], "comparedTo": { "source": null, "sources": [{ "path": "a" }] } },
            "operationState": { "syncResult": { "revision": "", "revisions": [ONE, TWO] } } } });
    started_with(alone(), &several).assert_decided(0, Verdict::Passed, "Synced to 111111111111, 222222222222");
    for (changes, expected) in [
        (json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "hard" } } }), "a refresh was requested"),
        (json!({ "status": null }), "it has not been compared yet"),
        (json!({ "status": { "reconciledAt": null } }), "it has not been compared yet"),
        (json!({ "spec": { "source": { "targetRevision": "v2" } } }), "its specification has changed"),
        (
            json!({ "spec": { "source": { "helm": { "valuesObject": { "on": false } } } } }),
            "its specification has changed",
        ),
        (json!({ "spec": { "sources": [{ "path": "a" }] } }), "its specification has changed"),
        (json!({ "spec": { "destination": { "namespace": "other" } } }), "its specification has changed"),
        (json!({ "operation": { "sync": { "revision": TWO } } }), "a sync was requested"),
        (merged(sync("Running", TWO, 0), &json!({ "operation": {} })), "its sync runs: why"),
        (sync("Terminating", TWO, 0), "its sync runs: why"),
        // The sync has ended, and the comparison is older.
        (sync("Succeeded", ONE, -4), "has not been compared since"),
        (json!({ "status": { "sync": { "status": "" } } }), "it has not been compared yet"),
        (json!({ "status": { "health": { "status": "" } } }), "its health has not been reported yet"),
        (health("Progressing", -3), "Progressing: why"),
        (
            json!({ "spec": { "sourceHydrator": {} }, "status": { "sourceHydrator": { "currentOperation": { "phase": "Hydrating" } } } }),
            "hydrated",
        ),
    ] {
        let scenario = started_with(alone(), &changes);
        scenario.assert_pending(0, 600, expected);
        scenario.assert_decided(600, Verdict::Blocked, expected);
    }
}

#[test]
fn an_unknown_status_is_inconclusive_at_the_time_limit() {
    let error = |kind: &str| json!({ "status": { "conditions": [{ "type": kind, "message": "why", "lastTransitionTime": at(0) }] } });
    for (changes, expected) in [
        (health("Unknown", 0), "Unknown: why"),
        (health("Sideways", 0), "Sideways: why"),
        (json!({ "status": { "sync": { "status": "Unknown" } } }), "its sync status is unknown"),
        (error("ComparisonError"), "ComparisonError: why"),
        (error("UnknownError"), "UnknownError: why"),
    ] {
        let scenario = started_with(alone(), &changes);
        scenario.assert_pending(0, 600, expected);
        scenario.assert_decided(600, Verdict::Inconclusive, expected);
    }
    for kind in ["InvalidSpecError", "SyncError", "DeletionError"] {
        let scenario = started_with(alone(), &error(kind));
        scenario.assert_pending(0, 120, &format!("{kind}: why"));
        scenario.assert_decided(120, Verdict::Blocked, &format!("{kind}: why"));
    }
    // The comparison failed for a moment; the Application was healthy before and after.
    let mut scenario = started_with(WorkloadLimits { stabilize: seconds(30), ..alone() }, &json!({}));
    update(&mut scenario, 10, &error("ComparisonError"));
    scenario.assert_pending(40, 600, "ComparisonError");
    update(&mut scenario, 41, &json!({}));
    scenario.assert_decided(41, Verdict::Passed, "complete");
}

#[test]
fn a_failed_sync_blocks_unless_another_sync_follows() {
    for phase in ["Failed", "Error"] {
        started_with(alone(), &sync(phase, ONE, 1)).assert_decided(
            0,
            Verdict::Blocked,
            "its sync to 111111111111 failed: why",
        );
    }
    started_with(alone(), &sync("Failed", "", 1)).assert_decided(0, Verdict::Blocked, "its last sync failed: why");
    let automated = json!({ "automated": {} });
    let follows = merged(sync("Failed", ONE, -60), &out_of_sync(TWO, &automated));
    started_with(alone(), &follows).assert_pending(
        0,
        600,
        "OutOfSync with 222222222222, and to be synced automatically: Deployment/app",
    );
    // Argo CD does not retry the same revision, and does not sync unless that is automated.
    let given_up = merged(sync("Failed", TWO, -60), &out_of_sync(TWO, &automated));
    started_with(alone(), &given_up).assert_decided(0, Verdict::Blocked, "its sync to 222222222222 failed");
    let by_hand = merged(sync("Failed", ONE, -60), &out_of_sync(TWO, &Value::Null));
    started_with(alone(), &by_hand).assert_decided(0, Verdict::Blocked, "its sync to 111111111111 failed");
    // A sync that failed before the gate began may not be the one under promotion.
    let patient = WorkloadLimits { appear_timeout: seconds(300), ..alone() };
    let mut scenario = started_with(patient, &given_up);
    scenario.assert_pending(0, 300, "its sync to 222222222222 failed");
    update(&mut scenario, 100, &sync("Running", TWO, 0));
    update(&mut scenario, 110, &sync("Failed", TWO, 105));
    scenario.assert_decided(300, Verdict::Blocked, "its sync to 222222222222 failed");
}

#[test]
fn out_of_sync_waits_for_an_automated_sync_or_for_a_person() {
    let pruned = json!({ "status": { "resources": [{ "kind": "Job", "name": "old", "status": "OutOfSync", "requiresPruning": true }] } });
    for (changes, expected) in [
        (out_of_sync(TWO, &Value::Null), "OutOfSync with 222222222222 until it is synced by hand: Deployment/app"),
        (out_of_sync(TWO, &json!({ "automated": { "enabled": false } })), "until it is synced by hand"),
        (
            merged(out_of_sync(TWO, &json!({ "automated": { "prune": false } })), &pruned),
            "pruning is not automated, and resources are left over: Job/old",
        ),
    ] {
        let scenario = started_with(alone(), &changes);
        scenario.assert_decided(0, Verdict::Blocked, expected);
        let mut scenario =
            started_with(WorkloadLimits { grace_periods: vec!["paused 1m".parse().unwrap()], ..alone() }, &changes);
        scenario.assert_pending(0, 60, expected);
        update(&mut scenario, 20, &json!({}));
        scenario.assert_decided(20, Verdict::Passed, "complete");
    }
    for (policy, revision, expected) in [
        (json!({ "automated": {} }), TWO, "to be synced automatically"),
        (json!({ "automated": { "prune": true } }), TWO, "to be synced automatically"),
        (json!({ "automated": { "selfHeal": true } }), ONE, "to be synced automatically"),
        // A comparison right after the sync may be older than its changes.
        (json!({ "automated": {} }), ONE, "it was synced to 111111111111, and is OutOfSync again"),
        (Value::Null, ONE, "it was synced to 111111111111, and is OutOfSync again"),
    ] {
        let scenario = started_with(alone(), &out_of_sync(revision, &policy));
        scenario.assert_pending(0, 600, expected);
        scenario.assert_decided(600, Verdict::Blocked, expected);
    }
}

#[test]
fn an_unhealthy_application_is_tolerated_for_its_grace_period() {
    for status in ["Degraded", "Missing"] {
        let scenario = started_with(alone(), &health(status, -20));
        scenario.assert_pending(0, 100, &format!("{status}: why"));
        scenario.assert_decided(100, Verdict::Blocked, &format!("{status}: why"));
        started_with(alone(), &health(status, -120)).assert_decided(0, Verdict::Blocked, status);
        // Health from before the sync says nothing about its result.
        let before = merged(health(status, -120), &json!({ "status": { "operationState": { "startedAt": at(-10) } } }));
        started_with(alone(), &before).assert_pending(0, 110, status);
    }
    // The transition time is not reported.
    let mut scenario = started_with(alone(), &health("Progressing", 0));
    update(
        &mut scenario,
        300,
        &json!({ "status": { "health": { "status": "Degraded", "lastTransitionTime": null } } }),
    );
    scenario.assert_pending(300, 420, "Degraded");
    let mut scenario = started_with(alone(), &health("Degraded", 0));
    update(&mut scenario, 60, &health("Progressing", 60));
    update(&mut scenario, 70, &health("Degraded", 70));
    scenario.assert_pending(70, 190, "Degraded");
    update(&mut scenario, 80, &json!({}));
    scenario.assert_decided(80, Verdict::Passed, "complete");
    started_with(alone(), &health("Suspended", 0)).assert_decided(0, Verdict::Blocked, "Suspended: why");
    let mut steady = started_with(WorkloadLimits { stabilize: seconds(30), ..alone() }, &json!({}));
    update(&mut steady, 10, &health("Progressing", 10));
    steady.assert_pending(20, 610, "Progressing: why");
    update(&mut steady, 25, &json!({}));
    steady.assert_pending(54, 55, "complete for less than 30s");
    steady.assert_decided(55, Verdict::Passed, "; so for 30s");
}

#[test]
fn the_images_of_an_application_are_those_in_its_status() {
    let images = |images: &[&str]| json!({ "status": { "summary": { "images": images } } });
    let two = || with_tag("2", alone());
    let well = started_with(two(), &json!({}));
    well.assert_decided(0, Verdict::Passed, "; it runs an image with tag 2");
    started_with(two(), &images(&["shop:1"])).assert_decided(
        0,
        Verdict::Blocked,
        "it is healthy, and runs shop:1, not an image with tag 2",
    );
    started_with(two(), &images(&[])).assert_decided(0, Verdict::Blocked, "not an image with tag 2");
    // Sidecars have other versions.
    started_with(two(), &images(&["envoy:3", "shop:2"])).assert_decided(0, Verdict::Passed, "complete");
    let both = started_with(two(), &images(&["shop:1", "shop:2"]));
    both.assert_pending(0, 600, "Healthy, Synced to 111111111111, and shop:1 runs as well");
    both.assert_decided(600, Verdict::Inconclusive, "and shop:1 runs as well");
    // The image appears: old, old during the sync, both, new.
    let mut scenario = started_with(WorkloadLimits { appear_timeout: seconds(300), ..two() }, &images(&["shop:1"]));
    scenario.assert_pending(0, 300, "not an image with tag 2");
    update(&mut scenario, 250, &merged(images(&["shop:1"]), &sync("Running", TWO, 0)));
    scenario.assert_pending(250, 850, "its sync runs");
    update(&mut scenario, 260, &merged(images(&["shop:1", "shop:2"]), &health("Progressing", 255)));
    scenario.assert_pending(260, 850, "Progressing");
    update(&mut scenario, 270, &json!({}));
    scenario.assert_decided(270, Verdict::Passed, "; it runs an image with tag 2");
    // The sync brought another image.
    let mut scenario = started_with(
        WorkloadLimits { appear_timeout: seconds(300), ..two() },
        &merged(images(&["shop:1"]), &sync("Running", TWO, 0)),
    );
    update(&mut scenario, 10, &images(&["shop:1"]));
    scenario.assert_pending(10, 300, "not an image with tag 2");
    // An unhealthy old version does not block, but the new one does not appear either.
    let scenario = started_with(
        WorkloadLimits { appear_timeout: seconds(300), ..two() },
        &merged(images(&["shop:1"]), &health("Degraded", -900)),
    );
    scenario.assert_pending(0, 300, "it runs shop:1 (Degraded: why), not an image with tag 2");
    scenario.assert_decided(300, Verdict::Blocked, "(Degraded: why), not an image with tag 2, after 5m");
}

#[test]
fn image_names_do_not_prove_a_digest_but_watched_pods_do() {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let expected_image = |workloads: &[&str], tag: &str| WorkloadLimits {
        image: ExpectedImage { tag: Some(tag.to_owned()), digest: Some(digest("1")), ..ExpectedImage::default() },
        ..limits(workloads)
    };
    let images = |images: &[String]| json!({ "status": { "summary": { "images": images } } });
    let alone = |tag: &str, image: String| started_with(expected_image(&["application/app"], tag), &images(&[image]));
    alone("2", format!("shop@{}", digest("1"))).assert_decided(0, Verdict::Passed, "complete");
    alone("2", format!("shop@{}", digest("2"))).assert_decided(0, Verdict::Blocked, ", not an image with tag");
    alone("3", "shop:2".to_owned()).assert_decided(0, Verdict::Blocked, ", not an image with tag");
    let mut unknown = alone("2", "shop:2".to_owned());
    unknown.assert_decided(0, Verdict::Inconclusive, "shop:2, whose digest is unknown");
    let finding = &judge(&unknown.limits, &unknown.observations, seconds(0)).findings[0];
    assert!(finding.next.as_ref().is_some_and(|next| next.contains("watch its Deployment as well")), "{finding:?}");
    unknown.limits.appear_timeout = seconds(60);
    unknown.assert_pending(0, 60, "shop:2, whose digest is unknown");
    let mut state = running();
    state["imageID"] = format!("shop@{}", digest("1")).into();
    // The pods also show whether an old version is left over.
    for images in [images(&["shop:2".to_owned()]), images(&["shop:1".to_owned(), "shop:2".to_owned()])] {
        let mut beside = started_with(expected_image(&["application/app", "deployment/app"], "2"), &images);
        beside.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &state)]);
        beside.assert_decided(1, Verdict::Passed, "Healthy, Synced");
    }
}

#[test]
fn a_leftover_old_image_passes_when_pods_are_watched() {
    let old = json!({ "status": { "summary": { "images": ["shop:1", "shop:2"] } } });
    let mut beside = started_with(with_tag("2", limits(&["application/app", "deployment/app"])), &old);
    beside.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    beside.assert_decided(1, Verdict::Passed, "Healthy, Synced to 111111111111; it runs an image with tag 2");
}

#[test]
fn the_images_of_a_mirror_are_left_to_the_watched_pods() {
    let of_shop = |workloads: &[&str]| {
        let limits = with_tag("2", limits(workloads));
        WorkloadLimits { image: ExpectedImage { image: Some("shop".parse().unwrap()), ..limits.image }, ..limits }
    };
    let images = |image: &str| json!({ "status": { "summary": { "images": ["envoy:3", image] } } });
    let beside = |image: &str| {
        let mut scenario = started_with(of_shop(&["application/app", "deployment/app"]), &images(image));
        let mut it = pod("a", "new", true, &running());
        it.spec.containers[0].image = image.to_owned();
        scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![it]);
        scenario
    };
    beside("mirror.local/shop:2").assert_decided(1, Verdict::Passed, "Healthy, Synced");
    let other = "runs envoy:3, mirror.local/shop:1 (no container of that repository), not shop:2";
    beside("mirror.local/shop:1").assert_decided(1, Verdict::Blocked, other);
    let alone = started_with(of_shop(&["application/app"]), &images("mirror.local/shop:2"));
    alone.assert_decided(0, Verdict::Blocked, "mirror.local/shop:2 (no container of that repository)");
}

#[test]
fn an_application_needs_no_other_kind() {
    let observations = WorkloadObservations::new(&alone().workloads);
    let needed: Vec<&str> =
        observations.view_states().iter().filter(|view| view.needed).map(|view| view.resource).collect();
    assert_eq!(needed, ["applications"]);
}

#[test]
fn a_change_after_the_stabilization_time_is_no_disturbance() {
    let named = |name: &str, changes: &Value| -> Application {
        let mut it: Application = parsed(application(changes));
        (it.metadata.name, it.metadata.uid) = (name.to_owned(), name.to_owned());
        it
    };
    let mut scenario = Scenario::new(limits(&["application/a", "application/b"]));
    let items = vec![named("a", &json!({})), named("b", &health("Progressing", 0))];
    scenario.update(0, ClusterUpdate::Applications(WatchUpdate::Listed { items, at: Some(BEGAN.parse().unwrap()) }));
    scenario.update(300, ClusterUpdate::Applications(WatchUpdate::Applied(named("a", &health("Progressing", 300)))));
    let (verdict, actual, _) = scenario.judge_at(300);
    assert!(verdict == Verdict::Inconclusive && actual.contains("undecided"), "{verdict}: {actual}");
    // Both must be healthy at the end.
    scenario.update(310, ClusterUpdate::Applications(WatchUpdate::Applied(named("b", &json!({})))));
    let (verdict, actual, _) = scenario.judge_at(310);
    assert!(verdict == Verdict::Inconclusive && actual.contains("Progressing"), "{verdict}: {actual}");
    scenario.update(320, ClusterUpdate::Applications(WatchUpdate::Applied(named("a", &json!({})))));
    scenario.assert_decided(320, Verdict::Passed, "Healthy, Synced");
}
