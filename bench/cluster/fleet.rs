//! 50 Deployments with 500 pods: memory, time, and requests by the API server's audit log. Compared with every form in which
//! kubectl accepts several workloads, and with one kubectl for each of them.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    audit_log::{AuditLog, completes_rollout},
    busy_namespace::create_warning,
    control_plane::{ControlPlane, until},
    figures::{Sample, megabytes, seconds},
    goals::Goals,
    programs::{ProgramEnd, Programs, RunningProgram, now},
    workloads::TestNamespace,
};

const WORKLOADS: usize = 50;
const REPLICAS: u32 = 10;
/// The generation of the watched release.
const SECOND_GENERATION: u64 = 2;
/// The size of an annotation that makes the pods as large as real ones, in bytes.
const PADDING: usize = 8192;
/// The label of all Deployments.
const LABEL: &str = "fleet=bench";
/// How many pods there are for one with a Warning event.
const PODS_PER_WARNING: usize = 10;
/// The highest allowed memory use, in megabytes.
const MAX_MEMORY: f64 = 32.0;
const MAX_REQUESTS: f64 = 8.0;

pub fn compare(control_plane: &ControlPlane, audit_log: &AuditLog, programs: &Programs, runs: u32, goals: &mut Goals) {
    let ns = TestNamespace::new(control_plane, "fleet");
    let names: Vec<String> = (0..WORKLOADS).map(|number| format!("app-{number}")).collect();
    let annotations = json!({ "padding": "x".repeat(PADDING) });
    let (key, value) = LABEL.split_once('=').expect("a label");
    for name in &names {
        ns.deploy("deployments", name, REPLICAS, "1", &annotations);
        ns.change("deployments", name, &json!({ "metadata": { "labels": { key: value } } }));
    }
    wait_until_complete(&ns);
    ns.pods().iter().step_by(PODS_PER_WARNING).for_each(|pod| create_warning(&ns, pod));
    let gate = |tag: &str| {
        let mut arguments: Vec<String> = names.iter().map(|name| format!("--workload=deployment/{name}")).collect();
        arguments.extend([format!("--tag={tag}"), "--appear-timeout=5m".to_owned(), "--stabilize=0".to_owned()]);
        programs.ours(&ns.name, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let kubectl = |arguments: &[&str]| programs.kubectl(&ns.name, &[arguments, &["--timeout=120s"]].concat());
    let status_of = |name: &String| kubectl(&["rollout", "status", &format!("deployment/{name}")]);
    let contenders: [(&str, &dyn Fn() -> Vec<RunningProgram>); 4] = [
        ("promote-gates, stabilize 0", &|| vec![gate("1")]),
        ("kubectl rollout status -l", &|| vec![kubectl(&["rollout", "status", "deployments", "-l", LABEL])]),
        ("kubectl wait -l", &|| vec![kubectl(&["wait", "deployments", "-l", LABEL, "--for=condition=Available"])]),
        ("50 kubectl rollout status", &|| names.iter().map(status_of).collect()),
    ];
    // The first run of kubectl fills its discovery cache.
    status_of(&names[0]).end();
    let mut measured: [Vec<Measurement>; 4] = Default::default();
    for _ in 0..runs {
        for ((_, start), measured) in contenders.iter().zip(&mut measured) {
            measured.push(measure(audit_log, *start));
        }
    }
    println!(
        "\n{WORKLOADS} complete Deployments with {} pods, one in {PODS_PER_WARNING} with a Warning event, {runs} runs:",
        WORKLOADS * REPLICAS as usize
    );
    for ((name, _), runs) in contenders.iter().zip(&measured) {
        let time = Sample::new(runs.iter().map(|run| run.time));
        let memory = Sample::new(runs.iter().map(|run| run.memory));
        println!("  {name:26}  {time:.2} s, {memory:.0} MB, {}", runs[0].requests);
    }
    let [ours, ..] = &measured;
    check(goals, ours, "all complete");

    let (run, delay) = release(&ns, audit_log, &names, &annotations, &gate);
    println!("  promote-gates during a release of all: {:.0} MB, {}", run.memory, run.requests);
    println!("  it exits {:.0} ms after the last Deployment was complete", delay * 1000.0);
    check(goals, &[run], "during a release");
}

fn check(goals: &mut Goals, runs: &[Measurement], when: &str) {
    let memory = Sample::new(runs.iter().map(|run| run.memory)).highest();
    let requests = Sample::new(runs.iter().map(|run| run.requests.total())).highest();
    let what = format!("{WORKLOADS} workloads, {} pods, {when}", WORKLOADS * REPLICAS as usize);
    goals.at_most(MAX_MEMORY, memory, &format!("{what}: megabytes"));
    goals.at_most(MAX_REQUESTS, requests, &format!("{what}: requests"));
}

/// One run of a program, or of several at once.
struct Measurement {
    /// In seconds, to the end of the last.
    time: f64,
    /// The sum of their peaks, in megabytes.
    memory: f64,
    requests: RequestCounts,
}

fn measure(audit_log: &AuditLog, start: &dyn Fn() -> Vec<RunningProgram>) -> Measurement {
    let began = now();
    let ends = RunningProgram::end_all(start());
    let last = ends.iter().map(|end| passed(end).at).max().expect("at least one");
    let memory = ends.iter().map(|end| megabytes(end.peak)).sum();
    Measurement { time: seconds(last.duration_since(began)), memory, requests: RequestCounts::of(audit_log, began) }
}

/// Releases all Deployments while the gate watches them from before the release. Returns also the time from the last complete
/// Deployment to exit, in seconds.
fn release(
    ns: &TestNamespace<'_>,
    audit_log: &AuditLog,
    names: &[String],
    annotations: &Value,
    gate: &dyn Fn(&str) -> RunningProgram,
) -> (Measurement, f64) {
    let began = now();
    let running = gate("2");
    // It requests the pods last.
    audit_log.first("watch of the pods", began, |event| event.verb == "watch" && event.object_ref.resource == "pods");
    for name in names {
        ns.release("deployments", name, "2", annotations);
    }
    let end = running.end();
    passed(&end);
    // The first completing write of each Deployment.
    let events = audit_log.since(began);
    let mut complete = BTreeMap::new();
    for event in events.iter().filter(|event| completes_rollout(event, &ns.name, SECOND_GENERATION)) {
        complete.entry(&event.object_ref.name).or_insert(event.at);
    }
    let last = *complete.values().max().expect("a complete Deployment");
    let (time, requests) = (seconds(end.at.duration_since(began)), RequestCounts::of(audit_log, began));
    (Measurement { time, memory: megabytes(end.peak), requests }, seconds(end.at.duration_since(last)))
}

fn passed(end: &ProgramEnd) -> &ProgramEnd {
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
    /// Those of the measured programs since a time.
    fn of(audit_log: &AuditLog, began: Timestamp) -> Self {
        let mut counts = BTreeMap::new();
        for event in audit_log.since(began).iter().filter(|event| event.is_ours() || event.is_kubectl()) {
            *counts.entry((event.object_ref.resource.clone(), event.verb.clone())).or_default() += 1;
        }
        Self(counts)
    }

    fn total(&self) -> f64 {
        f64::from(self.0.values().sum::<u32>())
    }
}

impl fmt::Display for RequestCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> =
            self.0.iter().map(|((resource, verb), count)| format!("{count} {verb} {resource}")).collect();
        write!(f, "{} requests ({})", self.total(), each.join(", "))
    }
}
