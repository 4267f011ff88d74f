//! Whether a complete rollout lasts: since when its containers run, and for how long they have to.
//!
//! A kubelet makes a container without a readiness probe ready at every start, also one that crashes in a loop. So a moment
//! of readiness proves nothing: each container has to run for `stabilize`, and one that restarted also longer than its
//! previous run. What ran before the gate began is dated by the cluster, so a gate that starts late does not wait for what has
//! lasted already.

use std::{collections::BTreeSet, time::Duration};

use jiff::SignedDuration;

use super::{
    limits::WorkloadLimits,
    observations::WorkloadObservations,
    pod_status::{BACK_OFF_RESET, describe_exit, failing_seconds},
    timeline::millis,
};
use crate::{
    values::HumanDuration,
    world::cluster::objects::{ContainerStatus, Pod},
};

/// A container that has not run long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unstable {
    /// `pod web-1, container app: it restarted once (Error, exit code 1), and has to outlive its previous run of 2s`
    pub description: String,
    /// In a few words, for a headline.
    pub cause: String,
    /// When it has run long enough, in milliseconds on the gate's clock.
    pub due: i64,
    /// It restarted so often that it blocks.
    pub exhausted: bool,
    /// The description has its last exit.
    restarted: bool,
}

/// Restarts that a line names.
const MOST_RESTARTS: usize = 3;

/// What takes longest to be stable, of the pods with these uids. `None` without `stabilize`.
#[must_use]
pub fn slowest(
    limits: &WorkloadLimits,
    observations: &WorkloadObservations,
    pods: &[&Pod],
    uids: &BTreeSet<String>,
) -> Option<Unstable> {
    if limits.stabilize.is_zero() {
        return None;
    }
    let of_pods = pods.iter().filter(|pod| uids.contains(&pod.metadata.uid));
    let all = of_pods.flat_map(|pod| {
        let containers = running(pod).map(|status| Check { limits, observations, pod, status }.unstable());
        containers.chain([unready_before(limits, observations, pod)]).chain(warned(limits, observations, pod))
    });
    let slowest = all.max_by_key(|one| (one.exhausted, one.due, one.restarted))?;
    let restarts = restarts(observations, pods);
    if slowest.restarted || restarts.is_empty() {
        return Some(slowest);
    }
    // A probe failed or a pod was not ready, because a container has ended.
    let restarts = restarts[..restarts.len().min(MOST_RESTARTS)].join(", ");
    Some(Unstable { description: format!("{}; {restarts}", slowest.description), ..slowest })
}

/// How long a container may take to stop. Source: Kubernetes' API reference, `PodSpec`.
const DEFAULT_TERMINATION: i64 = 30;

/// How long its containers may take to stop, in seconds.
fn termination(pod: &Pod) -> i64 {
    pod.spec.termination_grace_period_seconds.unwrap_or(DEFAULT_TERMINATION).clamp(0, 24 * 3600)
}

/// A warning of the kubelet restarts the time. After a failing liveness probe it stops the container, which is ready, and
/// without a warning, until it has stopped.
fn warned(limits: &WorkloadLimits, observations: &WorkloadObservations, pod: &Pod) -> Option<Unstable> {
    let warning = observations.pod_warnings.last(&pod.metadata.uid)?;
    let period = HumanDuration(limits.stabilize);
    let stopping = if warning.stops_container { 1000 * termination(pod) } else { 0 };
    Some(Unstable {
        description: format!(
            "pod {} has not been without a warning for {period} yet: {}",
            pod.metadata.name, warning.text
        ),
        cause: warning.text.clone(),
        due: warning
            .at
            .gate_millis(observations.epoch)
            .saturating_add(stopping)
            .saturating_add(millis(limits.stabilize)),
        exhausted: false,
        restarted: false,
    })
}

/// The pod itself has to be ready for `stabilize`: its probes may have failed while its containers ran.
fn unready_before(limits: &WorkloadLimits, observations: &WorkloadObservations, pod: &Pod) -> Unstable {
    let period = HumanDuration(limits.stabilize);
    let ready_since = observations.pod_history.ready_since(observations.epoch, &pod.metadata.uid).unwrap_or(i64::MAX);
    Unstable {
        description: format!("pod {} has not been ready for {period} yet", pod.metadata.name),
        cause: format!("not ready for {period}"),
        due: ready_since.saturating_add(millis(limits.stabilize)),
        exhausted: false,
        restarted: false,
    }
}

/// The restarts of these pods that were tolerated: `pod web-1, container app restarted once (Error, exit code 1)`.
#[must_use]
pub fn restarts(observations: &WorkloadObservations, pods: &[&Pod]) -> Vec<String> {
    let of_pod = |pod: &&Pod| {
        let of_container = |status: &ContainerStatus| {
            let times = observations.pod_history.new_restarts(pod, status);
            (times > 0)
                .then(|| format!("pod {}, container {} {}", pod.metadata.name, status.name, restarted(times, status)))
        };
        running(pod).filter_map(of_container).collect::<Vec<_>>()
    };
    pods.iter().flat_map(of_pod).collect()
}

/// The containers that have to run on: all but the init containers that have ended.
fn running(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let sidecars = pod.status.init_container_statuses.iter().filter(|status| status.state.terminated.is_none());
    sidecars.chain(&pod.status.container_statuses)
}

/// `restarted twice (Error, exit code 1)`
fn restarted(times: i32, status: &ContainerStatus) -> String {
    let times = match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        times => format!("{times} times"),
    };
    let exit =
        status.last_state.terminated.as_ref().map(|end| format!(" ({})", describe_exit(end))).unwrap_or_default();
    format!("restarted {times}{exit}")
}

/// Checks one container.
struct Check<'a> {
    limits: &'a WorkloadLimits,
    observations: &'a WorkloadObservations,
    pod: &'a Pod,
    status: &'a ContainerStatus,
}

impl Check<'_> {
    fn unstable(&self) -> Unstable {
        let Self { limits, observations, pod, status } = *self;
        // A container that does not run now has all of its time before it.
        let since = observations.pod_history.running_since(observations.epoch, &pod.metadata.uid, &status.name);
        let since = since.unwrap_or(i64::MAX);
        let previous = self.previous_run();
        let required =
            millis(limits.stabilize) + previous.map_or(0, |run| i64::try_from(run.as_millis()).unwrap_or(i64::MAX / 2));
        let required = required.saturating_add(self.unseen_failures());
        let place = format!("pod {}, container {}", pod.metadata.name, status.name);
        let seen = observations.pod_history.new_restarts(pod, status);
        let times = if seen > 0 { seen } else { status.restart_count };
        let period = HumanDuration(limits.stabilize);
        let (description, cause) = if let Some(run) = previous {
            let (run, restarted) = (HumanDuration(run.unsigned_abs()), restarted(times, status));
            let description = format!("{place} {restarted}: it has to outlive its previous run of {run} by {period}");
            (description, restarted)
        } else {
            let required = HumanDuration(Duration::from_millis(required.unsigned_abs()));
            (format!("{place} has not run for {required} yet"), format!("not stable for {required}"))
        };
        let exhausted = seen >= limits.crash_limit && previous.is_some();
        let restarted = previous.is_some();
        Unstable { description, cause, due: since.saturating_add(required), exhausted, restarted }
    }

    /// How much longer it has to run if no warning shows that its liveness probe fails: until that would have stopped it.
    fn unseen_failures(&self) -> i64 {
        if self.observations.pod_warnings.are_seen() {
            return 0;
        }
        let spec = &self.pod.spec;
        let mut containers = spec.init_containers.iter().chain(&spec.containers);
        let own = containers.find(|container| container.name == self.status.name);
        own.and_then(|container| container.liveness_probe.as_ref())
            .map_or(0, |probe| 1000 * failing_seconds(probe).saturating_add(termination(self.pod)).clamp(0, 24 * 3600))
    }

    /// How long its previous run took; `None` for its first run, and after a long one.
    fn previous_run(&self) -> Option<SignedDuration> {
        if self.status.restart_count == 0 {
            return None;
        }
        let end = self.status.last_state.terminated.as_ref();
        let run = end.and_then(|end| Some(end.finished_at?.duration_since(end.started_at?)));
        // A runtime that reports no times may have run it for a moment only.
        let run = run.unwrap_or_default().max(SignedDuration::ZERO);
        // After a long run the kubelet begins its back-off again: it was not one of a crash loop.
        (run < BACK_OFF_RESET).then_some(run)
    }
}
