//! The API server refuses, freezes, dies and comes back; and the gate is cancelled.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::{
    house::{Ended, Runner},
    plane::{ADMIN, GATE, Plane, shared, until},
    workloads::Room,
};

fn said(end: &Ended) -> String {
    end.report["findings"].to_string()
}

/// What the gate's own account may do in a namespace.
pub fn grant(room: &Room<'_>, rules: &serde_json::Value) {
    room.grant(&json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "gate" }), rules);
}

#[test]
fn what_may_not_be_seen_is_inconclusive_and_named() {
    let room = Room::new(shared(), "forbidden");
    room.deploy("deployments", "app", 1, "1", &json!({ "plays": "crashes" }));
    let gate = || room.gate_as(GATE, "deployment/app");
    let end = gate().run(&["health"]);
    assert!(
        end.code == 3 && said(&end).contains("403: ") && said(&end).contains("permission to list and watch"),
        "{}",
        end.log
    );
    // Without logs and events the verdict is the same; what could not be seen is said.
    grant(
        &room,
        &json!([
            { "apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["list", "watch"] },
            { "apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"] },
        ]),
    );
    let end = until("role in force", || {
        let end = gate().run(&["health"]);
        (end.code != 3).then_some(end)
    });
    assert!(end.code == 1 && said(&end).contains("CrashLoopBackOff"), "{}", end.log);
    assert!(end.summary.contains("What could not be seen") && end.summary.contains("pods/log"), "{}", end.summary);
}

#[test]
fn credentials_and_contexts_that_are_wrong_are_named() {
    let room = Room::new(shared(), "wrong");
    let end = room.gate_as("s3cr3t-unknown", "deployment/app").run(&["health"]);
    assert!(end.code == 3 && said(&end).contains("401: Unauthorized") && said(&end).contains("expired"), "{}", end.log);
    let end = room.gate("deployment/app").input("context", "tset").run(&["health"]);
    assert!(
        end.code == 2 && end.log.contains("one of `test`") && end.log.contains("did you mean `test`?"),
        "{}",
        end.log
    );
    let end = Runner::new().input("workload", "deployment/app").run(&["health"]);
    assert!(end.code == 2 && end.log.contains("in-cluster"), "{}", end.log);
    let end = Runner::new().input("workload", "deployment/app").input("in-cluster", "true").run(&["health"]);
    assert!(end.code == 2 && end.log.contains("this runs in no pod"), "{}", end.log);
    // Nobody listens there.
    let mut config: serde_json::Value = serde_json::from_str(&shared().kubeconfig(ADMIN, "wrong")).expect("JSON");
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1".into();
    let runner = Runner::new().input("workload", "deployment/app").input("kubeconfig", &config.to_string());
    let end = runner.input("grace", "api-lost 1s").run(&["health"]);
    assert!(end.code == 3 && said(&end).contains("does not answer: ") && said(&end).contains("refused"), "{}", end.log);
}

#[test]
fn a_credential_plugin_is_asked_bounded_and_never_repeated() {
    let room = Room::new(shared(), "plugins");
    room.deploy("deployments", "app", 1, "1", &json!({}));
    room.available("app", 1);
    let config = |command: &str, args: &[&str]| {
        let mut config: serde_json::Value = serde_json::from_str(&shared().kubeconfig(ADMIN, "plugins")).expect("JSON");
        config["users"][0]["user"] = json!({ "exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": args,
            "interactiveMode": "IfAvailable", "installHint": "see the handbook" } });
        config.to_string()
    };
    let gate = |config: String| Runner::new().input("workload", "deployment/app").input("kubeconfig", &config);
    let answer = json!({ "kind": "ExecCredential", "status": { "token": ADMIN } }).to_string();
    let says = format!("test -n \"$KUBERNETES_EXEC_INFO\" && test -z \"$PROMOTE_GATES_KUBECONFIG\" && echo '{answer}'");
    let end = gate(config("sh", &["-c", &says])).run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    for (args, expected) in [
        (vec!["-c", "echo s3cr3t-stdout; echo no session >&2; exit 4"], "exit code 4: no session"),
        (vec!["-c", "echo s3cr3t-stdout"], "an answer that holds no credentials"),
    ] {
        let end = gate(config("sh", &args)).run(&["health"]);
        assert!(end.code == 3 && said(&end).contains(expected), "{}", end.log);
        assert!(!end.log.contains("s3cr3t-stdout") && !said(&end).contains("s3cr3t-stdout"), "{}", end.log);
    }
    let end = gate(config("no-such-plugin", &[])).run(&["health"]);
    assert!(end.code == 3 && said(&end).contains("see the handbook"), "{}", end.log);
    // One that hangs is ended with the gate.
    let runner = gate(config("sh", &["-c", "echo started >&2; sleep 600"]));
    let started = runner.start(&["health"]);
    started.heard("watching the namespace");
    started.signal(Signal::INT);
    let end = started.end_within(Duration::from_secs(2));
    assert_eq!((end.code, end.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", end.log);
}

#[test]
fn a_server_that_dies_is_waited_for_and_one_that_freezes_is_no_verdict() {
    let mut plane = Plane::start();
    let room = Room::new(&plane, "outage");
    room.deploy(
        "deployments",
        "app",
        1,
        "1",
        &json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": "20s" }),
    );
    // Frozen: connections stay open, and nothing is said.
    let runner = room.gate("deployment/app").input("grace", "api-lost 1s");
    let frozen = runner.start(&["health"]);
    until("pod that waits", || (!room.pods().is_empty()).then_some(()));
    plane.server().signal(Signal::STOP);
    let end = frozen.end_within(Duration::from_secs(40));
    assert!(end.code == 3 && said(&end).contains("does not answer"), "{}", end.log);
    plane.server().signal(Signal::CONT);
    // Killed and restarted half way.
    let runner = room.gate("deployment/app");
    let started = runner.start(&["health"]);
    until("server that answers", || plane.api.try_get("/readyz").ok());
    plane.kill_server();
    plane.restart_server();
    let end = started.end_within(Duration::from_secs(60));
    assert_eq!(end.code, 0, "{}", end.log);
}

#[test]
fn a_cancelled_gate_ends_within_a_second_and_writes_its_report() {
    let room = Room::new(shared(), "cancelled");
    room.deploy("deployments", "app", 1, "1", &json!({ "plays": "never-ready" }));
    let pod = until("pod", || room.pods().into_iter().next());
    assert!(pod.is_object());
    for signal in [Signal::INT, Signal::TERM] {
        let runner = room.gate("deployment/app");
        let started = runner.start(&["health"]);
        started.heard("deployment/app: 1 of 1 updated, 0 available");
        started.signal(signal);
        let end = started.end_within(Duration::from_secs(1));
        assert_eq!((end.code, end.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", end.log);
        assert!(said(&end).contains("undecided: ") && said(&end).contains("cancelled by a signal"), "{}", said(&end));
    }
}
