//! What the gate saw of pods over time, which their current status no longer shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    pod_status::{BACK_OFF_RESET, container_statuses, first_start, is_ready, ready_changed_at},
    timeline::NodeTime,
};
use crate::{
    clock::Moment,
    world::cluster::{
        WatchUpdate,
        objects::{ContainerStatus, Pod},
    },
};

#[derive(Clone, Debug, Default)]
pub struct PodHistory {
    /// Restarts of a container that do not count, by pod and container: those of pods that were ready when first seen, or
    /// were old by then.
    earlier_restarts: BTreeMap<(String, String), i32>,
    /// Since when a container is waiting, by pod, container and reason.
    pub waiting_since: BTreeMap<(String, String, String), Moment>,
    /// What the registry said when a pull failed, by pod and container. The states that follow only say that the kubelet
    /// retries.
    pub pull_errors: BTreeMap<(String, String), String>,
    /// When a container first started, as far as the gate saw it, by pod and container.
    pub first_started: BTreeMap<(String, String), Timestamp>,
    /// Since when a container runs, by pod and container.
    running: BTreeMap<(String, String), NodeTime>,
    /// Since when a pod is ready, by its uid.
    ready: BTreeMap<String, NodeTime>,
    known: BTreeSet<String>,
    /// The pods that came after the first list.
    new: BTreeSet<String>,
    /// The pods have been listed at least once.
    listed: bool,
}

impl PodHistory {
    /// `epoch` is the cluster's clock when the gate began.
    pub fn record(&mut self, at: Moment, epoch: Option<Timestamp>, update: &WatchUpdate<Pod>) {
        match update {
            WatchUpdate::Listed { items, .. } => {
                let all: BTreeSet<&str> = items.iter().map(|pod| pod.metadata.uid.as_str()).collect();
                self.waiting_since.retain(|(uid, ..), _| all.contains(uid.as_str()));
                for pod in items {
                    self.record_pod(at, epoch, pod);
                }
                self.listed = true;
            }
            WatchUpdate::Applied(pod) => self.record_pod(at, epoch, pod),
            WatchUpdate::Deleted(pod) => self.waiting_since.retain(|(uid, ..), _| *uid != pod.metadata.uid),
            WatchUpdate::Relisting | WatchUpdate::Interrupted(_) | WatchUpdate::Refused(_) => {}
        }
    }

    fn record_pod(&mut self, at: Moment, epoch: Option<Timestamp>, pod: &Pod) {
        let uid = &pod.metadata.uid;
        let is_new = self.known.insert(uid.clone());
        if is_new && self.listed {
            self.new.insert(uid.clone());
        }
        let age = pod.metadata.creation_timestamp.zip(epoch).map(|(created, epoch)| epoch.duration_since(created));
        // The crashes of an old pod from before the gate began do not count.
        let is_old = age.is_some_and(|age| age > BACK_OFF_RESET);
        let since = |reported| NodeTime { reported, seen: at, before: !self.listed };
        let ready = is_ready(pod).then(|| since(ready_changed_at(pod)));
        set_since(&mut self.ready, uid.clone(), ready);
        let mut current = BTreeSet::new();
        for status in container_statuses(pod) {
            let key = (uid.clone(), status.name.clone());
            let running = status.state.running.as_ref().map(|running| since(running.started_at));
            set_since(&mut self.running, key.clone(), running);
            if is_new && (is_old || is_ready(pod)) {
                self.earlier_restarts.insert(key.clone(), status.restart_count);
            }
            if let Some(started) = first_start(status) {
                self.first_started.entry(key.clone()).or_insert(started);
            }
            let Some(waiting) = &status.state.waiting else { continue };
            if waiting.reason == "ErrImagePull" && !waiting.message.is_empty() {
                self.pull_errors.insert(key.clone(), waiting.message.clone());
            }
            let state = (key.0, key.1, waiting_reason(&waiting.reason).to_owned());
            self.waiting_since.entry(state.clone()).or_insert(at);
            current.insert(state);
        }
        self.waiting_since.retain(|state, _| state.0 != *uid || current.contains(state));
    }

    /// How often a container has restarted, without the restarts that do not count.
    pub fn new_restarts(&self, pod: &Pod, status: &ContainerStatus) -> i32 {
        let key = (pod.metadata.uid.clone(), status.name.clone());
        status.restart_count.saturating_sub(self.earlier_restarts.get(&key).copied().unwrap_or_default())
    }

    /// Whether a pod came after the first list.
    pub fn is_new(&self, uid: &str) -> bool {
        self.new.contains(uid)
    }

    /// Since when a container runs, in milliseconds on the gate's clock; `None`: it does not run.
    pub fn running_since(&self, epoch: Option<Timestamp>, uid: &str, container: &str) -> Option<i64> {
        self.running.get(&(uid.to_owned(), container.to_owned())).map(|since| since.gate_millis(epoch))
    }

    /// Since when a pod is ready, in milliseconds on the gate's clock; `None`: it is not.
    pub fn ready_since(&self, epoch: Option<Timestamp>, uid: &str) -> Option<i64> {
        self.ready.get(uid).map(|since| since.gate_millis(epoch))
    }

    /// Since when a container waits for this reason.
    pub fn waiting_since(&self, pod: &Pod, container: &str, reason: &str) -> Option<Moment> {
        let key = (pod.metadata.uid.clone(), container.to_owned(), waiting_reason(reason).to_owned());
        self.waiting_since.get(&key).copied()
    }
}

/// Records that a state holds, or that it does not (`None`). The same time reported again is the same state.
fn set_since<K: Ord>(all: &mut BTreeMap<K, NodeTime>, key: K, since: Option<NodeTime>) {
    match since {
        None => drop(all.remove(&key)),
        Some(since) if all.get(&key).is_some_and(|known| known.reported == since.reported) => {}
        Some(since) => drop(all.insert(key, since)),
    }
}

/// `ErrImagePull` and `ImagePullBackOff` alternate while pulls fail, and are one state.
fn waiting_reason(reason: &str) -> &str {
    if reason == "ImagePullBackOff" { "ErrImagePull" } else { reason }
}
