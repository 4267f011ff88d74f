//! GraphQL: what GitHub shows of a repository in no other way. A query is sent as a POST, changes nothing, and may be repeated
//! like any other read.
//!
//! GitHub answers most errors of a query with status 200, and part of the data. Data beside an error is never used: what it
//! lacks would look as if it did not exist.
//! <https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api>

use std::time::Duration;

use hyper::body::Bytes;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    client::{ApiResponse, GitHub},
    permission::RequiredPermission,
    refusal::retry_after,
};
use crate::{finding::Finding, values::clip};

/// How GitHub begins the message of a query that it could not complete, often because of a time limit. No type comes with it.
const INTERNAL_ERROR: &str = "Something went wrong while executing your query";

/// A query, and the name of its only operation.
#[derive(Debug)]
pub struct GraphQlQuery {
    pub name: &'static str,
    pub document: &'static str,
}

/// One entry of `errors`. GitHub gives the errors of a running query a `type`, and those of an invalid one a code.
#[derive(Deserialize)]
struct GraphQlError {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
    #[serde(default)]
    extensions: Option<ErrorExtensions>,
}

#[derive(Deserialize)]
struct ErrorExtensions {
    code: Option<String>,
}

/// A list within a response.
#[derive(Deserialize)]
pub(super) struct Connection<T> {
    pub(super) nodes: Vec<T>,
    #[serde(rename = "pageInfo")]
    pub(super) page: PageInfo,
}

#[derive(Deserialize)]
pub(super) struct PageInfo {
    #[serde(rename = "hasNextPage")]
    pub(super) has_next: bool,
    /// Only where the query asks for it.
    #[serde(rename = "endCursor", default)]
    pub(super) end: Option<String>,
}

#[derive(Deserialize)]
struct NodesJson<T> {
    nodes: Vec<Option<T>>,
}

impl GitHub {
    /// Sends a query, and reads its data. `T` must name every field that it needs: one that the response lacks is an error.
    pub(super) fn query<T: DeserializeOwned>(
        &self,
        query: &GraphQlQuery,
        variables: &Value,
        required: &RequiredPermission,
    ) -> Result<T, Finding> {
        let GraphQlQuery { name, document } = query;
        log::debug!("github: query {name}");
        let body = json!({ "query": document, "operationName": name, "variables": variables });
        let response = self.send_graphql(&body).map_err(Self::no_answer)?;
        if response.status != 200 {
            return Err(self.refused(&response, required));
        }
        let mut answer: Value = self.parse(&response.body)?;
        let errors: Vec<GraphQlError> = match answer.get_mut("errors").map(Value::take) {
            None | Some(Value::Null) => Vec::new(),
            Some(errors) => self.read_value(errors)?,
        };
        if let Some(error) = errors.first() {
            return Err(self.query_error(query, error, response, required));
        }
        match answer.get_mut("data").map(Value::take) {
            None | Some(Value::Null) => Err(self.unreadable(&format!("no `data` for the query {name}"))),
            Some(data) => self.read_value(data),
        }
    }

    /// Sends a query for objects by their ids: `wanted` is what `key` must tell of each, in the order of the ids.
    pub(super) fn nodes<T: DeserializeOwned>(
        &self,
        query: &GraphQlQuery,
        variables: &Value,
        required: &RequiredPermission,
        wanted: &[&str],
        key: impl Fn(&T) -> &String,
    ) -> Result<Vec<T>, Finding> {
        let NodesJson { nodes } = self.query::<NodesJson<T>>(query, variables, required)?;
        let is_wanted = |(node, wanted): (&Option<T>, &&str)| node.as_ref().is_some_and(|node| key(node) == wanted);
        if nodes.len() != wanted.len() || !nodes.iter().zip(wanted).all(is_wanted) {
            return Err(Finding::inconclusive("GitHub's API")
                .actual(format!("an answer about other objects than the query {} asked for", query.name))
                .expected(format!("the {} that it asked for, in their order", wanted.len()))
                .next("run this step again"));
        }
        Ok(nodes.into_iter().flatten().collect())
    }

    /// The finding for an error that came with status 200.
    fn query_error(
        &self,
        query: &GraphQlQuery,
        error: &GraphQlError,
        response: ApiResponse,
        required: &RequiredPermission,
    ) -> Finding {
        let message = self.sanitize(error.message.as_deref().unwrap_or("an error without a message"));
        let code = error.extensions.as_ref().and_then(|extensions| extensions.code.as_deref());
        let kind = error.kind.as_deref().or(code).map(|kind| clip(kind, 64));
        let is_limit = kind.as_deref() == Some("RATE_LIMITED") || message.to_lowercase().contains("rate limit");
        // The same error as a status of REST, whose headers and advice are the same.
        let status = match kind.as_deref() {
            _ if is_limit => 429,
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => 403,
            Some("NOT_FOUND") => 404,
            _ => 200,
        };
        let actual = match &kind {
            Some(kind) => format!("{kind}: {message}"),
            None => message.clone(),
        };
        let finding = Finding::inconclusive("GitHub's API").actual(actual).expected("an answer");
        let body = Bytes::from(json!({ "message": message }).to_string());
        let as_rest = ApiResponse { status, body, ..response };
        let retry_after = match status {
            429 => retry_after(&as_rest, &message),
            200 if message.starts_with(INTERNAL_ERROR) => Some(Duration::ZERO),
            _ => None,
        };
        let next = match (status, kind.as_deref()) {
            (403 | 404 | 429, _) => self.refusal(&as_rest, required).hint,
            (_, Some("undefinedField" | "undefinedType" | "argumentNotAccepted")) => {
                "update the GitHub server: its version does not have this part of the GraphQL API".to_owned()
            }
            _ => format!("run this step again later; GitHub could not answer the query {}", query.name),
        };
        Finding { retry_after, ..finding.next(next) }
    }
}

/// For a field that can be `null`: unlike serde's own rule for `Option`, the field must be there.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}
