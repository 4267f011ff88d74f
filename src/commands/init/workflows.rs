//! The shipped workflows, written for one repository. They are part of the program, so they cannot differ from what is shipped. Pure.

use super::{
    flags::{Approval, Flags},
    gate_steps::{APP_TOKEN, JOB_TOKEN, Step, remove_step, require, set_endpoints, set_health, step},
    pull_request::{self, plan_promotions},
    setup::{Layout, ServiceSetup, Setup},
    template::{
        At::{Item, Key},
        Template, TemplateError,
    },
};
use crate::world::github::Repository;

const VALIDATE: &str = include_str!("../../../workflows/validate-staging.yml");
const VALIDATE_MONOREPO: &str = include_str!("../../../workflows/validate-monorepo.yml");
const PROMOTE: &str = include_str!("../../../workflows/promote-to-production.yml");
const EMERGENCY: &str = include_str!("../../../workflows/emergency-promote.yml");
const ROLLBACK: &str = include_str!("../../../workflows/rollback.yml");
const AUDIT: &str = include_str!("../../../workflows/audit.yml");

const HEADER: &[&str] = &[
    "After each deployment to staging: does the release pass its gates? `record` sends the results to the repository with the",
    "manifests, where a person approves.",
];
const HEADER_ONE_REPOSITORY: &[&str] = &[
    "After each deployment to staging: does the release pass its gates? `record` starts `promotion-open.yml` with the results, and",
    "people review the pull request of the promotion.",
];
const HEADER_MONOREPO: &[&str] = &[
    "After each deployment to staging: which of the deployed services pass their gates? `record` sends those to the repository with",
    "the manifests, in one dispatch, and a person approves them once. A service that does not pass keeps no other back.",
    "",
    "The deploy workflow says what it deployed: an artifact `subject-SERVICE` for each service, with a file `subject.json` such as",
    "{\"service\": \"checkout-service\", \"image\": \"ghcr.io/acme/checkout-service\", \"tag\": \"…\", \"digest\": \"sha256:…\"}.",
];

/// The inputs with a token for GitHub.
const TOKENS: [&str; 3] = ["token", "source-token", "api-token"];
/// The commands whose tokens the job can have itself, if everything is in one repository, with the permissions for that.
const OWN_PERMISSIONS: [(&str, &[(&str, &str)]); 6] = [
    ("record", &[("contents", "write # the dispatch to this repository")]),
    (
        "evidence",
        &[
            ("actions", "read # the runs that deployed and validated"),
            ("pull-requests", "read # what is in the release"),
        ],
    ),
    ("approval", &[("pull-requests", "read # what is in the release")]),
    ("promote", &[("contents", "write # the commit of the promotion")]),
    ("emergency", &[("contents", "write # the commit of the promotion")]),
    ("rollback", &[("contents", "write # the commit that rolls back")]),
];

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    pub path: String,
    pub text: String,
    /// The secrets and variables that its jobs use, each with the environment of the job.
    pub needs: Vec<Needed>,
}

/// A secret or a variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needed {
    pub environment: Option<String>,
    pub is_secret: bool,
    pub name: String,
}

pub fn plan_workflows(setup: &Setup, flags: &Flags) -> Result<Vec<PlannedFile>, TemplateError> {
    let mut files = Vec::new();
    if !matches!(setup.layout, Layout::Infra { .. }) {
        files.push(match (&setup.services[..], &setup.layout, flags.approval) {
            ([only], Layout::Both, Approval::PullRequest) => {
                let shipped = Template::new(pull_request::VALIDATE);
                ("validate-staging", validate(shipped, HEADER_ONE_REPOSITORY, setup, only, flags)?)
            }
            ([only], ..) => ("validate-staging", validate(Template::new(VALIDATE), HEADER, setup, only, flags)?),
            _ => ("validate-monorepo", validate_monorepo(setup, flags)?),
        });
    }
    if !matches!(setup.layout, Layout::Services { .. }) {
        match flags.approval {
            Approval::Environment => {
                files.push(("promote-to-production", promote(setup, flags)?));
                files.push(("emergency-promote", by_hand(setup, EMERGENCY)?));
                files.push(("rollback", by_hand(setup, ROLLBACK)?));
                files.push(("audit", Template::new(AUDIT)));
            }
            Approval::PullRequest => files.extend(plan_promotions(setup, flags, &Template::new(PROMOTE))?),
        }
    }
    let finish = |(name, mut template): (&str, Template)| {
        match (&setup.layout, flags.approval) {
            (Layout::Both, Approval::Environment) => {
                use_job_tokens(&mut template)?;
                template.replace("# In the infra repository. ", "# ");
            }
            (Layout::Both, Approval::PullRequest) => template.replace("# In the repository with the manifests. ", "# "),
            (Layout::Services { infra: other } | Layout::Infra { source: other }, _) => {
                set_other(&mut template, setup, other)?;
            }
        }
        if let Some(actions) = &flags.actions {
            rename_actions(&mut template, &actions.repository.to_string(), &actions.version)?;
        }
        let needs = needed(&template);
        Ok(PlannedFile { path: format!(".github/workflows/{name}.yml"), text: template.into_text(), needs })
    };
    files.into_iter().map(finish).collect()
}

/// The gates of a repository with one service.
fn validate(
    mut template: Template,
    header: &[&str],
    setup: &Setup,
    service: &ServiceSetup,
    flags: &Flags,
) -> Result<Template, TemplateError> {
    template.set_header(header);
    template.set(&[Key("on"), Key("workflow_run"), Key("workflows")], &workflow_list(setup))?;
    template.set(&[Key("env"), Key("SERVICE")], service.name.as_str())?;
    template.remove_job("performance");
    template.remove_job("baseline");
    if flags.smoke.is_none() {
        template.remove_job("smoke");
    }
    for job in template.keys(&[Key("jobs")]) {
        for gate in ["health", "smoke", "record"] {
            if let Some(with) = step(&template, &job, gate).as_ref().map(Step::with) {
                template.set(&[&with[..], &[Key("image")]].concat(), service.image.as_str())?;
            }
        }
    }
    let health = require(&template, "health", "health")?;
    set_health(&mut template, &health, &setup.staging_namespace, &service.workload)?;
    set_endpoints(&mut template, &health, flags.staging_url.as_deref(), service.name.as_str())?;
    set_smoke(&mut template, "smoke", flags)?;
    let needs = if flags.smoke.is_some() { "[health, smoke]" } else { "[health]" };
    template.set(&[Key("jobs"), Key("record"), Key("needs")], needs)?;
    set_record(&mut template, setup, flags)?;
    Ok(template)
}

/// The gates of a repository with several services.
fn validate_monorepo(setup: &Setup, flags: &Flags) -> Result<Template, TemplateError> {
    const SERVICE: &str = "${{ matrix.subject.service }}";
    let mut template = Template::new(VALIDATE_MONOREPO);
    template.set_header(HEADER_MONOREPO);
    template.set(&[Key("on"), Key("workflow_run"), Key("workflows")], &workflow_list(setup))?;
    let health = require(&template, "gates", "health")?;
    set_health(&mut template, &health, &setup.staging_namespace, &format!("deployment/{SERVICE}"))?;
    set_endpoints(&mut template, &health, flags.staging_url.as_deref(), SERVICE)?;
    remove_step(&mut template, "gates", "performance");
    if flags.smoke.is_none() {
        remove_step(&mut template, "gates", "smoke");
    }
    set_smoke(&mut template, "gates", flags)?;
    set_record(&mut template, setup, flags)?;
    Ok(template)
}

fn promote(setup: &Setup, flags: &Flags) -> Result<Template, TemplateError> {
    const SERVICE: &str = "${{ matrix.subject.service }}";
    let mut template = Template::new(PROMOTE);
    // It keeps what `performance` measures, which is not set up here.
    template.remove_job("baseline");
    let wait = require(&template, "promote", "wait")?;
    match &flags.staging_url {
        // `wait` fills in the name itself.
        Some(url) => template.set(&wait.key("endpoints"), url)?,
        None => template.remove(&wait.key("endpoints")),
    }
    let health = require(&template, "verify", "health")?;
    let workload = match &setup.services[..] {
        [only] => only.workload.clone(),
        _ => format!("deployment/{SERVICE}"),
    };
    set_health(&mut template, &health, &setup.production_namespace, &workload)?;
    set_endpoints(&mut template, &health, flags.production_url.as_deref(), SERVICE)?;
    Ok(template)
}

/// A workflow that a person starts for one of the services.
fn by_hand(setup: &Setup, shipped: &str) -> Result<Template, TemplateError> {
    let mut template = Template::new(shipped);
    let names: Vec<&str> = setup.services.iter().map(|service| service.name.as_str()).collect();
    let options = [Key("on"), Key("workflow_dispatch"), Key("inputs"), Key("service"), Key("options")];
    template.set(&options, &format!("[{}]", names.join(", ")))?;
    Ok(template)
}

fn set_smoke(template: &mut Template, job: &str, flags: &Flags) -> Result<(), TemplateError> {
    let (Some(command), Some(junit)) = (&flags.smoke, &flags.junit) else { return Ok(()) };
    let smoke = require(template, job, "smoke")?;
    template.set(&smoke.key("command"), &scalar(command))?;
    template.set(&smoke.key("junit"), &scalar(junit))?;
    template.remove(&smoke.key("working-directory"));
    Ok(())
}

fn set_record(template: &mut Template, setup: &Setup, flags: &Flags) -> Result<(), TemplateError> {
    let record = require(template, "record", "record")?;
    let receiver = match &setup.layout {
        Layout::Services { infra } => infra,
        Layout::Both | Layout::Infra { .. } => &setup.repository,
    };
    template.set(&record.key("repository"), &receiver.to_string())?;
    template.put_key(&record.with(), "required", &required_gates(flags).join("\n"))
}

/// The gates of the validation.
pub fn required_gates(flags: &Flags) -> Vec<&'static str> {
    if flags.smoke.is_some() { vec!["health", "smoke"] } else { vec!["health"] }
}

fn workflow_list(setup: &Setup) -> String {
    format!("[{}]", scalar(&setup.deploy_workflow.name))
}

/// A value in YAML.
pub fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.') && text.chars().all(plain);
    let is_ambiguous =
        ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    // A text of JSON is a text of YAML.
    if is_word && !is_ambiguous { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// In one repository, the token of the job is enough: it has the permissions that `permissions:` gives it.
fn use_job_tokens(template: &mut Template) -> Result<(), TemplateError> {
    for job in template.keys(&[Key("jobs")]) {
        remove_step(template, &job, APP_TOKEN);
        for (command, permissions) in OWN_PERMISSIONS {
            let Some(step) = step(template, &job, command) else { continue };
            for key in TOKENS {
                if template.text(&step.key(key)).is_some_and(|value| value != JOB_TOKEN) {
                    template.set_anew(&step.key(key), JOB_TOKEN)?;
                }
            }
            for (scope, level) in permissions {
                template.put_key(&[Key("jobs"), Key(&job), Key("permissions")], scope, level)?;
            }
        }
    }
    Ok(())
}

/// The other repository, for which Apps make tokens.
fn set_other(template: &mut Template, setup: &Setup, other: &Repository) -> Result<(), TemplateError> {
    for job in template.keys(&[Key("jobs")]) {
        for index in template.steps(&job, APP_TOKEN) {
            let with = [Key("jobs"), Key(&job), Key("steps"), Item(index), Key("with")];
            let repositories = [&with[..], &[Key("repositories")]].concat();
            if !template.has(&repositories) {
                continue;
            }
            template.set(&repositories, other.name())?;
            if !other.owner().eq_ignore_ascii_case(setup.repository.owner()) {
                template.put_key(&with, "owner", other.owner())?;
            }
        }
    }
    Ok(())
}

/// Uses the actions of another copy of this repository.
fn rename_actions(template: &mut Template, repository: &str, version: &str) -> Result<(), TemplateError> {
    for job in template.keys(&[Key("jobs")]) {
        for index in 0..template.count(&[Key("jobs"), Key(&job), Key("steps")]) {
            let path = [Key("jobs"), Key(&job), Key("steps"), Item(index), Key("uses")];
            let Some(uses) = template.text(&path) else { continue };
            let action = uses.split('@').next().unwrap_or_default();
            let Some((_, folder)) = action.split_once("/promote-gates") else { continue };
            template.set(&path, &format!("{repository}{folder}@{version}"))?;
        }
    }
    Ok(())
}

/// The secrets and variables of the jobs.
fn needed(template: &Template) -> Vec<Needed> {
    let mut all = Vec::new();
    for job in template.keys(&[Key("jobs")]) {
        let environment = template.text(&[Key("jobs"), Key(&job), Key("environment")]);
        let text = template.job_text(&job);
        for (context, is_secret) in [("secrets.", true), ("vars.", false)] {
            for part in text.split(context).skip(1) {
                let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let needed = Needed { environment: environment.clone(), is_secret, name };
                if needed.name != "GITHUB_TOKEN" && !needed.name.is_empty() && !all.contains(&needed) {
                    all.push(needed);
                }
            }
        }
    }
    all
}
