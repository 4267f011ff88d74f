//! What an engineer on call would fetch next: the pods that are not ready, Warning events, and the last log lines of the
//! container that failed. Fetched once, after the verdict.

mod conditions;

use std::time::Duration;

use super::{
    limits::WorkloadLimits,
    observations::WorkloadObservations,
    pod_problems::{PodProblem, pod_problems},
    pod_status::{container_statuses, pending_init_container},
    snapshot::WorkloadSnapshot,
    workload::{Workload, WorkloadKind},
};
use crate::{
    clock::{Stopwatch, rfc3339},
    context::CommandContext,
    report::Table,
    secret::{excerpt, masked},
    values::clip,
    world::cluster::{
        Cluster,
        objects::{ContainerStateTerminated, ContainerStatus, Event, Pod},
    },
};

/// Most pods whose events and logs are fetched. The others usually fail in the same way.
const MAX_PODS: usize = 5;
/// Lines of a log.
const LOG_LINES: u32 = 20;
/// Characters of a line that are shown.
const LINE_CHARS: usize = 400;
/// Most rows of events.
const MAX_EVENTS: usize = 50;
/// How long all of it may take: the verdict is known, and should not wait.
const TIME_LIMIT: Duration = Duration::from_secs(10);
const NO_TIME: &str = "other events and logs: there was no time left for them";

pub struct Diagnostics {
    pub tables: Vec<Table>,
    /// The newest warning about the first unready pod of a workload, if the pod's status does not name the cause; by the
    /// workload's index.
    pub warnings: Vec<(usize, String)>,
}

/// Fetches the diagnostics of the workloads with these indices.
pub fn fetch(
    limits: &WorkloadLimits,
    observations: &WorkloadObservations,
    cluster: &Cluster,
    failed: &[usize],
    ctx: &CommandContext,
) -> Diagnostics {
    let mut fetched = Fetched::default();
    let watch = Stopwatch::start();
    let time_left = || TIME_LIMIT.checked_sub(watch.elapsed()).filter(|_| !ctx.execution.wake.is_cancelled());
    let mut controller_tables = Vec::new();
    for index in failed {
        let workload = &limits.workloads[*index];
        let snapshot = WorkloadSnapshot::take(limits, &observations.views, workload);
        let problems = pod_problems(limits, observations, &snapshot);
        fetched.add_pods(*index, &snapshot, &problems);
        let pods = problems.iter().filter_map(|problem| find_pod(&snapshot, problem));
        let pods = pods.map(|pod| (pod.metadata.name.clone(), pod.metadata.uid.clone())).take(MAX_PODS);
        // What prevents the creation of pods is reported on their owners.
        fetched.add_events(cluster, pods.chain(owners(observations, workload)), time_left);
        fetched.add_logs(cluster, &snapshot, &problems, time_left);
        controller_tables.extend(conditions::tables(&observations.views, workload));
    }
    fetched.into_diagnostics(controller_tables)
}

#[derive(Default)]
struct Fetched {
    pods: Vec<Vec<String>>,
    /// By the name of the object that they are about.
    events: Vec<(String, Event)>,
    logs: Vec<Table>,
    unobservable: Vec<String>,
    /// The first pod of a workload, if its cause is unknown, by the workload's index.
    unexplained: Vec<(usize, String)>,
}

impl Fetched {
    fn add_pods(&mut self, index: usize, snapshot: &WorkloadSnapshot<'_>, problems: &[PodProblem]) {
        self.pods.extend(problems.iter().map(|problem| pod_row(snapshot, problem)));
        let unexplained = problems.first().filter(|problem| problem.cause_unknown);
        self.unexplained.extend(unexplained.map(|problem| (index, problem.pod.clone())));
    }

    fn add_events(
        &mut self,
        cluster: &Cluster,
        objects: impl Iterator<Item = (String, String)>,
        time_left: impl Fn() -> Option<Duration>,
    ) {
        for (name, uid) in objects {
            let Some(within) = time_left() else {
                self.unobservable.push(NO_TIME.to_owned());
                break;
            };
            match cluster.warnings(&uid, within) {
                Ok(events) => self.events.extend(events.into_iter().map(|event| (name.clone(), event))),
                Err(finding) => self.unobservable.push(format!("events of {name}: {finding}")),
            }
        }
    }

    fn add_logs(
        &mut self,
        cluster: &Cluster,
        snapshot: &WorkloadSnapshot<'_>,
        problems: &[PodProblem],
        time_left: impl Fn() -> Option<Duration>,
    ) {
        for problem in problems.iter().take(MAX_PODS) {
            let container = find_pod(snapshot, problem).and_then(|pod| container_with_log(pod, problem));
            let Some(status) = container else { continue };
            let Some(within) = time_left() else {
                self.unobservable.push(NO_TIME.to_owned());
                break;
            };
            let previous = status.restart_count > 0;
            match cluster.log(&problem.pod, &status.name, previous, LOG_LINES, within) {
                Ok(text) => self.logs.push(log_table(&problem.pod, &status.name, previous, &text)),
                Err(finding) => {
                    let log = format!("log of {}, container {}: {finding}", problem.pod, status.name);
                    self.unobservable.push(log);
                }
            }
        }
    }

    fn into_diagnostics(mut self, controller_tables: Vec<Table>) -> Diagnostics {
        let newest_warning = |(index, pod): (usize, String)| {
            let about = self.events.iter().filter(|(name, _)| *name == pod).map(|(_, event)| event);
            let newest = about.max_by_key(|event| event.last_seen())?;
            Some((index, format!("{}: {}", newest.reason, excerpt(&newest.message, LINE_CHARS))))
        };
        let warnings = self.unexplained.into_iter().filter_map(newest_warning).collect();
        self.unobservable.sort();
        self.unobservable.dedup();
        let unobservable = self.unobservable.into_iter().map(|line| [line]);
        let mut tables = controller_tables;
        let pods = ["Pod", "Container", "Restarts", "Last exit", "Seen"];
        tables.push(Table::new("Pods that are not ready".to_owned(), &pods, self.pods));
        let events = ["About", "Last", "Times", "Reason", "Message"];
        tables.push(Table::new("Warning events, newest first".to_owned(), &events, event_rows(self.events)));
        tables.extend(self.logs);
        tables.push(Table::new("What could not be seen".to_owned(), &["What, and why"], unobservable));
        tables.retain(|table| !table.rows.is_empty());
        Diagnostics { tables, warnings }
    }
}

fn find_pod<'a>(snapshot: &WorkloadSnapshot<'a>, problem: &PodProblem) -> Option<&'a Pod> {
    snapshot.pods.iter().copied().find(|pod| pod.metadata.name == problem.pod)
}

/// The container whose log explains most: the one with the problem, else one that ran and is not ready. A container that has
/// never run has no log.
fn container_with_log<'a>(pod: &'a Pod, problem: &PodProblem) -> Option<&'a ContainerStatus> {
    let has_run = |status: &&ContainerStatus| {
        status.restart_count > 0 || status.state.running.is_some() || status.state.terminated.is_some()
    };
    let with_problem = container_statuses(pod).find(|status| problem.container.as_ref() == Some(&status.name));
    let pending_init = || pending_init_container(pod);
    let unready = || container_statuses(pod).find(|status| has_run(status) && !status.ready);
    with_problem.or_else(pending_init).or_else(unready).filter(has_run)
}

fn pod_row(snapshot: &WorkloadSnapshot<'_>, problem: &PodProblem) -> Vec<String> {
    let pod = find_pod(snapshot, problem);
    let is_container = |status: &&ContainerStatus| problem.container.as_ref() == Some(&status.name);
    let status = pod.and_then(|pod| container_statuses(pod).find(is_container));
    let end = status.and_then(|one| one.state.terminated.as_ref().or(one.last_state.terminated.as_ref()));
    let at =
        |end: &ContainerStateTerminated| end.finished_at.map(|at| format!(" at {}", rfc3339(at))).unwrap_or_default();
    vec![
        problem.pod.clone(),
        problem.container.clone().unwrap_or_default(),
        status.map(|status| status.restart_count.to_string()).unwrap_or_default(),
        end.map(|end| format!("{} {}{}", end.reason, end.exit_code, at(end))).unwrap_or_default(),
        problem.description.clone(),
    ]
}

/// The workload and its newest ReplicaSet, by name and uid. An Application needs no events: its status says everything.
fn owners(observations: &WorkloadObservations, workload: &Workload) -> impl Iterator<Item = (String, String)> {
    let (views, name) = (&observations.views, &workload.name);
    let own = match workload.kind {
        WorkloadKind::Deployment => views.deployments.find(name).map(|it| &it.metadata),
        WorkloadKind::StatefulSet => views.stateful_sets.find(name).map(|it| &it.metadata),
        WorkloadKind::DaemonSet => views.daemon_sets.find(name).map(|it| &it.metadata),
        WorkloadKind::Rollout => views.rollouts.find(name).map(|it| &it.metadata),
        WorkloadKind::Kustomization => views.kustomizations.find(name).map(|it| &it.metadata),
        WorkloadKind::HelmRelease => views.helm_releases.find(name).map(|it| &it.metadata),
        WorkloadKind::Application => None,
    };
    let newest = own.and_then(|own| {
        let sets = views.replica_sets.owned_by(&own.uid).map(|set| &set.metadata);
        sets.max_by_key(|set| set.creation_timestamp)
    });
    newest.into_iter().chain(own).map(|meta| (meta.name.clone(), meta.uid.clone()))
}

/// Newest first. Events with the same object, reason and message share a row.
fn event_rows(mut events: Vec<(String, Event)>) -> Vec<Vec<String>> {
    events.sort_by_key(|(_, event)| std::cmp::Reverse(event.last_seen()));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (about, event) in events {
        let message = excerpt(&event.message, LINE_CHARS);
        let same = rows.iter().any(|row| row[0] == about && row[3] == event.reason && row[4] == message);
        if same || rows.len() == MAX_EVENTS {
            continue;
        }
        let last = event.last_seen().map(rfc3339).unwrap_or_default();
        rows.push(vec![about, last, event.occurrences().to_string(), event.reason, message]);
    }
    rows
}

fn log_table(pod: &str, container: &str, previous: bool, text: &str) -> Table {
    let run = if previous { "the run before its last restart" } else { "its run" };
    let text = masked(text.trim_end());
    let mut lines: Vec<Vec<String>> = text.lines().map(|line| vec![clip(line, LINE_CHARS)]).collect();
    let lines = lines.split_off(lines.len().saturating_sub(LOG_LINES as usize));
    let lines = if lines.is_empty() { vec![vec!["(nothing)".to_owned()]] } else { lines };
    Table::new(format!("{pod}, container {container}: last lines of {run}"), &["Log"], lines)
}
