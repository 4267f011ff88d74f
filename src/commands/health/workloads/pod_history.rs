//! What the gate saw of pods over time, which their current status no longer shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::pod_status::{container_statuses, first_start, is_ready};
use crate::{
    clock::Moment,
    world::cluster::{WatchUpdate, objects::Pod},
};

/// The crashes of a pod that is older than this when the gate begins do not count: the kubelet resets its crash back-off
/// after the same time.
const OLD: SignedDuration = SignedDuration::from_mins(10);

#[derive(Clone, Debug, Default)]
pub struct PodHistory {
    /// Restarts of a container that do not count, by pod and container: those of pods that were ready when first seen, or
    /// were old by then.
    pub earlier_restarts: BTreeMap<(String, String), i32>,
    /// Since when a container is waiting, by pod, container and reason.
    pub waiting_since: BTreeMap<(String, String, String), Moment>,
    /// What the registry said when a pull failed, by pod and container. The states that follow only say that the kubelet
    /// retries.
    pub pull_errors: BTreeMap<(String, String), String>,
    /// When a container first started, as far as the gate saw it, by pod and container.
    pub first_started: BTreeMap<(String, String), Timestamp>,
    known: BTreeSet<String>,
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
            }
            WatchUpdate::Applied(pod) => self.record_pod(at, epoch, pod),
            WatchUpdate::Deleted(pod) => self.waiting_since.retain(|(uid, ..), _| *uid != pod.metadata.uid),
            WatchUpdate::Relisting | WatchUpdate::Interrupted(_) | WatchUpdate::Refused(_) => {}
        }
    }

    fn record_pod(&mut self, at: Moment, epoch: Option<Timestamp>, pod: &Pod) {
        let uid = &pod.metadata.uid;
        let is_new = self.known.insert(uid.clone());
        let age = pod.metadata.creation_timestamp.zip(epoch).map(|(created, epoch)| epoch.duration_since(created));
        let is_old = age.is_some_and(|age| age > OLD);
        let mut current = BTreeSet::new();
        for status in container_statuses(pod) {
            let key = (uid.clone(), status.name.clone());
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

    /// Since when a container waits for this reason.
    pub fn waiting_since(&self, pod: &Pod, container: &str, reason: &str) -> Option<Moment> {
        let key = (pod.metadata.uid.clone(), container.to_owned(), waiting_reason(reason).to_owned());
        self.waiting_since.get(&key).copied()
    }
}

/// `ErrImagePull` and `ImagePullBackOff` alternate while pulls fail, and are one state.
fn waiting_reason(reason: &str) -> &str {
    if reason == "ImagePullBackOff" { "ErrImagePull" } else { reason }
}
