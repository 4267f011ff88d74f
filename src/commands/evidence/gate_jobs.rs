//! The gates' reports together with the jobs that announced them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::observations::ValidationJobs;
use crate::{report::compact::hex_sha256, results::ReceivedReport, values::HumanDuration, world::github::Job};

/// A report and the job that announced it.
pub struct GateJob<'a> {
    pub received: &'a ReceivedReport,
    pub job: &'a Job,
    /// When the job ended, by GitHub's clock.
    pub ended: Timestamp,
}

/// The reports whose jobs are known, in the payload's order. A `run` is left out, because the gates inside it represent it.
pub fn find_gate_jobs<'a>(received: &'a [ReceivedReport], jobs: &'a ValidationJobs) -> Vec<GateJob<'a>> {
    let of_gates = received.iter().filter(|received| received.report.reports.is_empty());
    of_gates
        .filter_map(|received| {
            let job = jobs.job_announcing(&report_sha256(received))?;
            Some(GateJob { received, job, ended: job.completed_at? })
        })
        .collect()
}

/// The sha256 of a report's text, in hex.
pub fn report_sha256(received: &ReceivedReport) -> String {
    hex_sha256(received.text.as_bytes())
}

/// The time between two moments in whole seconds; 0 if `then` is in the future.
pub fn age(then: Timestamp, now: Timestamp) -> HumanDuration {
    let age = now.duration_since(then).max(SignedDuration::ZERO).unsigned_abs();
    HumanDuration(Duration::from_secs(age.as_secs()))
}
