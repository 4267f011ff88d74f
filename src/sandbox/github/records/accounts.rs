//! Users, organisations and teams.

use std::collections::BTreeMap;

use crate::sandbox::github::{
    actions_app::{ACTIONS_APP, BOT},
    format::id,
};

#[derive(Default)]
pub struct FakeAccounts {
    /// By lower-case login.
    users: BTreeMap<String, FakeAccount>,
    /// By lower-case organisation and slug.
    teams: BTreeMap<(String, String), FakeTeam>,
    /// The plan of each organisation, by lower-case login.
    plans: BTreeMap<String, String>,
    /// The number of each App, by its account's lower-case login.
    apps: BTreeMap<String, u64>,
    /// The login of each email address.
    addresses: BTreeMap<String, String>,
}

pub struct FakeAccount {
    pub login: String,
    pub is_organisation: bool,
}

#[derive(Clone)]
pub struct FakeTeam {
    pub organisation: String,
    pub slug: String,
    pub members: usize,
}

impl FakeAccounts {
    /// Adds a user unless the account exists; returns its id.
    pub fn add_user(&mut self, login: &str) -> u64 {
        let account = FakeAccount { login: login.to_owned(), is_organisation: false };
        self.users.entry(login.to_lowercase()).or_insert(account);
        id("user", login)
    }

    /// Adds an App's account; returns its login.
    pub fn add_app(&mut self, slug: &str, number: u64) -> String {
        let login = format!("{slug}[bot]");
        self.add_user(&login);
        self.apps.insert(login.to_lowercase(), number);
        login
    }

    /// The number of the App whose account this is.
    pub fn app_of(&self, login: &str) -> Option<u64> {
        let of_actions = login.eq_ignore_ascii_case(BOT).then_some(ACTIONS_APP);
        self.apps.get(&login.to_lowercase()).copied().or(of_actions)
    }

    pub fn add_address(&mut self, login: &str, address: &str) {
        self.add_user(login);
        self.addresses.insert(address.to_owned(), login.to_owned());
    }

    /// The login of the user with an email address that was added.
    pub fn with_address(&self, address: &str) -> Option<&str> {
        self.addresses.get(address).map(String::as_str)
    }

    pub fn add_organisation(&mut self, login: &str) {
        let account = FakeAccount { login: login.to_owned(), is_organisation: true };
        self.users.entry(login.to_lowercase()).or_insert(account);
    }

    pub fn set_plan(&mut self, organisation: &str, plan: &str) {
        self.plans.insert(organisation.to_lowercase(), plan.to_owned());
    }

    pub fn plan_name(&self, organisation: &str) -> Option<&str> {
        self.plans.get(&organisation.to_lowercase()).map(String::as_str)
    }

    /// Adds or replaces a team; returns its id.
    pub fn add_team(&mut self, organisation: &str, slug: &str, members: usize) -> u64 {
        let team = FakeTeam { organisation: organisation.to_owned(), slug: slug.to_lowercase(), members };
        let id = team.id();
        self.teams.insert((organisation.to_lowercase(), slug.to_lowercase()), team);
        id
    }

    pub fn account(&self, login: &str) -> Option<&FakeAccount> {
        self.users.get(&login.to_lowercase())
    }

    pub fn team(&self, organisation: &str, slug: &str) -> Option<&FakeTeam> {
        self.teams.get(&(organisation.to_lowercase(), slug.to_lowercase()))
    }

    pub fn user_with_id(&self, number: u64) -> Option<&FakeAccount> {
        let mut users = self.users.values().filter(|account| !account.is_organisation);
        users.find(|account| id("user", &account.login) == number)
    }

    pub fn team_with_id(&self, number: u64) -> Option<&FakeTeam> {
        self.teams.values().find(|team| team.id() == number)
    }
}

impl FakeTeam {
    pub fn id(&self) -> u64 {
        id("team", &format!("{}/{}", self.organisation, self.slug))
    }
}
