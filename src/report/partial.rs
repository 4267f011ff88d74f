//! The report while its command runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Effect, Report};
use crate::finding::Finding;

/// The report as far as it is known. Shared with the supervisor, so that a command that is cut short, by a signal or a
/// panic, still leaves one.
#[derive(Clone)]
pub struct PartialReport(Arc<Mutex<Report>>);

impl PartialReport {
    #[must_use]
    pub fn new(report: Report) -> Self {
        Self(Arc::new(Mutex::new(report)))
    }

    /// The findings that would be true if the command ended now.
    pub fn publish(&self, findings: &[Finding]) {
        self.lock().findings = findings.to_vec();
    }

    /// Notes an effect, and gives its place for [`PartialReport::settle_effect`].
    pub fn begin_effect(&self, effect: Effect) -> usize {
        let effects = &mut self.lock().effects;
        effects.push(effect);
        effects.len() - 1
    }

    pub fn settle_effect(&self, place: usize, effect: Effect) {
        if let Some(noted) = self.lock().effects.get_mut(place) {
            *noted = effect;
        }
    }

    pub fn edit(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.lock());
    }

    #[must_use]
    pub fn copy(&self) -> Report {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
