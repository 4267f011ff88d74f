//! The API server's audit log: who sent which requests, and when.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::control_plane::until;

/// The account of all compared programs.
pub const USER: &str = "gate";

pub struct AuditLog {
    log: PathBuf,
}

/// An entry of the audit log, with the fields that are read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    #[serde(default)]
    user_agent: String,
    pub verb: String,
    #[serde(default)]
    pub object_ref: ObjectReference,
    #[serde(rename = "requestReceivedTimestamp")]
    pub at: Timestamp,
    /// The written object, for requests whose body is logged.
    #[serde(default)]
    pub request_object: Value,
}

/// The object of a request.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ObjectReference {
    pub resource: String,
    pub namespace: String,
    pub name: String,
    subresource: String,
}

impl AuditEvent {
    pub fn is_ours(&self) -> bool {
        self.user_agent.starts_with("promote-gates/")
    }

    pub fn is_kubectl(&self) -> bool {
        self.user_agent.starts_with("kubectl")
    }

    pub fn is_status_of(&self, resource: &str, namespace: &str) -> bool {
        let object = &self.object_ref;
        object.subresource == "status" && object.resource == resource && object.namespace == namespace
    }
}

impl AuditLog {
    /// An audit log in a folder, and the API server's flags to write it.
    pub fn new(folder: &Path) -> (Self, Vec<String>) {
        let (log, policy) = (folder.join("audit.log"), folder.join("audit-policy.json"));
        let rules = json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "rules": [
                // Logs a watch when it starts, not when it ends.
                { "level": "Metadata", "users": [USER], "omitStages": ["ResponseStarted", "ResponseComplete"] },
                {
                    "level": "Request",
                    "verbs": ["update", "patch"],
                    "resources": [
                        { "group": "apps", "resources": ["deployments/status"] },
                        { "group": "", "resources": ["pods/status"] },
                    ],
                    // Only the last stage has the body; it also has the time at which the request was received.
                    "omitStages": ["RequestReceived", "ResponseStarted"],
                },
                { "level": "None" },
            ],
        });
        fs::write(&policy, rules.to_string()).expect("write the audit policy");
        let flags = vec![
            format!("--audit-log-path={}", log.display()),
            format!("--audit-policy-file={}", policy.display()),
            // Writes each entry before the response, and loses none.
            "--audit-log-mode=blocking-strict".to_owned(),
            "--audit-log-maxsize=10000".to_owned(),
        ];
        (Self { log }, flags)
    }

    /// The entries since a time, in the order of the log.
    pub fn since(&self, moment: Timestamp) -> Vec<AuditEvent> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        // The last line can be incomplete.
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let events =
            complete.lines().map(|line| serde_json::from_str::<AuditEvent>(line).expect("an entry of the audit log"));
        events.filter(|event| event.at >= moment).collect()
    }

    /// When the API server received the first matching request since a time; waits for one.
    pub fn first(&self, what: &str, moment: Timestamp, matches: impl Fn(&AuditEvent) -> bool) -> Timestamp {
        until(what, || self.since(moment).iter().filter(|event| matches(event)).map(|event| event.at).min())
    }
}

/// Whether the request is the status write that completes this generation of a Deployment.
pub fn completes_rollout(event: &AuditEvent, namespace: &str, generation: u64) -> bool {
    let written = &event.request_object;
    let (spec, status) = (&written["spec"], &written["status"]);
    event.is_status_of("deployments", namespace)
        && written["metadata"]["generation"].as_u64() == Some(generation)
        && status["observedGeneration"].as_u64() == Some(generation)
        && ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|count| status[count] == spec["replicas"])
}
