//! What is known of the cluster: how things are now (`views`), and what was seen before that an object does not tell by itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    image::Fit,
    pods,
    progress::{Progress, sight},
    rules::Rules,
    track::Track,
    views::{ViewState, Views},
    workload::{Kind, Workload},
};
use crate::{
    clock::{Moment, rfc3339},
    world::cluster::{
        News,
        objects::{
            Application, ControllerRevision, DaemonSet, Deployment, Kustomization, Pod, ReplicaSet, Rollout,
            StatefulSet,
        },
    },
};

/// News of a kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Deployments(News<Deployment>),
    ReplicaSets(News<ReplicaSet>),
    StatefulSets(News<StatefulSet>),
    DaemonSets(News<DaemonSet>),
    Revisions(News<ControllerRevision>),
    Rollouts(News<Rollout>),
    Applications(News<Application>),
    Kustomizations(News<Kustomization>),
    Pods(News<Pod>),
}

/// A pod that is older when we begin has crashes that say nothing about now: the kubelet forgets them after as long.
const OLD: SignedDuration = SignedDuration::from_mins(10);

/// What was seen of pods over time.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Restarts of a container before it concerned us, by pod and container: of pods that were ready when first seen, or
    /// had been there for long.
    pub restarts: BTreeMap<(String, String), i32>,
    /// Since when a container is in a state, by pod, container and reason.
    pub since: BTreeMap<(String, String, String), Moment>,
    /// What a registry said when a pull failed; later states only say that it is tried again.
    pub pulls: BTreeMap<(String, String), String>,
    /// When a container started first, as far as that was seen, by pod and container.
    pub started: BTreeMap<(String, String), Timestamp>,
    known: BTreeSet<String>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub views: Views,
    pub history: History,
    /// One for each workload, in their order.
    pub tracks: Vec<Track>,
    /// The server's clock at our moment zero.
    pub epoch: Option<Timestamp>,
}

impl Seen {
    /// Nothing yet of these workloads.
    #[must_use]
    pub fn of(workloads: &[Workload]) -> Self {
        let mut seen = Self { tracks: vec![Track::default(); workloads.len()], ..Self::default() };
        let views = &mut seen.views;
        for workload in workloads {
            views.pods.needed |= workload.kind.has_pods();
            match workload.kind {
                Kind::Deployment => (views.deployments.needed, views.replica_sets.needed) = (true, true),
                Kind::StatefulSet => views.stateful_sets.needed = true,
                Kind::DaemonSet => (views.daemon_sets.needed, views.revisions.needed) = (true, true),
                Kind::Rollout => (views.rollouts.needed, views.replica_sets.needed) = (true, true),
                Kind::Application => views.applications.needed = true,
                Kind::Kustomization => views.kustomizations.needed = true,
            }
        }
        seen
    }

    /// Takes a fact in. Gives a line for each workload of which there is something new to say.
    pub fn absorb(&mut self, rules: &Rules, at: Moment, fact: Fact) -> Vec<String> {
        let views = &mut self.views;
        let clock = match fact {
            Fact::Deployments(news) => views.deployments.take(at, news),
            Fact::ReplicaSets(news) => views.replica_sets.take(at, news),
            Fact::StatefulSets(news) => views.stateful_sets.take(at, news),
            Fact::DaemonSets(news) => views.daemon_sets.take(at, news),
            Fact::Revisions(news) => views.revisions.take(at, news),
            Fact::Rollouts(news) => views.rollouts.take(at, news),
            Fact::Applications(news) => views.applications.take(at, news),
            Fact::Kustomizations(news) => views.kustomizations.take(at, news),
            Fact::Pods(news) => {
                let epoch = self.epoch.or_else(|| epoch(at, news.clock()?));
                self.history.follow(at, epoch, &news);
                views.pods.take(at, news)
            }
        };
        self.epoch = self.epoch.or_else(|| epoch(at, clock?));
        if self.states().into_iter().any(|view| view.needed && (!view.listed || view.lost.is_some())) {
            self.tracks.iter_mut().for_each(|track| track.unheard = true);
            return Vec::new();
        }
        let mut lines = Vec::new();
        for (place, workload) in rules.workloads.iter().enumerate() {
            let sight = sight(rules, &self.views, workload);
            let mut track = std::mem::take(&mut self.tracks[place]);
            track.follow(rules, at, self.epoch, &sight);
            let told = match sight.asked {
                Fit::Differs(_) if sight.progress != Progress::Missing => {
                    format!("{} has not appeared; {}", rules.image.name(), sight.told())
                }
                _ => sight.told(),
            };
            if told != track.told {
                lines.push(format!("{workload}: {told}"));
                track.told = told;
            }
            self.tracks[place] = track;
        }
        lines
    }

    /// How the views are.
    #[must_use]
    pub fn states(&self) -> [ViewState<'_>; 9] {
        let views = &self.views;
        let Views { deployments, replica_sets, stateful_sets, daemon_sets, revisions, pods, .. } = views;
        [
            deployments.state(),
            stateful_sets.state(),
            daemon_sets.state(),
            views.rollouts.state(),
            views.applications.state(),
            views.kustomizations.state(),
            replica_sets.state(),
            revisions.state(),
            pods.state(),
        ]
    }

    /// A time that the cluster told, in milliseconds on our clock; negative before we started.
    #[must_use]
    pub fn millis(&self, time: Timestamp) -> i64 {
        self.epoch.map_or(0, |epoch| time.as_millisecond() - epoch.as_millisecond())
    }

    /// Our moment on the cluster's clock: RFC 3339.
    #[must_use]
    pub fn wall(&self, now: Moment) -> String {
        let at = self.epoch.and_then(|epoch| epoch.checked_add(SignedDuration::try_from(now).unwrap_or_default()).ok());
        at.map(rfc3339).unwrap_or_default()
    }
}

/// The server's clock at our moment zero.
fn epoch(at: Moment, clock: Timestamp) -> Option<Timestamp> {
    clock.checked_sub(SignedDuration::try_from(at).unwrap_or_default()).ok()
}

impl History {
    fn follow(&mut self, at: Moment, epoch: Option<Timestamp>, news: &News<Pod>) {
        match news {
            News::All { items, .. } => {
                let all: BTreeSet<&str> = items.iter().map(|pod| pod.metadata.uid.as_str()).collect();
                self.since.retain(|(uid, ..), _| all.contains(uid.as_str()));
                for pod in items {
                    self.note(at, epoch, pod);
                }
            }
            News::Now(pod) => self.note(at, epoch, pod),
            News::Gone(pod) => self.since.retain(|(uid, ..), _| *uid != pod.metadata.uid),
            News::Again | News::Lost(_) | News::Refused(_) => {}
        }
    }

    fn note(&mut self, at: Moment, epoch: Option<Timestamp>, pod: &Pod) {
        let uid = &pod.metadata.uid;
        let is_new = self.known.insert(uid.clone());
        let age = pod.metadata.creation_timestamp.zip(epoch).map(|(created, epoch)| epoch.duration_since(created));
        let is_old = age.is_some_and(|age| age > OLD);
        let mut now = BTreeSet::new();
        for status in pods::statuses(pod) {
            let key = (uid.clone(), status.name.clone());
            if is_new && (is_old || pods::is_ready(pod)) {
                self.restarts.insert(key.clone(), status.restart_count);
            }
            if let Some(started) = pods::first_start(status) {
                self.started.entry(key.clone()).or_insert(started);
            }
            let Some(waiting) = &status.state.waiting else { continue };
            if waiting.reason == "ErrImagePull" && !waiting.message.is_empty() {
                self.pulls.insert(key.clone(), waiting.message.clone());
            }
            // The two that take turns while a pull fails are one state.
            let reason = if waiting.reason == "ImagePullBackOff" { "ErrImagePull" } else { &waiting.reason };
            let state = (key.0, key.1, reason.to_owned());
            self.since.entry(state.clone()).or_insert(at);
            now.insert(state);
        }
        self.since.retain(|state, _| state.0 != *uid || now.contains(state));
    }
}
