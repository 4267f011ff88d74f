//! The merge of an approved pull request, on the condition that its last commit is the approved one. The commit on the base branch
//! says who approved it and which run merged it: the commit on the promotion's branch cannot, because it is older than the approval.
//! A rebase keeps the message of that commit, so it says neither.

use super::{
    look::{read_rivals, read_tip},
    plan::{ApprovedHead, BranchTip, ProposalFacts, Rival, decide_merge},
    session::Session,
};
use crate::{
    error::CommandError,
    finding::Finding,
    promotion::infra::{InfraSnapshot, PlannedCommit, PromotionPlan, PromotionResult, set_image::read_snapshot},
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::github::{Merge, MergeMethod, PullRequest, SendOutcome},
};

/// Merges the pull request, unless its image is in place.
pub struct MergePullRequest<'a> {
    pub session: &'a Session<'a>,
    pub method: MergeMethod,
    pub approved: ApprovedHead,
}

/// The base branch, and the pull request.
pub struct Base {
    snapshot: InfraSnapshot,
    on_branch: Option<BranchTip>,
    own: Vec<PullRequest>,
    rivals: Vec<Rival>,
}

impl Change for MergePullRequest<'_> {
    type Base = Base;
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

    fn read(&self) -> Result<Base, CommandError> {
        let Session { promote, repo, on_branch, branch, github, repository, ctx, .. } = self.session;
        let tip = repo.tip()?;
        let (_, snapshot) = read_snapshot(repo, ctx, &tip.commit, *promote)?;
        let found = read_tip(on_branch, branch).map_err(Finding::unobservable)?;
        let own = github.pull_requests_of_branch(repository, &on_branch.branch).map_err(Finding::unobservable)?;
        let rivals = read_rivals(self.session).map_err(Finding::unobservable)?;
        Ok(Base { snapshot, on_branch: found, own, rivals })
    }

    fn plan(&self, base: &Base) -> Plan<PlannedCommit, PromotionResult> {
        let facts = ProposalFacts {
            branch: &self.session.branch,
            base: &base.snapshot,
            tip: base.on_branch.as_ref(),
            own: &base.own,
            rivals: &base.rivals,
        };
        decide_merge(self.session.promote, self.session.repo.branch.as_str(), &facts, &self.approved)
    }

    fn write(&self, permit: &Permit, _: &Base, edit: &PlannedCommit) -> WriteOutcome<PromotionResult> {
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
            SendOutcome::Done(commit) => WriteOutcome::Done(done(commit)),
            // Either branch was pushed to: the next plan decides by what is there now. Of the base branch GitHub says it with 405.
            SendOutcome::Refused(refusal)
                if refusal.status == 409 || refusal.status == 405 && refusal.message.contains("was modified") =>
            {
                WriteOutcome::Conflict(refusal.message)
            }
            SendOutcome::Refused(refusal) if refusal.status == 405 => {
                WriteOutcome::Refused(refusal.to_finding("merge").next(
                    "see on its page what keeps it from being merged: a missing status, or a conflict; after a conflict, validate the \
                     release again",
                ))
            }
            SendOutcome::Refused(refusal) => WriteOutcome::Refused(refusal.to_finding("merge")),
            SendOutcome::NotSent { why } => WriteOutcome::Refused(
                Finding::inconclusive("merge")
                    .actual(why)
                    .expected("a connection to GitHub")
                    .next("nothing was sent: run this job again"),
            ),
            SendOutcome::Unknown { why } => {
                WriteOutcome::Unknown(Finding::inconclusive("merge").actual(why).expected("an answer"))
            }
        }
    }
}
