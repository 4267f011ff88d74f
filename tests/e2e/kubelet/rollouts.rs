//! Rollouts that succeed, and pods that never start or never become ready.

use serde_json::json;

use super::story::{BLOCKED, PASSED, RUNS, Story, image, pod};

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

/// The kubelet rejects each pod, and the controller creates another one.
#[test]
fn pods_that_the_kubelet_rejects_block() {
    let mut spec = pod(RUNS);
    // Without a scheduler only the kubelet compares the request with the node.
    spec["nodeName"] = "node-1".into();
    spec["containers"][0]["resources"] = json!({ "requests": { "cpu": "1000" } });
    let story = Story::new("rejected").setting("rollout-timeout", "20s").deploy(1, &spec);
    story.ends(BLOCKED, &["OutOfcpu"]);
}
