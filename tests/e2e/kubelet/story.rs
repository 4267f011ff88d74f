//! A story: a workload whose containers do something, and the verdict of a gate that watches it.

use std::{
    fs::File,
    io::Write as _,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    cluster::{Cluster, shared},
    control_plane::{tool, until},
    house::{Ended, Runner},
    registry::REGISTRY,
    workloads::TestNamespace,
};

pub const PASSED: i32 = 0;
pub const BLOCKED: i32 = 1;
pub const INCONCLUSIVE: i32 = 3;

/// The API of an Application.
pub const ARGO: &str = "argoproj.io/v1alpha1";

/// The time limit of a gate: the slowest crash loop needs minutes to its third crash.
const TIME_LIMIT: Duration = Duration::from_mins(8);

/// A namespace with a workload named `app`.
pub struct Story {
    pub cluster: &'static Cluster,
    pub namespace: TestNamespace<'static>,
    name: String,
    kind: &'static str,
    settings: Vec<(&'static str, String)>,
}

/// The reference of an image in the registry of the tests, such as `app:1`.
pub fn image(name: &str) -> String {
    format!("{REGISTRY}/{name}")
}

/// A container that runs a script.
pub fn container(name: &str, script: &str) -> Value {
    json!({ "name": name, "image": image("app:1"), "command": ["sh", "-c", script] })
}

/// The specification of a pod with one container, which runs a script.
pub fn pod(script: &str) -> Value {
    // The nodes have no network for pods.
    json!({ "hostNetwork": true, "terminationGracePeriodSeconds": 1, "containers": [container("app", script)] })
}

/// A script that runs until its pod is deleted.
pub const RUNS: &str = "sleep 1000000";

impl Story {
    /// A namespace of this name, still empty.
    pub fn new(name: &str) -> Self {
        let cluster = shared();
        let namespace = TestNamespace::new(&cluster.control_plane, name);
        let settings = vec![("image", image("app:1"))];
        Self { cluster, namespace, name: name.to_owned(), kind: "Deployment", settings }
    }

    /// Of this kind instead of a Deployment.
    pub fn of_kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// The path of all workloads of its kind.
    pub fn workloads(&self) -> String {
        let api = if self.kind == "Application" { ARGO } else { "apps/v1" };
        format!("/apis/{api}/namespaces/{}/{}s", self.name, self.kind.to_lowercase())
    }

    /// Sets an input of the gate.
    pub fn setting(mut self, key: &'static str, value: &str) -> Self {
        self.settings.retain(|(known, _)| *known != key);
        self.settings.push((key, value.to_owned()));
        self
    }

    /// Creates the workload with this pod; a DaemonSet has one on each node.
    pub fn deploy(self, replicas: u32, pod: &Value) -> Self {
        let mut workload = json!({
            "apiVersion": "apps/v1", "kind": self.kind, "metadata": { "name": "app" },
            "spec": {
                "selector": { "matchLabels": { "app": "app" } },
                "template": { "metadata": { "labels": { "app": "app" } }, "spec": pod },
            },
        });
        if self.kind != "DaemonSet" {
            workload["spec"]["replicas"] = replicas.into();
        }
        if self.kind == "StatefulSet" {
            workload["spec"]["serviceName"] = "app".into();
        }
        self.cluster.control_plane.api.create(&self.workloads(), &workload);
        self
    }

    /// Waits until a pod meets a condition.
    pub fn await_pod(&self, what: &str, mut condition: impl FnMut(&Value) -> bool) -> Value {
        until(what, || self.namespace.pods().into_iter().find(&mut condition))
    }

    /// The gate, with the settings of the story; for the others their defaults.
    pub fn gate(&self) -> Runner {
        let gate = self.namespace.gate(&format!("{}/app", self.kind.to_lowercase())).input("stabilize", "");
        self.settings.iter().fold(gate, |gate, (key, value)| gate.input(key, value))
    }

    /// Runs the gate to its end, and removes the workload.
    #[track_caller]
    pub fn ends(&self, code: i32, expected: &[&str]) -> Ended {
        self.ends_after(|_| {}, code, expected)
    }

    /// Runs the gate to its end. `change` changes the cluster once the log has the line that it waits for.
    #[track_caller]
    pub fn ends_after(&self, change: impl FnOnce(&dyn Fn(&str)), code: i32, expected: &[&str]) -> Ended {
        let (end, line) = self.run(change, code);
        let actual = end.report["findings"][0]["actual"].as_str().unwrap_or_default();
        assert!(
            end.code == code && expected.iter().all(|expected| actual.contains(expected)),
            "expected exit {code} and {expected:?}: {line}{}",
            end.log
        );
        end
    }

    /// Runs the gate to its end; returns also what is noted of it, beside the code that is expected.
    #[expect(clippy::disallowed_methods, reason = "the real time that a person would wait for the gate")]
    pub fn run(&self, change: impl FnOnce(&dyn Fn(&str)), code: i32) -> (Ended, String) {
        let gate = self.gate();
        let began = Instant::now();
        let running = gate.start(&["health"]);
        change(&|line| running.wait_for_line(line));
        let end = running.end_within(TIME_LIMIT);
        let took = began.elapsed().as_secs_f64();
        let mark = if end.code == code { "as expected" } else { "UNEXPECTED" };
        let reason = end.outputs.get("reason").map(String::as_str).unwrap_or_default();
        let line = format!("{}: exit {} ({mark}, {code}) after {took:.1} s: {reason}\n", self.name, end.code);
        note(&line);
        // A crash loop would go on beside the other tests.
        self.cluster.control_plane.api.delete(&format!("{}/app", self.workloads()));
        (end, line)
    }
}

/// Adds a line to the results.
pub fn note(line: &str) {
    let path = tool("PROMOTE_GATES_E2E_RESULTS").join("reports.txt");
    let mut reports = File::options().append(true).create(true).open(path).expect("a file");
    reports.write_all(line.as_bytes()).expect("it is written");
}
