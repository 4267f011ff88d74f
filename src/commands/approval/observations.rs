//! What GitHub and the ledger show of a run's approval.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    approvers::{Reviews, is_same_login},
    finding::Finding,
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
    /// When the protected job started. The approval came earlier.
    pub started: Result<Timestamp, Finding>,
    /// The logins of those who had a part in the release, or why they are unknown.
    pub excluded: Result<Vec<String>, Finding>,
    /// The commit that already holds this evidence.
    pub committed: Result<Option<String>, Finding>,
    /// Other promotions that the approvers of this run approved.
    pub others: Result<OtherApprovals, Finding>,
}

impl ApprovalObservations {
    /// The errors of the look.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        let Self { protection, reviews, started, committed, others, .. } = self;
        let errors = [
            protection.as_ref().err(),
            reviews.as_ref().err(),
            started.as_ref().err(),
            committed.as_ref().err(),
            others.as_ref().err(),
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

/// The protection of an environment. One approval by any of the required reviewers is enough.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvironmentProtection {
    pub users: Vec<String>,
    pub teams: Vec<String>,
    /// Whether administrators can bypass the protection; `None` if GitHub does not show it.
    pub admins_bypass: Option<bool>,
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
    /// All runs of this workflow in GitHub's list, with or without an approval.
    pub listed: BTreeSet<u64>,
    /// Approvals of runs of this workflow, at the start of the protected job.
    pub runs: Vec<PastApproval>,
    /// Approvals of commits in the ledger, at the time of the commit.
    pub commits: Vec<PastApproval>,
}

/// One person's approval of another promotion.
#[derive(Clone, Debug, PartialEq)]
pub struct PastApproval {
    pub approver: String,
    pub at: Timestamp,
    /// The approved workflow run, if it is in this repository.
    pub run: Option<u64>,
    /// What was approved: `run 101`, `commit 1a2b3c4d (emergency)`.
    pub target: String,
}
