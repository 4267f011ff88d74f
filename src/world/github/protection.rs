//! The protection rules of an environment, as GitHub's API describes them and as a request sets them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// An environment and its protection rules, as set on GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "EnvironmentJson")]
pub struct EnvironmentProtection {
    pub name: String,
    /// Minutes from the time a job was first triggered; 0 for no wait.
    pub wait_timer: u32,
    /// The approval of any one of them suffices; when empty, no approval is needed.
    pub reviewers: Vec<Reviewer>,
    /// `None` when GitHub reports reviewers without it: an older Enterprise Server, such as 3.10.
    pub prevent_self_review: Option<bool>,
    /// `None` when any branch may deploy.
    pub branch_rule: Option<BranchRule>,
    /// Whether administrators can bypass the rules; `None` when GitHub does not say.
    pub can_admins_bypass: Option<bool>,
    /// Whether it has rules of Apps, or of kinds that are unknown here.
    pub has_custom_rules: bool,
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
    /// `None` on servers that know only patterns of branches.
    #[serde(default, rename = "type")]
    pub kind: Option<BranchKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BranchKind {
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
    /// Not in GitHub's API description, but github.com takes it, and a request without it allows the bypass again. Older
    /// Enterprise Servers refuse it: `"can_admins_bypass" is not a permitted key`.
    pub can_admins_bypass: Option<bool>,
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
        put("can_admins_bypass", self.can_admins_bypass.map(Value::from));
        Value::Object(body)
    }
}

/// The types of rules that GitHub's description lists.
const KNOWN_RULES: [&str; 3] = ["wait_timer", "required_reviewers", "branch_policy"];

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
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    wait_timer: u32,
    #[serde(default)]
    prevent_self_review: Option<bool>,
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
        let is_custom = |rule: &RuleJson| !KNOWN_RULES.contains(&rule.kind.as_str());
        let reviewer = |ReviewerJson { kind, reviewer }| Reviewer { kind, id: reviewer.id, name: reviewer.login };
        let with_reviewers = json.protection_rules.iter().find(|rule| !rule.reviewers.is_empty());
        Self {
            name: json.name,
            has_custom_rules: json.protection_rules.iter().any(is_custom),
            prevent_self_review: with_reviewers.map_or(Some(false), |rule| rule.prevent_self_review),
            wait_timer: json.protection_rules.iter().map(|rule| rule.wait_timer).max().unwrap_or_default(),
            reviewers: json.protection_rules.into_iter().flat_map(|rule| rule.reviewers).map(reviewer).collect(),
            branch_rule: json.deployment_branch_policy,
            can_admins_bypass: json.can_admins_bypass,
        }
    }
}
