//! The settings of a repository and its owner, read for `doctor`: plan, the job token, secrets by name, rules of a branch, access.

use serde::Deserialize;

use super::{
    client::GitHub,
    inspection::Inspection,
    permission::RequiredPermission,
    repository::Repository,
    repository_settings::{
        BranchProtection, RepositoryOverview, RequiredStatus, RulesetRule, TeamFacts, Visibility, WorkflowPermissions,
    },
};
use crate::{subject::EnvironmentName, world::url::percent_encode};

#[derive(Deserialize)]
struct OwnerJson {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct RepositoryJson {
    default_branch: String,
    private: bool,
    /// Older Enterprise Servers leave it out.
    #[serde(default)]
    visibility: Option<Visibility>,
    owner: OwnerJson,
}

#[derive(Deserialize)]
struct PlanJson {
    name: String,
}

/// An account: GitHub shows the plan to those who may see it, and leaves it out for others.
#[derive(Deserialize)]
struct PlannedJson {
    #[serde(default)]
    plan: Option<PlanJson>,
}

#[derive(Deserialize)]
struct NamedJson {
    name: String,
}

#[derive(Deserialize)]
struct RuleJson {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Option<RuleParametersJson>,
}

#[derive(Default, Deserialize)]
struct RuleParametersJson {
    #[serde(default)]
    required_status_checks: Vec<StatusCheckJson>,
}

#[derive(Deserialize)]
struct StatusCheckJson {
    context: String,
    /// Of a ruleset.
    #[serde(default)]
    integration_id: Option<i64>,
    /// Of classic protection.
    #[serde(default)]
    app_id: Option<i64>,
}

impl StatusCheckJson {
    fn into_required(self) -> RequiredStatus {
        // GitHub takes -1 for any account.
        let app = self.integration_id.or(self.app_id).and_then(|number| u64::try_from(number).ok());
        RequiredStatus { context: self.context, app }
    }
}

#[derive(Deserialize)]
struct EnabledJson {
    enabled: bool,
}

#[derive(Deserialize)]
struct BranchJson {
    protected: bool,
    #[serde(default)]
    protection: ProtectionJson,
}

#[derive(Default, Deserialize)]
struct ProtectionJson {
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    required_status_checks: Option<RequiredChecksJson>,
}

#[derive(Default, Deserialize)]
struct RequiredChecksJson {
    #[serde(default)]
    contexts: Vec<String>,
    /// The same, with their Apps; older Enterprise Servers leave it out.
    #[serde(default)]
    checks: Vec<StatusCheckJson>,
}

impl RequiredChecksJson {
    fn into_required(self) -> Vec<RequiredStatus> {
        let mut all: Vec<RequiredStatus> = self.checks.into_iter().map(StatusCheckJson::into_required).collect();
        let is_new = |context: &String| !all.iter().any(|status| status.context == *context);
        let others: Vec<String> = self.contexts.into_iter().filter(is_new).collect();
        all.extend(others.into_iter().map(|context| RequiredStatus { context, app: None }));
        all
    }
}

#[derive(Deserialize)]
struct PermissionJson {
    permission: String,
}

impl GitHub {
    /// The repository as this token sees it.
    pub fn repository_overview(&self, repository: &Repository) -> Inspection<RepositoryOverview> {
        let required = of(repository, "Metadata: read");
        self.inspect_response(&format!("/repos/{repository}"), &required).and_then(|response| {
            let json: RepositoryJson = match self.parse(&response.body) {
                Ok(json) => json,
                Err(finding) => return Inspection::Failed(finding),
            };
            let header = |name| self.header(&response, name);
            let scopes = |text: String| {
                text.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(ToOwned::to_owned).collect()
            };
            let by_flag = if json.private { Visibility::Private } else { Visibility::Public };
            Inspection::Seen(RepositoryOverview {
                visibility: json.visibility.unwrap_or(by_flag),
                of_organisation: json.owner.kind == "Organization",
                default_branch: json.default_branch,
                server: header("x-github-enterprise-version"),
                scopes: header("x-oauth-scopes").map(scopes),
                token_ends: header("github-authentication-token-expiration"),
            })
        })
    }

    /// The plan of the repository's owner; `None` if GitHub shows the owner without it.
    pub fn owner_plan(&self, repository: &Repository, of_organisation: bool) -> Inspection<Option<String>> {
        let owner = percent_encode(repository.owner());
        let (path, required) = if of_organisation {
            (format!("/orgs/{owner}"), RequiredPermission::new("Organization plan: read", repository.owner()))
        } else {
            (format!("/users/{owner}"), RequiredPermission::new("Plan: read", repository.owner()))
        };
        self.inspect::<PlannedJson>(&path, &required).map(|account| account.plan.map(|plan| plan.name))
    }

    /// The names of the environments, unchecked.
    pub fn inspect_environments(&self, repository: &Repository) -> Inspection<Vec<String>> {
        let path = repository.api_path("environments");
        self.inspect_list::<NamedJson>(&path, Some("environments"), &of(repository, "Actions: read")).map(names)
    }

    /// What the job's own token may do by default.
    pub fn workflow_permissions(&self, repository: &Repository) -> Inspection<WorkflowPermissions> {
        let path = repository.api_path("actions/permissions/workflow");
        self.inspect(&path, &of(repository, "Administration: read"))
    }

    /// The names of the repository's own secrets.
    pub fn secret_names(&self, repository: &Repository) -> Inspection<Vec<String>> {
        self.inspect_secrets(&repository.api_path("actions/secrets"), &of(repository, "Secrets: read"))
    }

    /// The names of the organisation's secrets that the repository may use.
    pub fn organisation_secret_names(&self, repository: &Repository) -> Inspection<Vec<String>> {
        self.inspect_secrets(&repository.api_path("actions/organization-secrets"), &of(repository, "Secrets: read"))
    }

    /// The names of an environment's secrets.
    pub fn environment_secret_names(
        &self,
        repository: &Repository,
        environment: &EnvironmentName,
    ) -> Inspection<Vec<String>> {
        let environment = percent_encode(environment.as_str());
        let path = repository.api_path(&format!("environments/{environment}/secrets"));
        self.inspect_secrets(&path, &of(repository, "Environments: read"))
    }

    fn inspect_secrets(&self, path: &str, required: &RequiredPermission) -> Inspection<Vec<String>> {
        self.inspect_list::<NamedJson>(path, Some("secrets"), required).map(names)
    }

    /// The rules of rulesets that apply to a branch, those of the organisation among them.
    pub fn branch_rules(&self, repository: &Repository, branch: &str) -> Inspection<Vec<RulesetRule>> {
        let path = repository.api_path(&format!("rules/branches/{}", percent_encode(branch)));
        let rule = |RuleJson { kind, parameters }| RulesetRule {
            kind,
            statuses: parameters
                .unwrap_or_default()
                .required_status_checks
                .into_iter()
                .map(StatusCheckJson::into_required)
                .collect(),
        };
        self.inspect_list::<RuleJson>(&path, None, &of(repository, "Metadata: read"))
            .map(|rules| rules.into_iter().map(rule).collect())
    }

    /// A branch, and whether it is protected.
    pub fn branch_protection(&self, repository: &Repository, branch: &str) -> Inspection<BranchProtection> {
        let path = repository.api_path(&format!("branches/{}", percent_encode(branch)));
        self.inspect::<BranchJson>(&path, &of(repository, "Contents: read")).map(|branch| BranchProtection {
            protected: branch.protected,
            is_classic: branch.protection.enabled,
            statuses: branch.protection.required_status_checks.unwrap_or_default().into_required(),
        })
    }

    /// Whether classic protection of a branch requires signed commits. Rulesets show it as a rule.
    pub fn classic_signatures(&self, repository: &Repository, branch: &str) -> Inspection<bool> {
        let path = repository.api_path(&format!("branches/{}/protection/required_signatures", percent_encode(branch)));
        let required = of(repository, "Administration: read");
        self.inspect_if_there::<EnabledJson>(&path, &required, "Branch not protected")
            .map(|json| json.is_some_and(|json| json.enabled))
    }

    /// The permission of a user on the repository: `admin`, `write`, `read` or `none`.
    pub fn user_permission(&self, repository: &Repository, login: &str) -> Inspection<String> {
        let path = repository.api_path(&format!("collaborators/{}/permission", percent_encode(login)));
        self.inspect::<PermissionJson>(&path, &of(repository, "Metadata: read")).map(|found| found.permission)
    }

    /// A team of the repository's owner.
    pub fn team_facts(&self, repository: &Repository, slug: &str) -> Inspection<TeamFacts> {
        self.inspect(&team_path(repository, slug), &RequiredPermission::new("Members: read", repository.owner()))
    }

    /// Whether a team has any access to the repository. `NotFound` of a team that can be seen: it has none.
    pub fn team_access(&self, repository: &Repository, slug: &str) -> Inspection<()> {
        let path = format!("{}/repos/{repository}", team_path(repository, slug));
        self.inspect_presence(&path, &RequiredPermission::new("Members: read", repository.owner()))
    }
}

fn team_path(repository: &Repository, slug: &str) -> String {
    format!("/orgs/{}/teams/{}", percent_encode(repository.owner()), percent_encode(slug))
}

fn names(all: Vec<NamedJson>) -> Vec<String> {
    all.into_iter().map(|one| one.name).collect()
}

fn of(repository: &Repository, permission: &'static str) -> RequiredPermission {
    RequiredPermission::new(permission, repository.to_string())
}
