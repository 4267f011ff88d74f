//! The verdicts as tables: what is observed at which second, and what the judge says about it.

mod applications;
mod concurrent_changes;
mod creation_failures;
mod headlines;
mod helm_releases;
mod hostile_objects;
mod images;
mod init_containers;
mod kinds;
mod kustomizations;
mod live_log;
mod pods;
mod rollouts;
mod stabilization;
mod watches;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    commands::health::workloads::{image::ExpectedImage, live_state::LiveLog, observations::ClusterUpdate},
    finding::Finding,
    observe::Decision,
    world::cluster::{
        WatchUpdate,
        objects::{ControllerRevision, DaemonSet, Deployment, Pod, ReplicaSet, StatefulSet},
    },
};

/// When the gate began, on the cluster's clock.
const BEGAN: &str = "2026-01-01T12:00:00Z";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The time of the cluster so many seconds after the gate began; negative: before.
fn at(seconds: i64) -> String {
    let began: Timestamp = BEGAN.parse().unwrap();
    (began + jiff::SignedDuration::from_secs(seconds)).to_string()
}

fn limits(workloads: &[&str]) -> WorkloadLimits {
    WorkloadLimits {
        workloads: workloads.iter().map(|name| name.parse().unwrap()).collect(),
        context: "staging".to_owned(),
        namespace: "shop".to_owned(),
        image: ExpectedImage::default(),
        appear_timeout: Duration::ZERO,
        rollout_timeout: seconds(600),
        stabilize: Duration::ZERO,
        max_unhealthy: seconds(120),
        crash_limit: 3,
        grace_periods: Vec::new(),
        allow_empty: false,
        asks_registry: false,
    }
}

fn with_tag(tag: &str, limits: WorkloadLimits) -> WorkloadLimits {
    WorkloadLimits { image: ExpectedImage { tag: Some(tag.to_owned()), ..ExpectedImage::default() }, ..limits }
}

fn parsed<T: for<'de> serde::Deserialize<'de>>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Applies changes to an object; `null` removes a value.
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

/// The counts are the replicas in the specification, and all, updated and available ones in the status.
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

/// A pod of a ReplicaSet, created and scheduled when the gate began.
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

/// What the gate observes, in order.
struct Scenario {
    limits: WorkloadLimits,
    observations: WorkloadObservations,
    live_log: LiveLog,
}

impl Scenario {
    fn new(limits: WorkloadLimits) -> Self {
        let observations = WorkloadObservations::new(&limits.workloads);
        let live_log = LiveLog::new(limits.workloads.len());
        Self { limits, observations, live_log }
    }

    fn update(&mut self, second: u64, fact: ClusterUpdate) -> &mut Self {
        self.observations.absorb(&self.limits, seconds(second), fact);
        self
    }

    /// Lists a Deployment with its `ReplicaSet`s and pods.
    fn list_deployment(&mut self, second: u64, deployment: Deployment, pods: Vec<Pod>) -> &mut Self {
        let clock =
            Some(BEGAN.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(i64::try_from(second).unwrap()));
        self.update(second, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items: replica_sets(), at: clock }));
        self.update(second, ClusterUpdate::Pods(WatchUpdate::Listed { items: pods, at: clock }));
        self.update(second, ClusterUpdate::Deployments(WatchUpdate::Listed { items: vec![deployment], at: clock }))
    }

    /// The lines that the log gets at this second.
    fn log_at(&mut self, second: u64) -> Vec<String> {
        self.live_log.update(&self.limits, &self.observations, seconds(second))
    }

    /// Verdict and text of the first finding; `None` if the gate is decided, else the second of the next look.
    fn judge_at(&self, second: u64) -> (Verdict, String, Option<u64>) {
        let Judgement { findings, decision } = judge(&self.limits, &self.observations, seconds(second));
        let revisit = match decision {
            Decision::Decided => None,
            Decision::Pending { revisit } => Some(revisit.map_or(u64::MAX, |moment| moment.as_secs())),
        };
        (findings[0].verdict, findings[0].actual.clone(), revisit)
    }

    #[track_caller]
    fn assert_decided(&self, second: u64, verdict: Verdict, expected: &str) {
        let (found, actual, revisit) = self.judge_at(second);
        assert!(
            (found, revisit) == (verdict, None) && actual.contains(expected),
            "{second} s: {found} {revisit:?}: {actual}"
        );
    }

    #[track_caller]
    fn assert_pending(&self, second: u64, until: u64, expected: &str) {
        let (found, actual, revisit) = self.judge_at(second);
        let open = found == Verdict::Inconclusive && revisit == Some(until);
        assert!(open && actual.contains(expected), "{second} s: {found} {revisit:?}: {actual}");
    }
}

fn app() -> WorkloadLimits {
    limits(&["deployment/app"])
}

const NONE: &[Pod] = &[];

#[test]
fn a_stuck_rollout_blocks_with_its_cause() {
    let condition = |kind: &str, status: &str, reason: &str| json!({ "status": { "conditions": [{ "type": kind, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(1) }] } });
    let paused = json!({ "spec": { "paused": true } });
    for (more, blocks, expected) in [
        (condition("Progressing", "False", "ProgressDeadlineExceeded"), 6, "ProgressDeadlineExceeded: why"),
        (paused.clone(), 1, "it is paused"),
        (json!({}), 601, "not complete after 10m: 0 of 1 updated"),
    ] {
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment((1, 1, 0, 0), "2", &more), NONE.to_vec());
        if blocks > 1 {
            scenario.assert_pending(blocks - 1, blocks, "of 1 updated");
        }
        scenario.assert_decided(blocks, Verdict::Blocked, expected);
    }
    // Neither a failure that is over nor a pause of a complete rollout blocks.
    let well = || vec![pod("a", "new", true, &running())];
    for more in [condition("ReplicaFailure", "False", "FailedCreate"), paused] {
        let mut scenario = Scenario::new(app());
        scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &more), well());
        scenario.assert_decided(1, Verdict::Passed, "complete");
    }
    let mut unscheduled = pod("a", "new", false, &json!({ "name": "app" }));
    unscheduled.status.conditions[0].status = "False".to_owned();
    unscheduled.status.conditions[0].reason = "Unschedulable".to_owned();
    unscheduled.status.conditions[0].message = "no cpu".to_owned();
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![unscheduled]);
    scenario.assert_pending(300, 601, "Unschedulable: no cpu");
    scenario.assert_decided(601, Verdict::Blocked, "not complete after 10m: pod a: Unschedulable: no cpu");
}

#[test]
fn a_workload_without_pods_is_inconclusive_unless_allowed() {
    let nothing = || deployment((0, 0, 0, 0), "2", &json!({}));
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, nothing(), vec![]);
    scenario.assert_decided(1, Verdict::Inconclusive, "`replicas: 0`");
    let mut scenario = Scenario::new(WorkloadLimits { allow_empty: true, ..app() });
    scenario.list_deployment(1, nothing(), vec![]);
    scenario.assert_decided(1, Verdict::Passed, "`replicas: 0`");
    // The last pod is not deleted yet.
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((0, 1, 0, 0), "2", &json!({})), vec![]);
    scenario.assert_pending(1, 601, "1 of the old revision left");
}

#[test]
fn the_gate_waits_for_the_image_under_promotion_and_never_passes_an_old_one() {
    let well = || vec![pod("a", "new", true, &running())];
    let with_image = |limits: WorkloadLimits, tag: &str| {
        let mut scenario = Scenario::new(limits);
        scenario.list_deployment(1, deployment((1, 1, 1, 1), tag, &json!({})), well());
        scenario
    };
    with_image(with_tag("2", app()), "2").assert_decided(1, Verdict::Passed, "its pods run an image with tag 2");
    with_image(with_tag("3", app()), "2").assert_decided(
        1,
        Verdict::Blocked,
        "it is healthy, and runs shop:2, not an image with tag 3",
    );
    let patient = WorkloadLimits { appear_timeout: seconds(300), ..with_tag("3", app()) };
    let mut scenario = with_image(patient, "2");
    scenario.assert_pending(299, 300, "not an image with tag 3");
    scenario.assert_decided(300, Verdict::Blocked, ", after 5m");
    // It appears after all. Its own time limit begins then, and the old image does not count.
    scenario.update(200, ClusterUpdate::Deployments(WatchUpdate::Applied(deployment((1, 1, 0, 0), "3", &json!({})))));
    scenario.assert_pending(300, 800, "0 of 1 updated");
    // A crash of the old image does not count for the new one.
    let mut scenario = Scenario::new(WorkloadLimits { appear_timeout: seconds(300), ..with_tag("3", app()) });
    scenario.list_deployment(
        1,
        deployment((1, 1, 1, 0), "2", &json!({})),
        vec![pod("a", "new", false, &crashed(5, "Error"))],
    );
    scenario.assert_pending(1, 300, "it requests shop:2, not an image with tag 3");
}

#[test]
fn a_missing_workload_blocks_after_the_appear_timeout() {
    let mut scenario = Scenario::new(WorkloadLimits { appear_timeout: seconds(60), ..app() });
    let nothing = || WatchUpdate::Listed { items: Vec::new(), at: None };
    scenario.update(1, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items: vec![], at: None }));
    scenario.update(1, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![], at: None }));
    scenario.update(1, ClusterUpdate::Deployments(nothing()));
    scenario.assert_pending(59, 60, "there is no such workload in the namespace shop");
    scenario.assert_decided(60, Verdict::Blocked, "there is no such workload in the namespace shop, after 1m");
    // A workload that is being deleted does not exist.
    let mut going = deployment((1, 1, 1, 1), "2", &json!({}));
    going.metadata.deletion_timestamp = Some(at(0).parse().unwrap());
    scenario.update(2, ClusterUpdate::Deployments(WatchUpdate::Applied(going)));
    scenario.assert_decided(60, Verdict::Blocked, "no such workload");
}

#[test]
fn an_interrupted_watch_decides_nothing() {
    let lost = |why: &str| ClusterUpdate::Pods(WatchUpdate::Interrupted(why.to_owned()));
    let mut scenario = Scenario::new(app());
    scenario.assert_pending(5, u64::MAX, "not seen yet");
    scenario.update(5, lost("refused"));
    scenario.assert_pending(64, 65, "the API server of staging does not answer: refused");
    scenario.assert_decided(65, Verdict::Inconclusive, "does not answer");
    // An old observation does not make a pod unhealthy for too long.
    let mut scenario = Scenario::new(app());
    let unready = || pod("a", "new", false, &waiting("ContainerCreating", ""));
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), vec![unready()]);
    scenario.update(100, lost("frozen")).update(110, lost("still frozen"));
    scenario.assert_pending(130, 160, "still frozen");
    scenario.update(140, ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![unready()], at: None }));
    scenario.assert_decided(140, Verdict::Blocked, "to be ready within 2m");
    // Nor does it keep a rollout stable.
    let mut scenario = Scenario::new(WorkloadLimits { stabilize: seconds(30), ..app() });
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    scenario.update(20, lost("gone"));
    scenario.assert_pending(31, 80, "does not answer");
    scenario.update(
        32,
        ClusterUpdate::Pods(WatchUpdate::Listed { items: vec![pod("a", "new", true, &running())], at: None }),
    );
    scenario.assert_decided(32, Verdict::Passed, "complete");
}

#[test]
fn watches_that_break_off_in_turn_are_an_outage_since_the_first() {
    let mut scenario = Scenario::new(app());
    let pods = || vec![pod("a", "new", true, &running())];
    scenario.list_deployment(1, deployment((1, 1, 1, 0), "2", &json!({})), pods());
    // The pods come back each time just after the replica sets are gone: no view is old, and never are all current.
    scenario.update(10, ClusterUpdate::Pods(WatchUpdate::Interrupted("garbled".to_owned())));
    for second in (11..69).step_by(2) {
        scenario.update(second, ClusterUpdate::ReplicaSets(WatchUpdate::Interrupted("garbled".to_owned())));
        scenario.update(second, ClusterUpdate::Pods(WatchUpdate::Listed { items: pods(), at: None }));
        scenario.assert_pending(second, 70, "does not answer: garbled");
        scenario.update(second + 1, ClusterUpdate::Pods(WatchUpdate::Interrupted("garbled".to_owned())));
        scenario.update(second + 1, ClusterUpdate::ReplicaSets(WatchUpdate::Listed { items: vec![], at: None }));
        scenario.assert_pending(second + 1, 70, "does not answer: garbled");
    }
    scenario.assert_decided(70, Verdict::Inconclusive, "does not answer: garbled");
    // One moment at which all are current ends it.
    scenario.update(71, ClusterUpdate::Pods(WatchUpdate::Listed { items: pods(), at: None }));
    scenario.update(72, ClusterUpdate::Pods(WatchUpdate::Interrupted("again".to_owned())));
    scenario.assert_pending(73, 132, "does not answer: again");
}

#[test]
fn a_refused_kind_is_named_and_inconclusive() {
    let mut scenario = Scenario::new(app());
    scenario.list_deployment(1, deployment((1, 1, 1, 1), "2", &json!({})), vec![pod("a", "new", true, &running())]);
    let no = Finding::inconclusive("the cluster's API").actual("403: forbidden").expected("permission to list pods");
    scenario.update(2, ClusterUpdate::Pods(WatchUpdate::Refused(no)));
    let Judgement { findings, decision } = judge(&scenario.limits, &scenario.observations, seconds(2));
    assert_eq!(decision, Decision::Decided);
    let lines: Vec<String> = findings.iter().map(|finding| format!("{} {finding}", finding.verdict)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    inconclusive pods of the namespace shop in staging: the cluster's API: 403: forbidden; expected permission to list pods
    inconclusive deployment/app: not judged: pods cannot be seen; expected the new revision complete, nothing of the old one left
    ");
}
