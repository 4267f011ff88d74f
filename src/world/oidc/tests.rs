//! The runner's address and the issuer, both on loopback.

use serde_json::json;

use super::*;
use crate::{
    proof::token,
    sandbox::{issuer::FakeIssuer, server::FakeResponse},
    world::network::Network,
};

const TIMEOUT: Duration = Duration::from_secs(10);

fn http() -> HttpClient {
    HttpClient::new(Network::default())
}

fn job(issuer: &FakeIssuer) -> OidcRequest {
    issuer.add_job(
        "request-token-of-the-job",
        json!({
            "repository": "acme/shop", "repository_id": "74", "run_id": "7", "run_attempt": "1", "event_name": "push",
            "workflow_ref": "w", "ref": "refs/heads/main", "sha": "a",
        }),
    );
    OidcRequest { url: issuer.request_url(), token: Secret::new("request-token-of-the-job".to_owned()) }
}

#[test]
fn a_token_has_the_audience_that_was_asked_for() {
    let issuer = FakeIssuer::start().unwrap();
    let request = job(&issuer);
    let token = request_token(&http(), &request, "promote-gates:a&b=c d", TIMEOUT).unwrap();
    let asked = issuer.requests().remove(0);
    assert_eq!(asked, "GET /idtoken?api-version=2.0&audience=promote-gates%3Aa%26b%3Dc+d");
    let keys = fetch_keys(&http(), &issuer.issuer().parse().unwrap(), TIMEOUT).unwrap();
    assert_eq!(token::verify(token.expose(), &keys).unwrap().audience, "promote-gates:a&b=c d");
    // Without its own query.
    let plain = OidcRequest { url: request.url.replace("?api-version=2.0", ""), ..request };
    assert!(request_token(&http(), &plain, "x", TIMEOUT).is_err());
    assert_eq!(issuer.requests().pop().unwrap(), "GET /idtoken?audience=x");
}

#[test]
fn without_a_token_the_finding_shows_neither_secret_nor_query() {
    let issuer = FakeIssuer::start().unwrap();
    let request = job(&issuer);
    let other = OidcRequest { token: Secret::new("another-token".to_owned()), ..request.clone() };
    let http_elsewhere = OidcRequest { url: "http://a.example/idtoken?sig=s3cret".to_owned(), ..request.clone() };
    let no_url = OidcRequest { url: "s3cret".to_owned(), ..request.clone() };
    let header = OidcRequest { token: Secret::new("a\nb-s3cret".to_owned()), ..request.clone() };
    for (request, part) in [
        (&other, "responds 401"),
        (&http_elsewhere, "is http://a.example/idtoken, which is not encrypted"),
        (&no_url, "is not a URL"),
        (&header, "cannot be sent in a header"),
    ] {
        let finding = request_token(&http(), request, "x", TIMEOUT).unwrap_err();
        assert!(finding.actual.contains(part) && finding.next.is_some(), "{finding}");
        assert!(!format!("{finding} {finding:?}").contains("s3cret"), "{finding}");
    }
    for (response, part) in [
        (FakeResponse::text(200, "text/plain", "{\"value\":7, \"x\":\"s3cret\"}"), "holds no token"),
        (FakeResponse::redirect("https://evil.example/?x=s3cret"), "responds 302"),
        (FakeResponse::status(500), "responds 500"),
        (FakeResponse::close(), "/idtoken"),
        (FakeResponse::text(200, "text/plain", "x".repeat(300 << 10)), "/idtoken"),
    ] {
        issuer.replace("/idtoken", response);
        let finding = request_token(&http(), &request, "x", TIMEOUT).unwrap_err();
        assert!(finding.actual.contains(part), "{finding}");
        assert!(!format!("{finding}").contains("s3cret"), "{finding}");
    }
}

#[test]
fn keys_come_from_the_issuers_own_host() {
    let (issuer, other) = (FakeIssuer::start().unwrap(), FakeIssuer::start().unwrap());
    let ours: Issuer = issuer.issuer().parse().unwrap();
    let keys_url = |issuer: &FakeIssuer| format!("{}/.well-known/jwks", issuer.issuer());
    let fetch = || fetch_keys(&http(), &ours, TIMEOUT);
    assert!(fetch().is_ok());
    for (discovery, part) in [
        (json!({ "issuer": other.issuer(), "jwks_uri": keys_url(&issuer) }), "is of \"http://127.0.0.1"),
        (json!({ "issuer": format!("{ours}/"), "jwks_uri": keys_url(&issuer) }), "is of \"http://127.0.0.1"),
        (json!({ "issuer": ours.as_str(), "jwks_uri": keys_url(&other) }), "names keys on another host"),
        (json!({ "issuer": ours.as_str(), "jwks_uri": keys_url(&issuer).replace("http:", "https:") }), "another host"),
        (json!({ "issuer": ours.as_str(), "jwks_uri": "file:///etc/keys" }), "names the keys \"file:"),
        (json!({ "issuer": ours.as_str() }), "no discovery document"),
        (json!([]), "no discovery document"),
    ] {
        issuer.set_discovery(discovery.clone());
        let error = fetch().unwrap_err();
        assert!(error.actual.contains(part) && error.retry_after.is_none(), "{discovery}: {error}");
    }
    assert!(other.requests().is_empty(), "no request goes to another host");
    issuer.set_discovery(json!({ "issuer": ours.as_str(), "jwks_uri": keys_url(&issuer) }));
    for (path, response, may_pass) in [
        ("configuration", FakeResponse::redirect(&format!("{}/x", other.issuer())), false),
        ("configuration", FakeResponse::status(404), false),
        ("configuration", FakeResponse::status(502), true),
        ("configuration", FakeResponse::text(200, "application/json", " ".repeat(300 << 10)), true),
        ("configuration", FakeResponse::close(), true),
    ] {
        issuer.replace(path, response.clone());
        assert_eq!(fetch().unwrap_err().retry_after.is_some(), may_pass, "{response:?}");
    }
    issuer.replace(
        "configuration",
        FakeResponse::json(200, &json!({ "issuer": ours.as_str(), "jwks_uri": keys_url(&issuer) })),
    );
    issuer.set_keys(json!({ "keys": 7 }));
    assert!(fetch().unwrap_err().actual.contains("holds no keys"));
}
