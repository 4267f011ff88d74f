//! A cluster's API as far as `health` asks it, without a cluster: what a real control plane (v1.36.3) answered of a
//! Deployment that is complete, from `tests/samples/kubernetes`, under the names of the services. A watch tells what has
//! changed since the version it names, and ends, as a server may end any.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use promote_gates::sandbox::server::{Answer, Request, Server};
use serde_json::{Value, json};

/// When the answers were recorded, as the server's clock tells it.
const THEN: &str = "Mon, 23 Nov 2026 12:03:32 GMT";
/// What an account that may look has. No test may see it in a log.
const TOKEN: &str = "s3cr3t-of-the-account-that-looks";
/// How long a watch lasts that has nothing to tell.
const QUIET: Duration = Duration::from_millis(100);

/// A cluster with one namespace.
pub struct Cluster {
    namespace: &'static str,
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// In order; the version of the last one is how many there are.
    changes: Vec<Change>,
    /// By service.
    coming: BTreeMap<String, String>,
}

struct Change {
    resource: &'static str,
    /// As a watch names it.
    kind: &'static str,
    object: Value,
}

impl Cluster {
    pub fn start(namespace: &'static str) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let answer = move |request: &Request| shared.lock().expect("no panic").answer(namespace, request);
        let server = Server::start(answer).expect("a server");
        Self { namespace, server, state }
    }

    /// A version of a service takes the place of the one before: its rollout is complete.
    pub fn deploy(&self, service: &str, tag: &str) {
        self.state.lock().expect("no panic").deploy(self.namespace, service, tag);
    }

    /// The same, as soon as somebody has listed what there is and waits for changes.
    pub fn deploys_when_watched(&self, service: &str, tag: &str) {
        self.state.lock().expect("no panic").coming.insert(service.to_owned(), tag.to_owned());
    }

    /// On one line, as a file of secrets takes it.
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

impl State {
    fn deploy(&mut self, namespace: &str, service: &str, tag: &str) {
        let uid = uid(service, "");
        let is_it = |change: &&Change| change.object["metadata"]["uid"] == uid.as_str();
        let before = self.changes.iter().filter(is_it).count();
        let mut change = |resource, kind, revision| {
            let mut object = object(resource, namespace, service, revision, tag);
            object["metadata"]["resourceVersion"] = (self.changes.len() + 1).to_string().into();
            self.changes.push(Change { resource, kind, object });
        };
        change("deployments", if before == 0 { "ADDED" } else { "MODIFIED" }, before + 1);
        change("replicasets", "ADDED", before + 1);
        change("pods", "ADDED", before + 1);
        if before > 0 {
            change("pods", "DELETED", before);
        }
    }

    fn answer(&mut self, namespace: &str, request: &Request) -> Answer {
        let refuse = |code: u16, message: &str| {
            Answer::json(code, &json!({ "kind": "Status", "status": "Failure", "code": code, "message": message }))
        };
        let given = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        if given != Some(&format!("Bearer {TOKEN}")) {
            return refuse(401, "Unauthorized");
        }
        let path = &request.path;
        let (group, resource) = path.split_once(&format!("/namespaces/{namespace}/")).unwrap_or_default();
        if !matches!((group, resource), ("/apis/apps/v1", "deployments" | "replicasets") | ("/api/v1", "pods")) {
            return refuse(403, &format!("{path} is forbidden: this account may not look there"));
        }
        let query = |name: &str| {
            request.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        let name = query("fieldSelector").strip_prefix("metadata.name%3D");
        let is_asked = |change: &&Change| {
            change.resource == resource && name.is_none_or(|name| change.object["metadata"]["name"] == name)
        };
        if query("watch") == "true" {
            for (service, tag) in std::mem::take(&mut self.coming) {
                self.deploy(namespace, &service, &tag);
            }
            let since: usize = query("resourceVersion").parse().unwrap_or_default();
            let news = self.changes.iter().skip(since).filter(is_asked);
            let lines: String =
                news.map(|one| format!("{}\n", json!({ "type": one.kind, "object": one.object }))).collect();
            return Answer::text(200, "application/json", lines).header("date", THEN).after(QUIET);
        }
        let mut items = BTreeMap::new();
        for Change { kind, object, .. } in self.changes.iter().filter(is_asked) {
            let uid = object["metadata"]["uid"].to_string();
            if *kind == "DELETED" {
                items.remove(&uid)
            } else {
                items.insert(uid, object)
            };
        }
        let items: Vec<&Value> = items.into_values().collect();
        let list = json!({ "metadata": { "resourceVersion": self.changes.len().to_string() }, "items": items });
        Answer::json(200, &list).header("date", THEN)
    }
}

fn uid(service: &str, part: &str) -> String {
    format!("uid-of-{service}{part}")
}

/// What was recorded of the Deployment `a`, as that of a service in that revision.
fn object(resource: &str, namespace: &str, service: &str, revision: usize, tag: &str) -> Value {
    let path = format!("{}/tests/samples/kubernetes/{resource}.json", env!("CARGO_MANIFEST_DIR"));
    let list: Value = serde_json::from_str(&fs::read_to_string(path).expect("a sample")).expect("JSON");
    let mut items = list["items"].as_array().expect("items").iter();
    let is_of_a = |item: &&Value| {
        item["metadata"]["name"].as_str().is_some_and(|name| name == "a" || name.starts_with("a-579c99b7ff"))
    };
    let mut text = items.find(is_of_a).expect("the sample of `a`").to_string();
    for (recorded, here) in [
        ("62fb8a6a-b6b4-451d-b093-aa5f2c063e43", uid(service, "")),
        ("fd83c7ca-cd8f-4501-a0bf-67ed2e572a32", uid(service, &format!("-{revision}"))),
        ("f2a6a97e-8644-4b1c-b8b0-06349e09def1", uid(service, &format!("-{revision}-pod"))),
        ("a-579c99b7ff", format!("{service}-{revision}")),
        ("\"a\"", format!("\"{service}\"")),
        ("\"staging\"", format!("\"{namespace}\"")),
        ("ghcr.io/acme/app:1", format!("ghcr.io/acme/{service}:{tag}")),
        ("kubernetes.io/revision\":\"1\"", format!("kubernetes.io/revision\":\"{revision}\"")),
    ] {
        text = text.replace(recorded, &here);
    }
    serde_json::from_str(&text).expect("JSON")
}
