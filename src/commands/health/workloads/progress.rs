//! How far the rollout of a workload is, by its kind. The model is `kubectl rollout status`, made stricter: revisions are
//! compared, no pod of the old one may be left, and a workload that runs no pod is not healthy. Argo and Flux objects are
//! read as their own controllers and tools read them.

mod application;
mod daemon_set;
mod deployment;
mod flux;
mod helm_release;
mod kustomization;
mod rollout;
mod stateful_set;
mod status;

use super::{
    limits::WorkloadLimits,
    views::Views,
    workload::{Workload, WorkloadKind},
};

pub use status::{RolloutProgress, RolloutStatus};

/// The rollout status of a workload, from the objects in the cluster.
#[must_use]
pub fn rollout_status<'a>(limits: &WorkloadLimits, views: &'a Views, workload: &Workload) -> RolloutStatus<'a> {
    let name = &workload.name;
    let status = match workload.kind {
        WorkloadKind::Deployment => views.deployments.find(name).map(|it| deployment::status(limits, views, it)),
        WorkloadKind::StatefulSet => views.stateful_sets.find(name).map(|it| stateful_set::status(limits, views, it)),
        WorkloadKind::DaemonSet => views.daemon_sets.find(name).map(|it| daemon_set::status(limits, views, it)),
        WorkloadKind::Rollout => views.rollouts.find(name).map(|it| rollout::status(limits, views, it)),
        WorkloadKind::Application => views.applications.find(name).map(|it| application::status(limits, it)),
        WorkloadKind::Kustomization => views.kustomizations.find(name).map(|it| kustomization::status(limits, it)),
        WorkloadKind::HelmRelease => views.helm_releases.find(name).map(|it| helm_release::status(limits, it)),
    };
    status.unwrap_or_else(RolloutStatus::missing)
}
