//! The query `Deployments`: the deployments to an environment, newest first, and their states.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::{
    fake_github::FakeGitHub,
    format::{format_time, id, node_id},
    query_call::{GraphQlFailure, QueryCall, connection},
    records::{FakeDeployment, FakeRepository},
};

impl FakeGitHub {
    /// Adds a job's deployment to an environment, or replaces it. A missing environment is created without protection.
    pub fn set_deployment(&self, repository: &str, environment: &str, deployment: FakeDeployment) {
        self.with_repository(repository, |repository, _| {
            let environment = repository.environment_or_create(environment).name.clone();
            let is_of_job = |(_, other): &(String, FakeDeployment)| {
                (other.run, other.job, &other.log_url) == (deployment.run, deployment.job, &deployment.log_url)
            };
            repository.deployments.retain(|existing| !is_of_job(existing));
            repository.deployments.push((environment, deployment));
        });
    }
}

/// GitHub compares the name of the environment with its case.
pub fn list(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let name = format!("{}/{}", call.text("owner")?, call.text("name")?);
    let missing = || GraphQlFailure::NotFound(format!("Could not resolve to a Repository with the name '{name}'."));
    let repository = call.data.repositories.get(&name.to_lowercase()).ok_or_else(missing)?;
    call.permit(repository, "deployments=read")?;
    let (environment, first, statuses) = (call.text("environment")?, call.first("first")?, call.first("statuses")?);
    let mut all: Vec<&FakeDeployment> = repository
        .deployments
        .iter()
        .filter(|(name, _)| name == environment)
        .map(|(_, deployment)| deployment)
        .collect();
    all.sort_by_key(|deployment| Reverse((deployment.created_at, deployment.run, deployment.job)));
    let start = match call.optional_text("after")? {
        None => 0,
        Some(cursor) => cursor
            .parse()
            .map_err(|_| GraphQlFailure::Violation(format!("`{cursor}` does not appear to be a valid cursor.")))?,
    };
    let page: Vec<Value> = all
        .iter()
        .skip(start)
        .take(first)
        .map(|deployment| deployment_json(repository, deployment, statuses))
        .collect();
    let end = start + page.len();
    Ok(json!({ "repository": { "deployments": {
        "nodes": page,
        "pageInfo": { "hasNextPage": end < all.len(), "endCursor": (end > start).then(|| end.to_string()) },
    } } }))
}

fn deployment_json(repository: &FakeRepository, deployment: &FakeDeployment, statuses: usize) -> Value {
    let FakeDeployment { run, job, created_at, states, log_url } = deployment;
    let number = id("deployment", &format!("{}/{run}/{job}", repository.name));
    let job_url = || format!("{}/actions/runs/{run}/job/{job}", repository.page());
    let log_url = log_url.clone().map_or_else(|| Some(job_url()), |url| Some(url).filter(|url| !url.is_empty()));
    // GitHub documents no order; newest first is what it has been seen to do.
    let states = states.iter().rev();
    let states =
        states.map(|(state, at)| json!({ "state": state, "createdAt": format_time(*at), "logUrl": log_url })).collect();
    json!({
        "id": node_id("DE", number),
        "createdAt": format_time(*created_at),
        "statuses": connection(states, statuses),
    })
}
