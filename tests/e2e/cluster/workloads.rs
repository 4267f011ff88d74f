//! Workloads as a deployment tool writes them. Annotations on their pods control the simulated kubelet
//! (`kubelet/stages.yaml`).

use serde_json::{Value, json};

use super::{
    control_plane::{ADMIN, ControlPlane, until},
    house::Runner,
};

pub const APP: &str = "ghcr.io/acme/app";

/// A namespace on a control plane, for one test.
pub struct TestNamespace<'a> {
    pub control_plane: &'a ControlPlane,
    pub name: String,
    /// The image repository of the workloads.
    pub image: &'static str,
}

impl<'a> TestNamespace<'a> {
    pub fn new(control_plane: &'a ControlPlane, name: &str) -> Self {
        Self { control_plane, name: control_plane.namespace(name), image: APP }
    }

    fn apps(&self, kind: &str) -> String {
        format!("/apis/apps/v1/namespaces/{}/{kind}", self.name)
    }

    /// Creates a workload; `annotations` are those of its pods.
    pub fn deploy(&self, kind: &str, name: &str, replicas: u32, tag: &str, annotations: &Value) {
        let api = match kind {
            "deployments" => "Deployment",
            "statefulsets" => "StatefulSet",
            _ => "DaemonSet",
        };
        let mut spec = json!({
            "selector": { "matchLabels": { "app": name } },
            "template": template(name, &format!("{}:{tag}", self.image), annotations),
        });
        match kind {
            "daemonsets" => {}
            "statefulsets" => {
                spec["serviceName"] = name.into();
                spec["replicas"] = replicas.into();
            }
            _ => {
                spec["replicas"] = replicas.into();
                spec["progressDeadlineSeconds"] = 600.into();
            }
        }
        let object = json!({ "apiVersion": "apps/v1", "kind": api, "metadata": { "name": name }, "spec": spec });
        self.control_plane.api.create(&self.apps(kind), &object);
    }

    /// Changes the pod template, as a new release does.
    pub fn release(&self, kind: &str, name: &str, tag: &str, annotations: &Value) {
        let mut metadata = template(name, &format!("{}:{tag}", self.image), annotations);
        // A merge patch removes only the keys that it sets to null.
        for key in ["plays", "reason", "message", "recovers", "later", "digest", "stops-at", "code"] {
            if annotations.get(key).is_none() {
                metadata["metadata"]["annotations"][key] = Value::Null;
            }
        }
        self.change(kind, name, &json!({ "spec": { "template": metadata } }));
    }

    pub fn change(&self, kind: &str, name: &str, change: &Value) {
        self.control_plane.api.patch(&format!("{}/{name}", self.apps(kind)), change);
    }

    pub fn object(&self, kind: &str, name: &str) -> Value {
        self.control_plane.api.get(&format!("{}/{name}", self.apps(kind)))
    }

    pub fn pods(&self) -> Vec<Value> {
        let pods = self.control_plane.api.get(&format!("/api/v1/namespaces/{}/pods", self.name));
        pods["items"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until a Deployment has this many available pods.
    pub fn available(&self, name: &str, count: u64) {
        until("available pods", || {
            let object = self.object("deployments", name);
            let is_observed = object["status"]["observedGeneration"] == object["metadata"]["generation"];
            (is_observed && object["status"]["availableReplicas"].as_u64().unwrap_or(0) == count).then_some(())
        });
    }

    /// Grants access rules in this namespace to a subject.
    pub fn grant(&self, subject: &Value, rules: &Value) {
        let api = "rbac.authorization.k8s.io/v1";
        let path = format!("/apis/{api}/namespaces/{}", self.name);
        let role = json!({ "apiVersion": api, "kind": "Role", "metadata": { "name": "gate" }, "rules": rules });
        self.control_plane.api.create(&format!("{path}/roles"), &role);
        let binding = json!({
            "apiVersion": api, "kind": "RoleBinding", "metadata": { "name": "gate" }, "subjects": [subject],
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gate" },
        });
        self.control_plane.api.create(&format!("{path}/rolebindings"), &binding);
    }

    /// Creates a service account; returns a token for it, as a pod gets one.
    pub fn account(&self, name: &str) -> String {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts", self.name);
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } });
        self.control_plane.api.create(&path, &account);
        let requests = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "expirationSeconds": 600 } });
        let given = self.control_plane.api.create(&format!("{path}/{name}/token"), &requests);
        given["status"]["token"].as_str().expect("a token").to_owned()
    }

    /// A gate that watches this namespace as the administrator.
    pub fn gate(&self, workloads: &str) -> Runner {
        self.gate_as(ADMIN, workloads)
    }

    pub fn gate_as(&self, token: &str, workloads: &str) -> Runner {
        let config = self.control_plane.kubeconfig(token, &self.name);
        // Most tests are about a moment, and kwok's pods do not crash behind it.
        Runner::new().input("kubeconfig", &config).input("workload", workloads).input("stabilize", "0")
    }
}

/// A pod template with this image.
pub fn template(name: &str, image: &str, annotations: &Value) -> Value {
    json!({
        "metadata": { "labels": { "app": name }, "annotations": annotations },
        "spec": {
            "nodeName": "node",
            "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "app", "image": image }],
        },
    })
}
