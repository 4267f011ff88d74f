//! One gate for one Deployment in a namespace with 5,000 pods of others: memory and time. Compared with one
//! `kubectl rollout status`, which requests only the Deployment.

use std::thread;

use serde_json::{Value, json};

use super::{
    control_plane::ControlPlane,
    figures::{Sample, megabytes, seconds},
    goals::Goals,
    programs::{ProgramEnd, Programs, RunningProgram},
    workloads::TestNamespace,
};

const OTHER_PODS: usize = 5000;
/// Requests that create objects at the same time.
const WRITERS: usize = 4;
/// The size of an annotation that makes the pods as large as real ones, in bytes.
const PADDING: usize = 4096;
/// The highest allowed ratio of the medians.
const MAX_RATIO: f64 = 2.0;

pub fn compare(control_plane: &ControlPlane, programs: &Programs, runs: u32, goals: &mut Goals) {
    let ns = TestNamespace::new(control_plane, "busy");
    create_others(&ns);
    ns.deploy("deployments", "app", 2, "1", &json!({}));
    ns.available("app", 2);
    let kubectl = || programs.kubectl(&ns.name, &["rollout", "status", "deployment/app", "--timeout=120s"]);
    let ours = || programs.ours(&ns.name, &["--workload=deployment/app", "--tag=1", "--stabilize=0"]);
    // The first run of kubectl fills its discovery cache.
    measure(kubectl());
    let pairs: Vec<_> = (0..runs).map(|_| (measure(ours()), measure(kubectl()))).collect();
    println!(
        "\none complete Deployment beside {OTHER_PODS} pods of others, one in {PODS_PER_WARNING} with a Warning event, {runs} \
         runs:"
    );
    let print = |name: &str, times: &Sample, memory: Sample| println!("  {name:26}  {times:.2} s, {memory:.0} MB");
    let time = (Sample::new(pairs.iter().map(|pair| pair.0.0)), Sample::new(pairs.iter().map(|pair| pair.1.0)));
    print("promote-gates, stabilize 0", &time.0, Sample::new(pairs.iter().map(|pair| pair.0.1)));
    print("kubectl rollout status", &time.1, Sample::new(pairs.iter().map(|pair| pair.1.1)));
    println!("  {:26}  {:.2}", "ratio", Sample::new(pairs.iter().map(|(ours, theirs)| ours.0 / theirs.0)));
    let goal = format!("one workload beside {OTHER_PODS} pods of others, ratio of the median times to kubectl");
    goals.at_most(MAX_RATIO, time.0.median() / time.1.median(), &goal);
}

/// The time of a run in seconds, and its memory use in megabytes.
fn measure(running: RunningProgram) -> (f64, f64) {
    let ProgramEnd { code, began, at, peak, log } = running.end();
    assert_eq!(code, Some(0), "{log}");
    (seconds(at.duration_since(began)), megabytes(peak))
}

/// How many pods there are for one with a Warning event.
const PODS_PER_WARNING: usize = 50;

/// Creates pods without a node, which no kubelet handles, and Warning events about some of them.
fn create_others(ns: &TestNamespace<'_>) {
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                for number in (writer..OTHER_PODS).step_by(WRITERS) {
                    create_pod(ns, number);
                }
            });
        }
    });
}

fn create_pod(ns: &TestNamespace<'_>, number: usize) {
    let metadata = json!({
        "name": format!("other-{number:04}"),
        "labels": { "app": format!("other-{}", number / 10) },
        "annotations": { "padding": "x".repeat(PADDING) },
    });
    let spec = json!({ "containers": [{ "name": "app", "image": "ghcr.io/acme/other:1" }] });
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec });
    let pod = ns.control_plane.api.create(&format!("/api/v1/namespaces/{}/pods", ns.name), &pod);
    if number.is_multiple_of(PODS_PER_WARNING) {
        create_warning(ns, &pod);
    }
}

/// Creates the Warning event that a scheduler writes about a pod.
pub fn create_warning(ns: &TestNamespace<'_>, pod: &Value) {
    let (metadata, at) = (&pod["metadata"], &pod["metadata"]["creationTimestamp"]);
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": "FailedScheduling", "count": 1,
        "metadata": { "generateName": "warning-" },
        "message": "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available.",
        "firstTimestamp": at, "lastTimestamp": at,
        "involvedObject": {
            "apiVersion": "v1", "kind": "Pod", "namespace": ns.name, "name": metadata["name"], "uid": metadata["uid"],
        },
    });
    ns.control_plane.api.create(&format!("/api/v1/namespaces/{}/events", ns.name), &event);
}
