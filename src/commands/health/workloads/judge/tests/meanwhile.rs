//! What may happen while the gate watches: rollbacks, autoscalers, evictions, other releases, words that are out of date.

use super::*;

fn changed<T: for<'de> serde::Deserialize<'de>>(of: Value, changes: &Value) -> T {
    let mut it = of;
    merge(&mut it, changes);
    parsed(it)
}

/// A ReplicaSet of the Deployment's, with its number.
fn set(uid: &str, number: &str, changes: &Value) -> ReplicaSet {
    let it = json!({ "metadata": { "name": uid, "uid": uid, "ownerReferences": [{ "uid": "d", "controller": true }],
        "annotations": { "deployment.kubernetes.io/revision": number } } });
    changed(it, changes)
}

/// A Deployment with `sets` in the place of the usual ones.
fn shows(story: &mut Story, second: u64, sets: Vec<ReplicaSet>, it: Deployment, pods: Vec<Pod>) {
    let clock = Some(at(i64::try_from(second).unwrap()).parse().unwrap());
    story.hear(second, Fact::ReplicaSets(News::All { items: sets, at: clock }));
    story.hear(second, Fact::Pods(News::All { items: pods, at: clock }));
    story.hear(second, Fact::Deployments(News::All { items: vec![it], at: clock }));
}

fn ready(name: &str) -> Pod {
    pod(name, "new", true, &running())
}

fn condition(kind: &str, status: &str, reason: &str, since: i64) -> Value {
    json!([{ "type": kind, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(since) }])
}

#[test]
fn in_a_rollback_the_revision_that_is_left_is_not_the_new_one() {
    let bad = || vec![ready("a"), pod("b", "old", false, &crashed(9, "Error"))];
    let none = json!({});
    for sets in [
        // The number of the one that is gone back to is raised before the Deployment names it.
        vec![set("new", "3", &none), set("old", "2", &none)],
        // Two have it: whose is it?
        vec![set("new", "2", &none), set("old", "2", &none)],
        vec![set("new", "none", &none), set("old", "1", &none)],
    ] {
        let mut story = Story::of(app());
        shows(&mut story, 1, sets.clone(), deployment((1, 2, 1, 1), "2", &none), bad());
        story.open(1, 601, "1 of the old revision left");
        // Nor does it pass as long as that cannot be told.
        let mut story = Story::of(app());
        shows(&mut story, 1, sets, deployment((1, 1, 1, 1), "2", &none), vec![ready("a")]);
        story.open(1, 601, "newest ReplicaSet is not seen yet");
    }
    // It is named, and its pods are the ones.
    let mut story = Story::of(app());
    let named = json!({ "metadata": { "annotations": { "deployment.kubernetes.io/revision": "3" } } });
    let sets = vec![set("new", "3", &none), set("old", "2", &none)];
    shows(&mut story, 1, sets, deployment((1, 1, 1, 1), "2", &named), bad());
    story.settled(1, Verdict::Passed, "revision 3");
}

#[test]
fn scaled_and_changed_at_once_the_old_revision_is_still_the_only_one() {
    let mut story = Story::of(app());
    let bad = vec![pod("a", "new", false, &crashed(9, "Error"))];
    story.shows(1, deployment((4, 1, 0, 0), "2", &json!({})), bad.clone());
    story.open(1, 601, "0 of 4 updated");
    story.shows(2, deployment((4, 1, 1, 0), "2", &json!({})), bad);
    story.settled(2, Verdict::Blocked, "it crashed 10 times");
}

#[test]
fn a_deadline_that_was_missed_before_is_not_this_rollouts() {
    let missed = |since: i64| json!({ "status": { "conditions": condition("Progressing", "False", "ProgressDeadlineExceeded", since) } });
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 2, 1, 1), "2", &missed(-300)), vec![ready("a")]);
    story.open(1, 6, "ProgressDeadlineExceeded: why");
    story.hear(2, Fact::Deployments(News::Now(deployment((1, 1, 1, 1), "2", &missed(-300)))));
    story.settled(2, Verdict::Passed, "complete");
    // It stays: it is.
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 2, 1, 0), "2", &missed(-300)), vec![]);
    story.settled(6, Verdict::Blocked, "ProgressDeadlineExceeded: why");
}

#[test]
fn only_the_newest_replica_set_tells_that_no_pod_can_be_made() {
    let failed =
        |since: i64| json!({ "status": { "conditions": condition("ReplicaFailure", "True", "FailedCreate", since) } });
    let none = json!({});
    for (of_new, of_old, of_deployment, blocks) in [
        (failed(-300), none.clone(), none.clone(), 16),
        (failed(10), none.clone(), none.clone(), 25),
        (none.clone(), failed(-300), failed(-300), 601),
    ] {
        let mut story = Story::of(app());
        let sets = vec![set("new", "2", &of_new), set("old", "1", &of_old)];
        shows(&mut story, 1, sets, deployment((1, 1, 0, 0), "2", &of_deployment), vec![]);
        story.open(blocks - 1, blocks, "0 of 1 updated");
        story.settled(blocks, Verdict::Blocked, "0 of 1 updated");
    }
    // Not even a ReplicaSet can be made, so the change is never taken up.
    let denied = json!({ "metadata": { "generation": 3 },
        "status": { "conditions": condition("Progressing", "False", "ReplicaSetCreateError", 1) } });
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 1), "2", &denied), vec![ready("a")]);
    story.open(15, 16, "ReplicaSetCreateError: why");
    story.settled(16, Verdict::Blocked, "ReplicaSetCreateError: why");
}

/// A pod that ended for good.
fn ended(name: &str, reason: &str) -> Pod {
    let mut it = pod(name, "new", false, &json!({ "name": "app", "state": { "terminated": { "exitCode": 137 } } }));
    (it.status.phase, it.status.reason, it.status.message) =
        ("Failed".to_owned(), reason.to_owned(), "low on memory".to_owned());
    it
}

#[test]
fn a_pod_that_ended_for_good_is_no_pod_of_the_rollout() {
    let one = || deployment((1, 1, 1, 1), "2", &json!({}));
    let mut story = Story::of(app());
    story.shows(1, one(), vec![ready("a"), ended("b", "Evicted"), ended("c", "NodeShutdown")]);
    story.settled(1, Verdict::Passed, "complete");
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![ended("b", "Evicted")]);
    story.open(300, 601, "1 of 1 updated, 0 available");
    // While nothing may change for the worse, it matters why.
    for (reason, verdict, said) in [
        ("Evicted", Verdict::Blocked, "did not stay so for 30s: pod a: Evicted: low on memory"),
        ("NodeShutdown", Verdict::Passed, "complete"),
        ("Terminated", Verdict::Passed, "complete"),
    ] {
        let mut story = Story::of(Rules { stabilize: seconds(30), ..app() });
        story.shows(1, deployment((2, 2, 2, 2), "2", &json!({})), vec![ready("a"), ready("b")]);
        story.hear(5, Fact::Pods(News::Now(ended("a", reason))));
        story.hear(9, Fact::Pods(News::Now(ready("c"))));
        story.settled(31, verdict, said);
    }
}

#[test]
fn an_autoscaler_may_scale_while_nothing_may_change_for_the_worse() {
    let steady = || {
        let mut story = Story::of(Rules { stabilize: seconds(30), ..app() });
        story.shows(1, deployment((2, 2, 2, 2), "2", &json!({})), vec![ready("a"), ready("b")]);
        story
    };
    let hear = |story: &mut Story, second: u64, it: Deployment| {
        story.hear(second, Fact::Deployments(News::Now(it)));
    };
    let more = json!({ "metadata": { "generation": 3 } });
    // Up: the new pods need their time, and get it.
    let mut story = steady();
    hear(&mut story, 10, deployment((3, 2, 2, 2), "2", &more));
    story.open(10, 721, "not been taken up yet");
    hear(&mut story, 11, deployment((3, 3, 3, 2), "2", &json!({})));
    story.hear(11, Fact::Pods(News::Now(pod("c", "new", false, &waiting("ContainerCreating", "")))));
    story.open(40, 120, "pod c");
    hear(&mut story, 50, deployment((3, 3, 3, 3), "2", &json!({})));
    story.hear(50, Fact::Pods(News::Now(ready("c"))));
    story.settled(50, Verdict::Passed, "complete: 3 of 3 updated");
    // What they do is this release's doing all the same.
    let mut story = steady();
    hear(&mut story, 11, deployment((3, 3, 3, 2), "2", &json!({})));
    story.hear(11, Fact::Pods(News::Now(pod("c", "new", false, &crashed(2, "Error")))));
    story.settled(11, Verdict::Blocked, "pod c, container app: CrashLoopBackOff: it crashed 3 times");
    // Down: a pod that is taken away is not ready any more, and that is no harm.
    let mut story = steady();
    let mut going = pod("b", "new", false, &running());
    going.metadata.deletion_timestamp = Some(at(40).parse().unwrap());
    hear(&mut story, 10, deployment((1, 2, 2, 2), "2", &more));
    story.hear(10, Fact::Pods(News::Now(going.clone())));
    hear(&mut story, 11, deployment((1, 1, 1, 1), "2", &json!({})));
    story.hear(12, Fact::Pods(News::Gone(going)));
    story.settled(31, Verdict::Passed, "complete: 1 of 1 updated");
    // Moved to other nodes altogether: the time begins again.
    let mut story = steady();
    let items = vec![ready("c"), ready("d")];
    story.hear(20, Fact::Pods(News::All { items, at: None }));
    story.open(31, 50, "to stay so for 30s");
    story.settled(50, Verdict::Passed, "complete");
}

#[test]
fn what_happened_while_nothing_was_heard_is_told_by_the_pod() {
    let mut flapped = ready("a");
    flapped.status.conditions[1].last_transition_time = Some(at(12).parse().unwrap());
    for (heard, verdict, said) in [
        (20, Verdict::Blocked, "did not stay so for 30s: pod a was not ready for a while"),
        // Over when it was heard of, but nobody knows that it was before.
        (40, Verdict::Blocked, "did not stay so for 30s: pod a was not ready for a while"),
    ] {
        let mut story = Story::of(Rules { stabilize: seconds(30), ..app() });
        story.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![ready("a")]);
        story.hear(10, Fact::Pods(News::Lost("gone".to_owned())));
        story.hear(heard, Fact::Pods(News::All { items: vec![flapped.clone()], at: None }));
        story.settled(heard, verdict, said);
    }
}

#[test]
fn what_is_listed_again_is_not_known_to_stay_well() {
    let steady = || {
        let mut story = Story::of(Rules { stabilize: seconds(30), ..app() });
        story.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![ready("a")]);
        story.hear(25, Fact::Pods(News::Again));
        story
    };
    let mut story = steady();
    story.open(31, u64::MAX, "not seen yet");
    story.hear(40, Fact::Pods(News::All { items: vec![ready("a")], at: None }));
    story.settled(40, Verdict::Passed, "complete");
    // What became of it meanwhile may have come in its time.
    let mut story = steady();
    story.hear(40, Fact::Pods(News::All { items: vec![pod("a", "new", false, &running())], at: None }));
    story.settled(40, Verdict::Blocked, "did not stay so for 30s: pod a is not ready");
    let mut story = steady();
    story.hear(35, Fact::Pods(News::Lost("no answer".to_owned())));
    story.settled(95, Verdict::Inconclusive, "does not answer: no answer");
}

#[test]
fn what_was_well_for_its_time_is_well_if_it_is_so_in_the_end() {
    let named = |name: &str, counts: (i32, i32, i32, i32)| -> Deployment {
        let mut it = deployment(counts, "2", &json!({}));
        (it.metadata.name, it.metadata.uid) = (name.to_owned(), name.to_owned());
        it
    };
    let set_of = |name: &str| {
        set(
            &format!("{name}-set"),
            "2",
            &json!({ "metadata": { "ownerReferences": [{ "uid": name, "controller": true }] } }),
        )
    };
    let pod_of = |name: &str, ready: bool, restarts: i32| {
        let state = if ready { running() } else { crashed(0, "Error") };
        let mut it = pod(name, &format!("{name}-set"), ready, &state);
        it.status.container_statuses[0].restart_count = restarts;
        it
    };
    let mut story = Story::of(Rules { stabilize: seconds(30), ..rules(&["deployment/a", "deployment/b"]) });
    let clock = || Some(at(1).parse().unwrap());
    story.hear(1, Fact::ReplicaSets(News::All { items: vec![set_of("a"), set_of("b")], at: clock() }));
    story.hear(1, Fact::Pods(News::All { items: vec![pod_of("a", true, 0)], at: clock() }));
    let both = vec![named("a", (1, 1, 1, 1)), named("b", (1, 1, 0, 0))];
    story.hear(1, Fact::Deployments(News::All { items: both, at: clock() }));
    assert!(matches!(story.at(40), (Verdict::Passed, _, Some(601))), "it waits for the other one");
    // Long after its time, and before the other is there.
    story.hear(60, Fact::Pods(News::Now(pod_of("a", true, 1))));
    story.hear(61, Fact::Pods(News::Now(pod_of("b", true, 0))));
    story.hear(61, Fact::Deployments(News::Now(named("b", (1, 1, 1, 1)))));
    story.settled(91, Verdict::Passed, "complete");
    // But one that is broken by then does not pass.
    story.hear(70, Fact::Pods(News::Now(pod_of("a", false, 1))));
    let (verdict, actual, _) = story.at(91);
    assert!(verdict == Verdict::Inconclusive && actual.contains("undecided: pod a"), "{verdict}: {actual}");
    story.hear(95, Fact::Pods(News::Now(pod_of("a", false, 3))));
    story.settled(95, Verdict::Blocked, "pod a, container app: CrashLoopBackOff");
}

#[test]
fn another_release_that_takes_its_place_is_named() {
    let patient = || Rules { appear_timeout: seconds(60), ..tagged("2", app()) };
    let mut story = Story::of(patient());
    story.shows(1, deployment((1, 1, 0, 0), "2", &json!({})), vec![]);
    story.hear(30, Fact::Deployments(News::Now(deployment((1, 1, 0, 0), "3", &json!({})))));
    story.open(30, 60, "an image 2 was asked for, and now shop:3 is: another release took its place");
    story.settled(60, Verdict::Blocked, "another release took its place");
    // It may come back.
    story.hear(40, Fact::Deployments(News::Now(deployment((1, 1, 1, 1), "2", &json!({})))));
    story.hear(40, Fact::Pods(News::All { items: vec![ready("a")], at: None }));
    story.settled(40, Verdict::Passed, "its pods run an image 2");
}

#[test]
fn an_image_that_only_pods_tell_has_its_time_from_when_they_may() {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let wanted = Wanted { digest: Some(digest("2")), ..Wanted::default() };
    let mut story = Story::of(Rules { image: wanted, appear_timeout: seconds(600), ..app() });
    let of = |name: &str, digit: &str| {
        let mut it = ready(name);
        it.status.container_statuses[0].image_id = format!("shop@{}", digest(digit));
        it
    };
    story.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![of("a", "1")]);
    story.open(540, 600, "it is healthy, and runs shop:2@sha256:1111");
    // It comes late, and has all of its time.
    story.shows(540, deployment((1, 2, 1, 0), "2", &json!({})), vec![]);
    story.open(700, 1140, "1 of the old revision left");
    story.shows(800, deployment((1, 1, 1, 1), "2", &json!({})), vec![of("b", "2")]);
    story.settled(800, Verdict::Passed, "complete");
}

#[test]
fn a_broken_pod_of_the_old_revision_holds_up_its_own_cure() {
    let set = |policy: &str| -> StatefulSet {
        parsed(json!({
            "metadata": { "name": "db", "uid": "new", "generation": 1 },
            "spec": { "replicas": 2, "podManagementPolicy": policy, "updateStrategy": { "type": "RollingUpdate" } },
            "status": { "observedGeneration": 1, "replicas": 2, "readyReplicas": 1, "availableReplicas": 1,
                "currentRevision": "old", "updateRevision": "new" },
        }))
    };
    for (policy, holds_up) in [("OrderedReady", true), ("Parallel", false)] {
        let mut story = Story::of(rules(&["statefulset/db"]));
        let mut broken = pod("db-1", "new", false, &crashed(9, "Error"));
        broken.metadata.labels.insert("controller-revision-hash".to_owned(), "old".to_owned());
        story.hear(1, Fact::Pods(News::All { items: vec![broken], at: Some(at(1).parse().unwrap()) }));
        story.hear(1, Fact::StatefulSets(News::All { items: vec![set(policy)], at: None }));
        story.open(1, 601, "0 of 2 updated");
        assert_eq!(story.at(601).1.contains("pod db-1 of the old revision is not ready, and holds it up"), holds_up);
    }
}

#[test]
fn kept_back_altogether_nothing_of_the_new_revision_was_seen() {
    let set = |partition: i32, current: &str, strategy: &str| -> StatefulSet {
        parsed(json!({
            "metadata": { "name": "db", "uid": "new", "generation": 1 },
            "spec": { "replicas": 1, "template": { "spec": { "containers": [{ "image": "shop:2" }] } },
                "updateStrategy": { "type": strategy, "rollingUpdate": { "partition": partition } } },
            "status": { "observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": i32::from(partition == 0 || current == "new"),
                "availableReplicas": 1, "currentRevision": current, "updateRevision": "new" },
        }))
    };
    for (it, owner, verdict, said) in [
        (
            set(5, "old", "RollingUpdate"),
            "old",
            Verdict::Inconclusive,
            "no pod is to run the new revision: `partition: 1`",
        ),
        (set(5, "new", "RollingUpdate"), "new", Verdict::Passed, "1 kept back by `partition`"),
        // Nobody calls a revision the current one where pods are replaced by hand.
        (set(0, "old", "OnDelete"), "new", Verdict::Passed, "1 of 1 updated"),
    ] {
        let mut story = Story::of(tagged("2", rules(&["statefulset/db"])));
        let mut pod = pod("db-0", "new", true, &running());
        pod.metadata.labels.insert("controller-revision-hash".to_owned(), owner.to_owned());
        story.hear(1, Fact::Pods(News::All { items: vec![pod], at: Some(at(1).parse().unwrap()) }));
        story.hear(1, Fact::StatefulSets(News::All { items: vec![it], at: None }));
        story.settled(1, verdict, said);
    }
}
