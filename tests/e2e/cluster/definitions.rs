//! Resources of others on the shared plane, by their own definitions.

use std::{fs, sync::OnceLock};

use serde_json::{Value, json};

use super::{
    house::Ended,
    plane::{Plane, shared, tool, until},
    states::{INCONCLUSIVE, assert_end},
    workloads::Room,
};

pub const ARGO: &str = "argoproj.io/v1alpha1";
pub const FLUX: &str = "kustomize.toolkit.fluxcd.io/v1";

/// Each kind, as it is asked for, by its plural and its group and version.
const KINDS: [(&str, &str, &str); 3] = [
    ("rollout/app", "rollouts", ARGO),
    ("application/app", "applications", ARGO),
    ("kustomization/app", "kustomizations", FLUX),
];

/// The shared plane with all of them, and how a gate ended that asked for each before.
pub fn defined() -> (&'static Plane, &'static [Ended]) {
    static BEFORE: OnceLock<Vec<Ended>> = OnceLock::new();
    let before = BEFORE.get_or_init(|| {
        let room = Room::new(shared(), "undefined");
        let ends = KINDS.map(|(workload, ..)| room.gate(workload).run(&["health"]));
        for (_, plural, api) in KINDS {
            let path = tool("PROMOTE_GATES_E2E_DEFINITIONS").join(format!("{plural}.yaml"));
            let definition = fs::read_to_string(path).expect("a definition");
            let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            shared().api.create_from_yaml(path, &definition);
            until("a resource that is served", || shared().api.try_get(&format!("/apis/{api}/{plural}")).ok());
        }
        ends.into()
    });
    (shared(), before)
}

/// One object of such a kind, as its owner and its controller write to it.
pub struct Custom<'a> {
    room: &'a Room<'a>,
    path: String,
    pub uid: String,
}

impl<'a> Custom<'a> {
    pub fn create(room: &'a Room<'a>, api: &str, kind: &str, name: &str, spec: &Value) -> Self {
        let all = format!("/apis/{api}/namespaces/{}/{}s", room.name, kind.to_lowercase());
        let object = json!({ "apiVersion": api, "kind": kind, "metadata": { "name": name }, "spec": spec });
        let made = room.plane.api.create(&all, &object);
        let uid = made["metadata"]["uid"].as_str().expect("a uid").to_owned();
        Self { room, path: format!("{all}/{name}"), uid }
    }

    /// A merge patch of all but the status, where that is apart.
    pub fn change(&self, change: &Value) {
        self.room.plane.api.patch(&self.path, change);
    }

    /// What its controller writes.
    pub fn status(&self, status: &Value) {
        self.room.plane.api.patch(&format!("{}/status", self.path), &json!({ "status": status }));
    }

    /// A Warning event about it.
    pub fn warn(&self, reason: &str, message: &str) {
        let name = format!("event.{}", self.uid);
        let about = json!({ "namespace": self.room.name, "name": "app", "uid": self.uid });
        let event = json!({ "apiVersion": "v1", "kind": "Event", "metadata": { "name": name }, "type": "Warning",
            "reason": reason, "message": message, "lastTimestamp": "2026-01-01T00:00:00Z", "involvedObject": about });
        self.room.plane.api.create(&format!("/api/v1/namespaces/{}/events", self.room.name), &event);
    }
}

/// Some time ago, and in the time to come: further off than any clock is wrong.
pub const LONG_AGO: &str = "2020-01-01T00:00:00Z";
pub const TO_COME: &str = "2120-01-01T00:00:00Z";

#[test]
fn a_kind_that_the_server_does_not_know_is_named() {
    let (_, before) = defined();
    for (end, (_, plural, _)) in before.iter().zip(KINDS) {
        assert_end(end, INCONCLUSIVE, &["404: "]);
        let said = end.report["findings"].to_string();
        assert!(said.contains(&format!("list and watch {plural} in the namespace undefined")), "{said}");
    }
}
