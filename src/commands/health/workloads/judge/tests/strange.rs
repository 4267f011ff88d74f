//! Objects as no controller writes them: whoever may write one must not bring the gate down, or past it.

use super::*;
use crate::world::cluster::objects::{Object, Rollout};

const NUMBERS: [i32; 5] = [i32::MIN, -1, 0, 1, i32::MAX];

/// Four numbers, every one of them with every other.
fn fours() -> impl Iterator<Item = (i32, i32, i32, i32)> {
    let pairs = || NUMBERS.into_iter().flat_map(|one| NUMBERS.map(|other| (one, other)));
    pairs().flat_map(move |(a, b)| pairs().map(move |(c, d)| (a, b, c, d)))
}

fn all<T: Object>(item: T) -> News<T> {
    News::All { items: vec![item], at: Some(at(0).parse().unwrap()) }
}

/// What is judged of one object, with nothing or with what it made beside it.
fn judged(workload: &str, fact: Fact, pods: &[Pod]) -> (Verdict, String) {
    let mut story = Story::of(rules(&[workload]));
    let revision = json!({ "metadata": { "uid": "n", "labels": { "controller-revision-hash": "new" },
        "ownerReferences": [{ "uid": "new", "controller": true }] }, "revision": i64::MAX });
    let set = |uid: &str, kept: Value| -> ReplicaSet {
        parsed(json!({ "metadata": { "name": uid, "uid": uid, "annotations": kept,
            "labels": { "rollouts-pod-template-hash": uid }, "ownerReferences": [{ "uid": "d", "controller": true }] },
            "status": { "replicas": i32::MAX } }))
    };
    let kept = || json!({ "scale-down-deadline": "" });
    let newest = set("new", json!({ "deployment.kubernetes.io/revision": "2" }));
    let items = vec![newest, set("one", kept()), set("other", kept())];
    story.hear(0, Fact::ReplicaSets(News::All { items, at: None }));
    story.hear(0, Fact::Revisions(all(parsed(revision))));
    story.hear(0, Fact::Pods(News::All { items: pods.to_vec(), at: None }));
    story.hear(0, fact);
    let (verdict, actual, _) = story.at(0);
    story.at(1_000_000);
    (verdict, actual)
}

#[test]
fn no_numbers_pass_for_pods_that_are_not_seen() {
    for (a, b, c, d) in fours() {
        let set: StatefulSet = parsed(json!({ "metadata": { "name": "app", "uid": "new" }, "spec": { "replicas": a },
            "status": { "replicas": a, "readyReplicas": b, "updatedReplicas": c, "availableReplicas": d,
                "currentRevision": "new", "updateRevision": "new" } }));
        let partition: StatefulSet = parsed(json!({ "metadata": { "name": "app", "uid": "new" },
            "spec": { "replicas": a, "updateStrategy": { "rollingUpdate": { "partition": b } } },
            "status": { "replicas": a, "readyReplicas": a, "updatedReplicas": c, "availableReplicas": d } }));
        let daemons: DaemonSet = parsed(json!({ "metadata": { "name": "app", "uid": "new" },
            "status": { "desiredNumberScheduled": a, "updatedNumberScheduled": b, "numberAvailable": c } }));
        let rollout: Rollout = parsed(json!({ "metadata": { "name": "app", "uid": "d", "generation": 1 },
            "spec": { "replicas": a }, "status": { "observedGeneration": "1", "phase": "Healthy", "currentPodHash": "new",
                "stableRS": "new", "replicas": b, "updatedReplicas": c, "availableReplicas": d } }));
        for (workload, fact) in [
            ("deployment/app", Fact::Deployments(all(deployment((a, b, c, d), "2", &json!({}))))),
            ("statefulset/app", Fact::StatefulSets(all(set))),
            ("statefulset/app", Fact::StatefulSets(all(partition))),
            ("daemonset/app", Fact::DaemonSets(all(daemons))),
            ("rollout/app", Fact::Rollouts(all(rollout))),
        ] {
            let (verdict, actual) = judged(workload, fact, &[]);
            assert_ne!(verdict, Verdict::Passed, "{workload} {:?}: {actual}", (a, b, c, d));
        }
    }
}

#[test]
fn what_is_on_its_way_to_nothing_is_not_complete() {
    // Its last pod is there, ready, and about to be taken away.
    let last = [pod("a", "new", true, &running())];
    let deployment = deployment((0, 1, 1, 1), "2", &json!({}));
    let rollout: Rollout = parsed(json!({ "metadata": { "name": "app", "uid": "d", "generation": 1 },
        "spec": { "replicas": 0 }, "status": { "observedGeneration": "1", "phase": "Healthy", "currentPodHash": "new",
            "stableRS": "new", "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1 } }));
    for (workload, fact) in
        [("deployment/app", Fact::Deployments(all(deployment))), ("rollout/app", Fact::Rollouts(all(rollout)))]
    {
        let (verdict, actual) = judged(workload, fact, &last);
        assert!(verdict == Verdict::Inconclusive && actual.contains("undecided"), "{workload}: {verdict}: {actual}");
    }
}

#[test]
fn restarts_without_an_end_are_crashes() {
    let endless = |restarts: i32| json!({ "name": "app", "restartCount": restarts, "state": { "terminated": { "exitCode": 1 } } });
    let mut twice = pod("a", "new", false, &endless(i32::MAX));
    twice.status.init_container_statuses = vec![parsed(endless(i32::MAX))];
    let one = || Fact::Deployments(all(deployment((1, 1, 1, 0), "2", &json!({}))));
    let (verdict, actual) = judged("deployment/app", one(), &[twice]);
    assert!(verdict == Verdict::Blocked && actual.contains("it crashed"), "{verdict}: {actual}");
    judged("deployment/app", one(), &[pod("a", "new", false, &endless(i32::MIN))]);
    // They go on while nothing may change for the worse.
    let well = |restarts: i32| {
        let state = json!({ "name": "app", "ready": true, "restartCount": restarts, "state": { "running": {} } });
        let mut it = pod("a", "new", true, &state);
        it.status.container_statuses.push(parsed(state));
        it
    };
    let mut story = Story::of(Rules { stabilize: seconds(30), ..app() });
    story.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![well(1)]);
    story.hear(2, Fact::Pods(News::Now(well(i32::MAX))));
    story.settled(2, Verdict::Blocked, "pod a restarted");
}

#[test]
fn times_and_probes_of_any_size_are_borne_with() {
    let probe =
        |number: i64| json!({ "initialDelaySeconds": number, "periodSeconds": number, "failureThreshold": number });
    for time in ["-009999-01-02T02:00:00Z", "9999-12-30T22:00:00Z"] {
        for number in [i64::MIN, i64::MAX] {
            let mut it = pod(
                "a",
                "new",
                false,
                &json!({ "name": "app", "restartCount": 1, "state": { "running": { "startedAt": time } } }),
            );
            let container = json!({ "name": "app", "startupProbe": probe(number), "readinessProbe": probe(number) });
            it.spec.containers = vec![parsed(container)];
            it.metadata.creation_timestamp = Some(time.parse().unwrap());
            for condition in &mut it.status.conditions {
                condition.last_transition_time = Some(time.parse().unwrap());
            }
            let mut story = Story::of(app());
            story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![it.clone()]);
            story.settled(601, Verdict::Blocked, "pod a");
            // The clock of the server itself is a text from outside, too.
            let mut story = Story::of(app());
            story.hear(1, Fact::ReplicaSets(News::All { items: replica_sets(), at: Some(time.parse().unwrap()) }));
            story.hear(1, Fact::Pods(News::All { items: vec![it], at: Some(time.parse().unwrap()) }));
            story.hear(1, Fact::Deployments(all(deployment((1, 1, 1, 0), "2", &json!({})))));
            story.settled(700, Verdict::Blocked, "pod a");
        }
    }
}

#[test]
fn a_step_beyond_all_steps_is_a_pause_for_somebody() {
    let paused: Rollout = parsed(json!({ "metadata": { "name": "app", "uid": "d", "generation": 1 },
        "status": { "observedGeneration": "1", "phase": "Paused", "currentStepIndex": u64::MAX,
            "replicas": i32::MIN, "updatedReplicas": i32::MAX, "pauseConditions": [{ "reason": "CanaryPauseStep" }] } }));
    let (verdict, actual) = judged("rollout/app", Fact::Rollouts(all(paused)), &[]);
    assert!(verdict == Verdict::Blocked && actual.contains("until somebody goes on"), "{verdict}: {actual}");
}

#[test]
fn what_looks_like_a_secret_is_in_no_finding() {
    let said = "panic: password=hunter2";
    let one = || deployment((1, 1, 1, 0), "2", &json!({}));
    let ended = json!({ "name": "app", "state": { "terminated": { "exitCode": 1, "message": said } } });
    let condition = json!([{ "type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": said }]);
    let given_up = deployment((1, 1, 0, 0), "2", &json!({ "status": { "conditions": condition } }));
    // Where it is cut, half of it would look like none.
    let edge = format!("{} ghp_{}", "x".repeat(286), "0123456789".repeat(2));
    let mut evicted = pod("a", "new", false, &json!({ "name": "app" }));
    (evicted.status.reason, evicted.status.message) = ("NodeLost".to_owned(), edge);
    for (it, pods) in [
        (one(), vec![pod("a", "new", false, &ended)]),
        (one(), vec![pod("a", "new", false, &waiting("ErrImagePull", said))]),
        (one(), vec![evicted]),
        (given_up, vec![]),
    ] {
        let (_, actual) = judged("deployment/app", Fact::Deployments(all(it)), &pods);
        assert!(actual.contains("***") && !actual.contains("hunter2") && !actual.contains("ghp_"), "{actual}");
    }
}

#[test]
fn what_a_controller_says_is_shown_in_bounds() {
    let long = "ÄÖ".repeat(100_000);
    let condition =
        json!([{ "type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": long, "status": "False" }]);
    let it = deployment((1, 1, 0, 0), "2", &json!({ "status": { "conditions": condition } }));
    let (_, actual) = judged("deployment/app", Fact::Deployments(all(it)), &[]);
    assert!(actual.contains("ProgressDeadlineExceeded: ÄÖ") && actual.len() < 2000, "{}", actual.len());
}
