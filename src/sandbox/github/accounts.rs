//! `GET /users/{username}`, `GET /orgs/{org}/teams/{team_slug}`; who and what a name stands for in answers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{FakeGitHub, call::Call, id, node_id, not_found};
use crate::sandbox::server::Answer;

/// Whoever says something with a token: the sandbox knows no people behind them.
pub(super) const BOT: &str = "github-actions[bot]";
/// When everything that nobody asks the age of was made.
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

#[derive(Default)]
pub(super) struct Accounts {
    /// By lower-case login.
    users: BTreeMap<String, Account>,
    /// By lower-case organisation and slug.
    teams: BTreeMap<(String, String), Team>,
}

struct Account {
    login: String,
    organisation: bool,
}

#[derive(Clone)]
struct Team {
    organisation: String,
    slug: String,
    members: usize,
}

impl FakeGitHub {
    /// Gives somebody an account; its id. Whoever is named as an author, an actor or an approver has one already.
    pub fn user(&self, login: &str) -> u64 {
        self.state().world.accounts.user(login)
    }

    /// Gives an organisation a team; its id.
    pub fn team(&self, organisation: &str, slug: &str, members: &[&str]) -> u64 {
        let accounts = &mut self.state().world.accounts;
        accounts.organisation(organisation);
        for member in members {
            accounts.user(member);
        }
        let team = Team { organisation: organisation.to_owned(), slug: slug.to_lowercase(), members: members.len() };
        let id = team.id();
        accounts.teams.insert((organisation.to_lowercase(), slug.to_lowercase()), team);
        id
    }
}

impl Accounts {
    pub(super) fn user(&mut self, login: &str) -> u64 {
        let account = Account { login: login.to_owned(), organisation: false };
        self.users.entry(login.to_lowercase()).or_insert(account);
        id("user", login)
    }

    pub(super) fn organisation(&mut self, login: &str) {
        let account = Account { login: login.to_owned(), organisation: true };
        self.users.entry(login.to_lowercase()).or_insert(account);
    }

    /// The user of that id, as a reviewer's entry shows one.
    pub(super) fn user_of(&self, api: &str, number: u64) -> Option<Value> {
        let mut people = self.users.values().filter(|account| !account.organisation);
        people.find(|account| id("user", &account.login) == number).map(|account| simple(api, &account.login))
    }

    /// The team of that id, as a reviewer's entry shows one.
    pub(super) fn team_of(&self, api: &str, number: u64) -> Option<Value> {
        self.teams.values().find(|team| team.id() == number).map(|team| Value::Object(team.shown(api)))
    }
}

impl Team {
    fn id(&self) -> u64 {
        id("team", &format!("{}/{}", self.organisation, self.slug))
    }

    fn shown(&self, api: &str) -> Map<String, Value> {
        let Self { organisation, slug, .. } = self;
        let number = self.id();
        fields(json!({
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
}

pub(super) fn user(accounts: &Accounts, call: &Call) -> Answer {
    let Some(account) = accounts.users.get(&call.parameter("username").to_lowercase()) else { return not_found() };
    let mut user =
        fields(if account.organisation { owner(&call.api, &account.login) } else { simple(&call.api, &account.login) });
    user.extend(fields(json!({
        "name": account.login,
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
    Answer::json(200, &Value::Object(user))
}

pub(super) fn team(accounts: &Accounts, call: &Call) -> Answer {
    let key = (call.parameter("org").to_lowercase(), call.parameter("team_slug").to_lowercase());
    let Some(team) = accounts.teams.get(&key) else { return not_found() };
    let mut shown = team.shown(&call.api);
    shown.extend(fields(json!({
        "members_count": team.members,
        "repos_count": 0,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        "organization": organisation(&call.api, &team.organisation),
    })));
    Answer::json(200, &Value::Object(shown))
}

/// A person, or a bot, as most answers show one.
pub(super) fn simple(api: &str, login: &str) -> Value {
    account(api, login, if login.ends_with("[bot]") { "Bot" } else { "User" })
}

/// An organisation that owns something, in the same form.
pub(super) fn owner(api: &str, login: &str) -> Value {
    account(api, login, "Organization")
}

fn account(api: &str, login: &str, kind: &str) -> Value {
    let number = id("user", login);
    let mut account = fields(json!({
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

fn organisation(api: &str, login: &str) -> Value {
    let number = id("user", login);
    let mut shown = fields(json!({
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
        shown.insert(format!("{name}_url"), format!("{api}/orgs/{login}/{path}").into());
    }
    Value::Object(shown)
}

/// The fields of an object that was written down as one.
pub(super) fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
