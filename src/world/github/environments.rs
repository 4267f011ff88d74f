//! Environments and their protection rules, `/repos/{owner}/{repo}/environments`, and the teams and users who can
//! review: `/orgs/…/teams`, `/users`.

use hyper::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    client::GitHub, fields::names, permission::RequiredPermission, read::percent_encode, repository::Repository,
    write::SendOutcome,
};
use crate::{finding::Finding, reconcile::Permit, subject};

/// An environment and its protection rules, as set on GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "EnvironmentJson")]
pub struct EnvironmentProtection {
    pub name: String,
    /// Minutes from the time a job was first triggered; 0 for no wait.
    pub wait_timer: u32,
    /// The approval of any one of them suffices; when empty, no approval is needed.
    pub reviewers: Vec<Reviewer>,
    pub prevent_self_review: bool,
    /// `None` when any branch may deploy.
    pub branch_rule: Option<BranchRule>,
    /// Whether administrators can bypass the rules; `None` when GitHub does not say.
    pub can_admins_bypass: Option<bool>,
}

/// Which branches may deploy. Exactly one of the two is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct BranchRule {
    #[serde(rename = "protected_branches")]
    pub protected: bool,
    #[serde(rename = "custom_branch_policies")]
    pub custom: bool,
}

/// A user or team who can approve a deployment.
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
    /// The kind in GitHub's JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Team => "Team",
        }
    }
}

/// A pattern of branches or tags that may deploy, under [`BranchRule::custom`].
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

/// The rules that one request sets. `None` is not sent, because GitHub refuses a timer or a list of reviewers, even an
/// empty one, when the repository's plan has no such rules. GitHub does not document the effect of leaving out a rule that
/// is set, so `None` is for rules that are unset and stay unset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentSettings {
    /// Minutes, 0 to 43200.
    pub wait_timer: Option<u32>,
    pub prevent_self_review: Option<bool>,
    /// At most 6.
    pub reviewers: Option<Vec<(ReviewerKind, u64)>>,
    /// `None` lets any branch deploy; it is sent.
    pub branch_rule: Option<BranchRule>,
}

impl EnvironmentSettings {
    /// The body of the request.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        let mut put = |key: &str, value: Option<Value>| body.extend(value.map(|value| (key.to_owned(), value)));
        put("wait_timer", self.wait_timer.map(Value::from));
        put("prevent_self_review", self.prevent_self_review.map(Value::from));
        let reviewers = self.reviewers.as_ref().map(|reviewers| {
            reviewers.iter().map(|(kind, id)| json!({ "type": kind.as_str(), "id": id })).collect::<Vec<_>>().into()
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
    /// An environment; `None` when it does not exist.
    ///
    /// # Errors
    /// No answer; a token without Actions: read.
    pub fn environment(
        &self,
        repository: &Repository,
        name: &subject::Environment,
    ) -> Result<Option<EnvironmentProtection>, Finding> {
        self.get(&repository.api_path(&format!("environments/{name}")), &read_permission(repository))
    }

    /// The names of all environments, unchecked.
    ///
    /// # Errors
    /// No answer; no such repository; a token without Actions: read.
    pub fn environment_names(&self, repository: &Repository) -> Result<Vec<String>, Finding> {
        #[derive(Deserialize)]
        struct EnvironmentsJson {
            #[serde(deserialize_with = "names")]
            environments: Vec<String>,
        }
        let mut all = Vec::new();
        let required = read_permission(repository);
        let found = self.pages(&repository.api_path("environments"), &required, |page| {
            let EnvironmentsJson { environments } =
                serde_json::from_value(page.take()).map_err(|error| error.to_string())?;
            all.extend(environments);
            Ok(())
        })?;
        if found { Ok(all) } else { Err(Self::missing("the environments", &required)) }
    }

    /// The branch patterns of an environment.
    ///
    /// # Errors
    /// No answer; no such environment; a token without Actions: read.
    pub fn branch_policies(
        &self,
        repository: &Repository,
        environment: &subject::Environment,
    ) -> Result<Vec<BranchPolicy>, Finding> {
        let required = read_permission(repository);
        self.list(&branch_policies_path(repository, environment), Some("branch_policies"), &required)?
            .ok_or_else(|| Self::missing(format!("the environment {environment}"), &required))
    }

    /// Creates an environment, or replaces all of its rules. Needs Administration: write.
    pub fn put_environment(
        &self,
        _permit: &Permit,
        repository: &Repository,
        name: &subject::Environment,
        settings: &EnvironmentSettings,
    ) -> SendOutcome {
        let path = repository.api_path(&format!("environments/{name}"));
        self.write(Method::PUT, &path, Some(&settings.body()), &admin_permission(repository), 200, |_| Some(()))
    }

    /// Adds a branch pattern. Needs Administration: write.
    pub fn add_branch_policy(
        &self,
        _permit: &Permit,
        repository: &Repository,
        environment: &subject::Environment,
        name: &str,
        kind: BranchKind,
    ) -> SendOutcome {
        let kind = match kind {
            BranchKind::Branch => "branch",
            BranchKind::Tag => "tag",
        };
        let body = json!({ "name": name, "type": kind });
        let path = branch_policies_path(repository, environment);
        self.write(Method::POST, &path, Some(&body), &admin_permission(repository), 200, |_| Some(()))
    }

    /// Removes a branch pattern. Needs Administration: write.
    pub fn remove_branch_policy(
        &self,
        _permit: &Permit,
        repository: &Repository,
        environment: &subject::Environment,
        id: u64,
    ) -> SendOutcome {
        let path = format!("{}/{id}", branch_policies_path(repository, environment));
        self.write(Method::DELETE, &path, None, &admin_permission(repository), 204, |_| Some(()))
    }

    /// The id of an organisation's team, by its slug.
    ///
    /// # Errors
    /// No answer; a token without Members: read.
    pub fn team_id(&self, organisation: &str, slug: &str) -> Result<Option<u64>, Finding> {
        let path = format!("/orgs/{}/teams/{}", percent_encode(organisation), percent_encode(slug));
        self.read_id(&path, &RequiredPermission::new("Members: read", format!("the organisation {organisation}")))
    }

    /// The id of a user, by login.
    ///
    /// # Errors
    /// No answer.
    pub fn user_id(&self, login: &str) -> Result<Option<u64>, Finding> {
        self.read_id(&format!("/users/{}", percent_encode(login)), &RequiredPermission::new("no permission", "GitHub"))
    }

    fn read_id(&self, path: &str, required: &RequiredPermission) -> Result<Option<u64>, Finding> {
        #[derive(Deserialize)]
        struct IdJson {
            id: u64,
        }
        Ok(self.get::<IdJson>(path, required)?.map(|found| found.id))
    }
}

fn branch_policies_path(repository: &Repository, environment: &subject::Environment) -> String {
    repository.api_path(&format!("environments/{environment}/deployment-branch-policies"))
}

fn read_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Actions: read", repository.to_string())
}

fn admin_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Administration: write", repository.to_string())
}

/// An environment in GitHub's JSON: one list holds rules of several kinds.
#[derive(Deserialize)]
struct EnvironmentJson {
    name: String,
    #[serde(default)]
    protection_rules: Vec<RuleJson>,
    #[serde(default)]
    deployment_branch_policy: Option<BranchRule>,
    #[serde(default)]
    can_admins_bypass: Option<bool>,
}

#[derive(Deserialize)]
struct RuleJson {
    #[serde(default)]
    wait_timer: u32,
    #[serde(default)]
    prevent_self_review: bool,
    #[serde(default)]
    reviewers: Vec<ReviewerJson>,
}

#[derive(Deserialize)]
struct ReviewerJson {
    #[serde(rename = "type")]
    kind: ReviewerKind,
    reviewer: ReviewerIdentityJson,
}

#[derive(Deserialize)]
struct ReviewerIdentityJson {
    id: u64,
    #[serde(alias = "slug")]
    login: String,
}

impl From<EnvironmentJson> for EnvironmentProtection {
    fn from(json: EnvironmentJson) -> Self {
        let reviewer = |ReviewerJson { kind, reviewer }| Reviewer { kind, id: reviewer.id, name: reviewer.login };
        Self {
            name: json.name,
            wait_timer: json.protection_rules.iter().map(|rule| rule.wait_timer).max().unwrap_or_default(),
            prevent_self_review: json.protection_rules.iter().any(|rule| rule.prevent_self_review),
            reviewers: json.protection_rules.into_iter().flat_map(|rule| rule.reviewers).map(reviewer).collect(),
            branch_rule: json.deployment_branch_policy,
            can_admins_bypass: json.can_admins_bypass,
        }
    }
}
