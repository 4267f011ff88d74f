//! `GET` and `POST …/issues`, `PATCH …/issues/{issue_number}`. A list of issues includes pull requests.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    accounts::account_json,
    actions_app::BOT,
    call::{ApiCall, BodyFields},
    errors::{ContractViolation, not_found},
    fake_github::FakeGitHub,
    format::{format_time, id, node_id, now, object_fields, path_segment},
    records::{FakeAccounts, FakeIssue, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// The issues and pull requests of a repository, oldest first.
    #[must_use]
    pub fn issues(&self, repository: &str) -> Vec<FakeIssue> {
        let state = self.state();
        let repository = state.data.repositories.get(&repository.to_lowercase());
        repository.map_or_else(Vec::new, |repository| repository.issues.clone())
    }

    /// Opens an issue as the user `octocat`; returns its number.
    pub fn open_issue(&self, repository: &str, title: &str, body: &str, labels: &[&str]) -> u64 {
        self.open(repository, title, body, labels, false)
    }

    /// Opens a pull request as the user `octocat`; returns its number.
    pub fn open_pull_request(&self, repository: &str, title: &str, body: &str, labels: &[&str]) -> u64 {
        self.open(repository, title, body, labels, true)
    }

    /// Closes an issue as completed.
    pub fn close_issue(&self, repository: &str, number: u64) {
        self.with_repository(repository, |repository, _| {
            for issue in repository.issues.iter_mut().filter(|issue| issue.number == number) {
                issue.set_state("closed", Some("completed"), now());
            }
        });
    }

    fn open(&self, repository: &str, title: &str, body: &str, labels: &[&str], is_pull_request: bool) -> u64 {
        self.with_repository(repository, |repository, accounts| {
            accounts.add_user("octocat");
            let labels = labels.iter().map(|&label| label.to_owned()).collect();
            let body = Some(body.to_owned());
            let issue = open_issue(repository, title.to_owned(), body, labels, now());
            "octocat".clone_into(&mut issue.user);
            issue.is_pull_request = is_pull_request;
            issue.number
        })
    }
}

fn open_issue(
    repository: &mut FakeRepository,
    title: String,
    body: Option<String>,
    labels: Vec<String>,
    now: Timestamp,
) -> &mut FakeIssue {
    let index = repository.issues.len();
    let last = repository.issues.iter().map(|issue| issue.number).max().unwrap_or_default();
    repository.issues.push(FakeIssue {
        number: last + 1,
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
    &mut repository.issues[index]
}

fn issue_json(issue: &FakeIssue, repository: &FakeRepository, api: &str) -> Value {
    let (base, number) = (repository.url(api), issue.number);
    let url = format!("{base}/issues/{number}");
    let kind = if issue.is_pull_request { "pull" } else { "issues" };
    let page = format!("{}/{kind}/{number}", repository.page());
    let key = id("issue", &format!("{}/{number}", repository.name));
    let mut json = object_fields(json!({
        "id": key,
        "node_id": node_id("I", key),
        "url": url,
        "repository_url": base,
        "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"),
        "events_url": format!("{url}/events"),
        "html_url": page,
        "number": number,
        "state": issue.state,
        "state_reason": issue.state_reason,
        "title": issue.title,
        "body": issue.body,
        "user": account_json(api, &issue.user),
    }));
    let labels = issue.labels.iter().map(|name| {
        let number = id("label", &format!("{}/{name}", repository.name));
        json!({
            "id": number,
            "node_id": node_id("LA", number),
            "url": format!("{base}/labels/{}", path_segment(name)),
            "name": name,
            "description": null,
            "color": "ededed",
            "default": false,
        })
    });
    json.extend(object_fields(json!({
        "labels": labels.collect::<Vec<_>>(),
        "assignee": null,
        "assignees": [],
        "milestone": null,
        "locked": false,
        "active_lock_reason": null,
        "comments": 0,
        "closed_at": issue.closed_at.map(format_time),
        "created_at": format_time(issue.created_at),
        "updated_at": format_time(issue.updated_at),
        "author_association": "NONE",
    })));
    if issue.is_pull_request {
        let pull = json!({
            "url": format!("{base}/pulls/{number}"),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "merged_at": null,
        });
        json.insert("pull_request".to_owned(), pull);
    }
    Value::Object(json)
}

pub fn list(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let state = call.query_one_of("state", &["open", "closed", "all"])?.unwrap_or("open");
    let sort = call.query_one_of("sort", &["created", "updated"])?;
    let ascending = call.query_one_of("direction", &["asc", "desc"])? == Some("asc");
    let labels: Vec<&str> = call.query_value("labels").map(|labels| labels.split(',').collect()).unwrap_or_default();
    let since = match call.query_value("since") {
        None => None,
        Some(text) => Some(
            text.parse::<Timestamp>()
                .map_err(|_| ContractViolation::invalid(&format!("since is {text:?}, not a time.")))?,
        ),
    };
    let mut found: Vec<&FakeIssue> = repository.issues.iter().collect();
    found.retain(|issue| {
        (state == "all" || issue.state == state)
            && labels.iter().all(|label| issue.labels.iter().any(|name| name.eq_ignore_ascii_case(label.trim())))
            && since.is_none_or(|since| issue.updated_at.as_second() >= since.as_second())
            && call.query_value("creator").is_none_or(|login| issue.user.eq_ignore_ascii_case(login))
    });
    found
        .sort_by_key(|issue| (if sort == Some("updated") { issue.updated_at } else { issue.created_at }, issue.number));
    if !ascending {
        found.reverse();
    }
    let page = call.page(found)?;
    Ok(page.into_list(|issue| issue_json(issue, repository, &call.api)))
}

pub fn create(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let body = call.body_fields(&["title", "body", "labels"])?;
    let title = BodyFields::required("title", body.string("title")?)?.to_owned();
    if title.trim().is_empty() {
        return Err(ContractViolation::new(422, "Validation Failed: title can't be blank"));
    }
    let text = body.string("body")?.map(ToOwned::to_owned);
    let labels = parse_labels(&body)?.unwrap_or_default();
    let number = open_issue(repository, title, text, labels, call.now).number;
    let Some(issue) = repository.issues.iter().find(|issue| issue.number == number) else { return Ok(not_found()) };
    let json = issue_json(issue, repository, &call.api);
    let location = format!("{}/issues/{number}", repository.url(&call.api));
    Ok(FakeResponse::json(201, &json).header("location", &location))
}

pub fn update(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let number = call.number("issue_number")?;
    let Some(index) = repository.issues.iter().position(|issue| issue.number == number) else {
        return Ok(not_found());
    };
    let body = call.body_fields(&["title", "body", "labels", "state", "state_reason"])?;
    let check_one_of = |name: &str, value: Option<&str>, known: &[&str]| match value {
        Some(value) if !known.contains(&value) => {
            Err(ContractViolation::invalid(&format!("{name} is {value:?}, not one of {}.", known.join(", "))))
        }
        _ => Ok(()),
    };
    let state = body.string("state")?;
    check_one_of("state", state, &["open", "closed"])?;
    let reason = if body.get("state_reason") == Some(&Value::Null) { None } else { body.string("state_reason")? };
    check_one_of("state_reason", reason, &["completed", "not_planned", "duplicate", "reopened"])?;
    let labels = parse_labels(&body)?;
    let title = body.string("title")?;
    let text = if body.get("body") == Some(&Value::Null) { None } else { body.string("body")? };

    let issue = &mut repository.issues[index];
    if let Some(state) = state {
        issue.set_state(state, reason, call.now);
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
    Ok(FakeResponse::json(200, &issue_json(&repository.issues[index], repository, &call.api)))
}

/// The labels in a body. GitHub creates missing labels, so every name is allowed.
fn parse_labels(body: &BodyFields) -> Result<Option<Vec<String>>, ContractViolation> {
    body.parse("labels", "an array of strings", |value| {
        value.as_array()?.iter().map(|label| label.as_str().map(ToOwned::to_owned)).collect()
    })
}
