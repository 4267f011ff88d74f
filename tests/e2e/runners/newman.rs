//! newman, with a service on loopback.

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use serde_json::{Value, json};

use crate::{Story, play};

/// A collection with one request for each name, path and test script.
fn collection(server: &str, requests: &[(&str, &str, &str)]) -> String {
    let item = |(name, path, script): &(&str, &str, &str)| -> Value {
        let url = if path.starts_with("http") { (*path).to_owned() } else { format!("{server}{path}") };
        let event = json!({ "listen": "test", "script": { "exec": [script], "type": "text/javascript" } });
        json!({ "name": name, "request": { "method": "GET", "url": url }, "event": [event] })
    };
    let schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
    let items: Vec<Value> = requests.iter().map(item).collect();
    json!({ "info": { "name": "smoke", "schema": schema }, "item": items }).to_string()
}

const OK: &str = "pm.test('status 200', () => pm.response.to.have.status(200));";

#[test]
fn newman() {
    let server = LoopbackServer::start(|request| match request.path.as_str() {
        "/down" => FakeResponse::status(500),
        _ => FakeResponse::text(200, "text/plain", "hello"),
    })
    .expect("a server");
    let of = |requests: &[(&str, &str, &str)]| collection(server.url(), requests);
    let passes = of(&[("Login", "/login", OK), ("Pay", "/pay", OK), ("Plain", "/plain", "")]);
    let fails = of(&[("Login", "/login", OK), ("Pay", "/down", OK)]);
    let refused = of(&[("Login", "/login", OK), ("Down", "http://127.0.0.1:1/", "")]);
    let script = of(&[("Login", "/login", OK), ("Broken", "/pay", "throw new Error('script broke');")]);
    let none = of(&[("Login", "/login", "")]);
    let story = |name, text, verdict, says| -> (&str, String, &str, &[&str]) { (name, text, verdict, says) };
    for (name, text, verdict, says) in [
        story("passes", passes, "passed", &["tests: 2 ran, none failed"]),
        story("fails", fails, "blocked", &["tests: 1 of 2 failed", "status 200"]),
        story("refused", refused, "blocked", &["Down: ", "ECONNREFUSED"]),
        story("script breaks", script, "blocked", &["Broken: ", "script broke"]),
        story("no tests", none, "inconclusive", &["tests: none ran"]),
    ] {
        let files = [("c.json", text.as_str())];
        play(
            "newman",
            "npx newman run c.json --reporters junit --reporter-junit-export r.xml",
            "r.xml",
            &[Story { name, files: &files, verdict, says }],
        );
    }
}
