//! The gates' reports together with their jobs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{observations::EvidenceObservations, verification::Verification};
use crate::{results::ReceivedReport, values::HumanDuration, world::github::Job};

/// A report and the job that it is from.
pub struct GateJob<'a> {
    pub received: &'a ReceivedReport,
    /// `None`: GitHub signed the report, and no job has the name that it gives.
    pub job: Option<&'a Job>,
    /// When the job ended, by GitHub's clock; in a signed payload, when the gate ended.
    pub ended: Timestamp,
}

impl Verification<'_> {
    /// The reports whose end is known, in the payload's order: those that a job announced, or that GitHub signed. A `run` is left
    /// out, because the gates inside it represent it.
    pub fn gate_jobs<'a>(&'a self, observations: &'a EvidenceObservations) -> Vec<GateJob<'a>> {
        let jobs = &observations.jobs;
        let of_gates = self.claim.received.iter().filter(|received| received.report.reports.is_empty());
        of_gates
            .filter_map(|received| {
                if self.signed.is_some() {
                    let ended = received.report.finished_at.parse().ok()?;
                    let name = received.report.run.as_ref().map(|run| run.job.as_str());
                    let job = jobs.jobs.iter().flatten().find(|job| Some(job.name.as_str()) == name);
                    return Some(GateJob { received, job, ended });
                }
                let job = jobs.job_announcing(self.claim.text_of(received)?)?;
                Some(GateJob { received, job: Some(job), ended: job.completed_at? })
            })
            .collect()
    }
}

/// The time between two moments in whole seconds; 0 if `then` is in the future.
pub fn age(then: Timestamp, now: Timestamp) -> HumanDuration {
    let age = now.duration_since(then).max(SignedDuration::ZERO).unsigned_abs();
    HumanDuration(Duration::from_secs(age.as_secs()))
}
