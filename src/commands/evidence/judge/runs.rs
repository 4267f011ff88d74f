//! The checks of the workflow runs that the payload names: the validating run, and the deploy run that it validated.

use crate::{
    commands::evidence::{
        observations::{EvidenceObservations, is_of_workflow, short_sha},
        payload::ClaimedDeploy,
        verification::{Verification, block_if},
    },
    finding::Finding,
    subject::Commit,
    values::clip,
    world::github::WorkflowRun,
};

const RUN: &str = "validating run";
const DEPLOY: &str = "deploy run";

impl Verification<'_> {
    pub(super) fn check_validating_run(&self, run: &Result<Option<WorkflowRun>, Finding>) -> Vec<Finding> {
        let claimed = &self.claim.payload.run;
        let run = match run {
            Ok(Some(run)) => run,
            Ok(None) => {
                let actual = format!("{} has no run {}", self.origin.repository, claimed.id);
                let expected = format!("a run of {}", self.origin.workflow);
                return vec![Finding::blocked(RUN).actual(actual).expected(expected)];
            }
            Err(error) => return vec![error.for_check(RUN)],
        };
        vec![check_conclusion(run), self.check_workflow(run), self.check_attempt(run), self.check_event(run)]
    }

    fn check_workflow(&self, run: &WorkflowRun) -> Finding {
        let trusted = &self.origin.workflow;
        block_if(!is_of_workflow(run, trusted.as_str()), "workflow")
            .actual(&run.path)
            .expected(format!("{trusted}, as `services` says"))
    }

    fn check_attempt(&self, run: &WorkflowRun) -> Finding {
        let claimed = self.claim.payload.run.attempt;
        let finding = block_if(run.attempt != claimed, "attempt").expected("the latest attempt of the validating run");
        if run.attempt == claimed {
            return finding.actual(format!("attempt {claimed}"));
        }
        finding
            .actual(format!("the payload names attempt {claimed}; the latest attempt is {}", run.attempt))
            .next("the latest attempt dispatches for itself when its gates pass")
    }

    /// A person who may start a run can choose the code that it runs, unless the event and the branch leave no choice.
    fn check_event(&self, run: &WorkflowRun) -> Finding {
        let trusted = &self.origin;
        let branch = run.head_branch.as_deref().unwrap_or("no branch");
        let from = run.head_repository.as_deref().unwrap_or("an unknown repository");
        let is_own_repository = from.eq_ignore_ascii_case(&trusted.repository.to_string());
        let (is_of_event, events) = (trusted.events().contains(&run.event.as_str()), trusted.events().join("` or `"));
        let (is_trusted_event, expected) = match &trusted.deploy_workflow {
            // `workflow_run` always runs the default branch's workflow. The deploy run's check judges the deployed branch.
            Some(deploy) => (is_of_event, format!("`{events}`, after {deploy}")),
            None => (
                is_of_event && branch == trusted.branch.as_str(),
                format!("`{events}` to {}, or a `deploy-workflow` in `services`", trusted.branch),
            ),
        };
        block_if(!(is_trusted_event && is_own_repository), "started by")
            .actual(format!("{} on {branch} of {from}", run.event))
            .expected(expected)
    }

    pub(super) fn check_deploy_run(&self, observations: &EvidenceObservations) -> Finding {
        let Some(workflow) = &self.origin.deploy_workflow else {
            return self.check_commit(observations);
        };
        let expected = format!("a run of {workflow}: pushed to {}, and ended as success", self.origin.branch);
        let (Some(claimed), Some(observed)) = (&self.claim.payload.deploy, &observations.deploy) else {
            return Finding::inconclusive(DEPLOY).actual("the payload names none").expected(expected).next(
                "run `record` in a workflow that the deploy workflow's end starts (`workflow_run`), or take `deploy-workflow` out of `services`",
            );
        };
        let run = match observed {
            Ok(Some(run)) => run,
            Ok(None) => {
                let actual = format!("{} has no run {}", self.origin.repository, claimed.id);
                return Finding::blocked(DEPLOY).actual(actual).expected(expected);
            }
            Err(error) => return error.for_check(DEPLOY).expected(expected),
        };
        let difference = self.deploy_difference(claimed, run, workflow.as_str());
        let at = run.updated_at.to_string();
        let finding = match difference {
            Some(difference) => Finding::blocked(DEPLOY).actual(difference),
            None => Finding::passed(DEPLOY).actual(format!(
                "run {}: {} pushed to {}",
                run.id,
                short_sha(&run.head_sha),
                run.head_branch.as_deref().unwrap_or_default()
            )),
        };
        finding.expected(expected).seen_at(&run.html_url, at)
    }

    /// The first difference of the deploy run from the claim and from what the config file trusts.
    fn deploy_difference(&self, claimed: &ClaimedDeploy, run: &WorkflowRun, workflow: &str) -> Option<String> {
        let trusted = &self.origin;
        let id = run.id;
        let branch = run.head_branch.as_deref().unwrap_or("no branch");
        let from = run.head_repository.as_deref().unwrap_or("an unknown repository");
        let ended = run.conclusion.as_deref().unwrap_or("not yet");
        if !is_of_workflow(run, workflow) {
            Some(format!("run {id} is of {}", run.path))
        } else if run.event != "push" {
            Some(format!("run {id} was started by `{}`", run.event))
        } else if !from.eq_ignore_ascii_case(&trusted.repository.to_string()) {
            Some(format!("run {id} is of a commit from {from}"))
        } else if branch != trusted.branch.as_str() || claimed.head_branch.as_ref().is_some_and(|name| name != branch) {
            Some(format!("run {id} is of branch {branch}{}", other_branch(claimed.head_branch.as_deref(), branch)))
        } else if run.head_sha != claimed.head_sha.as_str() {
            Some(format!("run {id} is of commit {}; the payload names commit {}", run.head_sha, claimed.head_sha))
        } else if run.attempt != claimed.attempt {
            Some(format!("the payload names attempt {}; the latest attempt is {}", claimed.attempt, run.attempt))
        } else if ended != "success" {
            Some(format!("run {id} ended as {ended}"))
        } else {
            None
        }
    }

    /// Without a deploy workflow, the image is built from the validating run's commit.
    fn check_commit(&self, observations: &EvidenceObservations) -> Finding {
        let check = "commit";
        let run = match &observations.run {
            Ok(Some(run)) => run,
            Ok(None) => return Finding::inconclusive(check).actual("no validating run, and so no commit"),
            Err(error) => return error.for_check(check),
        };
        let claimed = self.claim.commit().map(Commit::as_str);
        block_if(claimed.is_some_and(|commit| commit != run.head_sha), check)
            .actual(claimed.unwrap_or(&run.head_sha))
            .expected(format!("{}, the validating run's", run.head_sha))
    }
}

/// The validating run may still be running, because the job that dispatched is part of it. The gate checks judge the jobs.
fn check_conclusion(run: &WorkflowRun) -> Finding {
    let ended = run.status.as_deref() == Some("completed");
    let has_failed = ended && run.conclusion.as_deref() != Some("success");
    let actual = match run.conclusion.as_deref().filter(|_| ended) {
        Some(conclusion) => format!("run {} ended as {conclusion}", run.id),
        None => format!("run {} is {}", run.id, run.status.as_deref().unwrap_or("under way")),
    };
    let finding = block_if(has_failed, RUN).actual(actual).expected("still running, or ended as success");
    finding.seen_at(&run.html_url, run.updated_at.to_string())
}

/// The end of a sentence about `branch` if the payload names another branch; else empty.
fn other_branch(claimed: Option<&str>, branch: &str) -> String {
    let other = claimed.filter(|claimed| *claimed != branch);
    other.map(|claimed| format!("; the payload names {}", clip(claimed, 100))).unwrap_or_default()
}
