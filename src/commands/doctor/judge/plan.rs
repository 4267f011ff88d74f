//! Whether required reviewers can exist on this plan: <https://docs.github.com/actions/reference/workflows-and-actions/deployments-and-environments>.
//! Pure.

use crate::{
    commands::doctor::{
        check::{Check, Needs},
        facts::{ApprovalWay, GitHubFacts},
    },
    world::github::{Inspection, Visibility},
};

const CHECK: &str = "plan";

/// The plans without reviewers and timers in private repositories, and those with them, by GitHub's names.
const WITHOUT: [&str; 3] = ["free", "pro", "team"];
const WITH: [&str; 2] = ["enterprise", "business_plus"];

/// The command that chooses the way by pull request.
pub const USE_PULL_REQUESTS: &str = "let people approve a pull request instead, as in docs/any-plan.md: `printf '\\napproval:\\n  source: pull-request\\n' >> \
     .github/promote-gates.yml`";

/// Whether the plan has required reviewers for this repository; `None`: not seen.
#[must_use]
pub fn has_reviewers(facts: &GitHubFacts) -> Option<bool> {
    match (&facts.overview.server, facts.overview.visibility) {
        (Some(_), _) | (None, Visibility::Public | Visibility::Internal) => Some(true),
        (None, Visibility::Private) => match plan_name(facts)? {
            name if WITHOUT.contains(&name) => Some(false),
            name if WITH.contains(&name) => Some(true),
            _ => None,
        },
    }
}

fn plan_name(facts: &GitHubFacts) -> Option<&str> {
    facts.plan.as_ref().and_then(Inspection::seen)?.as_deref()
}

#[must_use]
pub fn judge(facts: &GitHubFacts, way: ApprovalWay) -> Check {
    if let Some(version) = &facts.overview.server {
        return Check::ok(
            CHECK,
            format!("GitHub Enterprise Server {version}: every repository can have required reviewers"),
        );
    }
    match facts.overview.visibility {
        Visibility::Public => {
            return Check::ok(CHECK, "a public repository: it can have required reviewers on any plan");
        }
        Visibility::Internal => {
            return Check::ok(CHECK, "an internal repository, so Enterprise: it can have required reviewers");
        }
        Visibility::Private => {}
    }
    match (plan_name(facts), has_reviewers(facts)) {
        (Some(name), Some(true)) => {
            Check::ok(CHECK, format!("{name}: a private repository can have required reviewers"))
        }
        (Some("free"), _) if way == ApprovalWay::PullRequest => Check::problem(
            CHECK,
            "free, and the repository is private: no rule can keep an unapproved pull request from being merged",
            "a plan with rules: Pro, Team or Enterprise; or a public repository",
            "change the plan, or make the repository public; until then only `audit` sees who merged: `promote-gates audit`",
        ),
        (Some(name), Some(false)) if way == ApprovalWay::PullRequest => Check::ok(
            CHECK,
            format!("{name}: no required reviewers in a private repository; people approve pull requests here"),
        ),
        (Some(name), Some(false)) => Check::problem(
            CHECK,
            format!("{name}, and the repository is private: it can have no required reviewers and no wait timer"),
            "a public repository, or the plan Enterprise; or approval by pull request",
            USE_PULL_REQUESTS,
        ),
        (Some(name), None) => Check::not_seen(
            CHECK,
            Needs::pat_or_app("a look at the organisation's plan"),
            &format!("GitHub names a plan that is unknown here: {name}"),
        ),
        (None, _) => {
            let needs = if facts.overview.of_organisation {
                Needs::pat_or_app("Organization plan: read")
            } else {
                Needs::pat_or_app("the owner's own token, with Plan: read")
            };
            let detail = "whether this private repository can have required reviewers is unknown";
            match &facts.plan {
                Some(Inspection::Failed(finding)) => Check::unknown(CHECK, finding),
                _ => Check::not_seen(CHECK, needs, detail),
            }
        }
    }
}
