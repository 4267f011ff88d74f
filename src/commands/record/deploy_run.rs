//! Asks GitHub about the run whose end started this workflow. The event is not enough: GitHub starts a `workflow_run` workflow
//! after every run of a workflow with that name, on any branch or tag, and for a fork's pull request.

use crate::{
    config::services::workflow_path::WorkflowPath,
    context::CommandContext,
    deployment::{
        fetch_run,
        judge::{DeployDifference, ExpectedDeploy, judge_branch},
        locate_commit,
    },
    error::CommandError,
    finding::{Finding, Verdict},
    observe::read_until_answered,
    secret::Secret,
    values::HumanDuration,
    world::{event::CompletedRun, git::Branch, github::Repository},
};

const CHECK: &str = "deploy run";

/// The run that a `workflow_run` event names, and what it is compared with.
pub struct DeployRunLookup<'a> {
    pub event: &'a CompletedRun,
    /// The deploy workflow; `None` if any is accepted.
    pub workflow: Option<&'a WorkflowPath>,
    /// `None` for the repository's default branch.
    pub branch: Option<&'a Branch>,
    pub source_token: Option<&'a Secret>,
    /// The token for the dispatch, which is used without `source_token`.
    pub dispatch_token: Option<&'a Secret>,
    pub timeout: HumanDuration,
}

impl DeployRunLookup<'_> {
    /// The checks `deploy run` and `branch`.
    ///
    /// # Errors
    /// Bad input: no repository of this workflow, or a token that cannot be used.
    pub fn check(&self, ctx: &CommandContext) -> Result<Vec<Finding>, CommandError> {
        let (repository, event) = (ctx.own_repository()?, self.event);
        let Some(token) = self.source_token.or(self.dispatch_token) else {
            return Ok(vec![
                Finding::inconclusive(CHECK)
                    .actual(format!("run {} was not looked up: no token is given", event.id))
                    .expected(format!("a token with Actions and Contents: read on {repository}"))
                    .next("add `source-token: ${{ github.token }}` to the step"),
            ]);
        };
        let github = ctx.github(Some(token), self.timeout)?;
        let (execution, limit) = (&ctx.execution, self.timeout.0);
        let run = read_until_answered(execution, limit, || fetch_run(&github, &repository, event.id));
        let position =
            read_until_answered(execution, limit, || locate_commit(&github, &repository, self.branch, &event.head_sha));
        let branch = position.as_ref().ok().map(|position| position.branch.as_str());
        let finding = match run {
            Err(error) => self.with_permissions(error.for_check(CHECK), &repository),
            Ok(None) => refuse(format!("{repository} has no run {}", event.id)),
            Ok(Some(run)) => {
                let wanted = ExpectedDeploy {
                    workflow: self.workflow.map(WorkflowPath::as_str),
                    branch,
                    commit: &event.head_sha,
                    attempt: event.attempt,
                };
                let finding = match wanted.difference(&run) {
                    Some(DeployDifference { actual, .. }) => refuse(actual),
                    None => Finding::passed(CHECK).actual(format!("run {} of commit {}", run.id, run.head_sha)),
                };
                finding.seen_at(&run.html_url, run.updated_at.to_string())
            }
        };
        let workflow = self.workflow.map_or("the deploy workflow", WorkflowPath::as_str);
        let pushed_to = branch.unwrap_or("its branch");
        let expected = format!("a run of {workflow}: pushed to {pushed_to} of {repository}, and ended as success");
        let on_branch = judge_branch(&position, &repository, &event.head_sha);
        Ok(vec![finding.expected(expected), self.with_permissions(on_branch, &repository)])
    }

    /// Adds what the step needs when the token for the dispatch was used and GitHub did not answer it.
    fn with_permissions(&self, finding: Finding, repository: &Repository) -> Finding {
        if finding.verdict != Verdict::Inconclusive || self.source_token.is_some() {
            return finding;
        }
        finding.next(format!(
            "add `source-token: ${{{{ github.token }}}}` to the step, and `actions: read` and `contents: read` to the \
             `permissions` of its job in {repository}"
        ))
    }
}

fn refuse(actual: String) -> Finding {
    Finding::blocked(CHECK)
        .actual(actual)
        .next("nothing is sent for this run; a deployment from the branch starts its own validation")
}
