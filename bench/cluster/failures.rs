//! From a state that cannot recover to exit. kubectl looks at no pod, and waits for its deadline; it really does so here.
//!
//! The state counts from the kubelet's first write of it to the API server, by the server's audit log. Both are started with
//! the release, so where the state is there at once our own start is in the figure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    audit::Audit,
    figures::{Bounds, seconds},
    plane::Plane,
    side::{Running, Sides, now},
    workloads::Room,
};

/// How many times sooner it has to be.
const WANTED: f64 = 10.0;
const BLOCKED: i32 = 1;

/// A state, and how to know it among what the kubelet writes.
struct State {
    name: &'static str,
    told: &'static str,
    notes: Value,
    is_it: fn(&Value) -> bool,
}

fn states() -> [State; 3] {
    [
        State {
            name: "missing",
            told: "ImagePullBackOff, not found",
            notes: json!({
                "plays": "waits", "reason": "ImagePullBackOff",
                "message": "Back-off pulling image: ErrImagePull: ghcr.io/acme/app:9: not found",
            }),
            is_it: |status| status["state"]["waiting"]["reason"] == "ImagePullBackOff",
        },
        State {
            name: "invalid",
            told: "InvalidImageName",
            notes: json!({ "plays": "waits", "reason": "InvalidImageName", "message": "could not parse reference" }),
            is_it: |status| status["state"]["waiting"]["reason"] == "InvalidImageName",
        },
        State {
            name: "crashes",
            told: "third crash",
            notes: json!({ "plays": "crashes", "code": "2" }),
            // The first crash is no restart.
            is_it: |status| status["restartCount"] == 2,
        },
    ]
}

/// A state that we have ended at, and kubectl has not yet.
pub struct Failure {
    told: &'static str,
    /// When it came to the API server.
    at: Timestamp,
    ours: Timestamp,
    kubectl: Running,
}

/// Shows each state to both. kubectl is left to its deadline, in seconds.
pub fn start(plane: &Plane, audit: &Audit, sides: &Sides, deadline: u32) -> Vec<Failure> {
    let start = |State { name, told, notes, is_it }| {
        let room = Room::new(plane, name);
        room.deploy("deployments", "app", 2, "1", &json!({}));
        room.available("app", 2);
        let began = now();
        room.release("deployments", "app", "9", &notes);
        let kubectl = sides.kubectl(&room.name, &["deployment/app", &format!("--timeout={deadline}s")]);
        let ours = sides.ours(&room.name, &["--workload=deployment/app", "--tag=9"]).end();
        assert_eq!(ours.code, Some(BLOCKED), "{told}:\n{}", ours.log);
        let at = audit.first("write of the state", began, |event| {
            let statuses = event.request_object["status"]["containerStatuses"].as_array();
            event.is_status_of("pods", &room.name) && statuses.is_some_and(|all| all.iter().any(is_it))
        });
        Failure { told, at, ours: ours.at, kubectl }
    };
    states().into_iter().map(start).collect()
}

/// Waits for kubectl.
pub fn compare(failures: Vec<Failure>, deadline: u32, bounds: &mut Bounds) {
    println!("from a state that cannot recover to exit, kubectl with --timeout={deadline}s:");
    for Failure { told, at, ours, kubectl } in failures {
        let kubectl = kubectl.end();
        assert!(kubectl.code == Some(1) && kubectl.log.contains("timed out"), "{told}:\n{}", kubectl.log);
        let (ours, theirs) = (seconds(ours.duration_since(at)), seconds(kubectl.at.duration_since(at)));
        let sooner = theirs / ours;
        println!("  {told}: promote-gates {ours:.3} s, kubectl {theirs:.1} s: {sooner:.0} times sooner");
        bounds.hold(sooner >= WANTED, format!("{told}: at least {WANTED} times sooner"));
    }
}
