//! A program to run: its arguments, directory, environment and stdin.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, io,
    path::PathBuf,
    process::{Command, Stdio},
};

use super::outcome::ProcessError;
use crate::runner_env::{OIDC_TOKEN, OIDC_URL};

/// How many bytes of each of stdout and stderr are kept, unless [`Program::keep`] says otherwise: 1 MiB.
const KEEP: usize = 1 << 20;

/// Returns an argument without the secrets in it.
type Redact = fn(&str) -> String;

/// A program to run, without a shell.
#[derive(Clone)]
pub struct Program {
    argv: Vec<OsString>,
    dir: Option<PathBuf>,
    scrubbed: bool,
    environment: BTreeMap<OsString, Option<OsString>>,
    /// The first argument that the debug log shows, and what hides the secrets in one; `None`: it shows only the name.
    shown: Option<(usize, Redact)>,
    pub(super) stdin: Option<Vec<u8>>,
    pub(super) keep: usize,
}

impl Program {
    /// `name` is looked up on PATH, or is a path; a relative path starts at [`Program::in_dir`].
    pub fn new(name: impl Into<OsString>) -> Self {
        Self {
            argv: vec![name.into()],
            dir: None,
            scrubbed: false,
            environment: BTreeMap::new(),
            shown: None,
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

    /// Lets the debug log show the arguments that are added from here on, each as `redact` returns it.
    #[must_use]
    pub fn show_args(mut self, redact: Redact) -> Self {
        self.shown = Some((self.argv.len(), redact));
        self
    }

    #[must_use]
    pub fn in_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn set(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), Some(value.into()));
        self
    }

    /// Removes an inherited variable from the child's environment.
    #[must_use]
    pub fn unset(mut self, name: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), None);
        self
    }

    /// Lets the child inherit no environment: it gets only the variables that [`Program::set`] adds, before or after.
    /// Without a PATH, the system's default path is searched.
    #[must_use]
    pub const fn scrubbed(mut self) -> Self {
        self.scrubbed = true;
        self
    }

    /// Sets the child's stdin; it is empty otherwise.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Keeps the last `bytes` of each stream. A caller that needs all of it checks [`CapturedOutput::whole`].
    #[must_use]
    pub const fn keep(mut self, bytes: usize) -> Self {
        self.keep = bytes;
        self
    }

    /// The program's name for messages, without its arguments, which may hold secrets.
    #[must_use]
    pub fn name(&self) -> String {
        self.argv[0].to_string_lossy().into_owned()
    }

    /// The program for the debug log: its name, and the arguments that [`Program::show_args`] allows.
    pub(super) fn shown(&self) -> String {
        let arguments = self
            .shown
            .iter()
            .flat_map(|(from, redact)| self.argv[*from..].iter().map(|argument| redact(&argument.to_string_lossy())));
        [self.name()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.argv[0]);
        command.args(&self.argv[1..]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if self.scrubbed {
            command.env_clear();
        }
        // No child is ours to trust with them: a test, a plugin or a hook could sign what it likes.
        command.env_remove(OIDC_URL).env_remove(OIDC_TOKEN);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    pub(super) fn failed_to_start(&self, error: &io::Error) -> ProcessError {
        let program = self.name();
        match (error.kind(), &self.dir) {
            // The system reports the same error for a missing program and a missing directory.
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
