//! The push of one or more promotions, and what its end means.

use std::cell::RefCell;

use crate::{
    context::CommandContext,
    finding::Finding,
    ledger::InfraRepo,
    reconcile::{Permit, WriteOutcome},
    world::git::{Commit, PushOutcome},
};

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
                .next("give a `token` with Contents: write that the branch's rules accept; GITHUB_TOKEN cannot push to a protected branch"),
        ),
        PushOutcome::Unknown { why } => {
            ctx.log.say(&format!("the push got no answer, checking whether it reached the branch: {why}"));
            sent.borrow_mut().push(result);
            WriteOutcome::Unknown(
                Finding::inconclusive("git push").actual(why).expected("an answer").next(
                    "look at the branch before running it again; a second run is safe: an image that is already set is not committed twice",
                ),
            )
        }
    }
}
