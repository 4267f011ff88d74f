//! The query `PullRequestPeople`.

use serde_json::{Value, json};

use super::{
    accounts::is_bot,
    commit_people::authors,
    fake_github::FakeGitHub,
    node_ids::{commit_id, pull_request_id},
    query_call::{GraphQlFailure, QueryCall, connection, not_found},
    records::FakePullRequest,
};

impl FakeGitHub {
    /// Adds a pull request.
    pub fn add_pull_request(&self, repository: &str, pull_request: FakePullRequest) {
        self.with_repository(repository, |repository, accounts| {
            let commits = pull_request.own.iter();
            let logins = commits.flat_map(|commit| [&commit.author, &commit.committer]).flatten();
            for login in logins.chain(&pull_request.opener).chain(&pull_request.assignees) {
                accounts.add_user(login);
            }
            repository.pull_requests.push(pull_request);
        });
    }
}

pub fn get(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let nodes: Result<Vec<Value>, _> = call.ids("ids")?.into_iter().map(|id| node(call, id)).collect();
    Ok(json!({ "nodes": nodes? }))
}

fn node(call: &QueryCall, id: &str) -> Result<Value, GraphQlFailure> {
    let all = call
        .data
        .repositories
        .values()
        .flat_map(|repository| repository.pull_requests.iter().map(move |pull_request| (repository, pull_request)));
    let found = all.into_iter().find(|(repository, pull_request)| pull_request_id(repository, pull_request) == id);
    let (repository, pull_request) = found.ok_or_else(|| not_found(id))?;
    call.permit(repository, "contents=read")?;
    call.permit(repository, "pull_requests=read")?;
    let (most, most_authors) = (call.first("commits")?, call.first("authors")?);
    let start = match call.optional_text("after")? {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| GraphQlFailure::Violation(format!("no cursor {cursor:?}")))?,
    };
    let own = &pull_request.own;
    let commits = own.iter().skip(start).map(|commit| {
        json!({ "commit": {
            "id": commit_id(repository, commit),
            "oid": commit.sha,
            "authors": connection(authors(&call.data.accounts, commit), most_authors),
        } })
    });
    let mut commits = connection(commits.collect(), most);
    let end = (start + most).min(own.len());
    commits["pageInfo"]["endCursor"] = if own.is_empty() { Value::Null } else { end.to_string().into() };
    commits["totalCount"] = (own.len() + pull_request.hidden).into();
    // GraphQL lists users here, and no Apps.
    let assignees = pull_request.assignees.iter().filter(|login| !is_bot(login));
    let assignees = assignees.map(|login| json!({ "login": login })).collect();
    Ok(json!({
        "id": id,
        "number": pull_request.number,
        "author": pull_request.opener.as_deref().map(actor),
        "assignees": connection(assignees, 20),
        "commits": commits,
    }))
}

/// An account as GraphQL shows an actor: an App has no `[bot]` there.
fn actor(login: &str) -> Value {
    let kind = if is_bot(login) { "Bot" } else { "User" };
    json!({ "__typename": kind, "login": login.strip_suffix("[bot]").unwrap_or(login) })
}
