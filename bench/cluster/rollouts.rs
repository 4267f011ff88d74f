//! The time from a complete rollout to exit: both programs watch the same Deployment during several releases.
//!
//! A rollout is complete when the API server receives the Deployment controller's status write. The time comes from the
//! server's audit log, so that the delay of an observer favours neither program.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    audit_log::{AuditEvent, AuditLog, completes_rollout},
    control_plane::{ControlPlane, until},
    figures::{Sample, seconds},
    goals::Goals,
    programs::{ProgramEnd, Programs, now},
    workloads::TestNamespace,
};

const REPLICAS: u32 = 3;
/// The highest allowed ratio of the medians.
const MAX_RATIO: f64 = 1.1;

pub fn compare(
    control_plane: &ControlPlane,
    audit_log: &AuditLog,
    programs: &Programs,
    rollouts: u32,
    goals: &mut Goals,
) {
    let ns = TestNamespace::new(control_plane, "rollouts");
    ns.deploy("deployments", "app", REPLICAS, "0", &json!({}));
    // Creates all new pods at once, and removes old ones only afterwards.
    let surge = json!({ "spec": { "strategy": { "rollingUpdate": { "maxSurge": "100%", "maxUnavailable": 0 } } } });
    ns.change("deployments", "app", &surge);
    ns.available("app", REPLICAS.into());
    let pairs: Vec<(f64, f64)> = (1..=rollouts).map(|number| rollout(&ns, audit_log, programs, number)).collect();
    let (ours, theirs) = (Sample::new(pairs.iter().map(|pair| pair.0)), Sample::new(pairs.iter().map(|pair| pair.1)));
    println!("\nmilliseconds from \"rollout complete\" to exit, {rollouts} rollouts that both programs watch:");
    println!("  promote-gates, stabilize 0  {ours:.0}");
    println!("  kubectl rollout status      {theirs:.0}");
    println!("  ratio                       {:.2}", Sample::new(pairs.iter().map(|(ours, theirs)| ours / theirs)));
    let goal = "complete to exit at stabilize 0, ratio of the medians to kubectl";
    goals.at_most(MAX_RATIO, ours.median() / theirs.median(), goal);
}

/// Measures one release. Returns the time from its completion to the exit of each program, in milliseconds.
fn rollout(ns: &TestNamespace<'_>, audit_log: &AuditLog, programs: &Programs, number: u32) -> (f64, f64) {
    let (began, tag) = (now(), number.to_string());
    ns.release("deployments", "app", &tag, &json!({ "plays": "never-ready" }));
    let released = ns.object("deployments", "app");
    let generation = released["metadata"]["generation"].as_u64().expect("a generation");
    let pods = until("pods of the release", || new_pods(ns, &tag));
    let ours = || programs.ours(&ns.name, &["--workload=deployment/app", &format!("--tag={tag}"), "--stabilize=0"]);
    let kubectl = || programs.kubectl(&ns.name, &["rollout", "status", "deployment/app", "--timeout=120s"]);
    let (ours, kubectl) = if number.is_multiple_of(2) {
        let ours = ours();
        (ours, kubectl())
    } else {
        let kubectl = kubectl();
        (ours(), kubectl)
    };
    until("watches of both", || {
        let events = audit_log.since(began);
        let watches = |is: fn(&AuditEvent) -> bool, resource: &str| {
            events.iter().any(|event| is(event) && event.verb == "watch" && event.object_ref.resource == resource)
        };
        // The gate requests the pods last.
        let both = watches(AuditEvent::is_kubectl, "deployments") && watches(AuditEvent::is_ours, "pods");
        both.then_some(())
    });
    let become_ready = json!({ "metadata": { "annotations": { "recovers": "1ms" } } });
    for pod in pods {
        ns.control_plane.api.patch(&format!("/api/v1/namespaces/{}/pods/{pod}", ns.name), &become_ready);
    }
    let (ours, kubectl) = (ours.end(), kubectl.end());
    for (name, end) in [("promote-gates", &ours), ("kubectl", &kubectl)] {
        assert_eq!(end.code, Some(0), "{name}:\n{}", end.log);
    }
    let complete = audit_log
        .first("write that completes the rollout", began, |event| completes_rollout(event, &ns.name, generation));
    (millis_after(complete, &ours), millis_after(complete, &kubectl))
}

fn millis_after(complete: Timestamp, end: &ProgramEnd) -> f64 {
    seconds(end.at.duration_since(complete)) * 1000.0
}

fn new_pods(ns: &TestNamespace<'_>, tag: &str) -> Option<Vec<String>> {
    let image = |pod: &Value| pod["spec"]["containers"][0]["image"].as_str().map(ToOwned::to_owned);
    let all = ns.pods();
    let of_tag = all.iter().filter(|pod| image(pod).is_some_and(|image| image.ends_with(&format!(":{tag}"))));
    // Pods that the kubelet has processed, and that are not ready.
    let processed = of_tag.filter(|pod| pod["status"]["containerStatuses"].is_array());
    let names: Vec<String> =
        processed.filter_map(|pod| pod["metadata"]["name"].as_str()).map(ToOwned::to_owned).collect();
    (names.len() == REPLICAS as usize).then_some(names)
}
