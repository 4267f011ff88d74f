//! Tokens that GitHub did not sign, and keys that cannot be had.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use promote_gates::sandbox::{
    issuer::{KEY_ID, key::SigningKey, signing_key},
    server::FakeResponse,
};
use ring::hmac;

use super::*;

fn header() -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID })
}

#[test]
fn a_token_that_github_did_not_sign_is_refused() {
    let signed = SignedStage::new();
    let payload = signed.stage.payload();
    let honest = signed.signed(&signed.claims())["proof"].as_str().unwrap().to_owned();
    let [head, claims, signature] = &honest.split('.').collect::<Vec<_>>()[..] else { panic!("{honest}") };
    let key = signing_key().unwrap();
    let all: Value = serde_json::from_slice(&decode(claims)).unwrap();
    let by = |key: &SigningKey, header: &Value| key.sign(header, &all).unwrap();
    let none = encode(&with(header(), "alg", &json!("none")).to_string());
    let hs256 = format!("{}.{claims}", encode(&with(header(), "alg", &json!("HS256")).to_string()));
    let public = decode(key.to_jwk(KEY_ID)["n"].as_str().unwrap());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public), hs256.as_bytes());
    let own = SigningKey::generate().unwrap();
    let own_key = with(header(), "jwk", &own.to_jwk(KEY_ID));
    for (token, verdict, part) in [
        (format!("{none}.{claims}."), "blocked", "the algorithm \\\"none\\\""),
        (format!("{none}.{claims}.{signature}"), "blocked", "the algorithm \\\"none\\\""),
        (format!("{hs256}.{}", encode_bytes(tag.as_ref())), "blocked", "the algorithm \\\"HS256\\\""),
        (by(key, &with(header(), "crit", &json!(["b64"]))), "blocked", "critical headers"),
        (by(&own, &header()), "blocked", "the signature is not of this token"),
        (by(&own, &own_key), "blocked", "the signature is not of this token"),
        (by(key, &with(header(), "kid", &json!("other"))), "inconclusive", "none with the id \\\"other\\\""),
        (format!("{head}.{claims}.{}", signature.replace(&signature[..4], "AAAA")), "blocked", "the signature is not"),
        (format!("{honest}="), "blocked", "no token"),
        (format!("{head}.{claims}"), "blocked", "no token"),
        ("x".repeat(9000), "blocked", "9000 bytes"),
        ("::error::x\n##[error]x <script>".to_owned(), "blocked", "no token"),
    ] {
        let ended = signed.refuses(&with_proof(payload.clone(), &token), verdict, &[part]);
        assert!(!ended.log.contains("::error::x") && !ended.summary.contains("<script"), "{}", ended.log);
    }
    assert_eq!(end(&signed.run(&with_proof(payload, &honest))).0, 0);
}

fn encode(text: &str) -> String {
    encode_bytes(text.as_bytes())
}

fn encode_bytes(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn keys_that_cannot_be_had_are_inconclusive_and_say_so() {
    let signed = SignedStage::new();
    let payload = signed.signed(&signed.claims());
    let other = FakeIssuer::start().unwrap();
    let rotated = SigningKey::generate().unwrap().to_jwk("key-of-next-month");
    let ours = signing_key().unwrap().to_jwk(KEY_ID);
    let honest =
        json!({ "issuer": signed.issuer.issuer(), "jwks_uri": format!("{}/.well-known/jwks", signed.issuer.issuer()) });
    for (keys, part) in [
        (json!({ "keys": [rotated] }), "1 keys have none with the id"),
        (json!({ "keys": [] }), "0 keys have none with the id"),
        (json!({ "keys": [with(ours.clone(), "use", &json!("enc"))] }), "is not for signatures"),
        (json!({}), "holds no keys"),
    ] {
        signed.issuer.set_keys(keys);
        signed.refuses(&payload, "inconclusive", &[part]);
    }
    // Keys that were rotated in do no harm while the old one is published.
    signed.issuer.set_keys(json!({ "keys": [rotated, ours] }));
    assert_eq!(end(&signed.run(&payload)).0, 0);
    for (discovery, part) in [
        (with(honest.clone(), "issuer", &json!(other.issuer())), "its discovery document is of"),
        (
            with(honest.clone(), "jwks_uri", &json!(format!("{}/.well-known/jwks", other.issuer()))),
            "names keys on another host",
        ),
    ] {
        signed.issuer.set_discovery(discovery);
        signed.refuses(&payload, "inconclusive", &[part]);
    }
    assert!(other.requests().is_empty(), "{:?}", other.requests());
    signed.issuer.set_discovery(honest);
    assert_eq!(end(&signed.run(&payload)).0, 0);
    // What an unknown token names was never looked up.
    assert!(signed.issuer.requests().iter().all(|request| !request.contains("idtoken")));
    let requests = signed.stage.fake_github.requests().len();
    signed.issuer.replace("/.well-known/jwks", FakeResponse::status(503));
    let ended = dispatched(signed.runner().input("timeout", "5s"), &payload).run(&["evidence"]);
    let proof = found(&ended, "proof").to_string();
    assert!(proof.contains("responds 503") && proof.contains("run this job again"), "{proof}");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert_eq!(signed.stage.fake_github.requests().len(), requests, "nothing is looked up for an unsigned payload");
    let tries = signed.issuer.requests().iter().filter(|request| request.contains("jwks")).count();
    assert!(tries > 4, "the keys are asked for again within the time limit: {tries}");
}

#[test]
fn the_issuer_comes_from_the_server_or_the_settings_and_never_from_the_token() {
    let (signed, evil) = (SignedStage::new(), FakeIssuer::start().unwrap());
    let payload = signed.stage.payload();
    let token = evil.sign(&signed.claims(), &audience::of(&payload)).unwrap();
    signed.refuses(&with_proof(payload.clone(), &token), "blocked", &["`iss` http://127.0.0.1"]);
    assert!(evil.requests().is_empty());
    // The issuer of an Enterprise server.
    let server = signed.issuer.issuer().replace("/_services/token", "");
    let runner = signed.runner().input("issuer", "").env("GITHUB_SERVER_URL", &server);
    let ended = dispatched(runner, &signed.signed(&signed.claims())).run(&["evidence"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    for (issuer, server) in
        [("http://issuer.example", ""), ("https://issuer.example/", ""), ("", "http://github.acme.example")]
    {
        let runner = signed.runner().input("issuer", issuer).env("GITHUB_SERVER_URL", server);
        let ended = dispatched(runner, &payload).run(&["evidence"]);
        assert_eq!((ended.code, &*ended.outputs["verdict"]), (2, "inconclusive"), "{}", ended.log);
    }
}
