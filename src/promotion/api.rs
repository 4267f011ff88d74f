//! Commits that GitHub makes and signs: a tree, a commit, and the branch moved to it. Only the last step changes the repository for
//! others, so the commit's signature is checked before it.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use super::infra::{AFTER_A_LOST_ANSWER, PlannedCommit};
use crate::{
    context::CommandContext,
    error::CommandError,
    finding::Finding,
    ledger::InfraRepo,
    reconcile::{Permit, WriteOutcome},
    values::clip,
    world::{
        git::{Commit, FileMode, TreeId, TreePath},
        github::{GitHub, GitHubRefusal, MadeCommit, NewCommit, Repository, SendOutcome, TreeFile},
    },
};

/// How GitHub says that the branch moved first. After a write it also says so, or that it does not know an object, while its copies of the
/// repository differ.
const CONFLICT: &[&str] = &["fast forward", "fast-forward", "but expected", "cannot lock ref", "does not exist"];
/// How GitHub names the rules of a branch.
const RULES: &[&str] = &["rule violation", "protected branch"];

/// GitHub, and the infra repository there.
pub struct CommitApi {
    pub github: GitHub,
    pub repository: Repository,
}

/// The parent of a commit to make.
pub struct ParentCommit {
    pub commit: Commit,
    /// The id of its tree; `None`: it is in the checkout, where git finds it.
    pub tree: Option<TreeId>,
}

impl From<&Commit> for ParentCommit {
    fn from(commit: &Commit) -> Self {
        Self { commit: commit.clone(), tree: None }
    }
}

/// The infra repository on GitHub.
///
/// # Errors
/// Bad input: its remote is not on `server`.
pub fn repository_of(repo: &InfraRepo, server: &str) -> Result<Repository, CommandError> {
    let server = server.trim_end_matches('/');
    let page = repo.web_address(Some(server));
    let name = page.as_deref().and_then(|page| page.strip_prefix(server)?.strip_prefix('/')?.parse().ok());
    name.ok_or_else(|| {
        Finding::inconclusive("`mode`")
            .actual(format!("`api`, and the remote {} is {}", repo.remote.name(), repo.remote.url()))
            .expected(format!("a repository on {server}, such as {server}/acme/infra: GitHub makes the commit there"))
            .next("name the remote that is on that server with `remote`, or set `mode: push`")
            .bad_input()
    })
}

impl CommitApi {
    /// Makes the commit of a plan on top of another one. No branch has it yet.
    ///
    /// # Errors
    /// How the write ends without a verified commit.
    pub fn commit(
        &self,
        permit: &Permit,
        repo: &InfraRepo,
        parent: &ParentCommit,
        modes: &BTreeMap<TreePath, FileMode>,
        edit: &PlannedCommit,
    ) -> Result<ParentCommit, WriteOutcome<Infallible>> {
        let Self { github, repository } = self;
        let base = match &parent.tree {
            Some(tree) => tree.clone(),
            None => repo.git.tree_of(&parent.commit).map_err(WriteOutcome::Refused)?,
        };
        let files = edit.files_with_modes(modes).map(|(path, mode, text)| TreeFile { path, mode, text });
        let files: Vec<TreeFile<'_>> = files.collect();
        let tree = made(github.create_tree(permit, repository, &base, &files), "tree")?;
        let new = NewCommit { parent: &parent.commit, tree: &tree, message: &edit.message };
        let commit = made(github.create_commit(permit, repository, &new), "commit")?;
        if let Some(finding) = refusal(&commit, &new) {
            return Err(WriteOutcome::Refused(finding));
        }
        Ok(ParentCommit { commit: commit.commit, tree: Some(tree) })
    }

    /// Moves the branch to a commit. `result` is how the promotion ends if that succeeds. A write that was not refused goes to `sent`:
    /// it may have reached the branch, or may still.
    pub fn move_branch<T>(
        &self,
        permit: &Permit,
        repo: &InfraRepo,
        ctx: &CommandContext,
        commit: &Commit,
        result: T,
        sent: &RefCell<Vec<T>>,
    ) -> WriteOutcome<T> {
        let Self { github, repository } = self;
        let branch = &repo.branch;
        match github.move_branch(permit, repository, branch, commit) {
            SendOutcome::Done(()) => {
                ctx.log.say(&format!("GitHub made and signed {commit}, and {branch} is at it"));
                WriteOutcome::Done(result)
            }
            SendOutcome::Refused(refusal) if is_conflict(&refusal) => {
                let why = refusal.message;
                ctx.log.say(&format!("another commit was first, planning again: {why}"));
                sent.borrow_mut().push(result);
                WriteOutcome::Conflict(why)
            }
            SendOutcome::Refused(refusal) if refusal.status == 422 => WriteOutcome::Refused(
                refusal
                    .to_finding("branch")
                    .next(format!("let the rules of {branch} accept the App of the `token`; its commit is signed, so another rule refused it")),
            ),
            SendOutcome::Refused(refusal) => WriteOutcome::Refused(refusal.to_finding("branch")),
            SendOutcome::NotSent { why } => WriteOutcome::Unsent(why),
            SendOutcome::Unknown { why } => {
                ctx.log.say(&format!("GitHub's answer is lost, checking whether {branch} has the commit: {why}"));
                sent.borrow_mut().push(result);
                WriteOutcome::Unknown(
                    Finding::inconclusive("branch").actual(why).expected("an answer").next(AFTER_A_LOST_ANSWER),
                )
            }
        }
    }
}

/// An object that GitHub made. No branch has it, so it may be made again when the answer is lost.
fn made<T>(sent: SendOutcome<T>, check: &str) -> Result<T, WriteOutcome<Infallible>> {
    match sent {
        SendOutcome::Done(made) => Ok(made),
        SendOutcome::NotSent { why } | SendOutcome::Unknown { why } => {
            Err(WriteOutcome::Unsent(format!("the {check} could not be made: {why}")))
        }
        SendOutcome::Refused(refusal) if is_conflict(&refusal) => Err(WriteOutcome::Unsent(refusal.message)),
        SendOutcome::Refused(refusal) => Err(WriteOutcome::Refused(refusal.to_finding(check))),
    }
}

/// Whether the same may succeed with another look at the repository.
fn is_conflict(refusal: &GitHubRefusal) -> bool {
    let message = refusal.message.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    match refusal.status {
        409 => !says(RULES),
        422 => says(CONFLICT) && !says(RULES),
        _ => false,
    }
}

/// Why a commit that GitHub made is not used.
fn refusal(made: &MadeCommit, new: &NewCommit<'_>) -> Option<Finding> {
    let MadeCommit { commit, tree, parents, is_verified, reason } = made;
    if tree != new.tree || *parents != [new.parent.clone()] {
        let finding = Finding::inconclusive("commit").actual(format!("{commit} has another tree or other parents"));
        return Some(finding.expected("the commit that was asked for").next("run this step again"));
    }
    if *is_verified {
        return None;
    }
    let next = if reason == "unsigned" {
        "give the `token` of an App, or `github.token`: GitHub signs their commits, and none of a personal access token; on an Enterprise \
         Server, an administrator has to switch on signing of web commits"
    } else {
        "run this step again; if it stays so, ask GitHub's support about this reason"
    };
    Some(
        Finding::inconclusive("signature")
            .actual(format!("GitHub did not verify its commit {commit}: {}; no branch has it", clip(reason, 64)))
            .expected("a verified commit, for `mode: api`")
            .next(next),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, message: &str) -> GitHubRefusal {
        GitHubRefusal { status, message: message.to_owned(), hint: String::new() }
    }

    #[test]
    fn only_another_commit_or_a_lagging_copy_is_planned_again() {
        for (status, message, expected) in [
            (422, "Update is not a fast forward", true),
            (422, "Object does not exist", true),
            (409, "main is at 1 but expected 2", true),
            (422, "Repository rule violations found\n\nCommits must have verified signatures.", false),
            (409, "Repository rule violations found\n\nChanges must be made through a pull request.", false),
            (422, "Required status check \"x\" is expected.", false),
            (403, "Resource not accessible by integration", false),
            (404, "Not Found", false),
        ] {
            assert_eq!(is_conflict(&refused(status, message)), expected, "{status} {message}");
        }
    }

    #[test]
    fn a_commit_is_used_if_it_is_the_one_that_was_asked_for_and_verified() {
        let (parent, other): (Commit, Commit) = ("a".repeat(40).parse().unwrap(), "b".repeat(40).parse().unwrap());
        let (tree, other_tree) = ("c".repeat(40).parse().unwrap(), "d".repeat(40).parse().unwrap());
        let new = NewCommit { parent: &parent, tree: &tree, message: "" };
        let good = MadeCommit {
            commit: other.clone(),
            tree: tree.clone(),
            parents: vec![parent.clone()],
            is_verified: true,
            reason: "valid".to_owned(),
        };
        assert_eq!(refusal(&good, &new), None);
        for (wrong, check, word) in [
            (MadeCommit { tree: other_tree, ..good.clone() }, "commit", "another tree"),
            (MadeCommit { parents: vec![other], ..good.clone() }, "commit", "other parents"),
            (MadeCommit { parents: Vec::new(), ..good.clone() }, "commit", "other parents"),
            (MadeCommit { is_verified: false, reason: "unsigned".to_owned(), ..good.clone() }, "signature", "unsigned"),
            (MadeCommit { is_verified: false, ..good.clone() }, "signature", "valid"),
        ] {
            let finding = refusal(&wrong, &new).unwrap();
            assert_eq!(finding.check, check);
            assert!(finding.actual.contains(word) && finding.next.is_some(), "{finding}");
        }
    }
}
