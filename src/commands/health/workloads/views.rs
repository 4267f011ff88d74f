//! The current objects of each kind, and whether they are up to date.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{creation_failures::CreationFailures, image::RegistryAnswers};
use crate::{
    clock::Moment,
    finding::Finding,
    world::cluster::{
        WatchUpdate,
        objects::{
            Application, ControllerRevision, DaemonSet, Deployment, HelmRelease, Kustomization, Object, Pod,
            ReplicaSet, Rollout, StatefulSet,
        },
    },
};

/// The objects of one kind.
#[derive(Clone, Debug)]
pub struct View<T> {
    /// Whether a workload of the gate depends on this kind.
    pub needed: bool,
    /// By uid.
    pub items: BTreeMap<String, T>,
    /// The uids of the objects that a controller owns, by its uid: there may be hundreds of pods, and every update is judged.
    owned: BTreeMap<String, BTreeSet<String>>,
    /// The uids of the objects with a name: several while one is being deleted and its successor exists.
    named: BTreeMap<String, BTreeSet<String>>,
    /// A list is complete, and updates keep it current.
    pub listed: bool,
    /// Since when no update has come, and why.
    pub interrupted: Option<(Moment, String)>,
    pub refused: Option<Finding>,
}

impl<T> Default for View<T> {
    fn default() -> Self {
        Self {
            needed: false,
            items: BTreeMap::new(),
            owned: BTreeMap::new(),
            named: BTreeMap::new(),
            listed: false,
            interrupted: None,
            refused: None,
        }
    }
}

impl<T: Object> View<T> {
    /// Returns the server's clock if the update carries it.
    pub fn apply(&mut self, at: Moment, update: WatchUpdate<T>) -> Option<Timestamp> {
        let clock = update.clock();
        match update {
            WatchUpdate::Relisting => self.listed = false,
            WatchUpdate::Listed { items, .. } => {
                (self.items, self.owned, self.named) = Default::default();
                for item in items {
                    self.insert(item);
                }
                self.listed = true;
                self.interrupted = None;
            }
            WatchUpdate::Applied(item) => {
                self.insert(item);
                self.interrupted = None;
            }
            WatchUpdate::Deleted(item) => {
                self.remove(&item.meta().uid);
                self.interrupted = None;
            }
            // Several in a row count from the first.
            WatchUpdate::Interrupted(reason) => {
                let since = self.interrupted.take().map_or(at, |(since, _)| since);
                self.interrupted = Some((since, reason));
            }
            WatchUpdate::Refused(finding) => self.refused = Some(finding),
        }
        clock
    }

    fn insert(&mut self, item: T) {
        let uid = item.meta().uid.clone();
        // Its owner may have changed: controllers adopt and release objects.
        self.remove(&uid);
        if let Some(owner) = item.meta().controller_uid() {
            self.owned.entry(owner.to_owned()).or_default().insert(uid.clone());
        }
        self.named.entry(item.meta().name.clone()).or_default().insert(uid.clone());
        self.items.insert(uid, item);
    }

    fn remove(&mut self, uid: &str) {
        let Some(item) = self.items.remove(uid) else { return };
        if let Some(owner) = item.meta().controller_uid() {
            remove_from(&mut self.owned, owner, uid);
        }
        remove_from(&mut self.named, &item.meta().name, uid);
    }

    /// The objects that the controller with this uid owns.
    pub fn owned_by(&self, owner: &str) -> impl Iterator<Item = &T> {
        self.owned.get(owner).into_iter().flatten().filter_map(|uid| self.items.get(uid))
    }

    /// The object with this name, unless it is being deleted.
    pub fn find(&self, name: &str) -> Option<&T> {
        let mut named = self.named.get(name).into_iter().flatten().filter_map(|uid| self.items.get(uid));
        named.find(|item| item.meta().deletion_timestamp.is_none())
    }

    pub fn state(&self) -> ViewState<'_> {
        ViewState {
            resource: T::RESOURCE,
            needed: self.needed,
            listed: self.listed,
            interrupted: self.interrupted.as_ref(),
            refused: self.refused.as_ref(),
        }
    }
}

/// Removes a uid, and the entry of its key if no other is left there.
fn remove_from(index: &mut BTreeMap<String, BTreeSet<String>>, key: &str, uid: &str) {
    if let Some(uids) = index.get_mut(key) {
        uids.remove(uid);
        if uids.is_empty() {
            index.remove(key);
        }
    }
}

/// Whether a view is up to date, for any kind.
#[derive(Clone, Copy, Debug)]
pub struct ViewState<'a> {
    pub resource: &'static str,
    pub needed: bool,
    pub listed: bool,
    pub interrupted: Option<&'a (Moment, String)>,
    pub refused: Option<&'a Finding>,
}

impl ViewState<'_> {
    /// Whether the gate needs the view and it is not up to date: nothing may be decided by what it shows.
    #[must_use]
    pub const fn is_outdated(&self) -> bool {
        self.needed && (!self.listed || self.interrupted.is_some())
    }
}

/// The views of every kind.
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
    pub helm_releases: View<HelmRelease>,
    pub pods: View<Pod>,
    /// Of workloads of the kinds StatefulSet and DaemonSet.
    pub creation_failures: CreationFailures,
    /// What the registry has said about digests.
    pub registry_answers: RegistryAnswers,
}

impl Views {
    /// Which objects of the workloads are listed has changed: those that are known are not all.
    pub const fn expect_owned_objects(&mut self) {
        self.replica_sets.listed = false;
        self.revisions.listed = false;
        self.pods.listed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_the_object_that_is_not_being_deleted() {
        let pod = |uid: &str, name: &str, deleted: bool| {
            let at = deleted.then_some("2026-01-01T00:00:00Z");
            let metadata = serde_json::json!({ "uid": uid, "name": name, "deletionTimestamp": at });
            serde_json::from_value::<Pod>(serde_json::json!({ "metadata": metadata })).unwrap()
        };
        let mut view = View::default();
        for (update, expected) in [
            (WatchUpdate::Listed { items: vec![pod("1", "a", false), pod("2", "b", false)], at: None }, Some("1")),
            (WatchUpdate::Applied(pod("1", "a", true)), None),
            (WatchUpdate::Applied(pod("0", "a", false)), Some("0")),
            (WatchUpdate::Deleted(pod("1", "a", true)), Some("0")),
            (WatchUpdate::Deleted(pod("0", "a", false)), None),
            (WatchUpdate::Applied(pod("3", "a", false)), Some("3")),
            (WatchUpdate::Listed { items: vec![pod("2", "b", false)], at: None }, None),
        ] {
            view.apply(Moment::ZERO, update);
            assert_eq!(view.find("a").map(|pod| pod.metadata.uid.as_str()), expected);
            assert_eq!(view.find("b").map(|pod| pod.metadata.uid.as_str()), Some("2"));
        }
    }

    #[test]
    fn ownership_follows_every_update() {
        let pod = |uid: &str, owner: &str| {
            let owners = serde_json::json!([{ "uid": "other" }, { "uid": owner, "controller": true }]);
            serde_json::from_value::<Pod>(serde_json::json!({ "metadata": { "uid": uid, "ownerReferences": owners } }))
                .unwrap()
        };
        let all = |items: &[(&str, &str)]| WatchUpdate::Listed {
            items: items.iter().map(|(uid, owner)| pod(uid, owner)).collect(),
            at: None,
        };
        let mut view = View::default();
        for (update, of_a, of_b) in [
            (all(&[("1", "a"), ("2", "b")]), vec!["1"], vec!["2"]),
            (WatchUpdate::Applied(pod("3", "a")), vec!["1", "3"], vec!["2"]),
            // Another controller adopts it.
            (WatchUpdate::Applied(pod("1", "b")), vec!["3"], vec!["1", "2"]),
            (WatchUpdate::Deleted(pod("3", "a")), vec![], vec!["1", "2"]),
            (WatchUpdate::Deleted(pod("4", "b")), vec![], vec!["1", "2"]),
            (WatchUpdate::Interrupted("frozen".to_owned()), vec![], vec!["1", "2"]),
            (all(&[("2", "a")]), vec!["2"], vec![]),
        ] {
            view.apply(Moment::ZERO, update);
            let uids = |owner: &str| view.owned_by(owner).map(|pod| pod.metadata.uid.as_str()).collect::<Vec<_>>();
            assert_eq!((uids("a"), uids("b"), uids("other")), (of_a, of_b, vec![]));
        }
    }
}
