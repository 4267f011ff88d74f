//! Runs the binary as a GitHub Actions runner does, with a step's files, folders and variables. From this machine's environment
//! it inherits only `PATH`.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use rustix::{
    fs::{StatVfsMountFlags, statvfs},
    process::{Pid, Signal, kill_process, kill_process_group},
};
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_promote-gates");

/// The time limit of a step, also on a busy machine, so that one that hangs does not hang the tests.
pub const LIMIT: Duration = Duration::from_secs(150);

/// A temporary folder, in memory if it has a gigabyte free and programs may run there: tests with git mostly wait for a disk to
/// create and remove small files.
pub fn temp_dir() -> TempDir {
    static MEMORY: LazyLock<Option<&Path>> = LazyLock::new(|| {
        let memory = Path::new("/dev/shm");
        let room = statvfs(memory).ok()?;
        let fits =
            room.f_bavail.saturating_mul(room.f_frsize) >= 1 << 30 && !room.f_flag.contains(StatVfsMountFlags::NOEXEC);
        (fits && tempfile::tempdir_in(memory).is_ok()).then_some(memory)
    });
    MEMORY.map_or_else(tempfile::tempdir, tempfile::tempdir_in).expect("a temp folder")
}

/// One job on a runner: run 7 of `acme/shop`, on its first attempt.
pub struct Runner {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// A running step; killed when dropped.
pub struct Started<'a> {
    runner: &'a Runner,
    child: Child,
    /// stdout and stderr combined; sent once both are closed.
    log: Receiver<Vec<u8>>,
    /// The lines of the log, each sent when it is complete.
    lines: Receiver<String>,
    /// The folder of this step's command files.
    files: TempDir,
}

/// The result of a step.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    /// stdout and stderr as the runner receives them.
    pub log: String,
    pub outputs: BTreeMap<String, String>,
    pub summary: String,
    /// The whole report; `null` when there is none.
    pub report: Value,
}

impl Runner {
    pub fn new() -> Self {
        let runner = Self { folder: temp_dir(), variables: BTreeMap::new() };
        for folder in ["workspace", "temp", "home"] {
            fs::create_dir(runner.folder.path().join(folder)).expect("make a folder");
        }
        let folder_of = |name: &str| runner.folder.path().join(name).display().to_string();
        let folders = [
            ("HOME", folder_of("home")),
            ("GITHUB_WORKSPACE", folder_of("workspace")),
            ("RUNNER_TEMP", folder_of("temp")),
        ];
        let runner = folders.into_iter().fold(runner, |runner, (name, path)| runner.env(name, &path));
        runner
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_RUN_ID", "7")
            .env("GITHUB_RUN_ATTEMPT", "1")
            .env("GITHUB_JOB", "job")
            // No server listens there, so that a test cannot reach the real GitHub by accident.
            .env("GITHUB_API_URL", "http://127.0.0.1:9")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LANG", "C.UTF-8")
    }

    /// An environment variable of every step.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// An input of every step, by its name in `with:`.
    pub fn input(self, key: &str, value: &str) -> Self {
        let name = format!("PROMOTE_GATES_{}", key.to_uppercase().replace('-', "_"));
        self.env(&name, value)
    }

    /// The working folder of steps.
    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// Writes a file into the workspace, and creates its folders.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.workspace().join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make the folder");
        fs::write(path, contents).expect("write the file");
    }

    /// Runs a step to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end_within(LIMIT)
    }

    /// Runs a step through a shell script, in which `"$@"` is the step.
    pub fn run_by(&self, script: &str, arguments: &[&str]) -> Ended {
        self.start_by(script, arguments).end_within(LIMIT)
    }

    /// Starts a step through a shell script, in which `"$@"` is the step.
    pub fn start_by(&self, script: &str, arguments: &[&str]) -> Started<'_> {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh", BINARY]).args(arguments);
        self.spawn(shell)
    }

    /// Starts a step without waiting for its end.
    pub fn start(&self, arguments: &[&str]) -> Started<'_> {
        let mut step = Command::new(BINARY);
        step.args(arguments);
        self.spawn(step)
    }

    #[expect(clippy::disallowed_methods, reason = "PATH says where git and sh are")]
    fn spawn(&self, mut command: Command) -> Started<'_> {
        let files = tempfile::tempdir_in(self.folder.path()).expect("a folder for the step");
        let (read, write) = io::pipe().expect("a pipe");
        command
            .current_dir(self.workspace())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GITHUB_OUTPUT", files.path().join("output"))
            .env("GITHUB_STEP_SUMMARY", files.path().join("summary"))
            .envs(&self.variables)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(write.try_clone().expect("a pipe"))
            .stderr(write);
        let child = command.spawn().expect("start the step");
        // The command holds the writing ends of the pipe; the reader would never reach the end.
        drop(command);
        let ((log_sender, log), (line_sender, lines)) = (channel(), channel());
        thread::spawn(move || {
            let (mut read, mut bytes) = (BufReader::new(read), Vec::new());
            loop {
                let begin = bytes.len();
                if read.read_until(b'\n', &mut bytes).expect("read the log") == 0 {
                    break;
                }
                // Few tests receive the lines.
                let _ = line_sender.send(String::from_utf8_lossy(&bytes[begin..]).into_owned());
            }
            // The receiver is gone when the test has failed.
            let _ = log_sender.send(bytes);
        });
        Started { runner: self, child, log, lines, files }
    }
}

impl Started<'_> {
    /// Sends a signal to the step's process alone, as the runner does.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("send the signal");
    }

    /// Waits until a line of the log contains a text.
    pub fn wait_for_line(&self, text: &str) {
        let contains = |line: String| line.contains(text);
        while !self.lines.recv_timeout(LIMIT).map_or_else(|_| panic!("no line contains {text:?}"), contains) {}
    }

    /// Waits for the step; fails when it takes longer than `limit`.
    pub fn end_within(mut self, limit: Duration) -> Ended {
        let bytes = self.log.recv_timeout(limit).unwrap_or_else(|_| panic!("the step did not end within {limit:?}"));
        let log = String::from_utf8(bytes).expect("a log in UTF-8");
        let status = self.child.wait().expect("the step ends");
        let code = status.code().unwrap_or_else(|| panic!("{status}:\n{log}"));
        let file = |name: &str| fs::read_to_string(self.files.path().join(name)).unwrap_or_default();
        let outputs = outputs(&file("output"));
        let report = outputs.get("report-path").filter(|path| !path.is_empty()).map_or(Value::Null, |path| {
            let text = fs::read_to_string(self.runner.workspace().join(path)).expect("read the report");
            serde_json::from_str(&text).expect("a report in JSON")
        });
        assert_eq!(without_next_step(&report), [""; 0], "a blocked check says what to do next");
        Ended { code, log, outputs, summary: file("summary"), report }
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        // After `wait` the process id may belong to another process.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

impl Ended {
    /// The lines of the log that the runner reads as workflow commands: `::` at the start of a line, the legacy `##[` anywhere.
    pub fn commands(&self) -> Vec<&str> {
        let is_command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
        self.log.split(['\n', '\r']).filter(is_command).collect()
    }
}

/// The blocked checks of a report, and of the gates in it, that leave the reader alone with the failure.
fn without_next_step(report: &Value) -> Vec<String> {
    let inner = report["reports"].as_array().into_iter().flatten();
    let findings =
        [report].into_iter().chain(inner).flat_map(|report| report["findings"].as_array().into_iter().flatten());
    let blocked = findings.filter(|finding| finding["verdict"] == "blocked" && finding["next"].is_null());
    blocked.map(|finding| format!("{} {}: {}", report["command"], finding["check"], finding["actual"])).collect()
}

/// Reads `GITHUB_OUTPUT` as the runner does (its `FileCommandManager`): `name=value`, or `name<<delimiter` up to a line
/// that is the delimiter. Anything else fails the step on a runner, and the test here.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (name, value) = match (line.split_once('='), line.split_once("<<")) {
            (Some((name, value)), heredoc) if heredoc.is_none_or(|(before, _)| before.len() > name.len()) => {
                (name, value.to_owned())
            }
            (_, Some((name, delimiter))) => {
                assert!(!delimiter.is_empty(), "no delimiter: {line}");
                let mut value = Vec::new();
                loop {
                    let line = lines.next().unwrap_or_else(|| panic!("{name} does not end"));
                    if line == delimiter {
                        break;
                    }
                    value.push(line);
                }
                (name, value.join("\n"))
            }
            _ => panic!("neither name=value nor name<<delimiter: {line}"),
        };
        assert!(!name.is_empty(), "no name: {line}");
        outputs.insert(name.to_owned(), value);
    }
    outputs
}

#[test]
fn outputs_are_read_as_by_the_runner() {
    let read = outputs("a=1<<2\nb<<EOF\nx=1\n\nc<<y\nEOF\n\nb2=\na=3\n");
    let expected = [("a", "3"), ("b", "x=1\n\nc<<y"), ("b2", "")];
    assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}
