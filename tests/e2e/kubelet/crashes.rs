//! Crash loops. Without a readiness probe, a kubelet reports Ready at every start of a container, so each of these has
//! moments at which the rollout is complete.

use serde_json::{Value, json};

use super::story::{BLOCKED, RUNS, Story, container, pod};

fn blocks(name: &str, spec: &Value) {
    Story::new(name).deploy(1, spec).ends(BLOCKED, &["pod app-"]);
}

/// A container that is killed because it needs more memory than it may have.
pub fn out_of_memory() -> Value {
    let mut spec = pod("sleep 1; exec dd if=/dev/zero of=/dev/null bs=256M count=1");
    spec["containers"][0]["resources"] = json!({ "limits": { "memory": "32Mi" } });
    spec
}

/// A pod with a sidecar that runs this script.
pub fn with_sidecar(script: &str) -> Value {
    let mut spec = pod(RUNS);
    spec["initContainers"] = json!([sidecar(script)]);
    spec
}

fn sidecar(script: &str) -> Value {
    let mut sidecar = container("proxy", script);
    sidecar["restartPolicy"] = "Always".into();
    sidecar
}

/// A pod with an init container that runs this script.
pub fn with_init(script: &str) -> Value {
    let mut spec = pod(RUNS);
    spec["initContainers"] = json!([container("migrate", script)]);
    spec
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
    blocks("out-of-memory", &out_of_memory());
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
    blocks("sidecar", &with_sidecar("sleep 1; exit 3"));
}

#[test]
fn an_init_container_that_fails() {
    blocks("init", &with_init("exit 3"));
}

/// The sidecar runs, and has nothing to do with it.
#[test]
fn an_init_container_that_fails_or_takes_too_long_behind_a_sidecar() {
    let behind_sidecar = |script: &str| {
        let mut spec = pod(RUNS);
        spec["initContainers"] =
            json!([container("first", "true"), sidecar(RUNS), container("migrate", script), container("last", "true")]);
        spec
    };
    let failing = Story::new("init-behind-sidecar").deploy(1, &behind_sidecar("exit 3"));
    failing.ends(BLOCKED, &["pod app-", "container migrate: ", "it crashed 3 times (Error, exit code 3)"]);
    let slow = Story::new("slow-behind-sidecar").setting("rollout-timeout", "1m").deploy(1, &behind_sidecar(RUNS));
    let end = slow.ends(BLOCKED, &["not complete after 1m", "container migrate: the init container is running"]);
    let line = end.log.lines().find(|line| line.contains("container migrate, not ready since")).unwrap_or_default();
    assert!(line.starts_with("deployment/app: pod app-") && line.contains("is running"), "{}", end.log);
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
