//! `StatefulSet`s.

use super::{Found, NO_REPLICAS, POD_REVISION, Progress, UNOBSERVED, on_delete, rolling};
use crate::{
    commands::health::workloads::{pods::is_ready, rules::Rules, views::Views},
    world::cluster::objects::{Pod, StatefulSet},
};

pub fn stateful_set<'a>(rules: &Rules, views: &'a Views, it: &'a StatefulSet) -> Found<'a> {
    let StatefulSet { metadata, spec, status } = it;
    let observed = status.observed_generation >= metadata.generation;
    let all = views.pods.made_by(&metadata.uid).filter(|_| observed);
    let of_new = |pod: &&Pod| pod.metadata.labels.get(POD_REVISION) == Some(&status.update_revision);
    // In order, nothing is replaced before every pod is ready: a broken one of the old revision holds up its own cure.
    // Source: Kubernetes' documentation, "StatefulSets", forced rollback.
    let all: Vec<&Pod> = all.collect();
    let ordered = spec.pod_management_policy != "Parallel";
    let broken = all.iter().filter(|pod| ordered && !of_new(pod) && !is_ready(pod));
    let broken = broken.map(|pod| pod.metadata.name.clone()).min();
    let pods = all.into_iter().filter(of_new).collect();
    let partition = spec.update_strategy.rolling_update.partition.clamp(0, spec.replicas.max(0));
    let wanted = spec.replicas - partition;
    let updated = status.updated_replicas;
    let available = status.available_replicas.unwrap_or(status.ready_replicas);
    let mut counts = format!("{updated} of {wanted} updated, {available} of {} available", spec.replicas);
    if partition > 0 {
        counts.push_str(&format!(", {partition} kept back by `partition`"));
    }
    if let Some(broken) = broken {
        counts
            .push_str(&format!("; pod {broken} of the old revision is not ready, and holds it up until it is deleted"));
    }
    let same = status.current_revision == status.update_revision;
    // Its controller calls a revision the current one only when all pods are replaced, and not by hand. Source: Kubernetes
    // v1.36, `pkg/controller/statefulset/stateful_set_utils.go`, `completeRollingUpdate`.
    let settled = same || partition > 0 || spec.update_strategy.kind == "OnDelete";
    let well = status.ready_replicas >= spec.replicas && available >= spec.replicas && status.replicas == spec.replicas;
    let progress = if !observed {
        rolling(UNOBSERVED)
    } else if spec.replicas == 0 && status.replicas == 0 {
        Progress::Empty(NO_REPLICAS.to_owned())
    } else if partition > 0 && wanted == 0 && !same {
        Progress::Empty(format!("no pod is to run the new revision: `partition: {partition}`"))
    } else if updated >= wanted && well && settled {
        Progress::Complete(format!("{counts}, revision {}", status.update_revision))
    } else if spec.update_strategy.kind == "OnDelete" && updated < wanted {
        on_delete(&counts)
    } else if updated >= wanted && well {
        rolling(format!("{counts}, the new revision is not the current one yet"))
    } else {
        rolling(counts)
    };
    Found::of_pods(progress, rules.image.in_template(&spec.template), pods, wanted)
}
