//! The queries `PullRequestReviews` and `PullRequests`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    accounts::is_bot,
    commit_people::{authors, committer},
    fake_github::FakeGitHub,
    format::{account_id, format_time, now},
    query_call::{GraphQlFailure, QueryCall, connection, page},
    records::{FakePullRequest, FakePullRequestReview, FakeRepository},
};

impl FakeGitHub {
    /// Changes a pull request that was added.
    pub fn change_pull_request(&self, repository: &str, number: u64, change: impl FnOnce(&mut FakePullRequest)) {
        let changed = self.with_repository(repository, |repository, _| {
            repository.pull_requests.iter_mut().find(|one| one.number == number).map(change).is_some()
        });
        if !changed {
            let missing = format!("the script changes pull request #{number}, which was not added");
            self.state().violations.push(missing);
        }
    }

    /// Adds a review of a pull request, by a user who gets an account.
    pub fn review_pull_request(&self, repository: &str, number: u64, review: FakePullRequestReview) {
        if let Some(login) = &review.author {
            self.add_user(login);
        }
        self.change_pull_request(repository, number, |pull_request| {
            pull_request.updated_at = pull_request.updated_at.max(Some(review.at));
            pull_request.reviews.push(review);
        });
    }
}

pub fn get(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let repository = permitted(call)?;
    let number = call.number("number")?;
    let found = repository.pull_requests.iter().find(|one| one.number == number);
    let found = found.ok_or_else(|| {
        GraphQlFailure::NotFound(format!("Could not resolve to a PullRequest with the number of {number}."))
    })?;
    let reviews: Vec<Value> = found.reviews.iter().map(review_json).collect();
    let FakePullRequest { own, files, opener, base, branch, .. } = found;
    let last = own.last().map(|commit| {
        json!({ "commit": {
            "oid": commit.sha,
            "authors": connection(authors(&call.data.accounts, commit), 20),
            "committer": committer(commit),
        } })
    });
    let force_push = found.force_pushed_at.map(|at| json!({ "createdAt": format_time(at) }));
    let files_json: Vec<Value> = files.iter().take(100).map(|path| json!({ "path": path })).collect();
    Ok(json!({ "repository": { "pullRequest": {
        "number": number,
        "url": format!("{}/pull/{number}", repository.page()),
        "state": state(found),
        "isDraft": found.is_draft,
        "isCrossRepository": found.is_of_fork,
        "baseRefName": if base.is_empty() { "main" } else { base },
        "headRefName": branch,
        "headRefOid": head(found),
        "createdAt": format_time(opened_at(found)),
        "author": opener.as_deref().map(|login| actor(login, login)),
        "changedFiles": files.len(),
        "files": { "nodes": files_json },
        "commits": { "totalCount": own.len() + found.hidden, "nodes": last.into_iter().collect::<Vec<_>>() },
        "timelineItems": { "nodes": force_push.into_iter().collect::<Vec<_>>() },
        "reviews": page(reviews, call.start("after")?, call.first("first")?),
    } } }))
}

/// The last changed first.
pub fn list(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let repository = permitted(call)?;
    let states: Option<Vec<&str>> = match call.variables.get("states") {
        Some(Value::Null) => None,
        Some(Value::Array(states)) => states.iter().map(Value::as_str).collect(),
        _ => return Err(GraphQlFailure::Violation("$states is no list of states".to_owned())),
    };
    let first_reviews = call.first("reviews")?;
    let mut all: Vec<&FakePullRequest> = repository.pull_requests.iter().collect();
    all.retain(|one| states.as_ref().is_none_or(|states| states.contains(&state(one))));
    all.sort_by_key(|one| std::cmp::Reverse(one.updated_at.unwrap_or_else(|| opened_at(one))));
    let nodes = all.into_iter().map(|one| {
        let approvals = one.reviews.iter().filter(|review| review.state == "APPROVED");
        let approvals =
            approvals.map(|review| json!({ "submittedAt": format_time(review.at), "author": reviewer(review) }));
        json!({
            "number": one.number,
            "headRefName": one.branch,
            "headRefOid": head(one),
            "isCrossRepository": one.is_of_fork,
            "updatedAt": format_time(one.updated_at.unwrap_or_else(|| opened_at(one))),
            "reviews": connection(approvals.collect(), first_reviews),
        })
    });
    let nodes = page(nodes.collect(), call.start("after")?, call.first("first")?);
    Ok(json!({ "repository": { "pullRequests": nodes } }))
}

pub(super) fn permitted<'a>(call: &QueryCall<'a>) -> Result<&'a FakeRepository, GraphQlFailure> {
    let repository = call.repository()?;
    call.permit(repository, "contents=read")?;
    call.permit(repository, "pull_requests=read")?;
    Ok(repository)
}

const fn state(pull_request: &FakePullRequest) -> &'static str {
    match (pull_request.is_open, pull_request.is_unmerged) {
        (true, _) => "OPEN",
        (false, true) => "CLOSED",
        (false, false) => "MERGED",
    }
}

/// The last commit of its branch; zeros while it has none.
pub(super) fn head(pull_request: &FakePullRequest) -> String {
    pull_request.own.last().map_or_else(|| "0".repeat(40), |commit| commit.sha.clone())
}

fn opened_at(pull_request: &FakePullRequest) -> Timestamp {
    pull_request.opened_at.unwrap_or_else(now)
}

fn review_json(review: &FakePullRequestReview) -> Value {
    let FakePullRequestReview { state, can_push, commit, body, teams, at, .. } = review;
    let teams = teams.iter().map(|slug| json!({ "combinedSlug": slug })).collect();
    json!({
        "state": state,
        "submittedAt": (state != "PENDING").then(|| format_time(*at)),
        "authorCanPushToRepository": can_push,
        "body": body,
        "author": reviewer(review),
        "commit": commit.as_ref().map(|sha| json!({ "oid": sha })),
        "onBehalfOf": connection(teams, 20),
    })
}

fn reviewer(FakePullRequestReview { author, former_login, .. }: &FakePullRequestReview) -> Option<Value> {
    let login = author.as_deref()?;
    Some(actor(login, former_login.as_deref().unwrap_or(login)))
}

/// An account as GraphQL shows an actor: an App has no `[bot]` there, and only a user's number is asked for. A user keeps the number
/// when the login changes.
fn actor(login: &str, first_login: &str) -> Value {
    if is_bot(login) {
        return json!({ "__typename": "Bot", "login": login.strip_suffix("[bot]").unwrap_or(login) });
    }
    json!({ "__typename": "User", "login": login, "databaseId": account_id(first_login) })
}
