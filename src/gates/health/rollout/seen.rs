//! What is known of the cluster: the objects of each kind as they are now, whether they are heard of, and what was seen
//! before that an object does not tell by itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    image::Fit,
    pods,
    progress::{Progress, sight},
    rules::Rules,
    track::Track,
    workload::{Kind, Workload},
};
use crate::{
    verdict::Complaint,
    world::{
        clock::{Moment, rfc3339},
        cluster::{
            News,
            objects::{
                Application, ControllerRevision, DaemonSet, Deployment, Kustomization, Object, Pod, ReplicaSet,
                Rollout, StatefulSet,
            },
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

/// Whether it says that nothing more will be heard.
#[must_use]
pub const fn is_refusal(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Deployments(News::Refused(_))
            | Fact::ReplicaSets(News::Refused(_))
            | Fact::StatefulSets(News::Refused(_))
            | Fact::DaemonSets(News::Refused(_))
            | Fact::Revisions(News::Refused(_))
            | Fact::Rollouts(News::Refused(_))
            | Fact::Applications(News::Refused(_))
            | Fact::Kustomizations(News::Refused(_))
            | Fact::Pods(News::Refused(_))
    )
}

/// The objects of a kind.
#[derive(Clone, Debug)]
pub struct View<T> {
    /// Somebody asks for this kind.
    pub needed: bool,
    /// By their uid.
    pub items: BTreeMap<String, T>,
    /// The uids of those that a controller has made, by its own: there are hundreds of pods, and each change is judged.
    made_by: BTreeMap<String, BTreeSet<String>>,
    /// All of them were listed, and every change since then is told.
    pub listed: bool,
    /// Nothing is heard since then, and why.
    pub lost: Option<(Moment, String)>,
    pub refused: Option<Complaint>,
}

impl<T> Default for View<T> {
    fn default() -> Self {
        Self {
            needed: false,
            items: BTreeMap::new(),
            made_by: BTreeMap::new(),
            listed: false,
            lost: None,
            refused: None,
        }
    }
}

impl<T: Object> View<T> {
    /// Gives the server's clock, when it was told.
    fn take(&mut self, at: Moment, news: News<T>) -> Option<Timestamp> {
        let clock = news.clock();
        match news {
            News::Again => self.listed = false,
            News::All { items, .. } => {
                (self.items, self.made_by) = Default::default();
                for item in items {
                    self.put(item);
                }
                self.listed = true;
                self.lost = None;
            }
            News::Now(item) => {
                self.put(item);
                self.lost = None;
            }
            News::Gone(item) => {
                self.remove(&item.meta().uid);
                self.lost = None;
            }
            // Since the first of several.
            News::Lost(why) => {
                let since = self.lost.take().map_or(at, |(since, _)| since);
                self.lost = Some((since, why));
            }
            News::Refused(complaint) => self.refused = Some(complaint),
        }
        clock
    }

    fn put(&mut self, item: T) {
        let uid = item.meta().uid.clone();
        // It may have been another's: controllers adopt and release.
        self.remove(&uid);
        if let Some(owner) = item.meta().controller() {
            self.made_by.entry(owner.to_owned()).or_default().insert(uid.clone());
        }
        self.items.insert(uid, item);
    }

    fn remove(&mut self, uid: &str) {
        let Some(item) = self.items.remove(uid) else { return };
        let Some(owner) = item.meta().controller() else { return };
        if let Some(all) = self.made_by.get_mut(owner) {
            all.remove(uid);
            if all.is_empty() {
                self.made_by.remove(owner);
            }
        }
    }

    /// Those that a controller has made, by its uid.
    pub fn made_by(&self, owner: &str) -> impl Iterator<Item = &T> {
        self.made_by.get(owner).into_iter().flatten().filter_map(|uid| self.items.get(uid))
    }

    /// The one with this name that is not about to go.
    pub fn named(&self, name: &str) -> Option<&T> {
        self.items.values().find(|item| item.meta().name == name && item.meta().deletion_timestamp.is_none())
    }

    fn state(&self) -> ViewState<'_> {
        ViewState {
            resource: T::RESOURCE,
            needed: self.needed,
            listed: self.listed,
            lost: self.lost.as_ref(),
            refused: self.refused.as_ref(),
        }
    }
}

/// How a view is, whatever it holds.
#[derive(Clone, Copy, Debug)]
pub struct ViewState<'a> {
    pub resource: &'static str,
    pub needed: bool,
    pub listed: bool,
    pub lost: Option<&'a (Moment, String)>,
    pub refused: Option<&'a Complaint>,
}

/// Every kind.
#[derive(Clone, Debug, Default)]
pub struct Views {
    pub deployments: View<Deployment>,
    pub replica_sets: View<ReplicaSet>,
    pub stateful_sets: View<StatefulSet>,
    pub daemon_sets: View<DaemonSet>,
    pub revisions: View<ControllerRevision>,
    pub rollouts: View<Rollout>,
    pub applications: View<Application>,
    pub kustomizations: View<Kustomization>,
    pub pods: View<Pod>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_made_what_follows_every_change() {
        let pod = |uid: &str, owner: &str| {
            let owners = serde_json::json!([{ "uid": "other" }, { "uid": owner, "controller": true }]);
            serde_json::from_value::<Pod>(serde_json::json!({ "metadata": { "uid": uid, "ownerReferences": owners } }))
                .unwrap()
        };
        let all = |items: &[(&str, &str)]| News::All {
            items: items.iter().map(|(uid, owner)| pod(uid, owner)).collect(),
            at: None,
        };
        let mut view = View::default();
        for (news, of_a, of_b) in [
            (all(&[("1", "a"), ("2", "b")]), vec!["1"], vec!["2"]),
            (News::Now(pod("3", "a")), vec!["1", "3"], vec!["2"]),
            // Adopted by another.
            (News::Now(pod("1", "b")), vec!["3"], vec!["1", "2"]),
            (News::Gone(pod("3", "a")), vec![], vec!["1", "2"]),
            (News::Gone(pod("4", "b")), vec![], vec!["1", "2"]),
            (News::Lost("frozen".to_owned()), vec![], vec!["1", "2"]),
            (all(&[("2", "a")]), vec!["2"], vec![]),
        ] {
            view.take(Moment::ZERO, news);
            let uids = |owner: &str| view.made_by(owner).map(|pod| pod.metadata.uid.as_str()).collect::<Vec<_>>();
            assert_eq!((uids("a"), uids("b"), uids("other")), (of_a, of_b, vec![]));
        }
    }
}
