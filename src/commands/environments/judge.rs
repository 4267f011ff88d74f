//! Findings about an environment: whether GitHub matches the file, and effects of the rules that surprise people. Pure.

use super::{
    actual::ActualEnvironment,
    desired::{DeployableBranches, DesiredEnvironment},
    plan::{Facet, ProtectionRule, bypass, facets, timer},
};
use crate::finding::{Figures, Finding};

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
        facets(desired, actual).iter().filter_map(|facet| check_rule(desired, facet, existing)).collect();
    if findings.is_empty() {
        findings.push(Finding::passed(name.as_str()).actual("exists; the file sets no rules"));
    }
    findings.extend(remarks(desired, existing, protected));
    findings
}

fn check_rule(desired: &DesiredEnvironment, facet: &Facet, actual: &ActualEnvironment) -> Option<Finding> {
    let expected = facet.desired.as_ref()?;
    let check = format!("{}: {}", desired.name, facet.rule);
    let unreported = facet.rule == ProtectionRule::AdminBypass && actual.can_admins_bypass.is_none();
    let finding = match (facet.differs, unreported) {
        (false, _) => Finding::passed(check),
        (true, true) => Finding::inconclusive(check).next("look at the environment's settings on GitHub"),
        (true, false) if facet.rule == ProtectionRule::AdminBypass => {
            Finding::blocked(check).next("set it in the environment's settings on GitHub: its API cannot")
        }
        (true, false) => Finding::blocked(check).next(APPLY),
    };
    Some(finding.expected(expected).actual(&facet.now).figures(Figures::now(&facet.now).limit(expected)))
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
            .next("switch it off in the environment's settings, and let `can_admins_bypass: false` watch over it")
    })
}

/// Why these rules cannot be set: GitHub would drop one of them.
#[must_use]
pub fn refusal(desired: &DesiredEnvironment, after: &ActualEnvironment) -> Option<Finding> {
    let dropped = desired.prevent_self_review == Some(true) && after.reviewers.is_empty();
    dropped.then(|| {
        Finding::blocked(format!("{}: {}", desired.name, ProtectionRule::SelfReview))
            .actual("no reviewer is required, and GitHub keeps this rule only beside reviewers")
            .expected("required reviewers")
            .next("name them under `required_reviewers`")
    })
}

#[cfg(test)]
mod tests;
