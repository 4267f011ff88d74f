//! `GET …/actions/runs/{run_id}/attempts/{attempt_number}/jobs`.

use serde_json::{Value, json};

use super::{
    call::ApiCall,
    errors::{ContractViolation, not_found},
    fake_github::FakeGitHub,
    format::{format_time, id, node_id, object_fields},
    records::{FakeAccounts, FakeJob, FakeRepository, FakeRun},
    runs::find_attempt,
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Adds a job to an attempt, or replaces the attempt's job of the same name; returns its id. Use GitHub's names for
    /// the jobs of a matrix: `test (1)`.
    pub fn set_job(&self, repository: &str, run: u64, attempt: u32, job: FakeJob) -> u64 {
        self.with_repository(repository, |repository, _| {
            let derived = id("job", &format!("{}/{run}/{attempt}/{}", repository.name, job.name));
            let jobs = &mut repository.jobs;
            let index = jobs.iter().position(|(run_id, its_attempt, existing)| {
                (*run_id, *its_attempt, &existing.name) == (run, attempt, &job.name)
            });
            let previous = index.map_or(0, |index| jobs.remove(index).2.id);
            let number = [job.id, previous, derived].into_iter().find(|&number| number != 0).unwrap_or_default();
            jobs.insert(index.unwrap_or(jobs.len()), (run, attempt, FakeJob { id: number, ..job }));
            number
        })
    }

    /// Removes all jobs of a run.
    pub fn remove_jobs(&self, repository: &str, run: u64) {
        self.with_repository(repository, |repository, _| repository.jobs.retain(|(run_id, ..)| *run_id != run));
    }
}

pub fn list_for_attempt(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let Some(run) = find_attempt(repository, call)? else { return Ok(not_found()) };
    let jobs = repository.jobs.iter().filter(|(run_id, attempt, _)| (*run_id, *attempt) == (run.id, run.attempt));
    let page = call.page(jobs.collect())?;
    Ok(page.into_field("jobs", |(_, _, job)| job_json(repository, run, job, &call.api)))
}

fn job_json(repository: &FakeRepository, run: &FakeRun, job: &FakeJob, api: &str) -> Value {
    let url = repository.url(api);
    let mut json = object_fields(json!({
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
        "created_at": format_time(run.run_started_at),
        "started_at": format_time(job.queued_at.unwrap_or(job.started_at)),
        "completed_at": job.completed_at.map(format_time),
        "name": job.name,
        "steps": steps_json(job),
    }));
    let runner = job.runner_name.as_deref();
    json.extend(object_fields(json!({
        "check_run_url": format!("{url}/check-runs/{}", job.id),
        "labels": ["ubuntu-latest"],
        "runner_id": runner.map(|name| id("runner", name)),
        "runner_name": runner,
        "runner_group_id": runner.map(|_| 0),
        "runner_group_name": runner.map(|_| "GitHub Actions"),
        "workflow_name": run.path.rsplit('/').next(),
    })));
    Value::Object(json)
}

/// The first step of every job, once a runner has taken it.
fn steps_json(job: &FakeJob) -> Vec<Value> {
    let has_begun = job.runner_name.is_some()
        && matches!(job.status.as_str(), "in_progress" | "completed")
        && job.conclusion.as_deref() != Some("skipped");
    let at = format_time(job.started_at);
    let first = json!({
        "name": "Set up job",
        "status": "completed",
        "conclusion": "success",
        "number": 1,
        "started_at": at,
        "completed_at": at,
    });
    has_begun.then_some(first).into_iter().collect()
}
