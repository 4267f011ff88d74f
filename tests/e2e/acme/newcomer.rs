//! A newcomer's repository: `init` is run in a sample, and what it lists is done as it is listed. The commands run in a shell, with
//! a `gh` that asks the fake GitHub. Then a release is deployed to staging, and validated there.

use std::fs;
use std::path::Path;
use std::process::Command;

use promote_gates::sandbox::github;
use promote_gates::sandbox::infra::Infra;
use promote_gates::sandbox::issuer::job_claims;
use serde_json::{Value, json};

use super::apps::JUDGE_KEY;
use super::team::{AUTHOR, ValidatedRelease, deployed};
use super::{Acme, INFRA, RUNNER};
use crate::act::{Act, ActRun};
use crate::repo::{Repo, actions, clean, path_with, program};
use crate::samples::{DEPLOY, Sample, TAG};

/// The person who approves.
pub const REVIEWER: &str = super::REVIEWERS[0];
/// The token of the person who sets the repository up.
const TOKEN: &str = "gho_ofThePersonWhoSetsUp";
/// The account of the runs' own tokens.
const ACTIONS: &str = "github-actions[bot]";
/// `gh`.
const GH: &str = include_str!("gh.py");

/// The checkout of a person, and what is set on GitHub.
pub struct Newcomer<'a> {
    acme: &'a Acme,
    sample: &'a Sample,
    checkout: Repo,
    /// Writes the `subject.json` of a service in a run of the deploy workflow.
    subject_command: Option<String>,
}

/// A step of the list.
#[derive(Debug)]
pub struct ListedStep {
    pub what: String,
    pub commands: Vec<String>,
}

impl Acme {
    /// A company with a sample as its only repository, in which no environment is protected.
    pub fn newcomer(sample: &Sample) -> Self {
        let acme = Self::with_services(sample.services, &["ecommerce-infra"], |_| format!("repository: {INFRA}"));
        for environment in ["production", "production-emergency"] {
            acme.fake_github.protect(INFRA, environment, &json!({}));
        }
        acme.fake_github.grant(TOKEN, INFRA, &["administration=write"]);
        acme
    }
}

impl<'a> Newcomer<'a> {
    /// The services are deployed, and the repository has nothing of the gates.
    pub fn new(acme: &'a Acme, sample: &'a Sample) -> Self {
        let checkout = Repo::clone_of(acme.infra.path());
        checkout.git(["rm", "--quiet", "-r", "."]);
        for (path, text) in &sample.files {
            checkout.write(path, text);
        }
        checkout.commit("a shop");
        checkout.git(["push", "--quiet", "origin", "HEAD"]);
        // `init` sees the remote that people have; git finds the repository behind it.
        let url = format!("https://github.com/{INFRA}");
        checkout.git(["remote", "set-url", "origin", &url]);
        checkout.git(["config", &format!("url.{}.insteadOf", acme.infra.path().display()), &url]);
        program(&acme.at("gh/gh"), GH);
        fs::create_dir(acme.at("set")).expect("make a folder");
        actions(&acme.at("clone"));
        for service in sample.services {
            acme.staging_cluster.deploy(service, TAG);
            acme.deploy_to_production(service, TAG);
        }
        Self { acme, sample, checkout, subject_command: None }
    }

    /// Runs `init`, and returns what is left to do.
    pub fn init(&self, flags: &[&str]) -> Vec<ListedStep> {
        let log = self.promote_gates(&[&["init", "--reviewer", REVIEWER], self.sample.flags, flags].concat());
        let (_, list) = log.split_once("Left to do:\n").unwrap_or_else(|| panic!("no list:\n{log}"));
        let mut steps: Vec<ListedStep> = Vec::new();
        for line in list.lines() {
            if let Some(command) = line.strip_prefix("     ") {
                steps.last_mut().expect("a step before its commands").commands.push(command.to_owned());
            } else if let Some((number, what)) = line.split_once(". ")
                && number.parse::<usize>() == Ok(steps.len() + 1)
            {
                steps.push(ListedStep { what: what.to_owned(), commands: Vec::new() });
            }
        }
        steps
    }

    /// Runs `lint`, which finds nothing.
    pub fn lint(&self) {
        self.promote_gates(&["lint"]);
    }

    /// Runs the program by the launcher of a clone; it has to pass.
    fn promote_gates(&self, arguments: &[&str]) -> String {
        let mut command = clean(self.acme.at("clone/dist/promote-gates"));
        command.args(arguments);
        self.finish(command)
    }

    /// Turns dry-run on for `promote`: everything before it counts only if it is not in dry-run. Also lets the runner of the tests
    /// take the place of GitHub's, as [`Acme::shipped`] does: another issuer of its tokens, and short times.
    pub fn turn_dry_run_on(&self) {
        let issuer = format!("evidence:\n  issuer: {}\n", self.acme.issuer.issuer());
        self.edit(".github/promote-gates.yml", |text| {
            text.replace("evidence:\n", &issuer) + "promote: { dry-run: true }\n"
        });
        let workflows = self.checkout.path().join(".github/workflows");
        for entry in fs::read_dir(workflows).expect("the workflows") {
            let name = entry.expect("a file").file_name();
            self.edit(&format!(".github/workflows/{}", name.display()), |text| {
                text.replace("duration: 10m", "duration: 1s")
                    .replace("rollout-timeout: 120s", "rollout-timeout: 120s\n          stabilize: 200ms")
            });
        }
    }

    fn edit(&self, path: &str, change: impl FnOnce(&str) -> String) {
        let text = fs::read_to_string(self.checkout.path().join(path)).expect("a file");
        self.checkout.write(path, change(&text));
    }

    /// Does what is listed.
    pub fn follow(&mut self, steps: &[ListedStep]) {
        for (stage, cluster) in [("staging", &self.acme.staging_cluster), ("production", &self.acme.production_cluster)]
        {
            self.checkout.write(&format!("{stage}-kubeconfig.yaml"), cluster.kubeconfig());
        }
        self.checkout.write("judge.private-key.pem", JUDGE_KEY);
        for step in steps {
            let mut script = Vec::new();
            for command in &step.commands {
                let first = command.split([' ', '=']).next().unwrap_or_default();
                match first {
                    // It is for a later pull request of the team.
                    "gh" if command.contains("/statuses/SHA") => {}
                    "gh" | "git" | "ID" => script.push(command.as_str()),
                    // A line of the deploy workflow.
                    "paths-ignore:" => {
                        let branches = "    branches: [main]\n";
                        assert!(DEPLOY.contains(branches));
                        self.edit(".github/workflows/deploy-staging.yml", |text| {
                            text.replace(branches, &format!("{branches}    {command}\n"))
                        });
                    }
                    // A step of the deploy workflow.
                    "jq" => self.subject_command = Some(command.clone()),
                    _ => panic!("{command:?} is not known here: {step:#?}"),
                }
            }
            self.run_script(&format!("# {}\n{}", step.what, script.join("\n")), &[], self.checkout.path());
        }
        let kept = self.checkout.git(["ls-files", ".github"]);
        let left = self.checkout.git(["status", "--porcelain", "--", ".github"]);
        assert!(kept.contains(".github/promote-gates.yml") && left.is_empty(), "not committed: {left}");
        self.register_tip();
        self.register_settings();
    }

    /// Tells the fake GitHub what it has no route for: the ruleset, and in which environment each secret is.
    fn register_settings(&self) {
        for line in fs::read_to_string(self.acme.at("set/settings")).unwrap_or_default().lines() {
            if let Some((_, ruleset)) = line.split_once("/rulesets ") {
                let ruleset = serde_json::from_str(ruleset).expect("a ruleset");
                self.acme.fake_github.add_ruleset(INFRA, &ruleset);
            }
        }
        for entry in fs::read_dir(self.acme.at("set")).expect("what is set") {
            let name = entry.expect("a file").file_name().display().to_string();
            if let ["secret", secret, environment] = name.split(' ').collect::<Vec<_>>()[..] {
                self.acme.fake_github.add_secret(INFRA, Some(environment), secret);
            }
        }
    }

    /// Tells the fake GitHub what main is now: the tag in production is the release of this commit.
    fn register_tip(&self) {
        let tip = self.acme.infra.tip_of("main").expect("the branch");
        self.acme.fake_github.commit(INFRA, &tip, "platform", "gates");
        self.acme.fake_github.tag(INFRA, TAG, &tip);
        let folder = self.acme.infra.path().parent().expect("a folder");
        self.acme.fake_github.serve_git(INFRA, Infra::at(folder));
    }

    fn run_script(&self, script: &str, env: &[(&str, &str)], folder: &Path) {
        let mut shell = clean("bash");
        shell.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
        shell.env("PATH", path_with(&self.acme.at("gh"))).env("HOME", self.acme.at("gh"));
        shell.env("GH_STORE", self.acme.at("set")).env("GH_REPOSITORY", INFRA);
        shell.env("GH_API", self.acme.fake_github.api_url()).env("GH_TOKEN", TOKEN);
        shell.env("GIT_CONFIG_NOSYSTEM", "1").envs(env.iter().copied());
        for role in ["AUTHOR", "COMMITTER"] {
            shell.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@acme.example");
        }
        let output = shell.output().expect("start bash");
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}\n{script}\n{log}", output.status);
    }

    /// Runs a command in the checkout to its end; it has to succeed.
    fn finish(&self, mut command: Command) -> String {
        let output = command.current_dir(self.checkout.path()).output().expect("start the program");
        let log = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "{}\n{log}", output.status);
        log
    }

    /// What `gh` was asked to keep: the value of `secret NAME ENVIRONMENT`.
    pub fn set(&self, name: &str) -> String {
        fs::read_to_string(self.acme.at("set").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Merges a change of each service, deploys it to staging, and validates it there.
    pub fn release(&self, change: &str) -> ValidatedRelease {
        let acme = self.acme;
        let is_monorepo = self.sample.services.len() > 1;
        let path = |service: &&str| {
            if is_monorepo { format!("services/{service}/news.js") } else { "src/news.js".to_owned() }
        };
        let files: Vec<String> = self.sample.services.iter().map(path).collect();
        let (tag, deploy) = acme.merge(change, &files);
        for service in self.sample.services {
            acme.staging_cluster.deploy(service, &tag);
            if let Some(command) = &self.subject_command {
                let artifact = acme.at(&format!("stand-ins/store/run-{deploy}/subject-{service}"));
                fs::create_dir_all(&artifact).expect("make a folder");
                let image = format!("ghcr.io/acme/{service}");
                let env = [("SERVICE", *service), ("IMAGE", image.as_str()), ("GITHUB_SHA", tag.as_str())];
                self.run_script(command, &env, &artifact);
            }
        }
        let file = if is_monorepo { "validate-monorepo.yml" } else { "validate-staging.yml" };
        let before = acme.fake_github.dispatches(INFRA).len();
        let (id, run) = self.run(file, "workflow_run", "record", AUTHOR, deployed(INFRA, deploy, &tag));
        let dispatches = acme.fake_github.dispatches(INFRA).split_off(before);
        ValidatedRelease { tag, deploy, id, run, dispatches }
    }

    /// Runs what a dispatch starts, by pull request.
    pub fn open(&self, validated: &ValidatedRelease) -> ActRun {
        self.run("promotion-open.yml", "repository_dispatch", "open", ACTIONS, validated.event()).1
    }

    /// Runs what judges the reviews and merges.
    pub fn judge(&self) -> ActRun {
        let event = json!({ "repository": { "full_name": INFRA, "default_branch": "main" } });
        self.run("promotion-status.yml", "schedule", "status", ACTIONS, event).1
    }

    /// Runs a workflow, with the secrets that were set. Returns its id and result.
    fn run(&self, file: &str, event: &str, job: &str, actor: &str, payload: Value) -> (u64, ActRun) {
        let (acme, id) = (self.acme, self.acme.next_run());
        let clone = Repo::clone_of(acme.infra.path());
        let facts = github::FakeRun {
            id,
            path: format!(".github/workflows/{file}"),
            event: event.to_owned(),
            head_sha: clone.git(["rev-parse", "HEAD"]),
            actor: actor.to_owned(),
            ..github::FakeRun::default()
        };
        let facts = facts.in_progress();
        acme.fake_github.set_run(INFRA, facts.clone());
        let job = acme.fake_github.set_job(INFRA, id, 1, github::FakeJob::running(job, RUNNER));
        let request_token = format!("request-token-of-run-{id}");
        acme.issuer.add_job(&request_token, job_claims(INFRA, &facts, job));
        let act: Act<'_> = acme
            .prepare_run(&clone, INFRA, id, file, event)
            .secret("STAGING_KUBECONFIG", &self.set("secret STAGING_KUBECONFIG"))
            .secret("PRODUCTION_KUBECONFIG", &self.set("secret PRODUCTION_KUBECONFIG production-readonly"))
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", &acme.issuer.request_url())
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &request_token)
            .actor(actor)
            .payload(payload);
        let run = act.run();
        acme.register_results(INFRA, id, 1, &run);
        let conclusion = if run.succeeded { "success" } else { "failure" };
        acme.fake_github.set_run(INFRA, github::FakeRun { updated_at: github::now(), ..facts.ended(conclusion) });
        (id, run)
    }
}
