//! The change that sets a commit status.

use std::cell::OnceCell;

use super::desired::DesiredStatus;
use crate::{
    error::CommandError,
    finding::Finding,
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    subject::Commit,
    values::short_sha,
    world::github::{CommitStatus, GitHub, Repository},
};

/// Sets the status of a commit, unless it is set already.
pub struct SetStatus<'a> {
    pub github: &'a GitHub,
    pub repository: &'a Repository,
    pub commit: &'a Commit,
    pub desired: &'a DesiredStatus,
    /// The login of the token's account; asked for if it is not known yet.
    pub account: &'a OnceCell<String>,
    /// The page of this workflow run.
    pub target_url: Option<&'a str>,
}

impl Change for SetStatus<'_> {
    /// The newest status with the same context, if it is this account's own.
    type Base = Option<CommitStatus>;
    type Edit = ();
    /// The status that the commit has.
    type Done = CommitStatus;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let CommitStatus { state, context, description, .. } = &self.desired.status;
        Effect {
            target: format!("status {context} of {}", short_sha(self.commit.as_str())),
            detail: format!("{state}: {}", description.as_deref().unwrap_or_default()),
            state: EffectState::Planned,
        }
    }

    fn read(&self) -> Result<Option<CommitStatus>, CommandError> {
        let all = self.github.commit_statuses(self.repository, self.commit).map_err(Finding::unobservable)?;
        let account = self.account().map_err(Finding::unobservable)?;
        Ok(CommitStatus::newest_of(&all, &self.desired.status.context, &account).cloned())
    }

    fn plan(&self, base: &Option<CommitStatus>) -> Plan<(), CommitStatus> {
        self.desired.plan(base.as_ref())
    }

    fn write(&self, permit: &Permit, _: &Option<CommitStatus>, (): &()) -> WriteOutcome<CommitStatus> {
        let status = &self.desired.status;
        let sent = self.github.set_commit_status(permit, self.repository, self.commit, status, self.target_url);
        sent.into_write_outcome("commit status").map(|()| status.clone())
    }
}

impl SetStatus<'_> {
    fn account(&self) -> Result<String, Finding> {
        if let Some(account) = self.account.get() {
            return Ok(account.clone());
        }
        let login = self.github.own_login()?;
        Ok(self.account.get_or_init(|| login).clone())
    }
}
