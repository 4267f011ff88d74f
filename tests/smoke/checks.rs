//! `smoke` with a file of checks, against real HTTP on loopback.

mod hostile;
mod limits;
mod secrets;

use std::sync::{Arc, Mutex};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer, ReceivedRequest};
use serde_json::json;

use super::end;
use crate::house::{Ended, Runner};

/// A server, and what it was asked: `METHOD /path?query | body`.
pub struct Shop {
    pub server: LoopbackServer,
    pub requests: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    pub fn start(respond: impl Fn(&ReceivedRequest) -> FakeResponse + Send + Sync + 'static) -> Self {
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        let server = LoopbackServer::start(move |request| {
            let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
            let body = String::from_utf8_lossy(&request.body).into_owned();
            seen.lock().unwrap().push(format!("{} {}{query} | {body}", request.method, request.path));
            respond(request)
        });
        Self { server: server.unwrap(), requests }
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A step with this file of checks, whose target is the server.
    pub fn runner(&self, checks: &str) -> Runner {
        let runner = Runner::new()
            .input("service", "checkout-service")
            .input("tag", "1.4.2")
            .input("checks", "checks.yml")
            .input("target", self.server.url());
        runner.write("checks.yml", checks);
        runner
    }
}

/// A shop with carts: `POST /carts`, `GET /carts/7`, `DELETE /carts/7`, a login with a cookie, and pages.
pub fn shop() -> Shop {
    Shop::start(|request| {
        let cookie = request.headers.get("cookie").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/carts") => {
                let cart = json!({ "id": 7, "owner": { "name": "smoke" }, "version": "1.4.2" });
                FakeResponse::json(201, &cart).header("location", "/carts/7")
            }
            ("GET", "/carts/7") => FakeResponse::json(200, &json!({ "id": 7, "items": ["sock-1"] })),
            ("DELETE", "/carts/7") => FakeResponse::status(204),
            ("POST", "/login") => {
                FakeResponse::redirect("/account").header("set-cookie", "session=abcdefgh1234; Path=/; HttpOnly")
            }
            ("GET", "/account") if cookie.contains("session=abcdefgh1234") => {
                FakeResponse::text(200, "text/html", "<input name=\"csrf\" value=\"t-9\"> Welcome back")
            }
            ("GET", "/account") => FakeResponse::redirect("/login"),
            ("POST", "/orders") if cookie.is_empty() => FakeResponse::status(401),
            ("POST", "/orders") => FakeResponse::status(202),
            ("GET", "/") => FakeResponse::text(200, "text/html", "<h1>Shop</h1>"),
            ("GET", "/broken") => FakeResponse::text(500, "text/plain", "database is down"),
            _ => FakeResponse::status(404),
        }
    })
}

const CART: &str = "\
paths:
  put into the cart:
    steps:
      - method: POST
        url: /carts
        json: { sku: sock-1, count: 1 }
        expect: { status: 201, jq: .version == $subject.tag, within: 1m }
        capture: { cart: .id, next: { header: location } }
      - url: '{{ next }}'
        expect: { jq: '.id == $captures.cart', contains: sock-1, excludes: [error] }
    teardown:
      - { method: DELETE, url: '/carts/{{ cart }}' }
  log in:
    - { method: POST, url: /login, form: { user: smoke, password: a b&c }, follow: 1, capture: { csrf: { regex: 'value=\"([^\"]+)' } } }
    - { method: POST, url: /orders, form: { csrf: '{{ csrf }}' } }
  browse:
    - { url: /, expect: { headers: { Content-Type: text/html } } }
";

fn runs(checks: &str) -> (Shop, Ended) {
    let shop = shop();
    let ended = shop.runner(checks).run(&["smoke"]);
    (shop, ended)
}

#[test]
fn paths_of_requests_are_tests() {
    let (shop, ended) = runs(CART);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(ended.log.contains("tests: 3 ran, none failed"), "{}", ended.log);
    let requests = shop.requests();
    let of = |word: &str| requests.iter().filter(|request| request.contains(word)).cloned().collect::<Vec<_>>();
    assert_eq!(of("/carts"), [r#"POST /carts | {"sku":"sock-1","count":1}"#, "GET /carts/7 | ", "DELETE /carts/7 | "]);
    assert_eq!(of("/login"), ["POST /login | user=smoke&password=a+b%26c"]);
    assert_eq!(of("/orders"), ["POST /orders | csrf=t-9"], "with the cookie of the login");
    assert_eq!(ended.report["settings"]["checks"], "checks.yml");
}

#[test]
fn a_step_that_does_not_hold_blocks_and_says_why() {
    for (path, says) in [
        ("[{ url: /broken }]", "p: 1. GET /broken: answered 500; expected 200 to 299"),
        ("[{ url: / }, { url: /gone, name: show it }]", "p: 2. show it: answered 404; expected 200 to 299"),
        ("[{ url: /account }]", "answered 302, a redirect to "),
        ("[{ url: /, expect: { jq: .ready } }]", "p: 1. GET /: its body is not JSON"),
        ("[{ url: /, expect: { contains: Cart } }]", "its body does not contain \"Cart\""),
        ("[{ url: /, expect: { excludes: Shop } }]", "its body contains \"Shop\", which is excluded"),
        ("[{ url: /carts/7, expect: { jq: .id == 8 } }]", "the condition is false"),
        ("[{ url: /, expect: { within: 1ms } }]", "expected at most 1ms"),
        ("[{ url: /, capture: { a: { header: x-none } } }, { url: '/{{ a }}' }]", "`a` was not captured by the header"),
        ("[{ url: /carts/7, capture: { a: .none } }]", "`a` was not captured by jq `.none`"),
    ] {
        let slow =
            Shop::start(|_| FakeResponse::text(200, "text/html", "Shop").delayed(std::time::Duration::from_millis(20)));
        let shop = if path.contains("within") { slow } else { shop() };
        let ended = shop.runner(&format!("paths:\n  p: {path}\n  ok: [{{ url: / }}]\n")).run(&["smoke"]);
        assert_eq!(end(&ended), (1, "blocked"), "{path}: {}", ended.log);
        assert!(ended.log.contains(says), "{path}: {says} in {}", ended.log);
        assert!(ended.outputs["reason"].starts_with("tests: 1 of 2 failed"), "{:?}", ended.outputs);
    }
    let (_, ended) = runs("paths: { p: [{ url: /broken }] }");
    assert!(ended.summary.contains("database is down") && ended.summary.contains("checks.yml:1"), "{}", ended.summary);
}

#[test]
fn the_criteria_of_a_test_suite_hold_for_paths() {
    let paths = |a: &str, b: &str| {
        format!(
            "paths:\n  a: {{ critical: {a}, steps: [{{ url: / }}] }}\n  b: {{ critical: {b}, steps: [{{ url: /broken }}] }}\n"
        )
    };
    let one_broken = paths("false", "false");
    let ok = "paths: { a: [{ url: / }] }";
    for (checks, input, expected, says) in [
        (paths("true", "false"), ("service", "x"), (0, "passed"), "none of them is among `critical`"),
        (paths("false", "true"), ("service", "x"), (1, "blocked"), "b: 1. GET /broken"),
        (one_broken.clone(), ("critical", "a"), (0, "passed"), "none of them is among `critical`"),
        (one_broken, ("critical", "c"), (3, "inconclusive"), "c: not among the 2 tests that ran"),
        (ok.to_owned(), ("min-tests", "1"), (0, "passed"), "1 ran"),
        (ok.to_owned(), ("min-tests", "2"), (3, "inconclusive"), "number of tests: 1 ran"),
    ] {
        let shop = shop();
        let ended = shop.runner(&checks).input(input.0, input.1).run(&["smoke"]);
        assert_eq!(end(&ended), expected, "{input:?}: {}", ended.log);
        assert!(ended.log.contains(says), "{says} in {}", ended.log);
    }
}

/// A server that answers 503 to the first `failures` requests to `/flaky`.
fn flaky_shop(failures: usize) -> Shop {
    let left = Mutex::new(failures);
    Shop::start(move |request| {
        let mut left = left.lock().unwrap();
        if request.path == "/flaky" && *left > 0 {
            *left -= 1;
            return FakeResponse::status(503);
        }
        FakeResponse::status(200)
    })
}

#[test]
fn what_failed_and_then_passed_is_flaky() {
    let step = "paths: { a: [{ url: / }, { url: /flaky, retries: 2, pause: 1ms }] }";
    let path = "paths: { a: { retries: 1, steps: [{ url: / }, { url: /flaky }] } }";
    let plain = "paths: { a: [{ url: / }, { url: /flaky }] }";
    for (checks, failures, input, expected, requests) in [
        (step, 2, ("service", "x"), (0, "passed"), 4),
        (step, 3, ("service", "x"), (1, "blocked"), 4),
        (step, 1, ("max-flaky", "0"), (1, "blocked"), 3),
        (path, 1, ("service", "x"), (0, "passed"), 4),
        (path, 2, ("service", "x"), (1, "blocked"), 4),
        (plain, 1, ("retries", "1"), (0, "passed"), 4),
        // Nothing is sent twice unless the file or a setting says so.
        (plain, 1, ("service", "x"), (1, "blocked"), 2),
    ] {
        let shop = flaky_shop(failures);
        let ended = shop.runner(checks).input(input.0, input.1).run(&["smoke"]);
        assert_eq!(end(&ended), expected, "{checks} {input:?}: {}", ended.log);
        assert_eq!(shop.requests().len(), requests, "{checks} {input:?}");
        if expected.0 == 0 {
            assert!(
                ended.log.contains("flaky tests: 1 failed, then passed: a; first: 2. GET /flaky: answered 503"),
                "{}",
                ended.log
            );
        }
    }
}

#[test]
fn setup_comes_first_and_teardown_always_comes_last() {
    let around = |setup: &str, path: &str, teardown: &str| {
        format!(
            "setup: [{{ method: POST, url: {setup}, capture: {{ cart: .id }} }}]\n\
             paths:\n  p: [{{ url: '{path}' }}]\n\
             teardown: [{{ method: DELETE, url: '{teardown}' }}]\n"
        )
    };
    for (checks, expected, says, last) in [
        (around("/carts", "/carts/{{ cart }}", "/carts/{{ cart }}"), (0, "passed"), "1 ran", "DELETE /carts/7 | "),
        (around("/carts", "/broken", "/carts/{{ cart }}"), (1, "blocked"), "answered 500", "DELETE /carts/7 | "),
        (
            around("/gone", "/", "/carts/7"),
            (1, "blocked"),
            "setup: 1. POST /gone: answered 404; expected 200 to 299; no path ran",
            "DELETE /carts/7 | ",
        ),
        (around("/carts", "/", "/gone"), (0, "passed"), "teardown: 1. DELETE /gone: answered 404", "DELETE /gone | "),
    ] {
        let (shop, ended) = runs(&checks);
        assert_eq!(end(&ended), expected, "{checks}: {}", ended.log);
        assert!(ended.log.contains(says), "{says} in {}", ended.log);
        assert_eq!(shop.requests().last().unwrap(), last, "{checks}");
    }
    // A teardown that needs what was not captured is not sent.
    let (shop, ended) = runs(&around("/gone", "/", "/carts/{{ cart }}"));
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(ended.log.contains("`cart` was not captured"), "{}", ended.log);
    assert_eq!(shop.requests(), ["POST /gone | "]);
}

#[test]
fn another_host_is_not_reached_by_what_a_response_says() {
    let other = Shop::start(|_| FakeResponse::status(200));
    let url = other.server.url().to_owned();
    let shop = Shop::start(move |_| FakeResponse::json(200, &json!({ "next": format!("{url}/steal") })));
    let ended = shop
        .runner("headers: { X-Key: k }\npaths: { a: [{ url: /, capture: { next: .next } }, { url: '{{ next }}' }] }")
        .run(&["smoke"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(ended.log.contains("the captured URL leads to 127.0.0.1:"), "{}", ended.log);
    assert_eq!(other.requests(), [""; 0]);
}

#[test]
fn a_service_that_is_not_reached_is_inconclusive() {
    let checks = "paths:\n  a: [{ url: 'http://no-such-host.invalid/' }]\n  b: [{ url: / }]\n";
    let (_, ended) = runs(checks);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(
        ended.log.contains("paths: not reached: a; 1. GET http://no-such-host.invalid/: no address"),
        "{}",
        ended.log
    );
    let refused = Runner::new().input("tag", "1").input("checks", "c.yml").input("target", "http://127.0.0.1:1");
    refused.write("c.yml", "paths: { a: [{ url: / }] }");
    let ended = refused.run(&["smoke"]);
    assert_eq!(end(&ended), (1, "blocked"), "a refused connection was observed: {}", ended.log);
}

#[test]
fn bad_input_is_named_and_nothing_is_sent() {
    let shop = shop();
    let ok = "paths: { a: [{ url: / }] }";
    for (checks, input, says) in [
        (
            "paths:\n  a:\n    - url: /\n      expct: {}\n",
            ("service", "x"),
            "`expct` (checks.yml:4:7): no such key in a step",
        ),
        ("paths: {}", ("service", "x"), "`paths` (checks.yml:1:1): no path"),
        ("paths: { a: [] }", ("service", "x"), "a path without steps"),
        (ok, ("checks", "gone.yml"), "`checks`: gone.yml: "),
        (ok, ("command", "true"), "`command` (input): given with `checks`"),
        (ok, ("argv", "true"), "`argv` (input): given with `checks`"),
        (ok, ("junit", "r.xml"), "`junit` (input): given with `checks`"),
        (ok, ("target", "ftp://x"), "`target` (input)"),
    ] {
        let ended = shop.runner(checks).input(input.0, input.1).run(&["smoke"]);
        assert_eq!(end(&ended), (2, "inconclusive"), "{}", ended.log);
        assert!(ended.log.contains(says), "{says} in {}", ended.log);
    }
    let target = Runner::new().input("command", "true").input("target", "http://a.example").run(&["smoke"]);
    assert!(target.code == 2 && target.log.contains("`target` (input): given without `checks`"), "{}", target.log);
    assert_eq!(shop.requests(), [""; 0]);
}

#[test]
fn a_dry_run_sends_what_the_file_says() {
    let shop = shop();
    let ended = shop.runner("paths: { a: [{ url: /broken }] }").input("dry-run", "true").run(&["smoke"]);
    assert_eq!((ended.code, shop.requests().len()), (0, 1), "as the command of `smoke` runs: {}", ended.log);
    assert_eq!(ended.report["verdict"], "blocked");
}

#[test]
fn the_version_is_looked_at_before_and_after_the_paths() {
    let shop = Shop::start(|request| match request.path.as_str() {
        "/version" => FakeResponse::json(200, &json!({ "version": "1.4.1" })),
        _ => FakeResponse::status(200),
    });
    let url = format!("{}/version", shop.server.url());
    let ended = shop.runner("paths: { a: [{ url: / }] }").input("version-endpoint", &url).run(&["smoke"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert_eq!(shop.requests(), ["GET /version | "], "no path against another version");
}

#[test]
fn the_example_of_the_documentation_works() {
    let readme = crate::repository::read("smoke/README.md");
    let (_, example) = readme.split_once("# yaml-language-server:").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let shop = Shop::start(|request| {
        let signed_in = request.headers.get("cookie").is_some_and(|cookie| cookie.as_bytes().starts_with(b"session="));
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/login") => FakeResponse::redirect("/").header("set-cookie", "session=abcdefgh; Path=/"),
            ("GET", "/") => FakeResponse::text(200, "text/html; charset=utf-8", "Our socks"),
            ("POST", "/api/carts") if signed_in => FakeResponse::json(201, &json!({ "id": "c-1", "version": "1.4.2" })),
            ("GET", "/api/carts/c-1") if signed_in => FakeResponse::json(200, &json!({ "id": "c-1", "items": [1, 2] })),
            ("DELETE", "/api/carts/c-1") => FakeResponse::status(204),
            _ => FakeResponse::status(404),
        }
    });
    // No test waits for a time limit on a busy machine.
    let example = example.replace("within: 800ms", "within: 1m");
    let runner = shop.runner(&format!("# yaml-language-server:{example}")).env("SMOKE_PASSWORD", "hunter2hunter2");
    let ended = runner.run(&["smoke"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(shop.requests().contains(&"POST /login | user=smoke&password=hunter2hunter2".to_owned()));
    assert!(shop.requests().contains(&"DELETE /api/carts/c-1 | ".to_owned()));
    assert_eq!((ended.outputs["tests"].as_str(), &ended.report["outputs"]["tests"]), ("2", &json!("2")));
}
