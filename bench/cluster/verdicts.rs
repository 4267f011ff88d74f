//! The time from a release that fails to the verdict, on real kubelets: what a job would wait for.
//!
//! Each program waits as it does by itself. `kubectl rollout status` does not read pods: it ends when the Deployment has made
//! no progress for `progressDeadlineSeconds`, 600 s by default. Helm's `--wait` ends at its `--timeout`, 5 minutes by default.
//! Both are shortened to one deadline here, so that a benchmark need not wait for them. The gate has its defaults.
//!
//! The gate and kubectl watch the same Deployment; Helm installs a second one beside it. The time starts when the Deployment
//! is sent to the API server: for Helm by its audit log, because Helm first prepares its release.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    audit_log::AuditLog,
    cluster::Cluster,
    control_plane::{ControlPlane, GATE},
    figures::{Sample, seconds},
    goals::Goals,
    grant_all,
    programs::{Paths, ProgramEnd, Programs, RunningProgram, now},
    story::{RUNS, image, pod},
};

/// The longest allowed time to the verdict about an image that does not exist, in seconds.
const MAX_NOT_FOUND: f64 = 2.0;
pub const NOT_FOUND_GOAL: &str = "image not found, seconds from release to blocked, slowest run";
const BLOCKED: i32 = 1;

/// A release that fails.
struct Case {
    name: &'static str,
    title: &'static str,
    /// The gate decides it within seconds.
    is_quick: bool,
    pod: Value,
}

fn cases() -> [Case; 4] {
    let mut missing = pod(RUNS);
    missing["containers"][0]["image"] = image("app:gone").into();
    let mut no_secret = pod(RUNS);
    no_secret["containers"][0]["envFrom"] = json!([{ "secretRef": { "name": "credentials" } }]);
    let mut unready = pod(RUNS);
    unready["containers"][0]["readinessProbe"] = json!({ "exec": { "command": ["test", "-e", "/ready"] } });
    [
        Case { name: "missing", title: "image not found", is_quick: true, pod: missing },
        // Without a readiness probe, each of its starts is ready for a moment.
        Case { name: "crashes", title: "crash loop", is_quick: true, pod: pod("exit 3") },
        Case { name: "no-secret", title: "missing Secret", is_quick: false, pod: no_secret },
        Case { name: "unready", title: "never ready", is_quick: false, pod: unready },
    ]
}

/// The programs that wait for one release.
struct Waiting {
    released: Timestamp,
    ours: RunningProgram,
    kubectl: RunningProgram,
    helm: Option<RunningProgram>,
    helm_namespace: String,
}

/// How a program ended, and after how many seconds.
type Verdict = (Option<i32>, f64);

/// The verdicts of one release.
struct Verdicts {
    ours: Verdict,
    kubectl: Verdict,
    helm: Option<Verdict>,
}

pub fn compare(paths: &Paths, runs: u32, deadline: u32, goals: &mut Goals) {
    let folder = tempfile::tempdir().expect("a folder");
    let (audit_log, flags) = AuditLog::new(folder.path());
    let cluster = Cluster::start(flags);
    let control_plane = &cluster.control_plane;
    grant_all(control_plane);
    let programs = Programs::new(paths, &control_plane.kubeconfig(GATE, "default"));
    let start = |case: &Case, run: u32| release(control_plane, &programs, case, run, deadline);
    let cases = cases();
    // The next release waits until the gate has decided the quick ones, so that few pods start at the same time.
    let mut all = cases.each_ref().map(|case| (case.title, Vec::new()));
    for run in 0..runs {
        for (case, (_, waiting)) in cases.iter().zip(&mut all) {
            let mut started = start(case, run);
            if case.is_quick {
                started.ours.wait();
            }
            waiting.push(started);
        }
    }
    let end = |one: Waiting| one.end(&audit_log);
    let results: Vec<(&str, Vec<Verdicts>)> =
        all.into_iter().map(|(title, waiting)| (title, waiting.into_iter().map(end).collect())).collect();

    println!(
        "\nseconds from a release that fails to the verdict, on real kubelets, {runs} runs each; the deadlines are"
    );
    println!("  promote-gates           its defaults");
    println!("  kubectl rollout status  progressDeadlineSeconds, here {deadline} s, by default 600 s");
    println!("  helm install --wait     --timeout, here {deadline} s, by default 5m");
    for (title, verdicts) in &results {
        println!("  {title}:");
        println!("    promote-gates           {}", describe(verdicts.iter().map(|one| one.ours)));
        println!("    kubectl rollout status  {}", describe(verdicts.iter().map(|one| one.kubectl)));
        println!("    helm install --wait     {}", describe(verdicts.iter().filter_map(|one| one.helm)));
    }
    let not_found = Sample::new(results[0].1.iter().map(|one| match one.ours {
        (Some(BLOCKED), time) => time,
        _ => f64::INFINITY,
    }));
    goals.at_most(MAX_NOT_FOUND, not_found.highest(), NOT_FOUND_GOAL);
}

/// Releases a Deployment, and starts the programs that wait for it.
fn release(control_plane: &ControlPlane, programs: &Programs, case: &Case, run: u32, deadline: u32) -> Waiting {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "app" },
        "spec": {
            "progressDeadlineSeconds": deadline,
            "selector": { "matchLabels": { "app": "app" } },
            "template": { "metadata": { "labels": { "app": "app" } }, "spec": case.pod },
        },
    });
    let namespace = control_plane.namespace(&format!("{}-{run}", case.name));
    let helm_namespace = control_plane.namespace(&format!("{}-{run}-helm", case.name));
    let image = case.pod["containers"][0]["image"].as_str().expect("an image");
    let helm = programs.helm(&helm_namespace, &deployment, &format!("{deadline}s"));
    let released = now();
    control_plane.api.create(&format!("/apis/apps/v1/namespaces/{namespace}/deployments"), &deployment);
    let ours = programs.ours(&namespace, &["--workload=deployment/app", &format!("--image={image}")]);
    let kubectl = programs.kubectl(&namespace, &["rollout", "status", "deployment/app"]);
    Waiting { released, ours, kubectl, helm, helm_namespace }
}

impl Waiting {
    fn end(self, audit_log: &AuditLog) -> Verdicts {
        let Self { released, ours, kubectl, helm, helm_namespace } = self;
        let verdict = |end: &ProgramEnd, released| (end.code, seconds(end.at.duration_since(released)));
        let helm = helm.map(|helm| {
            let end = helm.end();
            let events = audit_log.since(released);
            let created = events.iter().find(|event| {
                let object = &event.object_ref;
                ["create", "patch"].contains(&&*event.verb)
                    && object.resource == "deployments"
                    && object.namespace == helm_namespace
            });
            let created = created.unwrap_or_else(|| panic!("Helm installs nothing:\n{}", end.log));
            verdict(&end, created.at)
        });
        Verdicts { ours: verdict(&ours.end(), released), kubectl: verdict(&kubectl.end(), released), helm }
    }
}

/// The times of each verdict.
fn describe(verdicts: impl Iterator<Item = Verdict>) -> String {
    let mut by_code: BTreeMap<Option<i32>, Vec<f64>> = BTreeMap::new();
    for (code, time) in verdicts {
        by_code.entry(code).or_default().push(time);
    }
    let each = by_code.into_iter().map(|(code, times)| {
        let word = match code {
            Some(0) => "passes".to_owned(),
            Some(1) => "fails".to_owned(),
            Some(3) => "is inconclusive".to_owned(),
            other => format!("ends with {other:?}"),
        };
        format!("{word} {} times, after {:.1}", times.len(), Sample::new(times))
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() { "left out".to_owned() } else { each.join("; ") }
}
