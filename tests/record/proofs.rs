//! The proof in the dispatch: GitHub's OIDC provider signs its sum.

use promote_gates::{
    proof::{audience, keys::KeySet, token},
    sandbox::issuer::{FakeIssuer, KEY_ID, signing_key},
};

use super::*;

const REQUEST_TOKEN: &str = "request-token-of-the-job";

pub fn issuer() -> FakeIssuer {
    let issuer = FakeIssuer::start().unwrap();
    let claims = json!({
        "repository": "acme/shop", "repository_id": "74", "run_id": "7", "run_attempt": "1", "event_name": "push",
        "workflow_ref": "w", "ref": "refs/heads/main", "sha": "c",
    });
    issuer.add_job(REQUEST_TOKEN, claims);
    issuer
}

/// The keys of the issuer.
pub fn keys() -> KeySet {
    let keys = json!({ "keys": [signing_key().unwrap().to_jwk(KEY_ID)] }).to_string();
    KeySet::parse(keys.as_bytes()).unwrap()
}

/// A step in a job with `id-token: write`.
fn step(fake_github: &FakeGitHub, issuer: &FakeIssuer) -> Runner {
    with_issuer(runner(&fake_github.api_url()), issuer)
}

/// The step in a job with `id-token: write`.
pub fn with_issuer(step: Runner, issuer: &FakeIssuer) -> Runner {
    step.input("proof", "")
        .input("timeout", "20s")
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", &issuer.request_url())
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN)
}

#[test]
fn the_dispatch_has_a_token_for_exactly_its_sum() {
    let (fake_github, issuer) = (fake_github(), issuer());
    let ended = record(step(&fake_github, &issuer), &passed());
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
    let [dispatch] = &fake_github.dispatches(INFRA)[..] else { panic!("{:?}", fake_github.requests()) };
    let proof = dispatch.client_payload["proof"].as_str().unwrap();
    let claims = token::verify(proof, &keys()).unwrap();
    assert_eq!(claims.audience, audience::of(&dispatch.client_payload));
    let asked = format!("GET /idtoken?api-version=2.0&audience={}", claims.audience.replace(':', "%3A"));
    assert_eq!(issuer.requests(), [asked]);
    // Neither token is printed, except to mask it.
    for secret in [proof, REQUEST_TOKEN] {
        let rest = ended.log.replacen(&format!("::add-mask::{secret}"), "", 1);
        assert!(rest.len() < ended.log.len(), "it is masked: {}", ended.log);
        assert!(!format!("{rest} {:?} {} {}", ended.outputs, ended.summary, ended.report).contains(secret), "{rest}");
    }
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn without_a_token_nothing_is_sent() {
    let fake_github = fake_github();
    let other = FakeIssuer::start().unwrap();
    for (step, part) in [
        (runner(&fake_github.api_url()).input("proof", ""), "`permissions: id-token: write`"),
        (step(&fake_github, &issuer()).env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", ""), "`permissions: id-token: write`"),
        (
            step(&fake_github, &issuer()).env("ACTIONS_ID_TOKEN_REQUEST_URL", "http://runner.example/t"),
            "is not encrypted",
        ),
        (step(&fake_github, &other), "responds 401"),
        (
            step(&fake_github, &other)
                .env("ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:9/t")
                .input("timeout", "2s"),
            "127.0.0.1:9",
        ),
    ] {
        let ended = record(step, &passed());
        assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    assert_eq!(fake_github.requests(), []);
}

#[test]
fn no_token_is_asked_for_when_nothing_is_sent_or_annotations_count() {
    let (fake_github, issuer) = (fake_github(), issuer());
    let [health, smoke, _] = passed();
    let blocked = record(step(&fake_github, &issuer), &[health, smoke, report("performance", Verdict::Blocked)]);
    assert_eq!(end(&blocked), (1, "blocked", "refused"), "{}", blocked.log);
    let dry = record(step(&fake_github, &issuer).input("dry-run", "true"), &passed());
    assert_eq!(end(&dry), (0, "inconclusive", "planned"), "{}", dry.log);
    assert_eq!(fake_github.requests(), []);
    let weaker = record(step(&fake_github, &issuer).input("proof", "annotations"), &passed());
    assert_eq!(end(&weaker), (0, "passed", "applied"), "{}", weaker.log);
    assert_eq!(fake_github.dispatches(INFRA)[0].client_payload.get("proof"), None);
    assert!(issuer.requests().is_empty(), "{:?}", issuer.requests());
}

#[test]
fn one_failure_of_the_oidc_provider_is_survived() {
    for fault in [502, 429].map(FakeResponse::status).into_iter().chain([FakeResponse::close()]) {
        let (fake_github, issuer) = (fake_github(), issuer());
        issuer.fail_once("/idtoken", fault.clone());
        let ended = record(step(&fake_github, &issuer), &passed());
        assert_eq!(end(&ended), (0, "passed", "applied"), "{fault:?}: {}", ended.log);
        assert_eq!(issuer.requests().len(), 2, "{:?}", issuer.requests());
    }
}
