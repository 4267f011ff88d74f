//! What the gate saw of a workload over time.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    image::ImageMatch,
    limits::WorkloadLimits,
    pod_status::{describe_end, ended_with_its_node},
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
    /// Since when its controller reports it as unhealthy, and at which revision.
    pub unhealthy_since: Option<(Moment, String)>,
    /// A revision that had failed before the gate began: it may not be the one under promotion.
    pub failed_before: Option<String>,
    pub release: ReleasePhase,
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
    /// The uids of the pods that were there. Pods that come later, from an autoscaler or a drained node, delay no other pod.
    pub pods: BTreeSet<String>,
    /// When one of them was evicted last, and how.
    pub evicted: Option<(Moment, String)>,
    revision: String,
}

impl Completion {
    fn new(at: Moment, snapshot: &WorkloadSnapshot<'_>) -> Self {
        let pods = snapshot.pods.iter().map(|pod| pod.metadata.uid.clone()).collect();
        Self { at, pods, evicted: None, revision: snapshot.revision.clone() }
    }

    /// Notes a pod that ended for good, other than with its node. Its successor comes later and has its own time, so this
    /// restarts the time of all.
    fn record_evictions(&mut self, at: Moment, snapshot: &WorkloadSnapshot<'_>) {
        let ended =
            snapshot.ended.iter().filter(|pod| self.pods.contains(&pod.metadata.uid) && !ended_with_its_node(pod));
        for pod in ended.map(|pod| (pod.metadata.uid.clone(), describe_end(pod))).collect::<Vec<_>>() {
            self.pods.remove(&pod.0);
            self.evicted = Some((at, pod.1));
        }
    }

    /// Whether none of its pods is left: another revision runs, or all pods were moved to other nodes.
    fn is_outdated(&self, snapshot: &WorkloadSnapshot<'_>) -> bool {
        let is_known = |pod: &&Pod| self.pods.contains(&pod.metadata.uid);
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
        let is_other_release = snapshot.other_release(limits).is_some();
        let is_requested = match (&snapshot.requested, &snapshot.progress) {
            (_, RolloutProgress::Missing) | (ImageMatch::Differs(_), _) => false,
            _ if is_other_release && self.release != ReleasePhase::NotRequested => false,
            // The pods show which digest a tag has, once they all run.
            (ImageMatch::Unknown(_), RolloutProgress::Complete(_)) => {
                !matches!(snapshot.running_image(limits), ImageMatch::Differs(_))
                    && !snapshot.only_image_is_unknown(limits)
            }
            _ => true,
        };
        if !is_requested {
            // What happened to another image does not count for the one under promotion.
            let is_gone = snapshot.progress == RolloutProgress::Missing;
            let release = match self.release {
                ReleasePhase::Requested if is_gone || is_other_release => ReleasePhase::Replaced,
                unchanged => unchanged,
            };
            *self = Self { release, ..Self::default() };
            return;
        }
        self.appeared.get_or_insert(at);
        if snapshot.template.is_some_and(|template| limits.image.is_named_in(template)) {
            self.release = ReleasePhase::Requested;
        }
        if !snapshot.kind.has_pods() {
            self.record_controller(at, epoch, snapshot);
        }
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
            // Without pods, leaving the healthy state is all that is seen: its time begins again when it returns.
            (Some(_), Err(_)) if !snapshot.kind.has_pods() => self.completion = None,
            (Some(completion), _) => completion.record_evictions(at, snapshot),
            (None, Err(_)) => {}
        }
    }

    /// Whether the rollout was complete before its controller started to reconcile again, or was suspended.
    #[must_use]
    pub const fn was_complete(&self) -> bool {
        self.earlier_completion.is_some()
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
