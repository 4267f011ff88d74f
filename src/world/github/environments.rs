//! Environments and how they are protected: `/repos/{owner}/{repo}/environments`, and who can review: `/orgs/…/teams`,
//! `/users`.

use hyper::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    GitHub, Repository, Sent,
    actions::names,
    answer::{Need, encoded},
};
use crate::{finding::Finding, reconcile::Permit, subject};

/// An environment as GitHub has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Raw")]
pub struct Environment {
    pub name: String,
    /// Minutes from when a job was first triggered; 0: none.
    pub wait_timer: u32,
    /// Any one of them suffices; empty: nobody is asked.
    pub reviewers: Vec<Reviewer>,
    pub prevent_self_review: bool,
    /// `None`: any branch deploys.
    pub branch_rule: Option<BranchRule>,
    /// Whether an administrator can pass its rules by; `None` when GitHub does not tell.
    pub can_admins_bypass: Option<bool>,
}

/// Which branches deploy: exactly one of the two is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct BranchRule {
    #[serde(rename = "protected_branches")]
    pub protected: bool,
    #[serde(rename = "custom_branch_policies")]
    pub custom: bool,
}

/// Who can review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewer {
    pub kind: ReviewerKind,
    pub id: u64,
    /// A user's login, a team's slug.
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum ReviewerKind {
    User,
    Team,
}

impl ReviewerKind {
    /// As GitHub writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Team => "Team",
        }
    }
}

/// A pattern of branches or tags that deploy, under [`BranchRule::custom`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BranchPolicy {
    pub id: u64,
    /// Ruby's `File.fnmatch`: `*` does not match `/`.
    pub name: String,
    #[serde(default, rename = "type")]
    pub kind: BranchKind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BranchKind {
    #[default]
    Branch,
    Tag,
}

/// What can be set of an environment, all in one request. `None` is not sent: GitHub refuses a timer or reviewers, even none
/// of them, where the repository's plan has no such rules. It does not tell what becomes of a rule that is not sent, so that
/// is for rules that are unset and stay so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentSettings {
    /// Minutes, 0 to 43200.
    pub wait_timer: Option<u32>,
    pub prevent_self_review: Option<bool>,
    /// At most 6.
    pub reviewers: Option<Vec<(ReviewerKind, u64)>>,
    /// `None`: any branch deploys, which is sent.
    pub branch_rule: Option<BranchRule>,
}

impl EnvironmentSettings {
    /// As the body of the request.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        let mut put = |key: &str, value: Option<Value>| body.extend(value.map(|value| (key.to_owned(), value)));
        put("wait_timer", self.wait_timer.map(Value::from));
        put("prevent_self_review", self.prevent_self_review.map(Value::from));
        let reviewers = self.reviewers.as_ref().map(|reviewers| {
            reviewers.iter().map(|(kind, id)| json!({ "type": kind.word(), "id": id })).collect::<Vec<_>>().into()
        });
        put("reviewers", reviewers);
        let rule = self.branch_rule.map(|BranchRule { protected, custom }| {
            json!({ "protected_branches": protected, "custom_branch_policies": custom })
        });
        put("deployment_branch_policy", Some(rule.unwrap_or(Value::Null)));
        Value::Object(body)
    }
}

impl GitHub {
    /// An environment, or `None` when there is none.
    ///
    /// # Errors
    /// Without an answer; a token without Actions: read.
    pub fn environment(
        &self,
        repository: &Repository,
        name: &subject::Environment,
    ) -> Result<Option<Environment>, Finding> {
        self.get(&repository.path(&format!("environments/{name}")), &need(repository))
    }

    /// The names of all environments: whatever somebody has called them.
    ///
    /// # Errors
    /// Without an answer; no such repository; a token without Actions: read.
    pub fn environment_names(&self, repository: &Repository) -> Result<Vec<String>, Finding> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(deserialize_with = "names")]
            environments: Vec<String>,
        }
        let mut all = Vec::new();
        let need = need(repository);
        let known = self.pages(&repository.path("environments"), &need, |page| {
            let Page { environments } = serde_json::from_value(page.take()).map_err(|error| error.to_string())?;
            all.extend(environments);
            Ok(())
        })?;
        if known { Ok(all) } else { Err(Self::missing("the environments", &need)) }
    }

    /// The patterns of an environment whose branches are named one by one.
    ///
    /// # Errors
    /// Without an answer; no such environment; a token without Actions: read.
    pub fn branch_policies(
        &self,
        repository: &Repository,
        environment: &subject::Environment,
    ) -> Result<Vec<BranchPolicy>, Finding> {
        let need = need(repository);
        self.list(&policies(repository, environment), Some("branch_policies"), &need)?
            .ok_or_else(|| Self::missing(format!("the environment {environment}"), &need))
    }

    /// Creates an environment, or sets all of it anew. Needs Administration: write.
    pub fn put_environment(
        &self,
        _permit: &Permit,
        repository: &Repository,
        name: &subject::Environment,
        settings: &EnvironmentSettings,
    ) -> Sent {
        let path = repository.path(&format!("environments/{name}"));
        self.write(Method::PUT, &path, Some(&settings.body()), &administration(repository), 200, |_| Some(()))
    }

    /// Adds a pattern. Needs Administration: write.
    pub fn add_branch_policy(
        &self,
        _permit: &Permit,
        repository: &Repository,
        environment: &subject::Environment,
        name: &str,
        kind: BranchKind,
    ) -> Sent {
        let kind = match kind {
            BranchKind::Branch => "branch",
            BranchKind::Tag => "tag",
        };
        let body = json!({ "name": name, "type": kind });
        let path = policies(repository, environment);
        self.write(Method::POST, &path, Some(&body), &administration(repository), 200, |_| Some(()))
    }

    /// Takes a pattern away. Needs Administration: write.
    pub fn remove_branch_policy(
        &self,
        _permit: &Permit,
        repository: &Repository,
        environment: &subject::Environment,
        id: u64,
    ) -> Sent {
        let path = format!("{}/{id}", policies(repository, environment));
        self.write(Method::DELETE, &path, None, &administration(repository), 204, |_| Some(()))
    }

    /// The id of an organisation's team, by its slug.
    ///
    /// # Errors
    /// Without an answer; a token without Members: read.
    pub fn team_id(&self, organisation: &str, slug: &str) -> Result<Option<u64>, Finding> {
        let path = format!("/orgs/{}/teams/{}", encoded(organisation), encoded(slug));
        self.id(&path, &Need::of("Members: read", format!("the organisation {organisation}")))
    }

    /// The id of a user, by login.
    ///
    /// # Errors
    /// Without an answer.
    pub fn user_id(&self, login: &str) -> Result<Option<u64>, Finding> {
        self.id(&format!("/users/{}", encoded(login)), &Need::of("no permission", "GitHub"))
    }

    fn id(&self, path: &str, need: &Need) -> Result<Option<u64>, Finding> {
        #[derive(Deserialize)]
        struct Identified {
            id: u64,
        }
        Ok(self.get::<Identified>(path, need)?.map(|found| found.id))
    }
}

fn policies(repository: &Repository, environment: &subject::Environment) -> String {
    repository.path(&format!("environments/{environment}/deployment-branch-policies"))
}

fn need(repository: &Repository) -> Need {
    Need::of("Actions: read", repository.to_string())
}

fn administration(repository: &Repository) -> Need {
    Need::of("Administration: write", repository.to_string())
}

/// An environment as the description has it: rules of many kinds in one list.
#[derive(Deserialize)]
struct Raw {
    name: String,
    #[serde(default)]
    protection_rules: Vec<Rule>,
    #[serde(default)]
    deployment_branch_policy: Option<BranchRule>,
    #[serde(default)]
    can_admins_bypass: Option<bool>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(default)]
    wait_timer: u32,
    #[serde(default)]
    prevent_self_review: bool,
    #[serde(default)]
    reviewers: Vec<RawReviewer>,
}

#[derive(Deserialize)]
struct RawReviewer {
    #[serde(rename = "type")]
    kind: ReviewerKind,
    reviewer: Identity,
}

#[derive(Deserialize)]
struct Identity {
    id: u64,
    #[serde(alias = "slug")]
    login: String,
}

impl From<Raw> for Environment {
    fn from(raw: Raw) -> Self {
        let reviewer = |RawReviewer { kind, reviewer }| Reviewer { kind, id: reviewer.id, name: reviewer.login };
        Self {
            name: raw.name,
            wait_timer: raw.protection_rules.iter().map(|rule| rule.wait_timer).max().unwrap_or_default(),
            prevent_self_review: raw.protection_rules.iter().any(|rule| rule.prevent_self_review),
            reviewers: raw.protection_rules.into_iter().flat_map(|rule| rule.reviewers).map(reviewer).collect(),
            branch_rule: raw.deployment_branch_policy,
            can_admins_bypass: raw.can_admins_bypass,
        }
    }
}
