//! Issues.

use super::*;

fn issue_tracker() -> FakeGitHub {
    fake_github_with(&["issues=write"])
}

#[test]
fn issues_are_numbered_in_order_and_found_by_query() {
    let fake_github = issue_tracker();
    let (status, _, created) = send(
        &fake_github,
        &Method::POST,
        "issues",
        &json!({ "title": "t", "body": "b", "labels": ["Promote-Gates", "x"] }),
    );
    assert_eq!((status, &created["number"], &created["state"]), (201, &json!(1), &json!("open")));
    assert_eq!(send(&fake_github, &Method::POST, "issues", &json!({ "title": "u" })).2["body"], Value::Null);
    assert_eq!(fake_github.open_issue(INFRA, "stop", "", &["x"]), 3);
    assert_eq!(fake_github.open_pull_request(INFRA, "change", "", &["x"]), 4);
    fake_github.close_issue(INFRA, 3);
    let found = |query: &str| values_at(&get(&fake_github, &format!("issues?{query}")), "/number");
    for (query, expected) in [
        ("", &[4, 2, 1][..]),
        ("state=open&direction=asc", &[1, 2, 4]),
        ("state=closed", &[3]),
        ("state=all&labels=promote-gates", &[1]),
        ("state=all&labels=x,promote-gates", &[1]),
        ("state=all&labels=x", &[4, 3, 1]),
        ("labels=none", &[]),
        ("creator=octocat", &[4]),
        ("since=2020-01-01T00:00:00Z&direction=asc&sort=created", &[1, 2, 4]),
        ("since=2999-01-01T00:00:00Z", &[]),
    ] {
        assert_eq!(found(query), expected, "{query}");
    }
    assert_eq!(
        values_at(&get(&fake_github, "issues"), "/pull_request/html_url"),
        [json!("https://github.com/acme/ecommerce-infra/pull/4"), Value::Null, Value::Null]
    );
    assert_eq!(fake_github.issues(INFRA)[0].labels, ["Promote-Gates", "x"]);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn an_issue_is_closed_with_a_reason_and_can_be_reopened() {
    let fake_github = issue_tracker();
    fake_github.open_issue(INFRA, "t", "b", &["x"]);
    let patch = |body: Value| send(&fake_github, &Method::PATCH, "issues/1", &body).2;
    for (body, state, reason, closed) in [
        (json!({ "state_reason": "not_planned" }), "open", Value::Null, false),
        (json!({ "state": "closed" }), "closed", json!("completed"), true),
        (json!({ "state": "closed", "state_reason": "not_planned" }), "closed", json!("completed"), true),
        (json!({ "state": "open" }), "open", json!("reopened"), false),
        (json!({ "state": "closed", "state_reason": "not_planned" }), "closed", json!("not_planned"), true),
        (json!({ "state": "open", "state_reason": null }), "open", json!("reopened"), false),
    ] {
        let issue = patch(body.clone());
        assert_eq!((&issue["state"], &issue["state_reason"]), (&json!(state), &reason), "{body}");
        assert_eq!(issue["closed_at"].is_string(), closed, "{body}");
    }
    let issue = patch(json!({ "title": "u", "labels": [], "body": null }));
    assert_eq!((&issue["title"], &issue["labels"], &issue["body"]), (&json!("u"), &json!([]), &Value::Null));
    assert_eq!(send(&fake_github, &Method::PATCH, "issues/2", &json!({ "state": "closed" })).0, 404);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn an_invalid_issue_is_rejected_without_changes() {
    let fake_github = issue_tracker();
    fake_github.open_issue(INFRA, "t", "b", &[]);
    let before = fake_github.issues(INFRA);
    for (method, path, body) in [
        (Method::POST, "issues", json!({})),
        (Method::POST, "issues", json!({ "title": "" })),
        (Method::POST, "issues", json!({ "title": "t", "body": null })),
        (Method::POST, "issues", json!({ "title": "t", "labels": "x" })),
        (Method::POST, "issues", json!({ "title": "t", "state": "closed" })),
        (Method::PATCH, "issues/1", json!({ "title": "u", "state": "gone" })),
        (Method::PATCH, "issues/1", json!({ "title": "u", "state": "closed", "state_reason": "gone" })),
        (Method::PATCH, "issues/1", json!({ "title": "u", "labels": [1] })),
        (Method::PATCH, "issues/1", json!({ "title": "u", "number": 2 })),
    ] {
        assert_eq!(send(&fake_github, &method, path, &body).0, 422, "{body}");
    }
    assert_eq!((fake_github.violations().len(), fake_github.issues(INFRA)), (9, before));
}
