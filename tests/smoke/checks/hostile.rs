//! Responses that try to be workflow commands or markup, and bodies that are too large.

use promote_gates::sandbox::server::FakeResponse;

use super::{Shop, end};
use crate::smoke::{HOSTILE, reports::assert_escaped};

#[test]
fn hostile_responses_are_escaped() {
    for step in [
        "{ url: / }",
        "{ url: /, expect: { status: 500, contains: gone } }",
        "{ url: /, expect: { status: 500, jq: .a } }",
        "{ url: /, expect: { status: 500 }, capture: { a: { header: location } } }",
    ] {
        let shop = Shop::start(|_| FakeResponse::text(500, "text/html", HOSTILE));
        let ended = shop.runner(&format!("paths: {{ '::error::x ##[error] a|b `c`': [{step}] }}")).run(&["smoke"]);
        assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
        assert_escaped(&ended);
    }
}

#[test]
fn a_body_that_is_too_large_or_no_text_is_a_failure() {
    let large = Shop::start(|_| FakeResponse::text(200, "text/plain", "x".repeat((10 << 20) + 1)));
    let ended = large.runner("paths: { a: [{ url: / }] }").run(&["smoke"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(ended.log.contains("larger than 10485760 bytes"), "{}", ended.log);
    let binary = Shop::start(|_| FakeResponse::text(500, "image/png", "a\u{0}b"));
    let ended = binary.runner("paths: { a: [{ url: / }] }").run(&["smoke"]);
    assert!(ended.log.contains("3 bytes that are no text"), "{}", ended.log);
}

#[test]
fn redirects_that_must_not_be_followed_fail() {
    let loops = Shop::start(|_| FakeResponse::redirect("/again"));
    for (follow, says) in [("0", "answered 302, a redirect to http"), ("2", "one redirect more than 2")] {
        let ended = loops.runner(&format!("paths: {{ a: [{{ url: /, follow: {follow} }}] }}")).run(&["smoke"]);
        assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
        assert!(ended.log.contains(says), "{says} in {}", ended.log);
    }
    let other = Shop::start(|_| FakeResponse::status(200));
    let url = other.server.url().to_owned();
    let away = Shop::start(move |_| FakeResponse::status(307).header("location", &url));
    let checks = "paths: { a: [{ method: POST, url: /, body: a password, follow: 1 }] }";
    let ended = away.runner(checks).run(&["smoke"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(ended.log.contains("another host, which must not get the body"), "{}", ended.log);
    assert_eq!(other.requests(), [""; 0]);
}
