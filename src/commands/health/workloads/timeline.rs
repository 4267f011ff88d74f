//! Times as milliseconds on the gate's clock. They are signed: a state of the cluster may be older than the gate.

use std::time::Duration;

#[must_use]
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// When a grace period that begins at `since` ends.
#[must_use]
pub fn deadline(grace_period: Option<Duration>, since: i64) -> Option<i64> {
    grace_period.map(|period| since.saturating_add(millis(period)))
}
