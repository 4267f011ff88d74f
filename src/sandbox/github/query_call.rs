//! A query with its variables, and how its answer shows a list.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    records::{FakeGitHubData, FakeRepository},
    tokens::suffices,
};

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
    pub grants: &'a BTreeMap<String, Vec<String>>,
    pub variables: &'a Map<String, Value>,
    /// The login of the token's account.
    pub account: &'a str,
}

impl<'a> QueryCall<'a> {
    /// The most entries of a list that the query wants: GitHub accepts 1 to 100.
    pub fn first(&self, name: &str) -> Result<usize, GraphQlFailure> {
        let first = self.variables.get(name).and_then(Value::as_u64).filter(|first| (1..=100).contains(first));
        let first = first.and_then(|first| usize::try_from(first).ok());
        first.ok_or_else(|| GraphQlFailure::Violation(format!("${name} is not a number from 1 to 100")))
    }

    /// A list of ids: GitHub accepts at most 100.
    pub fn ids(&self, name: &str) -> Result<Vec<&'a str>, GraphQlFailure> {
        let ids = self.variables.get(name).and_then(Value::as_array).filter(|ids| ids.len() <= 100);
        let ids = ids.and_then(|ids| ids.iter().map(Value::as_str).collect());
        ids.ok_or_else(|| GraphQlFailure::Violation(format!("${name} is no list of at most 100 ids")))
    }

    /// A number from 1 on.
    pub fn number(&self, name: &str) -> Result<u64, GraphQlFailure> {
        let number = self.variables.get(name).and_then(Value::as_u64).filter(|number| *number > 0);
        number.ok_or_else(|| GraphQlFailure::Violation(format!("${name} is no number from 1 on")))
    }

    /// Where a page begins: the fake's cursors are numbers.
    pub fn start(&self, name: &str) -> Result<usize, GraphQlFailure> {
        match self.optional_text(name)? {
            None => Ok(0),
            Some(cursor) => cursor
                .parse()
                .map_err(|_| GraphQlFailure::Violation(format!("`{cursor}` does not appear to be a valid cursor."))),
        }
    }

    /// The repository that `$owner` and `$name` name.
    pub fn repository(&self) -> Result<&'a FakeRepository, GraphQlFailure> {
        let name = format!("{}/{}", self.text("owner")?, self.text("name")?);
        let missing = || GraphQlFailure::NotFound(format!("Could not resolve to a Repository with the name '{name}'."));
        self.data.repositories.get(&name.to_lowercase()).ok_or_else(missing)
    }

    pub fn text(&self, name: &str) -> Result<&'a str, GraphQlFailure> {
        self.optional_text(name)?.ok_or_else(|| GraphQlFailure::Violation(format!("${name} is null")))
    }

    pub fn optional_text(&self, name: &str) -> Result<Option<&'a str>, GraphQlFailure> {
        match self.variables.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(GraphQlFailure::Violation(format!("${name} is no text"))),
        }
    }

    /// Succeeds if the token has a permission on a repository, `contents=read`.
    pub fn permit(&self, repository: &FakeRepository, permission: &str) -> Result<(), GraphQlFailure> {
        let name = &repository.name;
        match self.grants.get(&name.to_lowercase()) {
            None => Err(GraphQlFailure::NotFound(format!("Could not resolve to a Repository with the name '{name}'."))),
            Some(granted) if granted.iter().any(|granted| suffices(granted, permission)) => Ok(()),
            Some(_) => Err(GraphQlFailure::Forbidden),
        }
    }
}

/// The first entries of a list, in the form of a connection.
pub fn connection(entries: Vec<Value>, first: usize) -> Value {
    let has_next = entries.len() > first;
    let nodes: Vec<Value> = entries.into_iter().take(first).collect();
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": has_next } })
}

/// A page of a list with a cursor, in the form of a connection.
pub fn page(entries: Vec<Value>, start: usize, first: usize) -> Value {
    let all = entries.len();
    let nodes: Vec<Value> = entries.into_iter().skip(start).take(first).collect();
    let end = start + nodes.len();
    let cursor = (end > start).then(|| end.to_string());
    json!({ "nodes": nodes, "pageInfo": { "hasNextPage": end < all, "endCursor": cursor } })
}

/// Why there is no object with an id.
pub fn not_found(id: &str) -> GraphQlFailure {
    GraphQlFailure::NotFound(format!("Could not resolve to a node with the global id of '{id}'"))
}
