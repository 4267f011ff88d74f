//! The rollout status of a Deployment.
//!
//! Source: Kubernetes v1.36, `pkg/controller/deployment/sync.go` (a rollback raises the number of the old ReplicaSet, writes
//! the status, and only then the number on the Deployment; scaling writes a status before the new ReplicaSet exists) and
//! `progress.go` (`ProgressDeadlineExceeded` stays until something moves, even when the revision has changed by then).

use super::status::{NO_REPLICAS, RolloutProgress, RolloutStatus, UNOBSERVED, paused, progressing, stuck};
use crate::{
    commands::health::workloads::{
        limits::WorkloadLimits, pod_status::has_ended, states::UnhealthyState, views::Views,
    },
    world::cluster::objects::{Condition, Container, Deployment, ObjectMeta, Pod, PodTemplate, ReplicaSet},
};

/// The controller writes the number of the newest revision on the Deployment and on its ReplicaSet.
const REVISION: &str = "deployment.kubernetes.io/revision";

pub fn status<'a>(limits: &WorkloadLimits, views: &'a Views, deployment: &'a Deployment) -> RolloutStatus<'a> {
    let Deployment { metadata, spec, status } = deployment;
    let revision = metadata.annotations.get(REVISION);
    let newest = newest_replica_set(views, metadata).filter(|set| set.metadata.annotations.get(REVISION) == revision);
    let observed = status.observed_generation >= metadata.generation;
    let pods = match newest {
        // With no pod updated, the new ReplicaSet does not exist yet, and this is the previous one.
        Some(set) if observed && status.updated_replicas > 0 => views.pods.owned_by(&set.metadata.uid).collect(),
        // Or all its pods have ended: those run the images of the new template.
        Some(set) if observed => {
            let of_template = |pod: &&Pod| has_ended(pod) && runs_images_of(&spec.template, pod);
            views.pods.owned_by(&set.metadata.uid).filter(of_template).collect()
        }
        _ => Vec::new(),
    };
    let progressing_condition = |reason: &str| {
        let matches = |one: &&Condition| one.kind == "Progressing" && one.reason == reason;
        status.conditions.iter().find(matches)
    };
    // Only the newest ReplicaSet counts: the Deployment's own condition may come from an older one.
    let mut failures = newest.into_iter().flat_map(|set| &set.status.conditions);
    let failure = failures.find(|one| one.kind == "ReplicaFailure" && one.status == "True");
    let (updated, available, all) = (status.updated_replicas, status.available_replicas, status.replicas);
    let counts = format!("{updated} of {} updated, {available} available", spec.replicas);
    // While a Deployment scales to zero, any number of pods would be enough.
    let complete = spec.replicas > 0 && updated >= spec.replicas && all <= updated && available >= updated;
    let progress = if let (false, Some(condition)) = (observed, progressing_condition("ReplicaSetCreateError")) {
        stuck(UnhealthyState::FailedCreate, condition, &counts)
    } else if !observed {
        progressing(UNOBSERVED)
    } else if spec.replicas == 0 && all == 0 {
        RolloutProgress::Empty(NO_REPLICAS.to_owned())
    } else if complete && newest.is_none() {
        progressing("its newest ReplicaSet is not seen yet")
    } else if complete {
        RolloutProgress::Complete(format!("{counts}, revision {}", revision.map(String::as_str).unwrap_or_default()))
    } else if let Some(condition) = progressing_condition("ProgressDeadlineExceeded") {
        stuck(UnhealthyState::GivenUp, condition, &counts)
    } else if spec.paused {
        paused(None, format!("it is paused: {counts}"))
    } else if let Some(condition) = failure {
        stuck(UnhealthyState::FailedCreate, condition, &counts)
    } else if all > updated {
        progressing(format!("{counts}, {} of the old revision left", all.saturating_sub(updated)))
    } else {
        progressing(counts)
    };
    RolloutStatus::from_pods(limits, progress, &spec.template, pods, spec.replicas)
}

fn runs_images_of(template: &PodTemplate, pod: &Pod) -> bool {
    let wanted = &template.spec.containers;
    let has =
        |container: &Container| wanted.iter().any(|one| one.name == container.name && one.image == container.image);
    !wanted.is_empty() && pod.spec.containers.iter().filter(|container| has(container)).count() == wanted.len()
}

/// The ReplicaSet with the highest revision number; none while two have it.
fn newest_replica_set<'a>(views: &'a Views, deployment: &ObjectMeta) -> Option<&'a ReplicaSet> {
    let number = |set: &ReplicaSet| set.metadata.annotations.get(REVISION).and_then(|text| text.parse::<u64>().ok());
    let own = || views.replica_sets.owned_by(&deployment.uid);
    let highest = own().filter_map(number).max()?;
    let mut found = own().filter(|set| number(set) == Some(highest));
    found.next().filter(|_| found.next().is_none())
}
