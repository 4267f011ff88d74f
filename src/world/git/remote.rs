//! What a remote holds.

use crate::{
    clock::{Clock, SystemClock},
    finding::Finding,
    world::process::{Finished, Program},
};

use super::{Branch, Commit, Git, redacted};

/// A remote that the checkout's configuration names.
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

    /// Where it pushes to, [`redacted`].
    #[must_use]
    pub fn url(&self) -> String {
        redacted(&self.push_url)
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("name", &self.name).field("url", &self.url()).finish_non_exhaustive()
    }
}

/// The tip of a remote branch, fetched. What it holds is kept from being collected until this is dropped.
pub struct Tip {
    pub commit: Commit,
    _held: Held,
}

/// Where our refs stand. Each is named by the second it was made in and a random number.
const HELD: &str = "refs/promote-gates";
/// How old a ref of ours is that nobody holds any more, in seconds: a day. A tip is held for one fetch and one push.
const ABANDONED: u64 = 24 * 3600;

/// A ref of our own; dropped, it is deleted.
struct Held {
    git: Git,
    name: String,
}

impl Held {
    fn new(git: &Git) -> Self {
        let name = format!("{HELD}/{}-{:016x}", now(), fastrand::u64(..));
        Self { git: git.clone(), name }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A ref left behind does no harm: nothing else refers to it, and a later run takes it away.
        let _ = self.git.ask(&self.git.program().args(["update-ref", "-d", &self.name]));
    }
}

impl Git {
    /// Looks a remote up in the configuration; no remote is asked.
    ///
    /// # Errors
    /// There is none of this name, or it pushes to several places.
    pub fn remote(&self, name: &str) -> Result<Remote, Finding> {
        let names = self.ask(&self.program().arg("remote"))?;
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
            let urls = self.ask(&self.program().args(["remote", "get-url"]).args(all).args(["--", name]))?;
            let urls = String::from_utf8_lossy(&urls);
            match urls.lines().collect::<Vec<_>>()[..] {
                [url] => Ok(url.to_owned()),
                // One push would have several outcomes.
                ref urls => Err(Finding::inconclusive(format!("remote {name}"))
                    .actual(urls.iter().map(|url| redacted(url)).collect::<Vec<_>>().join(", "))
                    .expected("one URL to push to")),
            }
        };
        Ok(Remote { name: name.to_owned(), fetch_url: url(&[])?, push_url: url(&["--push", "--all"])? })
    }

    /// The branch that the remote's HEAD names; `None` when it names none.
    ///
    /// # Errors
    /// The remote could not be asked.
    pub fn remote_default_branch(&self, remote: &Remote) -> Result<Option<Branch>, Finding> {
        let refs = self.ls_remote(remote, &["--symref"], "HEAD")?;
        let name = refs.lines().find_map(|line| line.strip_prefix("ref: refs/heads/")?.strip_suffix("\tHEAD"));
        name.map(|name| self.parse("git ls-remote", name)).transpose()
    }

    /// Where a branch of the remote is now; `None` when the remote has no such branch. Nothing is fetched.
    ///
    /// # Errors
    /// The remote could not be asked.
    pub fn remote_tip(&self, remote: &Remote, branch: &Branch) -> Result<Option<Commit>, Finding> {
        let full = branch.full();
        let refs = self.ls_remote(remote, &[], &full)?;
        // The pattern matches the ends of names as well.
        let id = refs.lines().find_map(|line| line.strip_suffix(&full)?.strip_suffix('\t'));
        id.map(|id| self.parse("git ls-remote", id)).transpose()
    }

    fn ls_remote(&self, remote: &Remote, options: &[&str], name: &str) -> Result<String, Finding> {
        let ask =
            self.to(&remote.fetch_url).args(["ls-remote", "--quiet"]).args(options).args(["--", &remote.name, name]);
        let end = self.run(&ask, self.patience)?;
        if !end.status.success() {
            return Err(self.unreachable("git ls-remote", remote, &end));
        }
        self.answer("git ls-remote", end).map(|answer| String::from_utf8_lossy(&answer).into_owned())
    }

    /// Fetches the tip of a remote branch, with the history that a complete or shallow checkout does not hold yet, into a
    /// ref of its own: any number of these can go on in one checkout, whatever state it is in. `None` when the remote has
    /// no such branch.
    ///
    /// # Errors
    /// The remote could not be asked, or the tip is no commit.
    pub fn fetch_tip(&self, remote: &Remote, branch: &Branch) -> Result<Option<Tip>, Finding> {
        let held = Held::new(self);
        let full = branch.full();
        let end = self.fetch(remote, &[], &format!("+{full}:{}", held.name))?;
        // Lines of `remote:` are the remote's own words.
        let missing = format!("fatal: couldn't find remote ref {full}");
        if !end.status.success() && end.stderr.text().lines().any(|line| line == missing) {
            return Ok(None);
        }
        if !end.status.success() {
            return Err(self.unreachable("git fetch", remote, &end));
        }
        let peeled = format!("{}^{{commit}}", held.name);
        let id = self.ask(&self.program().args(["rev-parse", "--verify", "--end-of-options", &peeled]))?;
        let commit = self.parse("git rev-parse", String::from_utf8_lossy(&id).trim_end())?;
        Ok(Some(Tip { commit, _held: held }))
    }

    /// Deletes the refs of ours that killed processes left behind. They do no harm; but a checkout that is kept for years
    /// would gather them, and keep what they hold.
    pub fn drop_abandoned(&self) {
        let Ok(names) = self.ask(&self.program().args(["for-each-ref", "--format=%(refname)", HELD])) else { return };
        let names = String::from_utf8_lossy(&names);
        for name in names.lines().filter(|name| is_abandoned(name, now())) {
            // Whoever else deletes it at this moment does the same.
            let _ = self.ask(&self.program().args(["update-ref", "-d", name]));
        }
    }

    /// Sees to it that the files of `commit` are there. A shallow checkout gets this one commit, a complete one its history
    /// as well; one that has it asks no remote.
    ///
    /// # Errors
    /// The remote could not be asked, or does not give this commit.
    pub fn fetch_commit(&self, remote: &Remote, commit: &Commit) -> Result<(), Finding> {
        if self.has_commit(commit)? {
            return Ok(());
        }
        // `--depth` in a complete checkout would make it shallow.
        let depth: &[&str] = if self.shallow()?.is_empty() { &[] } else { &["--depth=1"] };
        let end = self.fetch(remote, depth, commit.as_str())?;
        if !end.status.success() {
            return Err(self.unreachable("git fetch", remote, &end));
        }
        Ok(())
    }

    pub(super) fn fetch(&self, remote: &Remote, options: &[&str], refspec: &str) -> Result<Finished, Finding> {
        let fetch = self
            .to(&remote.fetch_url)
            .args(["fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--no-recurse-submodules"])
            // Without it the remote-tracking branch would move as well.
            .arg("--refmap=")
            .args(options)
            .args(["--", &remote.name, refspec]);
        self.run(&fetch, self.patience)
    }

    /// Whether the token is sent to this remote: it is one of the server that the token is for, by HTTP.
    #[must_use]
    pub fn sends_token_to(&self, remote: &Remote) -> bool {
        let ours = |url| self.credentials.as_ref().is_some_and(|credentials| credentials.are_for(url));
        ours(&remote.fetch_url) && ours(&remote.push_url)
    }

    /// Git, authenticated for `url` when there is a token for it.
    pub(super) fn to(&self, url: &str) -> Program {
        match &self.credentials {
            Some(credentials) if credentials.are_for(url) => credentials.give(self.program(), url),
            _ => self.program(),
        }
    }

    pub(super) fn unreachable(&self, what: &str, remote: &Remote, end: &Finished) -> Finding {
        let url = &remote.fetch_url;
        let finding = Finding::inconclusive(format!("{what} from {} ({})", remote.name, redacted(url)))
            .actual(self.said(end))
            .expected("a repository that can be read");
        finding.next(match &self.credentials {
            Some(credentials) if !credentials.are_for(url) => {
                format!("the token was not used: it is for {}", credentials.server())
            }
            // Ours: a token follows no redirect.
            Some(_) if end.stderr.text().contains("The requested URL returned error: 30") => {
                "it moved: give the remote its new URL (`git remote set-url`, or the name that the repository has now)"
                    .into()
            }
            _ => "check the remote's URL, the network, and that the token may read its contents".into(),
        })
    }
}

/// The time by the machine's clock, in seconds since 1970. It is told between processes, so no test may leap it.
fn now() -> i64 {
    SystemClock::new().wall().as_second()
}

/// Whether a ref of ours is older than anybody holds one.
fn is_abandoned(name: &str, now: i64) -> bool {
    let made = name.strip_prefix(HELD).and_then(|name| name.strip_prefix('/')?.split_once('-')?.0.parse::<i64>().ok());
    made.is_some_and(|made| now.abs_diff(made) > ABANDONED)
}
