//! Missing permissions and credentials, outages of the API server, and cancelled gates.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use super::{
    control_plane::{ADMIN, ControlPlane, GATE, shared, until},
    house::{Ended, Runner},
    workloads::TestNamespace,
};

/// Ends a gate that hangs after a signal: it ends within a second on a quiet machine.
pub const SIGNALLED: Duration = Duration::from_secs(30);

fn findings_text(end: &Ended) -> String {
    end.report["findings"].to_string()
}

/// Grants access rules in a namespace to the gate's account.
pub fn grant(ns: &TestNamespace<'_>, rules: &serde_json::Value) {
    ns.grant(&json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "gate" }), rules);
}

#[test]
fn a_missing_permission_is_inconclusive_and_named() {
    let ns = TestNamespace::new(shared(), "forbidden");
    ns.deploy("deployments", "app", 1, "1", &json!({ "plays": "crashes" }));
    let gate = || ns.gate_as(GATE, "deployment/app");
    let end = gate().run(&["health"]);
    assert!(
        end.code == 3
            && findings_text(&end).contains("403: ")
            && findings_text(&end).contains("permission to list and watch"),
        "{}",
        end.log
    );
    // Without access to logs and events the verdict is the same, and the summary names what is missing.
    grant(
        &ns,
        &json!([
            { "apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["list", "watch"] },
            { "apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"] },
        ]),
    );
    let end = until("role in force", || {
        let end = gate().run(&["health"]);
        (end.code != 3).then_some(end)
    });
    assert!(end.code == 1 && findings_text(&end).contains("CrashLoopBackOff"), "{}", end.log);
    assert!(end.summary.contains("What could not be seen") && end.summary.contains("pods/log"), "{}", end.summary);
}

#[test]
fn invalid_credentials_and_contexts_are_named() {
    let ns = TestNamespace::new(shared(), "wrong");
    let end = ns.gate_as("s3cr3t-unknown", "deployment/app").run(&["health"]);
    assert!(
        end.code == 3 && findings_text(&end).contains("401: Unauthorized") && findings_text(&end).contains("expired"),
        "{}",
        end.log
    );
    let end = ns.gate("deployment/app").input("context", "tset").run(&["health"]);
    assert!(
        end.code == 2 && end.log.contains("one of `test`") && end.log.contains("did you mean `test`?"),
        "{}",
        end.log
    );
    let end = Runner::new().input("workload", "deployment/app").run(&["health"]);
    assert!(end.code == 2 && end.log.contains("in-cluster"), "{}", end.log);
    let end = Runner::new().input("workload", "deployment/app").input("in-cluster", "true").run(&["health"]);
    assert!(end.code == 2 && end.log.contains("this does not run in a pod"), "{}", end.log);
    // Nothing listens on this port.
    let mut config: serde_json::Value = serde_json::from_str(&shared().kubeconfig(ADMIN, "wrong")).expect("JSON");
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1".into();
    let runner = Runner::new().input("workload", "deployment/app").input("kubeconfig", &config.to_string());
    let end = runner.input("grace", "api-lost 1s").run(&["health"]);
    assert!(
        end.code == 3 && findings_text(&end).contains("does not answer: ") && findings_text(&end).contains("refused"),
        "{}",
        end.log
    );
}

#[test]
fn a_credential_plugin_is_limited_in_time_and_its_output_is_never_shown() {
    let ns = TestNamespace::new(shared(), "plugins");
    ns.deploy("deployments", "app", 1, "1", &json!({}));
    ns.available("app", 1);
    let config = |command: &str, args: &[&str]| {
        let mut config: serde_json::Value = serde_json::from_str(&shared().kubeconfig(ADMIN, "plugins")).expect("JSON");
        config["users"][0]["user"] = json!({ "exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": args,
            "interactiveMode": "IfAvailable", "installHint": "see the handbook" } });
        config.to_string()
    };
    let gate = |config: String| Runner::new().input("workload", "deployment/app").input("kubeconfig", &config);
    let credential = json!({ "kind": "ExecCredential", "status": { "token": ADMIN } }).to_string();
    let script =
        format!("test -n \"$KUBERNETES_EXEC_INFO\" && test -z \"$PROMOTE_GATES_KUBECONFIG\" && echo '{credential}'");
    let end = gate(config("sh", &["-c", &script])).run(&["health"]);
    assert_eq!(end.code, 0, "{}", end.log);
    for (args, expected) in [
        (vec!["-c", "echo s3cr3t-stdout; echo no session >&2; exit 4"], "exit code 4: no session"),
        (vec!["-c", "echo s3cr3t-stdout"], "its output holds no credentials"),
    ] {
        let end = gate(config("sh", &args)).run(&["health"]);
        assert!(end.code == 3 && findings_text(&end).contains(expected), "{}", end.log);
        assert!(!end.log.contains("s3cr3t-stdout") && !findings_text(&end).contains("s3cr3t-stdout"), "{}", end.log);
    }
    let end = gate(config("no-such-plugin", &[])).run(&["health"]);
    assert!(end.code == 3 && findings_text(&end).contains("see the handbook"), "{}", end.log);
    // A signal to the gate also ends a hanging plugin.
    let runner = gate(config("sh", &["-c", "echo started >&2; sleep 600"]));
    let started = runner.start(&["health"]);
    started.wait_for_line("watching the namespace");
    started.signal(Signal::INT);
    let end = started.end_within(SIGNALLED);
    assert_eq!((end.code, end.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", end.log);
}

#[test]
fn a_restarted_server_is_awaited_and_a_frozen_one_is_inconclusive() {
    let mut control_plane = ControlPlane::start();
    let ns = TestNamespace::new(&control_plane, "outage");
    ns.deploy(
        "deployments",
        "app",
        1,
        "1",
        &json!({ "plays": "waits", "reason": "ContainerCreating", "recovers": "20s" }),
    );
    // A frozen server keeps its connections open and does not respond.
    let runner = ns.gate("deployment/app").input("grace", "api-lost 1s");
    let frozen = runner.start(&["health"]);
    until("pod that waits", || (!ns.pods().is_empty()).then_some(()));
    control_plane.server().signal(Signal::STOP);
    let end = frozen.end_within(Duration::from_mins(2));
    assert!(end.code == 3 && findings_text(&end).contains("does not answer"), "{}", end.log);
    control_plane.server().signal(Signal::CONT);
    // The server is killed and restarted during the rollout.
    let runner = ns.gate("deployment/app");
    let started = runner.start(&["health"]);
    until("server that answers", || control_plane.api.try_get("/readyz").ok());
    control_plane.kill_server();
    control_plane.restart_server();
    let end = started.end_within(Duration::from_mins(2));
    assert_eq!(end.code, 0, "{}", end.log);
}

#[test]
fn a_signal_ends_the_gate_with_its_report() {
    let ns = TestNamespace::new(shared(), "cancelled");
    ns.deploy("deployments", "app", 1, "1", &json!({ "plays": "never-ready" }));
    let pod = until("pod", || ns.pods().into_iter().next());
    assert!(pod.is_object());
    for signal in [Signal::INT, Signal::TERM] {
        let runner = ns.gate("deployment/app");
        let started = runner.start(&["health"]);
        started.wait_for_line("deployment/app: 1 of 1 updated, 0 available");
        started.signal(signal);
        let end = started.end_within(SIGNALLED);
        assert_eq!((end.code, end.outputs["verdict"].as_str()), (3, "inconclusive"), "{}", end.log);
        assert!(
            findings_text(&end).contains("undecided: ") && findings_text(&end).contains("cancelled by a signal"),
            "{}",
            findings_text(&end)
        );
    }
}
