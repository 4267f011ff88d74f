//! The rules of the default branch: whether it is protected, and requires the status of an approval. Pure.

use crate::{
    commands::doctor::{
        check::{Check, Needs, shell_word},
        facts::{ApprovalWay, GitHubFacts, Intent},
        workflow_uses::{StatusStep, TokenSource, WorkflowUses},
    },
    ruleset::default_branch_ruleset,
    world::github::{Inspection, RequiredStatus, RulesetRule},
};

const READ: Needs = Needs::of_job("Contents: read", "contents: read");
/// How GitHub refuses rules that the plan does not have.
const NOT_IN_PLAN: &str = "Upgrade to ";

#[must_use]
pub fn judge(facts: &GitHubFacts, uses: &WorkflowUses, intent: &Intent<'_>) -> Vec<Check> {
    let name = &facts.overview.default_branch;
    let check = format!("branch {name}");
    if let Some(denial) = facts.rules.denial().filter(|denial| denial.message.contains(NOT_IN_PLAN)) {
        return vec![Check::problem(
            check,
            format!("the plan has no rules for this repository: {}", denial.message),
            "a branch that only reviewed changes reach",
            "change the plan, or make the repository public; until then anyone who can push can change the workflows: \
             `promote-gates audit` shows who did",
        )];
    }
    if let Inspection::NotFound = facts.branch
        && facts.rules.seen().is_some_and(Vec::is_empty)
    {
        return vec![Check::not_seen(check, READ, "GitHub shows no such branch; the repository may be empty")];
    }
    let rules: &[RulesetRule] = facts.rules.seen().map(Vec::as_slice).unwrap_or_default();
    let classic = facts.branch.seen();
    let is_protected = !rules.is_empty() || classic.is_some_and(|branch| branch.protected);
    let unseen = || {
        Check::of_unseen(check.clone(), &facts.rules, READ)
            .or_else(|| Check::of_unseen(check.clone(), &facts.branch, READ))
    };
    if !is_protected {
        return vec![unseen().unwrap_or_else(|| {
            let status: &[&str] = if intent.way == ApprovalWay::PullRequest { &[intent.status] } else { &[] };
            Check::problem(
                check.clone(),
                "not protected: anyone who can push can change the workflows, the config file and the ledger",
                "a branch that only reviewed changes reach",
                fix_protection(facts, status),
            )
        })];
    }
    let kinds: Vec<&str> = rules.iter().map(|rule| rule.kind.as_str()).collect();
    let described = if kinds.is_empty() { "classic branch protection".to_owned() } else { kinds.join(", ") };
    let mut checks = vec![Check::ok(check.clone(), format!("protected: {described}"))];
    if intent.way == ApprovalWay::PullRequest {
        checks.extend(by_pull_request(facts, uses, intent, rules, unseen()));
    }
    checks
}

/// The two rules without which a merge does not wait for the approval.
fn by_pull_request(
    facts: &GitHubFacts,
    uses: &WorkflowUses,
    intent: &Intent<'_>,
    rules: &[RulesetRule],
    unseen: Option<Check>,
) -> Vec<Check> {
    let name = &facts.overview.default_branch;
    let classic = facts.branch.seen();
    let of_rules = rules.iter().flat_map(|rule| &rule.statuses);
    let all = of_rules.chain(classic.iter().flat_map(|branch| &branch.statuses));
    let entries: Vec<&RequiredStatus> = all.filter(|entry| entry.context == intent.status).collect();
    let (status, pull) = (format!("branch {name}: required status"), format!("branch {name}: pull requests"));
    let status = match (!entries.is_empty(), unseen) {
        (true, _) => judge_source(status, intent.status, facts, uses, &entries),
        (false, Some(unseen)) => unseen,
        (false, None) => Check::problem(
            status,
            format!("`{}` is not required: a pull request is merged without the approval", intent.status),
            format!("`{}`", intent.status),
            fix_protection(facts, &[intent.status]),
        ),
    };
    let requires = rules.iter().any(|rule| rule.kind == "pull_request");
    let pull = match (requires, classic.is_some_and(|branch| branch.protected)) {
        (true, _) => Check::ok(pull, "required"),
        // Only an administrator sees the other rules of classic protection.
        (false, true) => Check::not_seen(
            pull,
            Needs::pat_or_app("Administration: read"),
            &format!(
                "no ruleset requires one; for classic protection: `gh api repos/{}/branches/{}/protection --jq \
                 .required_pull_request_reviews`",
                facts.repository,
                shell_word(name)
            ),
        ),
        (false, false) => Check::problem(
            pull,
            "not required: everyone who can push changes the branch without one",
            "a rule that requires a pull request",
            fix_protection(facts, &[intent.status]),
        ),
    };
    vec![status, pull]
}

/// The account of the job's tokens on github.com. Each Enterprise Server has another number for it.
const ACTIONS_APP: u64 = 15_368;

/// Whether the rule requires the status `context` from the account that sets it.
fn judge_source(
    check: String,
    context: &str,
    facts: &GitHubFacts,
    uses: &WorkflowUses,
    required: &[&RequiredStatus],
) -> Check {
    let with = |source: TokenSource| uses.statuses.iter().find(|step| step.token == source);
    let see = format!("`gh api repos/{}/rulesets` lists the rules", facts.repository);
    let app = required.iter().find_map(|status| status.app);
    let on_github_com = facts.overview.server.is_none();
    let name_the_app = |check: String, actual: String| {
        let next = "choose the App as the source of the status in the rule (`integration_id` in a ruleset, `app_id` in `checks`)";
        Check::problem(check, actual, format!("`{context}` from this App"), format!("{next}: {see}"))
    };
    match (app, with(TokenSource::Step), with(TokenSource::Job)) {
        (None, Some(StatusStep { place, .. }), _) => name_the_app(
            check,
            format!(
                "`{context}` from any account, and an App sets it ({place}): every token with Commit statuses: write can set it, too"
            ),
        ),
        (Some(ACTIONS_APP), Some(StatusStep { place, .. }), _) if on_github_com => name_the_app(
            check,
            format!("`{context}` from GitHub Actions, and an App sets it ({place}), whose status does not count"),
        ),
        (Some(app), _, Some(StatusStep { place, .. })) if app != ACTIONS_APP && on_github_com => Check::problem(
            check,
            format!(
                "`{context}` from the App {app}, and {place} sets it with the token of the job, whose status does not count"
            ),
            format!("`{context}` by the token of the App {app}"),
            format!(
                "copy `promotion-status-by-app.yml` in place of `promotion-status.yml`, or give `status` the token of this App; {see}"
            ),
        ),
        (Some(app), ..) => Check::ok(check, format!("`{context}` from the App {app}")),
        (None, ..) => Check::ok(check, format!("`{context}` from any account")),
    }
}

/// The command that makes a ruleset for the default branch.
#[must_use]
pub fn fix_protection(facts: &GitHubFacts, statuses: &[&str]) -> String {
    let ruleset = default_branch_ruleset(statuses, None);
    format!(
        "`gh api --method POST repos/{}/rulesets --input - <<< {}`; if an App pushes promotions to this branch, add it to the \
         ruleset's bypass list",
        facts.repository,
        shell_word(&ruleset.to_string())
    )
}
