//! Argo Rollouts: when one is complete, and which pauses end by themselves.

use super::*;
use crate::world::cluster::objects::Rollout;

/// One that is complete, with changes to it.
fn rollout(changes: &Value) -> Rollout {
    let mut it = json!({
        "metadata": { "name": "app", "uid": "r", "generation": 3 },
        "spec": { "replicas": 2, "template": { "spec": { "containers": [{ "name": "app", "image": "shop:2" }] } },
            "strategy": { "canary": { "steps": [{ "setWeight": 20 }, { "pause": {} }, { "pause": { "duration": "1m" } }] } } },
        "status": { "observedGeneration": "3", "phase": "Healthy", "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
            "currentPodHash": "new", "stableRS": "new" },
    });
    merge(&mut it, changes);
    parsed(it)
}

/// Old and new; `kept`: the old one waits to be taken down.
fn sets(tag: &str, kept: i32) -> Vec<ReplicaSet> {
    let set = |hash: &str, tag: &str| {
        json!({ "metadata": { "name": hash, "uid": hash, "labels": { "rollouts-pod-template-hash": hash },
            "ownerReferences": [{ "uid": "r", "controller": true }] },
            "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": format!("shop:{tag}") }] } } } })
    };
    let mut old = set("old", "1");
    if kept > 0 {
        old["metadata"]["annotations"] = json!({ "scale-down-deadline": at(30) });
        old["status"] = json!({ "replicas": kept });
    }
    vec![parsed(old), parsed(set("new", tag))]
}

fn two() -> Vec<Pod> {
    vec![pod("a", "new", true, &running()), pod("b", "new", true, &running())]
}

fn shows(story: &mut Story, second: u64, it: Rollout, sets: Vec<ReplicaSet>, pods: Vec<Pod>) {
    let clock = Some(at(i64::try_from(second).unwrap()).parse().unwrap());
    story.hear(second, Fact::ReplicaSets(News::All { items: sets, at: clock }));
    story.hear(second, Fact::Pods(News::All { items: pods, at: clock }));
    story.hear(second, Fact::Rollouts(News::All { items: vec![it], at: clock }));
}

fn story(changes: &Value) -> Story {
    let mut story = Story::of(rules(&["rollout/app"]));
    shows(&mut story, 1, rollout(changes), sets("2", 0), two());
    story
}

#[test]
fn it_is_complete_when_its_phase_is_believed_and_nothing_of_the_old_one_is_left() {
    story(&json!({})).settled(1, Verdict::Passed, "complete: 2 of 2 updated, 2 available, revision new");
    // Not given is one.
    story(&json!({ "spec": { "replicas": null }, "status": { "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 } }))
        .settled(1, Verdict::Passed, "1 of 1 updated");
    for (changes, said) in [
        // Healthy, but not about this generation; nor about any.
        (json!({ "status": { "observedGeneration": "2" } }), "not been taken up yet"),
        (json!({ "status": { "observedGeneration": "4" } }), "not been taken up yet"),
        (json!({ "status": { "observedGeneration": "" } }), "not been taken up yet"),
        (json!({ "status": { "observedGeneration": "5f9cd6fdb" } }), "not been taken up yet"),
        (json!({ "status": null }), "not been taken up yet"),
        (json!({ "status": { "phase": "" } }), "no phase is told"),
        (
            json!({ "status": { "phase": "Progressing", "message": "more replicas need to be updated" } }),
            "Progressing: more",
        ),
        (json!({ "status": { "phase": "Sideways" } }), "Sideways"),
        (json!({ "status": { "updatedReplicas": 1 } }), "1 of 2 updated"),
        (json!({ "status": { "availableReplicas": 1 } }), "1 available"),
        (json!({ "status": { "stableRS": "old" } }), "2 of 2 updated"),
        (json!({ "status": { "replicas": 3 } }), "1 of the old revision left"),
        // It was told to go on, and has not yet.
        (json!({ "status": { "phase": "Paused", "controllerPause": true } }), "it is about to go on"),
        (json!({ "status": { "currentPodHash": "newer", "stableRS": "newer" } }), "newest ReplicaSet is not seen yet"),
    ] {
        story(&changes).open(1, 601, said);
    }
    let mut story = Story::of(rules(&["rollout/app"]));
    shows(&mut story, 1, rollout(&json!({})), sets("2", 0), two().split_off(1));
    story.open(1, 601, "1 of 2 pods are seen");
}

#[test]
fn what_is_kept_for_a_quick_way_back_is_no_old_revision_that_is_left() {
    let mut story = Story::of(rules(&["rollout/app"]));
    shows(&mut story, 1, rollout(&json!({ "status": { "replicas": 4 } })), sets("2", 2), two());
    story.settled(1, Verdict::Passed, "2 of the old revision kept for a quick way back");
    // One more than those; or a mark on the new one, from when it was to be taken down after an abort.
    let mut marked = sets("2", 0);
    marked[1].metadata.annotations = [("scale-down-deadline".to_owned(), at(30))].into();
    marked[1].status.replicas = 2;
    for (replicas, sets, left) in [(5, sets("2", 2), 1), (4, marked, 2)] {
        let mut story = Story::of(rules(&["rollout/app"]));
        shows(&mut story, 1, rollout(&json!({ "status": { "replicas": replicas } })), sets, two());
        story.open(1, 601, &format!("{left} of the old revision left"));
    }
}

#[test]
fn a_pause_that_ends_by_itself_is_waited_for_and_one_for_a_person_is_not() {
    let paused = |step: i32, reason: &str| {
        json!({ "status": { "phase": "Paused", "message": reason, "controllerPause": true, "currentStepIndex": step,
            "pauseConditions": [{ "reason": reason, "startTime": at(0) }], "updatedReplicas": 1 } })
    };
    let promotion = |value: Value| {
        let mut it = paused(0, "BlueGreenPause");
        it["spec"] = json!({ "strategy": { "canary": null, "blueGreen": { "autoPromotionEnabled": value } } });
        it
    };
    for (changes, said) in [
        (paused(1, "CanaryPauseStep"), "it is paused at step 2 of 3 until somebody goes on: 1 of 2 updated"),
        // Which step that is cannot be told.
        (paused(7, "CanaryPauseStep"), "until somebody goes on"),
        (paused(2, "InconclusiveAnalysisRun"), "until somebody goes on (InconclusiveAnalysisRun)"),
        (paused(2, "InconclusiveExperiment"), "until somebody goes on (InconclusiveExperiment)"),
        (promotion(json!(false)), "until somebody goes on (BlueGreenPause)"),
        (
            json!({ "spec": { "paused": true }, "status": { "phase": "Paused", "message": "manually paused" } }),
            "(`spec.paused`)",
        ),
    ] {
        let story = story(&changes);
        story.settled(1, Verdict::Blocked, said);
        let finding = &judge(&story.rules, &story.seen, seconds(1)).findings[0];
        assert!(finding.next.as_ref().is_some_and(|next| next.contains("promote")), "{finding:?}");
    }
    for changes in [paused(2, "CanaryPauseStep"), promotion(json!(true)), promotion(Value::Null)] {
        story(&changes).open(1, 601, "it is paused for a while");
    }
    // By a clock that goes before ours.
    let mut early = paused(1, "CanaryPauseStep");
    early["status"]["pauseConditions"][0]["startTime"] = at(30).into();
    story(&early).settled(1, Verdict::Blocked, "until somebody goes on");
    // A person may be waited for, from when the pause began.
    let mut story = Story::of(Rules { graces: vec!["paused 5m".parse().unwrap()], ..rules(&["rollout/app"]) });
    shows(&mut story, 1, rollout(&paused(1, "CanaryPauseStep")), sets("2", 0), two());
    story.open(1, 300, "until somebody goes on");
    story.settled(300, Verdict::Blocked, "until somebody goes on");
    story.hear(200, Fact::Rollouts(News::Now(rollout(&json!({})))));
    story.settled(200, Verdict::Passed, "complete");
}

#[test]
fn what_was_given_up_blocks_at_once() {
    let condition = |kind: &str, reason: &str| json!([{ "type": kind, "status": "True", "reason": reason, "message": "why", "lastTransitionTime": at(1) }]);
    let message = "ProgressDeadlineExceeded: ReplicaSet \"new\" has timed out progressing.";
    for (changes, said) in [
        (
            json!({ "status": { "phase": "Degraded", "message": message } }),
            "Degraded: ProgressDeadlineExceeded: ReplicaSet",
        ),
        (
            json!({ "status": { "phase": "Degraded", "abort": true, "message": "RolloutAborted: metric failed" } }),
            "it was aborted: RolloutAborted: metric failed",
        ),
    ] {
        story(&changes).settled(1, Verdict::Blocked, said);
    }
    // An old failure is none of the generation that is to come.
    let stale =
        json!({ "status": { "phase": "Degraded", "abort": true, "message": message, "observedGeneration": "2" } });
    story(&stale).open(1, 601, "not been taken up yet");
    // Another try was asked for: the flag is gone, and the condition not yet.
    let again = json!({ "status": { "phase": "Degraded", "conditions": condition("Progressing", "RolloutAborted") } });
    story(&again).open(1, 601, "to be tried again");
    // It may only have come before the service that it names.
    let invalid = json!({ "status": { "phase": "Degraded", "conditions": condition("InvalidSpec", "InvalidSpec") } });
    let invalid = story(&invalid);
    invalid.open(120, 121, "InvalidSpec: why");
    invalid.settled(121, Verdict::Blocked, "InvalidSpec: why");
    for (kind, reason) in [("ReplicaFailure", "FailedCreate"), ("Progressing", "ReplicaSetCreateError")] {
        let failure = json!({ "status": { "phase": "Progressing", "conditions": condition(kind, reason) } });
        let failure = story(&failure);
        failure.open(15, 16, &format!("{reason}: why"));
        failure.settled(16, Verdict::Blocked, &format!("{reason}: why"));
    }
}

#[test]
fn nothing_to_run_is_not_well_and_pods_of_the_new_revision_are_judged() {
    let nothing =
        json!({ "spec": { "replicas": 0 }, "status": { "replicas": 0, "updatedReplicas": 0, "availableReplicas": 0 } });
    story(&nothing).settled(1, Verdict::Inconclusive, "`replicas: 0`");
    let progressing = json!({ "status": { "phase": "Progressing", "availableReplicas": 1 } });
    let crashing = |owner: &str| vec![pod("a", "new", true, &running()), pod("b", owner, false, &crashed(2, "Error"))];
    let mut new = Story::of(rules(&["rollout/app"]));
    shows(&mut new, 1, rollout(&progressing), sets("2", 0), crashing("new"));
    new.settled(1, Verdict::Blocked, "pod b, container app: CrashLoopBackOff: it crashed 3 times");
    let mut old = Story::of(rules(&["rollout/app"]));
    shows(&mut old, 1, rollout(&progressing), sets("2", 0), crashing("old"));
    old.open(1, 601, "Progressing");
}

#[test]
fn the_image_is_that_of_the_template_or_of_the_newest_set_of_another_objects_template() {
    let mut own = Story::of(tagged("3", rules(&["rollout/app"])));
    shows(&mut own, 1, rollout(&json!({})), sets("2", 0), two());
    own.settled(1, Verdict::Blocked, "it is healthy, and runs shop:2: an image 3 has not appeared");
    let referring = |noted: &str, observed: &str| {
        rollout(&json!({
            "metadata": { "annotations": { "rollout.argoproj.io/workload-generation": noted } },
            "spec": { "template": null, "workloadRef": { "kind": "Deployment", "name": "app" } },
            "status": { "workloadObservedGeneration": observed },
        }))
    };
    let story = |tag: &str, it: Rollout| {
        let mut story = Story::of(tagged(tag, rules(&["rollout/app"])));
        shows(&mut story, 1, it, sets("2", 0), two());
        story
    };
    story("2", referring("5", "5")).settled(1, Verdict::Passed, "its pods run an image 2");
    story("3", referring("5", "5")).settled(1, Verdict::Blocked, "it is healthy, and runs shop:2");
    // The other object has changed, and nothing came of that yet.
    story("3", referring("6", "5")).open(1, 601, "not been taken up yet");
    story("3", referring("", "")).open(1, 601, "not been taken up yet");
}
