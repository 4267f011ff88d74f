//! Reviewers that cannot review: without access to the repository, or a team without members. Pure.

use crate::{
    commands::{
        doctor::{
            check::{Check, Needs, shell_word},
            facts::{GitHubFacts, ReviewerAccess},
        },
        environments::desired::ReviewerName,
    },
    world::github::{Inspection, TeamFacts},
};

const USER: Needs = Needs::of_job("Metadata: read", "contents: read");
const TEAM: Needs = Needs::pat_or_app("Members: read on the organisation");
const EXPECTED: &str = "a reviewer with at least read access to the repository: others cannot approve";

/// One check for each reviewer, once for all environments.
#[must_use]
pub fn judge(facts: &GitHubFacts) -> Vec<Check> {
    let mut seen: Vec<&ReviewerName> = Vec::new();
    let mut checks = Vec::new();
    for (name, access) in facts.environments.seen().into_iter().flatten().flat_map(|one| &one.reviewers) {
        if !seen.contains(&name) {
            seen.push(name);
            checks.push(judge_one(facts, name, access));
        }
    }
    checks
}

fn judge_one(facts: &GitHubFacts, name: &ReviewerName, access: &ReviewerAccess) -> Check {
    let check = format!("reviewer {name}");
    let repository = &facts.repository;
    match (name, access) {
        (ReviewerName::User(login), ReviewerAccess::User(permission)) => match permission {
            Inspection::Seen(permission) if permission == "none" => Check::problem(
                check,
                format!("no access to {repository}"),
                EXPECTED,
                format!(
                    "`gh api --method PUT repos/{repository}/collaborators/{} -f permission=pull`",
                    shell_word(login)
                ),
            ),
            Inspection::Seen(permission) => Check::ok(check, format!("has {permission} access")),
            unseen => Check::of_unseen(check.clone(), unseen, USER).unwrap_or_else(|| Check::ok(check, "")),
        },
        (ReviewerName::Team(slug), ReviewerAccess::Team(team, access)) => {
            judge_team(facts, check, slug, team, access.as_ref())
        }
        (ReviewerName::User(_) | ReviewerName::Team(_), _) => Check::not_seen(check, USER, ""),
    }
}

fn judge_team(
    facts: &GitHubFacts,
    check: String,
    slug: &str,
    team: &Inspection<TeamFacts>,
    access: Option<&Inspection<()>>,
) -> Check {
    let (owner, repository, slug) = (facts.repository.owner(), &facts.repository, shell_word(slug));
    if let Some(unseen) = Check::of_unseen(check.clone(), team, TEAM) {
        return unseen;
    }
    let members = team.seen().and_then(|team| team.members);
    match access {
        // The team itself was seen, so this 404 is about its access.
        Some(Inspection::NotFound) => Check::problem(
            check,
            format!("no access to {repository}"),
            EXPECTED,
            format!("`gh api --method PUT orgs/{owner}/teams/{slug}/repos/{repository} -f permission=pull`"),
        ),
        Some(Inspection::Seen(())) if members == Some(0) => Check::problem(
            check,
            "the team has no members",
            "at least one person who can approve",
            format!(
                "with a person in the place of LOGIN: `gh api --method PUT orgs/{owner}/teams/{slug}/memberships/LOGIN`"
            ),
        ),
        Some(Inspection::Seen(())) => {
            let count = members.map_or_else(String::new, |members| format!("; members: {members}"));
            Check::ok(check, format!("has access{count}"))
        }
        Some(unseen) => {
            Check::of_unseen(check.clone(), unseen, TEAM).unwrap_or_else(|| Check::not_seen(check, TEAM, ""))
        }
        None => Check::not_seen(check, TEAM, ""),
    }
}
