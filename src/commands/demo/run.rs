//! A workflow run: its jobs one after the other, each reported to the fake GitHub, with the expressions filled in that
//! GitHub would evaluate.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::{
    runner::{SUMMARY, StepResult, StepRunner, write_error},
    workflows::{DemoJob, DemoWorkflow},
};
use crate::{
    error::CommandError,
    finding::Verdict,
    runner_env::{OIDC_TOKEN, OIDC_URL},
    sandbox::{
        Sandbox,
        github::{self, FakeGitHub},
        issuer::{FakeIssuer, job_claims},
    },
};

/// The event that starts a run.
pub struct RunTrigger<'a> {
    pub workflow: &'static DemoWorkflow,
    pub repository: &'a str,
    pub actor: &'a str,
    /// The commit of the run; `None`: the tip of the default branch.
    pub commit: Option<&'a str>,
    pub event: Value,
    /// The values of the placeholders (`{name}`).
    pub placeholders: BTreeMap<&'static str, String>,
}

/// A run in progress.
pub struct DemoRun<'a> {
    runner: &'a StepRunner<'a>,
    fake_github: &'a FakeGitHub,
    issuer: &'a FakeIssuer,
    trigger: RunTrigger<'a>,
    /// The run as GitHub's API shows it.
    fake_run: github::FakeRun,
    folder: PathBuf,
    variables: BTreeMap<&'static str, String>,
    /// The `needs` context of later jobs.
    needs: Map<String, Value>,
    /// The `steps` context of the job in progress.
    steps: Map<String, Value>,
    /// The job in progress, and the log of its steps.
    job: Option<(github::FakeJob, String)>,
    /// The deployment of the job in progress to its environment.
    deployment: Option<github::FakeDeployment>,
    /// The folders of the steps, in their order.
    step_folders: Vec<PathBuf>,
    failed: bool,
}

/// The result of a workflow run.
pub struct RunResult {
    pub passed: bool,
    /// The summaries of all steps, as GitHub shows them.
    pub summary: String,
    /// The `workflow_run` event, which starts other workflows.
    pub event: Value,
}

impl<'a> DemoRun<'a> {
    /// Starts run `id` in a new folder.
    ///
    /// # Errors
    /// Unobservable when the folder cannot be created.
    pub fn start(
        runner: &'a StepRunner<'a>,
        Sandbox { github: fake_github, issuer, .. }: &'a Sandbox,
        folder: &Path,
        id: u64,
        trigger: RunTrigger<'a>,
    ) -> Result<Self, CommandError> {
        let folder = folder.join(format!("{id}-{}", trigger.workflow.file.trim_end_matches(".yml")));
        for name in ["temp", "home"] {
            let folder = folder.join(name);
            fs::create_dir_all(&folder).map_err(|error| write_error(&folder, &error))?;
        }
        let event = folder.join("event.json");
        fs::write(&event, format!("{:#}", trigger.event)).map_err(|error| write_error(&event, &error))?;
        let folder_of = |name: &str| folder.join(name).display().to_string();
        let (git_ref, ref_name) = match trigger.workflow.event {
            "pull_request" => ("refs/pull/1/merge", "1/merge"),
            _ => ("refs/heads/main", "main"),
        };
        let variables = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_SERVER_URL", SERVER.to_owned()),
            ("GITHUB_API_URL", fake_github.api_url()),
            ("GITHUB_GRAPHQL_URL", fake_github.graphql_url()),
            ("GITHUB_REPOSITORY", trigger.repository.to_owned()),
            ("GITHUB_REF", git_ref.to_owned()),
            ("GITHUB_REF_NAME", ref_name.to_owned()),
            ("GITHUB_EVENT_NAME", trigger.workflow.event.to_owned()),
            ("GITHUB_EVENT_PATH", event.display().to_string()),
            ("GITHUB_RUN_ID", id.to_string()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_ACTOR", trigger.actor.to_owned()),
            ("RUNNER_NAME", format!("runner-{id}")),
            ("RUNNER_TEMP", folder_of("temp")),
            ("HOME", folder_of("home")),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ];
        let path = runner.ctx.runner_env.search_path.clone().map(|path| ("PATH", path));
        let fake_run = github::FakeRun {
            id,
            path: trigger.workflow.path(),
            event: trigger.workflow.event.to_owned(),
            actor: trigger.actor.to_owned(),
            ..github::FakeRun::default()
        };
        let head_sha = trigger.commit.map_or_else(|| fake_run.head_sha.clone(), ToOwned::to_owned);
        let fake_run = github::FakeRun { head_sha, ..fake_run }.in_progress();
        fake_github.set_run(trigger.repository, fake_run.clone());
        Ok(Self {
            runner,
            fake_github,
            issuer,
            trigger,
            fake_run,
            folder,
            variables: variables.into_iter().chain(path).collect(),
            needs: Map::new(),
            steps: Map::new(),
            job: None,
            deployment: None,
            step_folders: Vec::new(),
            failed: false,
        })
    }

    #[must_use]
    pub const fn id(&self) -> u64 {
        self.fake_run.id
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a job runs: all jobs before it succeeded, or it runs always.
    #[must_use]
    pub const fn runs(&self, job: &DemoJob) -> bool {
        job.always || !self.failed
    }

    /// Starts a job. A job with an environment has been approved before.
    pub fn start_job(&mut self, job: &DemoJob) {
        let running = github::FakeJob::running(job.name, &format!("runner-{}", self.id()));
        let number = self.fake_github.set_job(self.trigger.repository, self.id(), 1, running.clone());
        if let Some(environment) = job.environment {
            let (approved_at, asked_at) = (running.started_at, running.started_at - REVIEW);
            let deployment = github::FakeDeployment::waiting(self.id(), number, asked_at).then("QUEUED", approved_at);
            let deployment = deployment.then("IN_PROGRESS", approved_at);
            self.fake_github.set_deployment(self.trigger.repository, environment, deployment.clone());
            self.deployment = Some(deployment);
        }
        self.variables.insert("GITHUB_JOB", job.name.to_owned());
        for name in [OIDC_URL, OIDC_TOKEN] {
            self.variables.remove(name);
        }
        if job.signs {
            let token = format!("request-token-of-job-{number}");
            self.issuer.add_job(&token, job_claims(self.trigger.repository, &self.fake_run, number));
            self.variables.extend([(OIDC_URL, self.issuer.request_url()), (OIDC_TOKEN, token)]);
        }
        self.steps = Map::new();
        self.job = Some((running, String::new()));
    }

    /// Runs a step of the job.
    ///
    /// # Errors
    /// Those of [`StepRunner::run`].
    pub fn run_step(
        &mut self,
        command: &str,
        with: &[(&str, &str)],
        workspace: &Path,
    ) -> Result<StepResult, CommandError> {
        let folder = self.folder.join(format!("{}-{command}", self.step_folders.len() + 1));
        let inputs: Vec<(&str, String)> = with.iter().map(|(key, text)| (*key, self.fill(text))).collect();
        self.variables.insert("GITHUB_WORKSPACE", workspace.display().to_string());
        let result = self.runner.run(command, &inputs, workspace, &self.variables, &folder)?;
        self.step_folders.push(folder);
        let outcome = outcome(result.verdict == Verdict::Passed);
        let step = json!({ "outputs": result.outputs, "outcome": outcome, "conclusion": outcome });
        self.steps.insert(command.to_owned(), step);
        if let Some((_, log)) = &mut self.job {
            *log += &(result.lines.join("\n") + "\n");
        }
        Ok(result)
    }

    /// Ends a job: later jobs can read its outputs, and its workflow commands become annotations.
    pub fn end_job(&mut self, job: &DemoJob, passed: bool) {
        let outputs: BTreeMap<&str, String> = job.outputs.iter().map(|(name, text)| (*name, self.fill(text))).collect();
        self.needs.insert(job.name.to_owned(), json!({ "result": outcome(passed), "outputs": outputs }));
        if let Some((running, log)) = self.job.take() {
            let ended = github::FakeJob::ended(job.name, outcome(passed)).since(running.started_at);
            let ended = github::FakeJob { runner_name: running.runner_name, ..ended };
            let number = self.fake_github.set_job(self.trigger.repository, self.id(), 1, ended);
            self.fake_github.annotate_from_log(self.trigger.repository, number, &log);
        }
        if let Some((deployment, environment)) = self.deployment.take().zip(job.environment) {
            let deployment = deployment.then(&outcome(passed).to_uppercase(), github::now());
            self.fake_github.set_deployment(self.trigger.repository, environment, deployment);
        }
        self.failed |= !passed;
    }

    /// Skips a job because one that it needs has failed.
    pub fn skip_job(&mut self, job: &DemoJob) {
        self.needs.insert(job.name.to_owned(), json!({ "result": "skipped", "outputs": {} }));
        let skipped = github::FakeJob { runner_name: None, ..github::FakeJob::ended(job.name, "skipped") };
        self.fake_github.set_job(self.trigger.repository, self.id(), 1, skipped);
    }

    /// Ends the run. Returns its result.
    #[must_use]
    pub fn end(self) -> RunResult {
        let conclusion = outcome(!self.failed);
        let github::FakeRun { id, path, head_sha, event: trigger, .. } = &self.fake_run;
        let event = json!({
            "action": "completed",
            "workflow_run": {
                "id": id, "run_attempt": 1, "path": path, "event": trigger, "status": "completed", "conclusion": conclusion,
                "head_branch": "main", "head_sha": head_sha,
            },
        });
        self.fake_github.set_run(self.trigger.repository, self.fake_run.clone().ended(conclusion));
        let summaries = self.step_folders.iter().filter_map(|folder| fs::read_to_string(folder.join(SUMMARY)).ok());
        RunResult { passed: !self.failed, summary: summaries.collect(), event }
    }

    /// Replaces the placeholders that have a value; other braces stay.
    fn fill(&self, text: &str) -> String {
        fill(text, |name| {
            let output = |jobs: &Map<String, Value>, path: &str| {
                let (name, output) = path.split_once(".outputs.")?;
                Some(jobs.get(name)?["outputs"][output].as_str().unwrap_or_default().to_owned())
            };
            match name {
                "toJSON(needs)" => Some(format!("{:#}", Value::Object(self.needs.clone()))),
                "toJSON(steps)" => Some(format!("{:#}", Value::Object(self.steps.clone()))),
                _ => match name.split_once('.') {
                    Some(("needs", path)) => output(&self.needs, path),
                    Some(("steps", path)) => output(&self.steps, path),
                    _ => self.trigger.placeholders.get(name).cloned(),
                },
            }
        })
    }
}

/// How long the lead looks at a decision pack.
const REVIEW: SignedDuration = SignedDuration::from_secs(90);
/// No server has this name: links to runs lead nowhere.
const SERVER: &str = "https://github.example";

const fn outcome(passed: bool) -> &'static str {
    if passed { "success" } else { "failure" }
}

fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('{') {
        filled += before;
        let replaced = after.split_once('}').and_then(|(name, after)| Some((value(name)?, after)));
        let (replacement, after) = replaced.unwrap_or_else(|| ("{".to_owned(), after));
        filled += &replacement;
        rest = after;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_placeholders_are_replaced_and_braces_in_values_stay() {
        let value = |name: &str| (name == "steps").then(|| "{\"a\":\"{steps}\"}".to_owned());
        assert_eq!(fill("x {steps} y", value), "x {\"a\":\"{steps}\"} y");
        assert_eq!(fill("{tag} {.a{steps}", value), "{tag} {.a{\"a\":\"{steps}\"}");
    }
}
