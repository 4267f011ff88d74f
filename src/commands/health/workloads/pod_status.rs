//! What the status of a pod says about it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    secret::excerpt,
    world::cluster::objects::{
        Condition, ContainerProbe, ContainerState, ContainerStateTerminated, ContainerStatus, Pod,
    },
};

/// A container that ran for this long was not in a crash loop: the kubelet begins its back-off again. Source: Kubernetes'
/// documentation, Pod Lifecycle, "Container restart policy".
pub const BACK_OFF_RESET: SignedDuration = SignedDuration::from_mins(10);

/// Characters of a controller's or kubelet's message that are shown in a line.
pub const MESSAGE_CHARS: usize = 300;

#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    is_true(pod, "Ready")
}

#[must_use]
pub fn is_true(pod: &Pod, condition_type: &str) -> bool {
    condition(pod, condition_type).is_some_and(|condition| condition.status == "True")
}

#[must_use]
pub fn condition<'a>(pod: &'a Pod, condition_type: &str) -> Option<&'a Condition> {
    pod.status.conditions.iter().find(|condition| condition.kind == condition_type)
}

/// When the pod last became ready, or stopped being ready.
#[must_use]
pub fn ready_changed_at(pod: &Pod) -> Option<Timestamp> {
    condition(pod, "Ready").and_then(|ready| ready.last_transition_time)
}

/// Whether the pod ended for good: its owner creates another in its place. Source: Kubernetes,
/// `pkg/controller/controller_utils.go`, `IsPodActive`.
#[must_use]
pub fn has_ended(pod: &Pod) -> bool {
    matches!(pod.status.phase.as_str(), "Failed" | "Succeeded")
}

/// Whether the pod ended because its node was shut down or needed for another pod, which the release did not cause. Source:
/// Kubernetes, `pkg/kubelet/nodeshutdown` and `pkg/kubelet/preemption`; before v1.22 the reason of a shutdown was `Shutdown`.
#[must_use]
pub fn ended_with_its_node(pod: &Pod) -> bool {
    matches!(pod.status.reason.as_str(), "Terminated" | "NodeShutdown" | "Shutdown" | "Preempting" | "NodeLost")
}

#[must_use]
pub fn describe_end(pod: &Pod) -> String {
    format!("pod {}: {}: {}", pod.metadata.name, end_reason(pod), excerpt(&pod.status.message, MESSAGE_CHARS))
}

/// Why a pod ended, in a word: `Evicted`, `OutOfcpu`.
#[must_use]
pub fn end_reason(pod: &Pod) -> &str {
    if pod.status.reason.is_empty() { &pod.status.phase } else { &pod.status.reason }
}

/// `Error, exit code 3: cannot bind`
#[must_use]
pub fn describe_exit(end: &ContainerStateTerminated) -> String {
    let reason = if end.reason.is_empty() { "ended" } else { &end.reason };
    let message = excerpt(&end.message, MESSAGE_CHARS);
    let message = if message.is_empty() { message } else { format!(": {message}") };
    format!("{reason}, exit code {}{message}", end.exit_code)
}

/// How long a probe that never succeeds may go on before it counts as failed, in seconds.
#[must_use]
pub fn failing_seconds(probe: &ContainerProbe) -> i64 {
    let (period, failures) = (probe.period_seconds.max(1), probe.failure_threshold.max(1));
    probe.initial_delay_seconds.saturating_add(period.saturating_mul(failures))
}

/// Init containers first, as they run.
pub fn container_statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses)
}

/// The init container that holds up the pod: the first one that has not done its part. A sidecar has when it has started, the
/// others when they have succeeded. `None` once all have.
///
/// Source: Kubernetes' documentation, "Sidecar Containers", and `pkg/kubelet/kuberuntime/kuberuntime_container.go`,
/// `computeInitContainerActions`.
#[must_use]
pub fn pending_init_container(pod: &Pod) -> Option<&ContainerStatus> {
    let is_done = |status: &ContainerStatus| match &status.state.terminated {
        _ if is_sidecar(pod, &status.name) => status.started,
        Some(end) => end.exit_code == 0,
        None => false,
    };
    let position = |status: &&ContainerStatus| pod.spec.init_containers.iter().position(|one| one.name == status.name);
    let pending = pod.status.init_container_statuses.iter().filter(|status| !is_done(status));
    pending.min_by_key(position).filter(|_| !is_true(pod, "Initialized"))
}

/// Whether it is an init container that runs beside the others.
#[must_use]
pub fn is_sidecar(pod: &Pod, container: &str) -> bool {
    pod.spec.init_containers.iter().any(|one| one.name == container && one.restart_policy == "Always")
}

/// When a container first started, as far as its status still shows it.
#[must_use]
pub fn first_start(status: &ContainerStatus) -> Option<Timestamp> {
    let ended = |state: &ContainerState| state.terminated.as_ref().and_then(|end| end.started_at);
    let running = status.state.running.as_ref().and_then(|running| running.started_at);
    ended(&status.last_state).or_else(|| ended(&status.state)).or(running)
}
