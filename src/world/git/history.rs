//! The history of a branch: commits with their trailers, and the files that they changed.

use jiff::Timestamp;

use super::{
    checkout::Git,
    commits::{CommitChanges, CommitSummary},
    names::Branch,
    remote::Remote,
};
use crate::{finding::Finding, subject::Commit, world::process::ProcessOutput};

/// The search ends after this many older commits in a row, because no wrong clock explains so many.
const OLDER_IN_A_ROW: usize = 50;
/// By how many commits a shallow history is deepened first. Each further round doubles the number.
const FIRST_DEEPENING: u32 = 100;
/// The most rounds of deepening: 400,000 commits in all.
const MAX_ROUNDS: u32 = 12;

impl Git {
    /// The commits reachable from `tip` that were made at `since` or later, newest first; older-looking commits between them
    /// are included. Deepens a shallow checkout as far as needed, and changes nothing else in it.
    ///
    /// A commit's time comes from its committer's clock, which may have been wrong. One wrong time must not hide the commits
    /// before it, so the search ends only after [`OLDER_IN_A_ROW`] older commits. `--since` would stop
    /// at the first one.
    ///
    /// # Errors
    /// The history could not be read, or its missing part could not be fetched.
    pub fn commits_since(
        &self,
        remote: &Remote,
        branch: &Branch,
        tip: &Commit,
        since: Timestamp,
    ) -> Result<Vec<CommitSummary>, Finding> {
        self.with_enough_history(remote, branch, &format!("after {since}"), |ends| {
            let mut count = FIRST_DEEPENING as usize;
            loop {
                let mut commits = self.log(tip, &[&format!("--max-count={count}")])?;
                let ended = commits.len() < count;
                let kept = commits.iter().rposition(|commit| commit.at >= since).map_or(0, |last| last + 1);
                let over = commits.len() - kept >= OLDER_IN_A_ROW;
                if over || ended {
                    let cut = !over && commits.iter().any(|commit| is_end(ends, &commit.commit));
                    commits.truncate(kept);
                    return Ok((commits, cut));
                }
                count *= 2;
            }
        })
    }

    /// The commits reachable from `tip` whose messages contain `text` (in any case), newest first. Deepens a shallow checkout
    /// until the found commits are `enough`, or its history is complete.
    ///
    /// # Errors
    /// As [`Git::commits_since`].
    pub fn commits_mentioning(
        &self,
        remote: &Remote,
        branch: &Branch,
        tip: &Commit,
        text: &str,
        enough: impl Fn(&[CommitSummary]) -> bool,
    ) -> Result<Vec<CommitSummary>, Finding> {
        let grep = format!("--grep={text}");
        self.with_enough_history(remote, branch, "too early", |ends| {
            let commits = self.log(tip, &["--fixed-strings", "--regexp-ignore-case", &grep])?;
            let cut = !enough(&commits) && !ends.is_empty() && self.reaches(tip, ends)?;
            Ok((commits, cut))
        })
    }

    /// The commits on the branch's first-parent line from `oldest` to `tip`, newest first, that changed files matching
    /// `pathspec`. The changes of a merged branch count as the merge's. The checkout must hold all of these commits, as it
    /// does after [`Git::commits_since`].
    ///
    /// # Errors
    /// The history could not be read.
    pub fn commits_changing(
        &self,
        oldest: &Commit,
        tip: &Commit,
        pathspec: &str,
    ) -> Result<Vec<CommitChanges>, Finding> {
        let log = self.program().args(["-c", "core.quotePath=false", "log", "--no-show-signature", "--no-renames"]);
        let log = log.args(["-m", "--first-parent", "--root", "--name-only", "--format=%x00%H %P"]);
        let before = format!("^{oldest}^@");
        let output = self.run_local(&log.args(["--end-of-options", tip.as_str(), &before, "--", pathspec]))?;
        let output = String::from_utf8_lossy(&output);
        output
            .split('\0')
            .filter(|commit| !commit.trim().is_empty())
            .map(|commit| {
                parse_changes(commit).ok_or_else(|| Finding::inconclusive("git log").actual(self.sanitize(commit)))
            })
            .collect()
    }

    /// Calls `read`, which returns a result and whether a shallow end cut the history off too early, and deepens the checkout
    /// until it is not.
    fn with_enough_history<T>(
        &self,
        remote: &Remote,
        branch: &Branch,
        ends_where: &str,
        read: impl Fn(&str) -> Result<(T, bool), Finding>,
    ) -> Result<T, Finding> {
        let mut concurrent = None;
        for round in 0..MAX_ROUNDS {
            // Read before the history, because another process may deepen the checkout in between.
            let ends = self.shallow_ends()?;
            let (result, cut) = read(&ends)?;
            if !cut {
                return Ok(result);
            }
            concurrent = self.deepen(remote, branch, FIRST_DEEPENING << round)?;
        }
        Err(concurrent.unwrap_or_else(|| {
            Finding::inconclusive(format!("the history of {branch}"))
                .actual(format!("it ends {ends_where} in this checkout, however much is fetched"))
                .expected("all of it that is asked for")
                .next("check out with `fetch-depth: 0`")
        }))
    }

    /// Whether one of `ends` is `tip` or an ancestor of it.
    fn reaches(&self, tip: &Commit, ends: &str) -> Result<bool, Finding> {
        let all = self.run_local(&self.program().args(["rev-list", tip.as_str()]))?;
        Ok(String::from_utf8_lossy(&all).lines().any(|id| ends.lines().any(|end| end == id)))
    }

    fn log(&self, tip: &Commit, options: &[&str]) -> Result<Vec<CommitSummary>, Finding> {
        let format = "--format=%H%n%ct%n%an%n%s%n%(trailers:only=true,unfold=true)";
        let log = self.program().args(["log", "-z", "--no-show-signature", format]).args(options);
        let output = self.run_local(&log.args(["--end-of-options", tip.as_str(), "--"]))?;
        let output = String::from_utf8_lossy(&output);
        output
            .split_terminator('\0')
            .map(|commit| {
                parse_summary(commit).ok_or_else(|| Finding::inconclusive("git log").actual(self.sanitize(commit)))
            })
            .collect()
    }

    /// Deepens a shallow history. Returns the error of a collision with another git that deepens it at the same time: the
    /// history may be long enough afterwards.
    fn deepen(&self, remote: &Remote, branch: &Branch, by: u32) -> Result<Option<Finding>, Finding> {
        let output = self.fetch(remote, &[&format!("--deepen={by}")], &branch.full())?;
        match output.status.success() {
            true => Ok(None),
            false if is_concurrent(&output) => Ok(Some(self.unreachable("git fetch", remote, &output))),
            false => Err(self.unreachable("git fetch", remote, &output)),
        }
    }
}

/// Whether another git was deepening the same history at the same time.
fn is_concurrent(output: &ProcessOutput) -> bool {
    let stderr = output.stderr.text();
    let own_lines = || stderr.lines().filter(|line| !line.starts_with("remote:"));
    own_lines().any(|line| line.contains("shallow.lock': File exists") || line.contains("shallow file has changed"))
}

fn is_end(ends: &str, commit: &Commit) -> bool {
    ends.lines().any(|end| end == commit.as_str())
}

/// Parses one commit of [`Git::commits_changing`]: its id, the ids of its parents, then its files.
fn parse_changes(text: &str) -> Option<CommitChanges> {
    let mut lines = text.lines();
    let ids: Vec<Commit> = lines.next()?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let (commit, parents) = ids.split_first()?;
    let paths = lines.filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect();
    Some(CommitChanges { commit: commit.clone(), before: parents.first().cloned(), merge: parents.len() > 1, paths })
}

/// Parses one commit of [`Git::log`]: id, seconds, author, title, trailers.
fn parse_summary(text: &str) -> Option<CommitSummary> {
    let mut lines = text.lines();
    let commit = lines.next()?.parse().ok()?;
    let at = Timestamp::from_second(lines.next()?.parse().ok()?).ok()?;
    let (author, title) = (lines.next()?.to_owned(), lines.next()?.to_owned());
    let trailers = lines.filter_map(|line| line.split_once(':'));
    let trailers = trailers.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect();
    Some(CommitSummary { commit, at, author, title, trailers })
}
