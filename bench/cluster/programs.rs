//! The two compared programs, started as a step of a workflow starts them.

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
use tempfile::TempDir;

/// No program here takes this long.
const LIMIT: Duration = Duration::from_secs(300);
/// How often the peak memory of a process is read. The peak only rises, so only one in the last milliseconds is missed.
const POLL_INTERVAL: Duration = Duration::from_millis(3);

/// Both programs, and a home folder for them.
pub struct Programs {
    pub binary: PathBuf,
    pub kubectl: PathBuf,
    folder: TempDir,
}

/// A running program; killed when dropped.
pub struct RunningProgram {
    pid: Pid,
    lines: Receiver<String>,
    ends: Receiver<(ExitStatus, Timestamp)>,
    log: Vec<String>,
    peak: u64,
    has_ended: bool,
}

pub struct ProgramEnd {
    pub code: Option<i32>,
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
    pub fn new(binary: PathBuf, kubectl: PathBuf, kubeconfig: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("kubeconfig"), kubeconfig).expect("a kubeconfig");
        Self { binary, kubectl, folder }
    }

    /// Starts `health` as a step of a job, with outputs, summary and report.
    pub fn ours(&self, namespace: &str, arguments: &[&str]) -> RunningProgram {
        let mut command = self.command(&self.binary);
        let file = |name: &str| self.folder.path().join(name);
        command.args(["health", "--context", "test", "--namespace", namespace]).args(arguments);
        command.env("GITHUB_ACTIONS", "true").env("RUNNER_TEMP", self.folder.path());
        command.env("GITHUB_OUTPUT", file("output")).env("GITHUB_STEP_SUMMARY", file("summary"));
        command.env("GITHUB_REPOSITORY", "acme/shop").env("GITHUB_RUN_ID", "7").env("GITHUB_RUN_ATTEMPT", "1");
        RunningProgram::start(command)
    }

    /// Starts `kubectl rollout status`. Its discovery cache is in the home folder.
    pub fn kubectl(&self, namespace: &str, arguments: &[&str]) -> RunningProgram {
        let mut command = self.command(&self.kubectl);
        command.args(["rollout", "status", "--namespace", namespace]).args(arguments);
        RunningProgram::start(command)
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
        Self { pid, lines, ends, log: Vec::new(), peak: 0, has_ended: false }
    }

    /// Waits until a line contains a text.
    pub fn wait_for_line(&mut self, text: &str) {
        loop {
            let line = self.lines.recv_timeout(LIMIT);
            let line = line.unwrap_or_else(|_| panic!("no line contains {text:?}:\n{}", self.log.join("\n")));
            self.log.push(line);
            if self.log.last().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
    }

    /// Waits until the program ends.
    pub fn end(mut self) -> ProgramEnd {
        let began = now();
        let (status, at) = loop {
            match self.ends.recv_timeout(POLL_INTERVAL) {
                Ok(end) => break end,
                Err(RecvTimeoutError::Timeout) => self.peak = self.peak.max(peak(self.pid)),
                Err(RecvTimeoutError::Disconnected) => panic!("the waiting thread ended"),
            }
            assert!(
                now().duration_since(began).unsigned_abs() < LIMIT,
                "the program does not end:\n{}",
                self.log.join("\n")
            );
        };
        self.has_ended = true;
        self.log.extend(self.lines.iter());
        ProgramEnd { code: status.code(), at, peak: self.peak, log: self.log.join("\n") }
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // After the wait, another process can have its pid.
        if !self.has_ended && self.ends.try_recv().is_err() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

/// The peak of a process's resident memory so far, in bytes; 0 if it has ended. Source: proc(5), `VmHWM`.
fn peak(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}
