//! Environments: `GET …/environments`, `GET` and `PUT …/environments/{environment_name}`. Limits: the descriptions of
//! the fields (a timer of 0 to 43,200 minutes, up to six reviewers, two kinds of branch policy of which one can be on).

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Breach, FakeGitHub,
    accounts::{Accounts, fields},
    call::{Call, Fields},
    error, id, node_id, not_found, now,
    policies::Policy,
    repositories::Repository,
    segment, time,
};
use crate::sandbox::server::Answer;

/// 30 days.
const LONGEST_TIMER: u64 = 43_200;
const MOST_REVIEWERS: usize = 6;

pub(super) struct Environment {
    pub(super) name: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    protection: Protection,
    /// GitHub tells it, and its description does not: only where a script asks for it.
    admins_bypass: Option<bool>,
    pub(super) policies: Vec<Policy>,
}

/// What a `PUT` says; whatever it leaves out is as here.
#[derive(Default)]
struct Protection {
    /// Minutes.
    wait_timer: u64,
    prevent_self_review: bool,
    /// `User` or `Team`, and the id.
    reviewers: Vec<(String, u64)>,
    branches: Branches,
}

/// From where an environment can be deployed to.
#[derive(Clone, Copy, Default, PartialEq)]
enum Branches {
    #[default]
    Any,
    Protected,
    /// Those that a policy names.
    Named,
}

impl FakeGitHub {
    /// Makes an environment, or protects it in another way: `body` is what `PUT` would be sent, `{}` for no protection.
    /// What GitHub would refuse is a violation.
    pub fn protect(&self, repository: &str, environment: &str, body: &Value) {
        let done = self.in_repository(repository, |known, accounts| {
            let protection = read(body)?;
            unknown_reviewer(&protection, accounts).map_or(Ok(()), |who| Err(Breach::new(422, who)))?;
            known.environment(environment).set(protection, now());
            Ok(())
        });
        self.keep(environment, done);
    }

    /// Whether administrators may pass an environment's rules by; nothing is said about it before.
    pub fn let_admins_bypass(&self, repository: &str, environment: &str, can: bool) {
        self.in_repository(repository, |known, _| known.environment(environment).admins_bypass = Some(can));
    }
}

impl Repository {
    /// An environment's name has no case. One that is not there is made without protection, as a job that names it does.
    pub(super) fn environment(&mut self, name: &str) -> &mut Environment {
        let place = self.environments.iter().position(|known| known.name.eq_ignore_ascii_case(name));
        let place = place.unwrap_or_else(|| {
            let now = now();
            self.environments.push(Environment {
                name: name.to_owned(),
                created_at: now,
                updated_at: now,
                protection: Protection::default(),
                admins_bypass: None,
                policies: Vec::new(),
            });
            self.environments.len() - 1
        });
        &mut self.environments[place]
    }

    /// The environment that the path names.
    pub(super) fn environment_of(&mut self, call: &Call) -> Option<&mut Environment> {
        let name = call.parameter("environment_name");
        self.environments.iter_mut().find(|known| known.name.eq_ignore_ascii_case(name))
    }
}

impl Environment {
    pub(super) fn names_branches(&self) -> bool {
        self.protection.branches == Branches::Named
    }

    fn set(&mut self, protection: Protection, now: Timestamp) {
        self.protection = protection;
        self.updated_at = now;
        if !self.names_branches() {
            self.policies.clear();
        }
    }

    /// As an approval shows it.
    pub(super) fn head(&self, repository: &Repository, api: &str) -> Value {
        let number = id("environment", &format!("{}/{}", repository.name, self.name));
        let segment = segment(&self.name);
        json!({
            "id": number,
            "node_id": node_id("EN", number),
            "name": self.name,
            "url": format!("{}/environments/{segment}", repository.url(api)),
            "html_url": format!("{}/deployments/activity_log?environments_filter={segment}", repository.page()),
            "created_at": time(self.created_at),
            "updated_at": time(self.updated_at),
        })
    }

    fn shown(&self, repository: &Repository, accounts: &Accounts, api: &str) -> Value {
        let Protection { wait_timer, prevent_self_review, reviewers, branches } = &self.protection;
        let rule = |kind: &str, more: Value| {
            let number = id("rule", &format!("{}/{}/{kind}", repository.name, self.name));
            let mut rule = fields(json!({ "id": number, "node_id": node_id("GA", number), "type": kind }));
            rule.extend(fields(more));
            Value::Object(rule)
        };
        let mut rules = Vec::new();
        if *wait_timer > 0 {
            rules.push(rule("wait_timer", json!({ "wait_timer": wait_timer })));
        }
        if !reviewers.is_empty() {
            let shown = reviewers.iter().map(|(kind, number)| {
                let reviewer =
                    if kind == "Team" { accounts.team_of(api, *number) } else { accounts.user_of(api, *number) };
                json!({ "type": kind, "reviewer": reviewer })
            });
            let reviewers: Vec<_> = shown.collect();
            let more = json!({ "prevent_self_review": prevent_self_review, "reviewers": reviewers });
            rules.push(rule("required_reviewers", more));
        }
        if *branches != Branches::Any {
            rules.push(rule("branch_policy", Value::Object(Map::new())));
        }
        let policy = match branches {
            Branches::Any => Value::Null,
            Branches::Protected => json!({ "protected_branches": true, "custom_branch_policies": false }),
            Branches::Named => json!({ "protected_branches": false, "custom_branch_policies": true }),
        };
        let mut shown = fields(self.head(repository, api));
        shown.insert("protection_rules".to_owned(), rules.into());
        shown.insert("deployment_branch_policy".to_owned(), policy);
        if let Some(can) = self.admins_bypass {
            shown.insert("can_admins_bypass".to_owned(), can.into());
        }
        Value::Object(shown)
    }
}

pub(super) fn list(repository: &mut Repository, accounts: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let page = call.page(repository.environments.iter().collect())?;
    Ok(page.counted("environments", |environment| environment.shown(repository, accounts, &call.api)))
}

pub(super) fn get(repository: &Repository, accounts: &Accounts, call: &Call) -> Answer {
    answer(repository, call.parameter("environment_name"), accounts, call)
}

pub(super) fn put(repository: &mut Repository, accounts: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let name = call.parameter("environment_name");
    if name.chars().count() > 255 {
        return Err(Breach::invalid("The name of an environment has at most 255 characters."));
    }
    // A body is not needed, and may be `null`.
    let protection = read(call.body.as_ref().unwrap_or(&Value::Null))?;
    if let Some(who) = unknown_reviewer(&protection, accounts) {
        return Ok(error(422, &who));
    }
    repository.environment(name).set(protection, call.now);
    Ok(answer(repository, name, accounts, call))
}

fn answer(repository: &Repository, name: &str, accounts: &Accounts, call: &Call) -> Answer {
    let found = repository.environments.iter().find(|known| known.name.eq_ignore_ascii_case(name));
    found.map_or_else(not_found, |environment| Answer::json(200, &environment.shown(repository, accounts, &call.api)))
}

/// What a body says. It replaces everything that was said before.
fn read(body: &Value) -> Result<Protection, Breach> {
    if body.is_null() {
        return Ok(Protection::default());
    }
    let fields = Fields::of(body, &["wait_timer", "prevent_self_review", "reviewers", "deployment_branch_policy"])?;
    let wait_timer = fields.read("wait_timer", "an integer", Value::as_u64)?.unwrap_or_default();
    if wait_timer > LONGEST_TIMER {
        return Err(Breach::invalid(&format!("wait_timer must be between 0 and {LONGEST_TIMER}, saw {wait_timer}.")));
    }
    let reviewers = match fields.get("reviewers") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(reviewers)) => reviewers.iter().map(reviewer).collect::<Result<_, _>>()?,
        Some(other) => {
            return Err(Breach::invalid(&format!("For 'properties/reviewers', {other} is not an array.")));
        }
    };
    if reviewers.len() > MOST_REVIEWERS {
        let many = reviewers.len();
        return Err(Breach::invalid(&format!("Up to {MOST_REVIEWERS} reviewers are allowed; {many} were supplied.")));
    }
    let branches = match fields.get("deployment_branch_policy") {
        None | Some(Value::Null) => Branches::Any,
        Some(policy) => {
            let (protected, custom) = ("protected_branches", "custom_branch_policies");
            let fields = Fields::of(policy, &[protected, custom])?;
            match (
                Fields::needed(protected, fields.switch(protected)?)?,
                Fields::needed(custom, fields.switch(custom)?)?,
            ) {
                (true, false) => Branches::Protected,
                (false, true) => Branches::Named,
                _ => {
                    return Err(Breach::invalid(&format!("{protected} and {custom} cannot have the same value.")));
                }
            }
        }
    };
    let prevent_self_review = fields.switch("prevent_self_review")?.unwrap_or_default();
    if prevent_self_review && reviewers.is_empty() {
        // Not in the description; these are GitHub's words.
        return Err(Breach::new(
            422,
            "Failed to create or update the environment protection rule. Required reviewers must have at least one \
             reviewer to set prevent_self_review.",
        ));
    }
    Ok(Protection { wait_timer, prevent_self_review, reviewers, branches })
}

fn reviewer(value: &Value) -> Result<(String, u64), Breach> {
    let fields = Fields::of(value, &["type", "id"])?;
    let kind = Fields::needed("type", fields.text("type")?)?;
    let number = Fields::needed("id", fields.read("id", "an integer", Value::as_u64)?)?;
    match kind {
        "User" | "Team" => Ok((kind.to_owned(), number)),
        other => Err(Breach::invalid(&format!("{other:?} is not one of User, Team."))),
    }
}

fn unknown_reviewer(protection: &Protection, accounts: &Accounts) -> Option<String> {
    let known = |kind: &str, number| match kind {
        "Team" => accounts.team_of("", number).is_some(),
        _ => accounts.user_of("", number).is_some(),
    };
    let unknown = protection.reviewers.iter().find(|(kind, number)| !known(kind, *number));
    unknown.map(|(kind, number)| format!("Validation Failed: there is no {kind} with the id {number}"))
}
