//! `POST /graphql`: the queries of this program by their names. The fake does not execute documents; `tests/e2e/graphql.rs`
//! checks them, and the fake's answers, against GitHub's schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    commit_people,
    errors::{ContractViolation, error},
    records::{FakeGitHubData, FakeRepository},
    state::FakeGitHubState,
};
use crate::sandbox::server::{FakeResponse, ReceivedRequest};

/// A query that the fake answers.
struct Operation {
    name: &'static str,
    /// Every variable must be given, and no other one.
    variables: &'static [&'static str],
    handler: fn(&QueryCall) -> Result<Value, GraphQlFailure>,
}

const OPERATIONS: &[Operation] =
    &[Operation { name: "CommitPeople", variables: &["ids", "authors"], handler: commit_people::get }];

/// Why a query has no data.
pub enum GraphQlFailure {
    /// The token may not see it.
    Forbidden,
    /// There is no such object, or the token cannot see its repository.
    NotFound(String),
    /// Only a wrong client sends this; the fake records it.
    Violation(String),
}

/// A query with its variables, and what its token may see.
pub struct QueryCall<'a> {
    pub data: &'a FakeGitHubData,
    grants: &'a BTreeMap<String, Vec<String>>,
    variables: &'a Map<String, Value>,
}

impl<'a> QueryCall<'a> {
    /// The most entries of a list that the query wants: GitHub accepts 1 to 100.
    pub fn first(&self, name: &str) -> Result<usize, GraphQlFailure> {
        let first = self.variables.get(name).and_then(Value::as_u64).filter(|first| (1..=100).contains(first));
        let first = first.and_then(|first| usize::try_from(first).ok());
        first.ok_or_else(|| GraphQlFailure::Violation(format!("${name} is no number from 1 to 100")))
    }

    /// A list of ids: GitHub accepts at most 100.
    pub fn ids(&self, name: &str) -> Result<Vec<&'a str>, GraphQlFailure> {
        let ids = self.variables.get(name).and_then(Value::as_array).filter(|ids| ids.len() <= 100);
        let ids = ids.and_then(|ids| ids.iter().map(Value::as_str).collect());
        ids.ok_or_else(|| GraphQlFailure::Violation(format!("${name} is no list of at most 100 ids")))
    }

    /// Succeeds if the token has a permission on a repository, `contents=read`.
    pub fn permit(&self, repository: &FakeRepository, permission: &str) -> Result<(), GraphQlFailure> {
        let name = &repository.name;
        match self.grants.get(&name.to_lowercase()) {
            None => Err(GraphQlFailure::NotFound(format!("Could not resolve to a Repository with the name '{name}'."))),
            Some(granted) if granted.iter().any(|granted| super::routes::suffices(granted, permission)) => Ok(()),
            Some(_) => Err(GraphQlFailure::Forbidden),
        }
    }
}

/// Answers a query. GitHub reports errors with status 200.
pub fn respond(state: &FakeGitHubState, request: &ReceivedRequest) -> Result<FakeResponse, ContractViolation> {
    if request.method != "POST" {
        return Err(ContractViolation::new(404, "Not Found"));
    }
    let token = super::routes::token(request);
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
    if !body["query"].as_str().unwrap_or_default().starts_with(&format!("query {name}(")) {
        return Err(ContractViolation::new(400, format!("The document has no operation {name}")));
    }
    let none = Map::new();
    let variables = body["variables"].as_object().unwrap_or(&none);
    let (given, known) = (variables.keys().map(String::as_str), operation.variables);
    if given.clone().any(|given| !known.contains(&given)) || given.count() != known.len() {
        return Err(ContractViolation::new(400, format!("{name} has the variables {known:?}, not {variables:?}")));
    }
    let result = (operation.handler)(&QueryCall { data: &state.data, grants, variables });
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

/// The first entries of a list, in the form of a connection.
pub fn connection(entries: Vec<Value>, first: usize) -> Value {
    let has_next = entries.len() > first;
    let nodes: Vec<Value> = entries.into_iter().take(first).collect();
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": has_next } })
}
