//! Argo CD's Applications: which of their words is about now, and which image they run.

use super::*;
use crate::world::cluster::objects::Application;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

/// One that is well, with changes to it.
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

fn now(story: &mut Story, second: u64, changes: &Value) {
    story.hear(second, Fact::Applications(News::Now(parsed(application(changes)))));
}

fn begun(rules: Rules, changes: &Value) -> Story {
    let mut story = Story::of(rules);
    let it: Application = parsed(application(changes));
    story.hear(0, Fact::Applications(News::All { items: vec![it], at: Some(BEGAN.parse().unwrap()) }));
    story
}

fn alone() -> Rules {
    rules(&["application/app"])
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

fn and(mut one: Value, other: &Value) -> Value {
    merge(&mut one, other);
    one
}

#[test]
fn it_is_complete_when_it_is_healthy_and_synced_by_a_comparison_of_now() {
    let well = "complete: Healthy, Synced to 111111111111";
    begun(alone(), &json!({})).settled(0, Verdict::Passed, well);
    // What Go leaves out when it is empty, and a rehearsal, change nothing.
    let empty = json!({ "spec": { "source": { "directory": { "recurse": false }, "chart": "" }, "sources": [] } });
    begun(alone(), &empty).settled(0, Verdict::Passed, well);
    let rehearsal = and(
        sync("Failed", TWO, 5),
        &json!({ "status": { "operationState": { "operation": { "sync": { "dryRun": true } } } } }),
    );
    begun(alone(), &rehearsal).settled(0, Verdict::Passed, well);
    let warned = json!({ "status": { "conditions": [{ "type": "OrphanedResourceWarning", "message": "1" }] } });
    begun(alone(), &warned).settled(0, Verdict::Passed, well);
    let several = json!({ "spec": { "source": null, "sources": [{ "path": "a" }] },
        "status": { "sync": { "revision": "", "revisions": [ONE, TWO], "comparedTo": { "source": null, "sources": [{ "path": "a" }] } },
            "operationState": { "syncResult": { "revision": "", "revisions": [ONE, TWO] } } } });
    begun(alone(), &several).settled(0, Verdict::Passed, "Synced to 111111111111, 222222222222");
    for (changes, said) in [
        (json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "hard" } } }), "a refresh was asked for"),
        (json!({ "status": null }), "it has not been compared yet"),
        (json!({ "status": { "reconciledAt": null } }), "it has not been compared yet"),
        (json!({ "spec": { "source": { "targetRevision": "v2" } } }), "its specification has changed"),
        (
            json!({ "spec": { "source": { "helm": { "valuesObject": { "on": false } } } } }),
            "its specification has changed",
        ),
        (json!({ "spec": { "sources": [{ "path": "a" }] } }), "its specification has changed"),
        (json!({ "spec": { "destination": { "namespace": "other" } } }), "its specification has changed"),
        (json!({ "operation": { "sync": { "revision": TWO } } }), "a sync was asked for"),
        (and(sync("Running", TWO, 0), &json!({ "operation": {} })), "its sync runs: why"),
        (sync("Terminating", TWO, 0), "its sync runs: why"),
        // It has ended, and what is said of it is older.
        (sync("Succeeded", ONE, -4), "has not been compared since"),
        (json!({ "status": { "sync": { "status": "" } } }), "it has not been compared yet"),
        (json!({ "status": { "health": { "status": "" } } }), "its health has not been told yet"),
        (health("Progressing", -3), "Progressing: why"),
        (
            json!({ "spec": { "sourceHydrator": {} }, "status": { "sourceHydrator": { "currentOperation": { "phase": "Hydrating" } } } }),
            "hydrated",
        ),
    ] {
        let story = begun(alone(), &changes);
        story.open(0, 600, said);
        story.settled(600, Verdict::Blocked, said);
    }
}

#[test]
fn what_it_cannot_tell_itself_is_inconclusive_in_the_end() {
    let error = |kind: &str| json!({ "status": { "conditions": [{ "type": kind, "message": "why", "lastTransitionTime": at(0) }] } });
    for (changes, said) in [
        (health("Unknown", 0), "Unknown: why"),
        (health("Sideways", 0), "Sideways: why"),
        (json!({ "status": { "sync": { "status": "Unknown" } } }), "whether it is synced is not known"),
        (error("ComparisonError"), "ComparisonError: why"),
        (error("UnknownError"), "UnknownError: why"),
    ] {
        let story = begun(alone(), &changes);
        story.open(0, 600, said);
        story.settled(600, Verdict::Inconclusive, said);
    }
    for kind in ["InvalidSpecError", "SyncError", "DeletionError"] {
        let story = begun(alone(), &error(kind));
        story.open(0, 120, &format!("{kind}: why"));
        story.settled(120, Verdict::Blocked, &format!("{kind}: why"));
    }
    // It could not look for a moment, and was well before and after.
    let mut story = begun(Rules { stabilize: seconds(30), ..alone() }, &json!({}));
    now(&mut story, 10, &error("ComparisonError"));
    story.open(40, 600, "ComparisonError");
    now(&mut story, 41, &json!({}));
    story.settled(41, Verdict::Passed, "complete");
}

#[test]
fn a_sync_that_failed_blocks_unless_another_is_to_follow() {
    for phase in ["Failed", "Error"] {
        begun(alone(), &sync(phase, ONE, 1)).settled(0, Verdict::Blocked, "its sync to 111111111111 failed: why");
    }
    begun(alone(), &sync("Failed", "", 1)).settled(0, Verdict::Blocked, "its last sync failed: why");
    let automated = json!({ "automated": {} });
    let follows = and(sync("Failed", ONE, -60), &out_of_sync(TWO, &automated));
    begun(alone(), &follows).open(
        0,
        600,
        "OutOfSync with 222222222222, which is to be synced by itself: Deployment/app",
    );
    // The same revision is not tried twice, and nobody syncs without being asked to.
    let given_up = and(sync("Failed", TWO, -60), &out_of_sync(TWO, &automated));
    begun(alone(), &given_up).settled(0, Verdict::Blocked, "its sync to 222222222222 failed");
    let by_hand = and(sync("Failed", ONE, -60), &out_of_sync(TWO, &Value::Null));
    begun(alone(), &by_hand).settled(0, Verdict::Blocked, "its sync to 111111111111 failed");
    // What had failed before we looked may not be what is under promotion.
    let patient = Rules { appear_timeout: seconds(300), ..alone() };
    let mut story = begun(patient, &given_up);
    story.open(0, 300, "its sync to 222222222222 failed");
    now(&mut story, 100, &sync("Running", TWO, 0));
    now(&mut story, 110, &sync("Failed", TWO, 105));
    story.settled(300, Verdict::Blocked, "its sync to 222222222222 failed");
}

#[test]
fn out_of_sync_is_on_its_way_or_waits_for_somebody() {
    let pruned = json!({ "status": { "resources": [{ "kind": "Job", "name": "old", "status": "OutOfSync", "requiresPruning": true }] } });
    for (changes, said) in [
        (out_of_sync(TWO, &Value::Null), "OutOfSync with 222222222222 until somebody syncs it: Deployment/app"),
        (out_of_sync(TWO, &json!({ "automated": { "enabled": false } })), "until somebody syncs it"),
        (
            and(out_of_sync(TWO, &json!({ "automated": { "prune": false } })), &pruned),
            "nobody prunes what is left over: Job/old",
        ),
    ] {
        let story = begun(alone(), &changes);
        story.settled(0, Verdict::Blocked, said);
        let mut story = begun(Rules { graces: vec!["paused 1m".parse().unwrap()], ..alone() }, &changes);
        story.open(0, 60, said);
        now(&mut story, 20, &json!({}));
        story.settled(20, Verdict::Passed, "complete");
    }
    for (policy, revision, said) in [
        (json!({ "automated": {} }), TWO, "to be synced by itself"),
        (json!({ "automated": { "prune": true } }), TWO, "to be synced by itself"),
        (json!({ "automated": { "selfHeal": true } }), ONE, "to be synced by itself"),
        // A comparison right after the sync may be older than what that did.
        (json!({ "automated": {} }), ONE, "it was synced to 111111111111, and is OutOfSync again"),
        (Value::Null, ONE, "it was synced to 111111111111, and is OutOfSync again"),
    ] {
        let story = begun(alone(), &out_of_sync(revision, &policy));
        story.open(0, 600, said);
        story.settled(600, Verdict::Blocked, said);
    }
}

#[test]
fn unhealthy_is_borne_with_for_a_while() {
    for status in ["Degraded", "Missing"] {
        let story = begun(alone(), &health(status, -20));
        story.open(0, 100, &format!("{status}: why"));
        story.settled(100, Verdict::Blocked, &format!("{status}: why"));
        begun(alone(), &health(status, -120)).settled(0, Verdict::Blocked, status);
        // From before the sync is no word on what that brought.
        let before = and(health(status, -120), &json!({ "status": { "operationState": { "startedAt": at(-10) } } }));
        begun(alone(), &before).open(0, 110, status);
    }
    // Since when is not told.
    let mut story = begun(alone(), &health("Progressing", 0));
    now(&mut story, 300, &json!({ "status": { "health": { "status": "Degraded", "lastTransitionTime": null } } }));
    story.open(300, 420, "Degraded");
    let mut story = begun(alone(), &health("Degraded", 0));
    now(&mut story, 60, &health("Progressing", 60));
    now(&mut story, 70, &health("Degraded", 70));
    story.open(70, 190, "Degraded");
    now(&mut story, 80, &json!({}));
    story.settled(80, Verdict::Passed, "complete");
    begun(alone(), &health("Suspended", 0)).settled(0, Verdict::Blocked, "Suspended: why");
    let mut steady = begun(Rules { stabilize: seconds(30), ..alone() }, &json!({}));
    now(&mut steady, 10, &health("Progressing", 10));
    steady.settled(10, Verdict::Blocked, "it was complete, and did not stay so for 30s: Progressing: why");
}

#[test]
fn its_images_are_those_that_it_lists() {
    let images = |images: &[&str]| json!({ "status": { "summary": { "images": images } } });
    let two = || tagged("2", alone());
    let well = begun(two(), &json!({}));
    well.settled(0, Verdict::Passed, "; it runs an image 2");
    begun(two(), &images(&["shop:1"])).settled(
        0,
        Verdict::Blocked,
        "it is healthy, and runs shop:1: an image 2 has not appeared",
    );
    begun(two(), &images(&[])).settled(0, Verdict::Blocked, "an image 2 has not appeared");
    // Companions have versions of their own.
    begun(two(), &images(&["envoy:3", "shop:2"])).settled(0, Verdict::Passed, "complete");
    let both = begun(two(), &images(&["shop:1", "shop:2"]));
    both.open(0, 600, "Healthy, Synced to 111111111111, and shop:1 runs as well");
    both.settled(600, Verdict::Inconclusive, "and shop:1 runs as well");
    // It comes: old, old while it is synced, both, new.
    let mut story = begun(Rules { appear_timeout: seconds(300), ..two() }, &images(&["shop:1"]));
    story.open(0, 300, "an image 2 has not appeared");
    now(&mut story, 250, &and(images(&["shop:1"]), &sync("Running", TWO, 0)));
    story.open(250, 850, "its sync runs");
    now(&mut story, 260, &and(images(&["shop:1", "shop:2"]), &health("Progressing", 255)));
    story.open(260, 850, "Progressing");
    now(&mut story, 270, &json!({}));
    story.settled(270, Verdict::Passed, "; it runs an image 2");
    // Or what came was something else.
    let mut story =
        begun(Rules { appear_timeout: seconds(300), ..two() }, &and(images(&["shop:1"]), &sync("Running", TWO, 0)));
    now(&mut story, 10, &images(&["shop:1"]));
    story.open(10, 300, "an image 2 has not appeared");
    // An unhealthy old one is none of ours, but nothing new appears by itself.
    let story =
        begun(Rules { appear_timeout: seconds(300), ..two() }, &and(images(&["shop:1"]), &health("Degraded", -900)));
    story.open(0, 300, "it runs shop:1 (Degraded: why): an image 2 has not appeared");
    story.settled(300, Verdict::Blocked, "(Degraded: why): an image 2 has not appeared within 5m");
}

#[test]
fn names_are_no_proof_of_a_digest_but_pods_beside_are() {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let wanted = |workloads: &[&str], tag: &str| Rules {
        image: Wanted { tag: Some(tag.to_owned()), digest: Some(digest("1")), ..Wanted::default() },
        ..rules(workloads)
    };
    let images = |images: &[String]| json!({ "status": { "summary": { "images": images } } });
    let alone = |tag: &str, image: String| begun(wanted(&["application/app"], tag), &images(&[image]));
    alone("2", format!("shop@{}", digest("1"))).settled(0, Verdict::Passed, "complete");
    alone("2", format!("shop@{}", digest("2"))).settled(0, Verdict::Blocked, "has not appeared");
    alone("3", "shop:2".to_owned()).settled(0, Verdict::Blocked, "has not appeared");
    let mut unknown = alone("2", "shop:2".to_owned());
    unknown.settled(0, Verdict::Inconclusive, "shop:2, whose digest is not told");
    let finding = &judge(&unknown.rules, &unknown.seen, seconds(0)).findings[0];
    assert!(finding.next.as_ref().is_some_and(|next| next.contains("name its deployment beside it")), "{finding:?}");
    unknown.rules.appear_timeout = seconds(60);
    unknown.open(0, 60, "shop:2, whose digest is not told");
    let mut state = running();
    state["imageID"] = format!("shop@{}", digest("1")).into();
    // What of an old version is left over is told by the pods as well.
    for images in [images(&["shop:2".to_owned()]), images(&["shop:1".to_owned(), "shop:2".to_owned()])] {
        let mut beside = begun(wanted(&["application/app", "deployment/app"], "2"), &images);
        beside.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &state)]);
        beside.settled(1, Verdict::Passed, "Healthy, Synced");
    }
}

#[test]
fn an_old_image_that_is_left_over_is_nothing_where_pods_are_looked_at() {
    let old = json!({ "status": { "summary": { "images": ["shop:1", "shop:2"] } } });
    let mut beside = begun(tagged("2", rules(&["application/app", "deployment/app"])), &old);
    beside.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    beside.settled(1, Verdict::Passed, "Healthy, Synced to 111111111111; it runs an image 2");
}

#[test]
fn nothing_but_the_application_is_looked_at() {
    let seen = Seen::of(&alone().workloads);
    let needed: Vec<&str> = seen.states().iter().filter(|view| view.needed).map(|view| view.resource).collect();
    assert_eq!(needed, ["applications"]);
}

#[test]
fn what_was_complete_for_its_time_is_no_disturbance_while_another_is_waited_for() {
    let named = |name: &str, changes: &Value| -> Application {
        let mut it: Application = parsed(application(changes));
        (it.metadata.name, it.metadata.uid) = (name.to_owned(), name.to_owned());
        it
    };
    let mut story = Story::of(rules(&["application/a", "application/b"]));
    let items = vec![named("a", &json!({})), named("b", &health("Progressing", 0))];
    story.hear(0, Fact::Applications(News::All { items, at: Some(BEGAN.parse().unwrap()) }));
    story.hear(300, Fact::Applications(News::Now(named("a", &health("Progressing", 300)))));
    let (verdict, actual, _) = story.at(300);
    assert!(verdict == Verdict::Inconclusive && actual.contains("undecided"), "{verdict}: {actual}");
    // Both have to be well in the end.
    story.hear(310, Fact::Applications(News::Now(named("b", &json!({})))));
    let (verdict, actual, _) = story.at(310);
    assert!(verdict == Verdict::Inconclusive && actual.contains("Progressing"), "{verdict}: {actual}");
    story.hear(320, Fact::Applications(News::Now(named("a", &json!({})))));
    story.settled(320, Verdict::Passed, "Healthy, Synced");
}
