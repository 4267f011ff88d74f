//! What real controllers say on the way from one revision to the next, and while somebody scales: none of it is a verdict.

use std::time::Duration;

use serde_json::json;

use super::{
    plane::{shared, until},
    workloads::{APP, Room},
};

const SOON: Duration = Duration::from_secs(20);

fn crashes(room: &Room<'_>) {
    until("third crash", || {
        let pods = room.pods();
        let worst = pods.iter().filter_map(|pod| pod["status"]["containerStatuses"][0]["restartCount"].as_u64()).max();
        (worst? >= 3).then_some(())
    });
}

#[test]
fn a_rollback_passes_while_the_revision_that_failed_still_crashes() {
    let room = Room::new(shared(), "rollback");
    room.deploy("deployments", "app", 1, "1", &json!({}));
    room.available("app", 1);
    room.change("deployments", "app", &json!({ "spec": { "progressDeadlineSeconds": 1 } }));
    for _ in 0..6 {
        room.release("deployments", "app", "2", &json!({ "plays": "crashes" }));
        crashes(&room);
        until("deadline that is missed", || {
            let conditions = room.object("deployments", "app")["status"]["conditions"].clone();
            let missed = |one: &serde_json::Value| one["reason"] == "ProgressDeadlineExceeded";
            conditions.as_array()?.iter().any(missed).then_some(())
        });
        // One that watches while it happens, and one that begins right behind it.
        let runner = room.gate("deployment/app").input("image", &format!("{APP}:1")).input("appear-timeout", "20s");
        let watching = runner.start(&["health"]);
        watching.heard("watching the namespace");
        room.release("deployments", "app", "1", &json!({}));
        let end = room.gate("deployment/app").input("image", &format!("{APP}:1")).start(&["health"]).end_within(SOON);
        assert_eq!(end.code, 0, "{}", end.log);
        let end = watching.end_within(SOON);
        assert_eq!(end.code, 0, "{}", end.log);
    }
}

#[test]
fn scaled_and_changed_at_once_the_crashes_before_are_nobodys_business() {
    let room = Room::new(shared(), "scaled");
    for round in 0..4 {
        let (name, notes) = (format!("app-{round}"), json!({ "plays": "crashes" }));
        room.deploy("deployments", &name, 1, "1", &notes);
        crashes(&room);
        let runner = room.gate(&format!("deployment/{name}")).input("tag", "2").input("appear-timeout", "20s");
        let watching = runner.start(&["health"]);
        watching.heard("watching the namespace");
        let template = json!({ "metadata": { "annotations": { "plays": null } },
            "spec": { "containers": [{ "name": "app", "image": format!("{APP}:2") }] } });
        room.change("deployments", &name, &json!({ "spec": { "replicas": 3, "template": template } }));
        let end = watching.end_within(SOON);
        assert_eq!(end.code, 0, "{}", end.log);
    }
}

#[test]
fn an_autoscaler_does_no_harm_to_what_is_to_stay_well() {
    let room = Room::new(shared(), "autoscaled");
    // Each pod takes a while to become ready.
    let notes = json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": "1s" });
    room.deploy("deployments", "app", 2, "1", &notes);
    room.available("app", 2);
    for (replicas, said) in [(4, "complete: 4 of 4 updated"), (1, "complete: 1 of 1 updated")] {
        let runner = room.gate("deployment/app").input("stabilize", "3s");
        let watching = runner.start(&["health"]);
        watching.heard("deployment/app: complete");
        room.change("deployments", "app", &json!({ "spec": { "replicas": replicas } }));
        let end = watching.end_within(SOON);
        assert!(end.code == 0 && end.log.contains(said), "{said}: {}", end.log);
    }
}

#[test]
fn an_evicted_pod_is_replaced_and_no_harm_to_the_rollout() {
    let room = Room::new(shared(), "evicted");
    room.deploy("deployments", "app", 2, "1", &json!({}));
    room.available("app", 2);
    let evict = || {
        let pods = room.pods();
        let pod = pods.iter().find(|pod| pod["status"]["phase"] == "Running").expect("a pod that runs");
        let path =
            format!("/api/v1/namespaces/evicted/pods/{}/status", pod["metadata"]["name"].as_str().expect("a name"));
        // What the kubelet writes.
        let mut conditions = pod["status"]["conditions"].clone();
        for condition in conditions.as_array_mut().expect("conditions") {
            if condition["type"] == "Ready" {
                condition["status"] = "False".into();
            }
        }
        let status = json!({ "phase": "Failed", "reason": "Evicted", "message": "the node was low on memory", "conditions": conditions });
        room.plane.api.patch(&path, &json!({ "status": status }));
    };
    evict();
    until("pod in its place", || (room.pods().len() == 3).then_some(()));
    let end = room.gate("deployment/app").start(&["health"]).end_within(SOON);
    assert_eq!(end.code, 0, "{}", end.log);
    // Where nothing may change for the worse, it does.
    let runner = room.gate("deployment/app").input("stabilize", "20s");
    let watching = runner.start(&["health"]);
    watching.heard("deployment/app: complete");
    evict();
    let end = watching.end_within(SOON);
    let said = end.report["findings"].to_string();
    assert!(end.code == 1 && said.contains("did not stay so for 20s") && said.contains("Evicted"), "{}", end.log);
}
