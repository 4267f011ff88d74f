//! The deployments to an environment, and the states that each had.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::GitHub,
    deployment::{Deployment, DeploymentStatus},
    graphql::{Connection, GraphQlQuery, present},
    permission::RequiredPermission,
    repository::Repository,
};
use crate::{clock::rfc3339, finding::Finding};

/// The most entries of a list in one response; also of the states of one deployment, of which a job makes four or five.
const PAGE: usize = 100;
/// The most pages of deployments that are read: 10,000 in the 31 days that matter.
const MAX_PAGES: usize = 100;

pub(super) const DEPLOYMENTS: GraphQlQuery =
    GraphQlQuery { name: "Deployments", document: include_str!("graphql/deployments.graphql") };

#[derive(Deserialize)]
struct DeploymentsJson {
    #[serde(deserialize_with = "present")]
    repository: Option<RepositoryJson>,
}

#[derive(Deserialize)]
struct RepositoryJson {
    deployments: DeploymentPageJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentPageJson {
    nodes: Vec<DeploymentJson>,
    page_info: CursorJson,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CursorJson {
    has_next_page: bool,
    #[serde(deserialize_with = "present")]
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentJson {
    id: String,
    created_at: Timestamp,
    #[serde(deserialize_with = "present")]
    statuses: Option<Connection<StatusJson>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusJson {
    state: String,
    created_at: Timestamp,
    #[serde(deserialize_with = "present")]
    log_url: Option<String>,
}

impl From<DeploymentJson> for Deployment {
    fn from(json: DeploymentJson) -> Self {
        let is_complete = json.statuses.as_ref().is_some_and(|statuses| !statuses.page.has_next);
        let status = |StatusJson { state, created_at, log_url }| DeploymentStatus { state, created_at, log_url };
        Self {
            id: json.id,
            created_at: json.created_at,
            statuses: json.statuses.into_iter().flat_map(|statuses| statuses.nodes).map(status).collect(),
            is_complete,
        }
    }
}

impl GitHub {
    /// The deployments to an environment that were created at `since` or later, newest first. `environment` has the case that
    /// GitHub shows.
    ///
    /// # Errors
    /// No answer; a token without Deployments: read; more deployments than are read.
    pub fn deployments(
        &self,
        repository: &Repository,
        environment: &str,
        since: Timestamp,
    ) -> Result<Vec<Deployment>, Finding> {
        let required = RequiredPermission::new("Deployments: read", repository.to_string());
        let mut all: Vec<Deployment> = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let variables = json!({
                "owner": repository.owner(),
                "name": repository.name(),
                "environment": environment,
                "first": PAGE,
                "after": after,
                "statuses": PAGE,
            });
            let DeploymentsJson { repository: found } = self.query(&DEPLOYMENTS, &variables, &required)?;
            let RepositoryJson { deployments: DeploymentPageJson { nodes, page_info } } =
                found.ok_or_else(|| Self::missing(format!("the deployments to {environment}"), &required))?;
            let reached = nodes.iter().any(|node| node.created_at < since);
            all.extend(nodes.into_iter().map(Deployment::from).filter(|deployment| deployment.created_at >= since));
            if reached || !page_info.has_next_page {
                return Ok(all);
            }
            after =
                Some(page_info.end_cursor.ok_or_else(|| self.unreadable("a next page of deployments, and no cursor"))?);
        }
        Err(Finding::inconclusive(format!("the deployments to {environment}"))
            .actual(format!("more than {} since {}", all.len(), rfc3339(since)))
            .expected("fewer deployments in a month")
            .next("promote services of their own to environments of their own"))
    }
}
