//! `POST /graphql`: the queries of this program by their names. The fake does not execute documents; `tests/e2e/graphql.rs`
//! checks them, and the fake's answers, against GitHub's schema.

use serde_json::{Map, Value, json};

use super::{
    comments, commit_paths, commit_people, deployments,
    errors::{ContractViolation, error},
    merged_texts, open_pull_requests, pull_request_reviews, pull_request_text, pull_requests,
    query_call::{GraphQlFailure, QueryCall},
    state::FakeGitHubState,
    tokens::token,
};
use crate::sandbox::server::{FakeResponse, ReceivedRequest};

/// A query that the fake answers.
struct Operation {
    name: &'static str,
    /// Every variable must be given, and no other one.
    variables: &'static [&'static str],
    handler: fn(&QueryCall) -> Result<Value, GraphQlFailure>,
}

const OPERATIONS: &[Operation] = &[
    Operation { name: "CommitPaths", variables: &["ids", "path"], handler: commit_paths::get },
    Operation { name: "CommitPeople", variables: &["ids", "authors", "pulls"], handler: commit_people::get },
    Operation {
        name: "PullRequestPeople",
        variables: &["ids", "commits", "after", "authors"],
        handler: pull_requests::get,
    },
    Operation { name: "MergedTexts", variables: &["ids", "owner", "name"], handler: merged_texts::get },
    Operation {
        name: "PullRequestText",
        variables: &["owner", "name", "number", "labels", "events"],
        handler: pull_request_text::get,
    },
    Operation { name: "Viewer", variables: &[], handler: comments::viewer },
    Operation {
        name: "PullRequestReviews",
        variables: &["owner", "name", "number", "first", "after"],
        handler: pull_request_reviews::get,
    },
    Operation {
        name: "PullRequests",
        variables: &["owner", "name", "states", "first", "after", "reviews"],
        handler: pull_request_reviews::list,
    },
    Operation {
        name: "OpenPullRequests",
        variables: &["owner", "name", "first", "after"],
        handler: open_pull_requests::list,
    },
    Operation {
        name: "Deployments",
        variables: &["owner", "name", "environment", "first", "after", "statuses"],
        handler: deployments::list,
    },
];

/// Answers a query. GitHub reports errors with status 200.
pub fn respond(state: &FakeGitHubState, request: &ReceivedRequest) -> Result<FakeResponse, ContractViolation> {
    if request.method != "POST" {
        return Err(ContractViolation::new(404, "Not Found"));
    }
    let token = token(request);
    let Some(grants) = token.and_then(|token| state.tokens.get(token)) else {
        let message =
            if token.is_some() { "Bad credentials" } else { "This endpoint requires you to be authenticated." };
        return Ok(error(401, message));
    };
    let body: Value =
        serde_json::from_slice(&request.body).map_err(|_| ContractViolation::new(400, "Problems parsing JSON"))?;
    let name = body["operationName"].as_str().unwrap_or_default();
    let operation = OPERATIONS.iter().find(|operation| operation.name == name);
    let operation =
        operation.ok_or_else(|| ContractViolation::new(400, format!("No operation {name:?} is known here")))?;
    let rest = body["query"].as_str().unwrap_or_default().strip_prefix(&format!("query {name}"));
    if !rest.is_some_and(|rest| rest.starts_with(['(', ' '])) {
        return Err(ContractViolation::new(400, format!("The document has no operation {name}")));
    }
    let none = Map::new();
    let variables = body["variables"].as_object().unwrap_or(&none);
    let (given, known) = (variables.keys().map(String::as_str), operation.variables);
    if given.clone().any(|given| !known.contains(&given)) || given.count() != known.len() {
        return Err(ContractViolation::new(400, format!("{name} has the variables {known:?}, not {variables:?}")));
    }
    let account = &state.account(token);
    let result = (operation.handler)(&QueryCall { data: &state.data, grants, variables, account });
    let failed = |kind: &str, message: &str| {
        FakeResponse::json(200, &json!({ "data": null, "errors": [{ "type": kind, "path": [], "message": message }] }))
    };
    match result {
        Ok(data) => Ok(FakeResponse::json(200, &json!({ "data": data }))),
        Err(GraphQlFailure::Forbidden) => Ok(failed("FORBIDDEN", "Resource not accessible by integration")),
        Err(GraphQlFailure::NotFound(message)) => Ok(failed("NOT_FOUND", &message)),
        Err(GraphQlFailure::Violation(message)) => Err(ContractViolation::new(400, message)),
    }
}
