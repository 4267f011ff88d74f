//! Git, by the git command line: a checkout is read and pushed from, and otherwise left as it was. HEAD, branches, index
//! and work tree are never touched; new commits are made beside them.

mod credentials;
mod history;
mod names;
mod push;
mod remote;
#[cfg(test)]
mod tests;
mod trees;

use std::{
    ffi::OsString,
    fmt, fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

pub use credentials::redacted;
pub use history::{Changed, Told};
pub use names::{Branch, TreePath};

pub use crate::subject::Commit;
pub use push::Push;
pub use remote::{Remote, Tip};
pub use trees::{Blob, Entry, Identity, Kind, Mode, NewFile, Signature};

use credentials::{Credentials, redact_urls};

use crate::{
    finding::Finding,
    secret::Secret,
    world::process::{Finished, Groups, ProcessError, Program, Status, run},
};

/// The oldest git that knows all that is used here: `--config-env`.
const OLDEST: (u32, u32) = (2, 31);
/// How long a command may take that asks no other machine.
const LOCAL: Duration = Duration::from_mins(1);
/// How long a command may take that asks a remote, unless [`Git::patience`] says otherwise.
const REMOTE: Duration = Duration::from_mins(2);
/// The most bytes that are read of one answer.
const ANSWER: usize = 32 << 20;

/// In force for every git that is started here, whatever the configuration says.
const SETTINGS: &[&str] = &[
    // A checkout may belong to another user: containers run as root, runners do not. Git honours this from the command
    // line since 2.38; before, `actions/checkout` has written it into the user's configuration.
    "safe.directory=*",
    // Nothing that the checkout's configuration names is run, and nothing goes on in the background.
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    // A shared index would be written into the checkout.
    "core.splitIndex=false",
    // Parallel runs in one checkout wait for each other's locks: milliseconds.
    "core.filesRefLockTimeout=10000",
    "core.packedRefsTimeout=10000",
    // Only what was asked for is fetched and pushed.
    "fetch.writeCommitGraph=false",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    // Messages are written and answers read as they are.
    "i18n.commitEncoding=UTF-8",
    "core.askPass=",
    "color.ui=false",
    "color.push=false",
    "color.remote=false",
    "color.transport=false",
    "color.advice=false",
];

/// What of our environment would lead git elsewhere, or make it say more than it should: a trace may hold the token.
/// Settings given by the environment (`GIT_CONFIG_COUNT`, `GIT_SSH_COMMAND`, proxies) stay in force, as do files.
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

/// A checkout.
#[derive(Clone)]
pub struct Git {
    groups: Groups,
    toplevel: PathBuf,
    prefix: String,
    patience: Duration,
    credentials: Option<Credentials>,
}

impl Git {
    /// Finds the checkout that `dir` is in.
    ///
    /// # Errors
    /// There is no git, it is older than 2.31, or `dir` is in no checkout that it wants to read.
    pub fn open(dir: impl Into<PathBuf>, groups: &Groups) -> Result<Self, Finding> {
        let dir = dir.into();
        let mut git = Self {
            groups: groups.clone(),
            toplevel: dir.clone(),
            prefix: String::new(),
            patience: REMOTE,
            credentials: None,
        };
        if !dir.is_dir() {
            return Err(Finding::inconclusive(dir.display().to_string())
                .actual("no such directory")
                .expected("a git checkout"));
        }
        git.check_version()?;
        let place = git.run(&git.program().args(["rev-parse", "--show-toplevel", "--show-prefix"]), LOCAL)?;
        if !place.status.success() {
            return Err(no_checkout(&dir, &git.said(&place)));
        }
        // Two lines; only the first can hold an LF of its own.
        let text = place.stdout.bytes.strip_suffix(b"\n").unwrap_or(&place.stdout.bytes);
        let end = text.iter().rposition(|&byte| byte == b'\n').unwrap_or(text.len());
        let prefix = text.get(end + 1..).unwrap_or_default();
        git.toplevel = OsString::from_vec(text[..end].to_vec()).into();
        git.prefix = String::from_utf8(prefix.to_vec()).map_err(|_| {
            Finding::inconclusive(dir.display().to_string()).actual("its path is not UTF-8").expected("a path in UTF-8")
        })?;
        Ok(git)
    }

    /// Authenticates at `server` (a URL; its scheme, host and port count) by `token`, in place of whatever the
    /// configuration holds. Other servers, ssh and files never see it.
    #[must_use]
    pub fn with_token(mut self, server: &str, token: Secret) -> Self {
        self.credentials = Some(Credentials::new(server, token));
        self
    }

    /// How long one command that asks a remote may take; 2 minutes, unless set here.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The top directory of the checkout.
    #[must_use]
    pub fn toplevel(&self) -> &Path {
        &self.toplevel
    }

    /// Where the directory given to [`Git::open`] is in the checkout: empty at its top, else ending with `/`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The branch that is checked out; `None` when HEAD is detached.
    ///
    /// # Errors
    /// Git failed, or the branch has a name that [`Branch`] does not accept.
    pub fn current_branch(&self) -> Result<Option<Branch>, Finding> {
        let end = self.run(&self.program().args(["symbolic-ref", "--quiet", "HEAD"]), LOCAL)?;
        if end.status == Status::Exited(1) {
            return Ok(None);
        }
        let name = self.answer("git symbolic-ref", end)?;
        let name = String::from_utf8_lossy(&name);
        name.trim_end().strip_prefix("refs/heads/").map(|name| self.parse("git symbolic-ref", name)).transpose()
    }

    /// Whether `commit` is in this checkout; no remote is asked, unless it is a partial clone.
    ///
    /// # Errors
    /// Git could not be asked.
    pub fn has_commit(&self, commit: &Commit) -> Result<bool, Finding> {
        let there = self.program().args(["cat-file", "-e", &format!("{commit}^{{commit}}")]);
        Ok(self.run(&there, self.patience)?.status.success())
    }

    /// Whether `commit` is `of` or one of its ancestors.
    ///
    /// # Errors
    /// A commit is not there, or a shallow checkout does not hold the history that the answer is in.
    pub fn is_ancestor(&self, commit: &Commit, of: &Commit) -> Result<bool, Finding> {
        let what = "git merge-base";
        let ask = ["merge-base", "--is-ancestor", commit.as_str(), of.as_str()];
        let end = self.run(&self.program().args(ask), LOCAL)?;
        if end.status != Status::Exited(1) {
            return self.answer(what, end).map(|_| true);
        }
        // No commit is an ancestor of its own ancestors. So `commit` can only hide behind those ends of a shallow history
        // that it does not reach itself.
        let shallow = self.shallow()?;
        if shallow.is_empty() {
            return Ok(false);
        }
        let beyond = self.ask(&self.program().args(["rev-list", of.as_str(), "--not", commit.as_str()]))?;
        let beyond = String::from_utf8_lossy(&beyond);
        if beyond.lines().any(|line| shallow.lines().any(|end| end == line)) {
            return Err(Finding::inconclusive(format!("whether {of} follows {commit}"))
                .actual("this checkout is shallow, and its history ends before the answer")
                .expected("enough history")
                .next("check out with `fetch-depth: 0`"));
        }
        Ok(false)
    }

    /// The commits at which a shallow history ends, one a line; empty when all of it is there.
    fn shallow(&self) -> Result<String, Finding> {
        let path = self.ask(&self.program().args(["rev-parse", "--git-path", "shallow"]))?;
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
        let answer = self.ask(&Program::new("git").arg("version").set("LC_ALL", "C"))?;
        let version = String::from_utf8_lossy(&answer);
        let number = version.trim().strip_prefix("git version ").unwrap_or_default();
        let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
        match (parts.next().flatten(), parts.next().flatten()) {
            (Some(major), Some(minor)) if (major, minor) >= OLDEST => Ok(()),
            _ => Err(Finding::inconclusive("git")
                .actual(version.trim())
                .expected(format!("git {}.{} or later", OLDEST.0, OLDEST.1))
                .next("install a newer git")),
        }
    }

    /// Git, with its settings and its environment; the subcommand is to be added.
    fn program(&self) -> Program {
        let program = Program::new("git").in_dir(&self.toplevel).keep(ANSWER);
        let program = SETTINGS.iter().fold(program, |program, setting| program.args(["-c", setting]));
        let program = UNSET.iter().fold(program, Program::unset);
        // The tests must not depend on who runs them.
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
    }

    /// Runs a git; any exit code will do.
    fn run(&self, program: &Program, timeout: Duration) -> Result<Finished, Finding> {
        run(program, &self.groups, timeout).map_err(|error| match error {
            ProcessError::NotFound { .. } => Finding::inconclusive("git")
                .actual("no such program on PATH")
                .expected("git 2.31 or later")
                .next("install git in the job's container or runner"),
            ProcessError::Timeout { after, .. } => {
                Finding::inconclusive("git").actual(format!("no answer after {} s", after.as_secs()))
            }
            other => other.to_finding(),
        })
    }

    /// Runs a git that asks no other machine, and must succeed.
    fn ask(&self, program: &Program) -> Result<Vec<u8>, Finding> {
        let what = format!("git in {}", self.toplevel.display());
        let end = self.run(program, LOCAL)?;
        self.answer(&what, end)
    }

    /// The whole answer of a git that succeeded.
    fn answer(&self, what: &str, end: Finished) -> Result<Vec<u8>, Finding> {
        if !end.status.success() {
            return Err(Finding::inconclusive(what).actual(self.said(&end)));
        }
        if end.stdout.whole().is_none() {
            return Err(Finding::inconclusive(what).actual("an answer of more than 32 MiB").expected("a smaller one"));
        }
        Ok(end.stdout.bytes)
    }

    fn parse<T: FromStr<Err: fmt::Display>>(&self, what: &str, text: &str) -> Result<T, Finding> {
        text.parse().map_err(|error: T::Err| {
            Finding::inconclusive(what).actual(self.fit_to_show(text)).expected(error.to_string())
        })
    }

    /// Why a git failed, in one line.
    fn said(&self, end: &Finished) -> String {
        let stderr = end.stderr.text();
        let lines: Vec<_> =
            stderr.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint:")).collect();
        let said = self.fit_to_show(&lines[lines.len().saturating_sub(8)..].join("; "));
        if said.is_empty() { end.status.to_string() } else { format!("{}: {said}", end.status) }
    }

    /// At most 1000 characters, without token and credentials. Raw otherwise: a remote may have written it.
    fn fit_to_show(&self, text: &str) -> String {
        let text = self.credentials.as_ref().map_or_else(|| text.to_owned(), |credentials| credentials.scrub(text));
        let text = redact_urls(&text);
        match text.char_indices().nth(1000) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

fn no_checkout(dir: &Path, said: &str) -> Finding {
    let finding = Finding::inconclusive(dir.display().to_string()).expected("a git checkout");
    if said.contains("dubious ownership") {
        return finding
            .actual("a checkout that belongs to another user, which this git does not read")
            .next("git config --global --add safe.directory '*', or a git of 2.38 or later");
    }
    if said.contains("not a git repository") || said.contains("must be run in a work tree") {
        return finding
            .actual("not a git checkout")
            .next("add an actions/checkout step before this one, or name its directory");
    }
    finding.actual(said)
}
