//! Runs workflows with act, a runner that needs no GitHub, here without Docker: steps run on this machine.
//!
//! How act 0.2.89 differs from GitHub's runner (from its source and from experiments), and the consequences for tests:
//! - Steps inherit act's whole environment, so act gets a clean one. `HOME` and every cache are in a temp folder.
//! - `actions/checkout` copies the work tree, with history and changes: never shallow, never another ref. [`Act::action`]
//!   can replace it by one that clones, as `acme` does.
//! - Steps write to a terminal, and act sometimes loses the end of a failing step's output. `.ci/run` builds act with
//!   `tools/act/pipes.go`, which uses pipes as GitHub does and loses nothing; the test in `runner` fails with any other act.
//!   stdout and stderr are one stream in both. A last line without a newline is lost.
//! - `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY` are one file per job. After a composite action, act reads the file again for
//!   the outer step, which then has every output of the inner step, even if action.yml does not declare it. [`ActStep`]
//!   has only declared outputs; `toJSON(steps)` and `jobs.….outputs` inside the workflow have too many.
//! - act recognises `::x::` and `##[x]` only at the start of a line. GitHub also recognises `::x::` after blanks and `##[x]`
//!   anywhere, so unit tests check escaping; the tests here only check that intended commands arrive.
//! - `::debug::` appears only with `--verbose`.
//! - Skipped steps and jobs are not in the log, so they are absent here.
//! - On cancel and `timeout-minutes`, act kills with SIGKILL at once, without SIGINT, so there is no report. `waiting` sends
//!   the signal itself.
//! - The variables of a run (`GITHUB_RUN_ID`, `GITHUB_RUN_ATTEMPT`, `GITHUB_REPOSITORY`, `GITHUB_SERVER_URL`) come from
//!   `--env` and are the same in every job; without `--env`, `RUNNER_NAME` is not set.
//! - `permissions:`, `environment:` protection, `concurrency:` and expression limits are not enforced.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::repo::{self, Repo};

/// Workflows here take a few seconds; a hanging runner must not hang the tests.
const LIMIT: Duration = Duration::from_mins(10);

/// One run of the workflows of a [`Repo`].
pub struct Act<'a> {
    repo: &'a Repo,
    event: &'a str,
    payload: Value,
    env: Vec<(String, String)>,
    secrets: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    api: String,
    actor: Option<String>,
    workflow: Option<String>,
    actions: Vec<(String, PathBuf)>,
    programs: Option<PathBuf>,
}

impl<'a> Act<'a> {
    pub fn on(repo: &'a Repo, event: &'a str) -> Self {
        // Nothing listens on port 9, so that no test reaches the real API by accident.
        let api = "http://127.0.0.1:9".to_owned();
        Self {
            repo,
            event,
            payload: json!({}),
            env: Vec::new(),
            secrets: Vec::new(),
            variables: Vec::new(),
            api,
            actor: None,
            workflow: None,
            actions: Vec::new(),
            programs: None,
        }
    }

    /// Sets the actor, `GITHUB_ACTOR`.
    pub fn actor(mut self, login: &str) -> Self {
        self.actor = Some(login.to_owned());
        self
    }

    /// Runs only this file in `.github/workflows`, instead of all workflows with the event.
    pub fn workflow(mut self, file: &str) -> Self {
        self.workflow = Some(format!(".github/workflows/{file}"));
        self
    }

    /// Replaces the action `name`, such as `actions/checkout@v4`, by the one in a folder.
    pub fn action(mut self, name: &str, folder: &Path) -> Self {
        self.actions.push((name.to_owned(), folder.to_owned()));
        self
    }

    /// Puts a folder of programs first in the steps' PATH.
    pub fn programs(mut self, folder: &Path) -> Self {
        self.programs = Some(folder.to_owned());
        self
    }

    /// Sets the event's JSON, `github.event`.
    pub fn payload(mut self, payload: Value) -> Self {
        self.payload = payload;
        self
    }

    /// Sets an environment variable of every step.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a secret, `secrets.NAME`.
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a variable of the repository, `vars.NAME`.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets `GITHUB_API_URL` and `GITHUB_GRAPHQL_URL`.
    pub fn api(mut self, address: &str) -> Self {
        address.clone_into(&mut self.api);
        self
    }

    /// Runs with the actions of this checkout as `acme/promote-gates@v1`.
    pub fn run(self) -> ActRun {
        self.run_with(repo::actions)
    }

    /// Runs with the actions that `actions` writes to a folder as `acme/promote-gates@v1`.
    pub fn run_with(self, actions: impl FnOnce(&Path)) -> ActRun {
        let folder = tempfile::tempdir().expect("a temp folder");
        let at = |name: &str| folder.path().join(name);
        actions(&at("actions"));
        fs::create_dir(at("home")).expect("make the home");
        fs::write(at("event.json"), self.payload.to_string()).expect("write the event");

        let mut act = repo::clean(act_program());
        act.current_dir(self.repo.path()).arg(self.event);
        act.args(["--json", "--platform", "ubuntu-latest=-self-hosted", "--no-cache-server", "--rm"]);
        act.arg("--local-repository").arg(format!("acme/promote-gates@v1={}", at("actions").display()));
        for (name, folder) in &self.actions {
            act.arg("--local-repository").arg(format!("{name}={}", folder.display()));
            if name.starts_with("actions/checkout@") {
                act.arg("--no-skip-checkout");
            }
        }
        if let Some(actor) = &self.actor {
            act.args(["--actor", actor]);
        }
        if let Some(workflow) = &self.workflow {
            act.args(["--workflows", workflow]);
        }
        if let Some(programs) = &self.programs {
            act.env("PATH", repo::path_with(programs));
        }
        act.arg("--eventpath").arg(at("event.json"));
        act.arg("--action-cache-path").arg(at("cache"));
        act.arg("--env").arg(format!("GITHUB_API_URL={}", self.api));
        act.arg("--env").arg(format!("GITHUB_GRAPHQL_URL={}/graphql", self.api));
        for (name, value) in &self.env {
            act.arg("--env").arg(format!("{name}={value}"));
        }
        for (name, value) in &self.variables {
            act.arg("--var").arg(format!("{name}={value}"));
        }
        // In a file, because every step would inherit secrets in act's environment, and an action that does not declare its
        // token would still find it.
        let secrets: Vec<_> = self.secrets.iter().map(|(name, value)| format!("{name}={value}")).collect();
        fs::write(at("secrets"), secrets.join("\n")).expect("write the secrets");
        act.arg("--secret-file").arg(at("secrets"));
        act.env("HOME", at("home")).env("LANG", "C.UTF-8").env("GIT_CONFIG_NOSYSTEM", "1");
        let (succeeded, log, errors) = finish(act);
        ActRun::parse(succeeded, &log, &errors)
    }
}

/// The results of a run.
#[derive(Debug, Default)]
pub struct ActRun {
    pub succeeded: bool,
    /// By id, and that of a leg of a matrix with its values: `gates (cart)`; a skipped job is absent.
    pub jobs: BTreeMap<String, ActJob>,
    /// The runner's log, for the message of a failing test.
    pub log: String,
}

#[derive(Debug, Default)]
pub struct ActJob {
    /// `success`, `failure`; empty if the runner did not finish.
    pub result: String,
    /// The times of its first and last log line, in whole seconds as on GitHub.
    pub began: Timestamp,
    pub ended: Timestamp,
    /// By `id:`, or by position from 0 if there is none; a skipped step is absent.
    pub steps: BTreeMap<String, ActStep>,
}

#[derive(Debug, Default)]
pub struct ActStep {
    /// `success` or `failure`.
    pub outcome: String,
    /// The exit code of its process, if not 0.
    pub exit: Option<u8>,
    /// For a composite action, only the outputs that its action.yml declares.
    pub outputs: BTreeMap<String, String>,
    /// Markdown.
    pub summary: String,
    /// In the order they were printed.
    pub annotations: Vec<ActAnnotation>,
    /// The printed lines that are not commands.
    pub printed: String,
    /// The name and argument of every other command: `group`, `add-mask`, …
    pub commands: Vec<(String, String)>,
    /// Whether the step uses a composite action.
    composite: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct ActAnnotation {
    /// `error`, `warning`, `notice`.
    pub level: String,
    pub message: String,
    /// `title`, `file`, `line`, …
    pub properties: BTreeMap<String, String>,
}

impl ActRun {
    /// The job with that id; panics with the log if it did not run.
    pub fn job(&self, id: &str) -> &ActJob {
        self.jobs.get(id).unwrap_or_else(|| panic!("job {id} did not run:\n{}", self.log))
    }

    /// The step with that id in that job; panics with the log if it did not run.
    pub fn step(&self, job: &str, step: &str) -> &ActStep {
        let found = self.job(job).steps.get(step);
        found.unwrap_or_else(|| panic!("step {step} of job {job} did not run:\n{}", self.log))
    }

    fn parse(succeeded: bool, log: &str, errors: &str) -> Self {
        let mut run = Self { succeeded, ..Self::default() };
        for line in log.lines() {
            match serde_json::from_str::<ActLine>(line) {
                Ok(line) => run.add_line(&line),
                Err(_) => run.log_text(line),
            }
        }
        run.log_text(errors);
        // act reports the result of all legs of a matrix so far as that of each leg.
        for (_, leg) in run.jobs.iter_mut().filter(|(id, _)| id.ends_with(')')) {
            let has_failed = leg.steps.values().any(|step| step.outcome == "failure");
            if has_failed { "failure" } else { "success" }.clone_into(&mut leg.result);
        }
        run
    }

    fn log_text(&mut self, text: &str) {
        self.log.push_str(text.trim_end());
        self.log.push('\n');
    }

    fn add_line(&mut self, line: &ActLine) {
        self.log_text(&line.msg);
        let Some(id) = line.job_id.as_ref().map(|id| format!("{id}{}", leg(line.matrix.as_ref()))) else { return };
        let at = line.time.parse().expect("each line has a time");
        let job = self.jobs.entry(id).or_insert_with(|| ActJob { began: at, ..ActJob::default() });
        job.ended = at;
        if let Some(result) = &line.job_result {
            job.result.clone_from(result);
        }
        if line.stage.as_deref() == Some("Main")
            && let Some((step, inner)) = line.step_id.split_first()
        {
            job.steps.entry(step.clone()).or_default().add_line(line, !inner.is_empty());
        }
    }
}

/// The values of a leg of a matrix, as in the names that the shipped workflows give their jobs: ` (checkout-service)`. Empty
/// without a matrix.
fn leg(matrix: Option<&BTreeMap<String, Value>>) -> String {
    let value = |value: &Value| match value {
        Value::Object(fields) => fields.get("service").and_then(Value::as_str).unwrap_or_default().to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let values: Vec<String> = matrix.into_iter().flat_map(BTreeMap::values).map(value).collect();
    if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) }
}

impl ActStep {
    /// Adds a line; `inside` is set if it comes from a step of the composite action that this step uses.
    fn add_line(&mut self, line: &ActLine, inside: bool) {
        self.composite |= inside;
        let ended = !self.outcome.is_empty();
        if let Some(outcome) = &line.step_result
            && !inside
        {
            self.outcome.clone_from(outcome);
        }
        match line.command.as_str() {
            "" if line.raw_output => self.printed.push_str(&line.msg),
            "" => {
                if let Some(code) = line.msg.strip_prefix("exit status ") {
                    self.exit = Some(code.parse().expect("an exit status"));
                }
            }
            // act reports a composite action's declared outputs before its end, and all outputs of the shared file after it.
            "set-output" if self.composite && (inside || ended) => {}
            "set-output" => drop(self.outputs.insert(line.name.clone(), line.arg.clone())),
            "summary" if self.composite && !inside => {}
            "summary" => self.summary.push_str(&line.content),
            level @ ("error" | "warning" | "notice") => self.annotations.push(ActAnnotation {
                level: level.to_owned(),
                message: line.arg.clone(),
                properties: line.properties.clone(),
            }),
            other => self.commands.push((other.to_owned(), line.arg.clone())),
        }
    }

    /// The annotations of one level.
    pub fn annotated(&self, level: &str) -> Vec<&ActAnnotation> {
        self.annotations.iter().filter(|annotation| annotation.level == level).collect()
    }
}

/// One line of `act --json`, with the fields that are read here; all are optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ActLine {
    msg: String,
    time: String,
    matrix: Option<BTreeMap<String, Value>>,
    #[serde(rename = "jobID")]
    job_id: Option<String>,
    #[serde(rename = "jobResult")]
    job_result: Option<String>,
    /// `Pre`, `Main`, `Post`.
    stage: Option<String>,
    /// The id of the step, then the id of the step inside its action.
    #[serde(rename = "stepID")]
    step_id: Vec<String>,
    #[serde(rename = "stepResult")]
    step_result: Option<String>,
    raw_output: bool,
    command: String,
    name: String,
    arg: String,
    content: String,
    #[serde(rename = "kvPairs")]
    properties: BTreeMap<String, String>,
}

/// The path of act: `ACT`, which `.ci/run` sets, or `act` in PATH.
#[expect(clippy::disallowed_methods, reason = "the path of the runner is a setting of the tests, not of the product")]
fn act_program() -> OsString {
    std::env::var_os("ACT").unwrap_or_else(|| "act".into())
}

/// Runs to the end. After [`LIMIT`], kills the runner with its steps, and panics with the log.
fn finish(mut act: Command) -> (bool, String, String) {
    act.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = act.spawn().unwrap_or_else(|error| {
        panic!("{}: {error}; `.ci/run` installs act and sets ACT", act.get_program().display())
    });
    let (send, ended) = mpsc::channel();
    let mut stdout = child.stdout.take().expect("piped");
    let mut stderr = child.stderr.take().expect("piped");
    let errors = thread::spawn(move || read(&mut stderr));
    thread::spawn(move || send.send(read(&mut stdout)));
    let output = ended.recv_timeout(LIMIT);
    if output.is_err() {
        let group = Pid::from_child(&child);
        // SIGINT first, so that act ends its steps, which have their own process groups.
        for (signal, grace) in [(Signal::INT, Duration::from_secs(5)), (Signal::KILL, Duration::from_secs(5))] {
            kill_process_group(group, signal).expect("end the runner");
            if let Ok(log) = ended.recv_timeout(grace) {
                panic!("the runner did not finish within {LIMIT:?}; its log:\n{log}");
            }
        }
        panic!("the runner did not finish within {LIMIT:?} and could not be killed");
    }
    let status = child.wait().expect("the runner ends");
    (status.success(), output.unwrap_or_default(), errors.join().expect("read stderr"))
}

fn read(from: &mut impl Read) -> String {
    let mut all = Vec::new();
    from.read_to_end(&mut all).expect("read the runner");
    String::from_utf8_lossy(&all).into_owned()
}
