//! One gate for 50 Deployments with 500 pods: memory, time, and requests by the API server's audit log. Compared with 50
//! concurrent `kubectl rollout status`, which accepts only one named workload.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};

use super::{
    audit_log::{AuditEvent, AuditLog, completes_rollout},
    control_plane::{ControlPlane, until},
    figures::{Bounds, megabytes, millis, seconds},
    programs::{ProgramEnd, Programs, RunningProgram, now},
    workloads::TestNamespace,
};

const WORKLOADS: usize = 50;
const REPLICAS: u32 = 10;
/// The generation of the watched release.
const SECOND_GENERATION: u64 = 2;
/// The size of an annotation that makes the pods as large as real ones, in bytes.
const PADDING: usize = 8192;
/// The highest allowed memory use, in bytes.
const MAX_MEMORY: u64 = 64_000_000;

pub fn compare(control_plane: &ControlPlane, audit_log: &AuditLog, programs: &Programs, bounds: &mut Bounds) {
    let ns = TestNamespace::new(control_plane, "fleet");
    let names: Vec<String> = (0..WORKLOADS).map(|number| format!("app-{number}")).collect();
    let annotations = json!({ "padding": "x".repeat(PADDING) });
    for name in &names {
        ns.deploy("deployments", name, REPLICAS, "1", &annotations);
    }
    wait_until_complete(&ns);
    let gate = |tag: &str| {
        let mut arguments: Vec<String> = names.iter().map(|name| format!("--workload=deployment/{name}")).collect();
        arguments.extend([format!("--tag={tag}"), "--appear-timeout=5m".to_owned()]);
        programs.ours(&ns.name, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let kubectl = |name: &str| programs.kubectl(&ns.name, &[&format!("deployment/{name}"), "--timeout=120s"]);
    println!("{WORKLOADS} Deployments with {} pods:", WORKLOADS * REPLICAS as usize);

    // All Deployments are complete.
    let began = now();
    let ours = passed(gate("1"));
    let (time, requests) = (
        seconds(ours.at.duration_since(began)),
        RequestCounts::count_matching(&audit_log.since(began), AuditEvent::is_ours),
    );
    println!("  one gate, all complete: {time:.2} s, {:.1} MB, {requests}", megabytes(ours.peak));
    bounds.check(requests.are_minimal(), "one list and one watch per kind".to_owned());
    bounds.check(ours.peak < MAX_MEMORY, format!("under {} MB", megabytes(MAX_MEMORY)));
    // The first run of kubectl fills its discovery cache.
    let alone = passed(kubectl(&names[0]));
    let began = now();
    let running: Vec<RunningProgram> = names.iter().map(|name| kubectl(name)).collect();
    let last = running.into_iter().map(|one| passed(one).at).max().expect("several");
    let (theirs, kubectl_requests) = (
        seconds(last.duration_since(began)),
        RequestCounts::count_matching(&audit_log.since(began), AuditEvent::is_kubectl),
    );
    let memory = alone.peak * WORKLOADS as u64;
    println!(
        "  kubectl {WORKLOADS} times at once: {theirs:.2} s, {WORKLOADS} x {:.1} MB, {kubectl_requests}",
        megabytes(alone.peak)
    );
    println!(
        "  kubectl takes {:.1} times as long, {:.1} times the memory ({:.1} times for a single one) and {:.1} times the \
         requests",
        theirs / time,
        megabytes(memory) / megabytes(ours.peak),
        megabytes(alone.peak) / megabytes(ours.peak),
        kubectl_requests.total() / requests.total(),
    );

    // A release of all Deployments, which the gate watches from before its start.
    let began = now();
    let mut running = gate("2");
    running.wait_for_line(&format!("deployment/{}: an image with tag 2 is not deployed yet", names[WORKLOADS - 1]));
    for name in &names {
        ns.release("deployments", name, "2", &annotations);
    }
    let ours = passed(running);
    let events = audit_log.since(began);
    let requests = RequestCounts::count_matching(&events, AuditEvent::is_ours);
    // The first completing write of each Deployment.
    let mut complete = BTreeMap::new();
    for event in events.iter().filter(|event| completes_rollout(event, &ns.name, SECOND_GENERATION)) {
        complete.entry(&event.object_ref.name).or_insert(event.at);
    }
    let last = *complete.values().max().expect("a complete Deployment");
    let delay = millis(ours.at.duration_since(last));
    println!(
        "  one gate, over a release of all: {:.1} MB, {requests}; exit {delay:.0} ms after the last one was complete",
        megabytes(ours.peak)
    );
    bounds.check(requests.are_minimal(), "one list and one watch per kind, over a release".to_owned());
    bounds.check(ours.peak < MAX_MEMORY, format!("under {} MB, over a release", megabytes(MAX_MEMORY)));
}

fn passed(running: RunningProgram) -> ProgramEnd {
    let end = running.end();
    assert_eq!(end.code, Some(0), "{}", end.log);
    end
}

fn wait_until_complete(ns: &TestNamespace<'_>) {
    until("Deployments that are complete", || {
        let path = format!("/apis/apps/v1/namespaces/{}/deployments", ns.name);
        let all = ns.control_plane.api.get(&path);
        let all = all["items"].as_array()?;
        let is_available = |object: &Value| object["status"]["availableReplicas"].as_u64() == Some(REPLICAS.into());
        (all.len() == WORKLOADS && all.iter().all(is_available)).then_some(())
    });
}

/// The number of requests by resource and verb.
struct RequestCounts(BTreeMap<(String, String), u32>);

impl RequestCounts {
    fn count_matching(events: &[AuditEvent], matches: fn(&AuditEvent) -> bool) -> Self {
        let mut counts = BTreeMap::new();
        for event in events.iter().filter(|event| matches(event)) {
            *counts.entry((event.object_ref.resource.clone(), event.verb.clone())).or_default() += 1;
        }
        Self(counts)
    }

    fn total(&self) -> f64 {
        f64::from(self.0.values().sum::<u32>())
    }

    fn are_minimal(&self) -> bool {
        self.0.iter().all(|((_, verb), count)| *count == 1 && (verb == "list" || verb == "watch"))
    }
}

impl fmt::Display for RequestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> =
            self.0.iter().map(|((resource, verb), count)| format!("{count} {verb} {resource}")).collect();
        write!(f, "{} requests ({})", self.total(), each.join(", "))
    }
}
