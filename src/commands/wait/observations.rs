//! What the looks during the wait have shown.

use crate::{clock::Moment, commands::health::endpoints::Probe, finding::Finding, supersession::NewerRelease};

/// One result of a look.
pub enum WaitFact {
    /// The interval has passed: time for a progress line in the log.
    Tick,
    Probe(Probe),
    Holds(Result<Vec<PromotionHold>, Finding>),
    Newer(Result<Option<NewerRelease>, Finding>),
}

/// Everything that was observed so far.
#[derive(Clone, Debug, Default)]
pub struct WaitObservations {
    pub endpoints: Vec<WatchedEndpoint>,
    pub holds: LookHistory<Vec<PromotionHold>>,
    pub newer: LookHistory<Option<NewerRelease>>,
}

/// An endpoint and its answers.
#[derive(Clone, Debug)]
pub struct WatchedEndpoint {
    /// A short name: its path, if that is unambiguous.
    pub name: String,
    /// Its URL, without secrets.
    pub url: String,
    /// In order of time.
    pub probes: Vec<(Moment, Probe)>,
}

/// The looks at one thing.
#[derive(Clone, Debug)]
pub struct LookHistory<T> {
    /// The last look and the moment of its end.
    pub last: Option<(Moment, Result<T, Finding>)>,
    /// Number of looks.
    pub total: usize,
    /// Number of looks that failed.
    pub failed: usize,
}

impl<T> Default for LookHistory<T> {
    fn default() -> Self {
        Self { last: None, total: 0, failed: 0 }
    }
}

impl<T> LookHistory<T> {
    pub fn add(&mut self, at: Moment, look: Result<T, Finding>) {
        self.total += 1;
        self.failed += usize::from(look.is_err());
        self.last = Some((at, look));
    }

    /// The value of the last look, if it did not fail.
    pub fn value(&self) -> Option<&T> {
        self.last.as_ref().and_then(|(_, look)| look.as_ref().ok())
    }
}

/// An open issue that holds all promotions.
#[derive(Clone, Debug, PartialEq)]
pub struct PromotionHold {
    pub number: u64,
    pub title: String,
    pub url: String,
    /// Login of the author.
    pub author: Option<String>,
}
