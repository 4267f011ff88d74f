//! `GET …/actions/runs/{run_id}/attempts/{attempt_number}/jobs`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Breach, FakeGitHub,
    accounts::{Accounts, fields},
    call::Call,
    id, node_id, not_found, now,
    repositories::Repository,
    time,
};
use crate::sandbox::server::Answer;

/// A job of an attempt. The default has just succeeded.
#[derive(Clone, Debug)]
pub struct Job {
    /// Also its check run's; 0 for one that follows from run, attempt and name.
    pub id: u64,
    pub name: String,
    /// `queued`, `waiting`, `in_progress`, `completed`, …
    pub status: String,
    pub conclusion: Option<String>,
    /// When a runner began its first step.
    pub started_at: Timestamp,
    /// What GitHub tells for its start where it tells another time: when it was put into the queue.
    pub queued_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// None before one took it.
    pub runner_name: Option<String>,
}

impl Default for Job {
    fn default() -> Self {
        let now = now();
        Self {
            id: 0,
            name: "job".to_owned(),
            status: "completed".to_owned(),
            conclusion: Some("success".to_owned()),
            started_at: now,
            queued_at: None,
            completed_at: Some(now),
            runner_name: Some("GitHub Actions 1".to_owned()),
        }
    }
}

impl Job {
    /// One that ended: `success`, `failure`, `cancelled`, `skipped`.
    #[must_use]
    pub fn ended(name: &str, conclusion: &str) -> Self {
        Self { name: name.to_owned(), conclusion: Some(conclusion.to_owned()), ..Self::default() }
    }

    /// One that this runner is at.
    #[must_use]
    pub fn running(name: &str, runner_name: &str) -> Self {
        Self {
            name: name.to_owned(),
            status: "in_progress".to_owned(),
            conclusion: None,
            completed_at: None,
            runner_name: Some(runner_name.to_owned()),
            ..Self::default()
        }
    }

    /// One that waits for an approval or a timer.
    #[must_use]
    pub fn waiting(name: &str) -> Self {
        Self { status: "waiting".to_owned(), runner_name: None, ..Self::running(name, "") }
    }

    /// The step that every job begins with, once a runner has it.
    fn steps(&self) -> Vec<Value> {
        let began = self.runner_name.is_some() && matches!(self.status.as_str(), "in_progress" | "completed");
        let began = began && self.conclusion.as_deref() != Some("skipped");
        let at = time(self.started_at);
        let first = json!({
            "name": "Set up job",
            "status": "completed",
            "conclusion": "success",
            "number": 1,
            "started_at": at,
            "completed_at": at,
        });
        began.then_some(first).into_iter().collect()
    }

    /// The same, begun then.
    #[must_use]
    pub fn since(self, started_at: Timestamp) -> Self {
        Self { started_at, ..self }
    }
}

impl FakeGitHub {
    /// Adds a job to an attempt, or puts it in the place of the one of the same name; its id. Name a matrix's jobs as
    /// GitHub does: `test (1)`.
    pub fn set_job(&self, repository: &str, run: u64, attempt: u32, job: Job) -> u64 {
        self.in_repository(repository, |known, _| {
            let same =
                known.jobs.iter().position(|(of, at, there)| (*of, *at, &there.name) == (run, attempt, &job.name));
            let before = same.map_or(0, |at| known.jobs.remove(at).2.id);
            let number = [job.id, before, id("job", &format!("{}/{run}/{attempt}/{}", known.name, job.name))];
            let number = number.into_iter().find(|&number| number != 0).unwrap_or_default();
            known.jobs.insert(same.unwrap_or(known.jobs.len()), (run, attempt, Job { id: number, ..job }));
            number
        })
    }
}

pub(super) fn of_attempt(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let Some(run) = repository.attempt(call)? else { return Ok(not_found()) };
    let its = repository.jobs.iter().filter(|(of, attempt, _)| (*of, *attempt) == (run.id, run.attempt));
    let url = repository.url(&call.api);
    let page = call.page(its.collect())?;
    Ok(page.counted("jobs", |(_, _, job)| {
        let mut shown = fields(json!({
            "id": job.id,
            "run_id": run.id,
            "run_url": format!("{url}/actions/runs/{}", run.id),
            "run_attempt": run.attempt,
            "node_id": node_id("CR", job.id),
            "head_sha": run.head_sha,
            "head_branch": run.head_branch,
            "url": format!("{url}/actions/jobs/{}", job.id),
            "html_url": format!("{}/actions/runs/{}/job/{}", repository.page(), run.id, job.id),
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": time(run.run_started_at),
            "started_at": time(job.queued_at.unwrap_or(job.started_at)),
            "completed_at": job.completed_at.map(time),
            "name": job.name,
            "steps": job.steps(),
        }));
        let runner = job.runner_name.as_deref();
        shown.extend(fields(json!({
            "check_run_url": format!("{url}/check-runs/{}", job.id),
            "labels": ["ubuntu-latest"],
            "runner_id": runner.map(|name| id("runner", name)),
            "runner_name": runner,
            "runner_group_id": runner.map(|_| 0),
            "runner_group_name": runner.map(|_| "GitHub Actions"),
            "workflow_name": run.path.rsplit('/').next(),
        })));
        Value::Object(shown)
    }))
}
