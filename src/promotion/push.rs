//! The commits that git makes in the checkout, their push, and what its end means.

use std::{cell::RefCell, collections::BTreeMap};

use super::infra::{AFTER_A_LOST_ANSWER, PlannedCommit};
use crate::{
    context::CommandContext,
    finding::Finding,
    ledger::InfraRepo,
    reconcile::{Permit, WriteOutcome},
    world::git::{Commit, CommitIdentity, FileMode, NewFile, PushOutcome, Signature, TreePath},
};

impl PlannedCommit {
    /// The files that change, with the modes that they have; a new one is a regular file.
    pub fn files_with_modes(
        &self,
        modes: &BTreeMap<TreePath, FileMode>,
    ) -> impl Iterator<Item = (&TreePath, FileMode, &String)> {
        self.files.iter().map(|(path, text)| (path, modes.get(path).copied().unwrap_or(FileMode::Regular), text))
    }
}

/// Makes the commit of a plan on top of another one. Nothing leaves this machine.
///
/// # Errors
/// Git fails.
pub fn commit_edit(
    repo: &InfraRepo,
    ctx: &CommandContext,
    committer: &CommitIdentity,
    (parent, modes): (&Commit, &BTreeMap<TreePath, FileMode>),
    edit: &PlannedCommit,
) -> Result<Commit, Finding> {
    let file = |(path, mode, text): (&TreePath, FileMode, &String)| NewFile {
        path: path.clone(),
        mode,
        bytes: text.clone().into_bytes(),
    };
    let files: Vec<NewFile> = edit.files_with_modes(modes).map(file).collect();
    let signature =
        Signature { author: committer.clone(), committer: committer.clone(), at: ctx.execution.clock.wall().into() };
    repo.git.commit_files(parent, &files, &edit.message, &signature)
}

/// Pushes a commit and its parents to the branch. `result` is how the promotion ends if it arrives. A push that was not refused goes
/// to `sent`: it may have reached the remote, or may still.
pub fn push<T>(
    permit: &Permit,
    repo: &InfraRepo,
    ctx: &CommandContext,
    commit: &Commit,
    result: T,
    sent: &RefCell<Vec<T>>,
) -> WriteOutcome<T> {
    let InfraRepo { git, remote, branch, .. } = repo;
    match git.push(permit, remote, commit, branch) {
        PushOutcome::Done => {
            ctx.log.say(&format!("pushed {commit} to {branch}"));
            WriteOutcome::Done(result)
        }
        PushOutcome::Conflict { why, received } => {
            ctx.log.say(&format!("another push was first, planning again: {why}"));
            sent.borrow_mut().extend(received.then_some(result));
            WriteOutcome::Conflict(why)
        }
        PushOutcome::Refused { why } => WriteOutcome::Refused(
            Finding::inconclusive("push")
                .actual(why)
                .expected(format!("the right to push to {branch}"))
                .next("give a `token` with Contents: write that the branch's rules accept; GITHUB_TOKEN cannot push to a protected branch; if it requires signed commits, set `mode: api`"),
        ),
        PushOutcome::Unknown { why } => {
            ctx.log.say(&format!("the push got no answer, checking whether it reached the branch: {why}"));
            sent.borrow_mut().push(result);
            WriteOutcome::Unknown(
                Finding::inconclusive("git push").actual(why).expected("an answer").next(AFTER_A_LOST_ANSWER),
            )
        }
    }
}
