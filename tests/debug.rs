//! `RUNNER_DEBUG=1`: requests, git commands, other programs, looks, decisions and writes are in the log; secrets are not.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use serde_json::json;

use crate::{
    house::{Ended, Runner},
    shop::{API_TOKEN, Scene},
};

/// A secret in a query, a header, a body, an input and the environment.
const SECRET: &str = "hunter2";

/// The texts of the debug lines, without their level and time. No line of the log but the masking ones holds `secret`.
pub fn debug_lines(ended: &Ended, secret: &str) -> Vec<String> {
    let visible = ended.log.lines().filter(|line| !line.starts_with("::add-mask::"));
    let leaks: Vec<&str> = visible.filter(|line| line.contains(secret)).collect();
    assert!(leaks.is_empty(), "{leaks:?}");
    let lines = ended.log.lines().filter_map(|line| line.strip_prefix("::debug::DEBUG ["));
    lines.map(|line| line.split_once("] ").unwrap().1.to_owned()).collect()
}

/// Checks that the debug lines hold, in this order, a line that begins and goes on with each pair.
pub fn assert_in_order(lines: &[String], expected: &[(&str, &str)]) {
    let mut rest = lines.iter();
    for (start, end) in expected {
        let found = rest.any(|line| line.starts_with(start) && line.contains(end));
        assert!(found, "{start} … {end} in\n{}", lines.join("\n"));
    }
}

#[test]
fn http_requests_looks_decisions_and_the_config_file_are_logged_without_secrets() {
    let server = LoopbackServer::start(|request| match request.path.as_str() {
        "/ready" => FakeResponse::redirect("/live?session=hunter2"),
        "/live" => FakeResponse::json(200, &json!({ "ready": true, "session": SECRET })),
        _ => FakeResponse::status(503),
    })
    .unwrap();
    let url = server.url();
    let runner = Runner::new()
        .env("RUNNER_DEBUG", "1")
        .env("API_TOKEN", SECRET)
        .input("token", SECRET)
        .input("endpoints", &format!("{url}/ready?token={SECRET}"))
        .input("condition", ".ready")
        .input("redirects", "1")
        .input("headers", &format!("X-Key: {SECRET}"))
        .input("timeout", "30s");
    runner.write(".github/promote-gates.yml", "health: { consecutive: 2, interval: 10ms }\n");
    let ended = runner.run(&["health"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let ready = format!("http: GET {url}/ready → 302, a redirect, after ");
    let live = format!("http: GET {url}/live → 200, 34 B, after ");
    let look = |number: u8| format!("look {number} of endpoint {url}/ready");
    assert_in_order(
        &debug_lines(&ended, SECRET),
        &[
            ("config file .github/promote-gates.yml", "→ sha256 "),
            ("judge: pending, inconclusive so far", ""),
            (&look(1), ""),
            (&ready, "s"),
            (&live, "s"),
            (&look(2), ""),
            (&live, "s"),
            ("judge: decided, passed", ""),
        ],
    );
}

#[test]
fn git_the_api_and_writes_are_logged_without_secrets() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    let runner = scene.step(7, &dir).env("RUNNER_DEBUG", "1").input("token", SECRET);
    let runner = runner.input("tag", "1.4.2").input("incident", "INC-1").input("reason", "checkout is down");
    let runner = runner.input("allowed", "checkout-service");
    let ended = runner.run(&["emergency"]);
    assert_eq!(ended.code, 0, "{}", ended.log);
    let lines = debug_lines(&ended, SECRET);
    assert!(!lines.iter().any(|line| line.contains(API_TOKEN)), "{lines:?}");
    assert_in_order(
        &lines,
        &[
            ("process: git rev-parse --show-toplevel --show-prefix → exit code 0, after ", "s"),
            ("process: git fetch --quiet ", "→ exit code 0, after "),
            ("write: ", "→ outcome unknown, sent, not yet answered"),
            ("process: git push --porcelain -- ", "→ exit code 0, after "),
            ("write: ", "→ done"),
        ],
    );
    assert_in_order(&lines, &[("github: GET /repos/acme/infra/actions/runs/7/approvals → 200, ", " B, after ")]);
    assert_in_order(&lines, &[("github: POST /repos/acme/infra/issues → 201, ", " B, after ")]);
}

#[test]
fn other_programs_are_logged_by_name_and_nothing_is_logged_without_debugging() {
    let runner = Runner::new().input("command", &format!("echo {SECRET} >/dev/null; exit 3"));
    let ended = runner.run(&["smoke", "--timeout=30s"]);
    assert!(!ended.log.contains("::debug::"), "{}", ended.log);
    let ended = runner.env("RUNNER_DEBUG", "1").run(&["smoke", "--timeout=30s"]);
    let lines = debug_lines(&ended, "::debug::DEBUG [0ms] echo");
    assert!(!lines.iter().any(|line| line.contains(SECRET)), "{lines:?}");
    assert_in_order(&lines, &[("process: bash → exit code 3, after ", "s")]);
}
