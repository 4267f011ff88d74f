//! What was read of figures and alerts.

use std::time::Duration;

use jiff::Timestamp;

use super::checks::Checks;
use crate::{clock::Moment, values::decimal::Decimal};

/// One answer.
pub enum MetricFact {
    Figure { question: usize, reading: Result<Sample, Unread> },
    Alerts { question: usize, reading: Result<AlertSnapshot, Unread> },
}

/// A value, when it is of and when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub value: Decimal,
    /// `None`: the source does not say.
    pub at: Option<Timestamp>,
    pub read_at: Timestamp,
}

/// Why there is no value. Texts are raw: they may quote a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub reason: String,
    pub next: String,
    /// The same request would get the same answer: a malformed query, a missing permission.
    pub is_final: bool,
    pub read_at: Timestamp,
}

/// The alerts that Alertmanager has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertSnapshot {
    /// Also those that another alert inhibits: they fire, and only their notification is left out.
    pub firing: Vec<FiringAlert>,
    /// People have silenced them.
    pub silenced: usize,
    pub watchdog: Watchdog,
    pub read_at: Timestamp,
}

/// Whether the alert that always fires was there. Without it an empty list says nothing: Alertmanager may have restarted, or
/// Prometheus may not reach it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watchdog {
    #[default]
    Absent,
    Firing {
        /// When Prometheus last sent it.
        updated: Timestamp,
        /// When Alertmanager started: Prometheus sends it each alert again, but not all of them at once.
        started: Timestamp,
    },
    NotRequired,
}

/// Texts are raw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiringAlert {
    /// `HighErrorRate {severity="page"}`
    pub name: String,
    /// As Alertmanager writes it.
    pub since: String,
}

/// The answers to one question.
#[derive(Clone, Debug)]
pub struct Answers<T> {
    pub last: Option<(Moment, Result<T, Unread>)>,
    pub total: usize,
    pub failed: usize,
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self { last: None, total: 0, failed: 0 }
    }
}

impl<T> Answers<T> {
    pub fn add(&mut self, at: Moment, answer: Result<T, Unread>) {
        self.total += 1;
        self.failed += usize::from(answer.is_err());
        self.last = Some((at, answer));
    }
}

/// When a condition was seen to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldTimes {
    last: Option<Moment>,
    /// The longest time of the duration without a reading by which it held.
    pub longest_gap: Duration,
}

impl HeldTimes {
    /// It held at this moment. Only the time from `begin` until `until` counts.
    pub fn add(&mut self, at: Moment, begin: Moment, until: Moment) {
        let at = at.min(until);
        let gap = at.saturating_sub(self.last.unwrap_or(begin).max(begin));
        *self = Self { last: Some(at), longest_gap: self.longest_gap.max(gap) };
    }
}

/// Everything that was read so far.
#[derive(Clone, Debug, Default)]
pub struct MetricObservations {
    /// One entry for each question.
    pub figures: Vec<Answers<Sample>>,
    pub alerts: Vec<Answers<AlertSnapshot>>,
    /// One entry for each condition.
    pub held: Vec<HeldTimes>,
}

impl MetricObservations {
    #[must_use]
    pub fn new(checks: &Checks) -> Self {
        Self {
            figures: checks.figures.iter().map(|_| Answers::default()).collect(),
            alerts: checks.alerts.iter().map(|_| Answers::default()).collect(),
            held: checks.conditions.iter().map(|_| HeldTimes::default()).collect(),
        }
    }

    pub fn record(&mut self, at: Moment, fact: MetricFact) {
        match fact {
            MetricFact::Figure { question, reading } => self.figures[question].add(at, reading),
            MetricFact::Alerts { question, reading } => self.alerts[question].add(at, reading),
        }
    }
}
