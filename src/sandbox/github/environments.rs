//! `GET …/environments`, `GET` and `PUT …/environments/{environment_name}`. The limits are from the descriptions of the
//! fields: a timer of 0 to 43,200 minutes, up to six reviewers, at most one of the two kinds of branch policy.

use serde_json::{Map, Value, json};

use super::{
    accounts::{account_json, team_json},
    call::{ApiCall, BodyFields},
    errors::{ContractViolation, error, not_found},
    fake_github::FakeGitHub,
    format::{format_time, id, node_id, now, object_fields, path_segment},
    records::{DeploymentBranches, FakeAccounts, FakeEnvironment, FakeRepository, ProtectionSettings},
};
use crate::sandbox::server::FakeResponse;

/// Minutes; 30 days.
const MAX_TIMER: u64 = 43_200;
const MAX_REVIEWERS: usize = 6;

impl FakeGitHub {
    /// Creates an environment or replaces its protection. `body` is a `PUT` body; `{}` removes the protection. A body that
    /// GitHub would reject is a violation.
    pub fn protect(&self, repository: &str, environment: &str, body: &Value) {
        let result = self.with_repository(repository, |repository, accounts| {
            let protection = parse_protection(body)?;
            check_reviewers(&protection, accounts).map_err(|message| ContractViolation::new(422, message))?;
            repository.environment_or_create(environment).set_protection(protection, now());
            Ok(())
        });
        self.record_rejection(environment, result);
    }

    /// Makes the repository that of an older Enterprise Server: it does not know these fields of environments (`prevent_self_review`,
    /// `can_admins_bypass`) and of branch policies (`type`), leaves them out of responses, and refuses requests with them.
    pub fn forget_fields(&self, repository: &str, fields: &[&'static str]) {
        self.with_repository(repository, |repository, _| fields.clone_into(&mut repository.unknown_fields));
    }

    /// Takes the access to a repository from a user or a team. GitHub accepts it as a reviewer and then leaves it out.
    pub fn revoke_access(&self, repository: &str, id: u64) {
        self.with_repository(repository, |repository, _| repository.without_access.push(id));
    }
}

/// The fields of an environment that an approval shows.
pub fn environment_summary(environment: &FakeEnvironment, repository: &FakeRepository, api: &str) -> Value {
    let number = id("environment", &format!("{}/{}", repository.name, environment.name));
    let segment = path_segment(&environment.name);
    json!({
        "id": number,
        "node_id": node_id("EN", number),
        "name": environment.name,
        "url": format!("{}/environments/{segment}", repository.url(api)),
        "html_url": format!("{}/deployments/activity_log?environments_filter={segment}", repository.page()),
        "created_at": format_time(environment.created_at),
        "updated_at": format_time(environment.updated_at),
    })
}

fn environment_json(
    environment: &FakeEnvironment,
    repository: &FakeRepository,
    accounts: &FakeAccounts,
    api: &str,
) -> Value {
    let ProtectionSettings { wait_timer, prevent_self_review, reviewers, branches, admins_bypass } =
        &environment.protection;
    let is_known = |field: &str| repository.unknown_fields.iter().all(|unknown| *unknown != field);
    let rule = |kind: &str, more: Value| {
        let number = id("rule", &format!("{}/{}/{kind}", repository.name, environment.name));
        let mut rule = object_fields(json!({ "id": number, "node_id": node_id("GA", number), "type": kind }));
        rule.extend(object_fields(more));
        Value::Object(rule)
    };
    let mut rules = Vec::new();
    if *wait_timer > 0 {
        rules.push(rule("wait_timer", json!({ "wait_timer": wait_timer })));
    }
    if !reviewers.is_empty() {
        let reviewers = reviewers.iter().map(|(kind, number)| {
            let reviewer = if kind == "Team" {
                accounts.team_with_id(*number).map(|team| Value::Object(team_json(team, api)))
            } else {
                accounts.user_with_id(*number).map(|user| account_json(api, &user.login))
            };
            json!({ "type": kind, "reviewer": reviewer })
        });
        let reviewers: Vec<_> = reviewers.collect();
        let mut more = object_fields(json!({ "prevent_self_review": prevent_self_review, "reviewers": reviewers }));
        more.retain(|field, _| is_known(field));
        rules.push(rule("required_reviewers", Value::Object(more)));
    }
    if *branches != DeploymentBranches::Any {
        rules.push(rule("branch_policy", Value::Object(Map::new())));
    }
    let policy = match branches {
        DeploymentBranches::Any => Value::Null,
        DeploymentBranches::Protected => json!({ "protected_branches": true, "custom_branch_policies": false }),
        DeploymentBranches::Custom => json!({ "protected_branches": false, "custom_branch_policies": true }),
    };
    let mut json = object_fields(environment_summary(environment, repository, api));
    json.insert("protection_rules".to_owned(), rules.into());
    json.insert("deployment_branch_policy".to_owned(), policy);
    if is_known("can_admins_bypass") {
        json.insert("can_admins_bypass".to_owned(), (*admins_bypass).into());
    }
    Value::Object(json)
}

pub fn list(
    repository: &mut FakeRepository,
    accounts: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let page = call.page(repository.environments.iter().collect())?;
    Ok(page.into_field("environments", |environment| environment_json(environment, repository, accounts, &call.api)))
}

pub fn get(repository: &FakeRepository, accounts: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    respond(repository, call.parameter("environment_name"), accounts, call)
}

pub fn put(
    repository: &mut FakeRepository,
    accounts: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let name = call.parameter("environment_name");
    if name.chars().count() > 255 {
        return Err(ContractViolation::invalid("The name of an environment has at most 255 characters."));
    }
    // The body is optional and can be `null`.
    let body = call.body.as_ref().unwrap_or(&Value::Null);
    if let Some(refused) = repository.refuse_unknown_fields(body) {
        return Ok(refused);
    }
    let mut protection = parse_protection(body)?;
    if let Err(message) = check_reviewers(&protection, accounts) {
        return Ok(error(422, &message));
    }
    protection.reviewers.retain(|(_, id)| !repository.without_access.contains(id));
    // The rule belongs to the reviewers.
    protection.prevent_self_review &= !protection.reviewers.is_empty();
    repository.environment_or_create(name).set_protection(protection, call.now);
    Ok(respond(repository, name, accounts, call))
}

fn respond(repository: &FakeRepository, name: &str, accounts: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let found = repository.environments.iter().find(|environment| environment.has_name(name));
    found.map_or_else(not_found, |environment| {
        FakeResponse::json(200, &environment_json(environment, repository, accounts, &call.api))
    })
}

impl FakeRepository {
    /// The response of an older server to a body with fields that it does not know; the message is GitHub's.
    pub fn refuse_unknown_fields(&self, body: &Value) -> Option<FakeResponse> {
        let unknown = self.unknown_fields.iter().find(|field| body.get(field).is_some())?;
        Some(error(422, &format!("Invalid request.\n\n\"{unknown}\" is not a permitted key.")))
    }
}

/// The settings in a `PUT` body. They replace all earlier settings.
fn parse_protection(body: &Value) -> Result<ProtectionSettings, ContractViolation> {
    if body.is_null() {
        return Ok(ProtectionSettings::default());
    }
    let known = ["wait_timer", "prevent_self_review", "reviewers", "deployment_branch_policy", "can_admins_bypass"];
    let fields = BodyFields::new(body, &known)?;
    let wait_timer = fields.parse("wait_timer", "an integer", Value::as_u64)?.unwrap_or_default();
    if wait_timer > MAX_TIMER {
        return Err(ContractViolation::invalid(&format!(
            "wait_timer must be between 0 and {MAX_TIMER}, saw {wait_timer}."
        )));
    }
    let reviewers = match fields.get("reviewers") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(reviewers)) => reviewers.iter().map(parse_reviewer).collect::<Result<_, _>>()?,
        Some(other) => {
            return Err(ContractViolation::invalid(&format!("For 'properties/reviewers', {other} is not an array.")));
        }
    };
    if reviewers.len() > MAX_REVIEWERS {
        let count = reviewers.len();
        return Err(ContractViolation::invalid(&format!(
            "Up to {MAX_REVIEWERS} reviewers are allowed; {count} were supplied."
        )));
    }
    let branches = match fields.get("deployment_branch_policy") {
        None | Some(Value::Null) => DeploymentBranches::Any,
        Some(policy) => {
            let (protected, custom) = ("protected_branches", "custom_branch_policies");
            let fields = BodyFields::new(policy, &[protected, custom])?;
            match (
                BodyFields::required(protected, fields.boolean(protected)?)?,
                BodyFields::required(custom, fields.boolean(custom)?)?,
            ) {
                (true, false) => DeploymentBranches::Protected,
                (false, true) => DeploymentBranches::Custom,
                _ => {
                    return Err(ContractViolation::invalid(&format!(
                        "{protected} and {custom} cannot have the same value."
                    )));
                }
            }
        }
    };
    let prevent_self_review = fields.boolean("prevent_self_review")?.unwrap_or_default();
    if prevent_self_review && reviewers.is_empty() {
        // The description does not mention this rule; the message is GitHub's.
        return Err(ContractViolation::new(
            422,
            "Failed to create or update the environment protection rule. Required reviewers must have at least one \
             reviewer to set prevent_self_review.",
        ));
    }
    let admins_bypass = fields.boolean("can_admins_bypass")?.unwrap_or(true);
    Ok(ProtectionSettings { wait_timer, prevent_self_review, reviewers, branches, admins_bypass })
}

fn parse_reviewer(value: &Value) -> Result<(String, u64), ContractViolation> {
    let fields = BodyFields::new(value, &["type", "id"])?;
    let kind = BodyFields::required("type", fields.string("type")?)?;
    let number = BodyFields::required("id", fields.parse("id", "an integer", Value::as_u64)?)?;
    match kind {
        "User" | "Team" => Ok((kind.to_owned(), number)),
        other => Err(ContractViolation::invalid(&format!("{other:?} is not one of User, Team."))),
    }
}

/// Fails with GitHub's message if a reviewer does not exist.
fn check_reviewers(protection: &ProtectionSettings, accounts: &FakeAccounts) -> Result<(), String> {
    let exists = |kind: &str, number| match kind {
        "Team" => accounts.team_with_id(number).is_some(),
        _ => accounts.user_with_id(number).is_some(),
    };
    match protection.reviewers.iter().find(|(kind, number)| !exists(kind, *number)) {
        Some((kind, number)) => Err(format!("Validation Failed: there is no {kind} with the id {number}")),
        None => Ok(()),
    }
}
