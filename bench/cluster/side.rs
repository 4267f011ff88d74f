//! The two that are compared, as programs: started as a workflow's step starts them, ended when their process is.

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

/// Nothing here takes this long.
const LIMIT: Duration = Duration::from_secs(300);
/// How often a process is asked for its peak of memory. The peak only rises, so all that can be missed is one in the
/// last milliseconds.
const OFTEN: Duration = Duration::from_millis(3);

/// Both programs, and a home for them.
pub struct Sides {
    pub binary: PathBuf,
    pub kubectl: PathBuf,
    folder: TempDir,
}

/// One at work; killed when dropped.
pub struct Running {
    pid: Pid,
    lines: Receiver<String>,
    ends: Receiver<(ExitStatus, Timestamp)>,
    log: Vec<String>,
    peak: u64,
    over: bool,
}

pub struct Ended {
    pub code: Option<i32>,
    pub at: Timestamp,
    /// The most memory that was resident, in bytes.
    pub peak: u64,
    pub log: String,
}

#[expect(clippy::disallowed_methods, reason = "what is measured is time on this machine's own clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

impl Sides {
    pub fn new(binary: PathBuf, kubectl: PathBuf, kubeconfig: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("kubeconfig"), kubeconfig).expect("a kubeconfig");
        Self { binary, kubectl, folder }
    }

    /// `health` with these arguments, as a step of a job: it writes outputs, a summary and a report.
    pub fn ours(&self, namespace: &str, arguments: &[&str]) -> Running {
        let mut command = self.command(&self.binary);
        let file = |name: &str| self.folder.path().join(name);
        command.args(["health", "--context", "test", "--namespace", namespace]).args(arguments);
        command.env("GITHUB_ACTIONS", "true").env("RUNNER_TEMP", self.folder.path());
        command.env("GITHUB_OUTPUT", file("output")).env("GITHUB_STEP_SUMMARY", file("summary"));
        command.env("GITHUB_REPOSITORY", "acme/shop").env("GITHUB_RUN_ID", "7").env("GITHUB_RUN_ATTEMPT", "1");
        Running::start(command)
    }

    /// `kubectl rollout status` with these arguments. What it learns of the API it keeps in its home, as on any machine.
    pub fn kubectl(&self, namespace: &str, arguments: &[&str]) -> Running {
        let mut command = self.command(&self.kubectl);
        command.args(["rollout", "status", "--namespace", namespace]).args(arguments);
        Running::start(command)
    }

    #[expect(clippy::disallowed_methods, reason = "as a shell would start it")]
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.path()).env("KUBECONFIG", self.folder.path().join("kubeconfig"));
        command
    }
}

impl Running {
    fn start(mut command: Command) -> Self {
        let (read, write) = io::pipe().expect("a pipe");
        command.stdin(Stdio::null()).stdout(write.try_clone().expect("a pipe")).stderr(write);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        // It holds our ends of the pipe, which would never be closed.
        drop(command);
        let pid = Pid::from_child(&child);
        let ((tell, lines), (to, ends)) = (channel(), channel());
        thread::spawn(move || BufReader::new(read).lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        thread::spawn(move || {
            let status = child.wait().expect("it ends");
            // Nobody listens to one that was dropped.
            let _ = to.send((status, now()));
        });
        Self { pid, lines, ends, log: Vec::new(), peak: 0, over: false }
    }

    /// Waits until a line holds a text.
    pub fn says(&mut self, text: &str) {
        loop {
            let line = self.lines.recv_timeout(LIMIT);
            let line = line.unwrap_or_else(|_| panic!("nobody said {text:?}:\n{}", self.log.join("\n")));
            self.log.push(line);
            if self.log.last().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let began = now();
        let (status, at) = loop {
            match self.ends.recv_timeout(OFTEN) {
                Ok(end) => break end,
                Err(RecvTimeoutError::Timeout) => self.peak = self.peak.max(peak(self.pid)),
                Err(RecvTimeoutError::Disconnected) => panic!("nobody waits for it"),
            }
            assert!(now().duration_since(began).unsigned_abs() < LIMIT, "it does not end:\n{}", self.log.join("\n"));
        };
        self.over = true;
        self.log.extend(self.lines.iter());
        Ended { code: status.code(), at, peak: self.peak, log: self.log.join("\n") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Once waited for, its number may be another's.
        if !self.over && self.ends.try_recv().is_err() {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

/// The most memory that a process has had resident so far, in bytes; 0 when it has ended. Source: proc(5), `VmHWM`.
fn peak(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}
