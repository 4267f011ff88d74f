//! `StatefulSet`s.

use super::{Found, NO_REPLICAS, POD_REVISION, Progress, UNOBSERVED, on_delete, rolling};
use crate::{
    gates::health::rollout::{rules::Rules, seen::Views},
    world::cluster::objects::{Pod, StatefulSet},
};

pub fn stateful_set<'a>(rules: &Rules, views: &'a Views, it: &'a StatefulSet) -> Found<'a> {
    let StatefulSet { metadata, spec, status } = it;
    let observed = status.observed_generation >= metadata.generation;
    let all = views.pods.made_by(&metadata.uid).filter(|_| observed);
    let of_new = |pod: &&Pod| pod.metadata.labels.get(POD_REVISION) == Some(&status.update_revision);
    let pods = all.filter(of_new).collect();
    let partition = spec.update_strategy.rolling_update.partition.clamp(0, spec.replicas.max(0));
    let wanted = spec.replicas - partition;
    let updated = status.updated_replicas;
    let available = status.available_replicas.unwrap_or(status.ready_replicas);
    let mut counts = format!("{updated} of {wanted} updated, {available} of {} available", spec.replicas);
    if partition > 0 {
        counts.push_str(&format!(", {partition} kept back by `partition`"));
    }
    let same = partition > 0 || status.current_revision == status.update_revision;
    let well = status.ready_replicas >= spec.replicas && available >= spec.replicas && status.replicas == spec.replicas;
    let progress = if !observed {
        rolling(UNOBSERVED)
    } else if spec.replicas == 0 && status.replicas == 0 {
        Progress::Empty(NO_REPLICAS.to_owned())
    } else if updated >= wanted && well && same {
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
