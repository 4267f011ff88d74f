//! What the messages of a branch's commits tell programs.

use jiff::Timestamp;

use super::{Branch, Commit, Git, Remote};
use crate::{verdict::Complaint, world::process::Finished};

/// A commit, as its message tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub commit: Commit,
    /// When it was committed, by the clock of whoever did.
    pub at: Timestamp,
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

/// By how many commits a shallow history is made longer at first. Each time that is not enough, twice as many follow.
const DEEPER: u32 = 100;
/// How often it is made longer: 400,000 commits in all.
const ROUNDS: u32 = 12;

impl Git {
    /// The commits that `tip` holds and that were made at `since` or later, newest first. A shallow checkout is given as much
    /// more history as it takes; that is all that changes about it.
    ///
    /// # Errors
    /// The history could not be read, or the remote did not give what is missing of it.
    pub fn told_since(
        &self,
        remote: &Remote,
        branch: &Branch,
        tip: &Commit,
        since: Timestamp,
    ) -> Result<Vec<Told>, Complaint> {
        let mut met = None;
        for round in 0..ROUNDS {
            // Read before the history: another process may make both longer in between.
            let ends = self.shallow()?;
            let told = self.told(tip, since)?;
            if !told.iter().any(|told| ends.lines().any(|end| end == told.commit.as_str())) {
                return Ok(told);
            }
            met = self.deepen(remote, branch, DEEPER << round)?;
        }
        Err(met.unwrap_or_else(|| {
            Complaint::about(format!("the history of {branch}"))
                .seen(format!("it ends after {since} in this checkout, however much is fetched"))
                .expected(format!("all commits since {since}"))
                .next("check out with `fetch-depth: 0`")
        }))
    }

    fn told(&self, tip: &Commit, since: Timestamp) -> Result<Vec<Told>, Complaint> {
        let since = format!("--since=@{}", since.as_second());
        let format = "--format=%H%n%ct%n%(trailers:only=true,unfold=true)";
        let answer = self.ask(&self.program().args(["log", "-z", "--no-show-signature", &since, format]).args([
            "--end-of-options",
            tip.as_str(),
            "--",
        ]))?;
        let answer = String::from_utf8_lossy(&answer);
        answer
            .split_terminator('\0')
            .map(|told| parse(told).ok_or_else(|| Complaint::about("git log").seen(self.fit_to_show(told))))
            .collect()
    }

    /// Makes a shallow history longer, or tells what another git that was about it said; afterwards it may be long enough.
    fn deepen(&self, remote: &Remote, branch: &Branch, by: u32) -> Result<Option<Complaint>, Complaint> {
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

/// One commit of [`Git::told`]: id, seconds, trailers.
fn parse(told: &str) -> Option<Told> {
    let mut lines = told.lines();
    let commit = lines.next()?.parse().ok()?;
    let at = Timestamp::from_second(lines.next()?.parse().ok()?).ok()?;
    let trailers = lines.filter_map(|line| line.split_once(':'));
    let trailers = trailers.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect();
    Some(Told { commit, at, trailers })
}
