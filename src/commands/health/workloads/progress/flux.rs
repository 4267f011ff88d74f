//! What the status of every Flux object has in common.
//!
//! Sources: fluxcd/pkg `runtime/conditions` (every condition names its generation), and `apis/meta` (a reconciliation on
//! request).

use crate::world::cluster::objects::{Condition, ObjectMeta};

/// The annotation that requests a reconciliation, as `flux reconcile` sets it.
const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";

/// A condition, unless it is one of an earlier generation, and out of date.
pub fn current_condition<'a>(metadata: &ObjectMeta, conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    let found = conditions.iter().find(|condition| condition.kind == kind);
    found.filter(|condition| condition.observed_generation == metadata.generation)
}

/// Whether a reconciliation was requested that the controller has not ended. `handled` is the last request that it has.
pub fn is_requested(metadata: &ObjectMeta, handled: &str) -> bool {
    metadata.annotations.get(REQUESTED).is_some_and(|requested| requested != handled)
}
