//! Points in time: monotonic ones for judges, and the text of a wall time for reports.

use std::time::Duration;

use jiff::Timestamp;

/// Monotonic time since the command started.
pub type Moment = Duration;

/// RFC 3339 in UTC with whole seconds, the format of times in reports.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time for people, in UTC: `2026-11-29 15:44 UTC`.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
