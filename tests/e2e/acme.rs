//! A company that uses the shipped workflows: its teams' repositories, the infra repository, staging, production, and a
//! fake GitHub.
//!
//! The workflows run as shipped, except for the replacements in [`Acme::adapted`]. Between runs, `Acme` does what GitHub
//! does: it registers each run and its jobs under the id that the steps get, adds the notices in the runner's log to the
//! jobs as annotations, and records approvals.
//!
//! Besides the differences that `act` lists, this differs from GitHub:
//! - `tools/checkout` replaces `actions/checkout`, which needs Node; `stand_ins` those that hand files from job to job, `apps` the
//!   one that makes tokens of Apps.
//! - Only the test starts workflows; an event is a payload that it passes to the runner.
//! - The clusters are fakes (`cluster`) that replay the responses of a real one. `tests/e2e/cluster` runs the same workflow
//!   against a real one.
//! - The job of a protected environment does not wait for its approval; the approval exists before the run starts.
//! - All jobs of a run use one runner and the same `github.token`, which has the permissions of all jobs together and no
//!   others. Every job gets all secrets, including those of environments; but the key of `apps::JUDGE_SECRET` only if an environment of
//!   the workflow's jobs gives it to the run's branch. GitHub does not start a job that the environment refuses; here it starts without
//!   the key.

pub mod apps;
pub mod cluster;
pub mod git_server;
mod manual_runs;
pub mod monorepo;
pub mod newcomer;
pub mod promotion;
pub mod proposal;
pub mod single_repository;
mod stand_ins;
pub mod team;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use promote_gates::sandbox::github::{self, FakeGitHub};
use promote_gates::sandbox::{Sandbox, infra::Infra, issuer::FakeIssuer, staging::Staging};
use serde_json::json;
use tempfile::TempDir;

use crate::act::{Act, ActRun};
use crate::repo::{Repo, clean, program};
use cluster::FakeCluster;
use git_server::{GitAccess, GitServer};

/// The infra repository.
pub const INFRA: &str = "acme/ecommerce-infra";
/// The runner that every job of a run is on.
pub const RUNNER: &str = "GitHub Actions 4";
/// The required reviewers of both production environments.
pub const REVIEWERS: [&str; 2] = ["lena", "piet"];
/// The services of [`Acme`].
pub const SERVICES: [&str; 2] = ["checkout-service", "catalog-service"];

/// The shipped workflows of the infra repository.
const INFRA_WORKFLOWS: [&str; 5] =
    ["promote-to-production.yml", "emergency-promote.yml", "rollback.yml", "audit.yml", "environments-check.yml"];

/// The branch of the infra repository for what `performance` measured.
pub const BASELINES: &str = "baselines";

/// The folder of the git server, inside the folder of [`Acme`].
const SERVED: &str = "repositories";

/// An action with the inputs of `actions/checkout` that the workflows use. The shell reads the program: jobs run at once, and the kernel
/// does not start a file that a child of act, on its way to another program, still has open for writing ("text file busy").
const CHECKOUT: &str = r#"
name: checkout
description: starts tools/checkout
inputs:
  ref: { description: what to check out; by default the commit of the event }
  fetch-depth: { description: how many commits; 0 for all, default: "1" }
  token: { description: "Contents: read", default: "${{ github.token }}" }
  persist-credentials: { description: not supported; credentials are never kept, default: "true" }
runs:
  using: composite
  steps:
    - shell: bash
      env:
        REF: ${{ inputs.ref }}
        DEPTH: ${{ inputs.fetch-depth }}
        TOKEN: ${{ inputs.token }}
      run: exec bash "$GITHUB_ACTION_PATH/checkout"
"#;

/// The config file of the infra repository. The runner's server is a git server, which has no issuer.
fn config(issuer: &FakeIssuer, services: &[&str], source: impl Fn(&str) -> String) -> String {
    let mut text = format!("evidence:\n  issuer: {}\nservices:\n", issuer.issuer());
    for service in services {
        text += &format!(
            "  {service}:
    {}
    deploy-workflow: .github/workflows/deploy-staging.yml
    image: ghcr.io/acme/{service}
",
            source(service)
        );
    }
    text + "policy:\n  performance: ['.settings[\"max-ratio\"] <= 1.2']\n"
}

/// The company; see the module.
pub struct Acme {
    folder: TempDir,
    pub fake_github: FakeGitHub,
    pub issuer: FakeIssuer,
    pub staging: Staging,
    pub production: Staging,
    pub staging_cluster: FakeCluster,
    pub production_cluster: FakeCluster,
    pub infra: Infra,
    pub git: GitServer,
    /// The services' repositories, without their owner.
    repositories: Vec<String>,
    /// Whether promotions of the infra repository are pull requests, whose branches the job's token pushes.
    by_pull_request: bool,
    /// The id of the next run.
    next: AtomicU64,
}

impl Acme {
    /// Creates the infra repository with its workflows, and the production environments with [`REVIEWERS`]. Each service has a
    /// repository of its own.
    pub fn new() -> Self {
        Self::with_services(&SERVICES, &SERVICES, |service| {
            let repository = team::repository(service);
            format!("repository: {repository}\n    workflow: .github/workflows/validate-staging.yml")
        })
    }

    /// `repositories`: the services' repositories, without their owner; `source`: what the config file says of each service's
    /// repository and workflow.
    fn with_services(services: &[&str], repositories: &[&str], source: impl Fn(&str) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a temp folder");
        let Sandbox { staging, github: fake_github, issuer, infra } =
            Sandbox::start(folder.path(), services).expect("a sandbox");
        let production = Staging::start().expect("a server");
        let git = GitServer::start(&folder.path().join(SERVED));
        let [staging_cluster, production_cluster] = ["staging", "production"].map(FakeCluster::start);
        let next = AtomicU64::new(1000);
        let acme = Self {
            folder,
            fake_github,
            issuer,
            staging,
            production,
            staging_cluster,
            production_cluster,
            infra,
            git,
            repositories: repositories.iter().map(ToString::to_string).collect(),
            by_pull_request: false,
            next,
        };
        acme.serve(INFRA, acme.infra.path());
        program(&acme.at("bin/npm"), team::NPM);
        stand_ins::write_programs(&acme.at("bin"));
        program(&acme.at("checkout/checkout"), include_str!("tools/checkout"));
        fs::write(acme.at("checkout/action.yml"), CHECKOUT).expect("write an action");

        acme.change_infra("the workflows", |infra| {
            for file in INFRA_WORKFLOWS {
                infra.write(&format!(".github/workflows/{file}"), acme.shipped(file));
            }
            infra.write(".github/promote-gates.yml", config(&acme.issuer, services, &source));
        });
        acme.fake_github.create(INFRA);
        acme.fake_github.add_data_branch(INFRA, BASELINES);
        // On GitHub, a ruleset prevents the App that dispatches from pushing.
        acme.git.allow(apps::WRITER, INFRA, GitAccess::Write);
        for environment in ["production", "production-emergency"] {
            acme.require_reviewers(environment, REVIEWERS);
        }
        acme
    }

    /// Makes people the required reviewers of an environment.
    pub fn require_reviewers(&self, environment: &str, logins: [&str; 2]) {
        let reviewers = logins.map(|login| json!({ "type": "User", "id": self.fake_github.add_user(login) }));
        self.fake_github.protect(INFRA, environment, &json!({ "reviewers": reviewers }));
    }

    /// A path in the folder of [`Acme`].
    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Makes the git server serve a repository under its name.
    fn serve(&self, repository: &str, path: &Path) {
        let link = self.at(SERVED).join(repository);
        fs::create_dir_all(link.parent().expect("an owner")).expect("make a folder");
        symlink(path, link).expect("link a repository");
    }

    /// A shipped workflow, as [`Self::adapted`] has it.
    pub fn shipped(&self, file: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows").join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.adapted(file, &text)
    }

    /// The text of a workflow, with example hosts replaced by local ones and long durations by short ones.
    fn adapted(&self, file: &str, text: &str) -> String {
        let (staging, production) = (self.staging.url(), self.production.url());
        let text = text
            .replace("https://staging-baseline.example.com", &format!("{staging}/in-production"))
            .replace("https://staging.example.com", staging)
            .replace("https://www.example.com", production)
            .replace("repositories: shop", &format!("repositories: {}", self.repositories.join(",")))
            // For `wait` and `health`.
            .replace("duration: 10m", "duration: 1s")
            .replace("interval: 10s", "interval: 100ms")
            .replace("appear-timeout: 10m", "appear-timeout: 5s")
            .replace("rollout-timeout: 120s", "rollout-timeout: 120s\n          stabilize: 200ms");
        assert!(!text.contains("example.com"), "{file} names a host that does not exist:\n{text}");
        text
    }

    /// Makes the next releases 1.5 times as slow as what is in production, as the load test measures it.
    pub fn make_slow(&self) {
        fs::write(self.at("bin/slow"), "").expect("write a file");
    }

    /// Deploys a version of a service to production: to the cluster and behind the endpoint.
    pub fn deploy_to_production(&self, service: &str, tag: &str) {
        self.production.deploy(service, tag);
        self.production_cluster.deploy(service, tag);
    }

    /// Commits a manual change to the infra repository, and pushes it.
    pub fn change_infra(&self, message: &str, change: impl FnOnce(&Repo)) -> String {
        let clone = Repo::clone_of(self.infra.path());
        change(&clone);
        let commit = clone.commit(message);
        clone.git(["push", "--quiet", "origin", "HEAD"]);
        commit
    }

    /// The messages of the promotion commits, newest first.
    pub fn promotions(&self) -> Vec<String> {
        let mut messages = self.infra.messages().expect("read the infra repository");
        messages.retain(|message| message.contains("Promotion-kind: "));
        messages
    }

    /// The image tag of a service in production, by the infra repository.
    pub fn image(&self, service: &str) -> String {
        let path = format!("apps/{service}/overlays/production/kustomization.yaml");
        image_tag(&self.infra.read(&path).expect("read the infra repository"))
    }

    /// Lets a release run in production as soon as it is watched.
    pub fn reaches_production(&self, service: &str, tag: &str) {
        self.production_cluster.deploy_when_watched(service, tag);
        self.production.deploy(service, tag);
    }

    /// A new run id.
    pub fn next_run(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A run of a workflow of the infra repository, ready to start in a fresh clone.
    pub fn infra_run<'a>(&self, clone: &'a Repo, id: u64, file: &str, event: &'a str) -> Act<'a> {
        self.prepare_run(clone, INFRA, id, file, event)
            .secret("PRODUCTION_KUBECONFIG", &self.production_cluster.kubeconfig())
    }

    /// A run of a workflow of any repository on the fake GitHub, ready to start.
    fn prepare_run<'a>(&self, repo: &'a Repo, repository: &str, id: u64, file: &str, event: &'a str) -> Act<'a> {
        let text = fs::read_to_string(repo.path().join(".github/workflows").join(file)).expect("a workflow");
        let token = format!("ghs_ofRun{id}");
        let permissions = permissions(&text);
        if permissions.iter().any(|permission| permission.starts_with("contents=")) {
            // On GitHub, a ruleset keeps this token from the main branch, and here of an infra repository from every branch: the API
            // writes its baselines.
            let is_infra = repository == INFRA
                && !self.by_pull_request
                && !self.repositories.iter().any(|name| INFRA.ends_with(name));
            let writes = !is_infra && permissions.iter().any(|permission| permission == "contents=write");
            self.git.allow(&token, repository, if writes { GitAccess::Write } else { GitAccess::Read });
        }
        self.fake_github.grant(&token, repository, &permissions.iter().map(String::as_str).collect::<Vec<_>>());
        let mut act = Act::on(repo, event)
            .workflow(file)
            .api(&self.fake_github.api_url())
            .programs(&self.at("bin"))
            .secret("GITHUB_TOKEN", &token)
            .env("GITHUB_REPOSITORY", repository)
            .env("GITHUB_RUN_ID", &id.to_string())
            .env("RUNNER_NAME", RUNNER)
            .env("GITHUB_SERVER_URL", self.git.url());
        if let Some(name) = text.split_whitespace().find(|word| word.starts_with("actions/checkout@")) {
            act = act.action(name, &self.at("checkout"));
        }
        // The validation of a monorepo keeps none.
        if self.repositories == SERVICES {
            act = act.variable("BASELINES_BRANCH", BASELINES);
        }
        let branch = repo.git(["branch", "--show-current"]);
        let act = self.with_apps(act, repository, &branch, &text, &self.at("stand-ins/app-token"));
        stand_ins::add(act, &text, &self.at("stand-ins"))
    }

    /// Registers the results, times and annotations of a run's jobs after they ended.
    fn register_results(&self, repository: &str, id: u64, attempt: u32, run: &ActRun) {
        for (name, job) in &run.jobs {
            let result = github::FakeJob {
                started_at: job.began,
                completed_at: Some(job.ended),
                ..github::FakeJob::ended(name, &job.result)
            };
            let number = self.fake_github.set_job(repository, id, attempt, result);
            for annotation in job.steps.values().flat_map(|step| step.annotated("notice")) {
                let title = annotation.properties.get("title").map_or("", String::as_str);
                self.fake_github.annotate(repository, number, title, &annotation.message);
            }
        }
    }
}

impl Drop for Acme {
    /// Fails the test if a request was not allowed by GitHub's API description.
    fn drop(&mut self) {
        let violations = self.fake_github.violations();
        if !std::thread::panicking() {
            assert!(violations.is_empty(), "requests violated GitHub's API description: {violations:#?}");
        }
    }
}

/// The trailers of a commit message, parsed by git.
pub fn trailers(message: &str) -> BTreeMap<String, String> {
    let mut git = clean("git");
    git.args(["interpret-trailers", "--parse"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = git.spawn().expect("start git");
    child.stdin.take().expect("piped").write_all(message.as_bytes()).expect("write the message");
    let stdout = child.wait_with_output().expect("git ends").stdout;
    let lines = String::from_utf8(stdout).expect("UTF-8");
    lines.lines().filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into())).collect()
}

/// The permissions of all jobs of a workflow together, such as `actions=read`.
fn permissions(workflow: &str) -> Vec<String> {
    let mut granted = Vec::new();
    let mut outer = None;
    for line in workflow.lines() {
        let indent = line.len() - line.trim_start().len();
        let text = line.split(" #").next().unwrap_or_default().trim();
        match (outer, text.split_once(": ")) {
            (Some(outer), Some((name, level))) if indent > outer => {
                granted.push(format!("{}={level}", name.replace('-', "_")));
            }
            _ => outer = (text == "permissions:").then_some(indent),
        }
    }
    granted
}

/// The image tag in a kustomization.
pub fn image_tag(kustomization: &str) -> String {
    let tag = kustomization.lines().find_map(|line| line.trim().strip_prefix("newTag: ")).expect("a tag");
    tag.trim_matches('"').to_owned()
}
