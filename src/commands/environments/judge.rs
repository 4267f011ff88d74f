//! What is said of an environment: whether GitHub has it as the file says, and what GitHub makes of that. Pure.

use super::{
    plan::{Facet, Rule, bypass, facets, timer},
    present::Present,
    wanted::{Branches, Wanted},
};
use crate::finding::Finding;

/// The branches with protection of their own, or why they cannot be seen.
pub type Protected = Result<Vec<String>, Finding>;

/// One finding for each rule that the file mentions, then [`remarks`].
#[must_use]
pub fn judge(wanted: &Wanted, present: Option<&Present>, protected: &Protected) -> Vec<Finding> {
    let name = &wanted.name;
    let Some(there) = present else {
        return vec![
            Finding::blocked(name.as_str())
                .actual("GitHub has no such environment: a job that names it creates it, unprotected")
                .expected("an environment as the file says")
                .next("run `environments` with `mode: apply`"),
        ];
    };
    let mut findings: Vec<Finding> =
        facets(wanted, present).iter().filter_map(|facet| held(wanted, facet, there)).collect();
    if findings.is_empty() {
        findings.push(Finding::passed(name.as_str()).actual("there; the file says nothing of its rules"));
    }
    findings.extend(remarks(wanted, there, protected));
    findings
}

fn held(wanted: &Wanted, facet: &Facet, present: &Present) -> Option<Finding> {
    let expected = facet.wanted.as_ref()?;
    let check = format!("{}: {}", wanted.name, facet.rule);
    let untold = facet.rule == Rule::AdminBypass && present.can_admins_bypass.is_none();
    let finding = match (facet.differs, untold) {
        (false, _) => Finding::passed(check),
        (true, true) => Finding::inconclusive(check).next("look at the environment's settings on GitHub"),
        (true, false) if facet.rule == Rule::AdminBypass => {
            Finding::blocked(check).next("set it in the environment's settings on GitHub: its API cannot")
        }
        (true, false) => Finding::blocked(check).next("run `environments` with `mode: apply`, or change the file"),
    };
    Some(finding.expected(expected).actual(&facet.now))
}

/// What GitHub makes of the rules, where that is not what one would think.
#[must_use]
pub fn remarks(wanted: &Wanted, present: &Present, protected: &Protected) -> Vec<Finding> {
    let all = [
        approvals(wanted, present),
        timer_start(wanted, present),
        deploys(wanted, present, protected),
        administrators(wanted, present),
    ];
    all.into_iter().flatten().collect()
}

/// GitHub asks for one approval, whatever the file says.
fn approvals(wanted: &Wanted, present: &Present) -> Option<Finding> {
    let minimum = wanted.minimum_approvals?;
    let check = format!("{}: minimum approvals", wanted.name);
    let expected = if minimum == 1 { "1".to_owned() } else { format!("{minimum}, of different people") };
    let finding = match (present.reviewers.is_empty(), minimum) {
        (true, _) => Finding::blocked(check)
            .actual("0: no reviewer is required, so nobody is asked")
            .next("name them under `required_reviewers`"),
        (false, 1) => {
            Finding::passed(check).actual("1: any one of the reviewers suffices, which is all that GitHub can ask for")
        }
        (false, _) => {
            Finding::blocked(check).actual("1: any one of the reviewers suffices; GitHub has no rule for more").next(
                "let one job after the other pass an environment of its own, each with other reviewers, and say 1 here",
            )
        }
    };
    Some(finding.expected(expected))
}

/// The timer runs from the trigger. Beside reviewers it is often meant to run from the approval.
fn timer_start(wanted: &Wanted, present: &Present) -> Option<Finding> {
    let minutes = wanted.wait_timer.filter(|minutes| *minutes > 0)?;
    (!present.reviewers.is_empty()).then(|| {
        Finding::passed(format!("{}: when its timer starts", wanted.name))
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

/// Two policies that let something else deploy than they say.
fn deploys(wanted: &Wanted, present: &Present, protected: &Protected) -> Option<Finding> {
    let name = &wanted.name;
    match (present.branches, protected) {
        (Branches::Protected, Ok(branches)) if branches.is_empty() => Some(
            Finding::blocked(format!("{name}: protected branches"))
                .actual("no branch is protected, and then GitHub lets EVERY branch deploy")
                .expected("at least one protected branch")
                .next("protect the default branch, or list `branches:` under `deployment_branch_policy`"),
        ),
        (Branches::Protected, Ok(branches)) => {
            let finding = Finding::passed(format!("{name}: protected branches"));
            Some(finding.actual(branches.join(", ")).expected("at least one protected branch"))
        }
        (Branches::Protected, Err(error)) => {
            let finding = error.clone();
            let seen = format!("{}: {}; with no protected branch, GitHub lets EVERY branch deploy", error.check, error.actual);
            let check = format!("{name}: protected branches");
            Some(Finding { check, expected: "at least one protected branch".to_owned(), actual: seen, ..finding })
        }
        (Branches::Custom, _) if present.patterns.is_empty() => Some(
            Finding::passed(format!("{name}: what deploys there"))
                .actual("NOTHING: only what matches a pattern deploys, and there is none")
                .next(
                    "list `branches:` under `deployment_branch_policy`, or write `deployment_branch_policy: null` to let \
                     any branch deploy",
                ),
        ),
        (Branches::Any | Branches::Custom, _) => None,
    }
}

/// Administrators pass by every rule unless somebody has switched that off.
fn administrators(wanted: &Wanted, present: &Present) -> Option<Finding> {
    let guarded = present.wait_timer > 0 || !present.reviewers.is_empty();
    let unsaid = wanted.can_admins_bypass.is_none() && present.can_admins_bypass != Some(false);
    (guarded && unsaid).then(|| {
        let default = if present.can_admins_bypass.is_none() { "; by default it is possible" } else { "" };
        Finding::passed(format!("{}: {}", wanted.name, Rule::AdminBypass))
            .actual(format!("{}{default}; the file does not mention it", bypass(present.can_admins_bypass)))
            .next("switch it off in the environment's settings, and let `can_admins_bypass: false` watch over it")
    })
}

/// Why these rules cannot be set: GitHub would forget one of them.
#[must_use]
pub fn refusal(wanted: &Wanted, after: &Present) -> Option<Finding> {
    let unheard = wanted.prevent_self_review == Some(true) && after.reviewers.is_empty();
    unheard.then(|| {
        Finding::blocked(format!("{}: {}", wanted.name, Rule::SelfReview))
            .actual("nobody has to review, and GitHub keeps this rule beside reviewers only")
            .expected("required reviewers")
            .next("name them under `required_reviewers`")
    })
}

#[cfg(test)]
mod tests;
