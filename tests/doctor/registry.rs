//! The registry of the image.

use super::*;

#[test]
fn a_registry_that_refuses_the_token_is_a_problem() {
    let challenge = "Basic realm=\"registry\"";
    let registry = || fake_registry(move |_| FakeResponse::status(401).header("www-authenticate", challenge));
    let clinic = Clinic { registry: registry(), ..Clinic::all_well() };
    let host = clinic.registry.url().strip_prefix("http://").unwrap().to_owned();
    let ended = clinic.examine(&clinic.runner().input("registry-token", "robot:wrong-s3cr3t"));
    let check = format!("registry {host}/acme/shop");
    assert_problems(&ended, &[(&check, "the registry refused acme/shop (401)", &format!("`docker login {host}`"))]);
    // Without a token nobody expects to read it.
    let ended = clinic.run();
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("`registry-token`"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_token_is_sent_only_after_the_registry_asks_for_it() {
    let registry = fake_registry(|request| match request.headers.get("authorization") {
        Some(value) if value == "Basic cm9ib3Q6cmlnaHQ=" => FakeResponse::json(200, &json!({ "tags": [] })),
        _ => FakeResponse::status(401).header("www-authenticate", "Basic realm=\"registry\""),
    });
    let clinic = Clinic { registry, ..Clinic::all_well() };
    let ended = clinic.examine(&clinic.runner().input("registry-token", "robot:right"));
    assert_problems(&ended, &[]);
}
