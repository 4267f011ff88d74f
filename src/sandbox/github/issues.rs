//! Issues: `GET` and `POST …/issues`, `PATCH …/issues/{issue_number}`. A list of issues holds pull requests as well.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Breach, FakeGitHub,
    accounts::{self, Accounts, BOT, fields},
    call::{Call, Fields},
    id, node_id, not_found, now,
    repositories::Repository,
    segment, time,
};
use crate::sandbox::server::Answer;

#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub labels: Vec<String>,
    /// `open`, `closed`.
    pub state: String,
    /// `completed`, `not_planned`, `duplicate`, `reopened`.
    pub state_reason: Option<String>,
    /// The login of who opened it.
    pub user: String,
    pub is_pull_request: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

impl FakeGitHub {
    /// The issues and pull requests of a repository, oldest first.
    #[must_use]
    pub fn issues(&self, repository: &str) -> Vec<Issue> {
        self.state()
            .world
            .repositories
            .get(&repository.to_lowercase())
            .map_or_else(Vec::new, |known| known.issues.clone())
    }

    /// Somebody opens an issue; its number.
    pub fn open_issue(&self, repository: &str, title: &str, body: &str, labels: &[&str]) -> u64 {
        self.open(repository, title, body, labels, false)
    }

    /// Somebody opens a pull request; its number.
    pub fn open_pull_request(&self, repository: &str, title: &str, body: &str, labels: &[&str]) -> u64 {
        self.open(repository, title, body, labels, true)
    }

    /// Somebody closes an issue, as completed.
    pub fn close_issue(&self, repository: &str, number: u64) {
        self.in_repository(repository, |known, _| {
            for issue in known.issues.iter_mut().filter(|issue| issue.number == number) {
                issue.turn("closed", Some("completed"), now());
            }
        });
    }

    fn open(&self, repository: &str, title: &str, body: &str, labels: &[&str], is_pull_request: bool) -> u64 {
        self.in_repository(repository, |known, accounts| {
            accounts.user("somebody");
            let labels = labels.iter().map(|&label| label.to_owned()).collect();
            let body = Some(body.to_owned());
            let issue = known.open(title.to_owned(), body, labels, now());
            "somebody".clone_into(&mut issue.user);
            issue.is_pull_request = is_pull_request;
            issue.number
        })
    }
}

impl Repository {
    fn open(&mut self, title: String, body: Option<String>, labels: Vec<String>, now: Timestamp) -> &mut Issue {
        let place = self.issues.len();
        self.issues.push(Issue {
            number: place as u64 + 1,
            title,
            body,
            labels,
            state: "open".to_owned(),
            state_reason: None,
            user: BOT.to_owned(),
            is_pull_request: false,
            created_at: now,
            updated_at: now,
            closed_at: None,
        });
        &mut self.issues[place]
    }
}

impl Issue {
    /// A reason counts only when the state changes.
    fn turn(&mut self, state: &str, reason: Option<&str>, now: Timestamp) {
        if self.state == state {
            return;
        }
        let closed = state == "closed";
        state.clone_into(&mut self.state);
        self.state_reason = Some(reason.unwrap_or(if closed { "completed" } else { "reopened" }).to_owned());
        self.closed_at = closed.then_some(now);
    }

    fn shown(&self, repository: &Repository, api: &str) -> Value {
        let (base, number) = (repository.url(api), self.number);
        let url = format!("{base}/issues/{number}");
        let place = if self.is_pull_request { "pull" } else { "issues" };
        let page = format!("{}/{place}/{number}", repository.page());
        let key = id("issue", &format!("{}/{number}", repository.name));
        let mut shown = fields(json!({
            "id": key,
            "node_id": node_id("I", key),
            "url": url,
            "repository_url": base,
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "html_url": page,
            "number": number,
            "state": self.state,
            "state_reason": self.state_reason,
            "title": self.title,
            "body": self.body,
            "user": accounts::simple(api, &self.user),
        }));
        let labels = self.labels.iter().map(|name| {
            let number = id("label", &format!("{}/{name}", repository.name));
            json!({
                "id": number,
                "node_id": node_id("LA", number),
                "url": format!("{base}/labels/{}", segment(name)),
                "name": name,
                "description": null,
                "color": "ededed",
                "default": false,
            })
        });
        shown.extend(fields(json!({
            "labels": labels.collect::<Vec<_>>(),
            "assignee": null,
            "assignees": [],
            "milestone": null,
            "locked": false,
            "active_lock_reason": null,
            "comments": 0,
            "closed_at": self.closed_at.map(time),
            "created_at": time(self.created_at),
            "updated_at": time(self.updated_at),
            "author_association": "NONE",
        })));
        if self.is_pull_request {
            let pull = json!({
                "url": format!("{base}/pulls/{number}"),
                "html_url": page,
                "diff_url": format!("{page}.diff"),
                "patch_url": format!("{page}.patch"),
                "merged_at": null,
            });
            shown.insert("pull_request".to_owned(), pull);
        }
        Value::Object(shown)
    }
}

pub(super) fn list(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let state = call.asked_of("state", &["open", "closed", "all"])?.unwrap_or("open");
    let by = call.asked_of("sort", &["created", "updated"])?;
    let ascending = call.asked_of("direction", &["asc", "desc"])? == Some("asc");
    let labels: Vec<&str> = call.asked("labels").map(|labels| labels.split(',').collect()).unwrap_or_default();
    let since = match call.asked("since") {
        None => None,
        Some(text) => {
            Some(text.parse::<Timestamp>().map_err(|_| Breach::invalid(&format!("since is {text:?}, not a time.")))?)
        }
    };
    let mut found: Vec<&Issue> = repository.issues.iter().collect();
    found.retain(|issue| {
        (state == "all" || issue.state == state)
            && labels.iter().all(|label| issue.labels.iter().any(|its| its.eq_ignore_ascii_case(label.trim())))
            && since.is_none_or(|since| issue.updated_at.as_second() >= since.as_second())
            && call.asked("creator").is_none_or(|login| issue.user.eq_ignore_ascii_case(login))
    });
    found.sort_by_key(|issue| (if by == Some("updated") { issue.updated_at } else { issue.created_at }, issue.number));
    if !ascending {
        found.reverse();
    }
    let page = call.page(found)?;
    Ok(page.list(|issue| issue.shown(repository, &call.api)))
}

pub(super) fn create(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let body = call.fields(&["title", "body", "labels"])?;
    let title = Fields::needed("title", body.text("title")?)?.to_owned();
    if title.trim().is_empty() {
        return Err(Breach::new(422, "Validation Failed: title can't be blank"));
    }
    let text = body.text("body")?.map(ToOwned::to_owned);
    let labels = labels(&body)?.unwrap_or_default();
    let number = repository.open(title, text, labels, call.now).number;
    let Some(issue) = repository.issues.iter().find(|issue| issue.number == number) else { return Ok(not_found()) };
    let shown = issue.shown(repository, &call.api);
    let location = format!("{}/issues/{number}", repository.url(&call.api));
    Ok(Answer::json(201, &shown).header("location", &location))
}

pub(super) fn update(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let wanted = call.number("issue_number")?;
    let Some(place) = repository.issues.iter().position(|issue| issue.number == wanted) else {
        return Ok(not_found());
    };
    let body = call.fields(&["title", "body", "labels", "state", "state_reason"])?;
    let among = |name: &str, value: Option<&str>, known: &[&str]| match value {
        Some(value) if !known.contains(&value) => {
            Err(Breach::invalid(&format!("{name} is {value:?}, not one of {}.", known.join(", "))))
        }
        _ => Ok(()),
    };
    let state = body.text("state")?;
    among("state", state, &["open", "closed"])?;
    let reason = if body.get("state_reason") == Some(&Value::Null) { None } else { body.text("state_reason")? };
    among("state_reason", reason, &["completed", "not_planned", "duplicate", "reopened"])?;
    let labels = labels(&body)?;
    let title = body.text("title")?;
    let text = if body.get("body") == Some(&Value::Null) { None } else { body.text("body")? };

    let issue = &mut repository.issues[place];
    if let Some(state) = state {
        issue.turn(state, reason, call.now);
    }
    if let Some(title) = title {
        title.clone_into(&mut issue.title);
    }
    if body.get("body").is_some() {
        issue.body = text.map(ToOwned::to_owned);
    }
    if let Some(labels) = labels {
        issue.labels = labels;
    }
    issue.updated_at = call.now;
    Ok(Answer::json(200, &repository.issues[place].shown(repository, &call.api)))
}

/// Labels that are not there yet are made.
fn labels(body: &Fields) -> Result<Option<Vec<String>>, Breach> {
    body.read("labels", "an array of strings", |value| {
        value.as_array()?.iter().map(|label| label.as_str().map(ToOwned::to_owned)).collect()
    })
}
