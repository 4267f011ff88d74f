//! Earlier sessions: the reports of earlier jobs of this gate. All runs of one job share its machine and its deployment, so a job
//! is one session, and one session is one number.

pub mod judge;
mod student;

use std::collections::BTreeSet;

use super::paired::ALPHA;
use crate::{
    baselines::{FiguresOutput, SessionFigures, SessionPages},
    finding::Verdict,
    load_results::Unit,
    report::{Report, Run},
    subject::Subject,
    values::decimal::Decimal,
};

/// The fewest earlier sessions whose spread says something.
pub const FEWEST: usize = 5;
/// A smaller deviation is only the rounding of floats: the sessions have one and the same figure.
const NO_SPREAD: f64 = 1e-9;
/// A latency in milliseconds, in another unit.
#[must_use]
pub fn from_ms(milliseconds: f64, unit: Unit) -> f64 {
    Decimal::from_f64(milliseconds).map_or(f64::NAN, |value| Unit::Milliseconds.convert(value, unit).to_f64())
}

/// A latency in milliseconds.
#[must_use]
pub fn to_ms(latency: f64, unit: Unit) -> f64 {
    Decimal::from_f64(latency).map_or(f64::NAN, |value| unit.convert(value, Unit::Milliseconds).to_f64())
}

/// The sessions of this service in this environment, apart from this job's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EarlierSessions {
    /// Of other releases, as far as they were not blocked: a release that was blocked says nothing about the one in production.
    others: Vec<SessionFigures>,
    /// The endpoints of the last of them, which this run must have, too. Of reports, the last that passed counts, if one did: an endpoint
    /// that a session lost is not gone.
    required: BTreeSet<String>,
    /// Attempts at this release in other workflow runs that did not pass.
    failed_attempts: u32,
    /// Why the store of baselines has none to compare with.
    absence: Option<Absence>,
}

/// Why there is no baseline, and the command that makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    pub actual: String,
    pub next: String,
}

impl EarlierSessions {
    /// Of the store of baselines, the oldest first.
    #[must_use]
    pub fn of_figures<'f>(
        sessions: impl IntoIterator<Item = &'f SessionFigures>,
        failed_attempts: u32,
        absence: Option<Absence>,
    ) -> Self {
        let others: Vec<SessionFigures> = sessions.into_iter().cloned().collect();
        let required = others.last().map(|last| last.endpoints.keys().cloned().collect()).unwrap_or_default();
        Self { others, required, failed_attempts, absence }
    }

    /// The endpoints that this run must have, too.
    pub const fn required(&self) -> &BTreeSet<String> {
        &self.required
    }

    /// Why there is nothing to compare with, if it is known.
    #[must_use]
    pub const fn absence(&self) -> Option<&Absence> {
        self.absence.as_ref()
    }

    /// Takes what counts from reports of any kind. Each job counts once.
    #[must_use]
    pub fn of_reports<'r>(reports: impl IntoIterator<Item = &'r Report>, subject: &Subject, run: Option<&Run>) -> Self {
        let mut earlier = Self::default();
        let mut jobs = BTreeSet::new();
        let mut last = None;
        for report in reports.into_iter().filter(|report| report.command == "performance") {
            let job = report.run.as_ref().map(|run| (run.repository.clone(), run.id, run.attempt, run.job.clone()));
            // A report of no workflow run is its own job.
            let key = job.ok_or_else(|| (report.started_at.clone(), report.finished_at.clone()));
            // Page loads are no attempt with a load test.
            let is_other = SessionPages::of_report(report).is_some() || !is_of(&report.subject, subject);
            if is_other || !jobs.insert(key) {
                continue;
            }
            let is_this_run = report.run.as_ref().zip(run).is_some_and(|(theirs, ours)| theirs.id == ours.id);
            if report.subject.differs_from(subject).is_none() {
                // GitHub counts the attempts within a run.
                if !is_this_run && report.verdict != Verdict::Passed {
                    earlier.failed_attempts += 1;
                }
            } else if report.verdict != Verdict::Blocked
                && let Some(figures) = SessionFigures::of_report(report)
            {
                let rank = (report.verdict == Verdict::Passed, &report.started_at);
                if last.is_none_or(|last| rank >= last) {
                    last = Some(rank);
                    earlier.required = figures.endpoints.keys().cloned().collect();
                }
                earlier.others.push(figures);
            }
        }
        earlier
    }

    /// Which attempt at this release this is: `in_run` counts the attempts within this workflow run, from 1 on.
    #[must_use]
    pub fn attempt(&self, in_run: u32) -> u32 {
        in_run.max(1).saturating_add(self.failed_attempts)
    }

    /// The spread of all requests, or of one endpoint; `None` of fewer than five sessions, or of five with one and the same figure.
    #[must_use]
    pub fn spread(&self, endpoint: Option<&str>) -> Option<SessionSpread> {
        let logarithms: Vec<f64> = self.figures(endpoint).map(f64::ln).collect();
        if logarithms.len() < FEWEST {
            return None;
        }
        let sessions = u32::try_from(logarithms.len()).ok()?;
        let count = f64::from(sessions);
        let mean = logarithms.iter().sum::<f64>() / count;
        let squares: f64 = logarithms.iter().map(|logarithm| (logarithm - mean).powi(2)).sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        (deviation > NO_SPREAD).then_some(SessionSpread { sessions, mean, deviation })
    }

    /// How many sessions know all requests, or an endpoint.
    #[must_use]
    pub fn count_of(&self, endpoint: Option<&str>) -> usize {
        self.figures(endpoint).count()
    }

    fn figures(&self, endpoint: Option<&str>) -> impl Iterator<Item = f64> {
        self.others.iter().filter_map(move |session| match endpoint {
            None => Some(session.all),
            Some(name) => session.endpoints.get(name).copied(),
        })
    }
}

/// Whether a report is about the same service and environment, as far as both say.
fn is_of(theirs: &Subject, ours: &Subject) -> bool {
    fn agrees<T: PartialEq>(theirs: Option<&T>, ours: Option<&T>) -> bool {
        theirs.zip(ours).is_none_or(|(theirs, ours)| theirs == ours)
    }
    agrees(theirs.service.as_ref(), ours.service.as_ref())
        && agrees(theirs.environment.as_ref(), ours.environment.as_ref())
}

/// The logarithms of the p99 of several sessions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SessionSpread {
    pub sessions: u32,
    pub mean: f64,
    pub deviation: f64,
}

impl SessionSpread {
    /// How far one more session lies from the mean at most, in 95 % of all cases on each side: a prediction interval.
    #[must_use]
    pub fn margin(&self, attempt: u32) -> f64 {
        let alpha = ALPHA * 0.5_f64.powi(i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX));
        student::quantile(alpha, self.sessions - 1) * self.deviation * (1.0 + 1.0 / f64::from(self.sessions)).sqrt()
    }

    /// The verdict on a session: target over limit, and the interval that the spread allows.
    #[must_use]
    pub fn judge(&self, p99: f64, max_ratio: f64, attempt: u32) -> SessionResult {
        let excess = p99.ln() - self.mean - max_ratio.ln();
        let (low, high) = (excess - self.margin(1), excess + self.margin(attempt));
        let verdict = if low > 0.0 {
            Verdict::Blocked
        } else if high <= 0.0 {
            Verdict::Passed
        } else {
            Verdict::Inconclusive
        };
        let ratio = |excess: f64| max_ratio * excess.exp();
        SessionResult { verdict, ratio: ratio(excess), low: ratio(low), high: ratio(high) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SessionResult {
    pub verdict: Verdict,
    pub ratio: f64,
    pub low: f64,
    pub high: f64,
}

#[cfg(test)]
mod tests;
