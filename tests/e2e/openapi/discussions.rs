//! Exchanges with the routes of issues, their comments, and pull requests.

use promote_gates::sandbox::github::FakeGitHub;
use serde_json::{Value, json};
use ureq::http::Method;

use crate::{
    all_routes::{INFRA, REPO},
    exchange::{Caller, Conformance, Exchange},
};

/// Issues, and the lists of them.
pub fn issues(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    fake_github.open_issue(INFRA, "stop everything", "until Monday", &["promotion-hold"]);
    fake_github.open_pull_request(INFRA, "a change", "", &["promotion-hold"]);
    let issues = format!("{REPO}/issues");
    let post = |body, request| caller.exchange(Method::POST, &issues, body, request);
    let patch = |body, request| caller.exchange(Method::PATCH, &format!("{issues}/1"), body, request);
    let list = |query: &str, request| caller.exchange(Method::GET, &format!("{issues}?{query}"), Value::Null, request);
    vec![
        caller.get(&issues),
        post(
            json!({ "title": "Emergency of checkout-service", "body": "why?", "labels": ["promote-gates"] }),
            Conformance::Valid,
        ),
        post(json!({ "title": "only a title" }), Conformance::Valid),
        list(
            "state=all&labels=promote-gates&since=2020-01-01T00:00:00Z&sort=updated&direction=asc",
            Conformance::Valid,
        ),
        list("creator=octocat&per_page=1", Conformance::Valid),
        patch(json!({ "state": "closed", "state_reason": "not_planned" }), Conformance::Valid),
        patch(json!({ "state": "open", "title": "again", "body": null, "labels": [] }), Conformance::Valid),
        patch(json!({ "state": "closed" }), Conformance::Valid),
        list("state=closed", Conformance::Valid),
        caller.ask(Method::PATCH, &format!("{issues}/99"), json!({ "state": "closed" })),
        post(json!({}), Conformance::Invalid),
        post(json!({ "title": true }), Conformance::Invalid),
        post(json!({ "title": " " }), Conformance::InvalidByProse),
        post(json!({ "title": "x", "label": "y" }), Conformance::Invalid),
        post(json!({ "title": "x", "labels": [7] }), Conformance::Invalid),
        post(json!({ "title": "x", "body": 7 }), Conformance::Invalid),
        patch(json!({ "state": "done" }), Conformance::Invalid),
        patch(json!({ "state": "closed", "state_reason": "boring" }), Conformance::Invalid),
        patch(json!({ "closed": true }), Conformance::Invalid),
        caller.exchange(Method::PATCH, &format!("{issues}/one"), json!({ "state": "closed" }), Conformance::Invalid),
        list("state=any", Conformance::Invalid),
        list("since=lately", Conformance::Invalid),
        list("sort=title", Conformance::Invalid),
        list("direction=up", Conformance::Invalid),
    ]
}

/// Comments on a pull request.
pub fn comments(fake_github: &FakeGitHub, caller: &Caller) -> Vec<Exchange> {
    let number = fake_github.open_pull_request(INFRA, "another change", "", &[]);
    let other = fake_github.comment_as(INFRA, number, "grace", "looks good");
    let comments = format!("{REPO}/issues/{number}/comments");
    let post = |body, request| caller.exchange(Method::POST, &comments, body, request);
    let patch =
        |id: u64, body, request| caller.exchange(Method::PATCH, &format!("{REPO}/issues/comments/{id}"), body, request);
    let made = post(json!({ "body": "one" }), Conformance::Valid);
    let id = made.answer["id"].as_u64().expect("an id");
    vec![
        made,
        patch(id, json!({ "body": "two" }), Conformance::Valid),
        patch(99, json!({ "body": "two" }), Conformance::Valid),
        caller.get(&comments),
        caller.get(&format!("{comments}?per_page=1&page=2")),
        caller.get(&format!("{REPO}/issues/99/comments")),
        caller.ask(Method::POST, &format!("{REPO}/issues/99/comments"), json!({ "body": "x" })),
        post(json!({}), Conformance::Invalid),
        post(json!({ "body": 7 }), Conformance::Invalid),
        post(json!({ "body": "x", "title": "y" }), Conformance::Invalid),
        post(json!({ "body": " " }), Conformance::InvalidByProse),
        post(json!({ "body": "x".repeat(65_537) }), Conformance::InvalidByProse),
        patch(id, json!({}), Conformance::Invalid),
        caller.ask(Method::DELETE, &format!("{REPO}/issues/comments/{other}"), Value::Null),
        caller.ask(Method::DELETE, &format!("{REPO}/issues/comments/{other}"), Value::Null),
        caller.exchange(Method::DELETE, &format!("{REPO}/issues/comments/one"), Value::Null, Conformance::Invalid),
    ]
}

/// Pull requests of the branches that `commits` made.
pub fn pull_requests(caller: &Caller) -> Vec<Exchange> {
    let pulls = format!("{REPO}/pulls");
    let post = |body, request| caller.exchange(Method::POST, &pulls, body, request);
    let list = |query: &str, request| caller.exchange(Method::GET, &format!("{pulls}?{query}"), Value::Null, request);
    let new = |head: &str| json!({ "title": "promote(production): shop → 1.4.2", "head": head, "base": "main", "body": "why" });
    let made = post(new("aside"), Conformance::Valid);
    let number = made.answer["number"].as_u64().expect("a number");
    let patch = |body, request| caller.exchange(Method::PATCH, &format!("{pulls}/{number}"), body, request);
    let labels = format!("{REPO}/issues/{number}/labels");
    let merge_url = format!("{pulls}/{number}/merge");
    let merge = |body| caller.ask(Method::PUT, &merge_url, body);
    vec![
        made,
        post(new("aside"), Conformance::Valid),
        post(new("acme:aside"), Conformance::Valid),
        post(new("unknown"), Conformance::Valid),
        post(json!({ "title": "x", "head": "release/1", "base": "unknown" }), Conformance::Valid),
        caller.get(&pulls),
        list("state=all&head=acme%3Aaside&sort=created&direction=asc&per_page=100&page=1", Conformance::Valid),
        list("state=open&base=main&sort=created&direction=asc&per_page=1", Conformance::Valid),
        caller.ask(Method::POST, &labels, json!({ "labels": ["promotion", "production"] })),
        caller.ask(Method::POST, &format!("{REPO}/issues/99/labels"), json!({ "labels": ["promotion"] })),
        patch(json!({ "state": "closed" }), Conformance::Valid),
        patch(json!({ "state": "open" }), Conformance::Valid),
        caller.get(&format!("{pulls}/{number}")),
        caller.get(&format!("{pulls}/99")),
        merge(json!({ "merge_method": "squash", "sha": "7".repeat(40), "commit_title": "x", "commit_message": "y" })),
        // A ruleset requires the status.
        merge(json!({ "merge_method": "squash", "sha": "d".repeat(40), "commit_title": "x", "commit_message": "y" })),
        caller.ask(
            Method::POST,
            &format!("{REPO}/statuses/{}", "d".repeat(40)),
            json!({ "state": "success", "context": "promote-gates/approval" }),
        ),
        merge(json!({ "merge_method": "squash", "sha": "d".repeat(40), "commit_title": "x", "commit_message": "y" })),
        merge(json!({})),
        caller.get(&format!("{pulls}/{number}")),
        list("state=closed&base=main", Conformance::Valid),
        patch(json!({ "state": "open" }), Conformance::Valid),
        caller.exchange(Method::PUT, &merge_url, json!({ "merge_method": "octopus" }), Conformance::Invalid),
        caller.exchange(Method::PUT, &merge_url, json!({ "method": "merge" }), Conformance::Invalid),
        caller.ask(Method::PATCH, &format!("{pulls}/99"), json!({ "state": "closed" })),
        post(json!({}), Conformance::Invalid),
        post(json!({ "title": 7, "head": "aside", "base": "main" }), Conformance::Invalid),
        post(json!({ "title": "x", "head": "aside" }), Conformance::Invalid),
        post(json!({ "title": "x", "head": "release/1", "base": "main", "labels": [] }), Conformance::Invalid),
        post(json!({ "title": " ", "head": "release/1", "base": "main" }), Conformance::InvalidByProse),
        post(
            json!({ "title": "x", "head": "release/1", "base": "main", "body": "x".repeat(65_537) }),
            Conformance::InvalidByProse,
        ),
        patch(json!({ "state": "merged" }), Conformance::Invalid),
        patch(json!({ "closed": true }), Conformance::Invalid),
        caller.exchange(Method::PATCH, &format!("{pulls}/one"), json!({ "state": "closed" }), Conformance::Invalid),
        list("state=any", Conformance::Invalid),
        list("sort=title", Conformance::Invalid),
        list("direction=up", Conformance::Invalid),
    ]
}
