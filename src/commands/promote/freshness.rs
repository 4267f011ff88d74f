//! How old the required reports are, and whether that is too old.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::evidence_outputs::EvidenceOutputs;
use crate::{finding::Finding, report::Report, values::HumanDuration};

/// How far the clocks of two runners may differ.
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The required reports with their age, and the age limit.
#[derive(Debug)]
pub(super) struct Freshness {
    reports: Vec<DatedReport>,
    max_age: HumanDuration,
}

/// A required report, or the validation that the evidence describes.
#[derive(Debug)]
pub(super) struct DatedReport {
    pub command: String,
    pub finished: Timestamp,
    /// The URL of its workflow run.
    pub run: Option<String>,
}

impl Freshness {
    /// # Errors
    /// A report has no valid time.
    pub fn of_reports(reports: &[&Report], outputs: &EvidenceOutputs, max_age: HumanDuration) -> Result<Self, Finding> {
        let dated = |report: &&Report| {
            let run = report.run.as_ref().map(|run| run.url.clone());
            match report.finished_at.parse() {
                Ok(finished) => Ok(DatedReport { command: report.command.clone(), finished, run }),
                Err(_) => Err(Finding::inconclusive(&report.command)
                    .actual(format!("its report was finished at \"{}\"", report.finished_at))
                    .expected("a time in RFC 3339")),
            }
        };
        let mut reports = reports.iter().map(dated).collect::<Result<Vec<_>, _>>()?;
        reports.extend(outputs.validated_at.map(|finished| DatedReport {
            command: "evidence".to_owned(),
            finished,
            run: outputs.validation_run.clone(),
        }));
        Ok(Self { reports, max_age })
    }

    /// The oldest report; `None` when no report is required.
    pub fn oldest(&self) -> Option<&DatedReport> {
        self.reports.iter().min_by_key(|report| report.finished)
    }

    /// The finding that refuses the promotion at `now`, if a report is too old or from the future.
    pub fn refusal(&self, now: Timestamp) -> Option<Finding> {
        let oldest = self.oldest()?;
        let is_future = |report: &&DatedReport| report.finished.duration_since(now) > CLOCK_SKEW;
        if let Some(early) = self.reports.iter().find(is_future) {
            return Some(
                Finding::inconclusive(&early.command)
                    .actual(format!("its report was finished at {}, and it is {now} now", early.finished))
                    .expected("a report of the past")
                    .next("set the runners' clocks"),
            );
        }
        let age = now.duration_since(oldest.finished).max(SignedDuration::ZERO).unsigned_abs();
        (age > self.max_age.0).then(|| {
            Finding::blocked(&oldest.command)
                .actual(format!("its report is {} old", HumanDuration(Duration::from_secs(age.as_secs()))))
                .expected(format!("a report of the last {}", self.max_age))
                .next("validate the release again")
        })
    }
}
