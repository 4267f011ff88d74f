//! Flux's Kustomizations.
//!
//! Sources: kustomize-controller v1.9, `internal/controller/kustomization_controller.go` (which reasons end what; that all
//! but a stalled one is tried again; when the generation and the revisions are written), fluxcd/pkg `runtime/conditions`
//! (every condition names its generation), and `apis/meta` (a reconciliation that was asked for).

use super::{Found, Progress, UNOBSERVED, said};
use crate::{
    commands::health::workloads::{
        image::Fit,
        rules::{Rules, State},
        workload::Kind,
    },
    world::cluster::objects::{Condition, Kustomization},
};

/// Somebody asks for a reconciliation: `flux reconcile`.
const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

pub fn kustomization<'a>(rules: &Rules, it: &Kustomization) -> Found<'a> {
    // It tells no image; that another workload of the gate does is seen to before.
    Found::of_word(progress(rules, it), Fit::Fits, it.status.last_attempted_revision.clone())
}

fn progress(rules: &Rules, it: &Kustomization) -> Progress {
    let Kustomization { metadata, spec, status } = it;
    // What is said of an earlier generation is over.
    let of_type = |kind: &str| {
        let found = status.conditions.iter().find(|condition: &&Condition| condition.kind == kind);
        found.filter(|condition| condition.observed_generation == metadata.generation)
    };
    let is = |kind: &str, value: &str| of_type(kind).filter(|condition| condition.status == value);
    if spec.suspend {
        return Progress::Stuck {
            state: State::Paused,
            since: None,
            why: "it is suspended (`spec.suspend`)".to_owned(),
        };
    }
    if metadata.annotations.get(REQUESTED).is_some_and(|asked| *asked != status.last_handled_reconcile_at) {
        return Progress::Reconciling("a reconciliation was asked for, and has not been done".to_owned());
    }
    if let Some(stalled) = is("Stalled", "True") {
        let why = format!("stalled: {}", said(&stalled.reason, &stalled.message));
        return Progress::Failed { why, since: stalled.last_transition_time };
    }
    let Some(ready) = of_type("Ready") else { return Progress::Reconciling(UNOBSERVED.to_owned()) };
    let at_work = is("Reconciling", "True");
    match ready.status.as_str() {
        "False" => failing(ready),
        "True" if at_work.is_none() => ready_one(rules, it, is("Healthy", "False")),
        _ => {
            let said_last = at_work.unwrap_or(ready);
            Progress::Reconciling(said(&said_last.reason, &said_last.message))
        }
    }
}

/// Everything is tried again. What waits for something else is on its way; what a new revision must mend is not.
fn failing(ready: &Condition) -> Progress {
    let why = said(&ready.reason, &ready.message);
    match ready.reason.as_str() {
        "DependencyNotReady" | "ArtifactFailed" | "HealthCheckCanceled" | "Progressing" | "ProgressingWithRetry" => {
            Progress::Reconciling(why)
        }
        // It has waited for its own `timeout`.
        "HealthCheckFailed" => Progress::Failed { why, since: ready.last_transition_time },
        _ => Progress::Stuck { state: State::Degraded, since: ready.last_transition_time, why },
    }
}

fn ready_one(rules: &Rules, it: &Kustomization, unhealthy: Option<&Condition>) -> Progress {
    let Kustomization { metadata, spec, status } = it;
    let (applied, attempted) = (&status.last_applied_revision, &status.last_attempted_revision);
    if status.observed_generation != metadata.generation {
        return Progress::Reconciling(UNOBSERVED.to_owned());
    }
    if applied.is_empty() || applied != attempted {
        return Progress::Rolling(format!("{attempted} was tried, and {} is applied", or_nothing(applied)));
    }
    if let Some(unhealthy) = unhealthy {
        let why = said(&unhealthy.reason, &unhealthy.message);
        return Progress::Stuck { state: State::Degraded, since: unhealthy.last_transition_time, why };
    }
    let told = format!("applied {applied}");
    if spec.wait || !spec.health_checks.is_empty() {
        Progress::Complete(format!("{told}, and what it applies is healthy"))
    } else if rules.workloads.iter().any(|workload| workload.kind != Kind::Kustomization) {
        Progress::Complete(told)
    } else {
        // Applied is not yet well.
        Progress::Empty(format!("{told}, and it is to check no health (`wait`, `healthChecks`)"))
    }
}

const fn or_nothing(text: &str) -> &str {
    if text.is_empty() { "nothing" } else { text }
}
