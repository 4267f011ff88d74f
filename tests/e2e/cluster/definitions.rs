//! Custom resources of Argo and Flux on the shared control plane, with their own definitions.

use std::{fs, sync::OnceLock};

use serde_json::{Value, json};

use super::{
    control_plane::{ControlPlane, shared, tool, until},
    house::Ended,
    states::{INCONCLUSIVE, assert_end},
    workloads::TestNamespace,
};

pub const ARGO: &str = "argoproj.io/v1alpha1";
pub const FLUX: &str = "kustomize.toolkit.fluxcd.io/v1";
pub const HELM: &str = "helm.toolkit.fluxcd.io/v2";

/// Each kind: the `workload` input, the plural, and the group with version.
const KINDS: [(&str, &str, &str); 4] = [
    ("rollout/app", "rollouts", ARGO),
    ("application/app", "applications", ARGO),
    ("kustomization/app", "kustomizations", FLUX),
    ("helmrelease/app", "helmreleases", HELM),
];

/// The shared control plane with all definitions, and the result of a gate for each kind before its definition existed.
pub fn with_definitions() -> (&'static ControlPlane, &'static [Ended]) {
    static BEFORE: OnceLock<Vec<Ended>> = OnceLock::new();
    let before = BEFORE.get_or_init(|| {
        let ns = TestNamespace::new(shared(), "undefined");
        let ends = KINDS.map(|(workload, ..)| ns.gate(workload).run(&["health"]));
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

/// A custom object, as its owner and its controller write to it.
pub struct CustomObject<'a> {
    ns: &'a TestNamespace<'a>,
    path: String,
    pub uid: String,
}

impl<'a> CustomObject<'a> {
    pub fn create(ns: &'a TestNamespace<'a>, api: &str, kind: &str, name: &str, spec: &Value) -> Self {
        let all = format!("/apis/{api}/namespaces/{}/{}s", ns.name, kind.to_lowercase());
        let object = json!({ "apiVersion": api, "kind": kind, "metadata": { "name": name }, "spec": spec });
        let created = ns.control_plane.api.create(&all, &object);
        let uid = created["metadata"]["uid"].as_str().expect("a uid").to_owned();
        Self { ns, path: format!("{all}/{name}"), uid }
    }

    /// Applies a merge patch; the status is unchanged if it is a subresource.
    pub fn change(&self, change: &Value) {
        self.ns.control_plane.api.patch(&self.path, change);
    }

    /// Sets the status, as the controller does.
    pub fn set_status(&self, status: &Value) {
        self.ns.control_plane.api.patch(&format!("{}/status", self.path), &json!({ "status": status }));
    }

    /// Creates a Warning event for the object.
    pub fn add_warning(&self, reason: &str, message: &str) {
        let name = format!("event.{}", self.uid);
        let about = json!({ "namespace": self.ns.name, "name": "app", "uid": self.uid });
        let event = json!({ "apiVersion": "v1", "kind": "Event", "metadata": { "name": name }, "type": "Warning",
            "reason": reason, "message": message, "lastTimestamp": "2026-01-01T00:00:00Z", "involvedObject": about });
        self.ns.control_plane.api.create(&format!("/api/v1/namespaces/{}/events", self.ns.name), &event);
    }
}

/// A past and a future time, further away than any clock error.
pub const LONG_AGO: &str = "2020-01-01T00:00:00Z";
pub const FAR_FUTURE: &str = "2120-01-01T00:00:00Z";

#[test]
fn a_kind_without_definition_is_inconclusive_and_named() {
    let (_, before) = with_definitions();
    for (end, (_, plural, _)) in before.iter().zip(KINDS) {
        assert_end(end, INCONCLUSIVE, &["404: "]);
        let findings = end.report["findings"].to_string();
        assert!(findings.contains(&format!("list and watch {plural} in the namespace undefined")), "{findings}");
    }
}
