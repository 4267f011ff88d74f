//! Judges the pull request of a promotion: its only commit is a promotion with evidence, and enough people approved exactly this
//! commit who may push, had no part in the release, and have not approved too many other promotions shortly before.

mod approvals;
mod care;
mod identity;
mod owners;

use super::{
    observations::{FoundPullRequest, PullRequestObservations},
    rules::PullRequestRules,
};
use crate::{
    finding::{Finding, Verdict, verdict},
    observe::Judgement,
};
use approvals::Approvals;

/// Decided if everything was observed or something blocks. A part that was not observed may be in the next look.
#[must_use]
pub fn judge(rules: &PullRequestRules, observations: &PullRequestObservations) -> Judgement {
    let mut findings = identity::check_pull_request(rules, observations);
    findings.extend(identity::check_commit(rules, observations));
    findings.extend(identity::check_evidence(observations));
    if let Some(found) = observations.found() {
        let approvals = Approvals::new(rules, observations, found);
        findings.push(approvals.check_approval());
        findings.extend(approvals.check_independence());
        findings.extend(owners::check_owners(&approvals));
        findings.extend(care::check_frequency(&approvals));
        findings.extend(care::check_review_time(&approvals));
        findings.extend(care::check_comments(&approvals));
    }
    let source = observations.found().map_or("pull requests", |found| found.facts.url.as_str());
    let with_source = |finding: Finding| finding.seen_at(source, &observations.at);
    let findings: Vec<Finding> = findings.into_iter().map(with_source).collect();
    let is_decided = observations.errors().next().is_none() || verdict(&findings) == Verdict::Blocked;
    if is_decided { Judgement::decided(findings) } else { Judgement::pending(findings) }
}

/// The people whose approval counts, as many as are needed; fewer if there are not enough.
#[must_use]
pub fn approvers(rules: &PullRequestRules, observations: &PullRequestObservations) -> Vec<String> {
    let chosen = |found: &FoundPullRequest| {
        let approvals = Approvals::new(rules, observations, found);
        approvals.chosen().into_iter().map(|approver| approver.login.to_owned()).collect()
    };
    observations.found().map(chosen).unwrap_or_default()
}

/// When the last of these people approved.
#[must_use]
pub fn approved_at(rules: &PullRequestRules, observations: &PullRequestObservations) -> Option<jiff::Timestamp> {
    let found = observations.found()?;
    let approvals = Approvals::new(rules, observations, found);
    let chosen = approvals.chosen();
    (chosen.len() >= rules.minimum).then(|| chosen.iter().map(|approver| approver.at).max()).flatten()
}

/// Whether nothing but an approval is missing: the rest passes, and no account that can push requests changes.
#[must_use]
pub fn is_waiting(rules: &PullRequestRules, observations: &PullRequestObservations, findings: &[Finding]) -> bool {
    let Some(found) = observations.found() else { return false };
    let bad = findings.iter().filter(|finding| finding.verdict != Verdict::Passed);
    Approvals::new(rules, observations, found).objections().is_empty()
        && bad.clone().count() > 0
        && bad.into_iter().all(|finding| {
            finding.verdict == Verdict::Blocked
                && [approvals::APPROVAL, approvals::INDEPENDENCE].contains(&&*finding.check)
        })
}

#[cfg(test)]
mod tests;
