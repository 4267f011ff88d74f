//! `GET …/actions/runs` and `…/actions/workflows/{workflow_id}/runs`, `…/actions/runs/{run_id}`, and one attempt of a run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    accounts::account_json,
    call::ApiCall,
    errors::{ContractViolation, not_found},
    fake_github::FakeGitHub,
    format::{format_time, id, node_id, object_fields},
    records::{FakeAccounts, FakeRepository, FakeRun},
    repositories::repository_summary,
};
use crate::sandbox::server::FakeResponse;

/// The most runs that GitHub lists for one query.
const MOST_RUNS: usize = 1000;

impl FakeGitHub {
    /// Adds an attempt of a run, or replaces the one with the same id and attempt.
    pub fn set_run(&self, repository: &str, run: FakeRun) {
        self.with_repository(repository, |repository, accounts| {
            accounts.add_user(&run.actor);
            if !run.triggering_actor.is_empty() {
                accounts.add_user(&run.triggering_actor);
            }
            repository.runs.retain(|existing| (existing.id, existing.attempt) != (run.id, run.attempt));
            repository.runs.push(run);
        });
    }
}

fn workflow_id(repository: &str, path: &str) -> u64 {
    let path = path.split('@').next().unwrap_or(path);
    id("workflow", &format!("{repository}/{path}"))
}

/// The latest attempt of a run.
pub fn get(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let wanted = call.number("run_id")?;
    let attempts = repository.runs.iter().filter(|run| run.id == wanted);
    let latest = attempts.max_by_key(|run| run.attempt);
    Ok(latest.map_or_else(not_found, |run| FakeResponse::json(200, &run_json(repository, run, &call.api))))
}

/// The runs of a repository, newest first, each in its latest attempt.
pub fn list(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    list_where(repository, call, |_| true)
}

/// The runs of one workflow, by the name of its file or by its id.
pub fn list_for_workflow(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let wanted = call.parameter("workflow_id");
    let name = repository.name.clone();
    let is_wanted = |run: &FakeRun| {
        let file = run.path.split('@').next().and_then(|path| path.rsplit('/').next());
        file == Some(wanted) || workflow_id(&name, &run.path).to_string() == wanted
    };
    if !repository.runs.iter().any(is_wanted) {
        return Ok(not_found());
    }
    list_where(repository, call, is_wanted)
}

fn list_where(
    repository: &FakeRepository,
    call: &ApiCall,
    is_wanted: impl Fn(&FakeRun) -> bool,
) -> Result<FakeResponse, ContractViolation> {
    let event = call.query_value("event");
    // Of GitHub's ranges, the one that is used here.
    let since: Option<Timestamp> = match call.query_value("created") {
        Some(range) => {
            let from = range.strip_prefix(">=").and_then(|from| from.parse().ok());
            Some(from.ok_or_else(|| ContractViolation::invalid(&format!("created is {range:?}, not a range.")))?)
        }
        None => None,
    };
    let mut latest: BTreeMap<u64, &FakeRun> = BTreeMap::new();
    for run in &repository.runs {
        let known = latest.entry(run.id).or_insert(run);
        if run.attempt > known.attempt {
            *known = run;
        }
    }
    let is_listed = |run: &&FakeRun| {
        is_wanted(run)
            && event.is_none_or(|event| run.event == event)
            && since.is_none_or(|since| run.created_at >= since)
    };
    let mut listed: Vec<&FakeRun> = latest.into_values().rev().filter(is_listed).collect();
    let total = listed.len();
    listed.truncate(MOST_RUNS);
    let page = call.page(listed)?.of_total(total);
    Ok(page.into_field("workflow_runs", |run| run_json(repository, run, &call.api)))
}

pub fn get_attempt(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let found = find_attempt(repository, call)?;
    Ok(found.map_or_else(not_found, |run| FakeResponse::json(200, &run_json(repository, run, &call.api))))
}

/// The attempt of a run that the path names.
pub fn find_attempt<'a>(
    repository: &'a FakeRepository,
    call: &ApiCall,
) -> Result<Option<&'a FakeRun>, ContractViolation> {
    let (run_id, attempt) = (call.number("run_id")?, call.number("attempt_number")?);
    Ok(repository.runs.iter().find(|run| (run.id, u64::from(run.attempt)) == (run_id, attempt)))
}

fn run_json(repository: &FakeRepository, run: &FakeRun, api: &str) -> Value {
    let (name, url) = (&repository.name, format!("{}/actions/runs/{}", repository.url(api), run.id));
    let workflow = workflow_id(name, &run.path);
    let suite = id("check suite", &format!("{name}/{}", run.id));
    let head = if run.head_repository.is_empty() { name } else { &run.head_repository };
    let triggering = if run.triggering_actor.is_empty() { &run.actor } else { &run.triggering_actor };
    let file = run.path.rsplit('/').next().unwrap_or_default();
    let mut json = object_fields(json!({
        "id": run.id,
        "name": file,
        "node_id": node_id("WFR", run.id),
        "check_suite_id": suite,
        "check_suite_node_id": node_id("CS", suite),
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": run.path,
        "display_title": file,
        "run_number": 1,
        "run_attempt": run.attempt,
        "referenced_workflows": [],
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": workflow,
        "url": url,
        "html_url": format!("{}/actions/runs/{}", repository.page(), run.id),
        "pull_requests": [],
        "created_at": format_time(run.created_at),
        "updated_at": format_time(run.updated_at),
        "run_started_at": format_time(run.run_started_at),
    }));
    json.extend(object_fields(json!({
        "actor": account_json(api, &run.actor),
        "triggering_actor": account_json(api, triggering),
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "check_suite_url": format!("{}/check-suites/{suite}", repository.url(api)),
        "artifacts_url": format!("{url}/artifacts"),
        "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"),
        "previous_attempt_url": (run.attempt > 1).then(|| format!("{url}/attempts/{}", run.attempt - 1)),
        "workflow_url": format!("{}/actions/workflows/{workflow}", repository.url(api)),
        "head_commit": {
            "id": run.head_sha,
            "tree_id": run.head_sha,
            "message": "as it was pushed",
            "timestamp": format_time(run.created_at),
            "author": { "name": run.actor, "email": format!("{}@users.noreply.github.com", run.actor) },
            "committer": { "name": run.actor, "email": format!("{}@users.noreply.github.com", run.actor) },
        },
        "repository": repository_summary(api, name),
        "head_repository": repository_summary(api, head),
    })));
    Value::Object(json)
}
