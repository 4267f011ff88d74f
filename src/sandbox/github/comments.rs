//! `GET` and `POST …/issues/{issue_number}/comments`, `PATCH` and `DELETE …/issues/comments/{comment_id}`: comments on pull
//! requests; and the query `Viewer`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    accounts::account_json,
    actions_app::BOT,
    call::{ApiCall, BodyFields},
    errors::{ContractViolation, not_found},
    fake_github::FakeGitHub,
    format::{format_time, node_id, now},
    query_call::{GraphQlFailure, QueryCall},
    records::{FakeAccounts, FakeComment, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

/// The longest text that GitHub accepts, in characters.
const LONGEST: usize = 65_536;
/// The id of the first comment.
const FIRST: u64 = 1000;

impl FakeGitHub {
    /// The comments on a pull request, oldest first.
    #[must_use]
    pub fn comments(&self, repository: &str, number: u64) -> Vec<FakeComment> {
        self.with_repository(repository, |repository, _| {
            repository.comments.iter().filter(|comment| comment.number == number).cloned().collect()
        })
    }

    /// Comments as a user; returns the comment's id.
    pub fn comment_as(&self, repository: &str, number: u64, login: &str, body: &str) -> u64 {
        self.with_repository(repository, |repository, accounts| {
            accounts.add_user(login);
            add(repository, number, login, body, now()).id
        })
    }
}

fn add<'a>(
    repository: &'a mut FakeRepository,
    number: u64,
    login: &str,
    body: &str,
    now: Timestamp,
) -> &'a FakeComment {
    let id = repository.comments.last().map_or(FIRST, |last| last.id + 1);
    repository.comments.push(FakeComment {
        id,
        number,
        body: body.to_owned(),
        user: login.to_owned(),
        created_at: now,
        updated_at: now,
    });
    &repository.comments[repository.comments.len() - 1]
}

fn comment_json(comment: &FakeComment, repository: &FakeRepository, api: &str) -> Value {
    let FakeComment { id, number, body, user, created_at, updated_at } = comment;
    let base = repository.url(api);
    json!({
        "id": id,
        "node_id": node_id("IC", *id),
        "url": format!("{base}/issues/comments/{id}"),
        "html_url": format!("{}/pull/{number}#issuecomment-{id}", repository.page()),
        "issue_url": format!("{base}/issues/{number}"),
        "body": body,
        "user": account_json(api, user),
        "created_at": format_time(*created_at),
        "updated_at": format_time(*updated_at),
        "author_association": "NONE",
        "performed_via_github_app": null,
    })
}

/// Whether there is a pull request of this number.
fn has_pull_request(repository: &FakeRepository, number: u64) -> bool {
    repository.issues.iter().any(|issue| issue.is_pull_request && issue.number == number)
}

pub fn list(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let number = call.number("issue_number")?;
    if !has_pull_request(repository, number) {
        return Ok(not_found());
    }
    let comments: Vec<&FakeComment> = repository.comments.iter().filter(|comment| comment.number == number).collect();
    Ok(call.page(comments)?.into_list(|comment| comment_json(comment, repository, &call.api)))
}

pub fn create(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let number = call.number("issue_number")?;
    if !has_pull_request(repository, number) {
        return Ok(not_found());
    }
    let body = text(call)?;
    let comment = add(repository, number, BOT, &body, call.now).clone();
    let location = format!("{}/issues/comments/{}", repository.url(&call.api), comment.id);
    Ok(FakeResponse::json(201, &comment_json(&comment, repository, &call.api)).header("location", &location))
}

pub fn update(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let Some(index) = index(repository, call)? else { return Ok(not_found()) };
    let body = text(call)?;
    let comment = &mut repository.comments[index];
    (comment.body, comment.updated_at) = (body, call.now);
    Ok(FakeResponse::json(200, &comment_json(&repository.comments[index], repository, &call.api)))
}

pub fn delete(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let Some(index) = index(repository, call)? else { return Ok(not_found()) };
    repository.comments.remove(index);
    Ok(FakeResponse::status(204))
}

fn index(repository: &FakeRepository, call: &ApiCall) -> Result<Option<usize>, ContractViolation> {
    let id = call.number("comment_id")?;
    Ok(repository.comments.iter().position(|comment| comment.id == id))
}

/// The text in the body.
fn text(call: &ApiCall) -> Result<String, ContractViolation> {
    let fields = call.body_fields(&["body"])?;
    let text = BodyFields::required("body", fields.string("body")?)?;
    if text.trim().is_empty() {
        return Err(ContractViolation::new(422, "Validation Failed: body can't be blank"));
    }
    if text.chars().count() > LONGEST {
        let message = format!("Validation Failed: body is too long (maximum is {LONGEST} characters)");
        return Err(ContractViolation::new(422, message));
    }
    Ok(text.to_owned())
}

/// The account of the token.
#[expect(clippy::unnecessary_wraps, reason = "the handlers of queries have one type")]
pub fn viewer(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    Ok(json!({ "viewer": { "login": call.account } }))
}
