//! The flags that settle what the repository does not say.

use std::{fmt, num::NonZeroU64, str::FromStr};

use clap::ValueEnum;

use crate::{
    config::services::{source_path::SourcePath, workflow_path::WorkflowPath},
    error::ValueError,
    subject::{Image, Service},
    world::github::Repository,
};

/// Who is asked before a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Approval {
    /// The reviewers of a GitHub environment.
    Environment,
    /// The reviewers of the promotion's pull request, on any plan.
    PullRequest,
}

#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// How a person approves a promotion: `environment` asks the reviewers of a GitHub environment, `pull-request` those of the promotion's pull request, on any plan
    #[arg(long, value_enum, default_value = "environment")]
    pub approval: Approval,
    /// Number of the GitHub App that sets the status of pull requests, from its page of settings: the rule of the default branch then requires the status from this App [default: the job's token sets it, and any token can]
    #[arg(long, value_name = "NUMBER", value_parser = app_number)]
    pub status_app: Option<NonZeroU64>,
    /// Infra repository with the manifests, if they are not in this repository: only the gates are written here
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "source")]
    pub infra: Option<Repository>,
    /// Repository of the services, if this one has only the manifests
    #[arg(long, value_name = "OWNER/NAME")]
    pub source: Option<Repository>,
    /// This repository on GitHub [default: that of the remote `origin`]
    #[arg(long, value_name = "OWNER/NAME")]
    pub repository: Option<Repository>,
    /// Images that are promoted, without tags [default: those in the manifests of production]
    #[arg(long, value_name = "REPOSITORY")]
    pub image: Vec<Image>,
    /// Name of the service [default: the last part of its image]
    #[arg(long, value_name = "NAME")]
    pub service: Option<Service>,
    /// What belongs to the service in its repository, a folder or a file, as `paths` in the config file [default: everything]
    #[arg(long, value_name = "PATH")]
    pub path: Vec<SourcePath>,
    /// Files that have the image in production [default: those whose path, name or namespace names production]
    #[arg(long, value_name = "PATH")]
    pub manifest: Vec<String>,
    /// Workflow that deploys to staging [default: the only one with `deploy` in its name]
    #[arg(long, value_name = "PATH")]
    pub deploy_workflow: Option<WorkflowPath>,
    /// Workload that runs the image, as KIND/NAME [default: that of the manifests, or a Deployment with the service's name]
    #[arg(long, value_name = "KIND/NAME")]
    pub workload: Option<String>,
    /// Namespace of staging [default: that of the manifests]
    #[arg(long, value_name = "NAME")]
    pub staging_namespace: Option<String>,
    /// Namespace of production [default: that of the manifests]
    #[arg(long, value_name = "NAME")]
    pub production_namespace: Option<String>,
    /// URL in staging that answers when the service is ready; `{service}` stands for its name
    #[arg(long, value_name = "URL")]
    pub staging_url: Option<String>,
    /// URL in production that answers when the service is ready; `{service}` stands for its name
    #[arg(long, value_name = "URL")]
    pub production_url: Option<String>,
    /// Command of the smoke tests; without it, the gate `smoke` is left out
    #[arg(long, value_name = "COMMAND", requires = "junit")]
    pub smoke: Option<String>,
    /// Where the smoke tests write their `JUnit` reports
    #[arg(long, value_name = "GLOB", requires = "smoke")]
    pub junit: Option<String>,
    /// Login of a person who may approve, in the commands that are left to do
    #[arg(long, value_name = "LOGIN")]
    pub reviewer: Option<Login>,
    /// The actions that the workflows use: your copy of this repository, and its version [default: as shipped]
    #[arg(long, value_name = "OWNER/promote-gates@VERSION")]
    pub actions: Option<ActionsVersion>,
}

fn app_number(text: &str) -> Result<NonZeroU64, ValueError> {
    text.parse()
        .map_err(|_| ValueError::new("the number of an App, such as 424242: its page of settings calls it App ID"))
}

/// A login in a command that a person copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login(String);

impl FromStr for Login {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let fits =
            (1..=39).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(ValueError::new("a login: letters, digits and `-`")) }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `acme/promote-gates@v1`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionsVersion {
    pub repository: Repository,
    pub version: String,
}

impl FromStr for ActionsVersion {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new("OWNER/promote-gates@VERSION, such as acme/promote-gates@v1");
        let (repository, version) = text.split_once('@').ok_or(ACCEPTED)?;
        let repository: Repository = repository.parse().map_err(|_| ACCEPTED)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = (1..=100).contains(&version.len()) && version.chars().all(is_plain);
        // `lint` knows the actions by this name.
        if !fits || !repository.name().eq_ignore_ascii_case("promote-gates") {
            return Err(ACCEPTED);
        }
        Ok(Self { repository, version: version.to_owned() })
    }
}
