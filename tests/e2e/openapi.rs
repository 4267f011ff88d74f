//! Checks the fake GitHub against GitHub's own description of its API: the test sends requests to every route, and
//! `openapi/judge.py` checks each request and response. This keeps the fake, which the other tests rely on, realistic.
//!
//! Run by `tests/e2e/openapi.sh`, which installs the description and the judge.

#![expect(clippy::expect_used, reason = "a test fails if its environment cannot be set up")]

#[path = "openapi/all_routes.rs"]
mod all_routes;
#[path = "openapi/discussions.rs"]
mod discussions;
#[path = "openapi/exchange.rs"]
mod exchange;
#[path = "openapi/made_commits.rs"]
mod made_commits;

use std::{
    ffi::OsString,
    fs,
    process::{Command, Output},
};

use exchange::Exchange;
use promote_gates::sandbox::github::routes;
use serde_json::{Value, json};

/// The description, and the Python with the judge's library.
struct Judge {
    description: OsString,
    python: OsString,
}

#[expect(clippy::disallowed_methods, reason = "the path of the judge is a setting of the test, not of the product")]
fn judge() -> Judge {
    let [description, python] = ["PROMOTE_GATES_E2E_OPENAPI", "PROMOTE_GATES_E2E_PYTHON"]
        .map(|name| std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run tests/e2e/openapi.sh")));
    Judge { description, python }
}

impl Judge {
    /// Returns whether there is no finding, and the output.
    fn judge(&self, exchanges: &[Exchange]) -> (bool, String) {
        let folder = tempfile::tempdir().expect("a temp folder");
        let path = folder.path().join("exchanges.json");
        let recorded: Vec<Value> = exchanges.iter().map(Exchange::recorded).collect();
        fs::write(&path, Value::from(recorded).to_string()).expect("write the exchanges");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/openapi/judge.py");
        let run =
            Command::new(&self.python).args(["-I", "-W", "ignore", script]).arg(&self.description).arg(&path).output();
        let Output { status, stdout, stderr } = run.expect("run the judge");
        let output = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (status.success(), output)
    }
}

#[test]
fn every_route_conforms_to_githubs_description() {
    let exchanges = all_routes::all_exchanges();
    for route in routes() {
        let its =
            || exchanges.iter().filter(|exchange| exchange.route == route.path && exchange.method == route.method);
        let has_status = |status: u16| its().any(|exchange| exchange.status == status);
        let name = format!("{} {}", route.method, route.path);
        assert!(its().any(|exchange| exchange.status < 300), "{name}: no successful exchange");
        assert!(
            has_status(404) || route.method == "PUT" || route.path.ends_with("{repo}/issues"),
            "{name}: no 404 for a missing object"
        );
        assert!(
            has_status(403) || ["", "metadata=read"].contains(&route.permission),
            "{name}: no 403 without permission"
        );
        assert!(has_status(401), "{name}: no 401 for an unknown token");
    }
    let (passed, output) = judge().judge(&exchanges);
    assert!(passed, "{output}");
    print(&output);
}

/// The first exchange on a route with this end of its path and this status.
fn first(exchanges: &[Exchange], method: &str, end: &str, status: u16) -> Exchange {
    let mut its = exchanges.iter().filter(|one| one.method == method && one.route.ends_with(end));
    its.find(|one| one.status == status).unwrap_or_else(|| panic!("no {method} of {end} with {status}")).clone()
}

/// A valid exchange, a change that makes it invalid, and the expected finding.
type ForgedExchange = (Exchange, fn(&mut Exchange), &'static str);

fn forgeries(exchanges: &[Exchange]) -> [ForgedExchange; 15] {
    let run = || first(exchanges, "GET", "/runs/{run_id}", 200);
    let environment = || first(exchanges, "GET", "/environments/{environment_name}", 200);
    let jobs = |status| first(exchanges, "GET", "/jobs", status);
    let dispatch = |status| first(exchanges, "POST", "/dispatches", status);
    [
        (run(), |one| one.answer["id"] = json!("7"), "id: '7' is not of type 'integer'"),
        (run(), |one| one.answer["created_at"] = json!("yesterday"), "created_at: 'yesterday' is not a 'date-time'"),
        (run(), |one| drop(one.fields().shift_remove("head_sha")), "'head_sha' is a required property"),
        (run(), |one| one.answer["headSha"] = json!("f"), "'headSha' was unexpected"),
        (run(), |one| one.answer["head_repository"]["owner"]["login"] = json!(7), "head_repository/owner/login: 7"),
        (
            environment(),
            |one| one.answer["can_admins_bypass"] = json!("no"),
            "can_admins_bypass: 'no' is not of type 'boolean'",
        ),
        (environment(), |one| one.answer["admins_bypass"] = json!(true), "'admins_bypass' was unexpected"),
        (run(), |one| one.status = 302, "Unknown response http status: 302"),
        (run(), |one| one.url += "?attempt=1", "query attempt is not described"),
        (jobs(200), |one| one.answer["jobs"][0]["status"] = json!("done"), "jobs/0/status: 'done' is not one of"),
        (jobs(404), |one| one.answer["message"] = json!(404), "message: 404 is not of type 'string'"),
        (first(exchanges, "GET", "/issues", 200), |one| one.url += "?state=any", "'any' is not one of"),
        (dispatch(204), |one| one.answer = json!({}), "a body, but the description has none"),
        (dispatch(204), |one| one.body = json!({ "client_payload": {} }), "'event_type' is a required property"),
        (
            dispatch(422),
            |one| one.body = json!({ "event_type": "x" }),
            "the description allows the request, but it was refused",
        ),
    ]
}

#[test]
fn the_judge_finds_every_forged_exchange() {
    let exchanges = all_routes::all_exchanges();
    let forgeries = forgeries(&exchanges);
    let forged = forgeries.iter().map(|(exchange, forge, _)| {
        let mut forged = exchange.clone();
        forge(&mut forged);
        forged
    });
    let (passed, output) = judge().judge(&forged.collect::<Vec<_>>());
    assert!(!passed, "{output}");
    for (number, (_, _, expected)) in forgeries.iter().enumerate() {
        let line = output.lines().find(|line| line.starts_with(&format!("{number} ")));
        assert!(line.is_some_and(|line| line.contains(expected)), "{number}: {expected} in\n{output}");
    }

    let run = first(&exchanges, "GET", "/runs/{run_id}", 200);
    let (passed, output) = judge().judge(&[Exchange { route: "/repos/{owner}/{repo}/actions/run/{run_id}", ..run }]);
    assert!(!passed && output.contains("no such route in the description"), "{output}");
}

/// Prints to stderr directly, so that undescribed statuses are visible although the test passes.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
}
