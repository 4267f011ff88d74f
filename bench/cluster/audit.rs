//! What the API server itself says of its requests, in its audit log: who asked for what, and when it was written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::plane::until;

/// The account that both sides act as.
pub const USER: &str = "gate";

pub struct Audit {
    log: PathBuf,
}

/// A request, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    #[serde(default)]
    user_agent: String,
    pub verb: String,
    #[serde(default)]
    pub object_ref: Of,
    #[serde(rename = "requestReceivedTimestamp")]
    pub at: Timestamp,
    /// What was written, where that is kept.
    #[serde(default)]
    pub request_object: Value,
}

/// What a request is about.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Of {
    pub resource: String,
    pub namespace: String,
    pub name: String,
    subresource: String,
}

impl Event {
    pub fn is_ours(&self) -> bool {
        self.user_agent.starts_with("promote-gates/")
    }

    pub fn is_by_kubectl(&self) -> bool {
        self.user_agent.starts_with("kubectl")
    }

    pub fn is_status_of(&self, resource: &str, namespace: &str) -> bool {
        let of = &self.object_ref;
        of.subresource == "status" && of.resource == resource && of.namespace == namespace
    }
}

impl Audit {
    /// Keeps it in a folder. Gives the flags that make an API server write it.
    pub fn new(folder: &Path) -> (Self, Vec<String>) {
        let (log, policy) = (folder.join("audit.log"), folder.join("audit-policy.json"));
        let rules = json!({
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "rules": [
                // A watch is heard of when it begins, not when it ends.
                { "level": "Metadata", "users": [USER], "omitStages": ["ResponseStarted", "ResponseComplete"] },
                {
                    "level": "Request",
                    "verbs": ["update", "patch"],
                    "resources": [
                        { "group": "apps", "resources": ["deployments/status"] },
                        { "group": "", "resources": ["pods/status"] },
                    ],
                    // Only then is known what was written; when it came is told all the same.
                    "omitStages": ["RequestReceived", "ResponseStarted"],
                },
                { "level": "None" },
            ],
        });
        fs::write(&policy, rules.to_string()).expect("the rules of the audit log");
        let flags = vec![
            format!("--audit-log-path={}", log.display()),
            format!("--audit-policy-file={}", policy.display()),
            // An entry is written before its answer is, and none is lost.
            "--audit-log-mode=blocking-strict".to_owned(),
            "--audit-log-maxsize=10000".to_owned(),
        ];
        (Self { log }, flags)
    }

    /// What came since a moment, in the order in which it was written.
    pub fn since(&self, moment: Timestamp) -> Vec<Event> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let events = whole.lines().map(|line| serde_json::from_str::<Event>(line).expect("an entry of the audit log"));
        events.filter(|event| event.at >= moment).collect()
    }

    /// When the first write since a moment was received that is what is looked for.
    pub fn first(&self, what: &str, moment: Timestamp, is_it: impl Fn(&Event) -> bool) -> Timestamp {
        until(what, || self.since(moment).iter().filter(|event| is_it(event)).map(|event| event.at).min())
    }
}

/// Whether it is the write that says that this generation of a Deployment is complete.
pub fn completes(event: &Event, namespace: &str, generation: u64) -> bool {
    let written = &event.request_object;
    let (spec, status) = (&written["spec"], &written["status"]);
    event.is_status_of("deployments", namespace)
        && written["metadata"]["generation"].as_u64() == Some(generation)
        && status["observedGeneration"].as_u64() == Some(generation)
        && ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|count| status[count] == spec["replicas"])
}
