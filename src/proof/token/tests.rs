use proptest::prelude::*;
use ring::hmac;
use serde_json::{Value, json};

use super::*;
use crate::sandbox::issuer::{KEY_ID, signing_key};

fn claims() -> Value {
    json!({
        "aud": "promote-gates:1", "iss": "https://issuer.example", "repository": "acme/shop", "repository_id": "74",
        "run_id": "7", "run_attempt": "1", "iat": 1_700_000_000, "event_name": "push", "workflow_ref": "w",
        "ref": "refs/heads/main", "sha": "a", "sub": "repo:acme/shop:ref:refs/heads/main",
    })
}

fn header() -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "x5t": "x", "kid": KEY_ID })
}

fn keys(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn jwk() -> Value {
    signing_key().unwrap().to_jwk(KEY_ID)
}

fn signed(header: &Value, claims: &Value) -> String {
    signing_key().unwrap().sign(header, claims).unwrap()
}

fn part(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

#[test]
fn a_signed_token_is_read() {
    let verified = verify(&signed(&header(), &claims()), &keys(&[jwk()])).unwrap();
    assert_eq!((verified.run_id, verified.repository_id, verified.run_attempt), (7, 74, 1));
    assert_eq!((verified.check_run_id, verified.job_workflow_ref), (None, None));
    assert_eq!(verified.issued_at.as_second(), 1_700_000_000);
    let further = with(with(claims(), "check_run_id", json!(41)), "iat", json!(1_700_000_000.9));
    let further = verify(&signed(&json!({ "alg": "RS256", "kid": KEY_ID }), &further), &keys(&[jwk()])).unwrap();
    assert_eq!((further.check_run_id, further.issued_at.as_second()), (Some(41), 1_700_000_000));
}

#[test]
fn only_rs256_by_a_key_of_the_issuer_counts() {
    let good = signed(&header(), &claims());
    let (text, signature) = good.rsplit_once('.').unwrap();
    let only = keys(&[jwk()]);
    let algorithm = |name: &str| ProofError::Algorithm(name.to_owned());
    for (header, error) in [
        (with(header(), "alg", json!("none")), algorithm("none")),
        (with(header(), "alg", json!("None")), algorithm("None")),
        (with(header(), "alg", json!("rs256")), algorithm("rs256")),
        (with(header(), "alg", json!("RS512")), algorithm("RS512")),
        (with(header(), "alg", json!("PS256")), algorithm("PS256")),
        (with(header(), "crit", json!(["exp"])), ProofError::Critical),
        (with(header(), "crit", json!(null)), ProofError::Critical),
        (with(header(), "kid", json!("other")), ProofError::UnknownKey { kid: "other".to_owned(), known: 1 }),
    ] {
        assert_eq!(verify(&signed(&header, &claims()), &only), Err(error), "{header}");
    }
    let none = format!("{}.{}.", part(&with(header(), "alg", json!("none"))), part(&claims()));
    assert_eq!(verify(&none, &only), Err(algorithm("none")));
    // HS256 with what everyone knows as the secret.
    let hs256 = format!("{}.{}", part(&with(header(), "alg", json!("HS256"))), part(&claims()));
    let public = BASE64_URL_SAFE_NO_PAD.decode(jwk()["n"].as_str().unwrap()).unwrap();
    for secret in [public, jwk().to_string().into_bytes()] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), hs256.as_bytes());
        let tag = BASE64_URL_SAFE_NO_PAD.encode(tag);
        assert_eq!(verify(&format!("{hs256}.{tag}"), &only), Err(algorithm("HS256")));
        let as_rs256 = format!("{}.{}.{tag}", part(&header()), part(&claims()));
        assert_eq!(verify(&as_rs256, &only), Err(ProofError::Signature));
    }
    // A key that the token brings along.
    let own = crate::sandbox::issuer::key::SigningKey::generate().unwrap();
    for name in ["jwk", "jku", "x5u", "x5c"] {
        let header = with(header(), name, own.to_jwk(KEY_ID));
        assert_eq!(verify(&own.sign(&header, &claims()).unwrap(), &only), Err(ProofError::Signature), "{name}");
    }
    let other = part(&with(claims(), "run_id", json!("8")));
    let header = text.split('.').next().unwrap();
    assert_eq!(verify(&format!("{header}.{other}.{signature}"), &only), Err(ProofError::Signature));
    assert!(verify(&good, &only).is_ok());
}

#[test]
fn a_key_must_be_the_only_one_of_its_id_and_for_this_use() {
    let token = signed(&header(), &claims());
    let small = json!({ "kty": "RSA", "kid": KEY_ID, "n": "AQAB", "e": "AQAB" });
    for (key, expected) in [
        (with(jwk(), "kty", json!("EC")), "is not an RSA key"),
        (with(jwk(), "use", json!("enc")), "is not for signatures"),
        (with(jwk(), "alg", json!("RS512")), "is not for RS256"),
        (with(jwk(), "n", json!("")), "has no modulus"),
        (with(jwk(), "e", json!("AQAB=")), "has no modulus"),
    ] {
        let error = verify(&token, &keys(&[key])).unwrap_err();
        assert!(matches!(error, ProofError::UnusableKey { why, .. } if why.starts_with(expected)), "{error:?}");
    }
    let twice = verify(&token, &keys(&[jwk(), jwk()])).unwrap_err();
    assert!(matches!(twice, ProofError::UnusableKey { why: "is there twice", .. }), "{twice:?}");
    assert_eq!(verify(&token, &keys(&[small])), Err(ProofError::Signature), "fewer than 2048 bits");
    let none = ProofError::UnknownKey { kid: KEY_ID.to_owned(), known: 0 };
    assert_eq!(verify(&token, &keys(&[])), Err(none));
    // Other entries of the document, and keys without the optional fields, do no harm.
    let plain = json!({ "kty": "RSA", "kid": KEY_ID, "n": jwk()["n"], "e": jwk()["e"] });
    let others = [json!({ "kty": "EC", "kid": "x", "crv": "P-256" }), json!({ "kty": "RSA" }), json!(7), plain];
    assert!(verify(&token, &keys(&others)).is_ok());
    for document in ["", "{}", "[]", r#"{"keys":{}}"#] {
        assert!(KeySet::parse(document.as_bytes()).is_err(), "{document}");
    }
    assert!(KeySet::parse(json!({ "keys": vec![0; 101] }).to_string().as_bytes()).is_err());
}

#[test]
fn a_text_that_is_not_exactly_a_token_is_refused() {
    let good = signed(&header(), &claims());
    let [header_part, claims_part, signature] = &good.split('.').collect::<Vec<_>>()[..] else { panic!("{good}") };
    let last = |text: &str, replacement: char| format!("{}{replacement}", &text[..text.len() - 1]);
    let twice = BASE64_URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"{KEY_ID}\"}}"));
    // 256 bytes end in two bits of padding: other characters decode to the same bytes where a decoder is tolerant.
    let same_bytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = same_bytes.find(signature.chars().last().unwrap()).unwrap();
    let tolerant = last(signature, char::from(same_bytes.as_bytes()[at ^ 1]));
    for text in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{header_part}.{claims_part}"),
        format!("{good}."),
        format!("{good}.x"),
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{header_part}=.{claims_part}.{signature}"),
        format!("{header_part}.{claims_part}.{tolerant}"),
        format!("{twice}.{claims_part}.{signature}"),
        format!("{header_part}.{claims_part}.{}", "A".repeat(MAX_SIZE)),
    ] {
        let refused = verify(&text, &keys(&[jwk()]));
        assert!(matches!(refused, Err(ProofError::Malformed(_))), "{text}: {refused:?}");
    }
    let typed = with(header(), "typ", json!("at+jwt"));
    assert!(matches!(verify(&signed(&typed, &claims()), &keys(&[jwk()])), Err(ProofError::Malformed(_))));
    assert!(verify(&good, &keys(&[jwk()])).is_ok());
}

#[test]
fn claims_of_another_type_are_refused() {
    for (claim, value) in [
        ("aud", json!(["promote-gates:1"])),
        ("aud", json!(null)),
        ("run_id", json!("7 ")),
        ("run_id", json!("-7")),
        ("run_id", json!("")),
        ("run_attempt", json!(1.5)),
        ("iat", json!("1700000000")),
        ("iat", json!(-1)),
        ("iat", json!(1e300)),
        ("check_run_id", json!("")),
        ("ref", json!(null)),
    ] {
        let refused = verify(&signed(&header(), &with(claims(), claim, value.clone())), &keys(&[jwk()]));
        assert!(matches!(refused, Err(ProofError::Malformed(_))), "{claim}: {value}: {refused:?}");
    }
    let mut without = claims();
    without.as_object_mut().unwrap().remove("repository_id");
    assert!(matches!(verify(&signed(&header(), &without), &keys(&[jwk()])), Err(ProofError::Malformed(_))));
}

proptest! {
    #[test]
    fn no_text_but_a_signed_token_is_accepted(text in ".{0,200}", at in 0_usize..1000, byte in 33_u8..127) {
        prop_assert!(verify(&text, &keys(&[jwk()])).is_err());
        // One character of a real one.
        let good = signed(&header(), &claims());
        let at = at % good.len();
        let changed = format!("{}{}{}", &good[..at], char::from(byte), &good[at + 1..]);
        prop_assert_eq!(verify(&changed, &keys(&[jwk()])).is_ok(), changed == good);
    }
}
