//! Why: what somebody on call would fetch next. Warning events, and the last lines of the container that failed; fetched
//! once, when it is decided that something did.

mod words;

use std::time::Duration;

use super::{
    judge::troubles,
    pods::{Trouble, statuses},
    progress::{Sight, sight},
    rules::Rules,
    workload::{Kind, Workload},
};
use crate::commands::health::workloads::observations::Seen;
use crate::{
    clock::{Stopwatch, rfc3339},
    context::CommandContext,
    report::Table,
    secret::{excerpt, masked},
    values::clip,
    world::cluster::{
        Cluster,
        objects::{ContainerStatus, Event, Pod, Terminated},
    },
};

/// Pods whose events and logs are fetched. Others fail alike, most often.
const PODS: usize = 5;
/// Lines of a log.
const LINES: u32 = 20;
/// Characters of a line that are shown.
const LINE: usize = 400;
/// Rows of events.
const EVENTS: usize = 50;
/// How long all of it may take. A verdict does not wait for its reasons.
const PATIENCE: Duration = Duration::from_secs(10);
const NO_TIME: &str = "other events and logs: there was no time left for them";

/// What tells why.
pub struct Why {
    pub tables: Vec<Table>,
    /// The newest warning about the first pod that is not well, where its own status does not tell what it waits for; by the
    /// place of the workload.
    pub warnings: Vec<(usize, String)>,
}

/// Fetches it. `failed` are the places of the workloads that did.
pub fn why(rules: &Rules, seen: &Seen, cluster: &Cluster, failed: &[usize], ctx: &CommandContext) -> Why {
    let mut rows = Vec::new();
    let mut warnings: Vec<(String, Event)> = Vec::new();
    let mut logs = Vec::new();
    let mut unobservable = Vec::new();
    let mut silent = Vec::new();
    let watch = Stopwatch::start();
    let left = || PATIENCE.checked_sub(watch.elapsed()).filter(|_| !ctx.execution.wake.is_cancelled());
    for place in failed {
        let workload = &rules.workloads[*place];
        let sight = sight(rules, &seen.views, workload);
        let troubles = troubles(rules, seen, &sight);
        rows.extend(troubles.iter().map(|trouble| row(&sight, trouble)));
        silent.extend(troubles.first().filter(|trouble| trouble.silent).map(|trouble| (*place, trouble.pod.clone())));
        let mut about: Vec<(String, String)> = troubles
            .iter()
            .filter_map(|trouble| Some((trouble.pod.clone(), named(&sight, trouble)?.metadata.uid.clone())))
            .take(PODS)
            .collect();
        // What keeps pods from being made is told of those who should make them.
        about.extend(makers(seen, workload));
        for (name, uid) in about {
            let Some(left) = left() else {
                unobservable.push(NO_TIME.to_owned());
                break;
            };
            match cluster.warnings(&uid, left) {
                Ok(events) => warnings.extend(events.into_iter().map(|event| (name.clone(), event))),
                Err(finding) => unobservable.push(format!("events of {name}: {finding}")),
            }
        }
        for trouble in troubles.iter().take(PODS) {
            let Some(status) = named(&sight, trouble).and_then(|pod| speaker(pod, trouble)) else { continue };
            let Some(left) = left() else {
                unobservable.push(NO_TIME.to_owned());
                break;
            };
            let previous = status.restart_count > 0;
            match cluster.log(&trouble.pod, &status.name, previous, LINES, left) {
                Ok(text) => logs.push(log(&trouble.pod, &status.name, previous, &text)),
                Err(finding) => {
                    unobservable.push(format!("log of {}, container {}: {finding}", trouble.pod, status.name));
                }
            }
        }
    }
    let told = |(place, pod): (usize, String)| {
        let about = warnings.iter().filter(|(name, _)| *name == pod).map(|(_, event)| event);
        let newest = about.max_by_key(|event| event.last())?;
        Some((place, format!("{}: {}", newest.reason, excerpt(&newest.message, LINE))))
    };
    let said = silent.into_iter().filter_map(told).collect();
    let mut tables = Vec::new();
    let mut add = |title: &str, columns: &[&str], rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let columns = columns.iter().map(|column| (*column).to_owned()).collect();
            tables.push(Table { title: title.to_owned(), columns, rows, ..Table::default() });
        }
    };
    for place in failed {
        for (title, columns, rows) in words::tables(&seen.views, &rules.workloads[*place]) {
            add(&title, &columns, rows);
        }
    }
    add("Pods that are not well", &["Pod", "Container", "Restarts", "Last exit", "Seen"], rows);
    add("Warning events, newest first", &["About", "Last", "Times", "Reason", "Message"], events(warnings));
    for (title, lines) in logs {
        add(&title, &["Log"], lines);
    }
    unobservable.sort();
    unobservable.dedup();
    add("What could not be seen", &["What, and why"], unobservable.into_iter().map(|line| vec![line]).collect());
    Why { tables, warnings: said }
}

fn named<'a>(sight: &Sight<'a>, trouble: &Trouble) -> Option<&'a Pod> {
    sight.pods.iter().copied().find(|pod| pod.metadata.name == trouble.pod)
}

/// The container whose log tells most: the one in trouble, else one that has ended, else the first that runs. None of one
/// that has never run.
fn speaker<'a>(pod: &'a Pod, trouble: &Trouble) -> Option<&'a ContainerStatus> {
    let has_run = |status: &&ContainerStatus| {
        status.restart_count > 0 || status.state.running.is_some() || status.state.terminated.is_some()
    };
    let in_trouble = statuses(pod).find(|status| trouble.container.as_ref() == Some(&status.name));
    in_trouble.or_else(|| statuses(pod).find(|status| has_run(status) && !status.ready)).filter(has_run)
}

fn row(sight: &Sight<'_>, trouble: &Trouble) -> Vec<String> {
    let pod = named(sight, trouble);
    let status = pod.and_then(|pod| statuses(pod).find(|status| trouble.container.as_ref() == Some(&status.name)));
    let end = status.and_then(|one| one.state.terminated.as_ref().or(one.last_state.terminated.as_ref()));
    let at = |end: &Terminated| end.finished_at.map(|at| format!(" at {}", rfc3339(at))).unwrap_or_default();
    vec![
        trouble.pod.clone(),
        trouble.container.clone().unwrap_or_default(),
        status.map(|status| status.restart_count.to_string()).unwrap_or_default(),
        end.map(|end| format!("{} {}{}", end.reason, end.exit_code, at(end))).unwrap_or_default(),
        trouble.what.clone(),
    ]
}

/// The workload and its newest parts, by name and uid. Of an application its own status tells all.
fn makers(seen: &Seen, workload: &Workload) -> Vec<(String, String)> {
    let (views, name) = (&seen.views, &workload.name);
    let own = match workload.kind {
        Kind::Deployment => views.deployments.named(name).map(|it| &it.metadata),
        Kind::StatefulSet => views.stateful_sets.named(name).map(|it| &it.metadata),
        Kind::DaemonSet => views.daemon_sets.named(name).map(|it| &it.metadata),
        Kind::Rollout => views.rollouts.named(name).map(|it| &it.metadata),
        Kind::Kustomization => views.kustomizations.named(name).map(|it| &it.metadata),
        Kind::Application => None,
    };
    let Some(own) = own else { return Vec::new() };
    let sets = views.replica_sets.made_by(&own.uid).map(|set| &set.metadata);
    let newest = sets.max_by_key(|set| set.creation_timestamp);
    newest.into_iter().chain([own]).map(|meta| (meta.name.clone(), meta.uid.clone())).collect()
}

/// Newest first, those that say the same as one.
fn events(mut all: Vec<(String, Event)>) -> Vec<Vec<String>> {
    all.sort_by_key(|(_, event)| std::cmp::Reverse(event.last()));
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (about, event) in all {
        let message = excerpt(&event.message, LINE);
        let same = rows.iter().any(|row| row[0] == about && row[3] == event.reason && row[4] == message);
        if same || rows.len() == EVENTS {
            continue;
        }
        let last = event.last().map(rfc3339).unwrap_or_default();
        rows.push(vec![about, last, event.times().to_string(), event.reason, message]);
    }
    rows
}

fn log(pod: &str, container: &str, previous: bool, text: &str) -> (String, Vec<Vec<String>>) {
    let run = if previous { "the run before its last restart" } else { "its run" };
    let text = masked(text.trim_end());
    let mut lines: Vec<Vec<String>> = text.lines().map(|line| vec![clip(line, LINE)]).collect();
    let most = lines.len().saturating_sub(LINES as usize);
    let lines = lines.split_off(most);
    let lines = if lines.is_empty() { vec![vec!["(nothing)".to_owned()]] } else { lines };
    (format!("{pod}, container {container}: last lines of {run}"), lines)
}
