//! The report while its command runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Effect, Report};
use crate::finding::Finding;

/// The report while the command runs. The supervisor shares it, so that a command that ends by a signal or a panic still
/// writes one.
#[derive(Clone)]
pub struct PartialReport(Arc<Mutex<Report>>);

impl PartialReport {
    #[must_use]
    pub fn new(report: Report) -> Self {
        Self(Arc::new(Mutex::new(report)))
    }

    /// Replaces the findings by those that hold if the command ended now.
    pub fn publish(&self, findings: &[Finding]) {
        self.lock().findings = findings.to_vec();
    }

    /// Adds an effect and returns its index for [`PartialReport::update_effect`].
    pub fn begin_effect(&self, effect: Effect) -> usize {
        let effects = &mut self.lock().effects;
        effects.push(effect);
        effects.len() - 1
    }

    pub fn update_effect(&self, index: usize, effect: Effect) {
        if let Some(recorded) = self.lock().effects.get_mut(index) {
            *recorded = effect;
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
