//! What is ok, a problem, or not seen. Pure: one file for each group of checks.

pub mod branch;
pub mod cluster;
pub mod environments;
pub mod job_token;
pub mod plan;
pub mod registry;
pub mod reviewers;
pub mod secrets;
pub mod signatures;
pub mod token;

use super::{
    check::Check,
    facts::{GitHubFacts, Intent},
    workflow_uses::WorkflowUses,
};

/// Every check of GitHub, in the order in which problems are best solved.
#[must_use]
pub fn judge(facts: &GitHubFacts, uses: &WorkflowUses, intent: &Intent<'_>) -> Vec<Check> {
    let mut checks = vec![token::judge(facts)];
    checks.push(plan::judge(facts, intent.way));
    checks.extend(environments::judge(facts, uses, intent));
    checks.extend(reviewers::judge(facts));
    checks.extend(job_token::judge(facts, intent.way));
    checks.extend(branch::judge(facts, uses, intent));
    checks.extend(signatures::judge(facts, uses));
    checks.extend(secrets::judge(facts, uses));
    checks.extend(uses.unread.iter().map(|finding| Check::unknown("workflows", finding)));
    checks
}

#[cfg(test)]
mod tests;
