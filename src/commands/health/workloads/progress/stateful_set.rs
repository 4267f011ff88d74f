//! The rollout status of a `StatefulSet`.

use super::status::{
    NO_REPLICAS, POD_REVISION, RolloutProgress, RolloutStatus, UNOBSERVED, failed_create, progressing,
    waits_for_deletion,
};
use crate::{
    commands::health::workloads::{limits::WorkloadLimits, pod_status::is_ready, views::Views},
    world::cluster::objects::{Pod, StatefulSet},
};

pub fn status<'a>(limits: &WorkloadLimits, views: &'a Views, stateful_set: &'a StatefulSet) -> RolloutStatus<'a> {
    let StatefulSet { metadata, spec, status } = stateful_set;
    let observed = status.observed_generation >= metadata.generation;
    let all: Vec<&Pod> = views.pods.owned_by(&metadata.uid).filter(|_| observed).collect();
    let is_new = |pod: &&Pod| pod.metadata.labels.get(POD_REVISION) == Some(&status.update_revision);
    // An ordered set replaces no pod until every pod is ready: a broken pod of the old revision blocks its own replacement.
    // Source: Kubernetes' documentation, "StatefulSets", forced rollback.
    let ordered = spec.pod_management_policy != "Parallel";
    let broken = all.iter().filter(|pod| ordered && !is_new(pod) && !is_ready(pod));
    let broken = broken.map(|pod| pod.metadata.name.clone()).min();
    let pods: Vec<&Pod> = all.into_iter().filter(is_new).collect();
    let partition = spec.update_strategy.rolling_update.partition.clamp(0, spec.replicas.max(0));
    let desired = spec.replicas - partition;
    let updated = status.updated_replicas;
    let available = status.available_replicas.unwrap_or(status.ready_replicas);
    let mut counts = format!("{updated} of {desired} updated, {available} of {} available", spec.replicas);
    if partition > 0 {
        counts.push_str(&format!(", {partition} kept back by `partition`"));
    }
    if let Some(broken) = broken {
        counts
            .push_str(&format!("; pod {broken} of the old revision is not ready, and holds it up until it is deleted"));
    }
    let same_revision = status.current_revision == status.update_revision;
    // The controller makes a revision the current one only after it has replaced all pods itself. Source: Kubernetes v1.36,
    // `pkg/controller/statefulset/stateful_set_utils.go`, `completeRollingUpdate`.
    let revision_is_current = same_revision || partition > 0 || spec.update_strategy.kind == "OnDelete";
    let all_available =
        status.ready_replicas >= spec.replicas && available >= spec.replicas && status.replicas == spec.replicas;
    let failure = failed_create(views, metadata, &pods, desired, &counts);
    let progress = if let (false, Some(failure)) = (observed, &failure) {
        // Some versions write no status after a failure.
        failure.clone()
    } else if !observed {
        progressing(UNOBSERVED)
    } else if spec.replicas == 0 && status.replicas == 0 {
        RolloutProgress::Empty(NO_REPLICAS.to_owned())
    } else if partition > 0 && desired == 0 && !same_revision {
        RolloutProgress::Empty(format!("no pod is to run the new revision: `partition: {partition}`"))
    } else if updated >= desired && all_available && revision_is_current {
        RolloutProgress::Complete(format!("{counts}, revision {}", status.update_revision))
    } else if let Some(failure) = failure {
        failure
    } else if spec.update_strategy.kind == "OnDelete" && updated < desired {
        waits_for_deletion(&counts)
    } else if updated >= desired && all_available {
        progressing(format!("{counts}, the new revision is not the current one yet"))
    } else {
        progressing(counts)
    };
    RolloutStatus::from_pods(limits, progress, &spec.template, pods, desired)
}
