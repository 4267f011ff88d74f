//! Findings about an environment: whether GitHub matches the file, and effects of the rules that surprise people. Pure.

use super::{
    actual::ActualEnvironment,
    desired::{DeployableBranches, DesiredEnvironment, RefPattern},
    plan::{Facet, ProtectionRule, UNREPORTED, bypass, facets, timer},
};
use crate::finding::{Figures, Finding, Verdict};

/// When the state on GitHub is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    Check,
    /// `apply` has written the rules, and read them back.
    AfterApply,
}

/// What to do about a rule that differs.
pub const APPLY: &str = "run `environments` with `mode: apply`, or change the file";

/// The protected branches, or why they cannot be read.
pub type ProtectedBranches = Result<Vec<String>, Finding>;

/// One finding for each rule that the file mentions, then [`remarks`].
#[must_use]
pub fn judge(
    desired: &DesiredEnvironment,
    actual: Option<&ActualEnvironment>,
    protected: &ProtectedBranches,
    occasion: Occasion,
) -> Vec<Finding> {
    let name = &desired.name;
    let Some(existing) = actual else {
        return vec![
            Finding::blocked(name.as_str())
                .actual("GitHub has no such environment: a job that names it creates it, unprotected")
                .expected("an environment as the file says")
                .figures(Figures::now("does not exist"))
                .next(APPLY),
        ];
    };
    let mut findings: Vec<Finding> =
        facets(desired, actual).iter().filter_map(|facet| check_rule(desired, facet, existing, occasion)).collect();
    if findings.is_empty() {
        findings.push(Finding::passed(name.as_str()).actual("exists; the file sets no rules"));
    }
    findings.extend(remarks(desired, existing, protected));
    findings
}

fn check_rule(
    desired: &DesiredEnvironment,
    facet: &Facet,
    actual: &ActualEnvironment,
    occasion: Occasion,
) -> Option<Finding> {
    let expected = facet.desired.as_ref()?;
    let finding = Finding::passed(format!("{}: {}", desired.name, facet.rule));
    let finding = finding.expected(expected).actual(&facet.now).figures(Figures::now(&facet.now).limit(expected));
    if !facet.differs {
        return Some(finding);
    }
    if let Some(key) = unknown_key(&facet.rule, actual) {
        let verdict = if facet.now == UNREPORTED { Verdict::Inconclusive } else { Verdict::Blocked };
        let actual = format!("{}: its answer has no `{key}`", facet.now);
        return Some(Finding { verdict, actual, ..finding.next(update_server(key_in_file(key), &desired.place)) });
    }
    let blocked = Finding { verdict: Verdict::Blocked, ..finding };
    let about_reviews = matches!(facet.rule, ProtectionRule::Reviewers | ProtectionRule::SelfReview);
    Some(match (occasion, refusal(desired, Some(actual)).filter(|_| about_reviews)) {
        (Occasion::Check, Some(refusal)) => blocked.next(refusal.next.unwrap_or_default()),
        (Occasion::Check, None) => blocked.next(APPLY),
        (Occasion::AfterApply, _) => match dropped(desired, facet, actual) {
            Some(names) => blocked
                .actual(format!("{}: GitHub accepted the request, and left out {names}", facet.now))
                .next(format!(
                    "give {names} at least read access to the repository, because GitHub drops a reviewer without it, and \
                     run this again; or take {names} out of {}",
                    desired.place
                )),
            None if facet.rule == ProtectionRule::SelfReview && actual.reviewers.is_empty() => blocked
                .actual(format!("{}: GitHub keeps this rule only beside reviewers", facet.now))
                .next("see what is said of the required reviewers"),
            None => blocked.actual(format!("{}, although GitHub accepted the request", facet.now)).next(
                "set it in the environment's settings on GitHub, and find out what else changes it: the audit log names \
                 who changed an environment",
            ),
        },
    })
}

/// The field of GitHub's answers that would tell the rule, if the answers lack it.
fn unknown_key(rule: &ProtectionRule, actual: &ActualEnvironment) -> Option<&'static str> {
    match rule {
        ProtectionRule::AdminBypass if actual.can_admins_bypass.is_none() => Some("can_admins_bypass"),
        ProtectionRule::SelfReview if actual.prevent_self_review.is_none() => Some("prevent_self_review"),
        ProtectionRule::RefPattern(RefPattern::Tag(_)) if !actual.knows_tags => Some("type"),
        _ => None,
    }
}

/// The key in the file of a field in GitHub's requests and answers.
#[must_use]
pub fn key_in_file(field: &str) -> &str {
    match field {
        "reviewers" => "required_reviewers",
        "type" => "tags",
        same => same,
    }
}

/// What to do about a key that the server does not know.
#[must_use]
pub fn update_server(key: &str, place: &str) -> String {
    format!(
        "an older GitHub Enterprise Server does not know `{key}`: update it; or take `{key}` out of the environment at \
         {place}, and look at its settings on GitHub instead"
    )
}

/// The reviewers that GitHub left out of a request.
fn dropped(desired: &DesiredEnvironment, facet: &Facet, actual: &ActualEnvironment) -> Option<String> {
    let wanted = desired.reviewers.iter().flatten().filter(|_| facet.rule == ProtectionRule::Reviewers);
    let missing: Vec<String> =
        wanted.filter(|reviewer| !actual.reviewers.contains_key(reviewer)).map(ToString::to_string).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// Effects of the rules that surprise people.
#[must_use]
pub fn remarks(
    desired: &DesiredEnvironment,
    actual: &ActualEnvironment,
    protected: &ProtectedBranches,
) -> Vec<Finding> {
    let all = [
        approvals(desired, actual),
        timer_start(desired, actual),
        deploys(desired, actual, protected),
        administrators(desired, actual),
    ];
    all.into_iter().flatten().collect()
}

/// GitHub requires one approval, whatever the file says.
fn approvals(desired: &DesiredEnvironment, actual: &ActualEnvironment) -> Option<Finding> {
    let minimum = desired.minimum_approvals?;
    let check = format!("{}: minimum approvals", desired.name);
    let expected = if minimum == 1 { "1".to_owned() } else { format!("{minimum}, of different people") };
    let finding = match (actual.reviewers.is_empty(), minimum) {
        (true, _) => Finding::blocked(check)
            .actual("0: no reviewer is required, so no approval is requested")
            .figures(Figures::now("0").limit(minimum.to_string()))
            .next("name them under `required_reviewers`"),
        (false, 1) => {
            Finding::passed(check).actual("1: any one of the reviewers suffices, which is all that GitHub can ask for")
        }
        (false, _) => Finding::blocked(check)
            .actual("1: any one of the reviewers suffices; GitHub has no rule for more")
            .figures(Figures::now("1").limit(minimum.to_string()))
            .next("use one job and one environment for each approval, each with other reviewers, and set 1 here"),
    };
    Some(finding.expected(expected))
}

/// The timer starts at the trigger. Beside reviewers, people often expect it to start at the approval.
fn timer_start(desired: &DesiredEnvironment, actual: &ActualEnvironment) -> Option<Finding> {
    let minutes = desired.wait_timer.filter(|minutes| *minutes > 0)?;
    (!actual.reviewers.is_empty()).then(|| {
        Finding::passed(format!("{}: when its timer starts", desired.name))
            .actual(format!(
                "{} from when the job was triggered, not from the approval: approved later than that, it deploys at once",
                timer(minutes)
            ))
            .next(
                "for time after the approval use `wait` in the job, or a second job behind an environment whose only rule \
                 is a timer",
            )
    })
}

/// Two policies that do not do what their names say.
fn deploys(desired: &DesiredEnvironment, actual: &ActualEnvironment, protected: &ProtectedBranches) -> Option<Finding> {
    let name = &desired.name;
    match (actual.branches, protected) {
        (DeployableBranches::Protected, Ok(branches)) if branches.is_empty() => Some(
            Finding::blocked(format!("{name}: protected branches"))
                .actual("no branch is protected, and then GitHub lets EVERY branch deploy")
                .expected("at least one protected branch")
                .figures(Figures::now("none, so that EVERY branch deploys").limit("at least 1"))
                .next("protect the default branch, or list `branches:` under `deployment_branch_policy`"),
        ),
        (DeployableBranches::Protected, Ok(branches)) => {
            let finding = Finding::passed(format!("{name}: protected branches"));
            Some(finding.actual(branches.join(", ")).expected("at least one protected branch"))
        }
        (DeployableBranches::Protected, Err(error)) => {
            let finding = error.clone();
            let actual = format!("{}: {}; with no protected branch, GitHub lets EVERY branch deploy", error.check, error.actual);
            let check = format!("{name}: protected branches");
            Some(Finding { check, expected: "at least one protected branch".to_owned(), actual, ..finding })
        }
        (DeployableBranches::Custom, _) if actual.patterns.is_empty() => Some(
            Finding::passed(format!("{name}: what deploys there"))
                .actual("NOTHING: only what matches a pattern deploys, and there is none")
                .next(
                    "list `branches:` under `deployment_branch_policy`, or write `deployment_branch_policy: null` to let \
                     any branch deploy",
                ),
        ),
        (DeployableBranches::Any | DeployableBranches::Custom, _) => None,
    }
}

/// Administrators can bypass every rule unless this is switched off.
fn administrators(desired: &DesiredEnvironment, actual: &ActualEnvironment) -> Option<Finding> {
    let guarded = actual.wait_timer > 0 || !actual.reviewers.is_empty();
    let unmentioned = desired.can_admins_bypass.is_none() && actual.can_admins_bypass != Some(false);
    (guarded && unmentioned).then(|| {
        let default = if actual.can_admins_bypass.is_none() { "; by default it is possible" } else { "" };
        Finding::passed(format!("{}: {}", desired.name, ProtectionRule::AdminBypass))
            .actual(format!("{}{default}; the file does not mention it", bypass(actual.can_admins_bypass)))
            .next("write `can_admins_bypass: false` into the file: `apply` switches it off, and `check` detects when it is on")
    })
}

/// Why these rules cannot be set: GitHub keeps the review of one's own run only beside reviewers. It refuses the request, or
/// drops the rule, and the file would say one thing and GitHub another.
#[must_use]
pub fn refusal(desired: &DesiredEnvironment, actual: Option<&ActualEnvironment>) -> Option<Finding> {
    let reviewed = match &desired.reviewers {
        Some(reviewers) => !reviewers.is_empty(),
        None => actual.is_some_and(|actual| !actual.reviewers.is_empty()),
    };
    let prevented = actual.and_then(|actual| actual.prevent_self_review) == Some(true);
    let finding = || Finding::blocked(format!("{}: {}", desired.name, ProtectionRule::SelfReview));
    match (desired.prevent_self_review, prevented) {
        _ if reviewed => None,
        (Some(true), _) => Some(
            finding()
                .actual("no reviewer is required, and GitHub keeps this rule only beside reviewers")
                .expected("required reviewers")
                .next("name them under `required_reviewers`"),
        ),
        (None, true) => Some(
            finding()
                .actual("prevented; the file takes away all reviewers, and GitHub keeps this rule only beside reviewers")
                .expected("a file that says what becomes of it")
                .next(format!(
                    "write `prevent_self_review: false` beside `required_reviewers: []` in the environment at {}, or keep a \
                     reviewer",
                    desired.place
                )),
        ),
        (Some(false), _) | (None, false) => None,
    }
}

#[cfg(test)]
mod tests;
