//! The compared programs, started as a step of a workflow starts them.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// No program here takes this long.
const LIMIT: Duration = Duration::from_secs(300);
/// How often the peak memory of a process is read. The peak only rises, so only one in the last milliseconds is missed.
const POLL_INTERVAL: Duration = Duration::from_millis(3);

/// The paths of the compared programs.
#[derive(Clone)]
pub struct Paths {
    pub binary: PathBuf,
    pub kubectl: PathBuf,
    pub helm: Option<PathBuf>,
}

/// The compared programs, and a home folder for them.
pub struct Programs {
    paths: Paths,
    folder: TempDir,
}

/// A running program; killed when dropped.
pub struct RunningProgram {
    pid: Pid,
    began: Timestamp,
    lines: Receiver<String>,
    ends: Receiver<(ExitStatus, Timestamp)>,
    peak: u64,
    end: Option<(ExitStatus, Timestamp)>,
}

pub struct ProgramEnd {
    pub code: Option<i32>,
    pub began: Timestamp,
    pub at: Timestamp,
    /// The peak of resident memory, in bytes.
    pub peak: u64,
    pub log: String,
}

#[expect(clippy::disallowed_methods, reason = "the benchmark measures real time")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

impl Programs {
    pub fn new(paths: &Paths, kubeconfig: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("kubeconfig"), kubeconfig).expect("a kubeconfig");
        Self { paths: paths.clone(), folder }
    }

    /// Starts `health` as a step of a job, with outputs, summary and report.
    pub fn ours(&self, namespace: &str, arguments: &[&str]) -> RunningProgram {
        let mut command = self.command(&self.paths.binary);
        let file = |name: &str| self.folder.path().join(name);
        command.args(["health", "--context", "test", "--namespace", namespace]).args(arguments);
        command.env("GITHUB_ACTIONS", "true").env("RUNNER_TEMP", self.folder.path());
        command.env("GITHUB_OUTPUT", file("output")).env("GITHUB_STEP_SUMMARY", file("summary"));
        command.env("GITHUB_REPOSITORY", "acme/shop").env("GITHUB_RUN_ID", "7").env("GITHUB_RUN_ATTEMPT", "1");
        RunningProgram::start(command)
    }

    /// Starts kubectl. Its discovery cache is in the home folder.
    pub fn kubectl(&self, namespace: &str, arguments: &[&str]) -> RunningProgram {
        let mut command = self.command(&self.paths.kubectl);
        command.args(["--namespace", namespace]).args(arguments);
        RunningProgram::start(command)
    }

    /// Starts the installation of one object by Helm, if there is one; it waits for the object at most for this time.
    pub fn helm(&self, namespace: &str, object: &Value, timeout: &str) -> Option<RunningProgram> {
        let mut command = self.command(self.paths.helm.as_deref()?);
        let chart = self.folder.path().join(format!("chart-{namespace}"));
        fs::create_dir_all(chart.join("templates")).expect("a folder");
        let metadata = json!({ "apiVersion": "v2", "name": "app", "version": "1.0.0" });
        // JSON is YAML, and compact JSON has no `{{`.
        for (name, content) in [("Chart.yaml", &metadata), ("templates/object.yaml", object)] {
            fs::write(chart.join(name), content.to_string()).expect("a file of the chart");
        }
        command.args(["install", "app", "--namespace", namespace, "--wait", "--timeout", timeout]).arg(chart);
        Some(RunningProgram::start(command))
    }

    #[expect(clippy::disallowed_methods, reason = "PATH locates the programs")]
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path()).env("KUBECONFIG", self.folder.path().join("kubeconfig"));
        command
    }
}

impl RunningProgram {
    fn start(mut command: Command) -> Self {
        let (read, write) = io::pipe().expect("a pipe");
        command.stdin(Stdio::null()).stdout(write.try_clone().expect("a pipe")).stderr(write);
        let began = now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        // The command holds the write end of the pipe, which must close when the child ends.
        drop(command);
        let pid = Pid::from_child(&child);
        let ((line_sender, lines), (end_sender, ends)) = (channel(), channel());
        thread::spawn(move || {
            BufReader::new(read).lines().map_while(Result::ok).try_for_each(|line| line_sender.send(line))
        });
        thread::spawn(move || {
            let status = child.wait().expect("wait for the program");
            // The receiver is gone if the program was dropped.
            let _ = end_sender.send((status, now()));
        });
        Self { pid, began, lines, ends, peak: 0, end: None }
    }

    /// Waits until the program ends, and keeps how it ended.
    pub fn wait(&mut self) {
        let began = now();
        while self.end.is_none() && !is_over(began) {
            self.poll();
        }
    }

    /// Waits until the program ends.
    pub fn end(self) -> ProgramEnd {
        Self::end_all(vec![self]).remove(0)
    }

    /// Waits until all of the programs end.
    pub fn end_all(mut all: Vec<Self>) -> Vec<ProgramEnd> {
        // In turn, so that the peaks of all are read.
        let began = now();
        while all.iter().any(|one| one.end.is_none()) && !is_over(began) {
            all.iter_mut().filter(|one| one.end.is_none()).for_each(Self::poll);
        }
        all.into_iter().map(Self::ended).collect()
    }

    fn poll(&mut self) {
        match self.ends.recv_timeout(POLL_INTERVAL) {
            Ok(end) => self.end = Some(end),
            Err(RecvTimeoutError::Timeout) => self.peak = self.peak.max(peak(self.pid)),
            Err(RecvTimeoutError::Disconnected) => panic!("the waiting thread ended"),
        }
    }

    fn ended(self) -> ProgramEnd {
        let Some((status, at)) = self.end else {
            let log: Vec<String> = self.lines.try_iter().collect();
            panic!("a program does not end within {LIMIT:?}:\n{}", log.join("\n"));
        };
        let log: Vec<String> = self.lines.iter().collect();
        ProgramEnd { code: status.code(), began: self.began, at, peak: self.peak, log: log.join("\n") }
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // After the wait, another process can have its pid.
        if self.end.is_none() && self.ends.try_recv().is_err() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

fn is_over(began: Timestamp) -> bool {
    now().duration_since(began).unsigned_abs() >= LIMIT
}

/// The peak of a process's resident memory so far, in bytes; 0 if it has ended. Source: proc(5), `VmHWM`.
fn peak(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}
