//! Workloads as a deployment tool writes them, with notes for the kubelet that is played (`kubelet/stages.yaml`).

use serde_json::{Value, json};

use super::{
    house::Runner,
    plane::{ADMIN, Plane, until},
};

pub const APP: &str = "ghcr.io/acme/app";

/// A namespace of its own on a plane.
pub struct Room<'a> {
    pub plane: &'a Plane,
    pub name: String,
    /// The repository of every image here.
    pub image: &'static str,
}

impl<'a> Room<'a> {
    pub fn new(plane: &'a Plane, name: &str) -> Self {
        Self { plane, name: plane.namespace(name), image: APP }
    }

    fn apps(&self, kind: &str) -> String {
        format!("/apis/apps/v1/namespaces/{}/{kind}", self.name)
    }

    /// Creates it. `notes` are the pods' annotations.
    pub fn deploy(&self, kind: &str, name: &str, replicas: u32, tag: &str, notes: &Value) {
        let api = match kind {
            "deployments" => "Deployment",
            "statefulsets" => "StatefulSet",
            _ => "DaemonSet",
        };
        let mut spec = json!({
            "selector": { "matchLabels": { "app": name } },
            "template": template(name, &format!("{}:{tag}", self.image), notes),
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
        self.plane.api.create(&self.apps(kind), &object);
    }

    /// Changes the pods, as a new release does.
    pub fn release(&self, kind: &str, name: &str, tag: &str, notes: &Value) {
        let mut metadata = template(name, &format!("{}:{tag}", self.image), notes);
        // A merge patch takes away only what is named.
        for gone in ["plays", "reason", "message", "recovers", "later", "digest", "stops-at", "code"] {
            if notes.get(gone).is_none() {
                metadata["metadata"]["annotations"][gone] = Value::Null;
            }
        }
        self.change(kind, name, &json!({ "spec": { "template": metadata } }));
    }

    pub fn change(&self, kind: &str, name: &str, change: &Value) {
        self.plane.api.patch(&format!("{}/{name}", self.apps(kind)), change);
    }

    pub fn object(&self, kind: &str, name: &str) -> Value {
        self.plane.api.get(&format!("{}/{name}", self.apps(kind)))
    }

    pub fn pods(&self) -> Vec<Value> {
        let pods = self.plane.api.get(&format!("/api/v1/namespaces/{}/pods", self.name));
        pods["items"].as_array().cloned().unwrap_or_default()
    }

    /// Until a Deployment's status says that this many pods are available.
    pub fn available(&self, name: &str, count: u64) {
        until("available pods", || {
            let it = self.object("deployments", name);
            let taken_up = it["status"]["observedGeneration"] == it["metadata"]["generation"];
            (taken_up && it["status"]["availableReplicas"].as_u64().unwrap_or(0) == count).then_some(())
        });
    }

    /// A step that looks at this namespace as the administrator.
    pub fn gate(&self, workloads: &str) -> Runner {
        self.gate_as(ADMIN, workloads)
    }

    pub fn gate_as(&self, token: &str, workloads: &str) -> Runner {
        let config = self.plane.kubeconfig(token, &self.name);
        Runner::new().input("kubeconfig", &config).input("workload", workloads)
    }
}

/// Pods that run this image.
pub fn template(name: &str, image: &str, notes: &Value) -> Value {
    json!({
        "metadata": { "labels": { "app": name }, "annotations": notes },
        "spec": {
            "nodeName": "node",
            "terminationGracePeriodSeconds": 0,
            "containers": [{ "name": "app", "image": image }],
        },
    })
}
