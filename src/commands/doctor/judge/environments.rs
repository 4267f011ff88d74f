//! Environments: whether they exist, who has to approve, and what deploys. Pure.

use std::collections::BTreeMap;

use super::{branch::fix_protection, plan};
use crate::{
    commands::{
        doctor::{
            check::{Check, Needs, shell_word},
            facts::{ApprovalWay, EnvironmentFacts, GitHubFacts, Intent},
            workflow_uses::WorkflowUses,
        },
        environments::{actual::ActualEnvironment, desired::DeployableBranches},
    },
    world::{
        github::{BranchRule, EnvironmentSettings, Inspection},
        url::percent_encode,
    },
};

const NEEDS: Needs = Needs::of_job("Actions: read", "actions: read");

/// The beginning of the names that most teams give to what their users see.
const PRODUCTION: &str = "prod";

#[must_use]
pub fn judge(facts: &GitHubFacts, uses: &WorkflowUses, intent: &Intent<'_>) -> Vec<Check> {
    let Inspection::Seen(existing) = &facts.environments else {
        return Check::of_unseen("environments", &facts.environments, NEEDS).into_iter().collect();
    };
    let reviewed = reviewed(existing, uses, intent);
    let mut checks: Vec<Check> = existing
        .iter()
        .flat_map(|environment| match &environment.protection {
            Ok(protection) => {
                let why = reviewed.get(&environment.name.to_lowercase());
                judge_one(facts, intent.way, &environment.name, protection, why.map(String::as_str))
            }
            Err(finding) => vec![Check::unknown(format!("environment {}", environment.name), finding)],
        })
        .collect();
    let exists = |name: &str| existing.iter().any(|environment| environment.name.eq_ignore_ascii_case(name));
    for (name, why) in reviewed.iter().filter(|(name, _)| !exists(name)) {
        checks.push(Check::problem(
            format!("environment {name}"),
            format!("GitHub has no such environment: a job that names it creates it, unprotected; {why}"),
            "an environment with required reviewers",
            fix_reviewers(facts, name, &ActualEnvironment::NEW),
        ));
    }
    if checks.is_empty() {
        checks.push(Check::ok("environments", "the repository has none, and no workflow that promotes names one"));
    }
    checks
}

/// The environments that people have to approve, in lower case, and why.
fn reviewed(existing: &[EnvironmentFacts], uses: &WorkflowUses, intent: &Intent<'_>) -> BTreeMap<String, String> {
    if !intent.reviewed.is_empty() {
        let named = |name: &String| (name.to_lowercase(), "`reviewed` names it".to_owned());
        return intent.reviewed.iter().map(named).collect();
    }
    if intent.way == ApprovalWay::PullRequest {
        return BTreeMap::new();
    }
    let by_name = existing.iter().map(|environment| environment.name.to_lowercase());
    let by_name = by_name.filter(|name| name.starts_with(PRODUCTION));
    let mut all: BTreeMap<String, String> =
        by_name.map(|name| (name, "its name begins with `prod`; `reviewed` names others".to_owned())).collect();
    let promoting = uses.environments.iter().filter(|used| used.promotes);
    all.extend(promoting.map(|used| (used.name.to_lowercase(), format!("{} promotes there", used.place))));
    all
}

/// `why`: the reason for which it needs reviewers.
fn judge_one(
    facts: &GitHubFacts,
    way: ApprovalWay,
    name: &str,
    actual: &ActualEnvironment,
    why: Option<&str>,
) -> Vec<Check> {
    let check = |part: &str| format!("environment {name}: {part}");
    let mut checks = Vec::new();
    let deploys = actual.branches.to_string();
    if actual.reviewers.is_empty() {
        checks.push(match why {
            None => Check::ok(check("approval"), format!("no required reviewers; {deploys}")),
            Some(why) if plan::has_reviewers(facts) == Some(false) => Check::problem(
                check("approval"),
                format!("no required reviewers, and the plan has none; {why}"),
                "a person who approves",
                plan::USE_PULL_REQUESTS,
            ),
            Some(why) => Check::problem(
                check("approval"),
                format!("no required reviewers: every job that names it deploys without a person; {why}"),
                "required reviewers",
                fix_reviewers(facts, name, actual),
            ),
        });
    } else {
        let names: Vec<String> = actual.reviewers.keys().map(ToString::to_string).collect();
        let bypass = match actual.can_admins_bypass {
            Some(false) => "",
            _ => "; administrators can bypass it",
        };
        checks.push(Check::ok(check("approval"), format!("one of {}{bypass}", names.join(", "))));
    }
    let guards = why.is_some() || !actual.reviewers.is_empty();
    checks.push(match (actual.branches, &facts.protected) {
        (DeployableBranches::Any, _) if guards && way == ApprovalWay::Environment => Check::problem(
            check("branches"),
            "any branch deploys: a workflow of any branch, changed at will, asks the same reviewers",
            "protected branches only, or branches by pattern",
            fix_branches(facts, name, actual),
        ),
        (DeployableBranches::Protected, Ok(branches)) if branches.is_empty() => Check::problem(
            check("branches"),
            "protected branches only, no branch is protected, and then GitHub lets EVERY branch deploy",
            "at least one protected branch",
            fix_protection(facts, &[]),
        ),
        (DeployableBranches::Protected, Ok(branches)) => {
            Check::ok(check("branches"), format!("protected branches only: {}", branches.join(", ")))
        }
        (DeployableBranches::Protected, Err(finding)) => Check::unknown(check("branches"), finding),
        (DeployableBranches::Custom, _) if actual.patterns.is_empty() => Check::problem(
            check("branches"),
            "nothing deploys: branches by pattern, and there is no pattern",
            "at least one pattern",
            format!(
                "`gh api --method POST {}/deployment-branch-policies -f name={}`",
                api_path(facts, name),
                shell_word(&facts.overview.default_branch)
            ),
        ),
        (DeployableBranches::Custom, _) => {
            let patterns: Vec<String> = actual.patterns.keys().map(ToString::to_string).collect();
            Check::ok(check("branches"), patterns.join(", "))
        }
        (DeployableBranches::Any, _) => Check::ok(check("branches"), "any branch deploys"),
    });
    checks
}

fn api_path(facts: &GitHubFacts, name: &str) -> String {
    shell_word(&format!("repos/{}/environments/{}", facts.repository, percent_encode(name)))
}

/// The command that gives the environment a reviewer and keeps its other rules: GitHub takes all of them in one request.
fn fix_reviewers(facts: &GitHubFacts, name: &str, actual: &ActualEnvironment) -> String {
    let settings = with_protected_branches(actual.settings(actual));
    let (reviewer, kind, id) = if facts.overview.of_organisation {
        let owner = facts.repository.owner();
        ("TEAM", "Team", format!("\"reviewers[][id]=$(gh api orgs/{owner}/teams/TEAM --jq .id)\""))
    } else {
        ("LOGIN", "User", "\"reviewers[][id]=$(gh api users/LOGIN --jq .id)\"".to_owned())
    };
    format!(
        "with the reviewer in the place of {reviewer}: `gh api --method PUT {} -F 'reviewers[][type]={kind}' -F {id}{}`",
        api_path(facts, name),
        fields(&settings)
    )
}

fn fix_branches(facts: &GitHubFacts, name: &str, actual: &ActualEnvironment) -> String {
    let settings = with_protected_branches(actual.settings(actual));
    let reviewers: String = settings
        .reviewers
        .iter()
        .flatten()
        .map(|(kind, id)| format!(" -F 'reviewers[][type]={}' -F 'reviewers[][id]={id}'", kind.as_str()))
        .collect();
    format!("`gh api --method PUT {}{reviewers}{}`", api_path(facts, name), fields(&settings))
}

fn with_protected_branches(settings: EnvironmentSettings) -> EnvironmentSettings {
    let branch_rule = settings.branch_rule.or(Some(BranchRule { protected: true, custom: false }));
    EnvironmentSettings { branch_rule, ..settings }
}

/// Every rule but the reviewers, as `gh api` takes them.
fn fields(settings: &EnvironmentSettings) -> String {
    let EnvironmentSettings { wait_timer, prevent_self_review, branch_rule, can_admins_bypass, .. } = settings;
    let mut fields = String::new();
    let mut put =
        |name: &str, value: String| fields.push_str(&format!(" -F {}", shell_word(&format!("{name}={value}"))));
    if let Some(minutes) = wait_timer {
        put("wait_timer", minutes.to_string());
    }
    if let Some(prevented) = prevent_self_review {
        put("prevent_self_review", prevented.to_string());
    }
    if let Some(BranchRule { protected, custom }) = branch_rule {
        put("deployment_branch_policy[protected_branches]", protected.to_string());
        put("deployment_branch_policy[custom_branch_policies]", custom.to_string());
    }
    if let Some(can) = can_admins_bypass {
        put("can_admins_bypass", can.to_string());
    }
    fields
}
