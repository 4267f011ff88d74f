//! Whether the workflow run that a promotion names exists, and can have made it.

use std::{cell::OnceCell, time::Duration};

use jiff::SignedDuration;

use super::{entry::LedgerEntry, run_url::RunUrl};
use crate::{
    execution::Execution,
    finding::Finding,
    observe::read_until_answered,
    report::Run,
    world::github::{GitHub, Repository, WorkflowRun},
};

/// How far the clocks of GitHub and of the committer may differ.
const SKEW: SignedDuration = SignedDuration::from_hours(1);
/// Events of a run that anybody can start from a fork or a branch without review.
const UNREVIEWED: [&str; 3] = ["pull_request", "pull_request_target", "pull_request_review"];

/// What GitHub says about the trailer `Workflow` of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunCheck {
    /// The run exists and fits; what it is, for a message.
    Confirmed(String),
    /// It did not make this promotion.
    Refuted(String),
    /// Why it is not known.
    NotChecked(String),
}

/// Looks up the runs of one repository.
pub struct RunChecker<'a> {
    github: &'a GitHub,
    /// The repository whose workflows promote.
    repository: &'a Repository,
    /// The run of this command, which GitHub shows to a token that may read runs.
    own_run: Option<&'a Run>,
    execution: &'a Execution,
    sees_runs: OnceCell<bool>,
    /// Why GitHub did not answer, however often it was asked. It is not asked again then: what it says decides little.
    unanswered: OnceCell<Finding>,
}

/// How long one run is asked for.
const PATIENCE: Duration = Duration::from_secs(20);

impl<'a> RunChecker<'a> {
    #[must_use]
    pub const fn new(
        github: &'a GitHub,
        repository: &'a Repository,
        own_run: Option<&'a Run>,
        execution: &'a Execution,
    ) -> Self {
        Self { github, repository, own_run, execution, sees_runs: OnceCell::new(), unanswered: OnceCell::new() }
    }

    /// Checks the run of an entry. Requests one run, and this command's own once.
    #[must_use]
    pub fn check(&self, entry: &LedgerEntry) -> RunCheck {
        let Some(run) = entry.promotion.workflow_run() else {
            return RunCheck::NotChecked("it names no workflow run".to_owned());
        };
        if !run.repository.to_string().eq_ignore_ascii_case(&self.repository.to_string()) {
            return RunCheck::NotChecked(format!("it names a run of {}", run.repository));
        }
        match self.find(run.id) {
            Ok(Some(found)) => judge_run(entry, &run, &found),
            // GitHub also answers "not found" to a token that may not read the runs.
            Ok(None) if self.sees_runs() => RunCheck::Refuted(format!("{} has no run {}", self.repository, run.id)),
            Ok(None) => RunCheck::NotChecked(format!("GitHub shows no runs of {} to this token", self.repository)),
            Err(finding) => RunCheck::NotChecked(finding.to_string()),
        }
    }

    fn sees_runs(&self) -> bool {
        *self.sees_runs.get_or_init(|| self.own_run.is_some_and(|run| matches!(self.find(run.id), Ok(Some(_)))))
    }

    fn find(&self, id: u64) -> Result<Option<WorkflowRun>, Finding> {
        if let Some(unanswered) = self.unanswered.get() {
            return Err(unanswered.clone());
        }
        let found = read_until_answered(self.execution, PATIENCE, || self.github.workflow_run(self.repository, id));
        found.inspect_err(|error| {
            if error.retry_after.is_some() {
                let _ = self.unanswered.set(error.clone());
            }
        })
    }
}

fn judge_run(entry: &LedgerEntry, named: &RunUrl, found: &WorkflowRun) -> RunCheck {
    let WorkflowRun { id, attempt, path, event, head_branch, head_repository, repository, created_at, .. } = found;
    let what = format!("run {id} of {path}, by `{event}` on {}", head_branch.as_deref().unwrap_or("no branch"));
    if named.attempt.is_some_and(|named| named > *attempt) {
        return RunCheck::Refuted(format!("{what} has {attempt} attempts, and it names a later one"));
    }
    if UNREVIEWED.contains(&event.as_str()) || head_repository.as_ref().is_some_and(|head| head != repository) {
        return RunCheck::Refuted(format!("{what} is a run for a pull request or a fork"));
    }
    if created_at.duration_since(entry.committed_at) > SKEW {
        return RunCheck::Refuted(format!("{what} was created at {created_at}, after the commit"));
    }
    RunCheck::Confirmed(what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::tests::{commit_with_trailers, entry_of};

    #[test]
    fn a_run_that_cannot_have_made_the_promotion_is_refuted() {
        let trailers = [
            ("Service", "shop"),
            ("Environment", "production"),
            ("Image", "a:1"),
            ("Workflow", "https://github.com/acme/infra/actions/runs/7/attempts/2"),
        ];
        // Committed at noon.
        let entry = entry_of(&commit_with_trailers('1', &trailers)).unwrap();
        let named = entry.promotion.workflow_run().unwrap();
        let judged = |change: serde_json::Value| {
            let mut run = json!({
                "id": 7, "run_attempt": 2, "workflow_id": 1, "path": ".github/workflows/promote.yml",
                "event": "repository_dispatch", "status": "completed", "conclusion": "success", "head_branch": "main",
                "head_sha": "a".repeat(40), "repository": { "full_name": "acme/infra" },
                "head_repository": { "full_name": "acme/infra" }, "html_url": "https://github.com/x",
                "created_at": "2026-01-01T11:00:00Z", "updated_at": "2026-01-01T12:00:00Z",
            });
            run.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            judge_run(&entry, &named, &serde_json::from_value(run).unwrap())
        };
        let fits = "run 7 of .github/workflows/promote.yml, by `repository_dispatch` on main";
        assert_eq!(judged(json!({})), RunCheck::Confirmed(fits.to_owned()));
        for (change, part) in [
            (json!({ "run_attempt": 1 }), "has 1 attempts"),
            (json!({ "event": "pull_request" }), "for a pull request or a fork"),
            (json!({ "head_repository": { "full_name": "mallory/infra" } }), "for a pull request or a fork"),
            (json!({ "created_at": "2026-01-01T13:30:00Z" }), "after the commit"),
        ] {
            let RunCheck::Refuted(why) = judged(change) else { panic!("{part}") };
            assert!(why.contains(part), "{why}");
        }
        assert!(
            matches!(judged(json!({ "created_at": "2026-01-01T12:30:00Z" })), RunCheck::Confirmed(_)),
            "clocks differ"
        );
    }
}
