//! `GET` of the settings of a repository and its owner: `/orgs/{org}`, `…/actions/permissions/workflow`, the names of secrets,
//! `…/rules/branches/{branch}`, `…/branches/{branch}`, and the access of users and teams.

use serde_json::{Value, json};

use super::{
    accounts::{account_json, organisation_json},
    call::ApiCall,
    commits::commit_json,
    errors::{ContractViolation, error, not_found},
    fake_github::FakeGitHub,
    format::{LONG_AGO, id, object_fields, path_segment},
    records::{FakeAccounts, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Sets the plan of an organisation: `free`, `team`, `enterprise`. GitHub shows it to tokens with `organization_plan=read`.
    pub fn set_plan(&self, organisation: &str, plan: &str) {
        self.state().data.accounts.set_plan(organisation, plan);
    }

    /// Makes a repository `public`, `private` or `internal`.
    pub fn set_visibility(&self, repository: &str, visibility: &str) {
        self.with_repository(repository, |repository, _| visibility.clone_into(&mut repository.settings.visibility));
    }

    /// Sets what the job's own token may do by default (`read`, `write`), and whether Actions may open pull requests.
    pub fn set_workflow_permissions(&self, repository: &str, default: &str, may_open_pull_requests: bool) {
        self.with_repository(repository, |repository, _| {
            default.clone_into(&mut repository.settings.default_workflow_permissions);
            repository.settings.may_open_pull_requests = may_open_pull_requests;
        });
    }

    /// Adds a secret: of an environment, or of the repository.
    pub fn add_secret(&self, repository: &str, environment: Option<&str>, name: &str) {
        self.with_repository(repository, |repository, _| {
            let settings = &mut repository.settings;
            let secrets = match environment {
                None => &mut settings.secrets,
                Some(environment) => settings.environment_secrets.entry(environment.to_lowercase()).or_default(),
            };
            secrets.push(name.to_owned());
        });
    }

    /// Lets a repository use a secret of its organisation.
    pub fn share_secret(&self, repository: &str, name: &str) {
        self.with_repository(repository, |repository, _| {
            repository.settings.organisation_secrets.push(name.to_owned());
        });
    }

    /// Adds a rule of a ruleset for the default branch: `pull_request`, `required_signatures`, or
    /// `required_status_checks` with its statuses.
    pub fn add_rule(&self, repository: &str, kind: &str, contexts: &[&str]) {
        let parameters = match kind {
            "required_signatures" => Value::Null,
            "required_status_checks" => json!({
                "strict_required_status_checks_policy": false,
                "required_status_checks": contexts.iter().map(|context| json!({ "context": context })).collect::<Vec<_>>(),
            }),
            _ => json!({
                "dismiss_stale_reviews_on_push": true,
                "require_code_owner_review": false,
                "require_last_push_approval": false,
                "required_approving_review_count": 1,
                "required_review_thread_resolution": false,
            }),
        };
        self.with_repository(repository, |repository, _| {
            let mut rule = json!({ "type": kind });
            if !parameters.is_null() {
                rule["parameters"] = parameters;
            }
            repository.settings.rules.push(rule);
        });
    }

    /// Lets the classic protection of branches require signed commits.
    pub fn require_signatures(&self, repository: &str) {
        self.with_repository(repository, |repository, _| repository.settings.requires_signatures = true);
    }

    /// Adds the rules of an active ruleset for the default branch, as `POST …/rulesets` takes it.
    pub fn add_ruleset(&self, repository: &str, ruleset: &Value) {
        let rules = ruleset["rules"].as_array().cloned().unwrap_or_default();
        let is_meant = ruleset["enforcement"] == "active"
            && ruleset["target"] == "branch"
            && ruleset["conditions"]["ref_name"]["include"] == json!(["~DEFAULT_BRANCH"]);
        if !is_meant || rules.is_empty() {
            let unknown = format!("the script adds a ruleset that is not known here: {ruleset}");
            self.state().violations.push(unknown);
        }
        self.with_repository(repository, |repository, _| repository.settings.rules.extend(rules));
    }

    /// Makes a token a classic one with these scopes, as its responses say.
    pub fn set_scopes(&self, token: &str, scopes: &str) {
        self.state().scopes.insert(token.to_owned(), scopes.to_owned());
    }
}

pub fn get_organisation(accounts: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let name = call.parameter("org");
    let Some(account) = accounts.account(name).filter(|account| account.is_organisation) else { return not_found() };
    let mut json = organisation_json(&call.api, &account.login);
    let may_see = call.granted.iter().any(|granted| granted == "organization_plan=read");
    if let Some(plan) = accounts.plan_name(name).filter(|_| may_see) {
        json["plan"] = json!({ "name": plan, "space": 976_562_499, "private_repos": 999_999 });
    }
    FakeResponse::json(200, &json)
}

pub fn workflow_permissions(repository: &FakeRepository, _: &FakeAccounts, _: &ApiCall) -> FakeResponse {
    let settings = &repository.settings;
    FakeResponse::json(
        200,
        &json!({
            "default_workflow_permissions": settings.default_workflow_permissions,
            "can_approve_pull_request_reviews": settings.may_open_pull_requests,
        }),
    )
}

type Listed = Result<FakeResponse, ContractViolation>;

pub fn list_secrets(repository: &mut FakeRepository, _: &mut FakeAccounts, call: &ApiCall) -> Listed {
    list(repository.settings.secrets.clone(), call)
}

pub fn list_organisation_secrets(repository: &mut FakeRepository, _: &mut FakeAccounts, call: &ApiCall) -> Listed {
    list(repository.settings.organisation_secrets.clone(), call)
}

pub fn list_environment_secrets(repository: &mut FakeRepository, _: &mut FakeAccounts, call: &ApiCall) -> Listed {
    let name = call.parameter("environment_name").to_lowercase();
    if !repository.environments.iter().any(|environment| environment.has_name(&name)) {
        return Ok(not_found());
    }
    list(repository.settings.environment_secrets.get(&name).cloned().unwrap_or_default(), call)
}

fn list(names: Vec<String>, call: &ApiCall) -> Listed {
    let page = call.page(names)?;
    Ok(page.into_field("secrets", |name| json!({ "name": name, "created_at": LONG_AGO, "updated_at": LONG_AGO })))
}

/// The plans that have no rules in private repositories, and GitHub's answer there.
fn without_rules(repository: &FakeRepository, accounts: &FakeAccounts) -> Option<FakeResponse> {
    let is_free = accounts.plan_name(repository.owner()) == Some("free") && repository.settings.visibility == "private";
    is_free.then(|| error(403, "Upgrade to GitHub Pro or make this repository public to enable this feature."))
}

pub fn list_rules(repository: &mut FakeRepository, accounts: &mut FakeAccounts, call: &ApiCall) -> Listed {
    if let Some(refused) = without_rules(repository, accounts) {
        return Ok(refused);
    }
    let is_default = call.parameter("branch") == repository.history.default_branch;
    let rules = if is_default { repository.settings.rules.clone() } else { Vec::new() };
    let source = repository.name.clone();
    let page = call.page(rules)?;
    Ok(page.into_list(|mut rule| {
        rule["ruleset_source_type"] = "Repository".into();
        rule["ruleset_source"] = source.as_str().into();
        rule["ruleset_id"] = id("ruleset", &source).into();
        rule
    }))
}

pub fn get_branch(repository: &FakeRepository, _: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let name = call.parameter("branch");
    let history = &repository.history;
    let tip = history.branches.get(name).and_then(|sha| history.position(sha));
    let Some(tip) = tip else { return error(404, "Branch not found") };
    let protected = history.protected.iter().any(|protected| protected == name);
    let url = format!("{}/branches/{}", repository.url(&call.api), path_segment(name));
    FakeResponse::json(
        200,
        &json!({
            "name": name,
            "commit": commit_json(repository, tip, &call.api),
            "_links": { "self": url, "html": format!("{}/tree/{name}", repository.page()) },
            "protected": protected,
            "protection": {
                "enabled": protected,
                "required_status_checks": { "enforcement_level": "off", "contexts": [], "checks": [] },
            },
            "protection_url": format!("{url}/protection"),
        }),
    )
}

pub fn get_signatures(repository: &FakeRepository, _: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let name = call.parameter("branch");
    if !repository.history.branches.contains_key(name) {
        return error(404, "Branch not found");
    }
    if !repository.history.protected.iter().any(|protected| protected == name) {
        return error(404, "Branch not protected");
    }
    let branch = format!("{}/branches/{}", repository.url(&call.api), path_segment(name));
    let url = format!("{branch}/protection/required_signatures");
    FakeResponse::json(200, &json!({ "url": url, "enabled": repository.settings.requires_signatures }))
}

pub fn get_user_permission(repository: &FakeRepository, accounts: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let Some(account) = accounts.account(call.parameter("username")) else { return not_found() };
    let has_none = repository.without_access.contains(&id("user", &account.login));
    let permission = if has_none { "none" } else { "write" };
    let mut user = object_fields(account_json(&call.api, &account.login));
    user.insert("role_name".to_owned(), permission.into());
    FakeResponse::json(200, &json!({ "permission": permission, "role_name": permission, "user": Value::Object(user) }))
}

pub fn get_team_access(repository: &FakeRepository, accounts: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    match accounts.team(call.parameter("org"), call.parameter("team_slug")) {
        Some(team) if !repository.without_access.contains(&team.id()) => FakeResponse::status(204),
        Some(_) | None => not_found(),
    }
}
