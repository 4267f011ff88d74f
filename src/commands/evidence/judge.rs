//! Judges whether the payload's claims are true: one finding per check of the payload, of what the config file trusts, and
//! of what GitHub and git show. Pure.

mod changes;
mod claims;
mod gates;
mod policies;
mod replay;
mod runs;

use super::{observations::EvidenceObservations, verification::Verification};
use crate::finding::Finding;

impl Verification<'_> {
    /// All checks. The approver's first questions come first: what changes, and what the gates observed.
    pub fn judge(&self, observations: &EvidenceObservations) -> Vec<Finding> {
        let mut findings = self.check_changes(observations);
        findings.extend(self.check_gates(observations));
        findings.extend(self.check_policies());
        findings.extend(self.check_claims());
        findings.push(self.check_deploy_run(observations));
        findings.extend(self.check_validating_run(&observations.run));
        findings.push(self.check_replay(observations));
        findings
    }
}

#[cfg(test)]
mod tests;
