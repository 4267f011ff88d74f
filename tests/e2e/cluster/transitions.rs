//! Intermediate states that real controllers write during a rollback, a release or scaling; they must not decide the gate.

use std::time::Duration;

use serde_json::json;

use super::{
    control_plane::{shared, until},
    workloads::{APP, TestNamespace, template},
};

const TIME_LIMIT: Duration = Duration::from_mins(2);

fn wait_for_third_crash(ns: &TestNamespace<'_>) {
    until("third crash", || {
        let pods = ns.pods();
        let worst = pods.iter().filter_map(|pod| pod["status"]["containerStatuses"][0]["restartCount"].as_u64()).max();
        (worst? >= 3).then_some(())
    });
}

#[test]
fn a_rollback_passes_while_the_failed_revision_still_crashes() {
    let ns = TestNamespace::new(shared(), "rollback");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    ns.available("app", 1);
    ns.change("deployments", "app", &json!({ "spec": { "progressDeadlineSeconds": 1 } }));
    for _ in 0..6 {
        ns.release("deployments", "app", "2", &json!({ "plays": "crashes" }));
        wait_for_third_crash(&ns);
        let mut looks = 0;
        until("deadline that is missed", || {
            // The controller looks at the deadline when the Deployment changes, and may miss the moment when it is over.
            looks += 1;
            ns.change("deployments", "app", &json!({ "metadata": { "annotations": { "looks": looks.to_string() } } }));
            let conditions = ns.object("deployments", "app")["status"]["conditions"].clone();
            let missed = |one: &serde_json::Value| one["reason"] == "ProgressDeadlineExceeded";
            conditions.as_array()?.iter().any(missed).then_some(())
        });
        // One gate watches during the rollback, and one starts right after it.
        let runner = ns.gate("deployment/app").input("image", &format!("{APP}:1")).input("appear-timeout", "20s");
        let watching = runner.start(&["health"]);
        watching.wait_for_line("watching the namespace");
        ns.release("deployments", "app", "1", &json!({}));
        let end =
            ns.gate("deployment/app").input("image", &format!("{APP}:1")).start(&["health"]).end_within(TIME_LIMIT);
        assert_eq!(end.code, 0, "{}", end.log);
        let end = watching.end_within(TIME_LIMIT);
        assert_eq!(end.code, 0, "{}", end.log);
    }
}

#[test]
fn earlier_crashes_are_ignored_when_a_release_also_scales() {
    let ns = TestNamespace::new(shared(), "scaled");
    for round in 0..4 {
        let (name, annotations) = (format!("app-{round}"), json!({ "plays": "crashes" }));
        ns.deploy("deployments", &name, 1, "1", &annotations);
        wait_for_third_crash(&ns);
        let runner = ns.gate(&format!("deployment/{name}")).input("tag", "2").input("appear-timeout", "20s");
        let watching = runner.start(&["health"]);
        watching.wait_for_line("watching the namespace");
        let template = json!({ "metadata": { "annotations": { "plays": null } },
            "spec": { "containers": [{ "name": "app", "image": format!("{APP}:2") }] } });
        ns.change("deployments", &name, &json!({ "spec": { "replicas": 3, "template": template } }));
        let end = watching.end_within(TIME_LIMIT);
        assert_eq!(end.code, 0, "{}", end.log);
    }
}

#[test]
fn scaling_does_not_fail_a_workload_that_must_stay_stable() {
    let ns = TestNamespace::new(shared(), "autoscaled");
    // Each pod needs a second to become ready.
    let annotations = json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": "1s" });
    ns.deploy("deployments", "app", 2, "1", &annotations);
    ns.available("app", 2);
    // The pods that stay have lasted, so the gate does not wait until the others are gone.
    for (replicas, expected) in [(4, "complete: 4 of 4 updated"), (1, "of 1 updated")] {
        let runner = ns.gate("deployment/app").input("stabilize", "3s");
        let watching = runner.start(&["health"]);
        watching.wait_for_line("deployment/app: complete");
        ns.change("deployments", "app", &json!({ "spec": { "replicas": replicas } }));
        let end = watching.end_within(TIME_LIMIT);
        assert!(end.code == 0 && end.log.contains(expected), "{expected}: {}", end.log);
    }
}

#[test]
fn an_evicted_pod_is_replaced_and_no_harm_to_the_rollout() {
    let ns = TestNamespace::new(shared(), "evicted");
    ns.deploy("deployments", "app", 2, "1", &json!({}));
    ns.available("app", 2);
    let evict = || {
        let pods = ns.pods();
        let pod = pods.iter().find(|pod| pod["status"]["phase"] == "Running").expect("a pod that runs");
        let path =
            format!("/api/v1/namespaces/evicted/pods/{}/status", pod["metadata"]["name"].as_str().expect("a name"));
        // The kubelet writes this status.
        let mut conditions = pod["status"]["conditions"].clone();
        for condition in conditions.as_array_mut().expect("conditions") {
            if condition["type"] == "Ready" {
                condition["status"] = "False".into();
            }
        }
        let status = json!({ "phase": "Failed", "reason": "Evicted", "message": "the node was low on memory", "conditions": conditions });
        ns.control_plane.api.patch(&path, &json!({ "status": status }));
    };
    evict();
    until("replacement pod", || (ns.pods().len() == 3).then_some(()));
    let end = ns.gate("deployment/app").start(&["health"]).end_within(TIME_LIMIT);
    assert_eq!(end.code, 0, "{}", end.log);
    // With `stabilize`, the time begins anew with the eviction.
    let runner = ns.gate("deployment/app").input("stabilize", "5s");
    let watching = runner.start(&["health"]);
    watching.wait_for_line("deployment/app: complete");
    evict();
    let end = watching.end_within(TIME_LIMIT);
    assert!(end.code == 0 && end.log.contains("every container has run for 5s"), "{}", end.log);
}

#[test]
fn a_workload_that_is_created_again_is_judged_by_its_own_pods() {
    for (name, labels) in [("recreated", "other"), ("recreated-alike", "app")] {
        let ns = TestNamespace::new(shared(), name);
        ns.deploy("deployments", "app", 1, "1", &json!({}));
        ns.available("app", 1);
        let runner = ns.gate("deployment/app").input("image", &format!("{APP}:2")).input("appear-timeout", "1m");
        let watching = runner.start(&["health"]);
        watching.wait_for_line("is not deployed yet; complete");
        let path = format!("/apis/apps/v1/namespaces/{}/deployments", ns.name);
        ns.control_plane.api.delete(&format!("{path}/app"));
        let spec = json!({ "replicas": 2, "selector": { "matchLabels": { "app": labels } },
            "template": template(labels, &format!("{APP}:2"), &json!({})) });
        let again =
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "app" }, "spec": spec });
        until("deployment that is created again", || {
            ns.control_plane.api.try_get(&format!("{path}/app")).err()?;
            ns.control_plane.api.create(&path, &again);
            Some(())
        });
        let end = watching.end_within(TIME_LIMIT);
        let findings = end.report["findings"].to_string();
        assert!(end.code == 0 && findings.contains("2 of 2 updated, 2 available"), "{name}: {}", end.log);
    }
}
