//! The time before an approval in which other approvals by the same person count.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::observations::{CommitApproval, OtherApprovals, OwnApproval, ReviewedRun};
use crate::{
    approvers::{JobWait, WaitEnd},
    login::is_same_login,
};

/// The window before the approval of a job.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalWindow {
    run: u64,
    own: OwnApproval,
    start: Timestamp,
}

/// An approval that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct PastApproval {
    /// `None` if GitHub does not tell when it was. Then it counts.
    pub at: Option<Timestamp>,
    /// The approved workflow run, if it is in this repository.
    pub run: Option<u64>,
    /// What was approved: `run 101`, `commit 1a2b3c4d (emergency)`.
    pub target: String,
    /// Whether its job failed and no commit names its run.
    pub promoted_nothing: bool,
}

impl ApprovalWindow {
    /// The window of `length` before the approval of a job in `run`. If the time of that approval is a range, the window
    /// begins before the earliest possible one.
    #[must_use]
    pub fn new(run: u64, own: OwnApproval, length: Duration) -> Self {
        let length = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        Self { run, own, start: own.time.earliest.checked_sub(length).unwrap_or(Timestamp::MIN) }
    }

    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// Whether an approval of `run` counts. Of two runs approved in the same second, the one with the lower id is earlier, so
    /// that exactly the third of three simultaneous runs is too many.
    fn includes(&self, at: Timestamp, run: Option<u64>) -> bool {
        (at, run) < (self.own.time.latest, Some(self.run)) && at >= self.start
    }

    /// Whether the approval of a job counts if there is one. A time that is unknown counts.
    #[must_use]
    pub fn may_include(&self, wait: &JobWait) -> bool {
        match wait.end {
            WaitEnd::At(_) if self.is_own(wait) => false,
            WaitEnd::At(at) => self.includes(at, wait.run),
            WaitEnd::NotYet | WaitEnd::Unknown => !self.is_own(wait),
        }
    }

    fn is_own(&self, wait: &JobWait) -> bool {
        wait.run == Some(self.run) && wait.job == Some(self.own.job)
    }

    /// What `login` approved within the window, oldest first; what has no time comes first.
    #[must_use]
    pub fn approvals_by(&self, login: &str, others: &OtherApprovals) -> Vec<PastApproval> {
        let mut all: Vec<PastApproval> =
            others.runs.iter().flat_map(|run| self.approvals_of_run(login, run, &others.promoted)).collect();
        // The wait of a run's job ends closer to the approval than the run's commit.
        let is_unlisted = |approval: &&CommitApproval| approval.run.is_none_or(|run| !others.listed.contains(&run));
        let mut counted_runs = BTreeSet::new();
        let mut commits: Vec<&CommitApproval> = others.commits.iter().filter(is_unlisted).collect();
        commits.retain(|approval| {
            is_same_login(&approval.approver, login)
                && approval.run != Some(self.run)
                && self.includes(approval.at, approval.run)
        });
        commits.sort_by_key(|approval| (approval.at, approval.run));
        commits.retain(|approval| approval.run.is_none_or(|run| counted_runs.insert(run)));
        all.extend(commits.into_iter().map(|approval| PastApproval {
            at: Some(approval.at),
            run: approval.run,
            target: approval.target.clone(),
            promoted_nothing: false,
        }));
        all.sort_by_key(|approval| (approval.at, approval.run));
        all
    }

    /// The approvals of one run by `login` that count. One approval covers every job that waits at that time, so a run has as
    /// many as GitHub lists reviews, and at most as many as there are times at which its jobs stopped waiting.
    fn approvals_of_run(&self, login: &str, run: &ReviewedRun, promoted: &BTreeSet<u64>) -> Vec<PastApproval> {
        let counting: Vec<&JobWait> = run.jobs.iter().filter(|wait| self.may_include(wait)).collect();
        let time = |wait: &&JobWait| match wait.end {
            WaitEnd::At(at) => Some(at),
            WaitEnd::NotYet | WaitEnd::Unknown => None,
        };
        let within: BTreeSet<Timestamp> = counting.iter().filter_map(time).collect();
        let without_time = counting.iter().filter(|wait| time(wait).is_none()).count();
        let ended: BTreeSet<Timestamp> = run.jobs.iter().filter_map(|wait| time(&wait)).collect();
        let (known, unknown) = match &run.reviews {
            Some(reviews) => {
                // One of the reviews of this run is the approval that is judged.
                let is_own = usize::from(run.id == self.run);
                let by_login = reviews.approvals.iter().filter(|approval| is_same_login(&approval.login, login));
                let by_login = by_login.count().saturating_sub(is_own);
                let known = by_login.min(within.len());
                // A review that explains the end of another wait explains none of those without an end.
                let unexplained = reviews.decisions.saturating_sub(ended.len());
                (known, unexplained.min(by_login - known).min(without_time))
            }
            // The approver of a deleted run is unknown. A job whose wait had not ended was not approved.
            None => (within.len(), counting.iter().filter(|wait| wait.end == WaitEnd::Unknown).count()),
        };
        let jobs_at = |at: Option<Timestamp>| match known + unknown {
            1 => counting.len(),
            _ => counting.iter().filter(|wait| time(wait) == at).count(),
        };
        let gone = if run.reviews.is_none() { ", deleted since, so its approver is unknown" } else { "" };
        let batch = |jobs: usize| if jobs > 1 { format!(", {jobs} jobs at once") } else { String::new() };
        let has_failed = !counting.is_empty() && counting.iter().all(|wait| wait.has_failed);
        let approval = |at: Option<Timestamp>| PastApproval {
            at,
            run: Some(run.id),
            target: format!("run {}{}{gone}", run.id, batch(jobs_at(at))),
            promoted_nothing: has_failed && !promoted.contains(&run.id),
        };
        let times = within.into_iter().rev().take(known).map(Some);
        times.chain(std::iter::repeat_n(None, unknown)).map(approval).collect()
    }
}
