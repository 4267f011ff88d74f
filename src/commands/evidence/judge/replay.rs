//! The replay check: a validation promotes once.

use crate::{
    commands::evidence::{observations::EvidenceObservations, verification::Verification},
    finding::Finding,
    ledger::LedgerEntry,
};

const CHECK: &str = "replay";

impl Verification<'_> {
    pub(super) fn check_replay(&self, observations: &EvidenceObservations) -> Finding {
        let entries = match &observations.ledger {
            Ok(entries) => entries,
            Err(error) => return error.for_check(CHECK),
        };
        let validation_run = observations.validation_run();
        let is_same_validation = |entry: &&LedgerEntry| {
            entry.promotion.evidence.as_ref() == Some(&self.claim.id)
                || (validation_run.is_some() && entry.promotion.validation_run == validation_run)
        };
        let expected = "a validation that is not in the ledger yet";
        let Some(entry) = entries.iter().find(is_same_validation) else {
            return Finding::passed(CHECK).actual("not in the ledger").expected(expected);
        };
        let promoting_run = entry.promotion.workflow.as_deref();
        let actual = format!(
            "promoted by {} at {}{}",
            entry.commit,
            entry.committed_at,
            promoting_run.map(|url| format!(", in {url}")).unwrap_or_default()
        );
        if promoting_run.is_some_and(|url| self.own_run.is_some_and(|own| is_same_run(url, own))) {
            return Finding::passed(CHECK).actual(format!("{actual}, which is this run")).expected(expected);
        }
        Finding::blocked(CHECK).actual(actual).expected(expected).next("validate the release again")
    }
}

/// Whether two URLs are of one workflow run; the attempts may differ.
fn is_same_run(one: &str, other: &str) -> bool {
    let run_url = |url: &str| url.split("/attempts/").next().unwrap_or(url).to_owned();
    run_url(one) == run_url(other)
}
