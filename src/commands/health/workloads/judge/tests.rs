//! The rules as tables: what is seen at which second, and what is said of it.

mod applications;
mod kinds;
mod kustomizations;
mod meanwhile;
mod pods;
mod rollouts;
mod strange;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    commands::health::workloads::{image::Wanted, observations::Fact},
    finding::Finding,
    observe::Decision,
    world::cluster::{
        News,
        objects::{ControllerRevision, DaemonSet, Deployment, Pod, ReplicaSet, StatefulSet},
    },
};

/// When the gate began, on the cluster's clock.
const BEGAN: &str = "2026-01-01T12:00:00Z";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The cluster's clock so many seconds after the gate began, or before.
fn at(seconds: i64) -> String {
    let began: Timestamp = BEGAN.parse().unwrap();
    (began + jiff::SignedDuration::from_secs(seconds)).to_string()
}

fn rules(workloads: &[&str]) -> Rules {
    Rules {
        workloads: workloads.iter().map(|name| name.parse().unwrap()).collect(),
        context: "staging".to_owned(),
        namespace: "shop".to_owned(),
        image: Wanted::default(),
        appear_timeout: Duration::ZERO,
        timeout: seconds(600),
        stabilize: Duration::ZERO,
        max_unhealthy: seconds(120),
        crash_limit: 3,
        graces: Vec::new(),
        allow_empty: false,
    }
}

fn tagged(tag: &str, rules: Rules) -> Rules {
    Rules { image: Wanted { tag: Some(tag.to_owned()), ..Wanted::default() }, ..rules }
}

fn parsed<T: for<'de> serde::Deserialize<'de>>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// What is changed in an object; `null` takes away.
fn merge(it: &mut Value, changes: &Value) {
    match (it, changes) {
        (Value::Object(it), Value::Object(changes)) => {
            for (key, change) in changes {
                merge(it.entry(key.clone()).or_insert(Value::Null), change);
            }
        }
        (it, changes) => *it = changes.clone(),
    }
}

/// `spec` replicas, and of the status: all, updated, available.
fn deployment(counts: (i32, i32, i32, i32), tag: &str, more: &Value) -> Deployment {
    let (spec, all, updated, available) = counts;
    let mut it = json!({
        "metadata": { "name": "app", "uid": "d", "generation": 2, "annotations": { "deployment.kubernetes.io/revision": "2" } },
        "spec": { "replicas": spec, "template": { "spec": { "containers": [{ "name": "app", "image": format!("shop:{tag}") }] } } },
        "status": { "observedGeneration": 2, "replicas": all, "updatedReplicas": updated, "availableReplicas": available },
    });
    for (key, value) in more.as_object().unwrap() {
        for (inner, value) in value.as_object().unwrap() {
            it[key][inner] = value.clone();
        }
    }
    parsed(it)
}

fn replica_sets() -> Vec<ReplicaSet> {
    let set = |uid: &str, revision: &str| {
        parsed(json!({ "metadata": { "name": uid, "uid": uid, "ownerReferences": [{ "uid": "d", "controller": true }],
            "annotations": { "deployment.kubernetes.io/revision": revision } } }))
    };
    vec![set("old", "1"), set("new", "2")]
}

/// A pod of a ReplicaSet, ready or not for some reason; scheduled and created when the gate began.
fn pod(name: &str, owner: &str, ready: bool, containers: &Value) -> Pod {
    let status = if ready { "True" } else { "False" };
    parsed(json!({
        "metadata": { "name": name, "uid": name, "creationTimestamp": at(0), "labels": { "controller-revision-hash": owner },
            "ownerReferences": [{ "uid": owner, "controller": true }] },
        "spec": { "containers": [{ "name": "app", "image": "shop:2" }] },
        "status": { "phase": "Running", "containerStatuses": [containers], "conditions": [
            { "type": "PodScheduled", "status": "True", "lastTransitionTime": at(0) },
            { "type": "Ready", "status": status, "lastTransitionTime": at(0), "message": "containers with unready status: [app]",
              "reason": "ContainersNotReady" }] },
    }))
}

fn running() -> Value {
    json!({ "name": "app", "ready": true, "state": { "running": { "startedAt": at(0) } } })
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({ "name": "app", "state": { "waiting": { "reason": reason, "message": message } } })
}

fn crashed(restarts: i32, reason: &str) -> Value {
    json!({ "name": "app", "restartCount": restarts, "state": { "waiting": { "reason": "CrashLoopBackOff" } },
        "lastState": { "terminated": { "exitCode": 1, "reason": reason } } })
}

/// What happens, in its order.
struct Story {
    rules: Rules,
    seen: Seen,
}

impl Story {
    fn of(rules: Rules) -> Self {
        let seen = Seen::of(&rules.workloads);
        Self { rules, seen }
    }

    fn hear(&mut self, second: u64, fact: Fact) -> &mut Self {
        self.seen.absorb(&self.rules, seconds(second), fact);
        self
    }

    /// Everything of a Deployment at once.
    fn shows(&mut self, second: u64, deployment: Deployment, pods: Vec<Pod>) -> &mut Self {
        let clock =
            Some(BEGAN.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(i64::try_from(second).unwrap()));
        self.hear(second, Fact::ReplicaSets(News::All { items: replica_sets(), at: clock }));
        self.hear(second, Fact::Pods(News::All { items: pods, at: clock }));
        self.hear(second, Fact::Deployments(News::All { items: vec![deployment], at: clock }))
    }

    /// Verdict and words of the first finding, and whether it is settled, or when it is looked at again.
    fn at(&self, second: u64) -> (Verdict, String, Option<u64>) {
        let Judgement { findings, decision } = judge(&self.rules, &self.seen, seconds(second));
        let revisit = match decision {
            Decision::Decided => None,
            Decision::Pending { revisit } => Some(revisit.map_or(u64::MAX, |moment| moment.as_secs())),
        };
        (findings[0].verdict, findings[0].actual.clone(), revisit)
    }

    #[track_caller]
    fn settled(&self, second: u64, verdict: Verdict, said: &str) {
        let (found, actual, revisit) = self.at(second);
        assert!(
            (found, revisit) == (verdict, None) && actual.contains(said),
            "{second} s: {found} {revisit:?}: {actual}"
        );
    }

    #[track_caller]
    fn open(&self, second: u64, until: u64, said: &str) {
        let (found, actual, revisit) = self.at(second);
        let open = found == Verdict::Inconclusive && revisit == Some(until);
        assert!(open && actual.contains(said), "{second} s: {found} {revisit:?}: {actual}");
    }
}

fn app() -> Rules {
    rules(&["deployment/app"])
}

const NONE: &[Pod] = &[];

#[test]
fn a_rollout_that_is_stuck_is_named() {
    let condition = |kind: &str, status: &str, reason: &str| json!({ "status": { "conditions": [{ "type": kind, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(1) }] } });
    let paused = json!({ "spec": { "paused": true } });
    for (more, blocks, said) in [
        (condition("Progressing", "False", "ProgressDeadlineExceeded"), 6, "ProgressDeadlineExceeded: why"),
        (paused.clone(), 1, "it is paused"),
        (json!({}), 601, "not complete after 10m: 0 of 1 updated"),
    ] {
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 1, 0, 0), "2", &more), NONE.to_vec());
        if blocks > 1 {
            story.open(blocks - 1, blocks, "of 1 updated");
        }
        story.settled(blocks, Verdict::Blocked, said);
    }
    // A failure that is over is none, and neither is a pause after everything was done.
    let well = || vec![pod("a", "new", true, &running())];
    for more in [condition("ReplicaFailure", "False", "FailedCreate"), paused] {
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 1, 1, 1), "2", &more), well());
        story.settled(1, Verdict::Passed, "complete");
    }
    let mut unscheduled = pod("a", "new", false, &json!({ "name": "app" }));
    unscheduled.status.conditions[0].status = "False".to_owned();
    unscheduled.status.conditions[0].reason = "Unschedulable".to_owned();
    unscheduled.status.conditions[0].message = "no cpu".to_owned();
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![unscheduled]);
    story.open(300, 601, "Unschedulable: no cpu");
    story.settled(601, Verdict::Blocked, "not complete after 10m: pod a: Unschedulable: no cpu");
}

#[test]
fn nothing_to_run_is_not_well_unless_that_is_meant() {
    let nothing = || deployment((0, 0, 0, 0), "2", &json!({}));
    let mut story = Story::of(app());
    story.shows(1, nothing(), vec![]);
    story.settled(1, Verdict::Inconclusive, "`replicas: 0`");
    let mut story = Story::of(Rules { allow_empty: true, ..app() });
    story.shows(1, nothing(), vec![]);
    story.settled(1, Verdict::Passed, "`replicas: 0`");
    // The last pod is not gone yet.
    let mut story = Story::of(app());
    story.shows(1, deployment((0, 1, 0, 0), "2", &json!({})), vec![]);
    story.open(1, 601, "1 of the old revision left");
}

#[test]
fn the_image_under_promotion_is_waited_for_and_an_old_one_never_passes() {
    let well = || vec![pod("a", "new", true, &running())];
    let shows = |rules: Rules, tag: &str| {
        let mut story = Story::of(rules);
        story.shows(1, deployment((1, 1, 1, 1), tag, &json!({})), well());
        story
    };
    shows(tagged("2", app()), "2").settled(1, Verdict::Passed, "its pods run an image 2");
    shows(tagged("3", app()), "2").settled(
        1,
        Verdict::Blocked,
        "it is healthy, and runs shop:2: an image 3 has not appeared",
    );
    let patient = Rules { appear_timeout: seconds(300), ..tagged("3", app()) };
    let mut story = shows(patient, "2");
    story.open(299, 300, "an image 3 has not appeared");
    story.settled(300, Verdict::Blocked, "has not appeared within 5m");
    // It comes after all; its own time begins then, and what the old one did is nothing.
    story.hear(200, Fact::Deployments(News::Now(deployment((1, 1, 0, 0), "3", &json!({})))));
    story.open(300, 800, "0 of 1 updated");
    // A crash of the old one is not the new one's.
    let mut story = Story::of(Rules { appear_timeout: seconds(300), ..tagged("3", app()) });
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &crashed(5, "Error"))]);
    story.open(1, 300, "it asks for shop:2: an image 3 has not appeared");
}

#[test]
fn a_digest_is_told_by_the_pods() {
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let wanted = Wanted { digest: Some(digest("1")), ..Wanted::default() };
    for (pulled, verdict, blocks, said) in [
        (format!("shop@{}", digest("1")), Verdict::Passed, 1, "complete"),
        (format!("shop@{}", digest("2")), Verdict::Blocked, 1, "it is healthy, and runs shop:2@sha256:2222"),
        // Nobody can tell; nothing bad was seen either.
        (String::new(), Verdict::Inconclusive, 601, "whose digest is not told"),
    ] {
        let mut state = running();
        state["imageID"] = pulled.into();
        let mut story = Story::of(Rules { image: wanted.clone(), ..app() });
        story.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &state)]);
        story.settled(blocks, verdict, said);
    }
}

#[test]
fn what_is_not_there_is_waited_for_as_well() {
    let mut story = Story::of(Rules { appear_timeout: seconds(60), ..app() });
    let nothing = || News::All { items: Vec::new(), at: None };
    story.hear(1, Fact::ReplicaSets(News::All { items: vec![], at: None }));
    story.hear(1, Fact::Pods(News::All { items: vec![], at: None }));
    story.hear(1, Fact::Deployments(nothing()));
    story.open(59, 60, "there is no such workload in the namespace shop");
    story.settled(60, Verdict::Blocked, "there is no such workload in the namespace shop within 1m");
    // One that is being deleted is none.
    let mut going = deployment((1, 1, 1, 1), "2", &json!({}));
    going.metadata.deletion_timestamp = Some(at(0).parse().unwrap());
    story.hear(2, Fact::Deployments(News::Now(going)));
    story.settled(60, Verdict::Blocked, "no such workload");
}

#[test]
fn after_completion_nothing_may_change_for_the_worse() {
    let steady = || Rules { stabilize: seconds(30), ..app() };
    let complete = |rules: Rules| {
        let mut story = Story::of(rules);
        story.shows(5, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
        story
    };
    let story = complete(steady());
    story.open(34, 35, "to stay so for 30s");
    story.settled(35, Verdict::Passed, "nothing went unready or restarted for 30s");
    let mut restarted = running();
    restarted["restartCount"] = 1.into();
    for (fact, said) in [
        (Fact::Pods(News::Now(pod("a", "new", false, &running()))), "pod a is not ready"),
        (Fact::Pods(News::Now(pod("a", "new", true, &restarted))), "pod a restarted"),
        (Fact::Deployments(News::All { items: vec![], at: None }), "it is gone from the namespace shop"),
    ] {
        let mut story = complete(steady());
        story.hear(10, fact);
        story.settled(10, Verdict::Blocked, said);
        // It was seen, and being well again does not undo it.
        if !said.starts_with("it is gone") {
            story.hear(12, Fact::Pods(News::Now(pod("a", "new", true, &running()))));
            story.hear(12, Fact::Deployments(News::Now(deployment((1, 1, 1, 1), "2", &json!({})))));
            story.settled(35, Verdict::Blocked, "did not stay so for 30s");
        }
    }
}

#[test]
fn what_is_not_heard_of_decides_nothing() {
    let lost = |why: &str| Fact::Pods(News::Lost(why.to_owned()));
    let mut story = Story::of(app());
    story.open(5, u64::MAX, "not seen yet");
    story.hear(5, lost("refused"));
    story.open(64, 65, "the API server of staging does not answer: refused");
    story.settled(65, Verdict::Inconclusive, "does not answer");
    // A pod that would be unhealthy for too long is not judged by what was seen before.
    let mut story = Story::of(app());
    let unready = || pod("a", "new", false, &waiting("ContainerCreating", ""));
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![unready()]);
    story.hear(100, lost("frozen")).hear(110, lost("still frozen"));
    story.open(130, 160, "still frozen");
    story.hear(140, Fact::Pods(News::All { items: vec![unready()], at: None }));
    story.settled(140, Verdict::Blocked, "to be ready within 2m");
    // Nor does a rollout stay well that nobody looks at.
    let mut story = Story::of(Rules { stabilize: seconds(30), ..app() });
    story.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    story.hear(20, lost("gone"));
    story.open(31, 80, "does not answer");
    story.hear(32, Fact::Pods(News::All { items: vec![pod("a", "new", true, &running())], at: None }));
    story.settled(32, Verdict::Passed, "complete");
}

#[test]
fn what_may_not_be_seen_is_named_and_inconclusive() {
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    let no = Finding::inconclusive("the cluster's API").actual("403: forbidden").expected("permission to list pods");
    story.hear(2, Fact::Pods(News::Refused(no)));
    let Judgement { findings, decision } = judge(&story.rules, &story.seen, seconds(2));
    assert_eq!(decision, Decision::Decided);
    let lines: Vec<String> = findings.iter().map(|finding| format!("{} {finding}", finding.verdict)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    inconclusive pods of the namespace shop in staging: the cluster's API: 403: forbidden; expected permission to list pods
    inconclusive deployment/app: not judged: pods cannot be seen; expected the new revision complete, nothing of the old one left
    ");
}
