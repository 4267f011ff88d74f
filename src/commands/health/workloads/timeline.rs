//! Times as milliseconds on the gate's clock. They are signed: a state of the cluster may be older than the gate.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::Moment;

/// When something that a node reports happened. The node's clock may be wrong, so what the gate saw happen is dated by the
/// gate's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTime {
    /// By the node's clock.
    pub reported: Option<Timestamp>,
    /// When the gate first saw it.
    pub seen: Moment,
    /// It was there already when its kind was first listed.
    pub before: bool,
}

impl NodeTime {
    /// Negative before the gate began. `epoch` is the cluster's clock when the gate began.
    #[must_use]
    pub fn gate_millis(&self, epoch: Option<Timestamp>) -> i64 {
        let reported = self.reported.zip(epoch).filter(|_| self.before);
        let reported = reported.map(|(reported, epoch)| reported.as_millisecond() - epoch.as_millisecond());
        reported.unwrap_or(i64::MAX).min(millis(self.seen))
    }
}

#[must_use]
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// When a grace period that begins at `since` ends.
#[must_use]
pub fn deadline(grace_period: Option<Duration>, since: i64) -> Option<i64> {
    grace_period.map(|period| since.saturating_add(millis(period)))
}
