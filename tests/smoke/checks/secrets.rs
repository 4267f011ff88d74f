//! Secrets of a file of checks: sent, and never shown.

use promote_gates::sandbox::server::FakeResponse;
use serde_json::json;

use super::{Shop, end};
use crate::house::Ended;

const TOKEN: &str = "s3cr3t/tok\"en+1";

/// Asserts that nothing which leaves the gate has a part of a secret, except the masks for the runner.
fn assert_hidden(ended: &Ended, parts: &[&str]) {
    let log: String = ended.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
    for (name, text) in [
        ("log", log),
        ("summary", ended.summary.clone()),
        ("outputs", format!("{:?}", ended.outputs)),
        ("report", ended.report.to_string()),
    ] {
        for part in parts {
            assert!(!text.contains(part), "{part} in the {name}: {text}");
        }
    }
}

/// A service that repeats all that it gets, in several encodings, and fails.
fn echo() -> Shop {
    Shop::start(|request| {
        let header = request.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let page = json!({ "path": request.path, "query": request.query, "header": header, "body": body });
        FakeResponse::json(500, &page).header("x-echo", header.as_deref().unwrap_or("none"))
    })
}

#[test]
fn a_response_that_repeats_a_secret_does_not_show_it() {
    for step in [
        "{ url: /x, headers: { Authorization: 'Bearer {{ env.TOKEN }}' } }",
        "{ url: '/x/{{ env.TOKEN }}/y' }",
        "{ url: '/x?key={{ env.TOKEN }}' }",
        "{ method: POST, url: /x, body: 'it is {{ env.TOKEN }}' }",
        "{ method: POST, url: /x, json: { t: '{{ env.TOKEN }}' } }",
        "{ method: POST, url: /x, form: { t: '{{ env.TOKEN }}' } }",
        "{ url: /x, cookies: { t: c }, headers: { Authorization: 'Bearer {{ env.TOKEN }}' }, expect: { status: 500, headers: { x-echo: gone } } }",
        "{ url: /x, headers: { Authorization: 'Bearer {{ env.TOKEN }}' }, expect: { status: 500, jq: '.header == \"x\"' } }",
        "{ url: /x, headers: { Authorization: 'Bearer {{ env.TOKEN }}' }, expect: { status: 500, contains: '{{ env.TOKEN }} gone' } }",
    ] {
        let shop = echo();
        let ended = shop
            .runner(&format!("paths: {{ a: [{step}] }}"))
            .env("TOKEN", TOKEN)
            .env("RUNNER_DEBUG", "1")
            .run(&["smoke"]);
        assert_eq!(end(&ended), (1, "blocked"), "{step}: {}", ended.log);
        assert_hidden(&ended, &[TOKEN, "s3cr3t", "tok\\\"en", "tok%22en"]);
        assert!(shop.requests().len() == 1, "{step}");
        assert!(ended.log.contains("::add-mask::s3cr3t/tok"), "{}", ended.log);
    }
}

#[test]
fn the_parts_of_credentials_are_hidden_as_well() {
    let shop = Shop::start(|request| {
        let got = request.headers["authorization"].to_str().unwrap().to_owned();
        FakeResponse::text(500, "text/plain", format!("{got} means smoke:hunter2hunter2"))
    });
    // smoke:hunter2hunter2
    let basic = "c21va2U6aHVudGVyMmh1bnRlcjI=";
    let checks = "paths: { a: [{ url: /, headers: { Authorization: 'Basic {{ env.BASIC }}' } }] }";
    let ended = shop.runner(checks).env("BASIC", basic).run(&["smoke"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_hidden(&ended, &[basic, "hunter2"]);
}

#[test]
fn secret_captures_and_cookies_are_hidden_and_plain_captures_are_shown() {
    let shop = Shop::start(|request| {
        if request.path == "/login" {
            return FakeResponse::json(200, &json!({ "token": "captured-secret", "id": "plain-value" }))
                .header("set-cookie", "session=cookie-secret-1; Path=/");
        }
        let cookie = request.headers["cookie"].to_str().unwrap().to_owned();
        FakeResponse::text(500, "text/plain", format!("captured-secret plain-value {cookie}"))
    });
    let checks = "paths: { a: [{ method: POST, url: /login, capture: { t: { jq: .token, secret: true }, id: .id } }, { url: '/x/{{ t }}' }] }";
    let ended = shop.runner(checks).run(&["smoke"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_hidden(&ended, &["captured-secret", "cookie-secret-1"]);
    assert!(ended.log.contains("plain-value"), "{}", ended.log);
    assert_eq!(shop.requests()[1], "GET /x/captured-secret | ");
}

#[test]
fn variables_come_from_the_setting_and_then_from_the_job() {
    let shop = Shop::start(|_| FakeResponse::status(200));
    let checks = "paths: { a: [{ url: '/{{ env.ONE }}/{{ env.TWO }}' }] }";
    let runner = shop.runner(checks).env("ONE", "job").env("TWO", "job").input("env", "ONE=set");
    assert_eq!(end(&runner.run(&["smoke"])), (0, "passed"));
    assert_eq!(shop.requests(), ["GET /set/job | "]);
    for (name, value) in [("GONE", "GONE"), ("INPUT", "PROMOTE_GATES_TAG"), ("OIDC", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")]
    {
        let checks = format!("paths: {{ a: [{{ url: '/{{{{ env.{value} }}}}' }}] }}");
        let ended = shop.runner(&checks).env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s3cr3t").run(&["smoke"]);
        assert_eq!(end(&ended), (2, "inconclusive"), "{name}: {}", ended.log);
        assert!(ended.log.contains(&format!("no value for `{{{{ env.{value} }}}}`")), "{name}: {}", ended.log);
    }
}

#[test]
fn headers_of_all_steps_stay_with_the_service_under_test() {
    let seen = |shop: &Shop| shop.requests().len();
    let other =
        Shop::start(|request| FakeResponse::status(if request.headers.contains_key("x-key") { 500 } else { 200 }));
    let url = other.server.url().to_owned();
    let shop = Shop::start(move |request| match request.path.as_str() {
        "/away" => FakeResponse::redirect(&format!("{url}/redirected")),
        _ => FakeResponse::status(if request.headers.contains_key("x-key") { 200 } else { 500 }),
    });
    let checks = format!(
        "headers: {{ X-Key: '{{{{ env.TOKEN }}}}' }}\npaths:\n  own: [{{ url: /own }}]\n  other: [{{ url: '{}/other' }}]\n  away: [{{ url: /away, follow: 1 }}]\n",
        other.server.url()
    );
    let ended = shop.runner(&checks).env("TOKEN", "s3cr3t").run(&["smoke"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!((seen(&shop), seen(&other)), (2, 2));
}
