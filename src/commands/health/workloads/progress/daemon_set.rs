//! `DaemonSet`s.

use super::{Found, POD_REVISION, Progress, UNOBSERVED, on_delete, rolling};
use crate::{
    commands::health::workloads::{rules::Rules, views::Views},
    world::cluster::objects::{DaemonSet, Pod},
};

pub fn daemon_set<'a>(rules: &Rules, views: &'a Views, it: &'a DaemonSet) -> Found<'a> {
    let DaemonSet { metadata, spec, status } = it;
    let observed = status.observed_generation >= metadata.generation;
    let revisions = views.revisions.made_by(&metadata.uid);
    let newest = revisions.max_by_key(|one| one.revision).and_then(|one| one.metadata.labels.get(POD_REVISION));
    let all = views.pods.made_by(&metadata.uid).filter(|_| observed);
    let of_new = |pod: &&Pod| newest.is_some() && pod.metadata.labels.get(POD_REVISION) == newest;
    let pods = all.filter(of_new).collect();
    let (desired, updated) = (status.desired_number_scheduled, status.updated_number_scheduled);
    let counts = format!("{updated} of {desired} updated, {} available", status.number_available);
    let complete = updated >= desired && status.number_available >= desired;
    let progress = if !observed {
        rolling(UNOBSERVED)
    } else if desired == 0 {
        Progress::Empty("no node matches it".to_owned())
    } else if complete && newest.is_none() {
        rolling("its newest revision is not seen yet")
    } else if complete {
        Progress::Complete(counts)
    } else if spec.update_strategy.kind == "OnDelete" && updated < desired {
        on_delete(&counts)
    } else {
        rolling(counts)
    };
    Found::of_pods(progress, rules.image.in_template(&spec.template), pods, desired)
}
