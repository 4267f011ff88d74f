//! The world that a day is played in: the sandbox as the day's company has set it up, and what the company's teams do
//! themselves.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::json;

use super::{
    checkout::Checkout,
    ending::{Ending, Played},
    run::{Run, Trigger},
    runner::{Ended, Runner, once, unwritten},
    story::{Day, INFRA, ON_CALL, image, repository},
    workflows::{AROUND_THE_GATES, DEPLOY, Job, LOAD_RESULTS, VALIDATE},
};
use crate::commands::demo::narrator::Narrator;
use crate::{
    config,
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    kustomization,
    observe::{PollInterval, Source},
    sandbox::{
        Sandbox,
        load::{self, LoadResults},
    },
};

/// Few enough to be quick, and enough for a p99 that is not simply the slowest.
const REQUESTS: usize = 120;
const USERS: usize = 40;
const LOAD_LIMIT: Duration = Duration::from_secs(60);
/// The number before that of the first workflow run.
const RUNS_BEFORE: u64 = 1000;
/// Who sends a dispatch: the App whose token `record` has.
pub const DISPATCHER: &str = "dispatcher[bot]";
/// No secrets: the sandbox's GitHub knows them for as long as it runs.
const DISPATCH: &str = "token-of-the-dispatcher";
const SOURCE_READ: &str = "token-that-reads-sources";
const OWN: &str = "token-of-the-workflow";

/// Where a day is played, and by which program.
pub struct Stage<'a> {
    /// An empty folder.
    pub folder: &'a Path,
    pub program: &'a Path,
}

pub struct DemoEnv<'a> {
    pub stage: &'a Stage<'a>,
    pub ctx: &'a CommandContext,
    pub sandbox: Sandbox,
    pub narrator: Narrator<'a>,
    runner: Runner<'a>,
    /// How many runs there were.
    runs: Cell<u64>,
}

impl<'a> DemoEnv<'a> {
    /// Sets up the services' repositories, the infra repository with its rules and environments, and who may do what.
    ///
    /// # Errors
    /// Unseen when that fails.
    pub fn set(day: &Day, stage: &'a Stage<'a>, ctx: &'a CommandContext) -> Result<Self, CommandError> {
        let services = day.services();
        let sandbox =
            Sandbox::start(stage.folder, &services).map_err(|error| unobservable("sandbox", &error.to_string()))?;
        let fake_github = &sandbox.github;
        fake_github.create(INFRA);
        fake_github.grant(DISPATCH, INFRA, &["contents=write"]);
        fake_github.grant(OWN, INFRA, &["actions=read", "contents=read", "issues=write"]);
        for (environment, reviewers) in [("production", &day.reviewers[..]), (AROUND_THE_GATES, &[ON_CALL])] {
            let reviewers = reviewers.iter().map(|login| json!({ "type": "User", "id": fake_github.add_user(login) }));
            fake_github.protect(INFRA, environment, &json!({ "reviewers": reviewers.collect::<Vec<_>>() }));
        }
        for service in &services {
            fake_github.create(&repository(service));
            fake_github.grant(SOURCE_READ, &repository(service), &["actions=read", "checks=read", "contents=read"]);
        }
        let demo_env = Self {
            stage,
            ctx,
            sandbox,
            narrator: Narrator::new(&ctx.log),
            runner: Runner { ctx, program: stage.program },
            runs: Cell::new(RUNS_BEFORE),
        };
        demo_env.write_rules(&services)?;
        Ok(demo_env)
    }

    /// Which repository, workflow and image each service may come from, and which settings of a gate are relaxed too far.
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
        rules += "policy:\n  performance: ['.settings[\"max-ratio\"] <= 1.2']\n";
        let folder = self.stage.folder.join("rules");
        self.sandbox.infra.clone_to(&folder).map_err(|error| unobservable(INFRA, &error.to_string()))?;
        let checkout = Checkout::of(self.ctx, &folder);
        checkout.write(config::DEFAULT_PATH, &rules)?;
        checkout.commit("platform", "Where each service may come from")?;
        checkout.push()?;
        fs::remove_dir_all(&folder).map_err(|error| unwritten(&folder, &error))
    }

    /// What stands for a name in braces, in every workflow.
    pub fn words(&self) -> BTreeMap<&'static str, String> {
        [
            ("staging", self.sandbox.staging.url().to_owned()),
            ("program", self.stage.program.display().to_string()),
            ("infra", INFRA.to_owned()),
            ("secrets.DISPATCH", DISPATCH.to_owned()),
            ("secrets.SOURCE_READ", SOURCE_READ.to_owned()),
            ("github.token", OWN.to_owned()),
        ]
        .into()
    }

    /// Starts the next workflow run.
    ///
    /// # Errors
    /// As [`Run::begin`].
    pub fn begin<'run>(&'run self, trigger: Trigger<'run>) -> Result<Run<'run>, CommandError> {
        self.runs.set(self.runs.get() + 1);
        Run::begin(&self.runner, &self.sandbox.github, &self.stage.folder.join("runs"), self.runs.get(), trigger)
    }

    /// `uses: actions/checkout`, in the infra repository.
    ///
    /// # Errors
    /// Unseen when git fails.
    pub fn check_out_infra(&self, run: &Run, job: &Job) -> Result<PathBuf, CommandError> {
        let folder = run.folder().join(format!("workspace-{}", job.name));
        self.sandbox.infra.clone_to(&folder).map_err(|error| unobservable(INFRA, &error.to_string()))?;
        Ok(folder)
    }

    /// Requests a path of staging, and leaves the results where `performance` is told to look.
    ///
    /// # Errors
    /// Unseen when a request failed; [`CommandError::Cancelled`].
    pub fn load_test(&self, path: &str, workspace: &Path) -> Result<(), CommandError> {
        let url = format!("{}/{path}", self.sandbox.staging.url());
        let source = Source::blocking(PollInterval::Once, || {
            let (url, clock) = (url.clone(), Arc::clone(&self.ctx.execution.clock));
            Box::new(move || load::run_load_test(&url, REQUESTS, USERS, || clock.now()))
        });
        let ended = once(self.ctx, LOAD_LIMIT, source)?.unwrap_or_else(|| Err(io::Error::other("it did not end")));
        let results = ended.map_err(|error| unobservable("load test", &error.to_string()))?;
        if results.failures > 0 {
            return Err(unobservable("load test", &format!("{} of {REQUESTS} requests failed", results.failures)));
        }
        let file = workspace.join(LOAD_RESULTS);
        let json = serde_json::to_string_pretty(&results).unwrap_or_default();
        fs::write(&file, json).map_err(|error| unwritten(&file, &error))?;
        let LoadResults { requests, p99_latency, .. } = results;
        self.narrator.own("load test", &format!("{requests} requests, {USERS} at a time: p99 {p99_latency:.0} ms"));
        Ok(())
    }

    /// The image of a service in production, as the infra repository has it now.
    ///
    /// # Errors
    /// Unseen when that cannot be read.
    pub fn in_production(&self, service: &str) -> Result<String, CommandError> {
        let path = format!("apps/{service}/overlays/production/kustomization.yaml");
        let text = self.sandbox.infra.read(&path).map_err(|error| unobservable(INFRA, &error.to_string()))?;
        let entry = kustomization::image(&text, service).map_err(|problem| problem.to_finding(&path).unobservable())?;
        Ok(entry.map(|entry| entry.reference()).unwrap_or_default())
    }

    /// What came of the day.
    ///
    /// # Errors
    /// Unseen when the infra repository cannot be read.
    pub fn played(&self, endings: Vec<Ending>, audit: Option<Ended>, summary: PathBuf) -> Result<Played, CommandError> {
        let dispatches = self.sandbox.github.dispatches(INFRA).into_iter().map(|dispatch| {
            let part = |key: &str| dispatch.client_payload[key].as_str().unwrap_or_default().to_owned();
            format!("{} {}", part("service"), part("image_tag"))
        });
        let issues = self.sandbox.github.issues(INFRA).into_iter().filter(|issue| issue.state == "open");
        Ok(Played {
            endings,
            audit: audit.map(|ended| ended.report),
            commits: self.sandbox.infra.messages().map_err(|error| unobservable(INFRA, &error.to_string()))?,
            dispatches: dispatches.collect(),
            issues: issues.map(|issue| issue.title).collect(),
            violations: self.sandbox.violations(),
            summary,
            infra: self.sandbox.infra.path().to_owned(),
        })
    }
}

/// Something of the demo's own that did not work.
pub fn unobservable(what: &str, seen: &str) -> CommandError {
    Finding::inconclusive(what).actual(seen).expected("the demo's own world to work").unobservable()
}
