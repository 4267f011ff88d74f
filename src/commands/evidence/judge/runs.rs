//! The runs that the payload names: the one that validated, and the one that deployed what was validated.

use super::{Case, finding, unobservable};
use crate::{
    commands::evidence::{
        observations::{Looked, Seen, WorkflowRun, is_of_workflow, short},
        payload::DeployTold,
    },
    finding::Finding,
    subject::Commit,
    values::clip,
};

const RUN: &str = "validating run";
const DEPLOY: &str = "deploy run";

impl Case<'_> {
    pub(super) fn validating_run(&self, run: &Looked<Option<WorkflowRun>>) -> Vec<Finding> {
        let told = &self.claim.payload.run;
        let run = match run {
            Ok(Some(run)) => run,
            Ok(None) => {
                let actual = format!("{} has no run {}", self.origin.repository, told.id);
                let expected = format!("a run of {}", self.origin.workflow);
                return vec![Finding::blocked(RUN).actual(actual).expected(expected)];
            }
            Err(error) => return vec![unobservable(RUN, error)],
        };
        vec![run_end(run), self.workflow(run), self.attempt(run), self.started_by(run)]
    }

    fn workflow(&self, run: &WorkflowRun) -> Finding {
        let wanted = &self.origin.workflow;
        finding("workflow", !is_of_workflow(run, wanted.as_str()))
            .actual(&run.path)
            .expected(format!("{wanted}, as `services` says"))
    }

    fn attempt(&self, run: &WorkflowRun) -> Finding {
        let told = self.claim.payload.run.attempt;
        let finding = finding("attempt", run.attempt != told).expected("the latest attempt of the validating run");
        if run.attempt == told {
            return finding.actual(format!("attempt {told}"));
        }
        finding
            .actual(format!("attempt {told} is told of, and attempt {} is the latest", run.attempt))
            .next("the latest attempt dispatches for itself when its gates pass")
    }

    /// Who may start a run may choose what it runs, unless the event and its branch leave no choice.
    fn started_by(&self, run: &WorkflowRun) -> Finding {
        let trusted = &self.origin;
        let branch = run.head_branch.as_deref().unwrap_or("no branch");
        let from = run.head_repository.as_deref().unwrap_or("an unknown repository");
        let local = from.eq_ignore_ascii_case(&trusted.repository.to_string());
        let (good, expected) = match &trusted.deploy_workflow {
            // It runs the default branch's workflow, whatever was deployed; the deploy run's branch is judged with it.
            Some(deploy) => (run.event == "workflow_run", format!("`workflow_run`, after {deploy}")),
            None => (
                run.event == "push" && branch == trusted.branch.as_str(),
                format!("`push` to {}, or a `deploy-workflow` in `services`", trusted.branch),
            ),
        };
        finding("started by", !(good && local))
            .actual(format!("{} on {branch} of {from}", run.event))
            .expected(expected)
    }

    pub(super) fn deploy_run(&self, seen: &Seen) -> Finding {
        let Some(workflow) = &self.origin.deploy_workflow else {
            return self.built_by(seen);
        };
        let expected = format!("a run of {workflow}: pushed to {}, and ended as success", self.origin.branch);
        let (Some(told), Some(looked)) = (&self.claim.payload.deploy, &seen.deploy) else {
            return Finding::inconclusive(DEPLOY).actual("the payload tells of none").expected(expected).next(
                "run `record` in a workflow that the deploy workflow's end starts (`workflow_run`), or take `deploy-workflow` out of `services`",
            );
        };
        let run = match looked {
            Ok(Some(run)) => run,
            Ok(None) => {
                let actual = format!("{} has no run {}", self.origin.repository, told.id);
                return Finding::blocked(DEPLOY).actual(actual).expected(expected);
            }
            Err(error) => return unobservable(DEPLOY, error).expected(expected),
        };
        let fault = self.deploy_fault(told, run, workflow.as_str());
        let at = run.updated_at.to_string();
        let finding = match fault {
            Some(fault) => Finding::blocked(DEPLOY).actual(fault),
            None => Finding::passed(DEPLOY).actual(format!(
                "run {}: {} pushed to {}",
                run.id,
                short(&run.head_sha),
                run.head_branch.as_deref().unwrap_or_default()
            )),
        };
        finding.expected(expected).seen_at(&run.html_url, at)
    }

    fn deploy_fault(&self, told: &DeployTold, run: &WorkflowRun, workflow: &str) -> Option<String> {
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
        } else if branch != trusted.branch.as_str() || told.head_branch.as_ref().is_some_and(|told| told != branch) {
            Some(format!("run {id} is of branch {branch}{}", differing(told.head_branch.as_deref(), branch)))
        } else if run.head_sha != told.head_sha.as_str() {
            Some(format!("run {id} is of commit {}, and commit {} is told of", run.head_sha, told.head_sha))
        } else if run.attempt != told.attempt {
            Some(format!("attempt {} is told of, and attempt {} is the latest", told.attempt, run.attempt))
        } else if ended != "success" {
            Some(format!("run {id} ended as {ended}"))
        } else {
            None
        }
    }

    /// Without a deploy run the validating run's own commit is what was built.
    fn built_by(&self, seen: &Seen) -> Finding {
        let check = "commit";
        let run = match &seen.run {
            Ok(Some(run)) => run,
            Ok(None) => return Finding::inconclusive(check).actual("no validating run, and so no commit"),
            Err(error) => return unobservable(check, error),
        };
        let told = self.claim.commit().map(Commit::as_str);
        finding(check, told.is_some_and(|told| told != run.head_sha))
            .actual(told.unwrap_or(&run.head_sha))
            .expected(format!("{}, the validating run's", run.head_sha))
    }
}

/// While the job that dispatched still runs, the gates' jobs alone count.
fn run_end(run: &WorkflowRun) -> Finding {
    let ended = run.status.as_deref() == Some("completed");
    let bad = ended && run.conclusion.as_deref() != Some("success");
    let actual = match run.conclusion.as_deref().filter(|_| ended) {
        Some(conclusion) => format!("run {} ended as {conclusion}", run.id),
        None => format!("run {} is {}", run.id, run.status.as_deref().unwrap_or("under way")),
    };
    let finding = finding(RUN, bad).actual(actual).expected("still running, or ended as success");
    finding.seen_at(&run.html_url, run.updated_at.to_string())
}

fn differing(told: Option<&str>, branch: &str) -> String {
    told.filter(|told| *told != branch).map(|told| format!(", and {} is told of", clip(told, 100))).unwrap_or_default()
}

impl Seen {
    /// The commit in the image, as GitHub tells it of the run that built it.
    pub fn commit(&self) -> Option<&str> {
        let looked = self.deploy.as_ref().unwrap_or(&self.run);
        looked.as_ref().ok().and_then(Option::as_ref).map(|run| run.head_sha.as_str())
    }
}
