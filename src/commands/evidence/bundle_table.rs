//! What the approver sees of the bundle: what is in production and what would be next, and the explanations that were merged in
//! between.

use super::{
    bundle::{BundleObservations, explanations},
    judge::BundleComparison,
    observations::EvidenceObservations,
    verification::Verification,
};
use crate::report::{Cell, Table};

/// How many explanations are listed.
const MAX_LISTED: usize = 8;

impl Verification<'_> {
    /// Empty if no report leaves the judgement of a bundle to this command.
    pub(super) fn bundle_table(&self, observations: &EvidenceObservations) -> Table {
        let BundleObservations { promoted, texts } = &observations.bundle;
        let mut items: Vec<Vec<Cell>> = Vec::new();
        match (self.claim.bundle_sizes(), promoted) {
            (Some(now), Ok(Some(promoted))) => {
                let comparison = BundleComparison::new(promoted, &now);
                let line = comparison.describe(promoted.figure.total, now.total, self.environment.as_str());
                items.push(vec![line.into()]);
                items.extend(comparison.notes.iter().map(|note| vec![note.clone().into()]));
            }
            (Some(now), Ok(None)) => items.push(vec![format!("{now}; no promotion recorded a size before").into()]),
            (Some(_), Err(_)) | (None, _) => return Table::default(),
        }
        let explanations = match texts {
            Some(Ok(texts)) => explanations(texts),
            _ => Vec::new(),
        };
        if explanations.is_empty() {
            items.push(vec!["no explanation of growth was merged in between".into()]);
        }
        items.extend(explanations.iter().take(MAX_LISTED).map(|one| {
            let late = if one.is_late { " (changed after the merge, so it does not count)" } else { "" };
            vec![Cell::link(format!("#{}", one.number), &one.url), format!("{}{late}", one.text).into()]
        }));
        let more = explanations.len().saturating_sub(MAX_LISTED);
        if more > 0 {
            items.push(vec![format!("and {more} more explanations").into()]);
        }
        Table::list("Bundle", items).open()
    }
}
