//! The states of a rollout, and the findings of the gate.

use std::time::Duration;

use serde_json::json;

use super::{
    control_plane::{shared, until},
    house::Ended,
    workloads::{APP, TestNamespace},
};

pub const PASSED: i32 = 0;
pub const BLOCKED: i32 = 1;
pub const INCONCLUSIVE: i32 = 3;

/// Asserts the exit code, and texts in the first finding; no secret may be in the log.
#[track_caller]
pub fn assert_end(end: &Ended, code: i32, expected: &[&str]) {
    let actual = end.report["findings"][0]["actual"].as_str().unwrap_or_default();
    assert!(
        end.code == code && expected.iter().all(|expected| actual.contains(expected)),
        "{expected:?}: {actual}\n{}",
        end.log
    );
    assert!(
        !end.log.contains("s3cr3t")
            || end.log.lines().all(|line| !line.contains("s3cr3t") || line.starts_with("::add-mask::")),
        "{}",
        end.log
    );
}

#[test]
fn a_rollout_in_progress_is_awaited() {
    let ns = TestNamespace::new(shared(), "success");
    ns.deploy("deployments", "app", 3, "1", &json!({}));
    let end = ns.gate("deployment/app").run(&["health"]);
    assert_end(&end, PASSED, &["complete: 3 of 3 updated, 3 available, revision 1"]);
    // The next revision, whose pod starts after a delay.
    ns.release(
        "deployments",
        "app",
        "2",
        &json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": "600ms" }),
    );
    let end = ns.gate("deployment/app").input("image", &format!("{APP}:2")).run(&["health"]);
    assert_end(&end, PASSED, &["revision 2", "its pods run ghcr.io/acme/app:2", "after "]);
    assert!(end.log.contains("of the old revision left"), "{}", end.log);
}

#[test]
fn rollouts_of_stateful_sets_and_daemon_sets_are_awaited() {
    let ns = TestNamespace::new(shared(), "kinds");
    ns.deploy("statefulsets", "db", 2, "1", &json!({}));
    ns.deploy("daemonsets", "agent", 0, "1", &json!({}));
    let gate = || ns.gate("statefulset/db\ndaemonset/agent").input("tag", "1");
    let end = gate().run(&["health"]);
    assert_end(&end, PASSED, &["2 of 2 updated, 2 of 2 available"]);
    let agent = end.report["findings"][1]["actual"].as_str().unwrap_or_default();
    assert!(
        agent.starts_with("complete: 1 of 1 updated, 1 available")
            && agent.contains("its pods run an image with tag 1"),
        "{agent}"
    );
    for kind in ["statefulsets", "daemonsets"] {
        let name = if kind == "statefulsets" { "db" } else { "agent" };
        ns.release(kind, name, "2", &json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": "300ms" }));
    }
    let end = gate().input("tag", "2").run(&["health"]);
    assert_end(&end, PASSED, &["2 of 2 updated"]);
    ns.release("statefulsets", "db", "3", &json!({ "plays": "crashes" }));
    let end = gate().input("tag", "3").input("workload", "sts/db").run(&["health"]);
    assert_end(&end, BLOCKED, &["pod db-1, container app: CrashLoopBackOff: it crashed 3 times (Error, exit code 1)"]);
}

#[test]
fn an_unrecoverable_state_blocks_at_once_with_the_reason() {
    let ns = TestNamespace::new(shared(), "failing");
    let not_found = "failed to pull and unpack image: ghcr.io/acme/app:9: not found";
    for (name, annotations, expected) in [
        (
            "invalid",
            json!({ "plays": "waits", "reason": "InvalidImageName", "message": "could not parse" }),
            "InvalidImageName: could not parse",
        ),
        ("missing", json!({ "plays": "waits", "reason": "ErrImagePull", "message": not_found }), "not found"),
        (
            "backoff",
            json!({ "plays": "waits", "reason": "ImagePullBackOff", "message": format!("Back-off pulling image: ErrImagePull: {not_found}") }),
            "ImagePullBackOff",
        ),
        ("crash", json!({ "plays": "crashes", "code": "2" }), "it crashed 3 times (Error, exit code 2)"),
        ("oom", json!({ "plays": "crashes", "reason": "OOMKilled", "code": "137" }), "(OOMKilled, exit code 137)"),
    ] {
        ns.deploy("deployments", name, 2, "1", &json!({}));
        ns.available(name, 2);
        ns.release("deployments", name, "9", &annotations);
        let end = ns.gate(&format!("deployment/{name}")).input("tag", "9").run(&["health"]);
        assert_end(&end, BLOCKED, &["pod ", "container app", expected]);
        let error = end.commands().into_iter().find(|line| line.starts_with("::error ")).unwrap_or_default();
        assert!(error.contains(expected), "{error}");
        assert!(end.summary.contains("Pods that are not ready"), "{}", end.summary);
    }
}

#[test]
fn the_log_before_the_last_restart_is_shown_masked_and_escaped() {
    let ns = TestNamespace::new(shared(), "logs");
    ns.deploy("deployments", "app", 1, "1", &json!({ "plays": "crashes" }));
    let pod = until("pod that crashes", || {
        let pods = ns.pods();
        let pod = pods.first()?;
        (pod["status"]["containerStatuses"][0]["restartCount"].as_u64()? > 0).then(|| pod.clone())
    });
    for (reason, count) in [("BackOff", 7), ("Failed", 1)] {
        ns.control_plane.api.create(
            &format!("/api/v1/namespaces/{}/events", ns.name),
            &json!({
                "apiVersion": "v1", "kind": "Event", "metadata": { "name": format!("app.{reason}") }, "type": "Warning",
                "reason": reason, "message": "back-off, token=hunter2", "count": count,
                "lastTimestamp": format!("2026-01-01T00:00:0{count}Z"),
                "involvedObject": { "kind": "Pod", "namespace": ns.name, "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"] },
            }),
        );
    }
    let end = ns.gate("deployment/app").run(&["health"]);
    assert_end(&end, BLOCKED, &["CrashLoopBackOff"]);
    let tables = end.report["tables"].as_array().expect("tables");
    let titles: Vec<&str> = tables.iter().filter_map(|table| table["title"].as_str()).collect();
    assert_eq!(titles[..2], ["Pods that are not ready", "Warning events, newest first"], "{titles:?}");
    assert!(titles[2].contains("container app: last lines of the run before its last restart"), "{titles:?}");
    assert_eq!(tables[1]["rows"][0][3], "BackOff");
    let lines = tables[2]["rows"].as_array().expect("lines");
    assert_eq!((lines.len(), lines[0][0].as_str()), (20, Some("line 12")), "{lines:?}");
    for output in [&end.summary, &end.log, &end.report.to_string()] {
        assert!(!output.contains("hunter2"), "{output}");
    }
    assert_eq!(end.commands().iter().filter(|line| line.starts_with("::error")).count(), 1, "{}", end.log);
}

#[test]
fn a_state_that_recovers_within_its_grace_period_passes() {
    let ns = TestNamespace::new(shared(), "recovering");
    for (name, annotations) in [
        (
            "pull",
            json!({ "plays": "waits", "reason": "ErrImagePull", "message": "dial tcp: i/o timeout", "recovers": "800ms" }),
        ),
        (
            "config",
            json!({ "plays": "waits", "reason": "CreateContainerConfigError", "message": "secret \"late\" not found", "recovers": "800ms" }),
        ),
        ("crash", json!({ "plays": "crashes", "stops-at": "1" })),
    ] {
        ns.deploy("deployments", name, 1, "1", &annotations);
        let end = ns.gate(&format!("deployment/{name}")).run(&["health"]);
        assert_end(&end, PASSED, &["complete: 1 of 1 updated"]);
    }
    // Without a grace period it blocks.
    ns.deploy(
        "deployments",
        "strict",
        1,
        "1",
        &json!({ "plays": "waits", "reason": "ErrImagePull", "message": "i/o timeout" }),
    );
    let end = ns.gate("deployment/strict").input("grace", "image-pull 0s").run(&["health"]);
    assert_end(&end, BLOCKED, &["ErrImagePull: i/o timeout"]);
}

#[test]
fn a_healthy_old_version_does_not_count_as_the_new_one() {
    let ns = TestNamespace::new(shared(), "images");
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    ns.deploy("deployments", "app", 1, "1", &json!({ "digest": format!("{APP}@{}", digest("1")) }));
    ns.available("app", 1);
    let gate = || ns.gate("deployment/app");
    let end = gate().input("image", &format!("{APP}:2")).run(&["health"]);
    assert_end(&end, BLOCKED, &["it is healthy, and runs ghcr.io/acme/app:1, not ghcr.io/acme/app:2"]);
    let end = gate().input("tag", "2").input("appear-timeout", "500ms").run(&["health"]);
    assert_end(&end, BLOCKED, &["not an image with tag 2, after 500ms"]);
    // An image has several digests, and the runtime reports one of them.
    let end = gate().input("tag", "1").input("digest", &digest("2")).run(&["health"]);
    assert_end(&end, INCONCLUSIVE, &["the runtime reports sha256:1111", "expected sha256:2222"]);
    let end = gate().input("tag", "1").input("digest", &digest("1")).run(&["health"]);
    assert_end(&end, PASSED, &["complete"]);
    // The cluster deploys the commit later.
    let runner = gate().input("tag", "2").input("appear-timeout", "5m");
    let started = runner.start(&["health"]);
    ns.release("deployments", "app", "2", &json!({}));
    assert_end(&started.end_within(Duration::from_mins(2)), PASSED, &["revision 2", "run an image with tag 2"]);
}

#[test]
fn a_stuck_rollout_blocks_with_the_pod_and_reason() {
    let ns = TestNamespace::new(shared(), "stuck");
    let gate = |name: &str| ns.gate(&format!("deployment/{name}"));
    ns.deploy("deployments", "paused", 1, "1", &json!({}));
    ns.available("paused", 1);
    ns.change("deployments", "paused", &json!({ "spec": { "paused": true } }));
    ns.release("deployments", "paused", "2", &json!({}));
    assert_end(&gate("paused").run(&["health"]), BLOCKED, &["it is paused: 0 of 1 updated"]);
    ns.deploy("deployments", "slow", 1, "1", &json!({ "plays": "never-ready" }));
    let end = gate("slow").input("rollout-timeout", "1s").run(&["health"]);
    assert_end(&end, BLOCKED, &["not complete after 1s", "pod slow-", "containers with unready status: [app]"]);
    let end = gate("slow").input("max-unhealthy", "1s").run(&["health"]);
    assert_end(&end, BLOCKED, &["to be ready within 1s"]);
    ns.change("deployments", "slow", &json!({ "spec": { "progressDeadlineSeconds": 1 } }));
    assert_end(&gate("slow").run(&["health"]), BLOCKED, &["ProgressDeadlineExceeded"]);
    let end = gate("nothing").run(&["health"]);
    assert_end(&end, BLOCKED, &["there is no such workload in the namespace stuck"]);
}

#[test]
fn an_exceeded_quota_is_named() {
    let ns = TestNamespace::new(shared(), "quota");
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "few" }, "spec": { "hard": { "pods": "0" } } });
    ns.control_plane.api.create("/api/v1/namespaces/quota/resourcequotas", &quota);
    until("quota in force", || {
        let quota = ns.control_plane.api.get("/api/v1/namespaces/quota/resourcequotas/few");
        (quota["status"]["hard"]["pods"] == "0").then_some(())
    });
    // Those of the last two kinds are only in events.
    for (kind, workload) in
        [("deployments", "deployment/app"), ("statefulsets", "statefulset/app"), ("daemonsets", "daemonset/app")]
    {
        ns.deploy(kind, "app", 1, "1", &json!({}));
        let end = ns.gate(workload).input("grace", "failed-create 1s").run(&["health"]);
        assert_end(&end, BLOCKED, &["FailedCreate: pods \"app-", "is forbidden: exceeded quota: few"]);
        assert!(end.summary.contains("Warning events"), "{}", end.summary);
    }
    // A gate that starts late sees the failures of before. After a change, only those that follow it count.
    let gate = |workload: &str| ns.gate(workload).input("grace", "failed-create 1s");
    assert_end(&gate("statefulset/app").run(&["health"]), BLOCKED, &["FailedCreate: pods"]);
    let quota = json!({ "spec": { "hard": { "pods": "9" } } });
    ns.control_plane.api.patch("/api/v1/namespaces/quota/resourcequotas/few", &quota);
    for (kind, workload) in [("statefulsets", "statefulset/app"), ("daemonsets", "daemonset/app")] {
        ns.release(kind, "app", "2", &json!({}));
        let runner = ns.gate(workload).input("tag", "2").input("grace", "failed-create 15s");
        assert_end(&runner.run(&["health"]), PASSED, &["complete: 1 of 1 updated"]);
    }
}

#[test]
fn a_workload_without_pods_is_inconclusive_unless_allowed() {
    let ns = TestNamespace::new(shared(), "empty");
    ns.deploy("deployments", "none", 0, "1", &json!({}));
    let end = ns.gate("deployment/none").run(&["health"]);
    assert_end(&end, INCONCLUSIVE, &["`replicas: 0`"]);
    assert_end(&ns.gate("deployment/none").input("allow-empty", "true").run(&["health"]), PASSED, &["`replicas: 0`"]);
    ns.deploy("daemonsets", "nowhere", 0, "1", &json!({}));
    let elsewhere =
        json!({ "spec": { "template": { "spec": { "nodeName": null, "nodeSelector": { "on": "no-node" } } } } });
    ns.change("daemonsets", "nowhere", &elsewhere);
    let end = ns.gate("daemonset/nowhere").run(&["health"]);
    assert_end(&end, INCONCLUSIVE, &["no node matches it"]);
}

#[test]
fn an_unschedulable_pod_is_named_at_the_timeout() {
    let ns = TestNamespace::new(shared(), "full");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    ns.available("app", 1);
    let without_node = json!({ "spec": { "template": { "metadata": { "annotations": { "n": "2" } }, "spec": { "nodeName": null } } } });
    ns.change("deployments", "app", &without_node);
    let pod = until("pod without a node", || ns.pods().into_iter().find(|pod| pod["spec"]["nodeName"].is_null()));
    let path = format!("/api/v1/namespaces/full/pods/{}/status", pod["metadata"]["name"].as_str().unwrap_or_default());
    // The scheduler writes this status.
    ns.control_plane.api.patch(&path, &json!({ "status": { "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": "2026-01-01T00:00:00Z",
        "message": "0/1 nodes are available: 1 Insufficient cpu." }] } }));
    let end = ns.gate("deployment/app").input("rollout-timeout", "1s").run(&["health"]);
    assert_end(
        &end,
        BLOCKED,
        &["not complete after 1s", "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."],
    );
}

#[test]
fn the_last_warning_event_is_in_the_finding() {
    let ns = TestNamespace::new(shared(), "volumes");
    ns.deploy("deployments", "app", 1, "1", &json!({ "plays": "waits", "reason": "ContainerCreating" }));
    let pod = until("pod", || ns.pods().into_iter().next());
    for (reason, second) in [("FailedMount", 2), ("FailedScheduling", 1)] {
        ns.control_plane.api.create(
            &format!("/api/v1/namespaces/{}/events", ns.name),
            &json!({
                "apiVersion": "v1", "kind": "Event", "metadata": { "name": format!("app.{second}") }, "type": "Warning",
                "reason": reason, "message": "secret \"tls\" not found", "lastTimestamp": format!("2026-01-01T00:00:0{second}Z"),
                "involvedObject": { "kind": "Pod", "namespace": ns.name, "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"] },
            }),
        );
    }
    let end = ns.gate("deployment/app").input("max-unhealthy", "1s").run(&["health"]);
    assert_end(&end, BLOCKED, &["to be ready within 1s", "last warning: FailedMount: secret \"tls\" not found"]);
}

#[test]
fn a_pod_that_stays_unready_after_completion_blocks_and_one_that_restarts_has_to_last() {
    let ns = TestNamespace::new(shared(), "stable");
    for (name, annotations, code, expected) in [
        ("unready", json!({ "later": "unready" }), BLOCKED, "to be ready within 2s"),
        ("restarts", json!({ "later": "restarts" }), PASSED, "restarted once"),
    ] {
        ns.deploy("deployments", name, 1, "1", &annotations);
        let runner = ns.gate(&format!("deployment/{name}")).input("stabilize", "10s").input("max-unhealthy", "2s");
        assert_end(&runner.run(&["health"]), code, &[expected]);
    }
    ns.deploy("deployments", "calm", 1, "1", &json!({}));
    let end = ns.gate("deployment/calm").input("stabilize", "1s").run(&["health"]);
    assert_end(&end, PASSED, &["every container has run for 1s"]);
}

#[test]
fn each_of_several_workloads_has_its_own_finding() {
    let ns = TestNamespace::new(shared(), "several");
    for name in ["a", "b", "c"] {
        ns.deploy("deployments", name, 1, "1", &json!({}));
    }
    ns.deploy("deployments", "d", 1, "1", &json!({ "plays": "crashes" }));
    let end = ns.gate("deployment/a\ndeployment/b\ndeployment/c").run(&["health"]);
    assert_eq!((end.code, end.report["findings"].as_array().map(Vec::len)), (PASSED, Some(3)), "{}", end.log);
    let end = ns.gate("deployment/a\ndeployment/d").run(&["health"]);
    let verdicts: Vec<&str> =
        end.report["findings"].as_array().expect("findings").iter().filter_map(|one| one["verdict"].as_str()).collect();
    assert_eq!((end.code, verdicts), (BLOCKED, vec!["blocked", "passed"]), "{}", end.log);
}
