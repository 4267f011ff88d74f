//! `GET` and `POST …/pulls`, `GET` and `PATCH …/pulls/{pull_number}`,
//! `POST …/issues/{issue_number}/labels`.

use serde_json::{Map, Value, json};

use super::{
    accounts::{account_json, owner_json},
    actions_app::BOT,
    call::{ApiCall, BodyFields},
    errors::{ContractViolation, not_found},
    fake_github::FakeGitHub,
    format::{LONG_AGO, format_time, id, node_id, now, object_fields, path_segment},
    records::{FakeAccounts, FakeCommit, FakeIssue, FakePullRequest, FakeRepository},
    repositories::repository_json,
};
use crate::sandbox::{infra::Infra, server::FakeResponse};

/// The longest text that GitHub accepts, in characters.
const LONGEST: usize = 65_536;
/// The longest title. GitHub's description of the API does not name the limit.
const LONGEST_TITLE: usize = 256;

impl FakeGitHub {
    /// Lets the pull requests of a repository have the branches of a git repository.
    pub fn serve_git(&self, repository: &str, git: Infra) {
        self.with_repository(repository, |repository, _| repository.git = Some(git));
    }

    /// The pull requests of a repository, oldest first.
    #[must_use]
    pub fn pull_requests(&self, repository: &str) -> Vec<FakePullRequest> {
        let state = self.state();
        let repository = state.data.repositories.get(&repository.to_lowercase());
        repository.map_or_else(Vec::new, |repository| repository.pull_requests.clone())
    }

    /// Closes a pull request as a person does, without merging it.
    pub fn close_pull_request(&self, repository: &str, number: u64) {
        self.with_repository(repository, |repository, _| set_state(repository, number, "closed", now()));
    }
}

/// The last commit of a branch.
pub(super) fn tip(repository: &FakeRepository, branch: &str) -> Option<String> {
    match &repository.git {
        Some(git) => git.tip_of(branch),
        None => repository.history.branches.get(branch).cloned(),
    }
}

/// The commits of a branch that another one does not have, oldest first.
fn own_commits(repository: &FakeRepository, base: &str, head: &str) -> Vec<FakeCommit> {
    let commit = |sha: String| FakeCommit { sha, ..FakeCommit::default() };
    match &repository.git {
        Some(git) => git.commits_ahead(base, head).unwrap_or_default().into_iter().map(commit).collect(),
        None => tip(repository, head)
            .filter(|sha| tip(repository, base).as_ref() != Some(sha))
            .map(commit)
            .into_iter()
            .collect(),
    }
}

fn set_state(repository: &mut FakeRepository, number: u64, state: &str, now: jiff::Timestamp) {
    for issue in repository.issues.iter_mut().filter(|issue| issue.number == number) {
        issue.set_state(state, None, now);
    }
    for one in repository.pull_requests.iter_mut().filter(|one| one.number == number) {
        one.is_open = state == "open";
        one.is_unmerged = !one.is_open;
        one.updated_at = Some(now);
    }
}

pub(super) fn base_of(pull_request: &FakePullRequest) -> &str {
    if pull_request.base.is_empty() { "main" } else { &pull_request.base }
}

/// GitHub's answer to a request of the right form that it cannot carry out.
fn validation_failed(error: &Value) -> FakeResponse {
    let documentation = "https://docs.github.com/rest/pulls/pulls#create-a-pull-request";
    let body = json!({ "message": "Validation Failed", "errors": [error], "documentation_url": documentation });
    FakeResponse::json(422, &body)
}

fn check_text(name: &str, text: &str, longest: usize) -> Result<(), ContractViolation> {
    if text.chars().count() > longest {
        let message = format!("Validation Failed: {name} is too long (maximum is {longest} characters)");
        return Err(ContractViolation::new(422, message));
    }
    Ok(())
}

pub fn create(
    repository: &mut FakeRepository,
    accounts: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let body = call.body_fields(&["title", "head", "base", "body", "draft", "maintainer_can_modify"])?;
    let title = BodyFields::required("title", body.string("title")?)?.to_owned();
    let head = BodyFields::required("head", body.string("head")?)?;
    let base = BodyFields::required("base", body.string("base")?)?.to_owned();
    let text = body.string("body")?.unwrap_or_default().to_owned();
    let is_draft = body.boolean("draft")?.unwrap_or_default();
    body.boolean("maintainer_can_modify")?;
    if title.trim().is_empty() {
        return Err(ContractViolation::new(422, "Validation Failed: title can't be blank"));
    }
    check_text("title", &title, LONGEST_TITLE)?;
    check_text("body", &text, LONGEST)?;
    let owner = repository.owner().to_owned();
    let head = head.strip_prefix(&format!("{owner}:")).unwrap_or(head).to_owned();
    for (field, branch) in [("head", &head), ("base", &base)] {
        if tip(repository, branch).is_none() {
            return Ok(validation_failed(&json!({ "resource": "PullRequest", "field": field, "code": "invalid" })));
        }
    }
    let custom = |message: String| {
        validation_failed(&json!({ "resource": "PullRequest", "code": "custom", "message": message }))
    };
    let is_same = |one: &FakePullRequest| one.is_open && one.branch == head && base_of(one) == base && !one.is_of_fork;
    if repository.pull_requests.iter().any(is_same) {
        return Ok(custom(format!("A pull request already exists for {owner}:{head}.")));
    }
    let own = own_commits(repository, &base, &head);
    if own.is_empty() {
        return Ok(custom(format!("No commits between {base} and {head}")));
    }
    let files = repository.git.as_ref().and_then(|git| git.changed_paths(&base, &head).ok()).unwrap_or_default();
    let number = next_number(repository);
    accounts.add_user(BOT);
    repository.issues.push(FakeIssue {
        number,
        title,
        body: Some(text.clone()),
        labels: Vec::new(),
        state: "open".to_owned(),
        state_reason: None,
        user: BOT.to_owned(),
        is_pull_request: true,
        created_at: call.now,
        updated_at: call.now,
        closed_at: None,
    });
    repository.pull_requests.push(FakePullRequest {
        number,
        opener: Some(BOT.to_owned()),
        is_open: true,
        is_draft,
        body: text,
        base,
        branch: head,
        opened_at: Some(call.now),
        files,
        own,
        ..FakePullRequest::default()
    });
    let Some(made) = repository.pull_requests.last() else { return Ok(not_found()) };
    let location = format!("{}/pulls/{number}", repository.url(&call.api));
    Ok(FakeResponse::json(201, &whole(made, repository, &call.api)).header("location", &location))
}

/// Issues and pull requests have one row of numbers.
fn next_number(repository: &FakeRepository) -> u64 {
    let issues = repository.issues.iter().map(|issue| issue.number);
    let pulls = repository.pull_requests.iter().map(|one| one.number);
    issues.chain(pulls).max().unwrap_or_default() + 1
}

pub fn list(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let state = call.query_one_of("state", &["open", "closed", "all"])?.unwrap_or("open");
    call.query_one_of("sort", &["created", "updated", "popularity", "long-running"])?;
    let ascending = call.query_one_of("direction", &["asc", "desc"])? == Some("asc");
    let owner = repository.owner();
    let mut found: Vec<&FakePullRequest> = repository.pull_requests.iter().collect();
    found.retain(|one| {
        let is_wanted = call.query_value("head").is_none_or(|head| head == format!("{owner}:{}", one.branch));
        is_wanted
            && call.query_value("base").is_none_or(|base| base == base_of(one))
            && (state == "all" || (state == "open") == one.is_open)
    });
    found.sort_by_key(|one| one.number);
    if !ascending {
        found.reverse();
    }
    let page = call.page(found)?;
    Ok(page.into_list(|one| Value::Object(simple(one, repository, &call.api))))
}

pub fn get(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let number = call.number("pull_number")?;
    let found = repository.pull_requests.iter().find(|one| one.number == number);
    Ok(found.map_or_else(not_found, |one| FakeResponse::json(200, &whole(one, repository, &call.api))))
}

pub fn update(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let number = call.number("pull_number")?;
    let Some(index) = repository.pull_requests.iter().position(|one| one.number == number) else {
        return Ok(not_found());
    };
    let body = call.body_fields(&["title", "body", "state", "base", "maintainer_can_modify"])?;
    let state = body.string("state")?;
    if let Some(state) = state {
        if !["open", "closed"].contains(&state) {
            return Err(ContractViolation::invalid(&format!("state is {state:?}, not one of open, closed.")));
        }
        let one = &repository.pull_requests[index];
        if state == "open" && !one.is_open && !one.is_unmerged {
            let error = json!({ "resource": "PullRequest", "field": "state", "code": "invalid" });
            return Ok(validation_failed(&error));
        }
        set_state(repository, number, state, call.now);
    }
    Ok(FakeResponse::json(200, &whole(&repository.pull_requests[index], repository, &call.api)))
}

/// Adds labels to an issue or a pull request. GitHub creates missing ones.
pub fn add_labels(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let number = call.number("issue_number")?;
    let body = call.body_fields(&["labels"])?;
    let labels: Vec<String> = body
        .parse("labels", "an array of strings", |value| {
            value.as_array()?.iter().map(|label| label.as_str().map(ToOwned::to_owned)).collect()
        })?
        .unwrap_or_default();
    let Some(issue) = repository.issues.iter_mut().find(|issue| issue.number == number) else {
        return Ok(not_found());
    };
    for label in labels {
        if !issue.labels.iter().any(|known| known.eq_ignore_ascii_case(&label)) {
            issue.labels.push(label);
        }
    }
    issue.updated_at = call.now;
    let labels = issue.labels.clone();
    let json: Vec<Value> = labels.iter().map(|name| label_json(name, repository, &call.api)).collect();
    Ok(FakeResponse::json(200, &Value::Array(json)))
}

fn label_json(name: &str, repository: &FakeRepository, api: &str) -> Value {
    let number = id("label", &format!("{}/{name}", repository.name));
    json!({
        "id": number,
        "node_id": node_id("LA", number),
        "url": format!("{}/labels/{}", repository.url(api), path_segment(name)),
        "name": name,
        "description": "",
        "color": "ededed",
        "default": false,
    })
}

/// One of the two branches of a pull request.
fn end(repository: &FakeRepository, api: &str, branch: &str, sha: &str) -> Value {
    let mut repo = repository_json(repository, api);
    // Those are fields of a repository by itself.
    repo.retain(|name, _| !["subscribers_count", "network_count"].contains(&name.as_str()));
    repo.insert("has_downloads".to_owned(), true.into());
    json!({
        "label": format!("{}:{branch}", repository.owner()),
        "ref": branch,
        "sha": sha,
        "user": owner_json(api, repository.owner()),
        "repo": repo,
    })
}

/// A pull request in a list.
fn simple(one: &FakePullRequest, repository: &FakeRepository, api: &str) -> Map<String, Value> {
    let (base, number) = (repository.url(api), one.number);
    let (url, issue_url) = (format!("{base}/pulls/{number}"), format!("{base}/issues/{number}"));
    let page = format!("{}/pull/{number}", repository.page());
    let key = id("pull request", &format!("{}/{number}", repository.name));
    let issue = repository.issues.iter().find(|issue| issue.number == number);
    let stored = one.own.last().map(|commit| commit.sha.clone());
    // The branch of an open one is where git has it now.
    let sha = tip(repository, &one.branch).filter(|_| one.is_open).or(stored).unwrap_or_else(|| "0".repeat(40));
    let opened_at = format_time(one.opened_at.unwrap_or_else(now));
    let is_merged = !one.is_open && !one.is_unmerged;
    let labels: Vec<Value> =
        issue.iter().flat_map(|issue| &issue.labels).map(|name| label_json(name, repository, api)).collect();
    let mut head = end(repository, api, &one.branch, &sha);
    if one.is_of_fork {
        head["repo"] = Value::Null;
    }
    let base_sha = tip(repository, base_of(one)).unwrap_or_else(|| "0".repeat(40));
    // A merge or the closing is the last thing that happened to it.
    let ended_at = one.updated_at.map_or_else(|| LONG_AGO.to_owned(), format_time);
    let mut json = object_fields(json!({
        "id": key,
        "node_id": node_id("PR", key),
        "number": number,
        "url": url,
        "html_url": page,
        "diff_url": format!("{page}.diff"),
        "patch_url": format!("{page}.patch"),
        "issue_url": issue_url,
        "commits_url": format!("{url}/commits"),
        "review_comments_url": format!("{url}/comments"),
        "review_comment_url": format!("{base}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue_url}/comments"),
        "statuses_url": format!("{base}/statuses/{sha}"),
        "state": if one.is_open { "open" } else { "closed" },
        "locked": false,
        "title": issue.map(|issue| issue.title.clone()).unwrap_or_default(),
        "body": one.body,
        "user": account_json(api, one.opener.as_deref().unwrap_or("ghost")),
        "labels": labels,
    }));
    let links = ["self", "html", "issue", "comments", "review_comments", "review_comment", "commits", "statuses"];
    let link = |name: &str| match name {
        "self" => json["url"].clone(),
        "html" => json["html_url"].clone(),
        name => json[&format!("{name}_url")].clone(),
    };
    let links: Map<String, Value> =
        links.iter().map(|name| ((*name).to_owned(), json!({ "href": link(name) }))).collect();
    json.extend(object_fields(json!({
        "_links": links,
        "milestone": null,
        "active_lock_reason": null,
        "created_at": opened_at,
        "updated_at": one.updated_at.map_or(opened_at.clone(), format_time),
        "closed_at": (!one.is_open).then_some(&ended_at),
        "merged_at": is_merged.then_some(&ended_at),
        "merge_commit_sha": one.brought.last(),
        "assignee": null,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "head": head,
        "base": end(repository, api, base_of(one), &base_sha),
        "author_association": "NONE",
        "auto_merge": null,
        "draft": one.is_draft,
    })));
    json
}

/// A pull request by itself.
fn whole(one: &FakePullRequest, repository: &FakeRepository, api: &str) -> Value {
    let mut json = simple(one, repository, api);
    json.extend(object_fields(json!({
        "merged": !one.is_open && !one.is_unmerged,
        "mergeable": null,
        "rebaseable": null,
        "mergeable_state": "unknown",
        "merged_by": one.merged_by.as_deref().map(|login| account_json(api, login)),
        "comments": 0,
        "review_comments": 0,
        "maintainer_can_modify": false,
        "commits": one.own.len(),
        "additions": 1,
        "deletions": 1,
        "changed_files": one.files.len(),
    })));
    Value::Object(json)
}
