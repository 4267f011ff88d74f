//! The token: its kind, its scopes, and what it may not see. Pure.

use std::collections::BTreeSet;

use crate::{
    commands::doctor::{
        check::Check,
        facts::{GitHubFacts, TokenKind},
    },
    world::github::Denial,
};

const CHECK: &str = "token";

/// A token that GitHub knows. What it may not see is the matter of the other checks.
#[must_use]
pub fn judge(facts: &GitHubFacts) -> Check {
    let overview = &facts.overview;
    let mut parts = vec![facts.token.describe().to_owned()];
    match &overview.scopes {
        // GitHub sends the header, without a scope, also for tokens that have none by their kind.
        Some(scopes) if scopes.is_empty() => {}
        Some(scopes) => parts.push(format!("with the scopes {}", scopes.join(", "))),
        None => {}
    }
    parts.extend(overview.token_ends.as_ref().map(|end| format!("valid until {end}")));
    let missing: BTreeSet<&str> = denials(facts).into_iter().filter_map(|denial| denial.accepted.as_deref()).collect();
    if !missing.is_empty() {
        parts.push(format!("without {}", missing.into_iter().collect::<Vec<_>>().join(", ")));
    }
    Check::ok(CHECK, parts.join(", "))
}

fn denials(facts: &GitHubFacts) -> Vec<&Denial> {
    let secrets = &facts.secrets;
    let all = [
        facts.plan.as_ref().and_then(|plan| plan.denial()),
        facts.environments.denial(),
        facts.workflow_permissions.denial(),
        facts.rules.denial(),
        facts.branch.denial(),
        secrets.repository.denial(),
        secrets.organisation.as_ref().and_then(|names| names.denial()),
    ];
    all.into_iter().flatten().chain(secrets.environments.values().filter_map(|names| names.denial())).collect()
}

/// A token that GitHub does not know: nothing else can be asked.
#[must_use]
pub fn unknown_token(kind: TokenKind, repository: &str, message: &str) -> Check {
    let fix = match kind {
        TokenKind::Installation => {
            "an installation token lives for an hour: make it in the step before this one, with \
             `actions/create-github-app-token`"
                .to_owned()
        }
        _ => format!(
            "log in again, and run it with that token: `gh auth login && PROMOTE_GATES_TOKEN=\"$(gh auth token)\" \
             promote-gates doctor --repository {repository}`"
        ),
    };
    let actual = format!("GitHub answers 401 {message}: it is wrong, expired or revoked, or belongs to another server");
    Check::problem(CHECK, actual, "a token that GitHub knows", fix)
}
