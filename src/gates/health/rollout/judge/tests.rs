//! The rules as tables: what is seen at which second, and what is said of it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    gates::health::rollout::{image::Wanted, seen::Fact},
    settle::Standing,
    verdict::Complaint,
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
        let Judgement { findings, standing } = judge(&self.rules, &self.seen, seconds(second));
        let revisit = match standing {
            Standing::Settled => None,
            Standing::Open { revisit } => Some(revisit.map_or(u64::MAX, |moment| moment.as_secs())),
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
fn a_deployment_is_complete_when_the_new_revision_is_all_there_is() {
    let two = || vec![pod("a", "new", true, &running()), pod("b", "new", true, &running())];
    let none = json!({});
    for (counts, more, pods, said) in [
        ((2, 2, 2, 2), &none, two(), None),
        ((2, 2, 2, 2), &json!({ "metadata": { "generation": 3 } }), two(), Some("not been taken up yet")),
        ((2, 3, 2, 2), &none, two(), Some("1 of the old revision left")),
        ((2, 2, 1, 1), &none, two(), Some("1 of 2 updated")),
        ((2, 2, 2, 1), &none, two(), Some("1 available")),
        // The controller is ahead of what we have heard of the pods.
        ((2, 2, 2, 2), &none, two().split_off(1), Some("1 of 2 pods are seen")),
        (
            (2, 2, 2, 2),
            &none,
            vec![pod("a", "old", true, &running()), pod("b", "old", true, &running())],
            Some("0 of 2 pods are seen"),
        ),
        ((1, 1, 1, 1), &none, vec![pod("a", "new", false, &running())], Some("pod a: ")),
        ((2, 2, 2, 2), &json!({ "metadata": { "annotations": {} } }), two(), Some("newest ReplicaSet is not seen yet")),
    ] {
        let mut story = Story::of(app());
        story.shows(1, deployment(counts, "2", more), pods);
        match said {
            None => story.settled(1, Verdict::Passed, "complete: 2 of 2 updated, 2 available, revision 2"),
            Some(said) => {
                let (verdict, actual, revisit) = story.at(1);
                assert!(
                    verdict == Verdict::Inconclusive && revisit.is_some() && actual.contains(said),
                    "{said}: {actual}"
                );
            }
        }
    }
}

#[test]
fn states_of_pods_block_when_their_time_is_up() {
    let not_found = "rpc error: code = NotFound desc = failed to pull: shop:2: not found";
    // State, when it blocks, and the words.
    for (state, blocks, said) in [
        (waiting("InvalidImageName", "bad"), 1, "InvalidImageName: bad"),
        (waiting("ErrImageNeverPull", ""), 1, "ErrImageNeverPull"),
        (waiting("ErrImagePull", not_found), 1, "not found"),
        (waiting("ImagePullBackOff", not_found), 1, "not found"),
        (waiting("ErrImagePull", "manifest unknown"), 1, "manifest unknown"),
        (waiting("ErrImagePull", "dial tcp: i/o timeout"), 61, "i/o timeout"),
        (waiting("ImagePullBackOff", "Back-off pulling image"), 61, "Back-off"),
        (waiting("CreateContainerConfigError", "secret \"x\" not found"), 31, "secret \"x\" not found"),
        // The kubelet's cache comes; what is left is that the pod is not ready.
        (
            waiting("CreateContainerConfigError", "failed to sync secret cache: timed out"),
            120,
            "failed to sync secret cache",
        ),
        (waiting("ContainerCreating", ""), 120, "to be ready within 2m"),
        (crashed(0, "Error"), 120, "it crashed once (Error, exit code 1)"),
        (crashed(1, "Error"), 120, "it crashed 2 times"),
        (crashed(2, "OOMKilled"), 1, "it crashed 3 times (OOMKilled, exit code 1)"),
        (
            json!({ "name": "app", "restartCount": 3, "state": { "running": {} }, "lastState": { "terminated": { "exitCode": 2 } } }),
            1,
            "it crashed 3 times",
        ),
        (
            json!({ "name": "app", "restartCount": 2, "state": { "terminated": { "exitCode": 9, "reason": "Error" } } }),
            1,
            "exit code 9",
        ),
    ] {
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &state)]);
        if blocks > 1 {
            story.open(blocks - 1, blocks, said);
        }
        story.settled(blocks, Verdict::Blocked, said);
        // What the old revision does is not this release's doing.
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 2, 1, 0), "2", &json!({})), vec![pod("a", "old", false, &state)]);
        story.open(130, 601, "1 of the old revision left");
    }
}

#[test]
fn graces_and_the_crash_limit_can_be_set() {
    for (grace, state, blocks) in [
        ("image-pull 5s", waiting("ErrImagePull", "timeout"), 6),
        ("image-not-found 10s", waiting("ErrImagePull", "not found"), 11),
        ("config-error 0s", waiting("CreateContainerConfigError", "no secret"), 1),
        ("invalid-image 3s", waiting("InvalidImageName", ""), 4),
        // It still has to become ready.
        ("image-not-found never", waiting("ErrImagePull", "not found"), 120),
    ] {
        let mut story = Story::of(Rules { graces: vec![grace.parse().unwrap()], ..app() });
        story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &state)]);
        if blocks > 1 {
            story.open(blocks - 1, blocks, "pod a");
        }
        story.settled(blocks, Verdict::Blocked, "pod a");
    }
    let mut story = Story::of(Rules { crash_limit: 1, ..app() });
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", false, &crashed(0, "Error"))]);
    story.settled(1, Verdict::Blocked, "it crashed once");
}

#[test]
fn a_registry_is_remembered_by_what_it_said() {
    let mut story = Story::of(app());
    let with = |state: Value| pod("a", "new", false, &state);
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![with(waiting("ErrImagePull", "shop:2: not found"))]);
    story.hear(2, Fact::Pods(News::Now(with(waiting("ImagePullBackOff", "Back-off pulling image")))));
    story.settled(2, Verdict::Blocked, "ImagePullBackOff: shop:2: not found");
    // One state in two words: the time runs on.
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![with(waiting("ErrImagePull", "timeout"))]);
    story.hear(30, Fact::Pods(News::Now(with(waiting("ImagePullBackOff", "Back-off")))));
    story.open(60, 61, "timeout");
    // Another state, and back: it starts again.
    story.hear(40, Fact::Pods(News::Now(with(waiting("ContainerCreating", "")))));
    story.hear(50, Fact::Pods(News::Now(with(waiting("ErrImagePull", "timeout")))));
    story.open(61, 110, "timeout");
}

#[test]
fn crashes_from_before_do_not_count_on_a_pod_that_was_well() {
    let mut story = Story::of(app());
    let before = json!({ "name": "app", "ready": true, "restartCount": 7, "state": { "running": {} } });
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![pod("a", "new", true, &before)]);
    story.hear(2, Fact::Pods(News::Now(pod("a", "new", false, &crashed(7, "Error")))));
    story.open(2, 120, "it crashed once");
    story.hear(3, Fact::Pods(News::Now(pod("a", "new", false, &crashed(9, "Error")))));
    story.settled(3, Verdict::Blocked, "it crashed 3 times");
}

#[test]
fn a_pod_may_take_the_time_that_its_probes_give_it() {
    for (probes, started, blocks) in [
        (json!({}), 10, 130),
        (json!({ "startupProbe": { "periodSeconds": 10, "failureThreshold": 30 } }), 10, 430),
        (json!({ "readinessProbe": { "initialDelaySeconds": 20, "periodSeconds": 5 } }), 10, 155),
        (
            json!({ "startupProbe": { "initialDelaySeconds": 5, "periodSeconds": 1, "failureThreshold": 10 }, "readinessProbe": { "periodSeconds": 5 } }),
            0,
            140,
        ),
    ] {
        let mut one =
            pod("a", "new", false, &json!({ "name": "app", "state": { "running": { "startedAt": at(started) } } }));
        let mut container = json!({ "name": "app", "image": "shop:2" });
        container.as_object_mut().unwrap().extend(probes.as_object().unwrap().clone());
        one.spec.containers = vec![parsed(container)];
        let mut story = Story::of(app());
        story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![one]);
        story.open(blocks - 1, blocks, "to be ready within 2m");
        story.settled(blocks, Verdict::Blocked, "to be ready within 2m");
    }
    // One that was ready counts from when it stopped being so, long before the gate began too.
    let mut one = pod("a", "new", false, &running());
    one.status.conditions[1].last_transition_time = Some(at(-100).parse().unwrap());
    one.status.conditions[0].last_transition_time = Some(at(-900).parse().unwrap());
    one.status.container_statuses[0].state.running.as_mut().unwrap().started_at = Some(at(-900).parse().unwrap());
    let mut story = Story::of(app());
    story.shows(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![one]);
    story.open(19, 20, "pod a");
    story.settled(20, Verdict::Blocked, "pod a");
}

#[test]
fn a_rollout_that_is_stuck_is_named() {
    let condition = |kind: &str, status: &str, reason: &str| json!({ "status": { "conditions": [{ "type": kind, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(1) }] } });
    let paused = json!({ "spec": { "paused": true } });
    for (more, blocks, said) in [
        (condition("Progressing", "False", "ProgressDeadlineExceeded"), 1, "ProgressDeadlineExceeded: why"),
        (condition("ReplicaFailure", "True", "FailedCreate"), 16, "FailedCreate: why"),
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
        (Fact::Deployments(News::Now(deployment((1, 1, 1, 0), "2", &json!({})))), "1 of 1 updated, 0 available"),
        (Fact::Deployments(News::All { items: vec![], at: None }), "no such workload"),
    ] {
        let mut story = complete(steady());
        story.hear(10, fact);
        story.settled(10, Verdict::Blocked, said);
        // It was seen, and being well again does not undo it.
        if !said.starts_with("no such") {
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
    story.hear(140, Fact::Pods(News::Resumed));
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
    let no = Complaint::about("the cluster's API").seen("403: forbidden").expected("permission to list pods");
    story.hear(2, Fact::Pods(News::Refused(no)));
    let Judgement { findings, standing } = judge(&story.rules, &story.seen, seconds(2));
    assert_eq!(standing, Standing::Settled);
    let lines: Vec<String> = findings.iter().map(|finding| format!("{} {finding}", finding.verdict)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    inconclusive pods of the namespace shop in staging: 403: forbidden; expected permission to list pods
    inconclusive deployment/app: not judged: pods cannot be seen; expected the new revision complete, nothing of the old one left
    ");
}

#[test]
fn a_stateful_set_is_complete_by_revision_and_partition() {
    // Replicas, ready, updated, available; current is the new revision; partition; strategy.
    let set = |counts: (i32, i32, i32, i32), current: &str, partition: i32, strategy: &str| -> StatefulSet {
        let (replicas, ready, updated, available) = counts;
        parsed(json!({
            "metadata": { "name": "db", "uid": "new", "generation": 1 },
            "spec": { "replicas": 2, "template": { "spec": { "containers": [{ "image": "shop:2" }] } },
                "updateStrategy": { "type": strategy, "rollingUpdate": { "partition": partition } } },
            "status": { "observedGeneration": 1, "replicas": replicas, "readyReplicas": ready, "updatedReplicas": updated,
                "availableReplicas": available, "currentRevision": current, "updateRevision": "new" },
        }))
    };
    let rolling = "RollingUpdate";
    for (it, verdict, said) in [
        (set((2, 2, 2, 2), "new", 0, rolling), Verdict::Passed, "2 of 2 updated, 2 of 2 available, revision new"),
        (set((2, 2, 1, 2), "old", 0, rolling), Verdict::Inconclusive, "1 of 2 updated"),
        (set((2, 2, 2, 2), "old", 0, rolling), Verdict::Inconclusive, "not the current one yet"),
        (set((2, 1, 2, 1), "new", 0, rolling), Verdict::Inconclusive, "1 of 2 available"),
        // Ready, and not for `minReadySeconds` yet.
        (set((2, 2, 2, 1), "new", 0, rolling), Verdict::Inconclusive, "1 of 2 available"),
        (set((3, 2, 2, 2), "new", 0, rolling), Verdict::Inconclusive, "2 of 2 updated"),
        (set((2, 2, 1, 2), "old", 1, rolling), Verdict::Passed, "1 kept back by `partition`"),
        (set((2, 2, 0, 2), "old", 0, "OnDelete"), Verdict::Blocked, "only when somebody deletes them"),
        (set((2, 2, 2, 2), "new", 0, "OnDelete"), Verdict::Passed, "2 of 2 updated"),
    ] {
        let mut story = Story::of(rules(&["statefulset/db"]));
        let pods = vec![pod("db-0", "new", true, &running()), pod("db-1", "new", true, &running())];
        story.hear(1, Fact::Pods(News::All { items: pods, at: Some(at(1).parse().unwrap()) }));
        story.hear(1, Fact::StatefulSets(News::All { items: vec![it], at: None }));
        let (found, actual, _) = story.at(1);
        assert!(found == verdict && actual.contains(said), "{said}: {found}: {actual}");
    }
}

#[test]
fn a_daemon_set_is_complete_on_every_node() {
    let set = |desired: i32, updated: i32, available: i32| -> DaemonSet {
        parsed(json!({
            "metadata": { "name": "agent", "uid": "new", "generation": 1 },
            "spec": { "template": { "spec": { "containers": [{ "image": "shop:2" }] } }, "updateStrategy": { "type": "RollingUpdate" } },
            "status": { "observedGeneration": 1, "desiredNumberScheduled": desired, "updatedNumberScheduled": updated, "numberAvailable": available },
        }))
    };
    let revision = |name: &str, number: i64| -> ControllerRevision {
        parsed(json!({ "metadata": { "name": name, "uid": name, "labels": { "controller-revision-hash": name },
            "ownerReferences": [{ "uid": "new", "controller": true }] }, "revision": number }))
    };
    for (it, revisions, verdict, said) in [
        (set(1, 1, 1), vec![revision("old", 1), revision("new", 2)], Verdict::Passed, "1 of 1 updated, 1 available"),
        (set(2, 1, 2), vec![revision("new", 2)], Verdict::Inconclusive, "1 of 2 updated"),
        (set(1, 1, 0), vec![revision("new", 2)], Verdict::Inconclusive, "0 available"),
        (set(0, 0, 0), vec![revision("new", 2)], Verdict::Inconclusive, "no node matches it"),
        (set(1, 1, 1), vec![revision("old", 3), revision("new", 2)], Verdict::Inconclusive, "0 of 1 pods are seen"),
        (set(1, 1, 1), vec![], Verdict::Inconclusive, "newest revision is not seen yet"),
    ] {
        let mut story = Story::of(rules(&["daemonset/agent"]));
        let pods = vec![pod("agent-x", "new", true, &running())];
        story.hear(1, Fact::Pods(News::All { items: pods, at: Some(at(1).parse().unwrap()) }));
        story.hear(1, Fact::Revisions(News::All { items: revisions, at: None }));
        story.hear(1, Fact::DaemonSets(News::All { items: vec![it], at: None }));
        let (found, actual, _) = story.at(1);
        assert!(found == verdict && actual.contains(said), "{said}: {found}: {actual}");
    }
}

#[test]
fn several_pods_with_the_same_trouble_are_one_line() {
    let mut story = Story::of(app());
    let bad = |name: &str| pod(name, "new", false, &waiting("InvalidImageName", "bad"));
    let slow = pod("slow", "new", false, &waiting("ContainerCreating", ""));
    story.shows(1, deployment((4, 4, 4, 0), "2", &json!({})), vec![bad("a"), bad("b"), bad("c"), slow]);
    story.settled(1, Verdict::Blocked, "pod a, container app: InvalidImageName: bad (and 3 more); 4 of 4 updated");
}
