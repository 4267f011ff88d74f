//! Workflow runs: `GET …/actions/runs/{run_id}`, an attempt of one, and those of a workflow.

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    Breach, FakeGitHub,
    accounts::{self, Accounts},
    call::Call,
    id, node_id, not_found, now,
    repositories::{self, Repository},
    time,
};
use crate::sandbox::server::Answer;

/// However many runs a search finds, GitHub shows no more: the description of the route.
const MOST_FOUND: usize = 1000;
/// The queries that make a list a search.
const SEARCHES: [&str; 6] = ["actor", "branch", "created", "event", "head_sha", "status"];
/// What a run is, or how it ended: a `status` query asks for either.
const STATES: [&str; 14] = [
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

/// One attempt of a workflow run. The default is a push to `main` that has just succeeded.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: u64,
    pub attempt: u32,
    /// `.github/workflows/….yml`. Which workflow that is, [`FakeGitHub::workflow_id`] knows.
    pub path: String,
    pub event: String,
    /// `queued`, `in_progress`, `waiting`, `completed`, …
    pub status: String,
    pub conclusion: Option<String>,
    pub head_branch: Option<String>,
    pub head_sha: String,
    /// The login of who started the first attempt.
    pub actor: String,
    /// The login of who started this one; empty for the actor.
    pub triggering_actor: String,
    /// Empty for the repository itself.
    pub head_repository: String,
    pub created_at: Timestamp,
    pub run_started_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Default for Run {
    fn default() -> Self {
        let now = now();
        Self {
            id: 1,
            attempt: 1,
            path: ".github/workflows/ci.yml".to_owned(),
            event: "push".to_owned(),
            status: "completed".to_owned(),
            conclusion: Some("success".to_owned()),
            head_branch: Some("main".to_owned()),
            head_sha: "1".repeat(40),
            actor: "somebody".to_owned(),
            triggering_actor: String::new(),
            head_repository: String::new(),
            created_at: now,
            run_started_at: now,
            updated_at: now,
        }
    }
}

impl Run {
    /// As it is while its jobs are running.
    #[must_use]
    pub fn in_progress(self) -> Self {
        Self { status: "in_progress".to_owned(), conclusion: None, ..self }
    }

    /// As it is once it ended: `success`, `failure`, `cancelled`, …
    #[must_use]
    pub fn ended(self, conclusion: &str) -> Self {
        Self { status: "completed".to_owned(), conclusion: Some(conclusion.to_owned()), ..self }
    }
}

impl FakeGitHub {
    /// Adds an attempt of a run, or puts it in the place of the one with the same id and attempt.
    pub fn set_run(&self, repository: &str, run: Run) {
        self.in_repository(repository, |known, accounts| {
            accounts.user(&run.actor);
            if !run.triggering_actor.is_empty() {
                accounts.user(&run.triggering_actor);
            }
            known.runs.retain(|there| (there.id, there.attempt) != (run.id, run.attempt));
            known.runs.push(run);
        });
    }

    /// The id of the workflow in that file.
    #[must_use]
    pub fn workflow_id(&self, repository: &str, path: &str) -> u64 {
        workflow(repository, path)
    }
}

fn workflow(repository: &str, path: &str) -> u64 {
    let path = path.split('@').next().unwrap_or(path);
    id("workflow", &format!("{repository}/{path}"))
}

/// The latest attempt.
pub(super) fn get(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let wanted = call.number("run_id")?;
    let attempts = repository.runs.iter().filter(|run| run.id == wanted);
    let latest = attempts.max_by_key(|run| run.attempt);
    Ok(latest.map_or_else(not_found, |run| Answer::json(200, &shown(repository, run, call))))
}

pub(super) fn attempt(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let found = repository.attempt(call)?;
    Ok(found.map_or_else(not_found, |run| Answer::json(200, &shown(repository, run, call))))
}

/// The latest attempt of each run of the workflow, youngest first.
pub(super) fn of_workflow(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let wanted = call.parameter("workflow_id");
    let is_wanted = |run: &Run| {
        let path = run.path.split('@').next().unwrap_or(&run.path);
        workflow(&repository.name, path).to_string() == wanted || path.rsplit('/').next() == Some(wanted)
    };
    let mut runs: Vec<&Run> = repository.runs.iter().filter(|run| is_wanted(run)).collect();
    if runs.is_empty() {
        return Ok(not_found());
    }
    runs.sort_by_key(|run| (run.created_at, run.id, run.attempt));
    runs.reverse();
    let mut seen = Vec::new();
    runs.retain(|run| {
        let first = !seen.contains(&run.id);
        seen.push(run.id);
        first
    });

    let status = call.asked_of("status", &STATES)?;
    let created = call.asked("created").map(range).transpose()?;
    let like = |name: &str, value: &str| call.asked(name).is_none_or(|asked| asked.eq_ignore_ascii_case(value));
    runs.retain(|run| {
        status.is_none_or(|status| run.status == status || run.conclusion.as_deref() == Some(status))
            && created.is_none_or(|(from, to)| (from..=to).contains(&whole_second(run.created_at)))
            && like("event", &run.event)
            && like("actor", &run.actor)
            && like("branch", run.head_branch.as_deref().unwrap_or_default())
            && like("head_sha", &run.head_sha)
    });
    let searched = SEARCHES.iter().any(|name| call.asked(name).is_some());
    let page = call.page_within(runs, if searched { MOST_FOUND } else { usize::MAX })?;
    Ok(page.counted("workflow_runs", |run| shown(repository, run, call)))
}

impl Repository {
    /// The attempt that the path names.
    pub(super) fn attempt(&self, call: &Call) -> Result<Option<&Run>, Breach> {
        let wanted = (call.number("run_id")?, call.number("attempt_number")?);
        Ok(self.runs.iter().find(|run| (run.id, u64::from(run.attempt)) == wanted))
    }
}

/// The times from and to which a `created` query asks for, in GitHub's syntax for searches: `>=2026-01-01T00:00:00Z`,
/// `2026-01-01..2026-02-01`, `2026-01-01`.
fn range(text: &str) -> Result<(Timestamp, Timestamp), Breach> {
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
    found.ok_or_else(|| Breach::invalid(&format!("created is {text:?}, not a time or a range of times.")))
}

/// What GitHub keeps of a time.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn shown(repository: &Repository, run: &Run, call: &Call) -> Value {
    let api = &call.api;
    let (name, url) = (&repository.name, format!("{}/actions/runs/{}", repository.url(api), run.id));
    let workflow = workflow(name, &run.path);
    let suite = id("check suite", &format!("{name}/{}", run.id));
    let head = if run.head_repository.is_empty() { name } else { &run.head_repository };
    let triggering = if run.triggering_actor.is_empty() { &run.actor } else { &run.triggering_actor };
    let file = run.path.rsplit('/').next().unwrap_or_default();
    let mut shown = accounts::fields(json!({
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
        "created_at": time(run.created_at),
        "updated_at": time(run.updated_at),
        "run_started_at": time(run.run_started_at),
    }));
    shown.extend(accounts::fields(json!({
        "actor": accounts::simple(api, &run.actor),
        "triggering_actor": accounts::simple(api, triggering),
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
            "timestamp": time(run.created_at),
            "author": { "name": run.actor, "email": format!("{}@users.noreply.github.com", run.actor) },
            "committer": { "name": run.actor, "email": format!("{}@users.noreply.github.com", run.actor) },
        },
        "repository": repositories::minimal(api, name),
        "head_repository": repositories::minimal(api, head),
    })));
    Value::Object(shown)
}
