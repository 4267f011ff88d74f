//! Remotes: their branches, and fetching from them.

use std::time::Duration;

use super::{checkout::Git, credentials::redact_remote_url, names::Branch};
use crate::{
    clock::{Clock, SystemClock},
    finding::Finding,
    subject::Commit,
    world::process::{ProcessOutput, Program},
};

/// A remote in the checkout's configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    pub(super) name: String,
    pub(super) fetch_url: String,
    pub(super) push_url: String,
}

impl Remote {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The push URL, without secrets.
    #[must_use]
    pub fn url(&self) -> String {
        redact_remote_url(&self.push_url)
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("name", &self.name).field("url", &self.url()).finish_non_exhaustive()
    }
}

/// The fetched tip of a remote branch. Until it is dropped, a ref protects the commit from garbage collection.
pub struct Tip {
    pub commit: Commit,
    _ref: TemporaryRef,
}

/// The prefix of the temporary refs. Each name holds its creation time in seconds and a random number.
const TEMPORARY_REFS: &str = "refs/promote-gates";
/// The age in seconds after which a temporary ref counts as abandoned: a day. A tip is held for one fetch and one push.
const ABANDONED_AFTER: u64 = 24 * 3600;

/// A temporary ref; dropping it deletes the ref.
struct TemporaryRef {
    git: Git,
    name: String,
}

impl TemporaryRef {
    fn new(git: &Git) -> Self {
        let name = format!("{TEMPORARY_REFS}/{}-{:016x}", now(), fastrand::u64(..));
        Self { git: git.clone(), name }
    }
}

impl Drop for TemporaryRef {
    fn drop(&mut self) {
        // A remaining ref does no harm: nothing uses it, and a later run deletes it.
        let _ = self.git.run_local(&self.git.program().args(["update-ref", "-d", &self.name]));
    }
}

impl Git {
    /// Looks up a remote in the configuration, without contacting it.
    ///
    /// # Errors
    /// The checkout has no remote of this name, or it has several push URLs.
    pub fn remote(&self, name: &str) -> Result<Remote, Finding> {
        let names = self.run_local(&self.program().arg("remote"))?;
        let names = String::from_utf8_lossy(&names);
        if !names.lines().any(|known| known == name) {
            let known = names.lines().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            return Err(Finding::inconclusive("remote").actual(format!("{name:?}")).expected(if known.is_empty() {
                "a remote, but this checkout has none".into()
            } else {
                format!("a remote of this checkout: {known}")
            }));
        }
        let url = |all: &[&str]| {
            let urls = self.run_local(&self.program().args(["remote", "get-url"]).args(all).args(["--", name]))?;
            let urls = String::from_utf8_lossy(&urls);
            match urls.lines().collect::<Vec<_>>()[..] {
                [url] => Ok(url.to_owned()),
                // One push would have several outcomes.
                ref urls => Err(Finding::inconclusive(format!("remote {name}"))
                    .actual(urls.iter().map(|url| redact_remote_url(url)).collect::<Vec<_>>().join(", "))
                    .expected("one URL to push to")),
            }
        };
        Ok(Remote { name: name.to_owned(), fetch_url: url(&[])?, push_url: url(&["--push", "--all"])? })
    }

    /// Authenticates every command for this remote: in a partial clone, each that reads a file may fetch it first.
    #[must_use]
    pub fn reading_from(mut self, remote: &Remote) -> Self {
        self.promisor_url = Some(remote.fetch_url.clone());
        self
    }

    /// The branch of the remote's HEAD; `None` when HEAD names no existing branch.
    ///
    /// # Errors
    /// The remote could not be reached.
    pub fn remote_default_branch(&self, remote: &Remote) -> Result<Option<Branch>, Finding> {
        let refs = self.ls_remote(remote, &["--symref"], "HEAD")?;
        let name = refs.lines().find_map(|line| line.strip_prefix("ref: refs/heads/")?.strip_suffix("\tHEAD"));
        name.map(|name| self.parse("git ls-remote", name)).transpose()
    }

    /// The current commit of a branch of the remote; `None` when the remote has no such branch. Fetches nothing.
    ///
    /// # Errors
    /// The remote could not be reached.
    pub fn remote_tip(&self, remote: &Remote, branch: &Branch) -> Result<Option<Commit>, Finding> {
        let full = branch.full();
        let refs = self.ls_remote(remote, &[], &full)?;
        // git also lists refs whose names end with the pattern.
        let id = refs.lines().find_map(|line| line.strip_suffix(&full)?.strip_suffix('\t'));
        id.map(|id| self.parse("git ls-remote", id)).transpose()
    }

    pub(super) fn ls_remote(&self, remote: &Remote, options: &[&str], name: &str) -> Result<String, Finding> {
        let program = self.program_for(&remote.fetch_url).args(["ls-remote", "--quiet"]).args(options).args([
            "--",
            &remote.name,
            name,
        ]);
        let output = self.run(&program, self.remote_timeout())?;
        if !output.status.success() {
            return Err(self.unreachable("git ls-remote", remote, &output));
        }
        self.successful_output("git ls-remote", output).map(|refs| String::from_utf8_lossy(&refs).into_owned())
    }

    /// Fetches the tip of a remote branch, and the history that the checkout lacks, into a temporary ref. Any number of
    /// fetches may run in one checkout at the same time, whatever its state. `None` when the remote has no such branch.
    ///
    /// # Errors
    /// The remote could not be reached, or the tip is not a commit.
    pub fn fetch_tip(&self, remote: &Remote, branch: &Branch) -> Result<Option<Tip>, Finding> {
        let temporary = TemporaryRef::new(self);
        let full = branch.full();
        let output = self.fetch(remote, &[], &format!("+{full}:{}", temporary.name))?;
        // The comparison is with whole lines, because the remote may print anything in its `remote:` lines.
        let missing = format!("fatal: couldn't find remote ref {full}");
        if !output.status.success() && output.stderr.text().lines().any(|line| line == missing) {
            return Ok(None);
        }
        if !output.status.success() {
            return Err(self.unreachable("git fetch", remote, &output));
        }
        let peeled = format!("{}^{{commit}}", temporary.name);
        let id = self.run_local(&self.program().args(["rev-parse", "--verify", "--end-of-options", &peeled]))?;
        let commit = self.parse("git rev-parse", String::from_utf8_lossy(&id).trim_end())?;
        Ok(Some(Tip { commit, _ref: temporary }))
    }

    /// Deletes the temporary refs that killed processes left. In a checkout that is kept for years they would accumulate, and
    /// keep their commits from garbage collection.
    pub fn delete_abandoned_refs(&self) {
        let Ok(names) = self.run_local(&self.program().args(["for-each-ref", "--format=%(refname)", TEMPORARY_REFS]))
        else {
            return;
        };
        let names = String::from_utf8_lossy(&names);
        for name in names.lines().filter(|name| is_abandoned(name, now())) {
            // Fails when another process has deleted the ref already.
            let _ = self.run_local(&self.program().args(["update-ref", "-d", name]));
        }
    }

    /// Fetches `commit` unless the checkout has it. A shallow checkout gets this one commit, a complete one also its history.
    ///
    /// # Errors
    /// The remote could not be reached, or does not serve this commit.
    pub fn fetch_commit(&self, remote: &Remote, commit: &Commit) -> Result<(), Finding> {
        self.fetch_commits(remote, std::slice::from_ref(commit))
    }

    /// As [`Git::fetch_commit`], of several commits in one request.
    ///
    /// # Errors
    /// The remote could not be reached, or does not serve one of them.
    pub fn fetch_commits(&self, remote: &Remote, commits: &[Commit]) -> Result<(), Finding> {
        let mut missing: Vec<&str> = Vec::new();
        for commit in commits {
            if !missing.contains(&commit.as_str()) && !self.has_commit(commit)? {
                missing.push(commit.as_str());
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        // `--depth` in a complete checkout would make it shallow.
        let depth: &[&str] = if self.shallow_ends()?.is_empty() { &[] } else { &["--depth=1"] };
        let output = self.fetch_all(remote, depth, &missing)?;
        if !output.status.success() {
            return Err(self.unreachable("git fetch", remote, &output));
        }
        Ok(())
    }

    pub(super) fn fetch(&self, remote: &Remote, options: &[&str], refspec: &str) -> Result<ProcessOutput, Finding> {
        self.fetch_all(remote, options, &[refspec])
    }

    pub(super) fn fetch_all(
        &self,
        remote: &Remote,
        options: &[&str],
        refspecs: &[&str],
    ) -> Result<ProcessOutput, Finding> {
        let fetch = self
            .program_for(&remote.fetch_url)
            .args(["fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--no-recurse-submodules"])
            // Without it, git would also move the remote-tracking branch.
            .arg("--refmap=")
            .args(options)
            .args(["--", &remote.name])
            .args(refspecs.iter().copied());
        self.run(&fetch, self.remote_timeout())
    }

    /// Whether the token is sent to this remote, because its URLs are on the token's server.
    #[must_use]
    pub fn sends_token_to(&self, remote: &Remote) -> bool {
        let applies = |url| self.credentials.as_ref().is_some_and(|credentials| credentials.apply_to(url));
        applies(&remote.fetch_url) && applies(&remote.push_url)
    }

    /// Git, authenticated when the token applies to `url`.
    pub(super) fn program_for(&self, url: &str) -> Program {
        match &self.credentials {
            Some(credentials) if credentials.apply_to(url) => credentials.authenticate(self.plain_program(), url),
            _ => self.plain_program(),
        }
    }

    pub(super) fn unreachable(&self, command: &str, remote: &Remote, output: &ProcessOutput) -> Finding {
        let url = &remote.fetch_url;
        let finding = Finding::inconclusive(format!("{command} from {} ({})", remote.name, redact_remote_url(url)))
            .actual(self.failure_message(output))
            .expected("a repository that can be read");
        let finding =
            if git_says(&output.stderr.text(), TEMPORARY) { finding.temporary(Duration::ZERO) } else { finding };
        finding.next(match &self.credentials {
            Some(credentials) if !credentials.apply_to(url) => {
                format!("the token was not used: it is for {}", credentials.server())
            }
            // With a token, redirects are not followed.
            Some(_) if output.stderr.text().contains("The requested URL returned error: 30") => {
                "it moved: give the remote its new URL (`git remote set-url`, or the name that the repository has now)"
                    .into()
            }
            _ => "check the remote's URL, the network, and that the token may read its contents".into(),
        })
    }
}

/// Messages of git, curl and ssh about a server that is busy or a connection that was cut.
const TEMPORARY: &[&str] = &[
    "The requested URL returned error: 429",
    "The requested URL returned error: 500",
    "The requested URL returned error: 502",
    "The requested URL returned error: 503",
    "The requested URL returned error: 504",
    "Could not resolve host",
    "Failed to connect to",
    "Couldn't connect to server",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Connection closed by",
    "Operation timed out",
    "Empty reply from server",
    "Recv failure",
    "Send failure",
    "transfer closed with",
    "unexpected disconnect",
    "unexpected eof",
    "early EOF",
    "TLS connection was non-properly terminated",
    "SSL_ERROR_SYSCALL",
    "was not closed cleanly",
];

/// Whether git itself printed one of these messages. The lines of a remote (`remote: …`) do not count, because a server may
/// print anything there.
pub(super) fn git_says(stderr: &str, messages: &[&str]) -> bool {
    let own_lines = || stderr.lines().filter(|line| !line.starts_with("remote:"));
    own_lines().any(|line| messages.iter().any(|message| line.contains(message)))
}

/// The system time in seconds since 1970. Processes compare it, so it is not the clock that tests can advance.
fn now() -> i64 {
    SystemClock::new().wall().as_second()
}

/// Whether a temporary ref is too old to be in use.
fn is_abandoned(name: &str, now: i64) -> bool {
    let created = name
        .strip_prefix(TEMPORARY_REFS)
        .and_then(|name| name.strip_prefix('/')?.split_once('-')?.0.parse::<i64>().ok());
    created.is_some_and(|created| now.abs_diff(created) > ABANDONED_AFTER)
}
