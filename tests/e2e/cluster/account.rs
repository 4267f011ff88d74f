//! The account of `health/README.md`: what it says to apply is applied as it stands there, and is enough.

use std::{fs, process::Command};

use serde_json::{Value, json};

use super::{
    house::{Ended, Runner},
    plane::{ADMIN, shared, until},
    repo::{before, program},
    workloads::Room,
};

/// The namespace in the documentation; each test has its own.
const NAMESPACE: &str = "staging";
const NAME: &str = "promote-gates";

/// A fenced block of `health/README.md`, from the fence on; `begins` is how its first line does.
fn documented(fence: &str, begins: &str) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/health/README.md");
    let text = fs::read_to_string(path).expect("the documentation");
    let mut blocks = text.split("\n```").filter_map(|block| block.strip_prefix(fence)?.strip_prefix('\n'));
    let block = blocks.find(|block| block.starts_with(begins));
    format!("{}\n", block.unwrap_or_else(|| panic!("no {fence} block that begins with {begins:?} in {path}")))
}

/// Makes the documented account in a namespace, and gives it a kubeconfig with a token that lasts ten minutes.
pub fn make(room: &Room<'_>) -> String {
    for object in documented("yaml", "apiVersion: v1\nkind: ServiceAccount\n").split("---\n") {
        let object = object.replace(NAMESPACE, &room.name);
        let kind = object.lines().find_map(|line| line.strip_prefix("kind: ")).expect("a kind");
        let path = match kind {
            "ServiceAccount" => format!("/api/v1/namespaces/{}/serviceaccounts", room.name),
            _ => format!("{}/{}s", rbac(room), kind.to_lowercase()),
        };
        room.plane.api.create_from_yaml(&path, &object);
    }
    let request = json!({ "spec": { "expirationSeconds": 600 } });
    let path = format!("/api/v1/namespaces/{}/serviceaccounts/{NAME}/token", room.name);
    let token = room.plane.api.create(&path, &request);
    let token = token["status"]["token"].as_str().expect("a token");
    room.plane.kubeconfig(token, &room.name)
}

fn rbac(room: &Room<'_>) -> String {
    format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", room.name)
}

/// One of each kind that is well, and one that is not; those have crashed as often as they will.
fn room(name: &str) -> Room<'static> {
    let room = Room::new(shared(), name);
    for (kind, well, ill) in
        [("deployments", "web", "bad-web"), ("statefulsets", "db", "bad-db"), ("daemonsets", "agent", "bad-agent")]
    {
        room.deploy(kind, well, 1, "1", &json!({}));
        room.deploy(kind, ill, 1, "1", &json!({ "plays": "crashes" }));
    }
    let pods = until("pods that are as they stay", || {
        let pods = room.pods();
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
            "involvedObject": { "kind": "Pod", "namespace": room.name, "name": name, "uid": uid },
        });
        room.plane.api.create(&format!("/api/v1/namespaces/{}/events", room.name), &event);
    }
    room
}

/// A look at those that are ill, and at those that are well: the second lasts until it is told that it may not look.
struct Looks {
    ill: Runner,
    well: Runner,
}

impl Looks {
    fn by(kubeconfig: &str) -> Self {
        let runner = |workloads| Runner::new().input("kubeconfig", kubeconfig).input("workload", workloads);
        Self {
            ill: runner("deployment/bad-web\nstatefulset/bad-db\ndaemonset/bad-agent"),
            well: runner("deployment/web\nstatefulset/db\ndaemonset/agent"),
        }
    }

    /// Until the role is in force, which takes the server a moment.
    fn ends(look: &Runner, what: &str, is_so: impl Fn(&Ended) -> bool) {
        until(what, || is_so(&look.run(&["health"])).then_some(()));
    }
}

#[test]
fn the_documented_role_is_enough_and_nothing_in_it_is_spare() {
    let room = room("account");
    let looks = Looks::by(&make(&room));
    Looks::ends(&looks.well, "look that the role allows", |end| end.code == 0);
    let end = looks.ill.run(&["health"]);
    let findings = end.report["findings"].as_array().expect("findings");
    assert!(end.code == 1 && findings.iter().all(|one| one["verdict"] == "blocked"), "{}", end.log);
    for part in ["pod bad-web-", "pod bad-db-0", "pod bad-agent-"] {
        let of_it = |one: &Value| one["actual"].as_str().is_some_and(|text| text.starts_with(part));
        assert_eq!(findings.iter().filter(|one| of_it(one)).count(), 1, "{part} in {findings:#?}");
    }
    let tables = end.report["tables"].as_array().expect("tables");
    let titles: Vec<&str> = tables.iter().filter_map(|table| table["title"].as_str()).collect();
    assert_eq!(titles[..2], ["Pods that are not well", "Warning events, newest first"], "{titles:?}");
    assert_eq!(tables[1]["rows"].as_array().map(Vec::len), Some(3), "{}", tables[1]);
    assert_eq!(titles.iter().filter(|title| title.contains("last lines of the run before")).count(), 3, "{titles:?}");
    assert_eq!(titles.len(), 5, "nothing that could not be seen: {titles:?}");

    // Without any one of its permissions, somebody is told which.
    let looks_long = Looks { well: looks.well.input("stabilize", "30s"), ..looks };
    let path = format!("{}/roles/{NAME}", rbac(&room));
    let whole = room.plane.api.get(&path)["rules"].clone();
    let permissions = permissions(&whole);
    assert_eq!(permissions.len(), 14, "{permissions:?}");
    for (resource, verb) in &permissions {
        room.plane.api.patch(&path, &json!({ "rules": without(&whole, resource, verb) }));
        let (look, code, said) = match resource.as_str() {
            "events" => (&looks_long.ill, 1, "permission to list events".to_owned()),
            "pods/log" => (&looks_long.ill, 1, "permission to read pods/log".to_owned()),
            _ => (&looks_long.well, 3, format!("permission to list and watch {resource} in")),
        };
        Looks::ends(look, &format!("word of {resource}: {verb}"), |end| {
            end.code == code
                && end.summary.contains(&said)
                && end.summary.matches("permission to ").count() == end.summary.matches(&said).count()
        });
    }
}

/// Each resource with each verb that is granted for it.
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

/// One rule for each permission that is left.
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
fn the_documented_commands_make_the_account_and_its_kubeconfig() {
    let room = room("commands");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let here = |text: String| text.replace(NAMESPACE, &room.name);
    let account = here(documented("yaml", "apiVersion: v1\nkind: ServiceAccount\n"));
    fs::write(at("account.yaml"), account).expect("write the account");
    fs::write(at("admin"), room.plane.kubeconfig(ADMIN, "default")).expect("write a kubeconfig");
    program(&at("bin/gh"), "#!/bin/sh\ncat >\"$HOME/$1-$2-$3\"\n");
    // In lower case: the secret keeps its name.
    let commands = here(documented("sh", "kubectl apply "));
    let mut shell = Command::new("bash");
    shell.args(["-euc", &commands]).current_dir(folder.path()).env_clear().env("PATH", before(&at("bin")));
    let done = shell.env("HOME", folder.path()).env("KUBECONFIG", at("admin")).output().expect("start bash");
    assert!(done.status.success(), "{commands}\n{done:?}");

    let kubeconfig = fs::read_to_string(at("secret-set-STAGING_KUBECONFIG")).expect("a secret that was set");
    assert!(!kubeconfig.contains(ADMIN), "only the account's own credentials: {kubeconfig}");
    let looks = Looks::by(&kubeconfig);
    Looks::ends(&looks.well, "look that the role allows", |end| end.code == 0);
    let end = looks.ill.run(&["health"]);
    assert!(end.code == 1 && !end.summary.contains("What could not be seen"), "{}", end.log);
    // The token is masked, and stands nowhere else.
    let token = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("token: ")).expect("a token");
    let shown = |line: &&str| line.contains(token) && !line.starts_with("::add-mask::");
    assert!(!end.log.lines().any(|line| shown(&line)) && end.log.contains(&format!("::add-mask::{token}")), "{token}");
}
