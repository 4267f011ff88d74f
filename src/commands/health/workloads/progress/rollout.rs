//! The rollout status of an Argo Rollout.
//!
//! Sources: argo-rollouts v1.9, `utils/rollout/rolloututil.go` (what sets a phase, when it is reliable, and that
//! `kubectl argo rollouts status` reads it so), `rollout/pause.go` (which pauses wait for a person), `rollout/controller.go`
//! (an invalid specification is checked again every 20 s, because it may be created before what it refers to), and
//! `rollout/replicaset.go` (old pods that are kept for a while after the switch).

use super::status::{NO_REPLICAS, RolloutProgress, RolloutStatus, UNOBSERVED, paused, progressing, stuck};
use crate::{
    commands::health::workloads::{
        image::ImageMatch, limits::WorkloadLimits, pod_status::MESSAGE_CHARS, states::UnhealthyState, views::Views,
    },
    secret::excerpt,
    world::cluster::objects::{Condition, PauseCondition, ReplicaSet, Rollout},
};

/// The label of a ReplicaSet and its pods that names their revision.
const HASH: &str = "rollouts-pod-template-hash";
/// The annotation of a Rollout with `workloadRef`: the last generation of the referenced object that the controller saw.
const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";
/// The annotation of an old ReplicaSet that is kept for a fast rollback: until when.
const KEPT_UNTIL: &str = "scale-down-deadline";

pub fn status<'a>(limits: &WorkloadLimits, views: &'a Views, rollout: &'a Rollout) -> RolloutStatus<'a> {
    let Rollout { metadata, spec, status } = rollout;
    let sets = || views.replica_sets.owned_by(&metadata.uid);
    let is_new = |set: &&ReplicaSet| {
        let hash = set.metadata.labels.get(HASH);
        hash.is_some_and(|hash| !hash.is_empty() && *hash == status.current_pod_hash)
    };
    let observed = is_observed(rollout);
    let newest = sets().find(is_new).filter(|_| observed);
    let kept: i32 = sets()
        .filter(|set| !is_new(set) && set.metadata.annotations.contains_key(KEPT_UNTIL))
        .fold(0, |sum, set| sum.saturating_add(set.status.replicas));
    let desired = spec.replicas.unwrap_or(1);
    let progress =
        if observed { observed_progress(rollout, desired, kept, newest.is_some()) } else { progressing(UNOBSERVED) };
    let pods = newest.map(|set| views.pods.owned_by(&set.metadata.uid).collect()).unwrap_or_default();
    let template = match (&spec.workload_ref, newest) {
        (None, _) => &spec.template,
        (Some(_), Some(set)) => &set.spec.template,
        (Some(_), None) => {
            let requested = if limits.image.names_version() {
                ImageMatch::Unknown(
                    "the image that its `workloadRef` requests: its controller has not observed it yet".to_owned(),
                )
            } else {
                ImageMatch::Matches
            };
            return RolloutStatus { desired, ..RolloutStatus::from_controller(progress, requested, String::new()) };
        }
    };
    RolloutStatus::from_pods(limits, progress, template, pods, desired)
}

fn is_observed(rollout: &Rollout) -> bool {
    let Rollout { metadata, spec, status } = rollout;
    let own = status.observed_generation.parse() == Ok(metadata.generation);
    let number = |text: &str| text.parse::<i64>().ok();
    // Without the annotation the controller has not read the referenced object yet.
    let annotated = metadata.annotations.get(WORKLOAD_GENERATION).and_then(|text| number(text));
    let referenced = spec.workload_ref.is_none()
        || (annotated.is_some() && annotated == number(&status.workload_observed_generation));
    own && referenced
}

/// Progress of a Rollout whose latest generation was observed. `kept`: old pods that are kept on purpose.
fn observed_progress(rollout: &Rollout, desired: i32, kept: i32, is_new_set_seen: bool) -> RolloutProgress {
    let status = &rollout.status;
    let (updated, available) = (status.updated_replicas, status.available_replicas);
    let left = status.replicas.saturating_sub(updated).saturating_sub(kept).max(0);
    let counts = format!("{updated} of {desired} updated, {available} available");
    let with_message = |reason: &str| match excerpt(&status.message, MESSAGE_CHARS) {
        message if message.is_empty() => format!("{reason}; {counts}"),
        message => format!("{reason}: {message}; {counts}"),
    };
    let condition = |kind: &str| status.conditions.iter().find(|condition: &&Condition| condition.kind == kind);
    if status.abort {
        return RolloutProgress::Failed { reason: with_message("it was aborted"), since: None };
    }
    if let Some(invalid) = condition("InvalidSpec") {
        return stuck(UnhealthyState::Degraded, invalid, &counts);
    }
    let failure = condition("ReplicaFailure").filter(|condition| condition.status == "True");
    let failure = failure.or_else(|| condition("Progressing").filter(|one| one.reason == "ReplicaSetCreateError"));
    match status.phase.as_str() {
        // A retry was requested, and the controller has not started it yet.
        "Degraded" if condition("Progressing").is_some_and(|one| one.reason == "RolloutAborted") => {
            progressing(with_message("it was aborted, and is to be retried"))
        }
        "Degraded" => RolloutProgress::Failed { reason: with_message("Degraded"), since: None },
        _ if status.controller_pause && status.pause_conditions.is_empty() => {
            progressing(with_message("it is about to resume"))
        }
        "Paused" => paused_progress(rollout, &counts),
        _ if failure.is_some() => failure
            .map_or_else(|| progressing(&counts), |failure| stuck(UnhealthyState::FailedCreate, failure, &counts)),
        "Healthy" if desired == 0 && status.replicas == 0 => RolloutProgress::Empty(NO_REPLICAS.to_owned()),
        "Healthy" if left > 0 => progressing(format!("{counts}, {left} of the old revision left")),
        "Healthy" if updated < desired || available < desired || status.stable_hash != status.current_pod_hash => {
            progressing(counts)
        }
        // While it scales to zero, any number of pods would be enough.
        "Healthy" if desired <= 0 => progressing(counts),
        "Healthy" if !is_new_set_seen => progressing("its newest ReplicaSet is not seen yet"),
        "Healthy" if kept > 0 => RolloutProgress::Complete(format!(
            "{counts}, {kept} of the old revision kept for a fast rollback, revision {}",
            status.current_pod_hash
        )),
        "Healthy" => RolloutProgress::Complete(format!("{counts}, revision {}", status.current_pod_hash)),
        "" => progressing(format!("no phase is reported; {counts}")),
        phase => progressing(with_message(phase)),
    }
}

/// A pause either ends after a time, or waits for a person.
fn paused_progress(rollout: &Rollout, counts: &str) -> RolloutProgress {
    let Rollout { spec, status, .. } = rollout;
    if spec.paused {
        return paused(None, format!("it is paused (`spec.paused`): {counts}"));
    }
    let step = status.current_step_index.unwrap_or(0);
    let waits_for_person = |pause: &&PauseCondition| match pause.reason.as_str() {
        "CanaryPauseStep" => {
            let pause = spec.strategy.canary.steps.get(step).and_then(|step| step.pause.as_ref());
            pause.is_none_or(|pause| pause.duration.is_none())
        }
        "BlueGreenPause" => spec.strategy.blue_green.auto_promotion_enabled == Some(false),
        // After an inconclusive analysis or experiment.
        _ => true,
    };
    match status.pause_conditions.iter().find(waits_for_person) {
        Some(pause) if pause.reason == "CanaryPauseStep" => {
            let (number, steps) = (step.saturating_add(1), spec.strategy.canary.steps.len());
            let reason = format!("it is paused at step {number} of {steps} until it is resumed by hand: {counts}");
            paused(pause.start_time, reason)
        }
        Some(pause) => {
            paused(pause.start_time, format!("it is paused until it is resumed by hand ({}): {counts}", pause.reason))
        }
        None => progressing(format!("it is paused for a while; {counts}")),
    }
}
