//! `GET /users/{username}`, `GET /orgs/{org}/teams/{team_slug}`; how responses show accounts and teams.

use serde_json::{Map, Value, json};

use super::{
    call::ApiCall,
    errors::not_found,
    fake_github::FakeGitHub,
    format::{LONG_AGO, id, node_id, object_fields},
    records::{FakeAccounts, FakeTeam},
};
use crate::sandbox::server::FakeResponse;

/// The login of GitHub's agent, a `Bot` in REST.
const AGENT: &str = "Copilot";

impl FakeGitHub {
    /// Adds a user account; returns its id. Authors, actors and approvers get an account when they are first named.
    pub fn add_user(&self, login: &str) -> u64 {
        self.state().data.accounts.add_user(login)
    }

    /// Makes a token one of an App, which sets statuses and merges by it. The others are those of jobs.
    pub fn set_app(&self, token: &str, slug: &str, number: u64) {
        let mut state = self.state();
        let login = state.data.accounts.add_app(slug, number);
        state.apps.insert(token.to_owned(), login);
    }

    /// Adds a team to an organisation; returns its id.
    pub fn add_team(&self, organisation: &str, slug: &str, members: &[&str]) -> u64 {
        let accounts = &mut self.state().data.accounts;
        accounts.add_organisation(organisation);
        for member in members {
            accounts.add_user(member);
        }
        accounts.add_team(organisation, slug, members.len())
    }
}

pub fn get_user(accounts: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let Some(account) = accounts.account(call.parameter("username")) else { return not_found() };
    let login = &account.login;
    let json = if account.is_organisation { owner_json(&call.api, login) } else { account_json(&call.api, login) };
    let mut user = object_fields(json);
    user.extend(object_fields(json!({
        "name": login,
        "company": null,
        "blog": "",
        "location": null,
        "email": null,
        "hireable": null,
        "bio": null,
        "twitter_username": null,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    })));
    FakeResponse::json(200, &Value::Object(user))
}

pub fn get_team(accounts: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let Some(team) = accounts.team(call.parameter("org"), call.parameter("team_slug")) else { return not_found() };
    let mut json = team_json(team, &call.api);
    json.extend(object_fields(json!({
        "members_count": team.members,
        "repos_count": 0,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        "organization": organisation_json(&call.api, &team.organisation),
    })));
    FakeResponse::json(200, &Value::Object(json))
}

/// A team as an environment lists it as a reviewer.
pub fn team_json(team: &FakeTeam, api: &str) -> Map<String, Value> {
    let FakeTeam { organisation, slug, .. } = team;
    let number = team.id();
    object_fields(json!({
        "id": number,
        "node_id": node_id("T", number),
        "url": format!("{api}/organizations/{}/team/{number}", id("user", organisation)),
        "html_url": format!("https://github.com/orgs/{organisation}/teams/{slug}"),
        "name": slug,
        "slug": slug,
        "description": null,
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "permission": "pull",
        "members_url": format!("{api}/organizations/{}/team/{number}/members{{/member}}", id("user", organisation)),
        "repositories_url": format!("{api}/organizations/{}/team/{number}/repos", id("user", organisation)),
        "parent": null,
        "type": "organization",
    }))
}

/// A user or bot as most responses show it.
pub fn account_json(api: &str, login: &str) -> Value {
    account_json_of_type(api, login, if is_bot(login) { "Bot" } else { "User" })
}

/// Whether an account is an App's. GitHub's agent has a login without `[bot]`.
pub fn is_bot(login: &str) -> bool {
    login.ends_with("[bot]") || login == AGENT
}

/// An organisation as the owner of a repository.
pub fn owner_json(api: &str, login: &str) -> Value {
    account_json_of_type(api, login, "Organization")
}

fn account_json_of_type(api: &str, login: &str, kind: &str) -> Value {
    let number = id("user", login);
    let mut account = object_fields(json!({
        "login": login,
        "id": number,
        "node_id": node_id("U", number),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{number}?v=4"),
        "gravatar_id": "",
        "url": format!("{api}/users/{login}"),
        "html_url": format!("https://github.com/{login}"),
        "type": kind,
        "user_view_type": "public",
        "site_admin": false,
    }));
    for (name, path) in [
        ("followers", "followers"),
        ("following", "following{/other_user}"),
        ("gists", "gists{/gist_id}"),
        ("starred", "starred{/owner}{/repo}"),
        ("subscriptions", "subscriptions"),
        ("organizations", "orgs"),
        ("repos", "repos"),
        ("events", "events{/privacy}"),
        ("received_events", "received_events"),
    ] {
        account.insert(format!("{name}_url"), format!("{api}/users/{login}/{path}").into());
    }
    Value::Object(account)
}

/// An organisation as it shows itself.
pub fn organisation_json(api: &str, login: &str) -> Value {
    let number = id("user", login);
    let mut json = object_fields(json!({
        "login": login,
        "id": number,
        "node_id": node_id("O", number),
        "url": format!("{api}/orgs/{login}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{number}?v=4"),
        "description": null,
        "has_organization_projects": true,
        "has_repository_projects": true,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": format!("https://github.com/{login}"),
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        "archived_at": null,
        "type": "Organization",
    }));
    for (name, path) in [
        ("repos", "repos"),
        ("events", "events"),
        ("hooks", "hooks"),
        ("issues", "issues"),
        ("members", "members{/member}"),
        ("public_members", "public_members{/member}"),
    ] {
        json.insert(format!("{name}_url"), format!("{api}/orgs/{login}/{path}").into());
    }
    Value::Object(json)
}
