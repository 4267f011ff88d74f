//! How a process ended: its status and output, or the error.

use std::{error::Error, fmt, os::unix::process::ExitStatusExt, path::PathBuf, process::ExitStatus, time::Duration};

use super::output::CapturedOutput;
use crate::finding::Finding;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessStatus {
    Exited(i32),
    /// Ended by this signal.
    Signalled(i32),
}

impl ProcessStatus {
    #[must_use]
    pub const fn success(self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

impl From<ExitStatus> for ProcessStatus {
    fn from(status: ExitStatus) -> Self {
        // A process that has ended has a code or a signal; 255 is a code that never counts as success.
        status.signal().map_or_else(|| Self::Exited(status.code().unwrap_or(255)), Self::Signalled)
    }
}

impl fmt::Display for ProcessStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
        }
    }
}

/// The status and the output of a program that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessOutput {
    pub status: ProcessStatus,
    pub stdout: CapturedOutput,
    pub stderr: CapturedOutput,
}

/// A program without a [`ProcessOutput`]. Names the program, never its arguments.
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
    /// Not started, because all process groups are being ended ([`ProcessGroups::end_all`]).
    Ending {
        program: String,
    },
    Io {
        program: String,
        why: String,
    },
}

impl ProcessError {
    /// The error as a finding about the program.
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

impl Error for ProcessError {}
