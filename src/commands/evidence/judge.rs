//! Judges whether the payload's claims are true: one finding per check of the payload, of what the config file trusts, and
//! of what GitHub and git show. Pure.

mod age;
mod bundle;
mod changes;
mod claims;
mod gates;
mod job_names;
mod notices;
mod policies;
mod proof;
mod replay;
mod rollback;
mod runs;
mod test_count;
mod unchanged;

pub use bundle::BundleComparison;
pub use claims::REPOSITORY;
pub use proof::{CHECK as PROOF, missing_proof};
pub use rollback::describe as describe_rollback;

use super::{observations::EvidenceObservations, verification::Verification};
use crate::finding::{Finding, Verdict};

impl Verification<'_> {
    /// All checks. The approver's first questions come first: what changes, and what the gates observed.
    pub fn judge(&self, observations: &EvidenceObservations) -> Vec<Finding> {
        let mut findings = self.check_changes(observations);
        findings.extend(self.check_bundle(observations));
        findings.extend(self.check_tests(observations));
        findings.extend(self.check_gates(observations));
        findings.extend(self.check_policies());
        findings.extend(self.check_claims());
        findings.extend(self.check_proof(observations));
        findings.push(self.check_deploy_run(observations));
        findings.push(self.check_branch(observations));
        findings.extend(self.check_validating_run(observations));
        findings.push(self.check_replay(observations));
        findings.extend(self.check_rollback(observations));
        findings.extend(self.check_age(observations));
        // What GitHub did not answer is the reason why other checks have nothing to look at.
        let unanswered = runs::unanswered_checks(observations);
        let place = |finding: &Finding| unanswered.iter().position(|check| *check == finding.check);
        findings.sort_by_key(|finding| place(finding).unwrap_or(unanswered.len()));
        findings.into_iter().map(with_next_step).collect()
    }
}

/// A claim that is not true has one answer, unless its check knows a better one.
pub fn with_next_step(finding: Finding) -> Finding {
    if finding.verdict != Verdict::Blocked || finding.next.is_some() {
        return finding;
    }
    finding.next("do not approve: find out who sent this dispatch and why it differs, and validate the release again")
}

#[cfg(test)]
mod tests;
