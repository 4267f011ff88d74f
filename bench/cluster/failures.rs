//! The time from an unrecoverable state to exit. kubectl does not read pods, so it waits for its deadline, here as well.
//!
//! The time starts with the kubelet's first write of the state, by the API server's audit log. Both programs start with the
//! release; if the state is immediate, the result includes their start-up time.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    audit_log::AuditLog,
    control_plane::ControlPlane,
    figures::{Bounds, seconds},
    programs::{Programs, RunningProgram, now},
    workloads::TestNamespace,
};

/// How many times faster than kubectl the gate must be.
const MIN_RATIO: f64 = 10.0;
const BLOCKED: i32 = 1;

/// A failure state, and how to recognise it in a container status.
struct FailureState {
    name: &'static str,
    title: &'static str,
    annotations: Value,
    matches: fn(&Value) -> bool,
}

fn states() -> [FailureState; 3] {
    [
        FailureState {
            name: "missing",
            title: "ImagePullBackOff, not found",
            annotations: json!({
                "plays": "waits", "reason": "ImagePullBackOff",
                "message": "Back-off pulling image: ErrImagePull: ghcr.io/acme/app:9: not found",
            }),
            matches: |status| status["state"]["waiting"]["reason"] == "ImagePullBackOff",
        },
        FailureState {
            name: "invalid",
            title: "InvalidImageName",
            annotations: json!({ "plays": "waits", "reason": "InvalidImageName", "message": "could not parse reference" }),
            matches: |status| status["state"]["waiting"]["reason"] == "InvalidImageName",
        },
        FailureState {
            name: "crashes",
            title: "third crash",
            annotations: json!({ "plays": "crashes", "code": "2" }),
            // The first crash is not a restart.
            matches: |status| status["restartCount"] == 2,
        },
    ]
}

/// A measured failure state, for which kubectl is still running.
pub struct Failure {
    title: &'static str,
    /// When the API server received the state.
    at: Timestamp,
    ours: Timestamp,
    kubectl: RunningProgram,
}

/// Creates each state and runs both programs. kubectl keeps running until its deadline, in seconds.
pub fn start(control_plane: &ControlPlane, audit_log: &AuditLog, programs: &Programs, deadline: u32) -> Vec<Failure> {
    let start = |FailureState { name, title, annotations, matches }| {
        let ns = TestNamespace::new(control_plane, name);
        ns.deploy("deployments", "app", 2, "1", &json!({}));
        ns.available("app", 2);
        let began = now();
        ns.release("deployments", "app", "9", &annotations);
        let kubectl = programs.kubectl(&ns.name, &["deployment/app", &format!("--timeout={deadline}s")]);
        let ours = programs.ours(&ns.name, &["--workload=deployment/app", "--tag=9"]).end();
        assert_eq!(ours.code, Some(BLOCKED), "{title}:\n{}", ours.log);
        let at = audit_log.first("write of the state", began, |event| {
            let statuses = event.request_object["status"]["containerStatuses"].as_array();
            event.is_status_of("pods", &ns.name) && statuses.is_some_and(|all| all.iter().any(matches))
        });
        Failure { title, at, ours: ours.at, kubectl }
    };
    states().into_iter().map(start).collect()
}

/// Waits for kubectl, and compares the times.
pub fn compare(failures: Vec<Failure>, deadline: u32, bounds: &mut Bounds) {
    println!("time from an unrecoverable state to exit, kubectl with --timeout={deadline}s:");
    for Failure { title, at, ours, kubectl } in failures {
        let kubectl = kubectl.end();
        assert!(kubectl.code == Some(1) && kubectl.log.contains("timed out"), "{title}:\n{}", kubectl.log);
        let (ours, theirs) = (seconds(ours.duration_since(at)), seconds(kubectl.at.duration_since(at)));
        let ratio = theirs / ours;
        println!("  {title}: promote-gates {ours:.3} s, kubectl {theirs:.1} s: {ratio:.0} times faster");
        bounds.check(ratio >= MIN_RATIO, format!("{title}: at least {MIN_RATIO} times faster"));
    }
}
