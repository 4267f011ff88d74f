//! What the job's own token may do by default, and whether Actions may open pull requests. Pure.

use crate::{
    commands::doctor::{
        check::{Check, Needs},
        facts::{ApprovalWay, GitHubFacts},
    },
    world::github::WorkflowPermissions,
};

const DEFAULT: &str = "default permissions of workflows";
const PULL_REQUESTS: &str = "pull requests by Actions";
const NEEDS: Needs = Needs::pat_or_app("Administration: read");

#[must_use]
pub fn judge(facts: &GitHubFacts, way: ApprovalWay) -> Vec<Check> {
    let Some(permissions) = facts.workflow_permissions.seen() else {
        let unseen = |check| Check::of_unseen(check, &facts.workflow_permissions, NEEDS);
        return [unseen(DEFAULT), unseen(PULL_REQUESTS)].into_iter().flatten().collect();
    };
    let path = format!("repos/{}/actions/permissions/workflow", facts.repository);
    let WorkflowPermissions { default, may_open_pull_requests } = permissions;
    let default = if default == "read" {
        Check::ok(DEFAULT, "read")
    } else {
        Check::problem(
            DEFAULT,
            format!("{default}: every job without `permissions:` may push, and change releases and issues"),
            "read; a job says under `permissions:` what else it needs",
            format!("`gh api --method PUT {path} -f default_workflow_permissions=read`"),
        )
    };
    let pull_requests = match (way, may_open_pull_requests) {
        (ApprovalWay::PullRequest, false) => Check::problem(
            PULL_REQUESTS,
            "not allowed: `github.token` cannot open the pull request of a promotion",
            "allowed, or the token of an App for `promote`, which needs no such switch",
            format!(
                "`gh api --method PUT {path} -F can_approve_pull_request_reviews=true`; if GitHub answers 409, the \
                 organisation forbids it, and has the same switch at `orgs/{}/actions/permissions/workflow`",
                facts.repository.owner()
            ),
        ),
        (ApprovalWay::PullRequest, true) => {
            Check::ok(PULL_REQUESTS, "allowed; an approval by `github-actions` never counts")
        }
        (ApprovalWay::Environment, true) => Check::ok(PULL_REQUESTS, "allowed; promotions here do not need it"),
        (ApprovalWay::Environment, false) => Check::ok(PULL_REQUESTS, "not allowed; promotions here do not need it"),
    };
    vec![default, pull_requests]
}
