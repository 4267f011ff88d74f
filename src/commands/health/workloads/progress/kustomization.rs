//! The rollout status of a Flux Kustomization.
//!
//! Sources: kustomize-controller v1.9, `internal/controller/kustomization_controller.go` (which reason ends which step; that
//! every failure but a stalled one is retried; when the generation and the revisions are written).

use super::{
    flux::{current_condition, describe_stalled, held_back},
    status::{RolloutProgress, RolloutStatus, UNOBSERVED, join_reason},
};
use crate::{
    commands::health::workloads::{
        image::ImageMatch, limits::WorkloadLimits, states::UnhealthyState, workload::WorkloadKind,
    },
    world::cluster::objects::{Condition, Kustomization},
};

pub fn status<'a>(limits: &WorkloadLimits, kustomization: &Kustomization) -> RolloutStatus<'a> {
    // A Kustomization reports no image. The command refuses input in which no other workload reports it.
    let revision = kustomization.status.last_attempted_revision.clone();
    RolloutStatus::from_controller(progress(limits, kustomization), ImageMatch::Matches, revision)
}

fn progress(limits: &WorkloadLimits, kustomization: &Kustomization) -> RolloutProgress {
    let Kustomization { metadata, spec, status } = kustomization;
    let condition = |kind: &str| current_condition(metadata, &status.conditions, kind);
    let with_status = |kind: &str, value: &str| condition(kind).filter(|condition| condition.status == value);
    if let Some(progress) = held_back(spec.suspend, metadata, &status.last_handled_reconcile_at) {
        return progress;
    }
    if let Some(stalled) = with_status("Stalled", "True") {
        let reason = describe_stalled(stalled);
        return RolloutProgress::Failed { reason, since: stalled.last_transition_time };
    }
    let Some(ready) = condition("Ready") else { return RolloutProgress::Reconciling(UNOBSERVED.to_owned()) };
    let reconciling = with_status("Reconciling", "True");
    match ready.status.as_str() {
        "False" => failing(ready),
        "True" if reconciling.is_none() => ready_progress(limits, kustomization, with_status("Healthy", "False")),
        _ => {
            let latest = reconciling.unwrap_or(ready);
            RolloutProgress::Reconciling(join_reason(&latest.reason, &latest.message))
        }
    }
}

/// The controller retries every failure. A reason that names another object to wait for is not a failure of this one.
fn failing(ready: &Condition) -> RolloutProgress {
    let reason = join_reason(&ready.reason, &ready.message);
    match ready.reason.as_str() {
        "DependencyNotReady" | "ArtifactFailed" | "HealthCheckCanceled" | "Progressing" | "ProgressingWithRetry" => {
            RolloutProgress::Reconciling(reason)
        }
        // It has already waited for its own `timeout`.
        "HealthCheckFailed" => RolloutProgress::Failed { reason, since: ready.last_transition_time },
        _ => RolloutProgress::Stuck { state: UnhealthyState::Degraded, since: ready.last_transition_time, reason },
    }
}

fn ready_progress(
    limits: &WorkloadLimits,
    kustomization: &Kustomization,
    unhealthy: Option<&Condition>,
) -> RolloutProgress {
    let Kustomization { metadata, spec, status } = kustomization;
    let (applied, attempted) = (&status.last_applied_revision, &status.last_attempted_revision);
    if status.observed_generation != metadata.generation {
        return RolloutProgress::Reconciling(UNOBSERVED.to_owned());
    }
    if applied.is_empty() || applied != attempted {
        let applied = if applied.is_empty() { "nothing" } else { applied };
        return RolloutProgress::Progressing(format!("{attempted} was tried, and {applied} is applied"));
    }
    if let Some(unhealthy) = unhealthy {
        let reason = join_reason(&unhealthy.reason, &unhealthy.message);
        let since = unhealthy.last_transition_time;
        return RolloutProgress::Stuck { state: UnhealthyState::Degraded, since, reason };
    }
    let applied = format!("applied {applied}");
    if spec.wait || !spec.health_checks.is_empty() {
        RolloutProgress::Complete(format!("{applied}, and what it applies is healthy"))
    } else if limits.workloads.iter().any(|workload| workload.kind != WorkloadKind::Kustomization) {
        RolloutProgress::Complete(applied)
    } else {
        // Applied does not mean healthy.
        RolloutProgress::Empty(format!("{applied}, and it checks no health (`wait`, `healthChecks`)"))
    }
}
