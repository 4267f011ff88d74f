//! What is wrong with a pod, and when that is too much. The rules are for pods of the new revision only: what the old one
//! does is not this release's doing.

use std::time::Duration;

use jiff::Timestamp;

use super::rules::{Rules, State};
use crate::commands::health::workloads::observations::Seen;
use crate::{
    secret::excerpt,
    values::HumanDuration,
    world::cluster::objects::{Condition, Container, ContainerStatus, Pod, State as ContainerState},
};

/// Characters of a message that are shown in a line.
pub const MESSAGE: usize = 300;

/// Something that is wrong with a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub pod: String,
    pub container: Option<String>,
    pub what: String,
    /// When it is too much, in milliseconds on our clock; `None`: when the rollout's time is up.
    pub due: Option<i64>,
    /// The pod does not tell what it waits for; events may.
    pub silent: bool,
}

#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition.status == "True")
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a Condition> {
    pod.status.conditions.iter().find(|condition| condition.kind == kind)
}

/// Since when it is ready, or is not.
pub fn ready_since(pod: &Pod) -> Option<Timestamp> {
    condition(pod, "Ready").and_then(|ready| ready.last_transition_time)
}

/// Whether it has ended and does not come back: its owner makes another one in its place. Source: Kubernetes,
/// `pkg/controller/controller_utils.go`, `IsPodActive`.
#[must_use]
pub fn is_over(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_str(), "Failed" | "Succeeded")
}

/// Whether it ended because its node was shut down or was needed for something else, which is nobody's fault. Source:
/// Kubernetes, `pkg/kubelet/nodeshutdown` and `pkg/kubelet/preemption`; before v1.22 a shutdown was called `Shutdown`.
#[must_use]
pub fn went_with_its_node(pod: &Pod) -> bool {
    matches!(pod.status.reason.as_str(), "Terminated" | "NodeShutdown" | "Shutdown" | "Preempting" | "NodeLost")
}

/// How it ended.
pub fn end(pod: &Pod) -> String {
    let status = &pod.status;
    let reason = if status.reason.is_empty() { &status.phase } else { &status.reason };
    format!("pod {}: {reason}: {}", pod.metadata.name, excerpt(&status.message, MESSAGE))
}

/// Init containers first, as they run.
pub fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses)
}

/// How often its containers have restarted.
#[must_use]
pub fn restarts(pod: &Pod) -> i64 {
    statuses(pod).map(|status| i64::from(status.restart_count)).sum()
}

/// When a container started first, as far as it still tells.
pub fn first_start(status: &ContainerStatus) -> Option<Timestamp> {
    let ended = |state: &ContainerState| state.terminated.as_ref().and_then(|end| end.started_at);
    let running = status.state.running.as_ref().and_then(|running| running.started_at);
    ended(&status.last_state).or_else(|| ended(&status.state)).or(running)
}

/// What is wrong with a pod, that which is due first. A ready one is well.
#[must_use]
pub fn trouble(rules: &Rules, seen: &Seen, pod: &Pod) -> Option<Trouble> {
    if is_ready(pod) {
        return None;
    }
    let of = |container: Option<&str>, what: String, due: Option<i64>| Trouble {
        pod: pod.metadata.name.clone(),
        container: container.map(ToOwned::to_owned),
        what,
        due,
        silent: false,
    };
    if let Some(unscheduled) = condition(pod, "PodScheduled").filter(|one| one.status == "False") {
        let since = unscheduled.last_transition_time.map_or(0, |time| seen.millis(time));
        let what = format!("{}: {}", unscheduled.reason, excerpt(&unscheduled.message, MESSAGE));
        return Some(of(None, what, due(rules.grace(State::Unschedulable), since)));
    }
    let states = statuses(pod).filter_map(|status| {
        let (what, due) = container(rules, seen, pod, status)?;
        Some(of(Some(&status.name), what, due))
    });
    let state = states.min_by_key(|trouble| trouble.due.unwrap_or(i64::MAX));
    if let Some((name, what)) = starting(pod) {
        let begun = due(rules.grace(State::Starting), begun(seen, pod));
        return state.filter(|state| state.due.is_some()).or_else(|| Some(of(Some(name), what, begun)));
    }
    let too_long = due(Some(rules.max_unhealthy), should_be_ready(seen, pod));
    match state {
        Some(state) if state.due <= too_long && state.due.is_some() => Some(state),
        state => {
            let container = state.as_ref().and_then(|state| state.container.clone());
            let silent = state.is_none();
            let what = state.map_or_else(|| unready(pod), |state| state.what);
            let what = format!("{what}; to be ready within {}", HumanDuration(rules.max_unhealthy));
            Some(Trouble { container, silent, ..of(None, what, too_long) })
        }
    }
}

/// The container that a pod waits for before it could be ready at all, and what that does.
///
/// Before the sandbox is there, volumes and networks are what is waited for, and those do not take long. Kubelets before
/// v1.29 do not tell which it is (`PodReadyToStartContainers`).
fn starting(pod: &Pod) -> Option<(&str, String)> {
    let is = |kind: &str| condition(pod, kind).is_some_and(|condition| condition.status == "True");
    if !is("Initialized") {
        let at_work = pod.status.init_container_statuses.iter().find(|status| status.state.running.is_some());
        if let Some(status) = at_work {
            return Some((&status.name, "the init container is at work".to_owned()));
        }
    }
    let status = statuses(pod).find(|status| status.state.terminated.is_none() && !status.ready)?;
    let reason = status.state.waiting.as_ref().map(|waiting| waiting.reason.as_str());
    let waits = matches!(reason, Some("ContainerCreating" | "PodInitializing"));
    (waits && is("PodReadyToStartContainers")).then(|| (&*status.name, "its image is being pulled".to_owned()))
}

/// When a grace is over, in milliseconds on our clock.
pub fn due(grace: Option<Duration>, since: i64) -> Option<i64> {
    grace.map(|grace| since.saturating_add(millis(grace)))
}

pub fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Why a pod is not ready when none of its containers tells.
fn unready(pod: &Pod) -> String {
    let status = &pod.status;
    if !status.reason.is_empty() {
        return format!("{}: {}", status.reason, excerpt(&status.message, MESSAGE));
    }
    // With all containers ready, a readiness gate is what is missing.
    let conditions = ["ContainersReady", "Ready"].into_iter().filter_map(|kind| condition(pod, kind));
    let mut missing = conditions.filter(|condition| condition.status != "True" && !condition.message.is_empty());
    match missing.next() {
        Some(why) => format!("{}: {}", why.reason, excerpt(&why.message, MESSAGE)),
        None => format!("not ready, {}", status.phase),
    }
}

/// What a container's state says, and when it is too much.
fn container(rules: &Rules, seen: &Seen, pod: &Pod, status: &ContainerStatus) -> Option<(String, Option<i64>)> {
    let key = (pod.metadata.uid.clone(), status.name.clone());
    let waiting = status.state.waiting.as_ref();
    let reason = waiting.map(|waiting| waiting.reason.as_str()).unwrap_or_default();
    let message = waiting.map(|waiting| waiting.message.as_str()).unwrap_or_default();
    let told = |message: &str| format!("{reason}: {}", excerpt(message, MESSAGE));
    let since = |reason: &str| {
        let state = (key.0.clone(), key.1.clone(), reason.to_owned());
        seen.history.since.get(&state).map_or(0, |at| millis(*at))
    };
    match reason {
        "InvalidImageName" | "ErrImageNeverPull" => {
            Some((told(message), due(rules.grace(State::InvalidImage), since(reason))))
        }
        "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable" => {
            let said = seen.history.pulls.get(&key).map_or(message, String::as_str);
            let said = if is_not_found(message) { message } else { said };
            let state = if is_not_found(said) { State::ImageNotFound } else { State::ImagePull };
            let group = if reason == "ImagePullBackOff" { "ErrImagePull" } else { reason };
            Some((told(said), due(rules.grace(state), since(group))))
        }
        "CreateContainerConfigError" => {
            // The kubelet's own cache is not there yet; that passes.
            let passes = message.contains("failed to sync") && message.contains("cache");
            let grace = rules.grace(State::ConfigError).filter(|_| !passes);
            Some((told(message), due(grace, since(reason))))
        }
        // Such as `CreateContainerError`: it may pass, or come to crashes.
        _ => crashed(rules, seen, &key, status).or_else(|| (!message.is_empty()).then(|| (told(message), None))),
    }
}

/// What registries say of an image that they do not have. Sources: OCI distribution-spec error codes (`MANIFEST_UNKNOWN`,
/// `NAME_UNKNOWN`), and what containerd and CRI-O make of them.
fn is_not_found(message: &str) -> bool {
    let lower = message.to_ascii_lowercase();
    // A layer that is collected as garbage while it is pulled, and a host that nobody knows: both pass.
    if ["content digest", "snapshot", "failed to extract layer", "no such host"].iter().any(|said| lower.contains(said))
    {
        return false;
    }
    ["not found", "manifest unknown", "name unknown", "code = notfound"].iter().any(|said| lower.contains(said))
}

fn crashed(
    rules: &Rules,
    seen: &Seen,
    key: &(String, String),
    status: &ContainerStatus,
) -> Option<(String, Option<i64>)> {
    let earlier = seen.history.restarts.get(key).copied().unwrap_or_default();
    let is_down = status.state.terminated.as_ref().is_some_and(|end| end.exit_code != 0)
        || status.state.waiting.as_ref().is_some_and(|waiting| waiting.reason == "CrashLoopBackOff");
    let crashes = status.restart_count.saturating_sub(earlier).saturating_add(i32::from(is_down));
    if crashes <= 0 || (status.ready && !is_down) {
        return None;
    }
    let how = match status.state.terminated.as_ref().or(status.last_state.terminated.as_ref()) {
        Some(end) => {
            let reason = if end.reason.is_empty() { "ended" } else { &end.reason };
            let said = excerpt(&end.message, MESSAGE);
            let said = if said.is_empty() { said } else { format!(": {said}") };
            format!("{reason}, exit code {}{said}", end.exit_code)
        }
        None => "no exit code is told".to_owned(),
    };
    let loops = if status.state.waiting.is_some() { "CrashLoopBackOff: " } else { "" };
    let times = if crashes == 1 { "once".to_owned() } else { format!("{crashes} times") };
    Some((format!("{loops}it crashed {times} ({how})"), (crashes >= rules.crash_limit).then_some(0)))
}

/// From when a pod that is not ready counts as unhealthy, in milliseconds on our clock: since it stopped being ready, or
/// since it should have become so.
fn should_be_ready(seen: &Seen, pod: &Pod) -> i64 {
    let at = |time| seen.millis(time);
    let stopped = ready_since(pod).map(at);
    // The first start of its containers, where it is known: images may take long.
    let first_start = |status: &ContainerStatus| {
        seen.history.started.get(&(pod.metadata.uid.clone(), status.name.clone())).copied().map(at)
    };
    let started =
        pod.status.container_statuses.iter().filter_map(first_start).max().unwrap_or_else(|| begun(seen, pod));
    let containers = || pod.spec.init_containers.iter().chain(&pod.spec.containers);
    let grace = containers().map(startup).max().unwrap_or_default();
    // One that was restarted has its start-up probe's time again.
    let again = pod.status.container_statuses.iter().filter(|status| status.restart_count > 0 && !status.ready);
    let again = again.filter_map(|status| {
        let spec = containers().find(|container| container.name == status.name && container.startup_probe.is_some())?;
        let running = status.state.running.as_ref()?.started_at.map(at)?;
        Some(running.saturating_add(1000 * startup(spec)))
    });
    let should = stopped.unwrap_or(started).max(started.saturating_add(1000 * grace));
    again.fold(should, i64::max)
}

/// When a pod could begin: it has a node, and its init containers are through.
fn begun(seen: &Seen, pod: &Pod) -> i64 {
    let since = |kind: &str| {
        condition(pod, kind).filter(|one| one.status == "True").and_then(|condition| condition.last_transition_time)
    };
    let begun = since("PodScheduled").or(pod.metadata.creation_timestamp);
    begun.max(since("Initialized")).map_or(0, |time| seen.millis(time))
}

/// How long a container may take to become ready by its own probes, in seconds.
fn startup(container: &Container) -> i64 {
    let startup = container.startup_probe.as_ref().map_or(0, |probe| {
        let (period, failures) = (probe.period_seconds.max(1), probe.failure_threshold.max(1));
        probe.initial_delay_seconds.saturating_add(period.saturating_mul(failures))
    });
    let readiness = container.readiness_probe.as_ref();
    let readiness = readiness.map_or(0, |probe| probe.initial_delay_seconds.saturating_add(probe.period_seconds));
    startup.saturating_add(readiness).clamp(0, 24 * 3600)
}
