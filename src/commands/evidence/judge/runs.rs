//! The checks of the workflow runs that the payload names: the validating run, and the deploy run that it validated.

use crate::{
    commands::evidence::{
        observations::{EvidenceObservations, ValidationJobs},
        payload::ClaimedDeploy,
        verification::{Verification, block_if},
    },
    deployment::judge::{DeployDifference, ExpectedDeploy, judge_branch},
    finding::{Finding, Verdict},
    subject::Commit,
    values::{clip, short_sha},
    world::github::{Job, WorkflowRun},
};

const RUN: &str = "validating run";
const DEPLOY: &str = "deploy run";
const BRANCH: &str = "branch";
/// The next step after a job that failed.
pub(super) const FAILED_JOB: &str = "see the log of that job; when it succeeds, validate the release again";
/// How much of a name goes into a finding, in characters.
const CLIP: usize = 100;

impl Verification<'_> {
    pub(super) fn check_validating_run(&self, observations: &EvidenceObservations) -> Vec<Finding> {
        let claimed = &self.claim.payload.run;
        let run = match &observations.run {
            Ok(Some(run)) => run,
            Ok(None) => {
                let actual = format!("{} has no run {}", self.origin.repository, claimed.id);
                let expected = format!("a run of {}", self.origin.workflow);
                return vec![Finding::blocked(RUN).actual(actual).expected(expected)];
            }
            Err(error) => return vec![error.for_check(RUN)],
        };
        let event = self.check_event(run, observations.branch_name());
        vec![self.check_conclusion(run, &observations.jobs), self.check_workflow(run), self.check_attempt(run), event]
    }

    /// The validating run may still be running, because the job that dispatched is part of it. One run may validate several
    /// services: it counts against this one when a job failed that may have to do with this evidence, or when no job explains it.
    fn check_conclusion(&self, run: &WorkflowRun, jobs: &ValidationJobs) -> Finding {
        let ended = run.conclusion.as_deref().filter(|_| run.status.as_deref() == Some("completed"));
        let finding = |verdict, actual: String| {
            Finding::new(RUN, verdict)
                .actual(actual)
                .expected("still running, or ended as success; a job that failed for another service does not count")
                .seen_at(&run.html_url, run.updated_at.to_string())
        };
        let conclusion = match (run.status.as_deref(), ended) {
            (_, Some("success")) => return finding(Verdict::Passed, format!("run {} ended as success", run.id)),
            (Some("completed"), None) => {
                return finding(Verdict::Blocked, format!("run {} ended without a conclusion", run.id));
            }
            (status, None) => {
                let status = status.unwrap_or("under way");
                return finding(Verdict::Passed, format!("run {} is {status}", run.id));
            }
            (_, Some(conclusion)) => conclusion,
        };
        let ended = format!("run {} ended as {}", run.id, clip(conclusion, CLIP));
        let failed: Vec<&Job> = jobs.jobs.iter().flatten().filter(|job| has_failed(job)).collect();
        let describe = |job: &&Job| {
            format!("job `{}` ended as {}", clip(&job.name, CLIP), job.conclusion.as_deref().unwrap_or_default())
        };
        if let Some(own) = failed.iter().find(|job| self.may_be_own_job(job, jobs)) {
            return finding(Verdict::Blocked, format!("{ended}: {}", describe(own))).next(FAILED_JOB);
        }
        if failed.is_empty() {
            return finding(Verdict::Blocked, format!("{ended}, and none of its jobs shows why"));
        }
        let failed = failed.iter().map(describe).collect::<Vec<_>>().join(", ");
        finding(Verdict::Passed, format!("{ended}: {}", clip(&failed, 3 * CLIP)))
            .waived("no report of this evidence is from these jobs")
    }

    fn check_workflow(&self, run: &WorkflowRun) -> Finding {
        let trusted = &self.origin.workflow;
        block_if(!run.is_of_workflow(trusted.as_str()), "workflow")
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

    /// A person who may start a run can choose the code that it runs, unless the event and the branch leave no choice. The
    /// name of the branch is needed, and not enough: a tag can have it. [`Self::check_branch`] compares the commit.
    fn check_event(&self, run: &WorkflowRun, branch: Option<&str>) -> Finding {
        let name = run.head_branch.as_deref().unwrap_or("no branch");
        let (is_of_event, events) =
            (self.origin.events().contains(&run.event.as_str()), self.origin.events().join("` or `"));
        let (is_trusted_event, expected) = match (&self.origin.deploy_workflow, branch) {
            // `workflow_run` always runs the default branch's workflow.
            (Some(deploy), _) => (is_of_event, format!("`{events}`, after {deploy}")),
            (None, Some(branch)) => {
                (is_of_event && name == branch, format!("`{events}` to {branch}, or a `deploy-workflow` in `services`"))
            }
            (None, None) => (is_of_event, format!("`{events}`, or a `deploy-workflow` in `services`")),
        };
        block_if(!(is_trusted_event && run.is_of_own_commit()), "started by")
            .actual(format!("{} on {} of {}", run.event, clip(name, CLIP), clip(run.head_repository_name(), CLIP)))
            .expected(expected)
    }

    pub(super) fn check_deploy_run(&self, observations: &EvidenceObservations) -> Finding {
        let Some(workflow) = &self.origin.deploy_workflow else {
            return self.check_commit(observations);
        };
        let branch = observations.branch_name();
        let expected =
            format!("a run of {workflow}: pushed to {}, and ended as success", branch.unwrap_or("its branch"));
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
        let ClaimedDeploy { head_sha: commit, attempt, .. } = claimed;
        let wanted = ExpectedDeploy { workflow: Some(workflow.as_str()), branch, commit, attempt: *attempt };
        let difference = wanted.difference(run);
        let at = run.updated_at.to_string();
        let finding = match difference {
            Some(DeployDifference { actual, next }) => {
                let finding = Finding::blocked(DEPLOY).actual(actual);
                match next {
                    Some(next) => finding.next(next),
                    None => finding,
                }
            }
            None => Finding::passed(DEPLOY).actual(format!("run {} of commit {}", run.id, short_sha(&run.head_sha))),
        };
        finding.expected(expected).seen_at(&run.html_url, at)
    }

    /// The commit in the image has to be on the branch, whatever the run is named after.
    pub(super) fn check_branch(&self, observations: &EvidenceObservations) -> Finding {
        match (&observations.branch, observations.built_commit()) {
            (Some(position), Some(commit)) => judge_branch(position, &self.origin.repository, &commit),
            _ => Finding::inconclusive(BRANCH)
                .actual("the commit of this image is not known")
                .expected(format!("a commit of a branch of {}", self.origin.repository))
                .next("see the check of the run that built it"),
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

/// The checks of the runs and the branch that GitHub did not answer: without them, the commit and the jobs are unknown.
pub(super) fn unanswered_checks(observations: &EvidenceObservations) -> Vec<&'static str> {
    let EvidenceObservations { run, deploy, branch, .. } = observations;
    let checks = [
        (RUN, run.is_err()),
        (DEPLOY, deploy.as_ref().is_some_and(Result::is_err)),
        (BRANCH, branch.as_ref().is_some_and(Result::is_err)),
    ];
    checks.into_iter().filter_map(|(check, is_unanswered)| is_unanswered.then_some(check)).collect()
}

/// Whether a job kept its run from succeeding.
fn has_failed(job: &Job) -> bool {
    job.conclusion.as_deref().is_some_and(|conclusion| !["success", "skipped", "neutral"].contains(&conclusion))
}
