//! Branch and tag patterns that can deploy to an environment:
//! `GET` and `POST …/environments/{environment_name}/deployment-branch-policies`, and `DELETE` of one.

use serde_json::{Value, json};

use super::{
    call::{ApiCall, BodyFields},
    errors::{ContractViolation, not_found},
    fake_github::FakeGitHub,
    format::{id, node_id, object_fields, path_segment},
    records::{BranchPolicy, DeploymentBranches, FakeAccounts, FakeEnvironment, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Adds a branch policy to an environment; `kind` is `branch` or `tag`. Returns the policy's id.
    pub fn add_branch_policy(&self, repository: &str, environment: &str, name: &str, kind: &str) -> u64 {
        self.with_repository(repository, |repository, _| {
            let policy = new_policy(&repository.name, environment, name, kind);
            let id = policy.id;
            repository.environment_or_create(environment).policies.push(policy);
            id
        })
    }
}

impl FakeGitHub {
    /// The names of the secrets that an environment gives to a job of a branch. GitHub does not start a job that the environment
    /// refuses. Of its policies, those without a wildcard count here.
    #[must_use]
    pub fn environment_secrets(&self, repository: &str, environment: &str, branch: &str) -> Vec<String> {
        self.with_repository(repository, |repository, _| {
            let found = repository.environments.iter().find(|one| one.has_name(environment));
            let may_deploy = found.is_some_and(|one| match one.protection.branches {
                DeploymentBranches::Any => true,
                DeploymentBranches::Protected => repository.history.protected.iter().any(|name| name == branch),
                DeploymentBranches::Custom => {
                    one.policies.iter().any(|policy| policy.kind == "branch" && policy.name == branch)
                }
            });
            let secrets = repository.settings.environment_secrets.get(&environment.to_lowercase());
            secrets.filter(|_| may_deploy).cloned().unwrap_or_default()
        })
    }
}

fn new_policy(repository: &str, environment: &str, name: &str, kind: &str) -> BranchPolicy {
    let id = id("policy", &format!("{repository}/{environment}/{kind}/{name}"));
    BranchPolicy { id, name: name.to_owned(), kind: kind.to_owned() }
}

fn policy_json(policy: &BranchPolicy, unknown_fields: &[&str]) -> Value {
    let json =
        json!({ "id": policy.id, "node_id": node_id("GBP", policy.id), "name": policy.name, "type": policy.kind });
    let mut json = object_fields(json);
    json.retain(|field, _| !unknown_fields.contains(&field.as_str()));
    Value::Object(json)
}

pub fn list(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let unknown = repository.unknown_fields.clone();
    let Some(environment) = environment_with_policies(repository, call) else { return Ok(not_found()) };
    let page = call.page(environment.policies.iter().collect())?;
    Ok(page.into_field("branch_policies", |policy| policy_json(policy, &unknown)))
}

pub fn create(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let body = call.body_fields(&["name", "type"])?;
    let name = BodyFields::required("name", body.string("name")?)?;
    let kind = body.string("type")?.unwrap_or("branch");
    if !matches!(kind, "branch" | "tag") {
        return Err(ContractViolation::invalid(&format!("{kind:?} is not one of branch, tag.")));
    }
    if name.is_empty() {
        return Err(ContractViolation::invalid("At least 1 character is required; only 0 were supplied."));
    }
    if let Some(refused) = repository.refuse_unknown_fields(call.body.as_ref().unwrap_or(&Value::Null)) {
        return Ok(refused);
    }
    let (full_name, unknown) = (repository.name.clone(), repository.unknown_fields.clone());
    let url = repository.url(&call.api);
    let Some(environment) = environment_with_policies(repository, call) else { return Ok(not_found()) };
    if let Some(same) = environment.policies.iter().find(|policy| (&*policy.name, &*policy.kind) == (name, kind)) {
        let environment = path_segment(&environment.name);
        let location = format!("{url}/environments/{environment}/deployment-branch-policies/{}", same.id);
        return Ok(FakeResponse::status(303).header("location", &location));
    }
    let policy = new_policy(&full_name, &environment.name, name, kind);
    let body = policy_json(&policy, &unknown);
    environment.policies.push(policy);
    Ok(FakeResponse::json(200, &body))
}

pub fn delete(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let policy_id = call.number("branch_policy_id")?;
    let Some(environment) = environment_with_policies(repository, call) else { return Ok(not_found()) };
    let before = environment.policies.len();
    environment.policies.retain(|policy| policy.id != policy_id);
    Ok(if environment.policies.len() < before { FakeResponse::status(204) } else { not_found() })
}

/// The environment in the path, if it uses custom branch policies; GitHub answers 404 for the others.
fn environment_with_policies<'a>(
    repository: &'a mut FakeRepository,
    call: &ApiCall,
) -> Option<&'a mut FakeEnvironment> {
    let name = call.parameter("environment_name");
    let environment = repository.environments.iter_mut().find(|environment| environment.has_name(name));
    environment.filter(|environment| environment.has_custom_policies())
}
