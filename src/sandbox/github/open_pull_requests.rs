//! The query `OpenPullRequests`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    accounts::is_bot,
    pull_request_reviews::{head, permitted},
    pulls::base_of,
    query_call::{GraphQlFailure, QueryCall, page},
    records::{FakePullRequest, FakeRepository, FakeStatus},
};

/// The oldest first.
pub fn list(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let repository = permitted(call)?;
    call.permit(repository, "statuses=read")?;
    let nodes = repository.pull_requests.iter().filter(|one| one.is_open).map(|one| node(repository, one));
    let nodes = page(nodes.collect(), call.start("after")?, call.first("first")?);
    Ok(json!({ "viewer": { "login": call.account }, "repository": { "pullRequests": nodes } }))
}

fn node(repository: &FakeRepository, pull_request: &FakePullRequest) -> Value {
    let last = pull_request
        .own
        .last()
        .map(|commit| json!({ "commit": { "oid": commit.sha, "status": status(repository, &commit.sha) } }));
    json!({
        "number": pull_request.number,
        "isCrossRepository": pull_request.is_of_fork,
        "baseRefName": base_of(pull_request),
        "headRefName": pull_request.branch,
        "headRefOid": head(pull_request),
        "commits": { "nodes": last.into_iter().collect::<Vec<_>>() },
    })
}

/// The newest status of each context; null for a commit that has none.
fn status(repository: &FakeRepository, sha: &str) -> Value {
    let of_commit = repository.statuses.iter().filter(|status| status.sha == sha);
    let newest: BTreeMap<String, &FakeStatus> =
        of_commit.map(|status| (status.context.to_lowercase(), status)).collect();
    let context = |status: &FakeStatus| {
        json!({
            "context": status.context,
            "state": status.state.to_uppercase(),
            "description": status.description,
            "creator": creator(&status.creator),
        })
    };
    let contexts: Vec<Value> = newest.into_values().map(context).collect();
    if contexts.is_empty() { Value::Null } else { json!({ "contexts": contexts }) }
}

/// An account; of an App, GraphQL shows the login without its end.
fn creator(login: &str) -> Value {
    let kind = if is_bot(login) { "Bot" } else { "User" };
    json!({ "__typename": kind, "login": login.strip_suffix("[bot]").unwrap_or(login) })
}
