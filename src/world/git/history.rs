//! The history of a branch: its first-parent line, with the trailers of each commit and the files that it changed.
//!
//! One `git log` prints it, and it is read while git writes: neither its length nor its size is limited.

use std::{collections::VecDeque, ops::ControlFlow};

use jiff::Timestamp;

use super::{
    checkout::Git,
    commits::{CommitSummary, LoggedCommit},
    log::{FORMAT, LogParser, PrintedCommit, UnexpectedOutput},
    names::{Branch, TreePath},
    remote::{Remote, git_says},
};
use crate::{finding::Finding, subject::Commit, world::process::ProcessOutput};

/// The search ends after this many older commits in a row, because no wrong clock explains so many.
const OLDER_IN_A_ROW: usize = 50;
/// By how many commits a shallow history is deepened first. Each further round doubles the number.
const FIRST_DEEPENING: u32 = 100;
/// The most rounds of deepening: 400,000 commits in all.
const MAX_ROUNDS: u32 = 12;

/// The commits at which a shallow history ends; none when it is complete. Their files look new, because git does not know
/// what was before them.
pub struct ShallowEnds(Vec<String>);

impl ShallowEnds {
    pub(super) fn contains(&self, commit: &Commit) -> bool {
        self.0.iter().any(|end| end == commit.as_str())
    }
}

/// What a reader of a history wants of it.
pub struct HistoryFilter<'f> {
    /// Whether the content of a changed file matters.
    pub is_wanted: &'f dyn Fn(&str) -> bool,
    /// Whether a commit matters, with its changes of wanted files.
    pub is_relevant: &'f dyn Fn(&LoggedCommit) -> bool,
}

impl Git {
    /// The relevant commits on the first-parent line of `tip` that were made at `since` or later, newest first;
    /// older-looking commits between them are included. Deepens a shallow checkout as far as needed, and changes nothing
    /// else in it.
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
        filter: &HistoryFilter<'_>,
    ) -> Result<Vec<LoggedCommit>, Finding> {
        self.with_enough_history(remote, branch, &format!("after {since}"), |ends| {
            let (mut line, mut older, mut cut) = (RelevantCommits::new(filter), 0, false);
            self.log(tip, &[], filter.is_wanted, &mut |commit| {
                cut |= ends.contains(&commit.commit);
                older = match commit.at {
                    Some(at) if at < since => older + 1,
                    // A time that cannot be read does not show that the history is older from here on.
                    None => older,
                    Some(_) => 0,
                };
                line.add(commit);
                older < OLDER_IN_A_ROW
            })?;
            let mut commits = line.finish();
            commits.retain(|commit| commit.latest >= since);
            Ok((commits, cut && older < OLDER_IN_A_ROW))
        })
    }

    /// The relevant commits on the first-parent line of `tip` that changed one of `files`, newest first, passed to `take`
    /// in lots. It returns whether it has enough. Deepens a shallow checkout until it has, or the history is complete;
    /// `take` is then called again from the tip, with `first` set.
    ///
    /// # Errors
    /// As [`Git::commits_since`], and those of `take`.
    pub fn commits_of_files(
        &self,
        remote: &Remote,
        branch: &Branch,
        tip: &Commit,
        files: &[TreePath],
        filter: &HistoryFilter<'_>,
        mut take: impl FnMut(Vec<LoggedCommit>, bool) -> Result<bool, Finding>,
    ) -> Result<(), Finding> {
        self.with_enough_history(remote, branch, "too early", |ends| {
            let (mut size, mut first, mut done) = (FIRST_LOT, true, Ok(false));
            let (mut line, mut read) = (RelevantCommits::new(filter), 0);
            let mut cut = false;
            self.log(tip, files, filter.is_wanted, &mut |commit| {
                // Whether this commit changed the file is unknown.
                if ends.contains(&commit.commit) {
                    cut = true;
                    return false;
                }
                line.add(commit);
                read += 1;
                if read < size {
                    return true;
                }
                (size, read) = (size * 4, 0);
                done = take(std::mem::replace(&mut line, RelevantCommits::new(filter)).finish(), first);
                first = false;
                matches!(done, Ok(false))
            })?;
            if !done? && !take(line.finish(), first)? {
                return Ok(((), cut || !ends.0.is_empty() && self.reaches(tip, ends)?));
            }
            Ok(((), false))
        })
    }

    /// Calls `read`, which returns a result and whether a shallow end cut the history off too early, and deepens the checkout
    /// until it is not.
    pub(super) fn with_enough_history<T>(
        &self,
        remote: &Remote,
        branch: &Branch,
        ends_where: &str,
        mut read: impl FnMut(&ShallowEnds) -> Result<(T, bool), Finding>,
    ) -> Result<T, Finding> {
        let mut concurrent = None;
        for round in 0..MAX_ROUNDS {
            // Read before the history, because another process may deepen the checkout in between.
            let ends = ShallowEnds(self.shallow_ends()?.lines().map(ToOwned::to_owned).collect());
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
    fn reaches(&self, tip: &Commit, ends: &ShallowEnds) -> Result<bool, Finding> {
        let mut reached = false;
        // Without a path, git prints every commit.
        self.log(tip, &[], &|_| false, &mut |commit| {
            reached = ends.contains(&commit.commit);
            !reached
        })?;
        Ok(reached)
    }

    /// Passes the commits on the first-parent line of `tip` to `visit`, newest first, until it returns false. With `files`, only
    /// those that changed one of them.
    fn log(
        &self,
        tip: &Commit,
        files: &[TreePath],
        is_wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(PrintedCommit) -> bool,
    ) -> Result<(), Finding> {
        let log = ["--first-parent", "-m", "--raw", "--no-abbrev", "--no-renames", "--root"].map(ToOwned::to_owned);
        let files = files.iter().map(|path| format!(":(top,literal){path}"));
        let revisions = ["--end-of-options", tip.as_str(), "--"].map(ToOwned::to_owned);
        self.run_log(log.into_iter().chain(revisions).chain(files), is_wanted, visit)
    }

    /// Passes the commits that `git log` prints for these arguments to `visit`, until it returns false.
    pub(super) fn run_log(
        &self,
        arguments: impl IntoIterator<Item = String>,
        is_wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(PrintedCommit) -> bool,
    ) -> Result<(), Finding> {
        let log = self.program().args(["log", "-z", "--no-show-signature", FORMAT]).args(arguments);
        let mut parser = LogParser::new(is_wanted);
        let mut unexpected = None;
        let ended = self.stream("git log", &log, &mut |bytes| match parser.feed(bytes, visit) {
            Ok(true) => ControlFlow::Continue(()),
            Ok(false) => ControlFlow::Break(()),
            Err(error) => {
                unexpected = Some(error);
                ControlFlow::Break(())
            }
        })?;
        let failed = |UnexpectedOutput(text)| Finding::inconclusive("git log").actual(self.sanitize(&text));
        if let Some(error) = unexpected {
            return Err(failed(error));
        }
        if ended && let Some(last) = parser.finish().map_err(failed)? {
            visit(last);
        }
        Ok(())
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

/// How many commits of one file are read before a reader is asked whether it has enough.
const FIRST_LOT: usize = 64;

/// Collects the relevant commits of a line, newest first, and gives every commit a time.
struct RelevantCommits<'f> {
    filter: &'f HistoryFilter<'f>,
    commits: Vec<LoggedCommit>,
    /// The time of the last commit that has one. A commit whose time cannot be read gets that of the commit after it, or, at
    /// the tip, that of the one before it.
    last_time: Option<Timestamp>,
    /// Commits at the tip that wait for a time.
    undated: VecDeque<PrintedCommit>,
}

impl<'f> RelevantCommits<'f> {
    const fn new(filter: &'f HistoryFilter<'f>) -> Self {
        Self { filter, commits: Vec::new(), last_time: None, undated: VecDeque::new() }
    }

    fn add(&mut self, commit: PrintedCommit) {
        let Some(at) = commit.at.or(self.last_time) else { return self.undated.push_back(commit) };
        self.last_time = Some(at);
        while let Some(undated) = self.undated.pop_front() {
            self.add_dated(undated, at);
        }
        self.add_dated(commit, at);
    }

    fn add_dated(&mut self, printed: PrintedCommit, at: Timestamp) {
        let PrintedCommit { commit, parents, author, title, trailers, changes, .. } = printed;
        let summary = CommitSummary { commit, at, author, title, trailers };
        let mut logged = LoggedCommit { summary, parents, changes, latest: at };
        if (self.filter.is_relevant)(&logged) {
            // A history has tens of thousands of them, mostly with one parent and one change.
            logged.parents.shrink_to_fit();
            logged.changes.shrink_to_fit();
            self.commits.push(logged);
        } else if let Some(last) = self.commits.last_mut() {
            last.latest = last.latest.max(at);
        }
    }

    fn finish(mut self) -> Vec<LoggedCommit> {
        for undated in std::mem::take(&mut self.undated) {
            self.add_dated(undated, Timestamp::UNIX_EPOCH);
        }
        let mut latest = Timestamp::MIN;
        for commit in self.commits.iter_mut().rev() {
            latest = latest.max(commit.latest);
            commit.latest = latest;
        }
        self.commits
    }
}

/// Whether another git was deepening the same history at the same time.
fn is_concurrent(output: &ProcessOutput) -> bool {
    git_says(&output.stderr.text(), &["shallow.lock': File exists", "shallow file has changed"])
}
