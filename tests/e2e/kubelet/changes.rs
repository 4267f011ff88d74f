//! Changes of the cluster during `stabilize` that are not the fault of the release.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::{
    control_plane::until,
    story::{PASSED, RUNS, Story, pod},
};

/// As `kubectl drain`: no new pods on the node, and an eviction of each of its pods in this namespace.
pub fn drain(story: &Story, node: &Value) {
    // With both nodes drained, no pod could move.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let api = &story.cluster.control_plane.api;
    let name = node.as_str().expect("a scheduled pod");
    api.patch(&format!("/api/v1/nodes/{name}"), &json!({ "spec": { "unschedulable": true } }));
    for pod in story.namespace.pods() {
        if pod["spec"]["nodeName"] == *node {
            let metadata = json!({ "name": pod["metadata"]["name"], "namespace": story.namespace.name });
            let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata });
            let path = format!(
                "/api/v1/namespaces/{}/pods/{}/eviction",
                story.namespace.name,
                pod["metadata"]["name"].as_str().expect("a name")
            );
            api.create(&path, &eviction);
        }
    }
    until("pods on the other node", || {
        let pods = story.namespace.pods();
        let moved = pods.len() == 2 && pods.iter().all(|pod| pod["spec"]["nodeName"] != *node);
        moved.then_some(())
    });
    api.patch(&format!("/api/v1/nodes/{name}"), &json!({ "spec": { "unschedulable": false } }));
}

#[test]
fn a_drained_node() {
    let story = Story::new("drained").setting("stabilize", "10s").deploy(2, &pod(RUNS));
    let node = story.await_pod("scheduled pod", |pod| !pod["spec"]["nodeName"].is_null())["spec"]["nodeName"].clone();
    let change = |wait_for_line: &dyn Fn(&str)| {
        wait_for_line("deployment/app: complete");
        drain(&story, &node);
    };
    story.ends_after(change, PASSED, &["complete: 2 of 2 updated, 2 available"]);
}

/// What a horizontal pod autoscaler does.
#[test]
fn an_autoscaler() {
    for (name, before, after) in [("scaled-up", 1, 3), ("scaled-down", 3, 1)] {
        let story = Story::new(name).setting("stabilize", "10s").deploy(before, &pod(RUNS));
        let change = |wait_for_line: &dyn Fn(&str)| {
            wait_for_line("deployment/app: complete");
            story.namespace.change("deployments", "app", &json!({ "spec": { "replicas": after } }));
        };
        story.ends_after(change, PASSED, &[&format!("complete: {after} of {after} updated, {after} available")]);
    }
}
