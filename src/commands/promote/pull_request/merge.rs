//! The merge of an approved pull request, on the condition that its last commit is the approved one. The commit on the base branch
//! says who approved it and which run merged it: the commit on the promotion's branch cannot, because it is older than the approval.
//! A rebase keeps the message of that commit, so it says neither.

use super::{
    look::ProposalBase,
    plan::{ApprovedHead, decide_merge},
    session::Session,
};
use crate::{
    error::CommandError,
    promotion::infra::{PlannedCommit, PromotionPlan, PromotionResult},
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::github::{Merge, MergeMethod, SendOutcome},
};

/// Merges the pull request, unless its image is in place.
pub struct MergePullRequest<'a> {
    pub session: &'a Session<'a>,
    pub method: MergeMethod,
    pub approved: ApprovedHead,
}

impl Change for MergePullRequest<'_> {
    type Base = ProposalBase;
    type Edit = PlannedCommit;
    type Done = PromotionResult;
    const READS_BACK: bool = true;

    fn effect(&self) -> Effect {
        let ApprovedHead { number, head } = &self.approved;
        Effect {
            target: format!("pull request #{number} of {}", self.session.repository),
            detail: format!("{} of {head}: {}", self.method.word(), self.session.promote.release()),
            state: EffectState::Planned,
        }
    }

    fn read(&self) -> Result<ProposalBase, CommandError> {
        ProposalBase::read(self.session)
    }

    fn plan(&self, base: &ProposalBase) -> Plan<PlannedCommit, PromotionResult> {
        let facts = base.facts(self.session);
        decide_merge(self.session.promote, self.session.repo.branch.as_str(), &facts, &self.approved)
    }

    fn write(&self, permit: &Permit, _: &ProposalBase, edit: &PlannedCommit) -> WriteOutcome<PromotionResult> {
        let Session { github, repository, .. } = self.session;
        let ApprovedHead { number, head } = &self.approved;
        let (title, message) = edit.message.split_once('\n').unwrap_or((edit.message.as_str(), ""));
        let merge = Merge { method: self.method, head, title, message: message.trim() };
        let done = |commit| PromotionResult {
            image: edit.image.clone(),
            previous: edit.previous.clone(),
            commit: Some(commit),
            changed: true,
            is_current: true,
        };
        match github.merge_pull_request(permit, repository, *number, &merge) {
            // Either branch was pushed to: the next plan decides by what is there now. Of the base branch GitHub says it with 405.
            SendOutcome::Refused(refusal)
                if refusal.status == 409 || refusal.status == 405 && refusal.message.contains("was modified") =>
            {
                WriteOutcome::Conflict(refusal.message)
            }
            SendOutcome::Refused(refusal) if refusal.status == 405 => {
                let next = next_after(&refusal.message);
                WriteOutcome::Refused(refusal.to_finding("merge").next(next))
            }
            other => other.into_write_outcome("merge").map(done),
        }
    }
}

/// What to do about a merge that GitHub refuses with this message.
fn next_after(refusal: &str) -> &'static str {
    if refusal.contains("was not set by the expected GitHub app") {
        "give `status` the token of the App from which the rule of the branch requires it; another account set it last, and the list of \
         workflow runs shows which run that was"
    } else {
        "see on its page what keeps it from being merged: a missing status, or a conflict; after a conflict, validate the release again"
    }
}
