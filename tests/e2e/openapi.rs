//! The sandbox's GitHub held against GitHub's own description of its API: every route is asked over HTTP, and each
//! request with its answer goes to `openapi/judge.py`. So what the other tests rely on cannot drift into fiction.
//!
//! Run by `tests/e2e/openapi.sh`, which brings the description and the judge.

#![expect(clippy::expect_used, reason = "a test ends where its stage cannot be set")]

#[path = "openapi/asking.rs"]
mod asking;
#[path = "openapi/tour.rs"]
mod tour;

use std::{
    ffi::OsString,
    fs,
    process::{Command, Output},
};

use asking::Exchange;
use promote_gates::sandbox::github::routes;
use serde_json::{Value, json};

/// The description, and the Python that has the judge's library.
struct Judge {
    description: OsString,
    python: OsString,
}

#[expect(clippy::disallowed_methods, reason = "where the judge is is a setting of the test, not of the product")]
fn judge() -> Judge {
    let [description, python] = ["PROMOTE_GATES_E2E_OPENAPI", "PROMOTE_GATES_E2E_PYTHON"]
        .map(|name| std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set: run tests/e2e/openapi.sh")));
    Judge { description, python }
}

impl Judge {
    /// Whether nothing was found, and what was said.
    fn judge(&self, exchanges: &[Exchange]) -> (bool, String) {
        let folder = tempfile::tempdir().expect("a temp folder");
        let path = folder.path().join("exchanges.json");
        let recorded: Vec<Value> = exchanges.iter().map(Exchange::recorded).collect();
        fs::write(&path, Value::from(recorded).to_string()).expect("write the exchanges");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/openapi/judge.py");
        let run =
            Command::new(&self.python).args(["-I", "-W", "ignore", script]).arg(&self.description).arg(&path).output();
        let Output { status, stdout, stderr } = run.expect("run the judge");
        let said = [stdout, stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        (status.success(), said)
    }
}

#[test]
fn every_route_is_as_github_describes_it() {
    let exchanges = tour::taken();
    for route in routes() {
        let its =
            || exchanges.iter().filter(|exchange| exchange.route == route.path && exchange.method == route.method);
        let answered = |status: u16| its().any(|exchange| exchange.status == status);
        let name = format!("{} {}", route.method, route.path);
        assert!(its().any(|exchange| exchange.status < 300), "{name} was not asked, or never answered well");
        assert!(
            answered(404) || route.method == "PUT" || route.path.ends_with("{repo}/issues"),
            "{name}: nothing there"
        );
        assert!(answered(403) || ["", "metadata=read"].contains(&route.permission), "{name}: not allowed");
        assert!(answered(401), "{name}: a bad token");
    }
    let (fine, said) = judge().judge(&exchanges);
    assert!(fine, "{said}");
    say(&said);
}

/// The first exchange on a route that ends like this.
fn first(exchanges: &[Exchange], method: &str, end: &str, status: u16) -> Exchange {
    let mut its = exchanges.iter().filter(|one| one.method == method && one.route.ends_with(end));
    its.find(|one| one.status == status).unwrap_or_else(|| panic!("no {method} of {end} with {status}")).clone()
}

/// An exchange that was fine, what is made of it, and what has to be found.
type Forgery = (Exchange, fn(&mut Exchange), &'static str);

fn forgeries(exchanges: &[Exchange]) -> [Forgery; 13] {
    let run = || first(exchanges, "GET", "/runs/{run_id}", 200);
    let jobs = |status| first(exchanges, "GET", "/jobs", status);
    let dispatch = |status| first(exchanges, "POST", "/dispatches", status);
    [
        (run(), |one| one.answer["id"] = json!("7"), "id: '7' is not of type 'integer'"),
        (run(), |one| one.answer["created_at"] = json!("yesterday"), "created_at: 'yesterday' is not a 'date-time'"),
        (run(), |one| drop(one.fields().shift_remove("head_sha")), "'head_sha' is a required property"),
        (run(), |one| one.answer["headSha"] = json!("f"), "'headSha' was unexpected"),
        (run(), |one| one.answer["head_repository"]["owner"]["login"] = json!(7), "head_repository/owner/login: 7"),
        (run(), |one| one.status = 302, "Unknown response http status: 302"),
        (run(), |one| one.url += "?attempt=1", "query attempt is not described"),
        (jobs(200), |one| one.answer["jobs"][0]["status"] = json!("done"), "jobs/0/status: 'done' is not one of"),
        (jobs(404), |one| one.answer["message"] = json!(404), "message: 404 is not of type 'string'"),
        (first(exchanges, "GET", "/issues", 200), |one| one.url += "?state=any", "'any' is not one of"),
        (dispatch(204), |one| one.answer = json!({}), "a body, and none is described"),
        (dispatch(204), |one| one.body = json!({ "client_payload": {} }), "'event_type' is a required property"),
        (dispatch(422), |one| one.body = json!({ "event_type": "x" }), "the request is described, and was refused"),
    ]
}

#[test]
fn the_judge_finds_what_is_wrong() {
    let exchanges = tour::taken();
    let forgeries = forgeries(&exchanges);
    let forged = forgeries.iter().map(|(exchange, forge, _)| {
        let mut forged = exchange.clone();
        forge(&mut forged);
        forged
    });
    let (fine, said) = judge().judge(&forged.collect::<Vec<_>>());
    assert!(!fine, "{said}");
    for (number, (_, _, expected)) in forgeries.iter().enumerate() {
        let line = said.lines().find(|line| line.starts_with(&format!("{number} ")));
        assert!(line.is_some_and(|line| line.contains(expected)), "{number}: {expected} in\n{said}");
    }

    let run = first(&exchanges, "GET", "/runs/{run_id}", 200);
    let (fine, said) = judge().judge(&[Exchange { route: "/repos/{owner}/{repo}/actions/run/{run_id}", ..run }]);
    assert!(!fine && said.contains("no such route in the description"), "{said}");
}

/// On standard error, past the test's own capture: what is not judged has to be seen.
fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
}
