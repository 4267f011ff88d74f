//! What the gate knows of the cluster: the current objects (`views`), and what it saw before that the objects no longer show
//! (`pod_history`, `history`).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    history::WorkloadHistory,
    image::RegistryAnswers,
    limits::WorkloadLimits,
    pod_history::PodHistory,
    pod_warnings::PodWarnings,
    selection::Selection,
    snapshot::WorkloadSnapshot,
    views::{ViewState, Views},
    workload::{Workload, WorkloadKind},
};
use crate::{
    clock::{Moment, rfc3339},
    world::cluster::{
        WatchUpdate,
        objects::{
            Application, ControllerRevision, DaemonSet, Deployment, Event, HelmRelease, Kustomization, Pod, ReplicaSet,
            Rollout, StatefulSet,
        },
    },
};

/// Digests that the registry is asked about in one look.
const MAX_QUESTIONS: usize = 4;

/// A watch update of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum ClusterUpdate {
    Deployments(WatchUpdate<Deployment>),
    ReplicaSets(WatchUpdate<ReplicaSet>),
    StatefulSets(WatchUpdate<StatefulSet>),
    DaemonSets(WatchUpdate<DaemonSet>),
    Revisions(WatchUpdate<ControllerRevision>),
    Rollouts(WatchUpdate<Rollout>),
    Applications(WatchUpdate<Application>),
    Kustomizations(WatchUpdate<Kustomization>),
    HelmReleases(WatchUpdate<HelmRelease>),
    Pods(WatchUpdate<Pod>),
    /// Warning events about pods.
    Warnings(WatchUpdate<Event>),
    /// Warning events about workloads whose pods cannot be created.
    CreationFailures(WatchUpdate<Event>),
    /// Answers of the registry, by the digest that it was asked about.
    Registry(RegistryAnswers),
}

#[derive(Clone, Debug, Default)]
pub struct WorkloadObservations {
    pub views: Views,
    /// Which objects of the workloads `views` has.
    pub selection: Selection,
    pub pod_history: PodHistory,
    pub pod_warnings: PodWarnings,
    /// One for each workload, in their order.
    pub histories: Vec<WorkloadHistory>,
    /// The server's clock at the gate's moment zero.
    pub epoch: Option<Timestamp>,
    /// Since when a watch has been interrupted with no moment at which all views were up to date, and the last reason. Watches
    /// that break off in turn would each be young, and the gate would wait without an end.
    pub outage: Option<(Moment, String)>,
    /// What the log has to say beside the state of the workloads, in order.
    pub notes: Vec<String>,
}

impl WorkloadObservations {
    /// Without any update yet.
    #[must_use]
    pub fn new(workloads: &[Workload]) -> Self {
        let mut views = Views::default();
        for workload in workloads {
            views.pods.needed |= workload.kind.has_pods();
            match workload.kind {
                WorkloadKind::Deployment => (views.deployments.needed, views.replica_sets.needed) = (true, true),
                WorkloadKind::StatefulSet => views.stateful_sets.needed = true,
                WorkloadKind::DaemonSet => (views.daemon_sets.needed, views.revisions.needed) = (true, true),
                WorkloadKind::Rollout => (views.rollouts.needed, views.replica_sets.needed) = (true, true),
                WorkloadKind::Application => views.applications.needed = true,
                WorkloadKind::Kustomization => views.kustomizations.needed = true,
                WorkloadKind::HelmRelease => views.helm_releases.needed = true,
            }
        }
        Self { views, histories: vec![WorkloadHistory::default(); workloads.len()], ..Self::default() }
    }

    /// Adds an update to what is known.
    pub fn absorb(&mut self, limits: &WorkloadLimits, at: Moment, update: ClusterUpdate) {
        let views = &mut self.views;
        let clock = match update {
            ClusterUpdate::Deployments(update) => views.deployments.apply(at, update),
            ClusterUpdate::ReplicaSets(update) => views.replica_sets.apply(at, update),
            ClusterUpdate::StatefulSets(update) => views.stateful_sets.apply(at, update),
            ClusterUpdate::DaemonSets(update) => views.daemon_sets.apply(at, update),
            ClusterUpdate::Revisions(update) => views.revisions.apply(at, update),
            ClusterUpdate::Rollouts(update) => views.rollouts.apply(at, update),
            ClusterUpdate::Applications(update) => views.applications.apply(at, update),
            ClusterUpdate::Kustomizations(update) => views.kustomizations.apply(at, update),
            ClusterUpdate::HelmReleases(update) => views.helm_releases.apply(at, update),
            ClusterUpdate::Registry(answers) => {
                views.registry_answers.extend(answers);
                self.epoch
            }
            ClusterUpdate::Pods(update) => {
                let epoch = self.epoch.or_else(|| epoch(at, update.clock()?));
                self.pod_history.record(at, epoch, &update);
                views.pods.apply(at, update)
            }
            ClusterUpdate::Warnings(WatchUpdate::Refused(finding))
            | ClusterUpdate::CreationFailures(WatchUpdate::Refused(finding)) => {
                self.notes.extend(self.pod_warnings.refuse(&finding));
                return;
            }
            ClusterUpdate::Warnings(update) => {
                self.pod_warnings.record(at, update);
                return;
            }
            ClusterUpdate::CreationFailures(update) => {
                let clock = update.clock();
                let epoch = self.epoch.or_else(|| epoch(at, clock?));
                views.creation_failures.record(at, epoch, update);
                clock
            }
        };
        self.epoch = self.epoch.or_else(|| epoch(at, clock?));
        if self.selection.update(&limits.workloads, &self.views) {
            self.views.expect_owned_objects();
        }
        let outdated: Vec<ViewState<'_>> = self.view_states().into_iter().filter(ViewState::is_outdated).collect();
        let interrupted = outdated.iter().filter_map(|view| view.interrupted).max_by_key(|(since, _)| *since).cloned();
        let is_current = outdated.is_empty();
        self.outage = match (self.outage.take(), interrupted) {
            _ if is_current => None,
            (Some((since, _)), Some((_, reason))) => Some((since, reason)),
            (outage, interrupted) => outage.or(interrupted),
        };
        if !is_current {
            return;
        }
        for (workload, history) in limits.workloads.iter().zip(&mut self.histories) {
            let snapshot = WorkloadSnapshot::take(limits, &self.views, workload);
            history.record(limits, at, self.epoch, &snapshot);
        }
    }

    /// Whether every kind that the verdict needs is listed and up to date.
    #[must_use]
    pub fn is_current(&self) -> bool {
        !self.view_states().iter().any(ViewState::is_outdated)
    }

    /// The digests that the registry is to be asked about: at most a few at once, because one image has few.
    #[must_use]
    pub fn open_digests(&self, limits: &WorkloadLimits) -> Vec<String> {
        if !limits.asks_registry || !self.is_current() {
            return Vec::new();
        }
        let snapshots = limits.workloads.iter().map(|workload| WorkloadSnapshot::take(limits, &self.views, workload));
        let open: BTreeSet<String> = snapshots.flat_map(|snapshot| snapshot.open_digests(limits)).collect();
        open.into_iter().take(MAX_QUESTIONS).collect()
    }

    #[must_use]
    pub fn view_states(&self) -> [ViewState<'_>; 10] {
        let views = &self.views;
        let Views { deployments, replica_sets, stateful_sets, daemon_sets, revisions, pods, .. } = views;
        [
            deployments.state(),
            stateful_sets.state(),
            daemon_sets.state(),
            views.rollouts.state(),
            views.applications.state(),
            views.kustomizations.state(),
            views.helm_releases.state(),
            replica_sets.state(),
            revisions.state(),
            pods.state(),
        ]
    }

    /// A time of the cluster in milliseconds on the gate's clock; negative before the gate began.
    #[must_use]
    pub fn gate_millis(&self, time: Timestamp) -> i64 {
        self.epoch.map_or(0, |epoch| time.as_millisecond() - epoch.as_millisecond())
    }

    /// A moment of the gate on the cluster's clock: RFC 3339.
    #[must_use]
    pub fn cluster_time(&self, moment: Moment) -> String {
        let since_epoch = SignedDuration::try_from(moment).unwrap_or_default();
        let time = self.epoch.and_then(|epoch| epoch.checked_add(since_epoch).ok());
        time.map(rfc3339).unwrap_or_default()
    }
}

/// The server's clock at the gate's moment zero.
fn epoch(at: Moment, clock: Timestamp) -> Option<Timestamp> {
    clock.checked_sub(SignedDuration::try_from(at).unwrap_or_default()).ok()
}
