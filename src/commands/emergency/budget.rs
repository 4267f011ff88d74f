//! The emergency budget: how many emergencies an environment had, and whether that is too many.

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::rfc3339,
    finding::Finding,
    ledger::{LedgerEntry, PromotionKind},
    report::Table,
    subject::Environment,
};

/// The period of a budget.
const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The emergencies of the last 30 days.
#[derive(Debug, PartialEq)]
pub(super) struct BudgetUse {
    /// Newest first.
    emergencies: Vec<LedgerEntry>,
    budget: u32,
}

impl BudgetUse {
    /// Counts the emergencies of all services in one environment.
    pub fn count(entries: &[LedgerEntry], environment: &Environment, budget: u32, now: Timestamp) -> Self {
        let since = now.checked_sub(WINDOW).unwrap_or(now);
        let is_counted = |entry: &&LedgerEntry| {
            entry.promotion.kind == PromotionKind::Emergency
                && entry.promotion.environment == *environment
                && entry.committed_at >= since
        };
        Self { emergencies: entries.iter().filter(is_counted).cloned().collect(), budget }
    }

    pub const fn emergencies(&self) -> usize {
        self.emergencies.len()
    }

    /// The message about more emergencies than the budget.
    pub fn excess_message(&self) -> Option<String> {
        let over = self.emergencies() > usize::try_from(self.budget).unwrap_or(usize::MAX);
        over.then(|| {
            format!(
                "{} emergencies in 30 days, and {} are normal: the normal flow is too slow or too strict",
                self.emergencies(),
                self.budget
            )
        })
    }

    /// A finding that never blocks: the promotion flow cannot be fixed in the middle of an incident.
    pub fn finding(&self) -> Finding {
        let finding = Finding::passed("emergency budget").expected(format!("at most {} in 30 days", self.budget));
        match self.excess_message() {
            Some(message) => finding
                .actual(message)
                .waived("the budget never blocks an emergency")
                .next("read the follow-up issues together, and fix why people bypass the gates"),
            None => finding.actual(format!("{} in 30 days", self.emergencies())),
        }
    }

    /// The emergencies, if there is more than one.
    pub fn table(&self) -> Option<Table> {
        let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        let row = |entry: &LedgerEntry| {
            let promotion = &entry.promotion;
            vec![
                rfc3339(entry.committed_at),
                promotion.service.to_string(),
                promotion.image.clone(),
                cell(&promotion.incident),
                cell(&promotion.approved_by),
                entry.commit.to_string(),
            ]
        };
        let columns = ["When", "Service", "Image", "Incident", "Approved by", "Commit"];
        (self.emergencies() > 1)
            .then(|| Table::new("Emergencies of the last 30 days", &columns, self.emergencies.iter().map(row)).open())
    }
}
