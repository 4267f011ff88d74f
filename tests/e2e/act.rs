//! A workflow on act, a runner that needs no GitHub and here no Docker: steps run on this machine.
//!
//! Where act (0.2.89, read in its source and tried) differs from GitHub's runner, and what that means for a test:
//! - Steps inherit act's whole environment, so act gets a clean one. `HOME` and every cache lie in a temp folder.
//! - `actions/checkout` copies the work tree, with history and changes: never shallow, never another ref. [`Act::action`]
//!   puts something in its place that clones, as `acme` does.
//! - Steps write to a terminal, and the end of what a failing step said is lost at times. `.ci/run` builds it with
//!   `tools/act/pipes.go`: pipes as on GitHub, and nothing is lost; the test of the runner fails on any other act.
//!   stdout and stderr are one stream in both. A last line without its newline is lost.
//! - `GITHUB_OUTPUT` and `GITHUB_STEP_SUMMARY` are one file per job. After a composite action act reads the file again on
//!   behalf of the outer step, which then has every output of the inner step, declared by action.yml or not. [`Step`]
//!   holds what action.yml declares; `toJSON(steps)` and `jobs.….outputs` inside the workflow hold too much.
//! - Commands: act sees `::x::` and `##[x]` at the very start of a line only. GitHub also takes `::x::` after blanks and
//!   `##[x]` anywhere, so escaping has to be proven in unit tests; here only that intended commands arrive.
//! - `::notice::` is a command like any other. `::debug::` shows only with `--verbose`.
//! - A skipped step leaves no trace in the log, a skipped job neither: they are absent here.
//! - On cancel and `timeout-minutes` act kills with SIGKILL at once: no SIGINT, so no report. The launcher's tests cover it.
//! - What GitHub gives each run (`GITHUB_RUN_ID`, `GITHUB_RUN_ATTEMPT`, `GITHUB_REPOSITORY`, `GITHUB_SERVER_URL`) is what
//!   `--env` says, in every job the same, and `RUNNER_NAME` is not there without it.
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

/// No workflow here takes more than some seconds; a runner that hangs must not hang the tests.
const LIMIT: Duration = Duration::from_mins(2);

/// One run of the workflows of a [`Repo`].
pub struct Act<'a> {
    repo: &'a Repo,
    event: &'a str,
    payload: Value,
    env: Vec<(String, String)>,
    secrets: Vec<(String, String)>,
    api: String,
    actor: Option<String>,
    workflow: Option<String>,
    actions: Vec<(String, PathBuf)>,
    programs: Option<PathBuf>,
}

impl<'a> Act<'a> {
    pub fn on(repo: &'a Repo, event: &'a str) -> Self {
        // Port 9 discards: nothing listens, and no test may reach the real API by accident.
        let api = "http://127.0.0.1:9".to_owned();
        Self {
            repo,
            event,
            payload: json!({}),
            env: Vec::new(),
            secrets: Vec::new(),
            api,
            actor: None,
            workflow: None,
            actions: Vec::new(),
            programs: None,
        }
    }

    /// Who set it off, `GITHUB_ACTOR`.
    pub fn actor(mut self, login: &str) -> Self {
        self.actor = Some(login.to_owned());
        self
    }

    /// Only this workflow, a file in `.github/workflows`; otherwise all that know the event.
    pub fn workflow(mut self, file: &str) -> Self {
        self.workflow = Some(format!(".github/workflows/{file}"));
        self
    }

    /// What `uses: <name>` starts, such as `actions/checkout@v4`: the action in that folder.
    pub fn action(mut self, name: &str, folder: &Path) -> Self {
        self.actions.push((name.to_owned(), folder.to_owned()));
        self
    }

    /// A folder of programs that steps find before any others.
    pub fn programs(mut self, folder: &Path) -> Self {
        self.programs = Some(folder.to_owned());
        self
    }

    /// The event's JSON, `github.event`.
    pub fn payload(mut self, payload: Value) -> Self {
        self.payload = payload;
        self
    }

    /// An environment variable of every step.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A secret, `secrets.NAME`.
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where `GITHUB_API_URL` points.
    pub fn api(mut self, address: &str) -> Self {
        address.clone_into(&mut self.api);
        self
    }

    /// Runs with the actions of this checkout as `acme/promote-gates@v1`.
    pub fn run(self) -> Run {
        self.run_with(repo::actions)
    }

    /// Runs with what `actions` lays out as `acme/promote-gates@v1`.
    pub fn run_with(self, actions: impl FnOnce(&Path)) -> Run {
        let stage = tempfile::tempdir().expect("a temp folder");
        let at = |name: &str| stage.path().join(name);
        actions(&at("actions"));
        fs::create_dir(at("home")).expect("make the home");
        fs::write(at("event.json"), self.payload.to_string()).expect("write the event");

        let mut act = repo::clean(tool());
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
            act.env("PATH", repo::before(programs));
        }
        act.arg("--eventpath").arg(at("event.json"));
        act.arg("--action-cache-path").arg(at("cache"));
        act.arg("--env").arg(format!("GITHUB_API_URL={}", self.api));
        for (name, value) in &self.env {
            act.arg("--env").arg(format!("{name}={value}"));
        }
        // In a file: what stands in act's environment every step would inherit, and an action that forgot to ask for its
        // token would find it.
        let secrets: Vec<_> = self.secrets.iter().map(|(name, value)| format!("{name}={value}")).collect();
        fs::write(at("secrets"), secrets.join("\n")).expect("write the secrets");
        act.arg("--secret-file").arg(at("secrets"));
        act.env("HOME", at("home")).env("LANG", "C.UTF-8").env("GIT_CONFIG_NOSYSTEM", "1");
        let (succeeded, log, errors) = finish(act);
        Run::read(succeeded, &log, &errors)
    }
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Run {
    pub succeeded: bool,
    /// By id; a skipped job is absent.
    pub jobs: BTreeMap<String, Job>,
    /// What the runner said, for a failing test to show.
    pub log: String,
}

#[derive(Debug, Default)]
pub struct Job {
    /// `success`, `failure`; empty when the runner never came to an end.
    pub result: String,
    /// When its first line was said and its last, with whole seconds, as GitHub tells it.
    pub began: Timestamp,
    pub ended: Timestamp,
    /// By `id:`, or by position from 0 without one; a skipped step is absent.
    pub steps: BTreeMap<String, Step>,
}

#[derive(Debug, Default)]
pub struct Step {
    /// `success` or `failure`.
    pub outcome: String,
    /// What its process ended with, when that was not 0.
    pub exit: Option<u8>,
    /// For a composite action, what its action.yml declares.
    pub outputs: BTreeMap<String, String>,
    /// Markdown.
    pub summary: String,
    /// In the order they were printed.
    pub annotations: Vec<Annotation>,
    /// What the step printed that was no command.
    pub printed: String,
    /// Every other command it gave: `group`, `add-mask`, …, with its argument.
    pub commands: Vec<(String, String)>,
    /// Uses a composite action.
    composite: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Annotation {
    /// `error`, `warning`, `notice`.
    pub level: String,
    pub message: String,
    /// `title`, `file`, `line`, …
    pub properties: BTreeMap<String, String>,
}

impl Run {
    /// The job of that id; fails with the log when it did not run.
    pub fn job(&self, id: &str) -> &Job {
        self.jobs.get(id).unwrap_or_else(|| panic!("job {id} did not run:\n{}", self.log))
    }

    /// The step of that id in that job; fails with the log when it did not run.
    pub fn step(&self, job: &str, step: &str) -> &Step {
        let found = self.job(job).steps.get(step);
        found.unwrap_or_else(|| panic!("step {step} of job {job} did not run:\n{}", self.log))
    }

    fn read(succeeded: bool, log: &str, errors: &str) -> Self {
        let mut run = Self { succeeded, ..Self::default() };
        for line in log.lines() {
            match serde_json::from_str::<Line>(line) {
                Ok(line) => run.take(&line),
                Err(_) => run.say(line),
            }
        }
        run.say(errors);
        run
    }

    fn say(&mut self, text: &str) {
        self.log.push_str(text.trim_end());
        self.log.push('\n');
    }

    fn take(&mut self, line: &Line) {
        self.say(&line.msg);
        assert!(line.matrix.as_ref().is_none_or(BTreeMap::is_empty), "legs of a matrix are not told apart here");
        let Some(id) = &line.job_id else { return };
        let at = line.time.parse().expect("act tells the time of each line");
        let job = self.jobs.entry(id.clone()).or_insert_with(|| Job { began: at, ..Job::default() });
        job.ended = at;
        if let Some(result) = &line.job_result {
            job.result.clone_from(result);
        }
        if line.stage.as_deref() == Some("Main")
            && let Some((step, inside)) = line.step_id.split_first()
        {
            job.steps.entry(step.clone()).or_default().take(line, !inside.is_empty());
        }
    }
}

impl Step {
    /// `inside`: said by a step of the composite action that this step uses.
    fn take(&mut self, line: &Line, inside: bool) {
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
            // A composite action's declared outputs come before its end, the leak of the shared file after it.
            "set-output" if self.composite && (inside || ended) => {}
            "set-output" => drop(self.outputs.insert(line.name.clone(), line.arg.clone())),
            "summary" if self.composite && !inside => {}
            "summary" => self.summary.push_str(&line.content),
            level @ ("error" | "warning" | "notice") => self.annotations.push(Annotation {
                level: level.to_owned(),
                message: line.arg.clone(),
                properties: line.properties.clone(),
            }),
            other => self.commands.push((other.to_owned(), line.arg.clone())),
        }
    }

    /// The annotations of one level.
    pub fn annotated(&self, level: &str) -> Vec<&Annotation> {
        self.annotations.iter().filter(|annotation| annotation.level == level).collect()
    }
}

/// One line of `act --json`. Only what is read here; everything may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    msg: String,
    time: String,
    matrix: Option<BTreeMap<String, Value>>,
    #[serde(rename = "jobID")]
    job_id: Option<String>,
    #[serde(rename = "jobResult")]
    job_result: Option<String>,
    /// `Pre`, `Main`, `Post`.
    stage: Option<String>,
    /// The step's id, then that of the step inside the action it uses.
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

/// The runner: `ACT`, where `.ci/run` put it, or the one in PATH.
#[expect(clippy::disallowed_methods, reason = "which runner to use is a setting of the tests, not of the product")]
fn tool() -> OsString {
    std::env::var_os("ACT").unwrap_or_else(|| "act".into())
}

/// Runs to the end or to [`LIMIT`]; then everything it started is killed and the test fails with what it had said.
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
    let said = ended.recv_timeout(LIMIT);
    if said.is_err() {
        let group = Pid::from_child(&child);
        // First so that act ends its steps, which have process groups of their own.
        for (signal, patience) in [(Signal::INT, Duration::from_secs(5)), (Signal::KILL, Duration::from_secs(5))] {
            kill_process_group(group, signal).expect("end the runner");
            if let Ok(log) = ended.recv_timeout(patience) {
                panic!("the runner was still busy after {LIMIT:?} and had said:\n{log}");
            }
        }
        panic!("the runner was still busy after {LIMIT:?} and could not be ended");
    }
    let status = child.wait().expect("the runner ends");
    (status.success(), said.unwrap_or_default(), errors.join().expect("read stderr"))
}

fn read(from: &mut impl Read) -> String {
    let mut all = Vec::new();
    from.read_to_end(&mut all).expect("read the runner");
    String::from_utf8_lossy(&all).into_owned()
}
