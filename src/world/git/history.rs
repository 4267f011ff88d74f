//! What the messages of a branch's commits tell programs.

use jiff::Timestamp;

use super::{Branch, Commit, Git, Remote};
use crate::{finding::Finding, world::process::Finished};

/// A commit, as its message tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub commit: Commit,
    /// When it was committed, by the clock of whoever did.
    pub at: Timestamp,
    /// The name of who wrote it.
    pub author: String,
    /// The first line of its message.
    pub title: String,
    /// The trailers of its message, as git reads them.
    pub trailers: Vec<(String, String)>,
}

impl Told {
    /// The value of a trailer; names are compared as git does, whatever their case.
    #[must_use]
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A commit of a branch, with the files that it changed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub commit: Commit,
    /// What the branch was at before it; `None` for the first of all.
    pub before: Option<Commit>,
    /// When a merge: the branch took all of it in at once.
    pub merge: bool,
    /// Those that were asked for; as git tells them, quoted where they are odd.
    pub paths: Vec<String>,
}

/// So many commits in a row that are older than what is asked for end the search: no clock is wrong that often.
const OLDER: usize = 50;
/// By how many commits a shallow history is made longer at first. Each time that is not enough, twice as many follow.
const DEEPER: u32 = 100;
/// How often it is made longer: 400,000 commits in all.
const ROUNDS: u32 = 12;

impl Git {
    /// The commits that `tip` holds and that were made at `since` or later, newest first, and those among them that say they
    /// are older. A shallow checkout is given as much more history as it takes; that is all that changes about it.
    ///
    /// A commit's time is what the clock of whoever made it said. One that was wrong, or was set back, must not hide what
    /// came before it: the history ends only where [`OLDER`] commits in a row are older. So `--since`, which stops at the
    /// first, is of no use.
    ///
    /// # Errors
    /// The history could not be read, or the remote did not give what is missing of it.
    pub fn told_since(
        &self,
        remote: &Remote,
        branch: &Branch,
        tip: &Commit,
        since: Timestamp,
    ) -> Result<Vec<Told>, Finding> {
        self.deepening(remote, branch, &format!("after {since}"), |ends| {
            let mut count = DEEPER as usize;
            loop {
                let mut told = self.told(tip, &[&format!("--max-count={count}")])?;
                let ended = told.len() < count;
                let kept = told.iter().rposition(|told| told.at >= since).map_or(0, |last| last + 1);
                let over = told.len() - kept >= OLDER;
                if over || ended {
                    let cut = !over && told.iter().any(|told| is_end(ends, &told.commit));
                    told.truncate(kept);
                    return Ok((told, cut));
                }
                count *= 2;
            }
        })
    }

    /// The commits that `tip` holds and whose messages name `name`, in whatever place, newest first: as many as it takes
    /// until they are `enough`, or all there are. A shallow checkout is given more history only as long as they are not.
    ///
    /// # Errors
    /// As [`Git::told_since`].
    pub fn told_naming(
        &self,
        remote: &Remote,
        branch: &Branch,
        tip: &Commit,
        name: &str,
        enough: impl Fn(&[Told]) -> bool,
    ) -> Result<Vec<Told>, Finding> {
        let grep = format!("--grep={name}");
        self.deepening(remote, branch, "too early", |ends| {
            let told = self.told(tip, &["--fixed-strings", "--regexp-ignore-case", &grep])?;
            let cut = !enough(&told) && !ends.is_empty() && self.reaches(tip, ends)?;
            Ok((told, cut))
        })
    }

    /// The commits of the branch itself from `oldest` to `tip`, newest first, that changed files which `pathspec` names: what
    /// a merge brought in is the merge's. All of them have to be there, as [`Git::told_since`] leaves them.
    ///
    /// # Errors
    /// The history could not be read.
    pub fn changed(&self, oldest: &Commit, tip: &Commit, pathspec: &str) -> Result<Vec<Changed>, Finding> {
        let log = self.program().args(["-c", "core.quotePath=false", "log", "--no-show-signature", "--no-renames"]);
        let log = log.args(["-m", "--first-parent", "--root", "--name-only", "--format=%x00%H %P"]);
        let before = format!("^{oldest}^@");
        let answer = self.ask(&log.args(["--end-of-options", tip.as_str(), &before, "--", pathspec]))?;
        let answer = String::from_utf8_lossy(&answer);
        answer
            .split('\0')
            .filter(|changed| !changed.trim().is_empty())
            .map(|changed| {
                changed_of(changed).ok_or_else(|| Finding::inconclusive("git log").actual(self.fit_to_show(changed)))
            })
            .collect()
    }

    /// Looks at the history until it is not cut off where a shallow checkout ends, and makes that longer in between.
    fn deepening<T>(
        &self,
        remote: &Remote,
        branch: &Branch,
        ends_where: &str,
        look: impl Fn(&str) -> Result<(T, bool), Finding>,
    ) -> Result<T, Finding> {
        let mut met = None;
        for round in 0..ROUNDS {
            // Read before the history: another process may make both longer in between.
            let ends = self.shallow()?;
            let (seen, cut) = look(&ends)?;
            if !cut {
                return Ok(seen);
            }
            met = self.deepen(remote, branch, DEEPER << round)?;
        }
        Err(met.unwrap_or_else(|| {
            Finding::inconclusive(format!("the history of {branch}"))
                .actual(format!("it ends {ends_where} in this checkout, however much is fetched"))
                .expected("all of it that is asked for")
                .next("check out with `fetch-depth: 0`")
        }))
    }

    /// Whether one of `ends` is `tip` or an ancestor of it.
    fn reaches(&self, tip: &Commit, ends: &str) -> Result<bool, Finding> {
        let all = self.ask(&self.program().args(["rev-list", tip.as_str()]))?;
        Ok(String::from_utf8_lossy(&all).lines().any(|id| ends.lines().any(|end| end == id)))
    }

    fn told(&self, tip: &Commit, which: &[&str]) -> Result<Vec<Told>, Finding> {
        let format = "--format=%H%n%ct%n%an%n%s%n%(trailers:only=true,unfold=true)";
        let log = self.program().args(["log", "-z", "--no-show-signature", format]).args(which);
        let answer = self.ask(&log.args(["--end-of-options", tip.as_str(), "--"]))?;
        let answer = String::from_utf8_lossy(&answer);
        answer
            .split_terminator('\0')
            .map(|told| parse(told).ok_or_else(|| Finding::inconclusive("git log").actual(self.fit_to_show(told))))
            .collect()
    }

    /// Makes a shallow history longer, or tells what another git that was about it said; afterwards it may be long enough.
    fn deepen(&self, remote: &Remote, branch: &Branch, by: u32) -> Result<Option<Finding>, Finding> {
        let end = self.fetch(remote, &[&format!("--deepen={by}")], &branch.full())?;
        match end.status.success() {
            true => Ok(None),
            false if meets_another(&end) => Ok(Some(self.unreachable("git fetch", remote, &end))),
            false => Err(self.unreachable("git fetch", remote, &end)),
        }
    }
}

/// Whether another git was making the same history longer at this moment.
fn meets_another(end: &Finished) -> bool {
    let stderr = end.stderr.text();
    let ours = || stderr.lines().filter(|line| !line.starts_with("remote:"));
    ours().any(|line| line.contains("shallow.lock': File exists") || line.contains("shallow file has changed"))
}

fn is_end(ends: &str, commit: &Commit) -> bool {
    ends.lines().any(|end| end == commit.as_str())
}

/// One commit of [`Git::changed`]: its id and those of its parents, then its files.
fn changed_of(text: &str) -> Option<Changed> {
    let mut lines = text.lines();
    let ids: Vec<Commit> = lines.next()?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let (commit, parents) = ids.split_first()?;
    let paths = lines.filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect();
    Some(Changed { commit: commit.clone(), before: parents.first().cloned(), merge: parents.len() > 1, paths })
}

/// One commit of [`Git::told`]: id, seconds, author, title, trailers.
fn parse(told: &str) -> Option<Told> {
    let mut lines = told.lines();
    let commit = lines.next()?.parse().ok()?;
    let at = Timestamp::from_second(lines.next()?.parse().ok()?).ok()?;
    let (author, title) = (lines.next()?.to_owned(), lines.next()?.to_owned());
    let trailers = lines.filter_map(|line| line.split_once(':'));
    let trailers = trailers.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect();
    Some(Told { commit, at, author, title, trailers })
}
