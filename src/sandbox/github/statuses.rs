//! `GET …/commits/{ref}/statuses`, `POST …/statuses/{sha}`.

use serde_json::{Value, json};

use super::{
    accounts::account_json,
    call::{ApiCall, BodyFields},
    errors::{ContractViolation, error, not_found},
    fake_github::FakeGitHub,
    format::{format_time, id, node_id},
    records::{FakeAccounts, FakePullRequest, FakeRepository, FakeStatus},
};
use crate::sandbox::server::FakeResponse;

/// The longest description, in characters. GitHub's description of the API does not name the limit.
const MAX_DESCRIPTION: usize = 140;

impl FakeGitHub {
    /// The statuses of a repository's commits, oldest first.
    #[must_use]
    pub fn statuses(&self, repository: &str) -> Vec<FakeStatus> {
        let state = self.state();
        let repository = state.data.repositories.get(&repository.to_lowercase());
        repository.map_or_else(Vec::new, |repository| repository.statuses.clone())
    }

    /// Adds a status, as another writer.
    pub fn add_status(&self, repository: &str, status: FakeStatus) {
        self.with_repository(repository, |repository, _| repository.statuses.push(status));
    }
}

fn has_commit(repository: &FakeRepository, sha: &str) -> bool {
    let mut own = repository.pull_requests.iter().flat_map(|FakePullRequest { own, .. }| own);
    repository.history.find(sha).is_some() || own.any(|commit| commit.sha == sha)
}

pub fn list(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let sha = call.parameter("ref");
    if !has_commit(repository, sha) {
        return Ok(not_found());
    }
    let of_commit = repository.statuses.iter().enumerate().filter(|(_, status)| status.sha == sha);
    let page = call.page(of_commit.rev().collect())?;
    Ok(page.into_list(|(index, status)| status_json(repository, index, status, &call.api)))
}

pub fn create(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let sha = call.parameter("sha").to_owned();
    let body = call.body_fields(&["state", "target_url", "description", "context"])?;
    let state = BodyFields::required("state", body.string("state")?)?;
    if !["error", "failure", "pending", "success"].contains(&state) {
        return Err(ContractViolation::invalid(&format!(
            "state is {state:?}, not one of error, failure, pending, success."
        )));
    }
    let text = |name: &str| match body.get(name) {
        Some(Value::Null) => Ok(None),
        _ => body.string(name).map(|text| text.map(ToOwned::to_owned)),
    };
    let (target_url, description) = (text("target_url")?, text("description")?);
    if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        let message = format!("Validation Failed: description is too long (maximum is {MAX_DESCRIPTION} characters)");
        return Err(ContractViolation::new(422, message));
    }
    let context = body.string("context")?.unwrap_or("default").to_owned();
    if !has_commit(repository, &sha) {
        return Ok(error(422, &format!("No commit found for SHA: {sha}")));
    }
    let state = state.to_owned();
    let creator = call.account.clone();
    let status = FakeStatus { sha, state, context, description, target_url, creator, created_at: call.now };
    repository.statuses.push(status.clone());
    Ok(FakeResponse::json(201, &status_json(repository, repository.statuses.len() - 1, &status, &call.api)))
}

fn status_json(repository: &FakeRepository, index: usize, status: &FakeStatus, api: &str) -> Value {
    let FakeStatus { sha, state, context, description, target_url, creator, created_at } = status;
    let number = id("status", &format!("{}/{index}", repository.name));
    json!({
        "url": format!("{}/statuses/{sha}", repository.url(api)),
        "avatar_url": "https://avatars.githubusercontent.com/in/15368?v=4",
        "id": number,
        "node_id": node_id("SC", number),
        "state": state,
        "description": description,
        "target_url": target_url,
        "context": context,
        "created_at": format_time(*created_at),
        "updated_at": format_time(*created_at),
        "creator": account_json(api, creator),
    })
}
