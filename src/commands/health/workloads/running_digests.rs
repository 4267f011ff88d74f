//! The digest of the release that ran, for the jobs that follow.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    image::ContainerDigests, limits::WorkloadLimits, observations::WorkloadObservations, snapshot::WorkloadSnapshot,
};
use crate::report::Output;

pub const DIGEST: Output = Output {
    name: "digest",
    help: "Digest of the image under promotion that the pods run; empty if it is unknown, or the pods do not agree",
};
pub const PLATFORM_DIGEST: Output = Output {
    name: "platform-digest",
    help: "Digest that the runtime reports if that is another one than `digest`, such as that of the platform; else empty",
};

/// The values of both outputs, as the pods reported them last.
#[must_use]
pub fn outputs(limits: &WorkloadLimits, observations: &WorkloadObservations) -> BTreeMap<&'static str, String> {
    let containers = containers_of_release(limits, observations).unwrap_or_default();
    let digest = agreed(containers.iter().map(|one| one.image.as_ref().or(one.reported.as_ref())));
    let reported = agreed(containers.iter().map(|one| one.reported.as_ref()));
    let platform = reported.filter(|reported| digest.is_some_and(|digest| digest != *reported));
    [(DIGEST, digest), (PLATFORM_DIGEST, platform)]
        .map(|(output, value)| (output.name, value.cloned().unwrap_or_default()))
        .into()
}

/// `None` if a pod has no container of the release, or nothing shows which one is.
fn containers_of_release(
    limits: &WorkloadLimits,
    observations: &WorkloadObservations,
) -> Option<Vec<ContainerDigests>> {
    let image = &limits.image;
    let is_known = observations.outage.is_none() && (image.names_version() || image.image.is_some());
    let mut all = Vec::new();
    for workload in limits.workloads.iter().filter(|workload| is_known && workload.kind.has_pods()) {
        let snapshot = WorkloadSnapshot::take(limits, &observations.views, workload);
        for pod in &snapshot.pods {
            let containers = image.digests(snapshot.template, pod, snapshot.registry_answers);
            if containers.is_empty() {
                return None;
            }
            all.extend(containers);
        }
    }
    Some(all)
}

/// The value that all have.
fn agreed<'a>(values: impl Iterator<Item = Option<&'a String>>) -> Option<&'a String> {
    let mut distinct: BTreeSet<Option<&String>> = values.collect();
    distinct.pop_first().flatten().filter(|_| distinct.is_empty())
}
