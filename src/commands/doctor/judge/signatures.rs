//! Whether the default branch requires signed commits, and the steps that push without `mode: api`. Pure.

use crate::{
    commands::doctor::{
        check::{Check, CheckState, Needs},
        facts::GitHubFacts,
        workflow_uses::{CommitStep, WorkflowUses},
    },
    finding::Finding,
    world::github::RulesetRule,
};

const READ: Needs = Needs::pat_or_app("Administration: read");

/// Nothing if no step pushes, or no rule that was seen requires signatures.
#[must_use]
pub fn judge(facts: &GitHubFacts, uses: &WorkflowUses) -> Vec<Check> {
    let pushing: Vec<&CommitStep> = uses.commits.iter().filter(|step| step.pushes()).collect();
    if pushing.is_empty() {
        return Vec::new();
    }
    let check = format!("branch {}: signed commits", facts.overview.default_branch);
    let is_signature = |rule: &RulesetRule| rule.kind == "required_signatures";
    let by_rules = facts.rules.seen().is_some_and(|rules| rules.iter().any(is_signature));
    let classic = facts.signatures.as_ref();
    match classic.map(|signatures| signatures.seen()) {
        _ if by_rules => {}
        Some(Some(true)) => {}
        Some(None) => return classic.and_then(|unseen| Check::of_unseen(check, unseen, READ)).into_iter().collect(),
        Some(Some(false)) | None => return Vec::new(),
    }
    pushing.into_iter().map(|step| unsigned(&check, step)).collect()
}

/// Whether git signs on the runner, and which Apps may bypass the rule, is in no answer that this token gets.
fn unsigned(check: &str, CommitStep { command, place, .. }: &CommitStep) -> Check {
    let finding = Finding::inconclusive(check)
        .actual(format!("required, and `{command}` pushes with `mode: push` ({place}): not seen whether git signs there"))
        .expected("commits that GitHub verifies")
        .next(format!(
            "set `mode: api` for `{command}`, in the step or in its section of the config file: GitHub then makes and signs the commit; \
             or let git sign on the runner, or put the App whose token pushes on the bypass list of the rule"
        ));
    Check { state: CheckState::NotSeen, finding }
}
