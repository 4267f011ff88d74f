//! `smoke` with a file of checks against nginx: a hundred paths, and how long they take.

use std::{fmt::Write as _, io::Write as _};

use promote_gates::clock::Stopwatch;

use super::{
    house::{Ended, Runner},
    nginx::Nginx,
};

const SHOP: &str = r#"
    location = /login {
        add_header Set-Cookie "session=abcdefgh$arg_path; Path=/; HttpOnly";
        return 303 /account;
    }
    location = /account { return 200 '<p>Welcome back</p>'; }
    location = /carts { return 201 '{"id": "c-$request_method", "version": "1.4.2"}'; }
    location /carts/ { return 200 '{"id": "$uri", "cookie": "$cookie_session"}'; }"#;

const PATHS: usize = 100;
const STEPS: usize = 3;

/// A path that signs in, makes a cart and shows it. Its cart has the cookie of its own session.
fn paths() -> String {
    let mut file = "paths:\n".to_owned();
    for number in 0..PATHS {
        let path = format!(
            "  path {number}:\n\
             \x20   - {{ method: POST, url: '/login?path={number}', form: {{ user: smoke }}, follow: 1, expect: {{ contains: Welcome }} }}\n\
             \x20   - {{ method: POST, url: /carts, json: {{ sku: sock-1 }}, expect: {{ status: 201, jq: .version == $subject.tag }}, capture: {{ cart: .id }} }}\n\
             \x20   - {{ url: '/carts/{{{{ cart }}}}', expect: {{ jq: '.id == \"/carts/c-POST\" and .cookie == \"abcdefgh{number}\"' }} }}\n"
        );
        file.write_str(&path).expect("a text");
    }
    file
}

fn run(nginx: &Nginx, checks: &str) -> Ended {
    let runner = Runner::new().input("tag", "1.4.2").input("checks", "checks.yml").input("target", &nginx.url(0, ""));
    runner.write("checks.yml", checks);
    runner.run(&["smoke"])
}

#[test]
fn a_hundred_paths_take_under_a_second() {
    let nginx = Nginx::serving(&[SHOP]);
    let checks = paths();
    let (mut fastest, mut figure) = (std::time::Duration::MAX, String::new());
    for _ in 0..3 {
        let started = Stopwatch::start();
        let ended = run(&nginx, &checks);
        fastest = fastest.min(started.elapsed());
        figure = ended.report["findings"][0]["figures"]["now"].as_str().expect("a figure").to_owned();
        assert_eq!(ended.outputs["verdict"], "passed", "{}", ended.log);
        assert!(ended.log.contains("tests: 100 ran, none failed"), "{}", ended.log);
    }
    // Also when the test passes: it is the measure. What is not in the figure is mostly compiling jq, which an unoptimised build
    // does ten times slower.
    let line =
        format!("{PATHS} paths of {STEPS} steps against nginx: {figure}, the whole step {} ms", fastest.as_millis());
    writeln!(std::io::stdout(), "{line}").expect("stdout");
    let requests = nginx.requests();
    assert_eq!(requests.len(), 3 * PATHS * (STEPS + 1), "each request is sent once");
    assert!(fastest.as_secs() < 60, "{fastest:?}");
}

#[test]
fn a_path_that_fails_among_a_hundred_is_named() {
    let nginx = Nginx::serving(&[SHOP]);
    let ended = run(&nginx, &paths().replace("abcdefgh57", "another"));
    assert_eq!(ended.outputs["verdict"], "blocked", "{}", ended.log);
    assert!(ended.outputs["reason"].contains("1 of 100 failed"), "{:?}", ended.outputs);
    assert!(ended.log.contains("path 57: 3. GET /carts/{{ cart }}: the condition is false"), "{}", ended.log);
}
