mod access;
mod commits;
mod environments;
mod graphql;
mod issues;
mod pages;
mod required_statuses;
mod runs;
mod settings;

use std::time::Duration;

use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use ureq::http::Request;

use super::*;
use crate::sandbox::server::FakeResponse;

const INFRA: &str = "acme/ecommerce-infra";
const PATH: &str = "/repos/acme/ecommerce-infra/dispatches";

fn fake_github() -> FakeGitHub {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create("acme/ecommerce-infra");
    fake_github.create("acme/hidden");
    fake_github.grant("t-write", "acme/ecommerce-infra", &["contents=write"]);
    fake_github.grant("t-read", "acme/ecommerce-infra", &["contents=read"]);
    fake_github
}

fn agent() -> ureq::Agent {
    let timeout = Some(Duration::from_secs(10));
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(timeout).proxy(None);
    config.max_redirects(0).max_redirects_will_error(false).build().into()
}

/// Sends a request with the token `t`; returns status, `link` header and body. A path without a leading slash is
/// relative to `acme/ecommerce-infra`.
fn send(fake_github: &FakeGitHub, method: &Method, path: &str, body: &Value) -> (u16, String, Value) {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/repos/acme/ecommerce-infra/{path}") };
    let request = Request::builder().method(method).uri(format!("{}{path}", fake_github.api_url()));
    let request = request.header("authorization", "Bearer t");
    let response = if body.is_null() {
        agent().run(request.body(()).unwrap())
    } else {
        agent().run(request.header("content-type", "application/json").body(body.to_string()).unwrap())
    };
    let mut response = response.unwrap();
    let link = response.headers().get("link").map_or("", |link| link.to_str().unwrap()).to_owned();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), link, serde_json::from_str(&text).unwrap_or_default())
}

fn get(fake_github: &FakeGitHub, path: &str) -> Value {
    let (status, _, body) = send(fake_github, &Method::GET, path, &Value::Null);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn status(fake_github: &FakeGitHub, path: &str) -> u16 {
    send(fake_github, &Method::GET, path, &Value::Null).0
}

/// A fake GitHub whose token `t` has these permissions.
fn fake_github_with(permissions: &[&str]) -> FakeGitHub {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create(INFRA);
    fake_github.grant("t", INFRA, permissions);
    fake_github
}

/// The value at a JSON pointer in each entry of a list.
fn values_at(list: &Value, pointer: &str) -> Vec<Value> {
    list.as_array().unwrap().iter().map(|entry| entry.pointer(pointer).cloned().unwrap_or_default()).collect()
}

/// Posts with a token; returns status and message.
fn post(fake_github: &FakeGitHub, path: &str, token: &str, body: &str) -> (u16, String) {
    let mut request = agent().post(format!("{}{path}", fake_github.api_url())).content_type("application/json");
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = request.send(body).unwrap();
    let body = response.body_mut().read_to_string().unwrap();
    let message = serde_json::from_str(&body).ok().and_then(|body: Value| Some(body["message"].as_str()?.to_owned()));
    (response.status().as_u16(), message.unwrap_or(body))
}

#[test]
fn a_dispatch_is_accepted_and_recorded() {
    let fake_github = fake_github();
    let body = json!({ "event_type": "staging-validated", "client_payload": { "service": "frontend" } });
    assert_eq!(post(&fake_github, PATH, "t-write", &body.to_string()), (204, String::new()));
    assert_eq!(post(&fake_github, "/repos/ACME/Ecommerce-Infra/dispatches", "t-write", r#"{"event_type":"x"}"#).0, 204);
    let dispatch =
        |event_type: &str, client_payload| DispatchEvent { event_type: event_type.to_owned(), client_payload };
    let expected = [dispatch("staging-validated", json!({ "service": "frontend" })), dispatch("x", json!({}))];
    assert_eq!(fake_github.dispatches("acme/ecommerce-infra"), expected);
    let [request, _] = &fake_github.requests()[..] else { panic!("{:?}", fake_github.requests()) };
    let expected = RecordedRequest {
        method: "POST".to_owned(),
        path: PATH.to_owned(),
        query: String::new(),
        body,
        status: Some(204),
    };
    assert_eq!(*request, expected);
    assert!(fake_github.violations().is_empty());
}

#[test]
fn a_missing_permission_is_an_error_but_not_a_violation() {
    let fake_github = fake_github();
    let body = r#"{"event_type":"x"}"#;
    for (token, path, status, message) in [
        ("", PATH, 401, "Requires authentication"),
        ("t-unknown", PATH, 401, "Bad credentials"),
        ("t-read", PATH, 403, "Resource not accessible by integration"),
        ("t-write", "/repos/acme/hidden/dispatches", 404, "Not Found"),
        ("t-write", "/repos/acme/missing/dispatches", 404, "Not Found"),
    ] {
        assert_eq!(post(&fake_github, path, token, body), (status, message.to_owned()), "{token} {path}");
    }
    assert!(
        fake_github.dispatches("acme/ecommerce-infra").is_empty() && fake_github.dispatches("acme/hidden").is_empty()
    );
    assert!(fake_github.violations().is_empty());
    assert_eq!(fake_github.requests().len(), 5);
}

#[test]
fn a_request_outside_the_api_description_is_rejected_and_recorded() {
    let fake_github = fake_github();
    let long = format!(r#"{{"event_type":"{}"}}"#, "é".repeat(101));
    let with = |payload: Value| json!({ "event_type": "x", "client_payload": payload }).to_string();
    let eleven = with((0..11).map(|n| (n.to_string(), json!(n))).collect::<serde_json::Map<_, _>>().into());
    // {"a":"…"} adds 8 bytes to the text.
    let large = with(json!({ "a": "x".repeat(65_528) }));
    for (body, status, message) in [
        ("{", 400, "Problems parsing JSON"),
        ("", 422, "A body is needed."),
        ("[]", 422, "[] is not an object."),
        ("{}", 422, "\"event_type\" wasn't supplied."),
        (r#"{"event_type":7}"#, 422, "For 'properties/event_type', 7 is not a string."),
        (r#"{"event_type":""}"#, 422, "At least 1 character is required; only 0 were supplied."),
        (r#"{"event_type":"x","inputs":{}}"#, 422, "\"inputs\" is not a permitted key."),
        (&long, 422, "Only 100 characters are allowed; 101 were supplied."),
        (&with(json!([])), 422, "For 'properties/client_payload', [] is not an object."),
        (&eleven, 422, "No more than 10 properties are allowed; 11 were supplied."),
        (&large, 422, "client_payload is too large."),
    ] {
        let before = fake_github.violations().len();
        let (response_status, text) = post(&fake_github, PATH, "t-write", body);
        assert!(response_status == status && text.ends_with(message), "{body:.60}: {response_status} {text}");
        let violations = fake_github.violations();
        assert!(violations.len() == before + 1 && violations[before].ends_with(message), "{violations:?}");
    }
    assert!(fake_github.dispatches("acme/ecommerce-infra").is_empty());
    let ten = with((0..10).map(|n| (n.to_string(), json!(n))).collect::<serde_json::Map<_, _>>().into());
    let full = with(json!({ "a": "x".repeat(65_527) }));
    let hundred = format!(r#"{{"event_type":"{}"}}"#, "é".repeat(100));
    for body in [ten, full, hundred] {
        assert_eq!(post(&fake_github, PATH, "t-write", &body).0, 204, "at the limit: {body:.60}");
    }
}

#[test]
fn an_unknown_route_method_query_or_header_is_a_violation() {
    let fake_github = fake_github();
    let body = r#"{"event_type":"x"}"#;
    for path in ["/", "/repos/acme", "/repos/acme/ecommerce-infra", "/repos/acme/ecommerce-infra/dispatch", "/user"] {
        assert_eq!(post(&fake_github, path, "t-write", body).0, 404, "{path}");
    }
    assert_eq!(post(&fake_github, &format!("{PATH}?page=2"), "t-write", body).0, 422);
    let get = |header: &str, value: &str| {
        let url = format!("{}{PATH}", fake_github.api_url());
        let response = agent().get(url).header(header, value).call();
        response.unwrap().status().as_u16()
    };
    assert_eq!(get("accept", "application/json"), 404, "GET is not POST");
    assert_eq!(get("user-agent", ""), 403);
    assert_eq!(get("x-github-api-version", "1999-12-31"), 400);
    assert_eq!(fake_github.violations().len(), 9, "{:#?}", fake_github.violations());
    assert!(fake_github.dispatches("acme/ecommerce-infra").is_empty());
}

#[test]
fn injected_faults_apply_once_each_in_order() {
    let fake_github = fake_github();
    let body = r#"{"event_type":"x"}"#;
    let busy = || FakeResponse::json(502, &json!({ "message": "Server Error" }));
    fake_github.fail_next(InjectedFault::WithoutEffect(busy()));
    fake_github.fail_next(InjectedFault::AfterEffect(busy()));
    assert_eq!(post(&fake_github, PATH, "t-write", body).0, 502);
    assert!(fake_github.dispatches("acme/ecommerce-infra").is_empty(), "not applied");
    assert_eq!(post(&fake_github, PATH, "t-write", body).0, 502);
    assert_eq!(fake_github.dispatches("acme/ecommerce-infra").len(), 1, "applied");
    assert_eq!(post(&fake_github, PATH, "t-write", body).0, 204);
    let statuses: Vec<_> = fake_github.requests().into_iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(502), Some(502), Some(204)]);
}

#[test]
fn a_fault_applies_only_to_matching_requests() {
    let fake_github = fake_github_with(&["issues=write", "actions=read"]);
    fake_github.fail_at(
        "POST /repos/acme/ecommerce-infra/issues",
        2,
        InjectedFault::WithoutEffect(FakeResponse::status(502)),
    );
    let open = || send(&fake_github, &Method::POST, "issues", &json!({ "title": "t" })).0;
    assert_eq!(
        (status(&fake_github, "issues"), open(), status(&fake_github, "environments"), open(), open()),
        (200, 502, 200, 502, 201)
    );
    fake_github.fail_at("/environments", usize::MAX, InjectedFault::AfterEffect(FakeResponse::close()));
    for _ in 0..3 {
        assert!(
            agent().get(format!("{}/repos/acme/ecommerce-infra/environments", fake_github.api_url())).call().is_err()
        );
    }
    assert_eq!(fake_github.issues(INFRA).len(), 1);
}

#[test]
fn a_test_can_wait_for_requests() {
    let fake_github = fake_github_with(&["issues=read"]);
    assert!(!fake_github.wait_for_requests("", 1, Duration::ZERO), "no request yet");
    std::thread::scope(|scope| {
        scope.spawn(|| (status(&fake_github, "issues"), status(&fake_github, "issues?state=all")));
        assert!(fake_github.wait_for_requests("GET /repos/acme/ecommerce-infra/issues", 2, Duration::from_secs(30)));
    });
    let queries: Vec<_> = fake_github.requests().into_iter().map(|request| request.query).collect();
    assert_eq!(queries, ["", "state=all"]);
    assert!(!fake_github.wait_for_requests("POST", 1, Duration::ZERO));
}

#[test]
fn an_enterprise_server_has_its_api_below_a_path() {
    let fake_github = FakeGitHub::start_below("/api/v3").unwrap();
    fake_github.create("acme/ecommerce-infra");
    fake_github.grant("t", "acme/ecommerce-infra", &["contents=write"]);
    assert!(fake_github.api_url().ends_with("/api/v3"));
    assert_eq!(post(&fake_github, PATH, "t", r#"{"event_type":"x"}"#).0, 204);
    let outside = format!("{}{PATH}", fake_github.api_url().trim_end_matches("/api/v3"));
    let response = agent().post(&outside).header("authorization", "Bearer t").send(r#"{"event_type":"x"}"#).unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(fake_github.violations(), ["POST outside the API: 404 Not Found"]);
    let paths: Vec<_> = fake_github.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, [PATH, "outside the API"]);
}
