//! Crash loops. Without a readiness probe, a kubelet reports Ready at every start of a container, so each of these has
//! moments at which the rollout is complete.

use serde_json::{Value, json};

use super::story::{BLOCKED, RUNS, Story, container, pod};

fn blocks(name: &'static str, spec: &Value) {
    Story::new(name).deploy(1, spec).ends(BLOCKED, &["pod app-"]);
}

#[test]
fn a_container_that_exits_at_once() {
    blocks("exits-at-once", &pod("exit 3"));
}

#[test]
fn a_container_that_exits_after_two_seconds() {
    blocks("exits-after-2s", &pod("sleep 2; exit 3"));
}

#[test]
fn a_container_that_needs_more_memory_than_its_limit() {
    let mut spec = pod("sleep 1; exec dd if=/dev/zero of=/dev/null bs=256M count=1");
    spec["containers"][0]["resources"] = json!({ "limits": { "memory": "32Mi" } });
    blocks("out-of-memory", &spec);
}

/// With the defaults of Kubernetes the probe fails for 30 s before the kubelet stops the container, which ignores SIGTERM
/// for 30 s more: it is ready for a minute in each of its lives.
#[test]
fn a_container_that_fails_its_liveness_probe() {
    let mut spec = pod(RUNS);
    spec["terminationGracePeriodSeconds"] = 30.into();
    spec["containers"][0]["livenessProbe"] = json!({ "exec": { "command": ["test", "-e", "/alive"] } });
    blocks("liveness", &spec);
}

#[test]
fn a_sidecar_that_exits() {
    let mut spec = pod(RUNS);
    let mut sidecar = container("proxy", "sleep 1; exit 3");
    sidecar["restartPolicy"] = "Always".into();
    spec["initContainers"] = json!([sidecar]);
    blocks("sidecar", &spec);
}

#[test]
fn an_init_container_that_fails() {
    let mut spec = pod(RUNS);
    spec["initContainers"] = json!([container("migrate", "exit 3")]);
    blocks("init", &spec);
}

/// The gate starts after the first crash, in the container's second run.
#[test]
fn a_gate_that_starts_late() {
    let story = Story::new("late-gate").deploy(1, &pod("sleep 2; exit 3"));
    story.await_pod("pod that runs again", |pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["restartCount"] == 1 && status["state"]["running"].is_object()
    });
    story.ends(BLOCKED, &["pod app-"]);
}
