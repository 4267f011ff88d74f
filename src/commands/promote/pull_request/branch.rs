//! The branch of a promotion: one commit on the tip of the base branch, pushed once.

use std::{cell::RefCell, collections::BTreeMap};

use super::{
    look::{read_rivals, read_tip},
    plan::{BranchTip, ProposalFacts, Proposed, ProposedCommit, Rival, decide_commit, title_of},
    session::Session,
};
use crate::{
    error::CommandError,
    finding::Finding,
    promotion::{
        infra::{
            InfraSnapshot, PlannedCommit, PromotionPlan,
            set_image::{commit_edit, read_snapshot},
        },
        push::push,
    },
    reconcile::{Change, Permit, Plan, WriteOutcome},
    report::{Effect, EffectState},
    world::{
        git::{FileMode, Tip, TreePath},
        github::PullRequest,
    },
};

/// Makes the branch with its commit, unless it is there.
pub struct ProposeCommit<'a> {
    session: &'a Session<'a>,
    /// Pushes that were not refused: each may have reached the remote, or may still.
    sent: RefCell<Vec<ProposedCommit>>,
}

/// The base branch, the promotion's branch, and the pull requests that matter.
pub struct Base {
    tip: Tip,
    modes: BTreeMap<TreePath, FileMode>,
    snapshot: InfraSnapshot,
    on_branch: Option<BranchTip>,
    own: Vec<PullRequest>,
    rivals: Vec<Rival>,
}

impl<'a> ProposeCommit<'a> {
    pub fn new(session: &'a Session<'a>) -> Self {
        Self { session, sent: RefCell::default() }
    }
}

impl Change for ProposeCommit<'_> {
    type Base = Base;
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
        let previous = edit.previous.as_deref().unwrap_or("no image entry");
        Some(format!("one commit: {previous} → {}", edit.image))
    }

    fn read(&self) -> Result<Base, CommandError> {
        let Session { promote, repo, on_branch, branch, github, repository, ctx, .. } = self.session;
        let tip = repo.tip()?;
        let (modes, snapshot) = read_snapshot(repo, ctx, &tip.commit, *promote)?;
        let found = read_tip(on_branch, branch).map_err(Finding::unobservable)?;
        let own = github.pull_requests_of_branch(repository, &on_branch.branch).map_err(Finding::unobservable)?;
        let rivals = read_rivals(self.session).map_err(Finding::unobservable)?;
        Ok(Base { tip, modes, snapshot, on_branch: found, own, rivals })
    }

    fn arrived(&self, base: &Base) -> Option<Proposed> {
        let tip = base.on_branch.as_ref()?;
        let sent = self.sent.borrow();
        sent.iter().find(|sent| sent.commit == tip.commit).cloned().map(Proposed::Commit)
    }

    fn plan(&self, base: &Base) -> Plan<PlannedCommit, Proposed> {
        let facts = ProposalFacts {
            branch: &self.session.branch,
            base: &base.snapshot,
            tip: base.on_branch.as_ref(),
            own: &base.own,
            rivals: &base.rivals,
        };
        decide_commit(self.session.promote, self.session.repo.branch.as_str(), &facts)
    }

    fn write(&self, permit: &Permit, base: &Base, edit: &PlannedCommit) -> WriteOutcome<Proposed> {
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
        match push(permit, on_branch, ctx, &commit, proposed, &self.sent) {
            WriteOutcome::Done(proposed) => WriteOutcome::Done(Proposed::Commit(proposed)),
            // Another run made the branch first: the next plan takes its commit.
            WriteOutcome::Conflict(why) => WriteOutcome::Conflict(why),
            WriteOutcome::Unknown(finding) => WriteOutcome::Unknown(finding),
            WriteOutcome::Refused(finding) => WriteOutcome::Refused(finding),
        }
    }
}
