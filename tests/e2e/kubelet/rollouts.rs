//! Rollouts that succeed, and pods that never start or never become ready.

use serde_json::json;

use super::{
    control_plane::until,
    story::{BLOCKED, PASSED, RUNS, Story, image, pod},
};

#[test]
fn a_good_rollout_passes() {
    let mut spec = pod(RUNS);
    spec["containers"][0]["readinessProbe"] = json!({ "exec": { "command": ["true"] }, "periodSeconds": 1 });
    let story = Story::new("good").deploy(2, &spec);
    story.ends(PASSED, &["complete: 2 of 2 updated, 2 available"]);
}

#[test]
fn an_image_that_is_not_in_the_registry_blocks() {
    let mut spec = pod(RUNS);
    spec["containers"][0]["image"] = image("app:gone").into();
    let story = Story::new("not-found").setting("image", &image("app:gone")).deploy(1, &spec);
    story.ends(BLOCKED, &["container app", "not found"]);
}

#[test]
fn a_missing_secret_blocks() {
    let mut spec = pod(RUNS);
    spec["containers"][0]["envFrom"] = json!([{ "secretRef": { "name": "credentials" } }]);
    let story = Story::new("no-secret").deploy(1, &spec);
    story.ends(BLOCKED, &["CreateContainerConfigError", "secret \"credentials\" not found"]);
}

#[test]
fn a_pod_that_never_becomes_ready_blocks() {
    let mut spec = pod(RUNS);
    spec["containers"][0]["readinessProbe"] = json!({ "exec": { "command": ["test", "-e", "/ready"] } });
    let story = Story::new("unready").deploy(1, &spec);
    story.ends(BLOCKED, &["to be ready within 2m"]);
}

/// A story whose namespace has a quota for so many pods.
fn with_quota(name: &str, kind: &'static str, pods: &str) -> Story {
    let story = Story::new(&format!("{name}-{}", kind.to_lowercase())).of_kind(kind);
    let path = format!("/api/v1/namespaces/{}/resourcequotas", story.namespace.name);
    let api = &story.cluster.control_plane.api;
    let metadata = json!({ "name": "few" });
    let spec = json!({ "hard": { "pods": pods } });
    api.create(&path, &json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": spec }));
    let in_force = || api.get(&format!("{path}/few"))["status"]["hard"]["pods"] == pods;
    until("quota in force", || in_force().then_some(()));
    story
}

/// For a StatefulSet and a DaemonSet, only events report that.
#[test]
fn pods_that_cannot_be_created_block() {
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        let story = with_quota("no-quota", kind, "0").deploy(1, &pod(RUNS));
        let expected = "FailedCreate: pods \"app-";
        let end = story.ends(BLOCKED, &[expected, "is forbidden: exceeded quota: few"]);
        assert!(end.log.contains(&format!("{}/app: {expected}", kind.to_lowercase())), "{}", end.log);
    }
}

#[test]
fn pods_that_can_be_created_later_pass() {
    for kind in ["StatefulSet", "DaemonSet"] {
        let story = with_quota("late-quota", kind, "0").deploy(1, &pod(RUNS));
        let path = format!("/api/v1/namespaces/{}/resourcequotas/few", story.namespace.name);
        let change = |wait_for_line: &dyn Fn(&str)| {
            wait_for_line("FailedCreate: pods");
            story.cluster.control_plane.api.patch(&path, &json!({ "spec": { "hard": { "pods": "9" } } }));
        };
        story.ends_after(change, PASSED, &["complete"]);
    }
}

/// The kubelet rejects each pod, and the controller creates another one.
#[test]
fn pods_that_the_kubelet_rejects_block() {
    let mut spec = pod(RUNS);
    // Without a scheduler only the kubelet compares the request with the node.
    spec["nodeName"] = "node-1".into();
    spec["containers"][0]["resources"] = json!({ "requests": { "cpu": "1000" } });
    let story = Story::new("rejected").setting("rollout-timeout", "5m").deploy(1, &spec);
    story.ends(BLOCKED, &["OutOfcpu"]);
}
