//! Argo Rollouts.
//!
//! Sources: argo-rollouts v1.9, `utils/rollout/rolloututil.go` (what makes a phase, when it may be believed, and that
//! `kubectl argo rollouts status` reads it so), `rollout/pause.go` (which pauses wait for a person), `rollout/controller.go`
//! (a specification that is not valid is looked at again every 20 s, for it may come before what it names), and
//! `rollout/replicaset.go` (old pods that are kept for a while after the switch).

use super::{Found, MESSAGE, NO_REPLICAS, Progress, UNOBSERVED, rolling, stuck};
use crate::{
    commands::health::workloads::{
        image::Fit,
        rules::{Rules, State},
        views::Views,
    },
    secret::excerpt,
    world::cluster::objects::{Condition, PauseCondition, ReplicaSet, Rollout},
};

/// Of a ReplicaSet and its pods: the revision.
const HASH: &str = "rollouts-pod-template-hash";
/// Of a Rollout whose template is that of another object: which generation of that was seen last.
const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";
/// Of an old ReplicaSet that is kept for a quick way back: until when.
const KEPT_UNTIL: &str = "scale-down-deadline";

pub fn rollout<'a>(rules: &Rules, views: &'a Views, it: &'a Rollout) -> Found<'a> {
    let Rollout { metadata, spec, status } = it;
    let sets = || views.replica_sets.made_by(&metadata.uid);
    let is_new = |set: &&ReplicaSet| {
        let hash = set.metadata.labels.get(HASH);
        hash.is_some_and(|hash| !hash.is_empty() && *hash == status.current_pod_hash)
    };
    let observed = is_observed(it);
    let newest = sets().find(is_new).filter(|_| observed);
    let asked = match (&spec.workload_ref, newest) {
        (None, _) => rules.image.in_template(&spec.template),
        (Some(_), Some(set)) => rules.image.in_template(&set.spec.template),
        _ if !rules.image.names_version() => Fit::Fits,
        _ => Fit::Unknown("what its `workloadRef` asks for, which is not taken up yet".to_owned()),
    };
    let kept: i32 = sets()
        .filter(|set| !is_new(set) && set.metadata.annotations.contains_key(KEPT_UNTIL))
        .fold(0, |all, set| all.saturating_add(set.status.replicas));
    let wanted = spec.replicas.unwrap_or(1);
    let progress = match () {
        () if !observed => rolling(UNOBSERVED),
        () => progress(it, wanted, kept, newest.is_some()),
    };
    let pods = newest.map(|set| views.pods.made_by(&set.metadata.uid).collect()).unwrap_or_default();
    Found::of_pods(progress, asked, pods, wanted)
}

fn is_observed(it: &Rollout) -> bool {
    let Rollout { metadata, spec, status } = it;
    let own = status.observed_generation.parse() == Ok(metadata.generation);
    let number = |text: &str| text.parse::<i64>().ok();
    // Without the annotation the controller has not looked there yet.
    let noted = metadata.annotations.get(WORKLOAD_GENERATION).and_then(|text| number(text));
    let others =
        spec.workload_ref.is_none() || (noted.is_some() && noted == number(&status.workload_observed_generation));
    own && others
}

/// Of what was taken up. `kept`: old pods that are there on purpose.
fn progress(it: &Rollout, wanted: i32, kept: i32, is_new_seen: bool) -> Progress {
    let status = &it.status;
    let (updated, available) = (status.updated_replicas, status.available_replicas);
    let left = status.replicas.saturating_sub(updated).saturating_sub(kept).max(0);
    let counts = format!("{updated} of {wanted} updated, {available} available");
    let told = |what: &str| match excerpt(&status.message, MESSAGE) {
        message if message.is_empty() => format!("{what}; {counts}"),
        message => format!("{what}: {message}; {counts}"),
    };
    let of_type = |kind: &str| status.conditions.iter().find(|condition: &&Condition| condition.kind == kind);
    if status.abort {
        return Progress::Failed { why: told("it was aborted"), since: None };
    }
    if let Some(invalid) = of_type("InvalidSpec") {
        return stuck(State::Degraded, invalid, &counts);
    }
    let failure = of_type("ReplicaFailure").filter(|condition| condition.status == "True");
    let failure = failure.or_else(|| of_type("Progressing").filter(|one| one.reason == "ReplicaSetCreateError"));
    match status.phase.as_str() {
        "Degraded" if of_type("Progressing").is_some_and(|one| one.reason == "RolloutAborted") => {
            // Somebody has asked for another try, and nothing has come of that yet.
            rolling(told("it was aborted, and is to be tried again"))
        }
        "Degraded" => Progress::Failed { why: told("Degraded"), since: None },
        _ if status.controller_pause && status.pause_conditions.is_empty() => rolling(told("it is about to go on")),
        "Paused" => paused(it, &counts),
        _ if failure.is_some() => {
            failure.map_or_else(|| rolling(&counts), |failure| stuck(State::FailedCreate, failure, &counts))
        }
        "Healthy" if wanted == 0 && status.replicas == 0 => Progress::Empty(NO_REPLICAS.to_owned()),
        "Healthy" if left > 0 => rolling(format!("{counts}, {left} of the old revision left")),
        "Healthy" if updated < wanted || available < wanted || status.stable_hash != status.current_pod_hash => {
            rolling(counts)
        }
        // What is left of it would be enough.
        "Healthy" if wanted <= 0 => rolling(counts),
        "Healthy" if !is_new_seen => rolling("its newest ReplicaSet is not seen yet"),
        "Healthy" if kept > 0 => {
            let old = "of the old revision kept for a quick way back";
            Progress::Complete(format!("{counts}, {kept} {old}, revision {}", status.current_pod_hash))
        }
        "Healthy" => Progress::Complete(format!("{counts}, revision {}", status.current_pod_hash)),
        "" => rolling(format!("no phase is told; {counts}")),
        phase => rolling(told(phase)),
    }
}

/// Whether a pause ends by itself.
fn paused(it: &Rollout, counts: &str) -> Progress {
    let Rollout { spec, status, .. } = it;
    let waits = |since, why: &str| Progress::Stuck { state: State::Paused, since, why: format!("{why}: {counts}") };
    if spec.paused {
        return waits(None, "it is paused (`spec.paused`)");
    }
    let step = status.current_step_index.unwrap_or(0);
    let waits_for_somebody = |pause: &&PauseCondition| match pause.reason.as_str() {
        "CanaryPauseStep" => {
            let pause = spec.strategy.canary.steps.get(step).and_then(|step| step.pause.as_ref());
            pause.is_none_or(|pause| pause.duration.is_none())
        }
        "BlueGreenPause" => spec.strategy.blue_green.auto_promotion_enabled == Some(false),
        // After an analysis or an experiment that tells neither way.
        _ => true,
    };
    match status.pause_conditions.iter().find(waits_for_somebody) {
        Some(pause) if pause.reason == "CanaryPauseStep" => {
            let steps = spec.strategy.canary.steps.len();
            waits(
                pause.start_time,
                &format!("it is paused at step {} of {steps} until somebody goes on", step.saturating_add(1)),
            )
        }
        Some(pause) => waits(pause.start_time, &format!("it is paused until somebody goes on ({})", pause.reason)),
        None => rolling(format!("it is paused for a while; {counts}")),
    }
}
