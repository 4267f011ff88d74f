//! A workflow run: its jobs one after the other, each told to GitHub as it goes, with the contexts that GitHub would fill
//! in.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{
    runner::{Ended, Runner, SUMMARY, unwritten},
    workflows::{Job, Workflow},
};
use crate::{
    error::CommandError,
    finding::Verdict,
    sandbox::github::{self, FakeGitHub},
};

/// What starts a run.
pub struct Trigger<'a> {
    pub workflow: &'static Workflow,
    pub repository: &'a str,
    pub actor: &'a str,
    /// What it is about; the default branch's tip, where nobody asks.
    pub commit: Option<&'a str>,
    pub event: Value,
    /// What stands for a name in braces.
    pub words: BTreeMap<&'static str, String>,
}

/// A run under way.
pub struct Run<'a> {
    runner: &'a Runner<'a>,
    fake_github: &'a FakeGitHub,
    trigger: Trigger<'a>,
    known: github::FakeRun,
    folder: PathBuf,
    variables: BTreeMap<&'static str, String>,
    /// `needs`, as every later job has it.
    needs: Map<String, Value>,
    /// `steps`, of the job under way.
    steps: Map<String, Value>,
    /// The job under way, and what its steps printed.
    job: Option<(github::FakeJob, String)>,
    /// The steps' folders, in their order.
    ran: Vec<PathBuf>,
    failed: bool,
}

impl<'a> Run<'a> {
    /// Starts run `id`, in a folder of its own.
    ///
    /// # Errors
    /// Unseen when it cannot be made.
    pub fn begin(
        runner: &'a Runner<'a>,
        fake_github: &'a FakeGitHub,
        folder: &Path,
        id: u64,
        trigger: Trigger<'a>,
    ) -> Result<Self, CommandError> {
        let folder = folder.join(format!("{id}-{}", trigger.workflow.file.trim_end_matches(".yml")));
        for name in ["temp", "home"] {
            let folder = folder.join(name);
            fs::create_dir_all(&folder).map_err(|error| unwritten(&folder, &error))?;
        }
        let event = folder.join("event.json");
        fs::write(&event, format!("{:#}", trigger.event)).map_err(|error| unwritten(&event, &error))?;
        let at = |name: &str| folder.join(name).display().to_string();
        let (git_ref, ref_name) = match trigger.workflow.event {
            "pull_request" => ("refs/pull/1/merge", "1/merge"),
            _ => ("refs/heads/main", "main"),
        };
        let variables = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_SERVER_URL", SERVER.to_owned()),
            ("GITHUB_API_URL", fake_github.api_url()),
            ("GITHUB_REPOSITORY", trigger.repository.to_owned()),
            ("GITHUB_REF", git_ref.to_owned()),
            ("GITHUB_REF_NAME", ref_name.to_owned()),
            ("GITHUB_EVENT_NAME", trigger.workflow.event.to_owned()),
            ("GITHUB_EVENT_PATH", event.display().to_string()),
            ("GITHUB_RUN_ID", id.to_string()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_ACTOR", trigger.actor.to_owned()),
            ("RUNNER_NAME", format!("runner-{id}")),
            ("RUNNER_TEMP", at("temp")),
            ("HOME", at("home")),
            ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
        ];
        let path = runner.ctx.runner_env.search_path.clone().map(|path| ("PATH", path));
        let known = github::FakeRun {
            id,
            path: trigger.workflow.path(),
            event: trigger.workflow.event.to_owned(),
            actor: trigger.actor.to_owned(),
            ..github::FakeRun::default()
        };
        let head_sha = trigger.commit.map_or_else(|| known.head_sha.clone(), ToOwned::to_owned);
        let known = github::FakeRun { head_sha, ..known }.in_progress();
        fake_github.set_run(trigger.repository, known.clone());
        Ok(Self {
            runner,
            fake_github,
            trigger,
            known,
            folder,
            variables: variables.into_iter().chain(path).collect(),
            needs: Map::new(),
            steps: Map::new(),
            job: None,
            ran: Vec::new(),
            failed: false,
        })
    }

    #[must_use]
    pub const fn id(&self) -> u64 {
        self.known.id
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a job runs: the ones before it have succeeded, or it does not ask.
    #[must_use]
    pub const fn lets(&self, job: &Job) -> bool {
        job.always || !self.failed
    }

    /// Starts a job in its turn. Somebody has approved it when it is in an environment.
    pub fn enter(&mut self, job: &Job) {
        let running = github::FakeJob::running(job.name, &format!("runner-{}", self.id()));
        self.fake_github.set_job(self.trigger.repository, self.id(), 1, running.clone());
        self.variables.insert("GITHUB_JOB", job.name.to_owned());
        self.steps = Map::new();
        self.job = Some((running, String::new()));
    }

    /// Runs a step of the job.
    ///
    /// # Errors
    /// As [`Runner::uses`].
    pub fn uses(&mut self, command: &str, with: &[(&str, &str)], workspace: &Path) -> Result<Ended, CommandError> {
        let folder = self.folder.join(format!("{}-{command}", self.ran.len() + 1));
        let inputs: Vec<(&str, String)> = with.iter().map(|(key, text)| (*key, self.fill(text))).collect();
        self.variables.insert("GITHUB_WORKSPACE", workspace.display().to_string());
        let ended = self.runner.uses(command, &inputs, workspace, &self.variables, &folder)?;
        self.ran.push(folder);
        let outcome = outcome(ended.verdict == Verdict::Passed);
        let step = json!({ "outputs": ended.outputs, "outcome": outcome, "conclusion": outcome });
        self.steps.insert(command.to_owned(), step);
        if let Some((_, log)) = &mut self.job {
            *log += &(ended.lines.join("\n") + "\n");
        }
        Ok(ended)
    }

    /// Ends the job: its outputs are there for those that need it, and what it said has become annotations.
    pub fn leave(&mut self, job: &Job, passed: bool) {
        let outputs: BTreeMap<&str, String> = job.outputs.iter().map(|(name, text)| (*name, self.fill(text))).collect();
        self.needs.insert(job.name.to_owned(), json!({ "result": outcome(passed), "outputs": outputs }));
        if let Some((running, log)) = self.job.take() {
            let ended = github::FakeJob::ended(job.name, outcome(passed)).since(running.started_at);
            let ended = github::FakeJob { runner_name: running.runner_name, ..ended };
            let number = self.fake_github.set_job(self.trigger.repository, self.id(), 1, ended);
            self.fake_github.annotate_from_log(self.trigger.repository, number, &log);
        }
        self.failed |= !passed;
    }

    /// A job that is not run, because one that it needs has failed.
    pub fn skip(&mut self, job: &Job) {
        self.needs.insert(job.name.to_owned(), json!({ "result": "skipped", "outputs": {} }));
        let skipped = github::FakeJob { runner_name: None, ..github::FakeJob::ended(job.name, "skipped") };
        self.fake_github.set_job(self.trigger.repository, self.id(), 1, skipped);
    }

    /// Ends the run: whether it succeeded, its summary (those of all steps, as GitHub shows them), and the event about it that
    /// starts others.
    #[must_use]
    pub fn end(self) -> (bool, String, Value) {
        let conclusion = outcome(!self.failed);
        let github::FakeRun { id, path, head_sha, event, .. } = &self.known;
        let about = json!({
            "action": "completed",
            "workflow_run": {
                "id": id, "run_attempt": 1, "path": path, "event": event, "status": "completed", "conclusion": conclusion,
                "head_branch": "main", "head_sha": head_sha,
            },
        });
        self.fake_github.set_run(self.trigger.repository, self.known.clone().ended(conclusion));
        let summaries = self.ran.iter().filter_map(|folder| fs::read_to_string(folder.join(SUMMARY)).ok());
        (!self.failed, summaries.collect(), about)
    }

    /// Puts words in the place of their names in braces; braces around anything else stay.
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
                    _ => self.trigger.words.get(name).cloned(),
                },
            }
        })
    }
}

/// No such server: what names a run leads nowhere.
const SERVER: &str = "https://github.example";

const fn outcome(passed: bool) -> &'static str {
    if passed { "success" } else { "failure" }
}

fn fill(text: &str, word: impl Fn(&str) -> Option<String>) -> String {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once('{') {
        filled += before;
        let named = behind.split_once('}').and_then(|(name, behind)| Some((word(name)?, behind)));
        let (word, behind) = named.unwrap_or_else(|| ("{".to_owned(), behind));
        filled += &word;
        rest = behind;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_words_are_filled_in_and_their_own_braces_stay() {
        let word = |name: &str| (name == "steps").then(|| "{\"a\":\"{steps}\"}".to_owned());
        assert_eq!(fill("x {steps} y", word), "x {\"a\":\"{steps}\"} y");
        assert_eq!(fill("{tag} {.a{steps}", word), "{tag} {.a{\"a\":\"{steps}\"}");
    }
}
