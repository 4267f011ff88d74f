//! Deployments.
//!
//! Source: Kubernetes v1.36, `pkg/controller/deployment/sync.go` (a rollback raises the number of the old ReplicaSet, writes
//! the status, and only then the number on the Deployment; scaling writes a status before there is a new ReplicaSet) and
//! `progress.go` (`ProgressDeadlineExceeded` stays until something moves, also when the revision is another one by then).

use super::{Found, NO_REPLICAS, Progress, UNOBSERVED, rolling, stuck};
use crate::{
    commands::health::workloads::{
        rules::{Rules, State},
        views::Views,
    },
    world::cluster::objects::{Condition, Deployment, Meta, ReplicaSet},
};

/// The controller writes the number of the newest revision on the Deployment and on its ReplicaSet.
const REVISION: &str = "deployment.kubernetes.io/revision";

pub fn deployment<'a>(rules: &Rules, views: &'a Views, it: &'a Deployment) -> Found<'a> {
    let Deployment { metadata, spec, status } = it;
    let revision = metadata.annotations.get(REVISION);
    let newest = newest(views, metadata).filter(|set| set.metadata.annotations.get(REVISION) == revision);
    let observed = status.observed_generation >= metadata.generation;
    let pods = match newest {
        // With none of them updated, the new ReplicaSet is not made yet, and this is the one before.
        Some(set) if observed && status.updated_replicas > 0 => views.pods.made_by(&set.metadata.uid).collect(),
        _ => Vec::new(),
    };
    let progressing = |reason: &str| {
        let of_reason = |one: &&Condition| one.kind == "Progressing" && one.reason == reason;
        status.conditions.iter().find(of_reason)
    };
    // Of the newest ReplicaSet alone: the Deployment's own condition may be an older one's.
    let mut failures = newest.into_iter().flat_map(|set| &set.status.conditions);
    let failure = failures.find(|one| one.kind == "ReplicaFailure" && one.status == "True");
    let (updated, available, all) = (status.updated_replicas, status.available_replicas, status.replicas);
    let counts = format!("{updated} of {} updated, {available} available", spec.replicas);
    // On its way to no pod at all, what is left would be enough.
    let complete = spec.replicas > 0 && updated >= spec.replicas && all <= updated && available >= updated;
    let progress = if let (false, Some(condition)) = (observed, progressing("ReplicaSetCreateError")) {
        stuck(State::FailedCreate, condition, &counts)
    } else if !observed {
        rolling(UNOBSERVED)
    } else if spec.replicas == 0 && all == 0 {
        Progress::Empty(NO_REPLICAS.to_owned())
    } else if complete && newest.is_none() {
        rolling("its newest ReplicaSet is not seen yet")
    } else if complete {
        Progress::Complete(format!("{counts}, revision {}", revision.map(String::as_str).unwrap_or_default()))
    } else if let Some(condition) = progressing("ProgressDeadlineExceeded") {
        stuck(State::GivenUp, condition, &counts)
    } else if spec.paused {
        Progress::Stuck { state: State::Paused, since: None, why: format!("it is paused: {counts}") }
    } else if let Some(condition) = failure {
        stuck(State::FailedCreate, condition, &counts)
    } else if all > updated {
        rolling(format!("{counts}, {} of the old revision left", all.saturating_sub(updated)))
    } else {
        rolling(counts)
    };
    Found::of_pods(progress, rules.image.in_template(&spec.template), pods, spec.replicas)
}

/// The ReplicaSet with the highest number; none while two have it.
fn newest<'a>(views: &'a Views, of: &Meta) -> Option<&'a ReplicaSet> {
    let number = |set: &ReplicaSet| set.metadata.annotations.get(REVISION).and_then(|text| text.parse::<u64>().ok());
    let own = || views.replica_sets.made_by(&of.uid);
    let highest = own().filter_map(number).max()?;
    let mut found = own().filter(|set| number(set) == Some(highest));
    found.next().filter(|_| found.next().is_none())
}
