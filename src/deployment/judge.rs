//! Judges a deploy run, and whether a commit is on its branch. Pure.

use crate::{
    finding::Finding,
    subject::Commit,
    values::{clip, short_sha},
    world::{
        git::Branch,
        github::{CommitRelation, Repository, WorkflowRun},
    },
};

/// How much of a text from GitHub goes into a finding, in characters.
const CLIP: usize = 100;

/// A commit and a branch, as GitHub compares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchPosition {
    pub branch: Branch,
    /// `None` if the repository has no branch of this name.
    pub tip: Option<Commit>,
    /// How the commit relates to the tip; `None` if the repository lacks the commit, or if they have no commit in common.
    pub relation: Option<CommitRelation>,
}

/// What a deploy run has to be.
pub struct ExpectedDeploy<'a> {
    /// The path of the workflow's file; `None` if it is not known.
    pub workflow: Option<&'a str>,
    /// The branch that was pushed to; `None` if it could not be observed, which is its own finding.
    pub branch: Option<&'a str>,
    pub commit: &'a Commit,
    pub attempt: u32,
}

/// A difference of a run from what it has to be.
#[derive(Debug, PartialEq, Eq)]
pub struct DeployDifference {
    pub actual: String,
    /// What to do if it can have happened without a forgery.
    pub next: Option<&'static str>,
}

impl ExpectedDeploy<'_> {
    /// The first difference of a run from it. The run's branch is only a name: [`judge_branch`] says what the commit is on.
    #[must_use]
    pub fn difference(&self, run: &WorkflowRun) -> Option<DeployDifference> {
        let id = run.id;
        let name = run.head_branch.as_deref().unwrap_or("no branch");
        let forged = |actual: String| Some(DeployDifference { actual, next: None });
        let unlucky = |actual: String, next| Some(DeployDifference { actual, next: Some(next) });
        if self.workflow.is_some_and(|workflow| !run.is_of_workflow(workflow)) {
            return forged(format!("run {id} is of {}", clip(&run.path, CLIP)));
        }
        if run.event != "push" {
            return forged(format!("run {id} was started by `{}`", clip(&run.event, CLIP)));
        }
        if !run.is_of_own_commit() {
            return forged(format!("run {id} is of a commit from {}", clip(run.head_repository_name(), CLIP)));
        }
        if let Some(branch) = self.branch.filter(|branch| *branch != name) {
            let next = "deploy from the branch of releases; the end of that run starts a validation";
            return unlucky(format!("run {id} is of {}, not {branch}", clip(name, CLIP)), next);
        }
        if run.head_sha != self.commit.as_str() {
            return forged(format!("run {id} is of commit {}, not {}", clip(&run.head_sha, CLIP), self.commit));
        }
        if run.attempt != self.attempt {
            let next = "the latest attempt starts its own validation when it ends";
            let actual =
                format!("attempt {} is named; the latest attempt of run {id} is {}", self.attempt, run.attempt);
            return unlucky(actual, next);
        }
        match run.conclusion.as_deref() {
            Some("success") => None,
            Some(conclusion) => {
                let next = "deploy again; the end of a run that succeeds starts a validation";
                unlucky(format!("run {id} ended as {}", clip(conclusion, CLIP)), next)
            }
            None => unlucky(format!("run {id} has not ended"), "its end starts a validation"),
        }
    }
}

/// The check `branch`: only a commit that is the tip of the branch, or an ancestor of it, is on the branch.
#[must_use]
pub fn judge_branch(position: &Result<BranchPosition, Finding>, repository: &Repository, commit: &Commit) -> Finding {
    const CHECK: &str = "branch";
    let BranchPosition { branch, tip, relation } = match position {
        Ok(position) => position,
        Err(error) => return error.for_check(CHECK),
    };
    let expected = format!("a commit of {branch} in {repository}");
    let Some(tip) = tip else {
        return Finding::blocked(CHECK)
            .actual(format!("{repository} has no branch {branch}"))
            .expected(expected)
            .next("name the branch that releases are built from with `branch`");
    };
    let merge = || format!("merge the commit into {branch}, deploy it from there, and validate it again");
    let Some(relation) = relation else {
        return Finding::blocked(CHECK)
            .actual(format!(
                "{} has nothing in common with {branch}, or {repository} does not have it",
                short_sha(commit.as_str())
            ))
            .expected(expected)
            .next(merge());
    };
    let (commit, tip) = (short_sha(commit.as_str()), short_sha(tip.as_str()));
    match relation.status.as_str() {
        "identical" => Finding::passed(CHECK).actual(format!("{commit} is the tip of {branch}")).expected(expected),
        "behind" => Finding::passed(CHECK)
            .actual(format!("{commit} is on {branch}, {} before its tip {tip}", commits(relation.behind_by)))
            .expected(expected),
        status @ ("ahead" | "diverged") => Finding::blocked(CHECK)
            .actual(format!("{commit} is not on {branch}: GitHub compares it with the tip {tip} as {status}"))
            .expected(expected)
            .next(merge()),
        other => Finding::inconclusive(CHECK)
            .actual(format!("GitHub's comparison: {}", clip(other, CLIP)))
            .expected(expected)
            .next("run this step again"),
    }
}

fn commits(count: u64) -> String {
    if count == 1 { "1 commit".to_owned() } else { format!("{count} commits") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    #[test]
    fn only_the_tip_and_its_ancestors_are_on_the_branch() {
        let (tip, commit): (Commit, Commit) = ("a".repeat(40).parse().unwrap(), "c".repeat(40).parse().unwrap());
        let (branch, repository): (Branch, Repository) = ("release/1".parse().unwrap(), "acme/shop".parse().unwrap());
        let related = |status: &str| {
            let relation = CommitRelation { status: status.to_owned(), behind_by: 2 };
            Ok(BranchPosition { branch: branch.clone(), tip: Some(tip.clone()), relation: Some(relation) })
        };
        let unrelated =
            |tip: Option<&Commit>| Ok(BranchPosition { branch: branch.clone(), tip: tip.cloned(), relation: None });
        for (position, verdict, words) in [
            (related("identical"), Verdict::Passed, "ccccccc is the tip of release/1"),
            (related("behind"), Verdict::Passed, "ccccccc is on release/1, 2 commits before its tip aaaaaaa"),
            (related("ahead"), Verdict::Blocked, "ccccccc is not on release/1"),
            (related("diverged"), Verdict::Blocked, "with the tip aaaaaaa as diverged"),
            (related("sideways"), Verdict::Inconclusive, "sideways"),
            (unrelated(Some(&tip)), Verdict::Blocked, "ccccccc has nothing in common with release/1"),
            (unrelated(None), Verdict::Blocked, "acme/shop has no branch release/1"),
            (Err(Finding::inconclusive("x").actual("403")), Verdict::Inconclusive, "403"),
        ] {
            let finding = judge_branch(&position, &repository, &commit);
            assert_eq!((finding.check.as_str(), finding.verdict), ("branch", verdict), "{finding}");
            assert!(finding.actual.contains(words), "{words} in {finding}");
            assert_eq!(finding.next.is_some() || position.is_err(), verdict != Verdict::Passed, "{finding}");
        }
    }
}
