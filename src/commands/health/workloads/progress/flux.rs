//! What the status of every Flux object has in common.
//!
//! Sources: fluxcd/pkg `runtime/conditions` (every condition names its generation), and `apis/meta` (a reconciliation on
//! request).

use super::status::{RolloutProgress, join_reason, paused};
use crate::world::cluster::objects::{Condition, ObjectMeta};

/// The annotation that requests a reconciliation, as `flux reconcile` sets it.
const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

/// A condition, unless it is one of an earlier generation, and out of date.
pub fn current_condition<'a>(metadata: &ObjectMeta, conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    let found = conditions.iter().find(|condition| condition.kind == kind);
    found.filter(|condition| condition.observed_generation == metadata.generation)
}

/// What holds the controller back, whatever its conditions say. `handled` is the last request to reconcile that it has ended.
pub fn held_back(is_suspended: bool, metadata: &ObjectMeta, handled: &str) -> Option<RolloutProgress> {
    if is_suspended {
        return Some(paused(None, "it is suspended (`spec.suspend`)".to_owned()));
    }
    let is_requested = metadata.annotations.get(REQUESTED).is_some_and(|requested| requested != handled);
    is_requested.then(|| RolloutProgress::Reconciling("a reconciliation was requested, and is not done yet".to_owned()))
}

/// Why the controller has given up.
pub fn describe_stalled(stalled: &Condition) -> String {
    format!("stalled: {}", join_reason(&stalled.reason, &stalled.message))
}
