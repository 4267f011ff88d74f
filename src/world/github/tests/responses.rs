//! The requests of reads and writes, and how their responses are read.

use super::*;
use crate::subject::EnvironmentName;

pub(super) fn shop() -> Repository {
    "acme/shop".parse().unwrap()
}

/// A server that answers by path and query, and 404 to everything else.
pub(super) fn serving(responses: &'static [(&'static str, u16, &'static str)]) -> (LoopbackServer, GitHub) {
    let server = LoopbackServer::start(move |request| {
        let target = match request.query.as_str() {
            "" => request.path.clone(),
            query => format!("{}?{query}", request.path),
        };
        match responses.iter().find(|(path, ..)| *path == target) {
            Some((_, status, body)) => server::FakeResponse::text(*status, "application/json", *body),
            None => server::FakeResponse::text(404, "application/json", format!("{{\"message\":\"no {target}\"}}")),
        }
    })
    .unwrap();
    let github = connect(server.url());
    (server, github)
}

const RUN: &str = r#"{"id":7,"run_attempt":2,"workflow_id":3,"path":".github/workflows/ci.yml","event":"push",
    "status":"completed","conclusion":"success","head_branch":"main","head_sha":"abc","actor":{"login":"alice","id":1},
    "triggering_actor":null,"repository":{"full_name":"acme/shop"},"head_repository":null,"html_url":"u",
    "created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:01Z","run_started_at":"2026-01-01T00:00:00Z"}"#;

#[test]
fn an_object_that_does_not_exist_is_none() {
    let (_server, github) = serving(&[("/repos/acme/shop/actions/runs/7", 200, RUN)]);
    let run = github.workflow_run(&shop(), 7).unwrap().unwrap();
    assert_eq!((run.attempt, run.actor.as_deref(), run.triggering_actor.as_deref()), (2, Some("alice"), None));
    assert_eq!((&*run.repository.full_name, run.is_of_own_commit()), ("acme/shop", false));
    assert_eq!(github.workflow_run(&shop(), 8), Ok(None));
    assert_eq!(github.workflow_run_attempt(&shop(), 7, 3), Ok(None));
    let missing = github.jobs(&shop(), 7, 3).unwrap_err().to_string();
    assert!(
        missing.contains("attempt 3 of workflow run 7") && missing.contains("Actions: read on acme/shop"),
        "{missing}"
    );
}

#[test]
fn a_failed_read_names_the_permission_or_the_cause() {
    for (status, body, parts) in [
        (403, r#"{"message":"Resource not accessible by integration"}"#, ["403 Resource", "Checks: read on acme/shop"]),
        (401, r#"{"message":"Bad credentials"}"#, ["401 Bad", "wrong, expired or revoked"]),
        (429, "slow down", ["429 slow down", "rate limit"]),
        (500, "{}", ["500", "GitHub failed to handle"]),
        (200, "<html>", ["expected value", "as GitHub's description"]),
        (200, r#"[{"title":7}]"#, ["invalid type", "as GitHub's description"]),
    ] {
        let server = LoopbackServer::start(move |_| server::FakeResponse::text(status, "text/plain", body)).unwrap();
        let finding = connect(server.url()).annotations(&shop(), 5).unwrap_err().to_string();
        assert!(parts.iter().all(|part| finding.contains(part)), "{status}: {finding}");
    }
}

#[test]
fn a_list_is_read_to_its_last_page_and_an_endless_list_is_an_error() {
    let page =
        |request: &server::ReceivedRequest| request.query.rsplit_once("page=").unwrap().1.parse::<usize>().unwrap();
    let annotation =
        |page: usize| json!([{ "annotation_level": "notice", "title": null, "message": page.to_string() }]);
    let start = move |last: usize| {
        LoopbackServer::start(move |request| {
            let page = page(request);
            let answer = server::FakeResponse::json(200, &annotation(page));
            if page == last {
                answer
            } else {
                answer.header("link", r#"<x?page=1>; rel="first", <x?page=9>; rel="next""#)
            }
        })
        .unwrap()
    };
    let read = |last: usize| connect(start(last).url()).annotations(&shop(), 5);
    let pages: Vec<_> = read(3).unwrap().into_iter().filter_map(|annotation| annotation.message).collect();
    assert_eq!(pages, ["1", "2", "3"]);
    assert!(read(usize::MAX).unwrap_err().to_string().contains("more than 50 pages"));
}

#[test]
fn an_environment_has_all_of_its_protection_rules() {
    const GUARDED: &str = r#"{"id":1,"name":"production","can_admins_bypass":true,"protection_rules":[
        {"id":1,"type":"wait_timer","wait_timer":30},
        {"id":2,"type":"required_reviewers","prevent_self_review":true,"reviewers":[
            {"type":"User","reviewer":{"id":4,"login":"alice"}},
            {"type":"Team","reviewer":{"id":5,"slug":"leads","name":"Leads"}}]},
        {"id":3,"type":"branch_policy"},{"id":4,"type":"custom"}],
        "deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":false}}"#;
    const OPEN: &str = r#"{"id":2,"name":"dev","protection_rules":[],"deployment_branch_policy":null}"#;
    const OLD: &str = r#"{"id":3,"name":"old","protection_rules":[
        {"id":1,"type":"required_reviewers","reviewers":[{"type":"User","reviewer":{"id":4,"login":"alice"}}]}],
        "deployment_branch_policy":null}"#;
    let (_server, github) = serving(&[
        ("/repos/acme/shop/environments/old", 200, OLD),
        ("/repos/acme/shop/environments/production", 200, GUARDED),
        ("/repos/acme/shop/environments/dev", 200, OPEN),
    ]);
    let environment = |name: &str| github.environment(&shop(), name.parse::<EnvironmentName>().unwrap()).unwrap();
    let guarded = environment("production").unwrap();
    let reviewers: Vec<_> =
        guarded.reviewers.iter().map(|reviewer| (reviewer.kind, reviewer.id, reviewer.name.as_str())).collect();
    assert_eq!(reviewers, [(ReviewerKind::User, 4, "alice"), (ReviewerKind::Team, 5, "leads")]);
    assert_eq!(
        (guarded.wait_timer, guarded.prevent_self_review, guarded.can_admins_bypass),
        (30, Some(true), Some(true))
    );
    assert_eq!(guarded.branch_rule, Some(BranchRule { protected: true, custom: false }));
    let open = environment("dev").unwrap();
    assert_eq!((open.wait_timer, open.reviewers.len(), open.branch_rule, open.can_admins_bypass), (0, 0, None, None));
    assert!(guarded.has_custom_rules && !open.has_custom_rules);
    assert_eq!(open.prevent_self_review, Some(false), "without reviewers there is no such rule");
    assert_eq!(environment("old").unwrap().prevent_self_review, None, "an older server does not know it");
    assert_eq!(environment("none"), None);
}

#[test]
fn a_list_of_issues_holds_no_pull_requests() {
    const ISSUES: &str = r#"[
        {"number":1,"title":"t","body":null,"state":"open","html_url":"u","labels":["a",{"name":"b"},{"name":null}],
         "user":null,"created_at":"2026-01-01T00:00:00Z"},
        {"number":2,"title":"t","state":"closed","html_url":"u","created_at":"2026-01-01T00:00:00Z","pull_request":{}}]"#;
    let path = "/repos/acme/shop/issues?state=all&sort=created&direction=asc&labels=a%2Cb&per_page=100&page=1";
    let responses: &'static [_] = Box::leak(Box::new([(path, 200, ISSUES)]));
    let (_server, github) = serving(responses);
    let query = IssueQuery { labels: vec!["a".to_owned(), "b".to_owned()], closed: true, since: None };
    let [issue] = &github.issues(&shop(), &query).unwrap()[..] else { panic!("one is an issue") };
    assert_eq!(
        (issue.number, &*issue.body, issue.state, &issue.labels[..]),
        (1, "", IssueState::Open, &["a".to_owned(), "b".to_owned()][..])
    );
}

const ISSUE: &str =
    r#"{"number":9,"title":"t","body":"","state":"open","html_url":"u","created_at":"2026-01-01T00:00:00Z"}"#;

#[test]
fn a_write_whose_response_cannot_be_read_is_an_unknown_outcome() {
    let create = |status: u16, body: &'static str| {
        let server =
            LoopbackServer::start(move |_| server::FakeResponse::text(status, "application/json", body)).unwrap();
        let issue = NewIssue { title: "t".to_owned(), body: String::new(), labels: vec![] };
        with_permit(|permit| connect(server.url()).create_issue(permit, &shop(), &issue))
    };
    assert!(matches!(create(201, ISSUE), SendOutcome::Done(Issue { number: 9, .. })));
    for (status, body) in [(201, "{}"), (200, ISSUE), (502, "{}")] {
        assert!(matches!(create(status, body), SendOutcome::Unknown { .. }), "{status} {body}");
    }
    let SendOutcome::Refused(refusal) = create(410, r#"{"message":"Issues are disabled"}"#) else {
        panic!("410 is a refusal")
    };
    assert_eq!(refusal.message, "Issues are disabled");
    let SendOutcome::Refused(refusal) = create(403, "{}") else { panic!("403 is a refusal") };
    assert!(refusal.hint.contains("Issues: write on acme/shop"), "{}", refusal.hint);
}
