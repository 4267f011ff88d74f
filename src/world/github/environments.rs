//! Environments and their protection rules, `/repos/{owner}/{repo}/environments`, and the teams and users who can
//! review: `/orgs/…/teams`, `/users`.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::GitHub,
    fields::names,
    permission::RequiredPermission,
    protection::{BranchKind, BranchPolicy, EnvironmentProtection, EnvironmentSettings},
    repository::Repository,
    write::SendOutcome,
};
use crate::{finding::Finding, reconcile::Permit, subject::EnvironmentName, world::url::percent_encode};

impl GitHub {
    /// An environment; `None` when it does not exist.
    ///
    /// # Errors
    /// No answer; a token without Actions: read.
    pub fn environment(
        &self,
        repository: &Repository,
        name: impl Into<EnvironmentName>,
    ) -> Result<Option<EnvironmentProtection>, Finding> {
        self.get(&environment_path(repository, &name.into()), &read_permission(repository))
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
        environment: &EnvironmentName,
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
        name: &EnvironmentName,
        settings: &EnvironmentSettings,
    ) -> SendOutcome {
        let path = environment_path(repository, name);
        self.write(Method::PUT, &path, Some(&settings.body()), &admin_permission(repository), 200, |_| Some(()))
    }

    /// Adds a branch pattern. Needs Administration: write.
    pub fn add_branch_policy(
        &self,
        _permit: &Permit,
        repository: &Repository,
        environment: &EnvironmentName,
        name: &str,
        kind: BranchKind,
    ) -> SendOutcome {
        // Without a type it is a pattern of branches; older servers refuse the field.
        let body = match kind {
            BranchKind::Branch => json!({ "name": name }),
            BranchKind::Tag => json!({ "name": name, "type": "tag" }),
        };
        let path = branch_policies_path(repository, environment);
        self.write(Method::POST, &path, Some(&body), &admin_permission(repository), 200, |_| Some(()))
    }

    /// Removes a branch pattern. Needs Administration: write.
    pub fn remove_branch_policy(
        &self,
        _permit: &Permit,
        repository: &Repository,
        environment: &EnvironmentName,
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

    /// The id of a user, by login; `None` for an organisation, which reviews nothing.
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
            #[serde(default, rename = "type")]
            kind: Option<String>,
        }
        let found = self.get::<IdJson>(path, required)?;
        // A team has the type of what it belongs to, in lower case.
        Ok(found.filter(|found| found.kind.as_deref() != Some("Organization")).map(|found| found.id))
    }
}

/// The name is one segment of the path: its slashes are encoded, too.
fn environment_path(repository: &Repository, environment: &EnvironmentName) -> String {
    repository.api_path(&format!("environments/{}", percent_encode(environment.as_str())))
}

fn branch_policies_path(repository: &Repository, environment: &EnvironmentName) -> String {
    format!("{}/deployment-branch-policies", environment_path(repository, environment))
}

fn read_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Actions: read", repository.to_string())
}

fn admin_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Administration: write", repository.to_string())
}
