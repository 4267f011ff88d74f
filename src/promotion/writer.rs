//! How the commits of a promotion are made, and how the branch gets them. Either git makes them in the checkout and pushes them, or
//! GitHub makes and signs them ([`api`](super::api)), for a branch that requires signed commits. Both move the branch forward once, and
//! only if it has got no other commits.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use clap::ValueEnum;

use super::{
    api::{CommitApi, ParentCommit, repository_of},
    infra::PlannedCommit,
    push::{commit_edit, push},
};
use crate::{
    context::{CommandContext, REQUEST_TIMEOUT},
    error::CommandError,
    finding::Finding,
    ledger::InfraRepo,
    reconcile::{Permit, WriteOutcome},
    secret::Secret,
    world::git::{Commit, CommitIdentity, FileMode, TreePath},
};

/// How a commit reaches the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WriteMode {
    /// Git makes it, and pushes.
    Push,
    /// GitHub makes and signs it.
    Api,
}

/// Writes the commits of promotions to a branch of the infra repository.
pub struct BranchWriter<'a> {
    pub repo: &'a InfraRepo,
    pub ctx: &'a CommandContext,
    maker: CommitMaker,
}

enum CommitMaker {
    Git(CommitIdentity),
    GitHub(Box<CommitApi>),
}

impl<'a> BranchWriter<'a> {
    /// # Errors
    /// Bad input: GitHub is to make the commits, and there is no token, or the infra repository is not on this GitHub.
    pub fn new(
        mode: WriteMode,
        committer: CommitIdentity,
        repo: &'a InfraRepo,
        token: Option<&Secret>,
        ctx: &'a CommandContext,
    ) -> Result<Self, CommandError> {
        let maker = match mode {
            WriteMode::Push => CommitMaker::Git(committer),
            WriteMode::Api => {
                if token.is_none() {
                    return Err(Finding::inconclusive("`token`")
                        .actual("not given")
                        .expected("the token of an App with Contents: write, for `mode: api`")
                        .bad_input());
                }
                let repository = repository_of(repo, ctx.runner_env.server())?;
                CommitMaker::GitHub(Box::new(CommitApi { github: ctx.github(token, REQUEST_TIMEOUT)?, repository }))
            }
        };
        Ok(Self { repo, ctx, maker })
    }

    /// Makes the commit of a plan on top of another one. No branch has it yet.
    ///
    /// # Errors
    /// How the write ends without the commit.
    pub fn commit(
        &self,
        permit: &Permit,
        parent: &ParentCommit,
        modes: &BTreeMap<TreePath, FileMode>,
        edit: &PlannedCommit,
    ) -> Result<ParentCommit, WriteOutcome<Infallible>> {
        match &self.maker {
            CommitMaker::Git(committer) => {
                let made = commit_edit(self.repo, self.ctx, committer, (&parent.commit, modes), edit);
                // Nothing has left this machine yet.
                made.map(|commit| ParentCommit { commit, tree: None }).map_err(WriteOutcome::Refused)
            }
            CommitMaker::GitHub(api) => api.commit(permit, self.repo, parent, modes, edit),
        }
    }

    /// Moves the branch to a commit. `result` is how the promotion ends if that succeeds. A write that was not refused goes to `sent`:
    /// it may have reached the branch, or may still.
    pub fn move_branch<T>(
        &self,
        permit: &Permit,
        commit: &Commit,
        result: T,
        sent: &RefCell<Vec<T>>,
    ) -> WriteOutcome<T> {
        match &self.maker {
            CommitMaker::Git(_) => push(permit, self.repo, self.ctx, commit, result, sent),
            CommitMaker::GitHub(api) => api.move_branch(permit, self.repo, self.ctx, commit, result, sent),
        }
    }

    /// Whether a commit that was sent is on the branch, whose tip was fetched.
    ///
    /// # Errors
    /// Git fails.
    pub fn has_arrived(&self, commit: &Commit, tip: &Commit) -> Result<bool, Finding> {
        let git = &self.repo.git;
        // The checkout lacks a commit of GitHub's that the branch never got.
        Ok(git.has_commit(commit)? && git.is_ancestor(commit, tip)?)
    }
}
