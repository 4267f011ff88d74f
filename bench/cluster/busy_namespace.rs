//! One gate for one Deployment in a namespace with 5,000 pods of others: memory and time. Compared with one
//! `kubectl rollout status`, which requests only the Deployment.

use std::thread;

use serde_json::json;

use super::{
    control_plane::ControlPlane,
    figures::{Bounds, median, megabytes, seconds},
    programs::{ProgramEnd, Programs, RunningProgram, now},
    workloads::TestNamespace,
};

const OTHER_PODS: usize = 5000;
/// Requests that create pods at the same time.
const WRITERS: usize = 4;
/// The size of an annotation that makes the pods as large as real ones, in bytes.
const PADDING: usize = 4096;
const RUNS: usize = 5;
/// The highest allowed memory use, in bytes.
const MAX_MEMORY: u64 = 32_000_000;
/// The longest allowed median, in seconds.
const MAX_MEDIAN: f64 = 0.5;

pub fn compare(control_plane: &ControlPlane, programs: &Programs, bounds: &mut Bounds) {
    let ns = TestNamespace::new(control_plane, "busy");
    create_other_pods(&ns);
    ns.deploy("deployments", "app", 2, "1", &json!({}));
    ns.available("app", 2);
    let (ours, memory) = measure(|| programs.ours(&ns.name, &["--workload=deployment/app", "--tag=1"]));
    let (theirs, kubectl_memory) = measure(|| programs.kubectl(&ns.name, &["deployment/app", "--timeout=120s"]));
    println!("one complete Deployment beside {OTHER_PODS} other pods, median of {RUNS} runs:");
    for (name, time, memory) in [("promote-gates", ours, memory), ("kubectl", theirs, kubectl_memory)] {
        println!("  {name:14} {time:.2} s, {:.1} MB", megabytes(memory));
    }
    bounds.check(ours <= MAX_MEDIAN, format!("at most {MAX_MEDIAN} s beside {OTHER_PODS} other pods"));
    bounds.check(memory < MAX_MEMORY, format!("under {} MB beside {OTHER_PODS} other pods", megabytes(MAX_MEMORY)));
}

/// The median time of several runs in seconds, and their highest memory use in bytes.
fn measure(start: impl Fn() -> RunningProgram) -> (f64, u64) {
    let runs: Vec<(f64, u64)> = (0..RUNS)
        .map(|_| {
            let began = now();
            let ProgramEnd { code, at, peak, log } = start().end();
            assert_eq!(code, Some(0), "{log}");
            (seconds(at.duration_since(began)), peak)
        })
        .collect();
    let times: Vec<f64> = runs.iter().map(|run| run.0).collect();
    (median(&times), runs.iter().map(|run| run.1).max().expect("several"))
}

/// Creates pods without a node, which no kubelet handles.
fn create_other_pods(ns: &TestNamespace<'_>) {
    let path = format!("/api/v1/namespaces/{}/pods", ns.name);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let path = &path;
            scope.spawn(move || {
                for number in (writer..OTHER_PODS).step_by(WRITERS) {
                    let metadata = json!({ "name": format!("other-{number:04}"), "labels": { "app": format!("other-{}", number / 10) },
                        "annotations": { "padding": "x".repeat(PADDING) } });
                    let spec = json!({ "containers": [{ "name": "app", "image": "ghcr.io/acme/other:1" }] });
                    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec });
                    ns.control_plane.api.create(path, &pod);
                }
            });
        }
    });
}
