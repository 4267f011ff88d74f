//! The environment of the demo: the sandbox with the repositories, tokens and rules of the day's company, and the steps of its
//! teams that are not commands of this program.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    checkout::Checkout,
    day_result::{ChangeResult, DayResult},
    narrator::Narrator,
    release_day::{INFRA, ON_CALL, ReleaseDay, image, repository},
    run::{DemoRun, RunTrigger},
    runner::{StepResult, StepRunner, write_error},
    workflows::{DEPLOY, DemoJob, EMERGENCY_ENVIRONMENT, VALIDATE},
};
use crate::{config, context::CommandContext, error::CommandError, finding::Finding, kustomization, sandbox::Sandbox};

/// The id of the first workflow run is the next number.
const LAST_RUN_ID: u64 = 1000;
/// The App that sends a dispatch: `record` has its token.
pub const DISPATCHER: &str = "dispatcher[bot]";
/// These tokens are not secret: only the fake GitHub accepts them, while it runs.
const DISPATCH_TOKEN: &str = "token-of-the-dispatcher";
const SOURCE_TOKEN: &str = "token-that-reads-sources";
const WORKFLOW_TOKEN: &str = "token-of-the-workflow";

/// The paths that the demo needs.
pub struct DemoPaths<'a> {
    /// An empty folder.
    pub folder: &'a Path,
    /// The binary whose commands the steps run.
    pub program: &'a Path,
}

pub struct DemoEnv<'a> {
    pub paths: &'a DemoPaths<'a>,
    pub ctx: &'a CommandContext,
    pub sandbox: Sandbox,
    pub narrator: Narrator<'a>,
    runner: StepRunner<'a>,
    /// The id of the last workflow run.
    run_id: Cell<u64>,
}

impl<'a> DemoEnv<'a> {
    /// Sets up the services' repositories, the infra repository with its rules and environments, and the permissions.
    ///
    /// # Errors
    /// Unobservable when that fails.
    pub fn set_up(day: &ReleaseDay, paths: &'a DemoPaths<'a>, ctx: &'a CommandContext) -> Result<Self, CommandError> {
        let services = day.services();
        let sandbox =
            Sandbox::start(paths.folder, &services).map_err(|error| sandbox_error("sandbox", &error.to_string()))?;
        let fake_github = &sandbox.github;
        fake_github.create(INFRA);
        fake_github.grant(DISPATCH_TOKEN, INFRA, &["contents=write"]);
        fake_github.grant(
            WORKFLOW_TOKEN,
            INFRA,
            &["actions=read", "contents=read", "deployments=read", "issues=write"],
        );
        for (environment, reviewers) in [("production", &day.reviewers[..]), (EMERGENCY_ENVIRONMENT, &[ON_CALL])] {
            let reviewers = reviewers.iter().map(|login| json!({ "type": "User", "id": fake_github.add_user(login) }));
            fake_github.protect(INFRA, environment, &json!({ "reviewers": reviewers.collect::<Vec<_>>() }));
        }
        for service in &services {
            fake_github.create(&repository(service));
            fake_github.grant(
                SOURCE_TOKEN,
                &repository(service),
                &["actions=read", "contents=read", "pull_requests=read"],
            );
            fake_github.grant(WORKFLOW_TOKEN, &repository(service), &["actions=read", "contents=read"]);
        }
        let demo_env = Self {
            paths,
            ctx,
            sandbox,
            narrator: Narrator::new(&ctx.log),
            runner: StepRunner { ctx, program: paths.program },
            run_id: Cell::new(LAST_RUN_ID),
        };
        demo_env.write_rules(&services)?;
        Ok(demo_env)
    }

    /// Commits the config file: the repository, workflow and image of each service, the issuer, and the policy for the settings of
    /// gates.
    fn write_rules(&self, services: &[&str]) -> Result<(), CommandError> {
        let mut rules = "services:\n".to_owned();
        for service in services {
            rules += &format!(
                "  {service}:\n    repository: {}\n    workflow: {}\n    deploy-workflow: {}\n    image: {}\n",
                repository(service),
                VALIDATE.path(),
                DEPLOY.path(),
                image(service)
            );
        }
        // The runner's server has no issuer: its name leads nowhere.
        rules += &format!("evidence:\n  issuer: {}\n", self.sandbox.issuer.issuer());
        rules += "policy:\n  performance: ['.settings[\"max-ratio\"] <= 1.2']\n";
        let folder = self.paths.folder.join("rules");
        self.sandbox.infra.clone_to(&folder).map_err(|error| sandbox_error(INFRA, &error.to_string()))?;
        let checkout = Checkout::open(self.ctx, &folder);
        checkout.write(config::DEFAULT_PATH, &rules)?;
        checkout.commit("platform", "Where each service may come from")?;
        checkout.push()?;
        fs::remove_dir_all(&folder).map_err(|error| write_error(&folder, &error))
    }

    /// The values of the placeholders (`{name}`) that every workflow may use.
    pub fn placeholders(&self) -> BTreeMap<&'static str, String> {
        [
            ("staging", self.sandbox.staging.url().to_owned()),
            ("infra", INFRA.to_owned()),
            ("secrets.DISPATCH", DISPATCH_TOKEN.to_owned()),
            ("secrets.SOURCE_READ", SOURCE_TOKEN.to_owned()),
            ("github.token", WORKFLOW_TOKEN.to_owned()),
        ]
        .into()
    }

    /// Starts the next workflow run.
    ///
    /// # Errors
    /// Those of [`DemoRun::start`].
    pub fn start_run<'run>(&'run self, trigger: RunTrigger<'run>) -> Result<DemoRun<'run>, CommandError> {
        self.run_id.set(self.run_id.get() + 1);
        DemoRun::start(&self.runner, &self.sandbox, &self.paths.folder.join("runs"), self.run_id.get(), trigger)
    }

    /// The step `uses: actions/checkout` in the infra repository; returns the folder.
    ///
    /// # Errors
    /// Unobservable when git fails.
    pub fn check_out_infra(&self, run: &DemoRun, job: &DemoJob) -> Result<PathBuf, CommandError> {
        let folder = run.folder().join(format!("workspace-{}", job.name));
        self.sandbox.infra.clone_to(&folder).map_err(|error| sandbox_error(INFRA, &error.to_string()))?;
        Ok(folder)
    }

    /// The image of a service in production, read from the infra repository.
    ///
    /// # Errors
    /// Unobservable when it cannot be read.
    pub fn production_image(&self, service: &str) -> Result<String, CommandError> {
        let path = format!("apps/{service}/overlays/production/kustomization.yaml");
        let text = self.sandbox.infra.read(&path).map_err(|error| sandbox_error(INFRA, &error.to_string()))?;
        let entry = kustomization::image(&text, service).map_err(|error| error.to_finding(&path).unobservable())?;
        Ok(entry.map(|entry| entry.reference()).unwrap_or_default())
    }

    /// Collects the result of the day.
    ///
    /// # Errors
    /// Unobservable when the infra repository cannot be read.
    pub fn collect_result(
        &self,
        changes: Vec<ChangeResult>,
        audit: Option<StepResult>,
        summary: PathBuf,
    ) -> Result<DayResult, CommandError> {
        let dispatches = self.sandbox.github.dispatches(INFRA).into_iter().map(|dispatch| {
            let part = |key: &str| dispatch.client_payload[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}", part("service"), part("image_tag"))
        });
        let issues = self.sandbox.github.issues(INFRA).into_iter().filter(|issue| issue.state == "open");
        Ok(DayResult {
            changes,
            audit: audit.map(|step| step.report),
            commits: self.sandbox.infra.messages().map_err(|error| sandbox_error(INFRA, &error.to_string()))?,
            dispatches: dispatches.collect(),
            issues: issues.map(|issue| issue.title).collect(),
            violations: self.sandbox.violations(),
            summary,
            infra: self.sandbox.infra.path().to_owned(),
        })
    }
}

/// The error for a part of the demo's environment that failed.
pub fn sandbox_error(check: &str, observed: &str) -> CommandError {
    Finding::inconclusive(check).actual(observed).expected("the demo's sandbox to work").unobservable()
}
