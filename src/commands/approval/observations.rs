//! What GitHub and the ledger show of a run's approval.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    approvers::{ApprovalTime, JobWait, OtherRules, Reviews},
    finding::Finding,
    login::is_same_login,
    supersession::NewerRelease,
};

/// One look at everything. An error says why its part could not be observed.
#[derive(Clone, Debug)]
pub struct ApprovalObservations {
    pub run: OwnRun,
    /// When the look ended: RFC 3339, UTC.
    pub at: String,
    /// The protection of the environment; `None` if the environment does not exist.
    pub protection: Result<Option<EnvironmentProtection>, Finding>,
    /// The reviews of this run.
    pub reviews: Result<Reviews, Finding>,
    /// When this job was approved.
    pub approval: Result<OwnApproval, Finding>,
    /// The logins of those who had a part in the release, or why they are unknown.
    pub excluded: Result<Vec<String>, Finding>,
    /// The commit that already holds this evidence.
    pub committed: Result<Option<String>, Finding>,
    /// What an approval of this run may be from, other than this job in this attempt; `None` if it cannot be old.
    pub old_approval: Result<Option<String>, Finding>,
    /// Other promotions that the approvers of this run may have approved.
    pub others: Result<OtherApprovals, Finding>,
    /// What supersedes this promotion; absent where no evidence says when its release was validated.
    pub newer: Option<Result<Option<NewerRelease>, Finding>>,
}

impl ApprovalObservations {
    /// The errors of the look.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        let Self { protection, reviews, approval, committed, old_approval, others, newer, .. } = self;
        let errors = [
            protection.as_ref().err(),
            reviews.as_ref().err(),
            approval.as_ref().err(),
            committed.as_ref().err(),
            old_approval.as_ref().err(),
            others.as_ref().err(),
            newer.as_ref().and_then(|newer| newer.as_ref().err()),
        ];
        errors.into_iter().flatten()
    }
}

/// The workflow run of this command.
#[derive(Clone, Debug)]
pub struct OwnRun {
    pub id: u64,
    pub attempt: u32,
    pub url: String,
}

/// The approval of the job that this command runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnApproval {
    /// The job's id.
    pub job: u64,
    pub time: ApprovalTime,
    /// When the decision pack was there and GitHub requested the approval; `None` if GitHub does not show it.
    pub requested_at: Option<Timestamp>,
}

/// The protection of an environment. One approval by any of the required reviewers is enough.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvironmentProtection {
    pub users: Vec<String>,
    pub teams: Vec<String>,
    /// Users that are machines by the config file: their approval counts for nothing.
    pub machines: Vec<String>,
    /// Whether administrators can bypass the protection; `None` if GitHub does not show it.
    pub admins_bypass: Option<bool>,
    pub other_rules: OtherRules,
}

impl EnvironmentProtection {
    pub fn reviewers(&self) -> Vec<&str> {
        self.users.iter().chain(&self.teams).map(String::as_str).collect()
    }

    /// Whether a person can be a required reviewer. A job's token cannot read who is in a team, so a team admits every
    /// person.
    pub fn admits(&self, login: &str) -> bool {
        !self.teams.is_empty() || self.users.iter().any(|user| is_same_login(user, login))
    }
}

/// Approvals of other promotions.
#[derive(Clone, Debug, Default)]
pub struct OtherApprovals {
    /// All runs of this repository that have a deployment to the environment, with or without an approval.
    pub listed: BTreeSet<u64>,
    /// Those of them that may have been approved within the window, this run included.
    pub runs: Vec<ReviewedRun>,
    /// Approvals of commits in the ledger, at the time of the commit.
    pub commits: Vec<CommitApproval>,
    /// The runs of this repository that commits in the ledger name.
    pub promoted: BTreeSet<u64>,
}

/// A run whose jobs waited for the environment.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewedRun {
    pub id: u64,
    /// `None` if the run was deleted.
    pub reviews: Option<Reviews>,
    /// Every job of the run that has a deployment to the environment.
    pub jobs: Vec<JobWait>,
}

/// One person's approval of a commit in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitApproval {
    pub approver: String,
    pub at: Timestamp,
    /// The approved workflow run, if it is in this repository.
    pub run: Option<u64>,
    /// `commit 1a2b3c4d (emergency)`
    pub target: String,
}
