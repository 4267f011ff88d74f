//! The branch of a promotion: one commit on the tip of the base branch, pushed once.

use std::cell::RefCell;

use super::{
    look::ProposalBase,
    plan::{Proposed, ProposedCommit, decide_commit, title_of},
    session::Session,
};
use crate::{
    error::CommandError,
    promotion::{
        infra::{PlannedCommit, PromotionPlan},
        push::{commit_edit, push},
    },
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
};

/// Makes the branch with its commit, unless it is there.
pub struct ProposeCommit<'a> {
    session: &'a Session<'a>,
    /// Pushes that were not refused: each may have reached the remote, or may still.
    sent: RefCell<Vec<ProposedCommit>>,
}

impl<'a> ProposeCommit<'a> {
    pub fn new(session: &'a Session<'a>) -> Self {
        Self { session, sent: RefCell::default() }
    }
}

impl Change for ProposeCommit<'_> {
    type Base = ProposalBase;
    type Edit = PlannedCommit;
    type Done = Proposed;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let Session { promote, on_branch, .. } = self.session;
        Effect {
            target: format!("{} {}", on_branch.remote.url(), on_branch.branch),
            detail: format!("{} → {}", promote.image_locators().describe(), promote.release()),
            state: EffectState::Planned,
        }
    }

    fn detail(&self, edit: &PlannedCommit) -> Option<String> {
        Some(format!("one commit: {}", edit.describe_change()))
    }

    fn read(&self) -> Result<ProposalBase, CommandError> {
        ProposalBase::read(self.session)
    }

    fn arrived(&self, base: &ProposalBase) -> Option<Proposed> {
        let tip = base.on_branch.as_ref()?;
        let sent = self.sent.borrow();
        sent.iter().find(|sent| sent.commit == tip.commit).cloned().map(Proposed::Commit)
    }

    fn plan(&self, base: &ProposalBase) -> Plan<PlannedCommit, Proposed> {
        decide_commit(self.session.promote, self.session.repo.branch.as_str(), &base.facts(self.session))
    }

    fn write(&self, permit: &Permit, base: &ProposalBase, edit: &PlannedCommit) -> WriteOutcome<Proposed> {
        let Session { repo, on_branch, committer, ctx, .. } = self.session;
        let commit = match commit_edit(repo, ctx, committer, (&base.tip.commit, &base.modes), edit) {
            Ok(commit) => commit,
            // Nothing has left this machine yet.
            Err(finding) => return WriteOutcome::Refused(finding),
        };
        let proposed = ProposedCommit {
            commit: commit.clone(),
            image: edit.image.clone(),
            previous: edit.previous.clone(),
            title: title_of(edit),
            created: true,
        };
        // After a conflict another run made the branch first: the next plan takes its commit.
        push(permit, on_branch, ctx, &commit, proposed, &self.sent).map(Proposed::Commit)
    }
}
