//! What is wrong with the pods of the new revision, and when each problem blocks. The pods of the old revision are not judged:
//! their failures do not come from this release.

use super::{
    limits::WorkloadLimits,
    observations::WorkloadObservations,
    pod_status::{
        MESSAGE_CHARS, condition, container_statuses, describe_exit, end_reason, ended_with_its_node, failing_seconds,
        is_ready, is_sidecar, is_true, pending_init_container, ready_changed_at,
    },
    snapshot::WorkloadSnapshot,
    states::UnhealthyState,
    timeline::{deadline, millis},
};
use crate::{
    secret::excerpt,
    values::HumanDuration,
    world::cluster::objects::{Container, ContainerStatus, Pod},
};

/// Why a pod is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodProblem {
    pub pod: String,
    pub container: Option<String>,
    pub description: String,
    /// The description in a few words.
    pub cause: String,
    /// What to do about it.
    pub next: &'static str,
    /// When it blocks, in milliseconds on the gate's clock; `None`: at the rollout's time limit.
    pub due: Option<i64>,
    /// The pod's status does not say what the pod waits for; its events may.
    pub cause_unknown: bool,
}

/// The problems of the pods of the new revision, the one that is due first at the front.
pub fn pod_problems(
    limits: &WorkloadLimits,
    observations: &WorkloadObservations,
    snapshot: &WorkloadSnapshot<'_>,
) -> Vec<PodProblem> {
    let mut problems: Vec<_> =
        snapshot.pods.iter().filter_map(|pod| PodCheck { limits, observations, pod }.problem()).collect();
    problems.extend(ended_one_after_the_other(limits, observations, snapshot));
    problems.sort_by_key(|problem| problem.due.unwrap_or(i64::MAX));
    problems
}

/// The problem of a workload whose pods end before they are ready: rejected by their node or evicted, and replaced by pods
/// that end as well.
fn ended_one_after_the_other(
    limits: &WorkloadLimits,
    observations: &WorkloadObservations,
    snapshot: &WorkloadSnapshot<'_>,
) -> Option<PodProblem> {
    let ended = || snapshot.ended.iter().filter(|pod| !ended_with_its_node(pod));
    let last = ended().max_by_key(|pod| pod.metadata.creation_timestamp)?;
    let new = ended().filter(|pod| observations.pod_history.is_new(&pod.metadata.uid)).count();
    let is_exhausted = i32::try_from(new).unwrap_or(i32::MAX) >= limits.crash_limit;
    let reason = end_reason(last);
    let others = match ended().count() - 1 {
        0 => String::new(),
        others => format!("; {others} more ended before it"),
    };
    Some(PodProblem {
        pod: last.metadata.name.clone(),
        container: None,
        description: format!("{reason}: {}{others}", excerpt(&last.status.message, MESSAGE_CHARS)),
        cause: format!("pods end with `{reason}`"),
        next: "see why the nodes reject or evict its pods: the message says what is missing",
        due: is_exhausted.then_some(0),
        cause_unknown: false,
    })
}

/// Checks one pod.
struct PodCheck<'a> {
    limits: &'a WorkloadLimits,
    observations: &'a WorkloadObservations,
    pod: &'a Pod,
}

/// What a container's state says, in full and in a few words; what to do, and when it blocks.
struct ContainerProblem {
    description: String,
    cause: String,
    next: &'static str,
    due: Option<i64>,
}

pub const SEE_LOG: &str = "see the last lines of its log below, correct what makes it crash, and deploy again";

impl PodCheck<'_> {
    /// The problem of the pod that is due first; none of a pod that is ready.
    fn problem(&self) -> Option<PodProblem> {
        let Self { limits, pod, .. } = self;
        if is_ready(pod) {
            return None;
        }
        let problem = |container: Option<&str>, found: ContainerProblem| {
            let ContainerProblem { description, cause, next, due } = found;
            let container = container.map(ToOwned::to_owned);
            PodProblem {
                pod: pod.metadata.name.clone(),
                container,
                description,
                cause,
                next,
                due,
                cause_unknown: false,
            }
        };
        if let Some(unscheduled) = condition(pod, "PodScheduled").filter(|one| one.status == "False") {
            let since = unscheduled.last_transition_time.map_or(0, |time| self.observations.gate_millis(time));
            let description = format!("{}: {}", unscheduled.reason, excerpt(&unscheduled.message, MESSAGE_CHARS));
            let due = deadline(limits.grace_period(UnhealthyState::Unschedulable), since);
            let cause = format!("`{}`", unscheduled.reason);
            let next = "add nodes, or lower what the pods request: the message says what is missing";
            return Some(problem(None, ContainerProblem { description, cause, next, due }));
        }
        let of_containers = container_statuses(pod)
            .filter_map(|status| Some(problem(Some(&status.name), self.container_problem(status)?)));
        let pending_init = pending_init_container(pod).map(|status| &status.name);
        let of_container = of_containers.min_by_key(|problem| {
            let holds_up = pending_init.is_some() && problem.container.as_ref() == pending_init;
            (problem.due.unwrap_or(i64::MAX), !holds_up)
        });
        if let Some((name, description)) = starting(pod) {
            let due = deadline(limits.grace_period(UnhealthyState::Starting), self.startable_at());
            let is_due = of_container.filter(|problem| problem.due.is_some());
            let (cause, next) = (description.clone(), "see its events below; `rollout-timeout` gives it more time");
            let found = ContainerProblem { description, cause, next, due };
            return is_due.or_else(|| Some(problem(Some(name), found)));
        }
        let unhealthy_for_too_long = deadline(Some(limits.max_unhealthy), self.unhealthy_since());
        match of_container {
            Some(problem) if problem.due <= unhealthy_for_too_long && problem.due.is_some() => Some(problem),
            of_container => {
                let cause_unknown = of_container.is_none();
                let within = HumanDuration(limits.max_unhealthy);
                let unready = || {
                    let (description, cause) = (describe_unready(pod), format!("not ready within {within}"));
                    let next = "see its readiness probe, its log and its events below";
                    problem(None, ContainerProblem { description, cause, next, due: None })
                };
                let found = of_container.unwrap_or_else(unready);
                let description = format!("{}; to be ready within {within}", found.description);
                Some(PodProblem { description, due: unhealthy_for_too_long, cause_unknown, ..found })
            }
        }
    }

    fn container_problem(&self, status: &ContainerStatus) -> Option<ContainerProblem> {
        let history = &self.observations.pod_history;
        let waiting = status.state.waiting.as_ref();
        let reason = waiting.map(|waiting| waiting.reason.as_str()).unwrap_or_default();
        let message = waiting.map(|waiting| waiting.message.as_str()).unwrap_or_default();
        let found = |message: &str, due: Option<i64>, next: &'static str| {
            let description = format!("{reason}: {}", excerpt(message, MESSAGE_CHARS));
            Some(ContainerProblem { description, cause: format!("`{reason}`"), next, due })
        };
        let since = history.waiting_since(self.pod, &status.name, reason).map_or(0, millis);
        let due = |state: UnhealthyState| deadline(self.limits.grace_period(state), since);
        match reason {
            "InvalidImageName" | "ErrImageNeverPull" => found(
                message,
                due(UnhealthyState::InvalidImage),
                "correct the image in the manifests, and deploy again",
            ),
            "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable" => {
                let earlier = history.pull_errors.get(&self.key(status)).map_or(message, String::as_str);
                let error = if is_not_found(message) { message } else { earlier };
                let not_found = is_not_found(error);
                let state = if not_found { UnhealthyState::ImageNotFound } else { UnhealthyState::ImagePull };
                let next = if not_found {
                    "check that this tag was pushed, and that the image's name is right"
                } else {
                    "check that the tag was pushed, and that the namespace's pull secret is valid for this registry"
                };
                let found = found(error, due(state), next)?;
                let cause = if not_found { format!("{}, image not found", found.cause) } else { found.cause };
                Some(ContainerProblem { cause, ..found })
            }
            "CreateContainerConfigError" => {
                // The kubelet's own cache is not synced yet; that passes.
                let passes = message.contains("failed to sync") && message.contains("cache");
                let due = due(UnhealthyState::ConfigError).filter(|_| !passes);
                found(message, due, "create the ConfigMap or the Secret that it names, or correct the reference")
            }
            // Another reason, such as `CreateContainerError`, may pass, or lead to crashes.
            _ => self.crash(status).or_else(|| {
                let next = "see its events below; `rollout-timeout` gives it more time";
                found(message, None, next).filter(|_| !message.is_empty())
            }),
        }
    }

    fn crash(&self, status: &ContainerStatus) -> Option<ContainerProblem> {
        let is_down = status.state.terminated.as_ref().is_some_and(|end| end.exit_code != 0)
            || status.state.waiting.as_ref().is_some_and(|waiting| waiting.reason == "CrashLoopBackOff");
        let restarts = self.observations.pod_history.new_restarts(self.pod, status);
        let crashes = restarts.saturating_add(i32::from(is_down));
        if crashes <= 0 || (status.ready && !is_down) {
            return None;
        }
        let exit = match status.state.terminated.as_ref().or(status.last_state.terminated.as_ref()) {
            Some(end) => describe_exit(end),
            None => "exit code unknown".to_owned(),
        };
        let back_off = if status.state.waiting.is_some() { "CrashLoopBackOff: " } else { "" };
        let times = if crashes == 1 { "once".to_owned() } else { format!("{crashes} times") };
        let due = (crashes >= self.limits.crash_limit).then_some(0);
        let end = status.state.terminated.as_ref().or(status.last_state.terminated.as_ref());
        let cause = match end {
            Some(end) if end.reason.is_empty() || end.reason == "Error" => {
                format!("crashed {times}, exit code {}", end.exit_code)
            }
            Some(end) => format!("crashed {times}, `{}`, exit code {}", end.reason, end.exit_code),
            None => format!("crashed {times}"),
        };
        let description = format!("{back_off}it crashed {times} ({exit})");
        Some(ContainerProblem { description, cause, next: SEE_LOG, due })
    }

    /// From when a pod that is not ready counts as unhealthy, in milliseconds on the gate's clock: when it stopped being
    /// ready, or when it should have become so.
    fn unhealthy_since(&self) -> i64 {
        let Self { observations, pod, .. } = self;
        let at = |time| observations.gate_millis(time);
        let stopped = ready_changed_at(pod).map(at);
        // The first start of a container, if it is known: pulling an image may take long.
        let first_start =
            |status: &ContainerStatus| observations.pod_history.first_started.get(&self.key(status)).copied().map(at);
        let statuses = || pod.status.container_statuses.iter();
        let started = statuses().filter_map(first_start).max().unwrap_or_else(|| self.startable_at());
        let containers = || pod.spec.init_containers.iter().chain(&pod.spec.containers);
        let startup = containers().map(startup_seconds).max().unwrap_or_default();
        // A restarted container runs its startup probe again.
        let restarted = statuses().filter(|status| status.restart_count > 0 && !status.ready);
        let restarted = restarted.filter_map(|status| {
            let has_probe = |container: &&Container| container.name == status.name && container.startup_probe.is_some();
            let startup = startup_seconds(containers().find(has_probe)?);
            let running = status.state.running.as_ref()?.started_at.map(at)?;
            Some(running.saturating_add(1000 * startup))
        });
        let first = stopped.unwrap_or(started).max(started.saturating_add(1000 * startup));
        restarted.fold(first, i64::max)
    }

    /// When the containers of the pod could start: it has a node, and its init containers are done.
    fn startable_at(&self) -> i64 {
        let since = |kind: &str| {
            let condition = condition(self.pod, kind).filter(|condition| condition.status == "True");
            condition.and_then(|condition| condition.last_transition_time)
        };
        let scheduled = since("PodScheduled").or(self.pod.metadata.creation_timestamp);
        scheduled.max(since("Initialized")).map_or(0, |time| self.observations.gate_millis(time))
    }

    fn key(&self, status: &ContainerStatus) -> (String, String) {
        (self.pod.metadata.uid.clone(), status.name.clone())
    }
}

/// The container that has to start before the pod can become ready at all, and what it waits for.
///
/// Before the sandbox exists, a pod waits for volumes and networks, which do not take long. Kubelets before v1.29 do not report
/// which of the two it is (`PodReadyToStartContainers`).
fn starting(pod: &Pod) -> Option<(&str, String)> {
    let pending_init = pending_init_container(pod);
    if let Some(status) = pending_init.filter(|status| status.state.running.is_some()) {
        let description = if is_sidecar(pod, &status.name) {
            "the sidecar has not started yet"
        } else {
            "the init container is running"
        };
        return Some((&status.name, description.to_owned()));
    }
    let mut containers = pod.status.container_statuses.iter();
    let status =
        pending_init.or_else(|| containers.find(|status| status.state.terminated.is_none() && !status.ready))?;
    let reason = status.state.waiting.as_ref().map(|waiting| waiting.reason.as_str());
    let waits = matches!(reason, Some("ContainerCreating" | "PodInitializing"));
    (waits && is_true(pod, "PodReadyToStartContainers"))
        .then(|| (&*status.name, "its image is being pulled".to_owned()))
}

/// Why a pod is not ready, when no container says it.
fn describe_unready(pod: &Pod) -> String {
    let status = &pod.status;
    if !status.reason.is_empty() {
        return format!("{}: {}", status.reason, excerpt(&status.message, MESSAGE_CHARS));
    }
    // The containers wait for the init containers. If all containers are ready, a readiness gate is missing.
    let conditions = ["Initialized", "ContainersReady", "Ready"].into_iter().filter_map(|kind| condition(pod, kind));
    let mut missing = conditions.filter(|condition| condition.status != "True" && !condition.message.is_empty());
    match missing.next() {
        Some(missing) => format!("{}: {}", missing.reason, excerpt(&missing.message, MESSAGE_CHARS)),
        None => format!("not ready, {}", status.phase),
    }
}

/// Whether a message says that the registry does not have the image. Sources: OCI distribution-spec error codes
/// (`MANIFEST_UNKNOWN`, `NAME_UNKNOWN`), and how containerd and CRI-O report them.
fn is_not_found(message: &str) -> bool {
    let lower = message.to_ascii_lowercase();
    // Both of these pass: a layer that is garbage-collected while it is pulled, and a host name that does not resolve.
    let passing = ["content digest", "snapshot", "failed to extract layer", "no such host"];
    if passing.iter().any(|words| lower.contains(words)) {
        return false;
    }
    ["not found", "manifest unknown", "name unknown", "code = notfound"].iter().any(|words| lower.contains(words))
}

/// How long a container may take to become ready by its own probes.
fn startup_seconds(container: &Container) -> i64 {
    let startup = container.startup_probe.as_ref().map_or(0, failing_seconds);
    let readiness = container.readiness_probe.as_ref();
    let readiness = readiness.map_or(0, |probe| probe.initial_delay_seconds.saturating_add(probe.period_seconds));
    startup.saturating_add(readiness).clamp(0, 24 * 3600)
}
