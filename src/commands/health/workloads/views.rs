//! The objects of each kind as they are now, and whether they are heard of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    clock::Moment,
    finding::Finding,
    world::cluster::{
        News,
        objects::{
            Application, ControllerRevision, DaemonSet, Deployment, Kustomization, Object, Pod, ReplicaSet, Rollout,
            StatefulSet,
        },
    },
};

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
    pub refused: Option<Finding>,
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
    pub fn take(&mut self, at: Moment, news: News<T>) -> Option<Timestamp> {
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
            News::Refused(finding) => self.refused = Some(finding),
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

    pub fn state(&self) -> ViewState<'_> {
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
    pub refused: Option<&'a Finding>,
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
