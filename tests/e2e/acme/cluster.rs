//! A fake Kubernetes API with the routes that `health` uses. It replays a real control plane's (v1.36.3) responses for a
//! complete Deployment, from `tests/samples/kubernetes`, under the names of the services. A watch returns the changes since
//! its resource version and then ends, as the API permits.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer, ReceivedRequest};
use serde_json::{Value, json};

/// When the responses were recorded, by the server's clock.
const THEN: &str = "Mon, 23 Nov 2026 12:03:32 GMT";
/// The token of an account with read access. It must not occur in any log.
const TOKEN: &str = "s3cr3t-of-the-account-that-looks";
/// How long a watch with changes lasts.
const BUSY: Duration = Duration::from_millis(100);
/// How long one without changes lasts: a shorter one is an interruption for `health`, which decides nothing while it is interrupted.
const QUIET: Duration = Duration::from_millis(1200);

/// A cluster with one namespace.
pub struct FakeCluster {
    namespace: &'static str,
    server: LoopbackServer,
    state: Arc<Mutex<ClusterState>>,
}

#[derive(Default)]
struct ClusterState {
    /// In order; the resource version of an event is its position, counted from 1.
    changes: Vec<WatchEvent>,
    /// The tag to deploy at the next watch, by service.
    coming: BTreeMap<String, String>,
}

struct WatchEvent {
    resource: &'static str,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    kind: &'static str,
    object: Value,
}

impl FakeCluster {
    pub fn start(namespace: &'static str) -> Self {
        let state = Arc::<Mutex<ClusterState>>::default();
        let shared = Arc::clone(&state);
        let respond = move |request: &ReceivedRequest| shared.lock().expect("no panic").respond(namespace, request);
        let server = LoopbackServer::start(respond).expect("a server");
        Self { namespace, server, state }
    }

    /// Replaces the version of a service; the rollout is complete at once.
    pub fn deploy(&self, service: &str, tag: &str) {
        self.state.lock().expect("no panic").deploy(self.namespace, service, tag);
    }

    /// Deploys a version as soon as a client has listed the objects and starts a watch.
    pub fn deploy_when_watched(&self, service: &str, tag: &str) {
        self.state.lock().expect("no panic").coming.insert(service.to_owned(), tag.to_owned());
    }

    /// On one line, as the runner's secret file requires.
    pub fn kubeconfig(&self) -> String {
        let name = self.namespace;
        let config = json!({
            "current-context": name,
            "contexts": [{ "name": name, "context": { "cluster": name, "user": "gates" } }],
            "clusters": [{ "name": name, "cluster": { "server": self.server.url() } }],
            "users": [{ "name": "gates", "user": { "token": TOKEN } }],
        });
        config.to_string()
    }
}

impl ClusterState {
    fn deploy(&mut self, namespace: &str, service: &str, tag: &str) {
        let uid = uid(service, "");
        let is_same = |change: &&WatchEvent| change.object["metadata"]["uid"] == uid.as_str();
        let before = self.changes.iter().filter(is_same).count();
        let mut change = |resource, kind, revision| {
            let mut object = object(resource, namespace, service, revision, tag);
            object["metadata"]["resourceVersion"] = (self.changes.len() + 1).to_string().into();
            self.changes.push(WatchEvent { resource, kind, object });
        };
        change("deployments", if before == 0 { "ADDED" } else { "MODIFIED" }, before + 1);
        change("replicasets", "ADDED", before + 1);
        change("pods", "ADDED", before + 1);
        if before > 0 {
            change("pods", "DELETED", before);
        }
    }

    fn respond(&mut self, namespace: &str, request: &ReceivedRequest) -> FakeResponse {
        let refuse = |code: u16, message: &str| {
            FakeResponse::json(
                code,
                &json!({ "kind": "Status", "status": "Failure", "code": code, "message": message }),
            )
        };
        let credentials = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        if credentials != Some(&format!("Bearer {TOKEN}")) {
            return refuse(401, "Unauthorized");
        }
        let path = &request.path;
        let (group, resource) = path.split_once(&format!("/namespaces/{namespace}/")).unwrap_or_default();
        if !matches!(
            (group, resource),
            ("/apis/apps/v1", "deployments" | "replicasets") | ("/api/v1", "pods" | "events")
        ) {
            return refuse(403, &format!("{path} is forbidden: this account has no access"));
        }
        let query = |name: &str| {
            request.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        let name = query("fieldSelector").strip_prefix("metadata.name%3D");
        let matches = |change: &&WatchEvent| {
            change.resource == resource && name.is_none_or(|name| change.object["metadata"]["name"] == name)
        };
        if query("watch") == "true" {
            // The pods are listed last.
            if resource == "pods" {
                for (service, tag) in std::mem::take(&mut self.coming) {
                    self.deploy(namespace, &service, &tag);
                }
            }
            let since: usize = query("resourceVersion").parse().unwrap_or_default();
            let new_events = self.changes.iter().skip(since).filter(matches);
            let lines: String =
                new_events.map(|one| format!("{}\n", json!({ "type": one.kind, "object": one.object }))).collect();
            let duration = if lines.is_empty() { QUIET } else { BUSY };
            return FakeResponse::text(200, "application/json", lines).header("date", THEN).delayed(duration);
        }
        let mut items = BTreeMap::new();
        for WatchEvent { kind, object, .. } in self.changes.iter().filter(matches) {
            let uid = object["metadata"]["uid"].to_string();
            if *kind == "DELETED" {
                items.remove(&uid)
            } else {
                items.insert(uid, object)
            };
        }
        let items: Vec<&Value> = items.into_values().collect();
        let list = json!({ "metadata": { "resourceVersion": self.changes.len().to_string() }, "items": items });
        FakeResponse::json(200, &list).header("date", THEN)
    }
}

fn uid(service: &str, part: &str) -> String {
    format!("uid-of-{service}{part}")
}

/// The recorded object of the Deployment `a`, renamed to a service and revision.
fn object(resource: &str, namespace: &str, service: &str, revision: usize, tag: &str) -> Value {
    let path = format!("{}/tests/samples/kubernetes/{resource}.json", env!("CARGO_MANIFEST_DIR"));
    let list: Value = serde_json::from_str(&fs::read_to_string(path).expect("a sample")).expect("JSON");
    let mut items = list["items"].as_array().expect("items").iter();
    let is_of_a = |item: &&Value| {
        item["metadata"]["name"].as_str().is_some_and(|name| name == "a" || name.starts_with("a-579c99b7ff"))
    };
    let mut text = items.find(is_of_a).expect("the sample of `a`").to_string();
    for (recorded, replacement) in [
        ("62fb8a6a-b6b4-451d-b093-aa5f2c063e43", uid(service, "")),
        ("fd83c7ca-cd8f-4501-a0bf-67ed2e572a32", uid(service, &format!("-{revision}"))),
        ("f2a6a97e-8644-4b1c-b8b0-06349e09def1", uid(service, &format!("-{revision}-pod"))),
        ("a-579c99b7ff", format!("{service}-{revision}")),
        ("\"a\"", format!("\"{service}\"")),
        ("\"staging\"", format!("\"{namespace}\"")),
        ("ghcr.io/acme/app:1", format!("ghcr.io/acme/{service}:{tag}")),
        ("kubernetes.io/revision\":\"1\"", format!("kubernetes.io/revision\":\"{revision}\"")),
    ] {
        text = text.replace(recorded, &replacement);
    }
    serde_json::from_str(&text).expect("JSON")
}
