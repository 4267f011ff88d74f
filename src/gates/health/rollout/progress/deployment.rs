//! Deployments.

use super::{Found, NO_REPLICAS, Progress, UNOBSERVED, rolling};
use crate::{
    gates::health::rollout::{
        rules::{Rules, State},
        seen::Views,
    },
    world::cluster::objects::{Condition, Deployment, ReplicaSet},
};

/// The controller writes the number of the newest revision on the Deployment and on its ReplicaSet.
const REVISION: &str = "deployment.kubernetes.io/revision";

pub fn deployment<'a>(rules: &Rules, views: &'a Views, it: &'a Deployment) -> Found<'a> {
    let Deployment { metadata, spec, status } = it;
    let revision = metadata.annotations.get(REVISION);
    let is_newest = |set: &&ReplicaSet| revision.is_some() && set.metadata.annotations.get(REVISION) == revision;
    let newest = views.replica_sets.made_by(&metadata.uid).find(is_newest);
    let observed = status.observed_generation >= metadata.generation;
    let pods = match newest {
        Some(set) if observed => views.pods.made_by(&set.metadata.uid).collect(),
        _ => Vec::new(),
    };
    let of_type = |kind: &str| status.conditions.iter().find(|condition: &&Condition| condition.kind == kind);
    let failure = of_type("ReplicaFailure").filter(|condition| condition.status == "True");
    let given_up = of_type("Progressing").filter(|one| one.reason == "ProgressDeadlineExceeded");
    let (updated, available, all) = (status.updated_replicas, status.available_replicas, status.replicas);
    let counts = format!("{updated} of {} updated, {available} available", spec.replicas);
    let complete = updated >= spec.replicas && all <= updated && available >= updated;
    let progress = if !observed {
        rolling(UNOBSERVED)
    } else if spec.replicas == 0 && all == 0 {
        Progress::Empty(NO_REPLICAS.to_owned())
    } else if complete && newest.is_none() {
        rolling("its newest ReplicaSet is not seen yet")
    } else if complete {
        Progress::Complete(format!("{counts}, revision {}", revision.map(String::as_str).unwrap_or_default()))
    } else if let Some(condition) = given_up {
        Progress::Failed { why: format!("{}: {}; {counts}", condition.reason, condition.message), since: None }
    } else if spec.paused {
        Progress::Stuck { state: State::Paused, since: None, why: format!("it is paused: {counts}") }
    } else if let Some(condition) = failure {
        let why = format!("{}: {}; {counts}", condition.reason, condition.message);
        Progress::Stuck { state: State::FailedCreate, since: condition.last_transition_time, why }
    } else if all > updated {
        rolling(format!("{counts}, {} of the old revision left", all - updated))
    } else {
        rolling(counts)
    };
    Found::of_pods(progress, rules.image.in_template(&spec.template), pods, spec.replicas)
}
