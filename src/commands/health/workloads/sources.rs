//! The watches of the rollout gate: first on the workloads, then on the objects that they own.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use super::{
    creation_failures::FAILED_CREATE,
    limits::WorkloadLimits,
    observations::{ClusterUpdate, WorkloadObservations},
    selection::Selection,
    workload::WorkloadKind,
};
use crate::{
    commands::health::endpoints::Probe,
    observe::{PollInterval, Source},
    world::{
        cluster::{Cluster, Scope, WatchState, WatchUpdate, objects::Object},
        registry::Registry,
    },
};

/// How soon a watch that has ended is opened again.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How often the log may have to say what time has changed, not the cluster.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What the watches take from the observations.
#[derive(Default)]
pub struct WatchControl {
    /// A kind that the verdict needs cannot be seen.
    refused: Cell<bool>,
    events_refused: Cell<bool>,
    selection: RefCell<Selection>,
}

impl WatchControl {
    pub fn follow(&self, observations: &WorkloadObservations) {
        self.refused.set(observations.view_states().iter().any(|view| view.refused.is_some()));
        self.events_refused.set(observations.pod_warnings.refused);
        if self.selection.borrow().version != observations.selection.version {
            self.selection.replace(observations.selection.clone());
        }
    }

    /// `None` until the workloads have been listed.
    fn selection_version(&self) -> Option<u64> {
        Some(self.selection.borrow().version).filter(|version| *version > 0)
    }
}

/// What the gate learns.
pub enum HealthFact {
    /// An update of a watch. For objects that workloads own, with the version of the selection that the watch has.
    Watched(Option<u64>, Box<ClusterUpdate>),
    /// A probe of an endpoint.
    Probed(Probe),
    /// Time has passed.
    Tick,
}

/// The watches that the workloads need, one for each kind.
pub struct WatchSources<'a> {
    pub cluster: &'a Cluster,
    pub limits: &'a WorkloadLimits,
    pub control: &'a WatchControl,
}

impl<'a> WatchSources<'a> {
    pub fn all(&self) -> Vec<Source<'a, HealthFact>> {
        let mut sources = Vec::new();
        if self.needs(WorkloadKind::Deployment) {
            sources.push(self.workloads(WorkloadKind::Deployment, ClusterUpdate::Deployments));
        }
        if self.needs(WorkloadKind::Rollout) {
            sources.push(self.workloads(WorkloadKind::Rollout, ClusterUpdate::Rollouts));
        }
        if self.needs(WorkloadKind::Deployment) || self.needs(WorkloadKind::Rollout) {
            sources.push(self.owned(ClusterUpdate::ReplicaSets));
        }
        if self.needs(WorkloadKind::StatefulSet) {
            sources.push(self.workloads(WorkloadKind::StatefulSet, ClusterUpdate::StatefulSets));
        }
        if self.needs(WorkloadKind::DaemonSet) {
            sources.push(self.workloads(WorkloadKind::DaemonSet, ClusterUpdate::DaemonSets));
            sources.push(self.owned(ClusterUpdate::Revisions));
        }
        if self.needs(WorkloadKind::Application) {
            sources.push(self.workloads(WorkloadKind::Application, ClusterUpdate::Applications));
        }
        if self.needs(WorkloadKind::Kustomization) {
            sources.push(self.workloads(WorkloadKind::Kustomization, ClusterUpdate::Kustomizations));
        }
        if self.needs(WorkloadKind::HelmRelease) {
            sources.push(self.workloads(WorkloadKind::HelmRelease, ClusterUpdate::HelmReleases));
        }
        if self.limits.watches_pods() {
            sources.push(self.owned(ClusterUpdate::Pods));
            sources.push(self.warnings());
        }
        if self.needs(WorkloadKind::StatefulSet) || self.needs(WorkloadKind::DaemonSet) {
            sources.push(self.creation_failures());
        }
        sources
    }

    fn needs(&self, kind: WorkloadKind) -> bool {
        self.limits.workloads.iter().any(|one| one.kind == kind)
    }

    /// Watches the only workload of a kind, or all objects of the kind for several.
    fn workloads<T: Object>(
        &self,
        kind: WorkloadKind,
        to_update: fn(WatchUpdate<T>) -> ClusterUpdate,
    ) -> Source<'a, HealthFact> {
        let mut names = self.limits.workloads.iter().filter(|one| one.kind == kind).map(|one| &one.name);
        let only_name = names.next().filter(|_| names.next().is_none());
        let control = self.control;
        let scope = Scope { fields: only_name.map(|name| format!("metadata.name={name}")), ..self.namespace() };
        self.watch(to_update, move || (scope.clone(), None)).until(|| control.refused.get())
    }

    /// Watches objects that the workloads own, once these have been listed.
    fn owned<T: Object>(&self, to_update: fn(WatchUpdate<T>) -> ClusterUpdate) -> Source<'a, HealthFact> {
        let (namespace, control) = (self.namespace(), self.control);
        let scope = move || {
            let Selection { version, labels, .. } = &*control.selection.borrow();
            (Scope { labels: labels.clone(), ..namespace.clone() }, Some(*version))
        };
        self.watch(to_update, scope).until(|| control.refused.get()).aimed_at(|| control.selection_version())
    }

    /// Watches the Warning events about pods. The verdict does not need them.
    fn warnings(&self) -> Source<'a, HealthFact> {
        let control = self.control;
        let fields = Some("type=Warning,involvedObject.kind=Pod".to_owned());
        let scope = Scope { fields, ..self.namespace() };
        self.watch(ClusterUpdate::Warnings, move || (scope.clone(), None))
            .until(|| control.refused.get() || control.events_refused.get())
    }

    /// Watches the Warning events about objects whose pods cannot be created. One watch for all kinds: the uid in an event
    /// shows which workload it is about.
    fn creation_failures(&self) -> Source<'a, HealthFact> {
        let control = self.control;
        let scope = Scope { fields: Some(format!("type=Warning,reason={FAILED_CREATE}")), ..self.namespace() };
        self.watch(ClusterUpdate::CreationFailures, move || (scope.clone(), None))
            .until(|| control.refused.get() || control.events_refused.get())
    }

    fn namespace(&self) -> Scope {
        Scope::namespace(self.limits.namespace.clone())
    }

    /// `scope` returns what to watch, and the version of the selection in it.
    fn watch<T: Object>(
        &self,
        to_update: fn(WatchUpdate<T>) -> ClusterUpdate,
        scope: impl Fn() -> (Scope, Option<u64>) + 'a,
    ) -> Source<'a, HealthFact> {
        let cluster = self.cluster;
        let state = WatchState::default();
        let source = Source::new(PollInterval::Every(WATCH_INTERVAL), move |reply| {
            let (scope, version) = scope();
            let send = move |update| reply.send(HealthFact::Watched(version, Box::new(to_update(update))));
            Box::new(cluster.watch(scope, state.clone(), send))
        });
        source.named(format!("the {} of the cluster", T::RESOURCE))
    }
}

/// Wakes the gate, so that the log shows what has waited for its interval.
pub fn log_source<'a>() -> Source<'a, HealthFact> {
    let source = Source::new(PollInterval::Every(LOG_INTERVAL), |reply| {
        reply.send(HealthFact::Tick);
        Box::new(())
    });
    source.named("the time, for the log")
}

/// Asks the registry about the digests that are open. While there are none, a look ends at once and sends nothing.
pub fn registry_source(
    registry: Registry,
    expected: String,
    open_digests: &RefCell<Vec<String>>,
) -> Source<'_, HealthFact> {
    let source = Source::new(PollInterval::Every(WATCH_INTERVAL), move |reply| {
        let (open, registry, expected) = (open_digests.borrow().clone(), registry.clone(), expected.clone());
        if !open.is_empty() {
            let ask = move || {
                let answers = open.into_iter().map(|digest| {
                    let answer = registry.compare(&expected, &digest);
                    (digest, answer)
                });
                reply.send(HealthFact::Watched(None, Box::new(ClusterUpdate::Registry(answers.collect()))));
            };
            // Without a thread no answer comes, and nothing passes.
            drop(std::thread::Builder::new().name("look".to_owned()).spawn(ask));
        }
        Box::new(())
    });
    source.named("the registry")
}
