use std::{net::TcpListener, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    client::{MAX_BODY, MAX_QUOTE},
    *,
};
use crate::{
    finding::Finding,
    reconcile::tests::with_permit,
    sandbox::{
        github::{FakeGitHub, InjectedFault},
        server::{self, LoopbackServer},
    },
    secret::Secret,
    world::{
        network::{
            Network,
            tests::{network, tls},
        },
        runtime::Runtime,
    },
};

const TOKEN: &str = "ghs_tokenOfTheDispatcher";

fn runtime() -> Arc<Runtime> {
    Arc::new(Runtime::start().unwrap())
}

fn access(api_url: &str) -> GitHubAccess {
    GitHubAccess::new(api_url, Some(Secret::new(TOKEN.to_owned())))
}

fn connect(api_url: &str) -> GitHub {
    GitHub::connect(runtime(), &Network::default(), access(api_url)).unwrap()
}

fn infra() -> Repository {
    "acme/ecommerce-infra".parse().unwrap()
}

fn fake_github() -> FakeGitHub {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create("acme/ecommerce-infra");
    fake_github.grant(TOKEN, "acme/ecommerce-infra", &["contents=write"]);
    fake_github
}

fn send(github: &GitHub) -> SendOutcome {
    dispatch(github, &infra(), "staging-validated", &json!({ "service": "frontend" }))
}

fn dispatch(github: &GitHub, repository: &Repository, event_type: &str, payload: &Value) -> SendOutcome {
    with_permit(|permit| github.dispatch(permit, repository, event_type, payload))
}

/// The outcome of a dispatch to a server that always sends this response.
fn outcome_of(answer: server::FakeResponse) -> SendOutcome {
    let server = LoopbackServer::start(move |_| answer.clone()).unwrap();
    send(&connect(server.url()))
}

fn refused(status: u16, message: &str, hint: &str) -> SendOutcome {
    SendOutcome::Refused(GitHubRefusal { status, message: message.to_owned(), hint: hint.to_owned() })
}

fn unknown(why: &str) -> SendOutcome {
    SendOutcome::Unknown { why: why.to_owned() }
}

#[test]
fn a_dispatch_arrives_with_its_whole_payload() {
    let fake_github = fake_github();
    let payload = json!({ "service": "frontend", "image_tag": "1.10", "evidence": { "é": [1.0, null] } });
    assert_eq!(
        dispatch(&connect(&fake_github.api_url()), &infra(), "staging-validated", &payload),
        SendOutcome::Done(())
    );
    let [dispatch] = &fake_github.dispatches("acme/ecommerce-infra")[..] else {
        panic!("{:?}", fake_github.requests())
    };
    assert_eq!((&*dispatch.event_type, &dispatch.client_payload), ("staging-validated", &payload));
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn the_api_of_an_enterprise_server_is_below_a_path() {
    for slash in ["", "/"] {
        let fake_github = FakeGitHub::start_below("/api/v3").unwrap();
        fake_github.create("acme/ecommerce-infra");
        fake_github.grant(TOKEN, "acme/ecommerce-infra", &["contents=write"]);
        assert_eq!(send(&connect(&format!("{}{slash}", fake_github.api_url()))), SendOutcome::Done(()));
        assert_eq!(fake_github.violations(), [""; 0]);
    }
}

#[test]
fn a_request_names_its_token_agent_and_api_version() {
    let server = LoopbackServer::start(|request| {
        let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("none");
        let names = ["authorization", "accept", "x-github-api-version", "content-type", "user-agent"];
        server::FakeResponse::json(422, &json!({ "message": names.map(header).join(" ") }))
    })
    .unwrap();
    let SendOutcome::Refused(refusal) = send(&connect(server.url())) else { panic!("422 is a refusal") };
    let agent = concat!("promote-gates/", env!("CARGO_PKG_VERSION"));
    let expected = format!("Bearer *** application/vnd.github+json 2022-11-28 application/json {agent}");
    assert_eq!(refusal.message, expected, "the token that the server repeats is not shown");
}

#[test]
fn a_refusal_says_what_to_do() {
    let fake_github = fake_github();
    let github = connect(&fake_github.api_url());
    let with = |token: Option<&str>| {
        let token = token.map(|token| Secret::new(token.to_owned()));
        send(
            &GitHub::connect(runtime(), &Network::default(), GitHubAccess { token, ..access(&fake_github.api_url()) })
                .unwrap(),
        )
    };
    fake_github.grant("reader", "acme/ecommerce-infra", &["contents=read"]);
    let wrong_token = "the token is wrong, expired or revoked, or belongs to another server";
    assert_eq!(with(None), refused(401, "Requires authentication", wrong_token));
    assert_eq!(with(Some("stranger")), refused(401, "Bad credentials", wrong_token));
    let permission = "the token needs Contents: write on acme/ecommerce-infra (GitHub asks for contents=write)";
    assert_eq!(with(Some("reader")), refused(403, "Resource not accessible by integration", permission));
    let missing = "there is no acme/missing, or the token cannot see it: it needs Contents: write there";
    let sent = dispatch(&github, &"acme/missing".parse().unwrap(), "x", &json!({}));
    assert_eq!(sent, refused(404, "Not Found", missing));
    let eleven: Value = (0..11).map(|n| (n.to_string(), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let SendOutcome::Refused(refusal) = dispatch(&github, &infra(), "x", &eleven) else { panic!("11 are too many") };
    let finding = refusal.to_finding("dispatch").to_string();
    let message = "Invalid request.\n\nNo more than 10 properties are allowed; 11 were supplied.";
    let expected = "expected GitHub to accept it; next: GitHub does not accept what was sent";
    assert_eq!(finding, format!("dispatch: GitHub refused it: 422 {message}; {expected}"));
}

#[test]
fn a_rate_limit_refusal_says_when_the_limit_ends() {
    let response = |status, message: &str| server::FakeResponse::json(status, &json!({ "message": message }));
    let limit = |when: &str| format!("a rate limit of GitHub's; it accepts requests again {when}");
    let spent = response(403, "API rate limit exceeded").header("x-ratelimit-remaining", "0");
    for (answer, status, message, when) in [
        (response(429, "slow down").header("retry-after", "60"), 429, "slow down", "in 60 s"),
        (response(403, "slow down").header("retry-after", "7"), 403, "slow down", "in 7 s"),
        (response(403, "a secondary rate limit"), 403, "a secondary rate limit", "in a few minutes"),
        (spent.clone().header("x-ratelimit-reset", "0"), 403, "API rate limit exceeded", "at 1970-01-01T00:00:00Z"),
        (spent.header("x-ratelimit-reset", "later"), 403, "API rate limit exceeded", "in a few minutes"),
        (server::FakeResponse::status(429), 429, "", "in a few minutes"),
    ] {
        assert_eq!(outcome_of(answer), refused(status, message, &limit(when)));
    }
    // A reset time means nothing while requests remain.
    let plain = response(403, "no").header("x-ratelimit-remaining", "4999").header("x-ratelimit-reset", "0");
    assert_eq!(outcome_of(plain), refused(403, "no", "the token needs Contents: write on acme/ecommerce-infra"));
}

#[test]
fn a_redirect_is_not_followed() {
    let moved = "acme/ecommerce-infra has moved: give the name it has now";
    for status in [301, 302, 307, 308] {
        let fake_github = fake_github();
        let elsewhere = format!("{}/repos/acme/ecommerce-infra/dispatches", fake_github.api_url());
        assert_eq!(
            outcome_of(server::FakeResponse::status(status).header("location", &elsewhere)),
            refused(status, "", moved)
        );
        assert_eq!(fake_github.requests(), []);
    }
}

#[test]
fn only_status_204_means_that_a_dispatch_is_done() {
    assert_eq!(outcome_of(server::FakeResponse::status(204)), SendOutcome::Done(()));
    let page = server::FakeResponse::text(200, "text/html", "<title>Sign in</title>");
    assert_eq!(outcome_of(page), unknown("answered 200: <title>Sign in</title>"));
    for status in [202, 500, 502, 503, 504] {
        assert_eq!(outcome_of(server::FakeResponse::status(status)), unknown(&format!("answered {status}: ")));
    }
}

#[test]
fn a_request_is_never_sent_twice() {
    let busy = || server::FakeResponse::json(502, &json!({ "message": "Server Error" }));
    let lost = "the connection was lost: connection closed before message completed";
    for (fault, why, arrived) in [
        (InjectedFault::WithoutEffect(busy()), "answered 502: Server Error", 0),
        (InjectedFault::AfterEffect(busy()), "answered 502: Server Error", 1),
        (InjectedFault::WithoutEffect(server::FakeResponse::close()), lost, 0),
        (InjectedFault::AfterEffect(server::FakeResponse::close()), lost, 1),
    ] {
        let fake_github = fake_github();
        fake_github.fail_next(fault.clone());
        let github = connect(&fake_github.api_url());
        assert_eq!(send(&github), unknown(why), "{fault:?}");
        // Dropping the client ends its background work.
        drop(github);
        assert_eq!(fake_github.requests().len(), 1, "{fault:?}");
        assert_eq!(fake_github.dispatches("acme/ecommerce-infra").len(), arrived, "{fault:?}");
    }
}

#[test]
fn a_late_response_is_an_unknown_outcome() {
    let drip = server::FakeResponse::text(403, "text/plain", "never ends").byte_by_byte(Duration::from_mins(1));
    for answer in [server::FakeResponse::hang(), drip] {
        let server = LoopbackServer::start(move |_| answer.clone()).unwrap();
        // Long enough for the request to be sent.
        let timeout = Duration::from_secs(1);
        let github =
            GitHub::connect(runtime(), &Network::default(), GitHubAccess { timeout, ..access(server.url()) }).unwrap();
        assert_eq!(send(&github), unknown("no answer within 1 s"));
    }
}

#[test]
fn a_failed_connection_means_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let SendOutcome::NotSent { why } = send(&connect(&url)) else { panic!("the port is closed") };
    assert!(why.starts_with("no connection: ") && why.contains("Connection refused"), "{why}");
}

#[test]
fn a_long_message_is_clipped_and_an_oversized_body_is_an_unknown_outcome() {
    let SendOutcome::Refused(refusal) = outcome_of(server::FakeResponse::text(404, "text/html", "é".repeat(10_000)))
    else {
        panic!("404 is a refusal")
    };
    assert_eq!(refusal.message, "é".repeat(MAX_QUOTE) + "…");
    let endless = outcome_of(server::FakeResponse::text(404, "text/plain", "x".repeat(MAX_BODY + 1)));
    assert_eq!(endless, unknown("the response ended early: length limit exceeded"));
}

#[test]
fn an_address_that_exposes_the_token_is_refused() {
    for good in [
        "https://api.github.com",
        "https://github.example.com/api/v3",
        "https://github.example.com:8443/api/v3/",
        "http://127.0.0.1:8080",
        "http://localhost:8080/api/v3",
        "http://[::1]:8080",
    ] {
        assert!(transport::parse_base_url(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "api.github.com",
        "/api/v3",
        "ftp://api.github.com",
        "https://",
        "https://api.github.com/?x=1",
        "https://api.github.com/#x",
        "https://api github.com",
        "http://api.github.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "::add-mask::",
    ] {
        let finding = transport::parse_base_url(bad).unwrap_err().to_string();
        assert!(finding.starts_with(&format!("the address of GitHub's API: {bad:?}")), "{finding}");
    }
    let finding = transport::parse_base_url("https://me:hunter2@api.github.com").unwrap_err().to_string();
    assert!(!finding.contains("hunter2"), "{finding}");
}

#[test]
fn the_token_is_never_shown() {
    let secret = "ghs_first\nghs_second";
    let token = Some(Secret::new(secret.to_owned()));
    let finding =
        GitHub::connect(runtime(), &Network::default(), GitHubAccess { token, ..access("http://127.0.0.1:1") })
            .unwrap_err();
    assert!(!finding.to_string().contains("ghs_"), "{finding}");
    let access = access("http://127.0.0.1:1");
    let github = GitHub::connect(runtime(), &Network::default(), access.clone()).unwrap();
    assert!(!format!("{github:?} {access:?} {:?}", send(&github)).contains(TOKEN));
    assert_eq!(GitHubAccess::new("", Some(Secret::new(String::new()))).token, None, "an empty token counts as none");
}

#[test]
fn dispatch_limits_match_githubs() {
    let properties = |count: usize| (0..count).map(|n| (n.to_string(), json!(n))).collect::<serde_json::Map<_, _>>();
    // {"a":"…"} is 8 bytes and the text.
    let text = |bytes: usize| json!({ "a": "x".repeat(bytes - 8) });
    let fake_github = fake_github();
    let github = connect(&fake_github.api_url());
    for (event_type, payload, finding) in [
        ("x".to_owned(), json!({}), None),
        ("é".repeat(100), json!(properties(10)), None),
        ("x".to_owned(), text(65_535), None),
        (String::new(), json!({}), Some("event type of the dispatch: 0 characters; expected 1 to 100")),
        ("é".repeat(101), json!({}), Some("event type of the dispatch: 101 characters; expected 1 to 100")),
        (
            "x".to_owned(),
            json!([1]),
            Some("client payload of the dispatch: JSON that is not an object; expected an object"),
        ),
        (
            "x".to_owned(),
            json!(properties(11)),
            Some("client payload of the dispatch: 11 properties; expected 10 at most, at the top level"),
        ),
        ("x".to_owned(), text(65_536), Some("client payload of the dispatch: 65536 bytes; expected 65535 at most")),
    ] {
        let checked = check_dispatch_limits(&payload, &event_type).map_err(|finding| finding.to_string());
        assert_eq!(checked.err().as_deref(), finding);
        let sent = dispatch(&github, &infra(), &event_type, &payload);
        assert_eq!(sent == SendOutcome::Done(()), finding.is_none(), "the check and GitHub agree");
    }
}

mod commits;
mod deployments;
mod encrypted;
mod git_data;
mod graphql;
mod responses;
