//! `GET …/actions/runs/{run_id}`, one attempt of a run, and the runs of a workflow.

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
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

/// GitHub returns at most this many runs of a search, by the route's description.
const MAX_FOUND: usize = 1000;
/// The query names that turn a list into a search.
const SEARCHES: [&str; 6] = ["actor", "branch", "created", "event", "head_sha", "status"];
/// Statuses and conclusions; a `status` query accepts either.
const STATUSES: [&str; 14] = [
    "completed",
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "skipped",
    "stale",
    "success",
    "timed_out",
    "in_progress",
    "queued",
    "requested",
    "waiting",
    "pending",
];

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

    /// The id of the workflow with that file.
    #[must_use]
    pub fn workflow_id(&self, repository: &str, path: &str) -> u64 {
        workflow_id(repository, path)
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

pub fn get_attempt(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let found = find_attempt(repository, call)?;
    Ok(found.map_or_else(not_found, |run| FakeResponse::json(200, &run_json(repository, run, &call.api))))
}

/// The latest attempt of each run of the workflow, newest first.
pub fn list_for_workflow(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let wanted = call.parameter("workflow_id");
    let is_wanted = |run: &FakeRun| {
        let path = run.path.split('@').next().unwrap_or(&run.path);
        workflow_id(&repository.name, path).to_string() == wanted || path.rsplit('/').next() == Some(wanted)
    };
    let mut runs: Vec<&FakeRun> = repository.runs.iter().filter(|run| is_wanted(run)).collect();
    if runs.is_empty() {
        return Ok(not_found());
    }
    runs.sort_by_key(|run| (run.created_at, run.id, run.attempt));
    runs.reverse();
    let mut ids = Vec::new();
    runs.retain(|run| {
        let first = !ids.contains(&run.id);
        ids.push(run.id);
        first
    });

    let status = call.query_one_of("status", &STATUSES)?;
    let created = call.query_value("created").map(parse_time_range).transpose()?;
    let like = |name: &str, value: &str| call.query_value(name).is_none_or(|asked| asked.eq_ignore_ascii_case(value));
    runs.retain(|run| {
        status.is_none_or(|status| run.status == status || run.conclusion.as_deref() == Some(status))
            && created.is_none_or(|(from, to)| (from..=to).contains(&whole_second(run.created_at)))
            && like("event", &run.event)
            && like("actor", &run.actor)
            && like("branch", run.head_branch.as_deref().unwrap_or_default())
            && like("head_sha", &run.head_sha)
    });
    let searched = SEARCHES.iter().any(|name| call.query_value(name).is_some());
    let page = call.page_within(runs, if searched { MAX_FOUND } else { usize::MAX })?;
    Ok(page.into_field("workflow_runs", |run| run_json(repository, run, &call.api)))
}

/// The attempt of a run that the path names.
pub fn find_attempt<'a>(
    repository: &'a FakeRepository,
    call: &ApiCall,
) -> Result<Option<&'a FakeRun>, ContractViolation> {
    let (run_id, attempt) = (call.number("run_id")?, call.number("attempt_number")?);
    Ok(repository.runs.iter().find(|run| (run.id, u64::from(run.attempt)) == (run_id, attempt)))
}

/// The first and last time of a `created` query, in GitHub's search syntax: `>=2026-01-01T00:00:00Z`,
/// `2026-01-01..2026-02-01`, `2026-01-01`.
fn parse_time_range(text: &str) -> Result<(Timestamp, Timestamp), ContractViolation> {
    let at = |text: &str| {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Some((at, at));
        }
        let day: Date = text.parse().ok()?;
        let start = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some((start, start.checked_add(86_399.seconds()).ok()?))
    };
    let (least, most, step) = (Timestamp::MIN, Timestamp::MAX, 1.second());
    let found = if let Some(rest) = text.strip_prefix(">=") {
        at(rest).map(|(from, _)| (from, most))
    } else if let Some(rest) = text.strip_prefix("<=") {
        at(rest).map(|(_, to)| (least, to))
    } else if let Some(rest) = text.strip_prefix('>') {
        at(rest).and_then(|(_, to)| Some((to.checked_add(step).ok()?, most)))
    } else if let Some(rest) = text.strip_prefix('<') {
        at(rest).and_then(|(from, _)| Some((least, from.checked_sub(step).ok()?)))
    } else if let Some((from, to)) = text.split_once("..") {
        let end = |text, or: Timestamp| if text == "*" { Some((or, or)) } else { at(text) };
        end(from, least).zip(end(to, most)).map(|((from, _), (_, to))| (from, to))
    } else {
        at(text)
    };
    found.ok_or_else(|| ContractViolation::invalid(&format!("created is {text:?}, not a time or a range of times.")))
}

/// GitHub stores times in whole seconds.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
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
