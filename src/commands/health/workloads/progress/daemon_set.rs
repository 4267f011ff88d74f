//! The rollout status of a `DaemonSet`.

use super::status::{
    POD_REVISION, RolloutProgress, RolloutStatus, UNOBSERVED, failed_create, progressing, waits_for_deletion,
};
use crate::{
    commands::health::workloads::{limits::WorkloadLimits, views::Views},
    world::cluster::objects::{DaemonSet, Pod},
};

pub fn status<'a>(limits: &WorkloadLimits, views: &'a Views, daemon_set: &'a DaemonSet) -> RolloutStatus<'a> {
    let DaemonSet { metadata, spec, status } = daemon_set;
    let observed = status.observed_generation >= metadata.generation;
    let revisions = views.revisions.owned_by(&metadata.uid);
    let newest = revisions.max_by_key(|one| one.revision).and_then(|one| one.metadata.labels.get(POD_REVISION));
    let all = views.pods.owned_by(&metadata.uid).filter(|_| observed);
    let is_new = |pod: &&Pod| newest.is_some() && pod.metadata.labels.get(POD_REVISION) == newest;
    let pods: Vec<&Pod> = all.filter(is_new).collect();
    let (desired, updated) = (status.desired_number_scheduled, status.updated_number_scheduled);
    let counts = format!("{updated} of {desired} updated, {} available", status.number_available);
    let complete = updated >= desired && status.number_available >= desired;
    // How many it wants is unknown until it is observed, which some versions do only after the pods are created.
    let wanted = if observed { desired } else { desired.max(1) };
    let failure = failed_create(views, metadata, &pods, wanted, &counts);
    let progress = if let (false, Some(failure)) = (observed, &failure) {
        failure.clone()
    } else if !observed {
        progressing(UNOBSERVED)
    } else if desired == 0 {
        RolloutProgress::Empty("no node matches it".to_owned())
    } else if complete && newest.is_none() {
        progressing("its newest revision is not seen yet")
    } else if complete {
        RolloutProgress::Complete(counts)
    } else if let Some(failure) = failure {
        failure
    } else if spec.update_strategy.kind == "OnDelete" && updated < desired {
        waits_for_deletion(&counts)
    } else {
        progressing(counts)
    };
    RolloutStatus::from_pods(limits, progress, &spec.template, pods, desired)
}
