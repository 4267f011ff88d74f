//! The account of `health/README.md`: what it says to apply is applied as it stands there, and is enough.

use std::fs;

use serde_json::json;

use super::workloads::Room;

/// The namespace in the documentation; each test has its own.
const NAMESPACE: &str = "staging";
const NAME: &str = "promote-gates";

/// A fenced block of `health/README.md`, from the fence on; `begins` is how its first line does.
pub fn documented(fence: &str, begins: &str) -> String {
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
