//! Children: programs run in process groups of their own, so that all of what they started can be ended.
//!
//! [`run`] waits for an end, for programs such as git; [`Running`] tells line by line what a program says. Neither
//! outlives its timeout or its owner, and neither is held up by a grandchild that keeps a pipe open.

mod groups;
mod output;
mod running;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    error,
    ffi::OsString,
    fmt, io,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

pub use groups::Groups;
pub use output::Captured;
pub use running::{Heard, Running, Stream};

use crate::finding::Finding;

/// How much of each of stdout and stderr is kept, unless [`Program::keep`] says otherwise: 1 MiB.
const KEEP: usize = 1 << 20;

/// A program and all that it is given. Nothing goes through a shell.
#[derive(Clone)]
pub struct Program {
    argv: Vec<OsString>,
    dir: Option<PathBuf>,
    scrubbed: bool,
    environment: BTreeMap<OsString, Option<OsString>>,
    stdin: Option<Vec<u8>>,
    keep: usize,
}

impl Program {
    /// `name` is looked up on PATH, or is a path; a relative one is taken from [`Program::in_dir`].
    pub fn new(name: impl Into<OsString>) -> Self {
        Self {
            argv: vec![name.into()],
            dir: None,
            scrubbed: false,
            environment: BTreeMap::new(),
            stdin: None,
            keep: KEEP,
        }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.argv.push(arg.into());
        self
    }

    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.argv.extend(args.into_iter().map(Into::into));
        self
    }

    #[must_use]
    pub fn in_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Adds a variable to the environment, or replaces it.
    #[must_use]
    pub fn set(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), Some(value.into()));
        self
    }

    /// Takes a variable of ours out of the child's environment.
    #[must_use]
    pub fn unset(mut self, name: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), None);
        self
    }

    /// Gives the child none of our environment: only what [`Program::set`] adds, before or after. Without a PATH the
    /// system's default one is searched.
    #[must_use]
    pub const fn scrubbed(mut self) -> Self {
        self.scrubbed = true;
        self
    }

    /// What the child reads on stdin; without it stdin is empty.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// How many bytes of each stream are kept; the last ones are. What a caller must have whole, it checks by
    /// [`Captured::whole`].
    #[must_use]
    pub const fn keep(mut self, bytes: usize) -> Self {
        self.keep = bytes;
        self
    }

    /// The program as errors name it: without its arguments, which may hold what must not be shown.
    #[must_use]
    pub fn name(&self) -> String {
        self.argv[0].to_string_lossy().into_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.argv[0]);
        command.args(&self.argv[1..]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if self.scrubbed {
            command.env_clear();
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    fn failed_to_start(&self, error: &io::Error) -> ProcessError {
        let program = self.name();
        match (error.kind(), &self.dir) {
            // The same error stands for a missing program and for a missing directory.
            (io::ErrorKind::NotFound, Some(dir)) if !dir.is_dir() => {
                ProcessError::NoDirectory { program, dir: dir.clone() }
            }
            (io::ErrorKind::NotFound, _) => ProcessError::NotFound { program },
            (io::ErrorKind::PermissionDenied, _) => ProcessError::NotExecutable { program, why: error.to_string() },
            _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
                ProcessError::NotExecutable { program, why: error.to_string() }
            }
            _ => ProcessError::Io { program, why: error.to_string() },
        }
    }
}

impl fmt::Debug for Program {
    /// Without arguments, environment and stdin: they may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("name", &self.name()).field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Exited(i32),
    /// Ended by this signal.
    Signalled(i32),
}

impl Status {
    #[must_use]
    pub const fn success(self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

impl From<ExitStatus> for Status {
    fn from(status: ExitStatus) -> Self {
        // One of the two is there for a process that has ended; 255 is never taken for success.
        status.signal().map_or_else(|| Self::Exited(status.code().unwrap_or(255)), Self::Signalled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
        }
    }
}

/// A program that has ended, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub status: Status,
    pub stdout: Captured,
    pub stderr: Captured,
}

/// Why a program gave no [`Finished`]. Names the program, never its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessError {
    NotFound {
        program: String,
    },
    NotExecutable {
        program: String,
        why: String,
    },
    NoDirectory {
        program: String,
        dir: PathBuf,
    },
    Timeout {
        program: String,
        after: Duration,
    },
    /// Not started, because everything is being ended ([`Groups::end_all`]).
    Ending {
        program: String,
    },
    Io {
        program: String,
        why: String,
    },
}

impl ProcessError {
    /// The same as a complaint about the program.
    #[must_use]
    pub fn to_finding(&self) -> Finding {
        match self {
            Self::NotFound { program } => Finding::inconclusive(program)
                .actual("no such program (or the interpreter it names is missing)")
                .expected("a program on PATH, or the path of one")
                .next("install it, or correct its name"),
            Self::NotExecutable { program, why } => Finding::inconclusive(program)
                .actual(format!("cannot be executed: {why}"))
                .expected("an executable file for this system")
                .next("chmod +x it, or run it by its interpreter"),
            Self::NoDirectory { program, dir } => Finding::inconclusive(program)
                .actual(format!("{} is not a directory", dir.display()))
                .expected("a directory to run it in"),
            Self::Timeout { program, after } => Finding::inconclusive(program)
                .actual(format!("no end after {after:?}; it was ended, with all that it started")),
            Self::Ending { program } => Finding::inconclusive(program).actual("not started: the command is ending"),
            Self::Io { program, why } => Finding::inconclusive(program).actual(why),
        }
    }
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_finding().fmt(f)
    }
}

impl error::Error for ProcessError {}

/// Runs a program to its end. After `timeout` its whole group is ended, which takes half a second at most.
///
/// # Errors
/// It could not be started, or did not end in time. An exit code is not an error here: see [`Finished::status`].
pub fn run(program: &Program, groups: &Groups, timeout: Duration) -> Result<Finished, ProcessError> {
    let (tell, ended) = mpsc::channel();
    let running = Running::launch(program, groups, false, move |heard| {
        if let Heard::Ended(end) = heard {
            // Nobody listens any more after the timeout.
            let _ = tell.send(end);
        }
    })?;
    ended.recv_timeout(timeout).unwrap_or_else(|_| {
        drop(running);
        Err(ProcessError::Timeout { program: program.name(), after: timeout })
    })
}
