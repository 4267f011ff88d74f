//! The account in `health/README.md`: the documented manifests and commands work, with the least permissions.

use std::{fs, process::Command};

use serde_json::{Value, json};

use super::{
    control_plane::{ADMIN, shared, until},
    house::{Ended, Runner},
    repo::{path_with, program},
    workloads::TestNamespace,
};

/// The namespace in the documentation; each test replaces it by its own.
const NAMESPACE: &str = "staging";
const NAME: &str = "promote-gates";

/// The first code block of `health/README.md` with this fence whose text starts with `begins`.
fn documented(fence: &str, begins: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/health/README.md");
    let text = fs::read_to_string(path).expect("the documentation");
    let mut blocks = text.split("\n```").filter_map(|block| block.strip_prefix(fence)?.strip_prefix('\n'));
    let block = blocks.find(|block| block.starts_with(begins));
    format!("{}\n", block.unwrap_or_else(|| panic!("no {fence} block that begins with {begins:?} in {path}")))
}

/// Creates the documented account in a namespace; returns a kubeconfig with a token that is valid for ten minutes.
pub fn create(ns: &TestNamespace<'_>) -> String {
    for object in documented("yaml", "apiVersion: v1\nkind: ServiceAccount\n").split("---\n") {
        let object = object.replace(NAMESPACE, &ns.name);
        let kind = object.lines().find_map(|line| line.strip_prefix("kind: ")).expect("a kind");
        let path = match kind {
            "ServiceAccount" => format!("/api/v1/namespaces/{}/serviceaccounts", ns.name),
            _ => format!("{}/{}s", rbac(ns), kind.to_lowercase()),
        };
        ns.control_plane.api.create_from_yaml(&path, &object);
    }
    let request = json!({ "spec": { "expirationSeconds": 600 } });
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{NAME}/token", ns.name);
    let token = ns.control_plane.api.create(&path, &request);
    let token = token["status"]["token"].as_str().expect("a token");
    ns.control_plane.kubeconfig(token, &ns.name)
}

fn rbac(ns: &TestNamespace<'_>) -> String {
    format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", ns.name)
}

/// A namespace with one healthy and one crashing workload of each kind, after the last crash.
fn namespace_with_workloads(name: &str) -> TestNamespace<'static> {
    let ns = TestNamespace::new(shared(), name);
    for (kind, healthy, crashing) in
        [("deployments", "web", "bad-web"), ("statefulsets", "db", "bad-db"), ("daemonsets", "agent", "bad-agent")]
    {
        ns.deploy(kind, healthy, 1, "1", &json!({}));
        ns.deploy(kind, crashing, 1, "1", &json!({ "plays": "crashes" }));
    }
    let pods = until("pods in their final state", || {
        let pods = ns.pods();
        let settled = pods.iter().filter(|pod| {
            let status = &pod["status"]["containerStatuses"][0];
            status["ready"] == true || status["restartCount"].as_u64().is_some_and(|count| count >= 4)
        });
        (settled.count() == 6).then_some(pods)
    });
    for pod in pods {
        let (name, uid) = (&pod["metadata"]["name"], &pod["metadata"]["uid"]);
        let event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": { "name": name }, "type": "Warning", "reason": "BackOff",
            "message": "back-off restarting failed container", "count": 4, "lastTimestamp": "2026-01-01T00:00:00Z",
            "involvedObject": { "kind": "Pod", "namespace": ns.name, "name": name, "uid": uid },
        });
        ns.control_plane.api.create(&format!("/api/v1/namespaces/{}/events", ns.name), &event);
    }
    ns
}

/// One gate for the crashing workloads and one for the healthy ones.
struct GatePair {
    crashing: Runner,
    healthy: Runner,
}

impl GatePair {
    fn new(kubeconfig: &str) -> Self {
        let runner = |workloads| Runner::new().input("kubeconfig", kubeconfig).input("workload", workloads);
        Self {
            crashing: runner("deployment/bad-web\nstatefulset/bad-db\ndaemonset/bad-agent"),
            healthy: runner("deployment/web\nstatefulset/db\ndaemonset/agent"),
        }
    }

    /// Repeats the gate until its result matches, because a new role takes effect after a moment.
    fn until_ends(gate: &Runner, what: &str, is_so: impl Fn(&Ended) -> bool) {
        until(what, || is_so(&gate.run(&["health"])).then_some(()));
    }
}

#[test]
fn the_documented_role_has_exactly_the_needed_permissions() {
    let ns = namespace_with_workloads("account");
    let gates = GatePair::new(&create(&ns));
    GatePair::until_ends(&gates.healthy, "gate that the role allows", |end| end.code == 0);
    let end = gates.crashing.run(&["health"]);
    let findings = end.report["findings"].as_array().expect("findings");
    assert!(end.code == 1 && findings.iter().all(|one| one["verdict"] == "blocked"), "{}", end.log);
    for part in ["pod bad-web-", "pod bad-db-0", "pod bad-agent-"] {
        let is_about_it = |one: &Value| one["actual"].as_str().is_some_and(|text| text.starts_with(part));
        assert_eq!(findings.iter().filter(|one| is_about_it(one)).count(), 1, "{part} in {findings:#?}");
    }
    let tables = end.report["tables"].as_array().expect("tables");
    let titles: Vec<&str> = tables.iter().filter_map(|table| table["title"].as_str()).collect();
    assert_eq!(titles[..2], ["Pods that are not ready", "Warning events, newest first"], "{titles:?}");
    assert_eq!(tables[1]["rows"].as_array().map(Vec::len), Some(3), "{}", tables[1]);
    assert_eq!(titles.iter().filter(|title| title.contains("last lines of the run before")).count(), 3, "{titles:?}");
    assert_eq!(titles.len(), 5, "no table of what could not be observed: {titles:?}");

    // Without any one of the permissions, the gate names the missing one.
    let long_gates = GatePair { healthy: gates.healthy.input("stabilize", "30s"), ..gates };
    let path = format!("{}/roles/{NAME}", rbac(&ns));
    let all_rules = ns.control_plane.api.get(&path)["rules"].clone();
    let permissions = permissions(&all_rules);
    assert_eq!(permissions.len(), 15, "{permissions:?}");
    for (resource, verb) in &permissions {
        ns.control_plane.api.patch(&path, &json!({ "rules": without(&all_rules, resource, verb) }));
        let what = format!("finding for {resource}: {verb}");
        let (gate, code, expected) = match (resource.as_str(), verb.as_str()) {
            ("events", "watch") => {
                let expected = "permission to list and watch events in";
                GatePair::until_ends(&long_gates.crashing, &what, |end| end.code == 1 && end.log.contains(expected));
                continue;
            }
            ("events", _) => (&long_gates.crashing, 1, "permission to list events".to_owned()),
            ("pods/log", _) => (&long_gates.crashing, 1, "permission to read pods/log".to_owned()),
            _ => (&long_gates.healthy, 3, format!("permission to list and watch {resource} in")),
        };
        GatePair::until_ends(gate, &what, |end| {
            end.code == code
                && end.summary.contains(&expected)
                && end.summary.matches("permission to ").count() == end.summary.matches(&expected).count()
        });
    }
}

/// Each pair of a resource and a verb that the rules grant.
fn permissions(rules: &Value) -> Vec<(String, String)> {
    let texts = |rule: &Value, key: &str| -> Vec<String> {
        let all = rule[key].as_array().expect("a list").iter();
        all.filter_map(Value::as_str).map(ToOwned::to_owned).collect()
    };
    let rules = rules.as_array().expect("rules").iter();
    let each = rules.flat_map(|rule| {
        let verbs = texts(rule, "verbs");
        texts(rule, "resources")
            .into_iter()
            .flat_map(move |resource| verbs.clone().into_iter().map(move |verb| (resource.clone(), verb)))
    });
    each.collect()
}

/// The rules without one permission, with one rule per remaining permission.
fn without(rules: &Value, resource: &str, verb: &str) -> Vec<Value> {
    let left = rules.as_array().expect("rules").iter().flat_map(|rule| {
        let alone = Value::from(vec![rule.clone()]);
        permissions(&alone).into_iter().map(|permission| (rule["apiGroups"].clone(), permission)).collect::<Vec<_>>()
    });
    left.filter(|(_, permission)| (permission.0.as_str(), permission.1.as_str()) != (resource, verb))
        .map(|(groups, (resource, verb))| json!({ "apiGroups": groups, "resources": [resource], "verbs": [verb] }))
        .collect()
}

#[test]
fn the_documented_commands_create_the_account_and_its_kubeconfig() {
    let ns = namespace_with_workloads("commands");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let in_namespace = |text: String| text.replace(NAMESPACE, &ns.name);
    let account = in_namespace(documented("yaml", "apiVersion: v1\nkind: ServiceAccount\n"));
    fs::write(at("account.yaml"), account).expect("write the account");
    fs::write(at("admin"), ns.control_plane.kubeconfig(ADMIN, "default")).expect("write a kubeconfig");
    program(&at("bin/gh"), "#!/bin/sh\ncat >\"$HOME/$1-$2-$3\"\n");
    // The namespace is lower case, so the name of the secret is not replaced.
    let commands = in_namespace(documented("sh", "kubectl apply "));
    let mut shell = Command::new("bash");
    shell.args(["-euc", &commands]).current_dir(folder.path()).env_clear().env("PATH", path_with(&at("bin")));
    let done = shell.env("HOME", folder.path()).env("KUBECONFIG", at("admin")).output().expect("start bash");
    assert!(done.status.success(), "{commands}\n{done:?}");

    let kubeconfig = fs::read_to_string(at("secret-set-STAGING_KUBECONFIG")).expect("a secret that was set");
    assert!(!kubeconfig.contains(ADMIN), "only the account's own credentials: {kubeconfig}");
    let gates = GatePair::new(&kubeconfig);
    GatePair::until_ends(&gates.healthy, "gate that the role allows", |end| end.code == 0);
    let end = gates.crashing.run(&["health"]);
    assert!(end.code == 1 && !end.summary.contains("What could not be seen"), "{}", end.log);
    // The token occurs in the log only as a mask command.
    let token = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("token: ")).expect("a token");
    let shown = |line: &&str| line.contains(token) && !line.starts_with("::add-mask::");
    assert!(!end.log.lines().any(|line| shown(&line)) && end.log.contains(&format!("::add-mask::{token}")), "{token}");
}
