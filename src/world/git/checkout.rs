//! A checkout, and the git commands that run in it.

use std::{
    ffi::OsString,
    fmt, fs, io,
    ops::ControlFlow,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use super::{
    credentials::{Credentials, redact_urls},
    names::Branch,
};
use crate::{
    finding::Finding,
    secret::Secret,
    subject::Commit,
    world::{
        process::{ProcessError, ProcessGroups, ProcessOutput, ProcessStatus, Program, run, stream},
        time_limit::TimeLimit,
    },
};

/// The oldest supported git: `--config-env` needs it.
const MIN_VERSION: (u32, u32) = (2, 31);
/// Time limit for a command that contacts no remote.
pub(super) const LOCAL_TIMEOUT: Duration = Duration::from_mins(1);
/// Time limit for a command that contacts a remote, unless [`Git::within`] leaves less.
const REMOTE_TIMEOUT: Duration = Duration::from_mins(2);
/// The most bytes of output that are read of one command.
const MAX_OUTPUT: usize = 32 << 20;

/// Settings of every git command here; they override the configuration.
const SETTINGS: &[&str] = &[
    // A checkout may belong to another user: containers run as root, runners do not. Git accepts this on the command line
    // since 2.38; for an older git, `actions/checkout` writes it into the user's configuration.
    "safe.directory=*",
    // No program that the checkout's configuration names may run, and nothing may run in the background.
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    // Git would write a shared index into the checkout.
    "core.splitIndex=false",
    // Parallel runs in one checkout wait for each other's locks. In milliseconds.
    "core.filesRefLockTimeout=10000",
    "core.packedRefsTimeout=10000",
    // Fetch and push only the named refs.
    "fetch.writeCommitGraph=false",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    // Commit messages are UTF-8, and output has no colour codes.
    "i18n.commitEncoding=UTF-8",
    "core.askPass=",
    "color.ui=false",
    "color.push=false",
    "color.remote=false",
    "color.transport=false",
    "color.advice=false",
];

/// Inherited variables that would point git at another repository or make it print a trace, which may hold the token.
/// Settings from the environment (`GIT_CONFIG_COUNT`, `GIT_SSH_COMMAND`, proxies) and from configuration files stay.
const UNSET: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_QUARANTINE_PATH",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_CURL_VERBOSE",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_TRACE2_EVENT",
    "GIT_TRACE2_PERF",
    "GIT_TRACE_CURL",
    "GIT_TRACE_PACKET",
    "GIT_TRACE_REDACT",
    "GIT_TRACE_SETUP",
    "LANGUAGE",
    "SSH_ASKPASS",
];

/// Git in a checkout.
#[derive(Clone)]
pub struct Git {
    groups: ProcessGroups,
    toplevel: PathBuf,
    prefix: String,
    /// The time for all commands that contact a remote.
    time_limit: Option<TimeLimit>,
    pub(super) credentials: Option<Credentials>,
    /// The URL from which git may fetch what a partial clone lacks, in any command.
    pub(super) promisor_url: Option<String>,
}

impl Git {
    /// Finds the checkout that contains `dir`.
    ///
    /// # Errors
    /// Git is missing or older than 2.31, or `dir` is in no checkout that git accepts.
    pub fn open(dir: impl Into<PathBuf>, groups: &ProcessGroups) -> Result<Self, Finding> {
        let dir = dir.into();
        let mut git = Self::at(dir.clone(), groups);
        if !dir.is_dir() {
            return Err(Finding::inconclusive(dir.display().to_string())
                .actual("no such directory")
                .expected("a git checkout"));
        }
        git.check_version()?;
        let output = git.run(&git.program().args(["rev-parse", "--show-toplevel", "--show-prefix"]), LOCAL_TIMEOUT)?;
        if !output.status.success() {
            return Err(no_checkout(&dir, &git.failure_message(&output)));
        }
        // Two lines: top directory and prefix. Only the top directory can contain an LF.
        let text = output.stdout.bytes.strip_suffix(b"\n").unwrap_or(&output.stdout.bytes);
        let end = text.iter().rposition(|&byte| byte == b'\n').unwrap_or(text.len());
        let prefix = text.get(end + 1..).unwrap_or_default();
        git.toplevel = OsString::from_vec(text[..end].to_vec()).into();
        git.prefix = String::from_utf8(prefix.to_vec()).map_err(|_| {
            Finding::inconclusive(dir.display().to_string()).actual("its path is not UTF-8").expected("a path in UTF-8")
        })?;
        Ok(git)
    }

    /// Git in a checkout whose top directory is known. Neither the directory nor the version of git is checked.
    #[must_use]
    pub fn at(toplevel: impl Into<PathBuf>, groups: &ProcessGroups) -> Self {
        Self {
            groups: groups.clone(),
            toplevel: toplevel.into(),
            prefix: String::new(),
            time_limit: None,
            credentials: None,
            promisor_url: None,
        }
    }

    /// Authenticates with `token` at `server` (the scheme, host and port of this URL) in place of the configured credentials.
    /// The token is never sent to other servers, nor used for ssh and files.
    #[must_use]
    pub fn with_token(mut self, server: &str, token: Secret) -> Self {
        self.credentials = Some(Credentials::new(server, token));
        self
    }

    /// Sets the time limit for all commands together that contact a remote, from now on. After it, a command still gets a
    /// moment, so that the outcome of a push can be read back.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.time_limit = Some(TimeLimit::start(limit));
        self
    }

    /// The time limit for the next command that contacts a remote.
    pub(super) fn remote_timeout(&self) -> Duration {
        self.time_limit.map_or(REMOTE_TIMEOUT, |limit| limit.of_next_call(REMOTE_TIMEOUT))
    }

    /// The top directory of the checkout.
    #[must_use]
    pub fn toplevel(&self) -> &Path {
        &self.toplevel
    }

    /// The directory given to [`Git::open`], relative to the top directory: empty, or with a trailing `/`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The checked-out branch; `None` when HEAD is detached.
    ///
    /// # Errors
    /// Git failed, or [`Branch`] does not accept the name.
    pub fn current_branch(&self) -> Result<Option<Branch>, Finding> {
        let output = self.run(&self.program().args(["symbolic-ref", "--quiet", "HEAD"]), LOCAL_TIMEOUT)?;
        if output.status == ProcessStatus::Exited(1) {
            return Ok(None);
        }
        let name = self.successful_output("git symbolic-ref", output)?;
        let name = String::from_utf8_lossy(&name);
        name.trim_end().strip_prefix("refs/heads/").map(|name| self.parse("git symbolic-ref", name)).transpose()
    }

    /// Whether `commit` is in this checkout. Contacts a remote only in a partial clone.
    ///
    /// # Errors
    /// Git failed.
    pub fn has_commit(&self, commit: &Commit) -> Result<bool, Finding> {
        let program = self.program().args(["cat-file", "-e", &format!("{commit}^{{commit}}")]);
        Ok(self.run(&program, self.remote_timeout())?.status.success())
    }

    /// Whether `commit` is `descendant` or one of its ancestors.
    ///
    /// # Errors
    /// A commit is missing, or the checkout is shallow and its history ends too early to decide.
    pub fn is_ancestor(&self, commit: &Commit, descendant: &Commit) -> Result<bool, Finding> {
        let args = ["merge-base", "--is-ancestor", commit.as_str(), descendant.as_str()];
        let output = self.run(&self.program().args(args), LOCAL_TIMEOUT)?;
        if output.status != ProcessStatus::Exited(1) {
            return self.successful_output("git merge-base", output).map(|_| true);
        }
        // An ancestor of `commit` cannot have `commit` as an ancestor. So only the ends of a shallow history that `commit`
        // does not reach can cut it off from `descendant`.
        let shallow = self.shallow_ends()?;
        if shallow.is_empty() {
            return Ok(false);
        }
        let not_reached =
            self.run_local(&self.program().args(["rev-list", descendant.as_str(), "--not", commit.as_str()]))?;
        let not_reached = String::from_utf8_lossy(&not_reached);
        if not_reached.lines().any(|line| shallow.lines().any(|end| end == line)) {
            return Err(Finding::inconclusive(format!("whether {descendant} follows {commit}"))
                .actual("this checkout is shallow, and its history ends before the answer")
                .expected("enough history")
                .next("check out with `fetch-depth: 0`"));
        }
        Ok(false)
    }

    /// The commits at which a shallow history ends, one per line; empty when the history is complete.
    pub(super) fn shallow_ends(&self) -> Result<String, Finding> {
        let path = self.run_local(&self.program().args(["rev-parse", "--git-path", "shallow"]))?;
        let path = OsString::from_vec(path.strip_suffix(b"\n").unwrap_or(&path).to_vec());
        let path = self.toplevel.join(path);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(Finding::inconclusive(path.display().to_string())
                .actual(error.to_string())
                .expected("a readable file")),
        }
    }

    fn check_version(&self) -> Result<(), Finding> {
        let output = self.run_local(&Program::new("git").show_args(str::to_owned).arg("version").set("LC_ALL", "C"))?;
        let version = String::from_utf8_lossy(&output);
        let number = version.trim().strip_prefix("git version ").unwrap_or_default();
        let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
        match (parts.next().flatten(), parts.next().flatten()) {
            (Some(major), Some(minor)) if (major, minor) >= MIN_VERSION => Ok(()),
            _ => Err(Finding::inconclusive("git")
                .actual(version.trim())
                .expected(format!("git {}.{} or later", MIN_VERSION.0, MIN_VERSION.1))
                .next("install a newer git")),
        }
    }

    /// Git with its settings and environment, without a subcommand.
    pub(super) fn program(&self) -> Program {
        match &self.promisor_url {
            Some(url) => self.program_for(url),
            None => self.plain_program(),
        }
    }

    /// Git without authentication.
    pub(super) fn plain_program(&self) -> Program {
        let program = Program::new("git").in_dir(&self.toplevel).keep(MAX_OUTPUT);
        let program = SETTINGS.iter().fold(program, |program, setting| program.args(["-c", setting]));
        let program = UNSET.iter().fold(program, Program::unset);
        // Tests must not depend on the configuration of the user who runs them.
        #[cfg(test)]
        let program = program.set("GIT_CONFIG_GLOBAL", "/dev/null").set("GIT_CONFIG_SYSTEM", "/dev/null");
        [
            ("LC_ALL", "C"),
            ("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh"),
            ("GIT_ASKPASS", ""),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_PAGER", "cat"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ]
        .into_iter()
        .fold(program, |program, (name, value)| program.set(name, value))
        .show_args(redact_urls)
    }

    /// Runs git, and accepts any exit code.
    pub(super) fn run(&self, program: &Program, timeout: Duration) -> Result<ProcessOutput, Finding> {
        run(program, &self.groups, timeout).map_err(|error| not_run(&error))
    }

    /// Runs a git command that must succeed, and passes its output to `receive` while it runs. Returns false when `receive`
    /// ended it. In a partial clone git may contact the remote meanwhile.
    pub(super) fn stream(
        &self,
        check: &str,
        program: &Program,
        receive: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool, Finding> {
        let output = stream(program, &self.groups, self.remote_timeout(), receive).map_err(|error| not_run(&error))?;
        match output {
            None => Ok(false),
            Some(output) if output.status.success() => Ok(true),
            Some(output) => Err(Finding::inconclusive(check).actual(self.failure_message(&output))),
        }
    }

    /// Runs a git command that contacts no remote and must succeed; returns its output.
    pub(super) fn run_local(&self, program: &Program) -> Result<Vec<u8>, Finding> {
        let check = format!("git in {}", self.toplevel.display());
        let output = self.run(program, LOCAL_TIMEOUT)?;
        self.successful_output(&check, output)
    }

    /// The complete output of a git command, which must have succeeded.
    pub(super) fn successful_output(&self, check: &str, output: ProcessOutput) -> Result<Vec<u8>, Finding> {
        if !output.status.success() {
            return Err(Finding::inconclusive(check).actual(self.failure_message(&output)));
        }
        if output.stdout.whole().is_none() {
            return Err(Finding::inconclusive(check).actual("an answer of more than 32 MiB").expected("a smaller one"));
        }
        Ok(output.stdout.bytes)
    }

    pub(super) fn parse<T: FromStr<Err: fmt::Display>>(&self, check: &str, text: &str) -> Result<T, Finding> {
        text.parse().map_err(|error: T::Err| {
            Finding::inconclusive(check).actual(self.sanitize(text)).expected(error.to_string())
        })
    }

    /// Why git failed, in one line.
    pub(super) fn failure_message(&self, output: &ProcessOutput) -> String {
        let stderr = output.stderr.text();
        let lines: Vec<_> =
            stderr.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint:")).collect();
        let message = self.sanitize(&lines[lines.len().saturating_sub(8)..].join("; "));
        if message.is_empty() { output.status.to_string() } else { format!("{}: {message}", output.status) }
    }

    /// Text as a message may quote it: at most 1000 characters, without the token and other credentials. Otherwise raw, because
    /// a remote may have written it.
    pub(super) fn sanitize(&self, text: &str) -> String {
        let text = self.credentials.as_ref().map_or_else(|| text.to_owned(), |credentials| credentials.redact(text));
        let text = redact_urls(&text);
        match text.char_indices().nth(1000) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

fn not_run(error: &ProcessError) -> Finding {
    match error {
        ProcessError::NotFound { .. } => Finding::inconclusive("git")
            .actual("no such program on PATH")
            .expected("git 2.31 or later")
            .next("install git in the job's container or runner"),
        ProcessError::Timeout { after, .. } => {
            let actual = format!("no answer after {} s", after.as_secs());
            Finding::inconclusive("git").actual(actual).temporary(Duration::ZERO)
        }
        other => other.to_finding(),
    }
}

pub(super) fn no_checkout(dir: &Path, error: &str) -> Finding {
    let finding = Finding::inconclusive(dir.display().to_string()).expected("a git checkout");
    if error.contains("dubious ownership") {
        return finding
            .actual("a checkout that belongs to another user, which this git does not read")
            .next("git config --global --add safe.directory '*', or a git of 2.38 or later");
    }
    if error.contains("not a git repository") || error.contains("must be run in a work tree") {
        return finding
            .actual("not a git checkout")
            .next("add an actions/checkout step before this one, or name its directory");
    }
    finding.actual(error)
}
