//! What the gate saw of a workload over time.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    image::ImageMatch,
    limits::WorkloadLimits,
    pod_status::{describe_end, ended_with_its_node, is_ready, ready_changed_at, restart_count},
    progress::RolloutProgress,
    snapshot::WorkloadSnapshot,
    states::UnhealthyState,
};
use crate::{clock::Moment, world::cluster::objects::Pod};

#[derive(Clone, Debug, Default)]
pub struct WorkloadHistory {
    /// Since when the workload requests the image under promotion. For a workload of which only the controller's status is
    /// read: since when the controller last worked on it.
    pub appeared: Option<Moment>,
    pub completion: Option<Completion>,
    /// What went wrong after the rollout was complete.
    pub disturbance: Option<String>,
    /// Since when its controller reports it as unhealthy, and at which revision.
    pub unhealthy_since: Option<(Moment, String)>,
    /// A revision that had failed before the gate began: it may not be the one under promotion.
    pub failed_before: Option<String>,
    pub release: ReleasePhase,
    /// The summary that was last logged.
    pub last_summary: String,
    /// A watch was interrupted since the last snapshot.
    pub missed_updates: bool,
    last_snapshot_at: Moment,
    /// The rollout was complete before its controller started to reconcile again.
    earlier_completion: Option<Completion>,
    /// The controller has nothing more to do.
    controller_is_idle: bool,
}

/// Whether a workload's specification requests the image under promotion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReleasePhase {
    #[default]
    NotRequested,
    Requested,
    /// It was requested, and no longer is.
    Replaced,
}

/// When a rollout was complete, and with which pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    pub at: Moment,
    /// Pods that were ready then or have become ready since, by uid.
    pods: BTreeMap<String, ReadyPod>,
    revision: String,
}

/// A pod when it became ready.
#[derive(Clone, Debug, PartialEq)]
struct ReadyPod {
    restarts: i64,
    ready_since: Option<Timestamp>,
}

impl Completion {
    fn new(at: Moment, snapshot: &WorkloadSnapshot<'_>) -> Self {
        let mut completion = Self { at, pods: BTreeMap::new(), revision: snapshot.revision.clone() };
        completion.add_ready_pods(snapshot);
        completion
    }

    fn add_ready_pods(&mut self, snapshot: &WorkloadSnapshot<'_>) {
        for pod in snapshot.pods.iter().filter(|pod| is_ready(pod)) {
            let ready = ReadyPod { restarts: restart_count(pod), ready_since: ready_changed_at(pod) };
            self.pods.entry(pod.metadata.uid.clone()).or_insert(ready);
        }
    }

    /// What went wrong with a pod that was ready. A deleted pod did nothing wrong. A pod that came later, from an autoscaler
    /// or a drained node, is judged from its own start.
    fn find_disturbance(&self, snapshot: &WorkloadSnapshot<'_>) -> Option<String> {
        let in_pod = |pod: &&Pod| {
            let (ready, name) = (self.pods.get(&pod.metadata.uid)?, &pod.metadata.name);
            if restart_count(pod) > ready.restarts {
                return Some(format!("pod {name} restarted"));
            }
            if !is_ready(pod) {
                return Some(format!("pod {name} is not ready"));
            }
            (ready_changed_at(pod) != ready.ready_since).then(|| format!("pod {name} was not ready for a while"))
        };
        let mut ended = snapshot.ended.iter().filter(|pod| self.pods.contains_key(&pod.metadata.uid));
        let ended = || ended.find(|pod| !ended_with_its_node(pod)).map(|pod| describe_end(pod));
        snapshot.pods.iter().find_map(in_pod).or_else(ended)
    }

    /// Whether none of its pods is left: another revision runs, or all pods were moved to other nodes.
    fn is_outdated(&self, snapshot: &WorkloadSnapshot<'_>) -> bool {
        let is_known = |pod: &&Pod| self.pods.contains_key(&pod.metadata.uid);
        snapshot.kind.has_pods()
            && !snapshot.pods.is_empty()
            && !snapshot.pods.iter().chain(&snapshot.ended).any(is_known)
    }
}

impl WorkloadHistory {
    /// Call it only while all views are up to date. `epoch` is the cluster's clock when the gate began.
    pub fn record(
        &mut self,
        limits: &WorkloadLimits,
        at: Moment,
        epoch: Option<Timestamp>,
        snapshot: &WorkloadSnapshot<'_>,
    ) {
        let is_requested = match (&snapshot.requested, &snapshot.progress) {
            (_, RolloutProgress::Missing) | (ImageMatch::Differs(_), _) => false,
            // The pods show which digest a tag has, once they all run.
            (ImageMatch::Unknown(_), RolloutProgress::Complete(_)) => {
                !matches!(snapshot.running_image(limits), ImageMatch::Differs(_))
            }
            _ => true,
        };
        if !is_requested {
            // What happened to another image does not count for the one under promotion.
            let release = match self.release {
                ReleasePhase::NotRequested => ReleasePhase::NotRequested,
                ReleasePhase::Requested | ReleasePhase::Replaced => ReleasePhase::Replaced,
            };
            *self = Self { last_summary: std::mem::take(&mut self.last_summary), release, ..Self::default() };
            return;
        }
        self.appeared.get_or_insert(at);
        if snapshot.requested == ImageMatch::Matches && snapshot.kind.has_pods() {
            self.release = ReleasePhase::Requested;
        }
        if !snapshot.kind.has_pods() {
            self.record_controller(at, epoch, snapshot);
        }
        let missed_updates = std::mem::take(&mut self.missed_updates);
        let last_snapshot_at = std::mem::replace(&mut self.last_snapshot_at, at);
        let healthy = snapshot.check_healthy(limits);
        if self.completion.as_ref().is_some_and(|completion| completion.is_outdated(snapshot)) {
            self.completion = None;
        }
        match (&mut self.completion, healthy) {
            (None, Ok(())) => {
                let earlier = self.earlier_completion.take();
                let earlier = earlier.filter(|earlier| earlier.revision == snapshot.revision);
                self.completion = Some(earlier.unwrap_or_else(|| Completion::new(at, snapshot)));
            }
            (Some(completion), Ok(())) if completion.revision != snapshot.revision => {
                *completion = Completion::new(at, snapshot);
            }
            (Some(completion), healthy) => {
                // What happens after the stabilization time does not count. What happened while updates were missed may have
                // happened within it.
                let stable_at = completion.at + limits.stabilize;
                if at < stable_at || (missed_updates && last_snapshot_at < stable_at) {
                    let found = || {
                        if snapshot.kind.has_pods() { completion.find_disturbance(snapshot) } else { healthy.err() }
                    };
                    self.disturbance = self.disturbance.take().or_else(found);
                }
                completion.add_ready_pods(snapshot);
            }
            (None, Err(_)) => {}
        }
    }

    /// Records a workload of which only the controller's status is read.
    ///
    /// Such a controller reconciles again and again, for a new revision or to see that nothing has changed. It may fail to
    /// compare, or wait for a person to resume it. None of this undoes a complete rollout, and what follows has its own
    /// time limit.
    fn record_controller(&mut self, at: Moment, epoch: Option<Timestamp>, snapshot: &WorkloadSnapshot<'_>) {
        use RolloutProgress::{Complete, Empty, Failed, Missing, Progressing, Reconciling, Stuck, Unknown};
        use UnhealthyState::{Degraded, Paused};
        self.unhealthy_since.take_if(|(_, revision)| *revision != snapshot.revision);
        let before_the_gate = |since: &Option<Timestamp>| since.zip(epoch).is_some_and(|(since, epoch)| since < epoch);
        match &snapshot.progress {
            Reconciling(_) | Progressing(_) if self.controller_is_idle => {
                self.controller_is_idle = false;
                self.appeared = Some(at);
            }
            Complete(_) | Empty(_) | Failed { .. } | Stuck { state: Paused, .. } => self.controller_is_idle = true,
            Reconciling(_) | Progressing(_) | Unknown(_) | Stuck { .. } | Missing => {}
        }
        match &snapshot.progress {
            Reconciling(_) | Unknown(_) | Stuck { state: Paused, .. } => {
                self.earlier_completion = self.completion.take().or(self.earlier_completion.take());
            }
            Complete(_) | Empty(_) | Progressing(_) => self.unhealthy_since = None,
            Stuck { state: Degraded, since, .. } => {
                self.unhealthy_since.get_or_insert((at, snapshot.revision.clone()));
                if before_the_gate(since) {
                    self.failed_before.get_or_insert(snapshot.revision.clone());
                }
            }
            Failed { since, .. } if before_the_gate(since) => {
                self.failed_before.get_or_insert(snapshot.revision.clone());
            }
            Failed { .. } | Stuck { .. } | Missing => {}
        }
        if let Progressing(_) | Failed { .. } | Stuck { state: Degraded, .. } = snapshot.progress {
            self.earlier_completion = None;
        }
    }
}
