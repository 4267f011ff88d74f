//! Time limits, signals, and how many paths run at the same time.

use std::{sync::mpsc::channel, time::Duration};

use promote_gates::{
    clock::Stopwatch,
    sandbox::server::{FakeResponse, Hold},
};
use rustix::process::Signal;

use super::{Shop, end};
use crate::house::LIMIT;

/// A service whose `/hang` never answers, and which says when it was asked for that.
fn hanging() -> (Shop, std::sync::mpsc::Receiver<()>) {
    let (sender, asked) = channel();
    let shop = Shop::start(move |request| {
        if request.path != "/hang" {
            return FakeResponse::status(200);
        }
        let _ = sender.send(());
        FakeResponse::hang()
    });
    (shop, asked)
}

#[test]
fn a_request_and_all_paths_have_a_time_limit_and_the_teardown_still_runs() {
    for (checks, timeout, says) in [
        (
            "timeout: 50ms\npaths: { a: [{ url: /hang }], b: [{ url: / }] }\nteardown: [{ method: DELETE, url: /clean }]",
            "1m",
            "no answer from",
        ),
        (
            "timeout: 10m\npaths: { a: [{ url: /hang }], b: [{ url: / }] }\nteardown: [{ method: DELETE, url: /clean }]",
            "1s",
            "a: ",
        ),
    ] {
        let (shop, _) = hanging();
        let ended = shop.runner(checks).input("timeout", timeout).run(&["smoke"]);
        assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
        assert!(ended.log.contains(says) && ended.log.contains("1 of 2 failed"), "{says} in {}", ended.log);
        assert_eq!(shop.requests().last().unwrap(), "DELETE /clean | ", "{}", ended.log);
    }
}

#[test]
fn a_signal_ends_the_paths_and_the_teardown_still_runs() {
    for (checks, requests) in [
        ("paths: { a: [{ url: /hang }, { url: /never }] }", &["GET /hang | "][..]),
        (
            "paths: { a: [{ url: /hang }, { url: /never }] }\nteardown: [{ method: DELETE, url: /clean }]",
            &["GET /hang | ", "DELETE /clean | "],
        ),
        (
            "setup: [{ url: /hang }]\npaths: { a: [{ url: /never }] }\nteardown: [{ method: DELETE, url: /clean }]",
            &["GET /hang | ", "DELETE /clean | "],
        ),
    ] {
        let (shop, asked) = hanging();
        let runner = shop.runner(checks);
        let started = runner.start(&["smoke"]);
        asked.recv_timeout(LIMIT).unwrap();
        let signalled = Stopwatch::start();
        started.signal(Signal::INT);
        let ended = started.end_within(LIMIT);
        assert!(signalled.elapsed() < Duration::from_secs(5), "{:?}: {}", signalled.elapsed(), ended.log);
        assert_eq!(ended.code, 3, "{}", ended.log);
        assert_eq!(shop.requests(), requests, "{}", ended.log);
        assert_eq!(ended.log.contains("teardown: ran after the signal"), requests.len() == 2, "{}", ended.log);
    }
}

#[test]
fn the_teardown_of_a_path_runs_after_a_signal() {
    let (shop, asked) = hanging();
    let checks = "paths: { a: { steps: [{ url: / }, { url: /hang, timeout: 1s }], teardown: [{ method: DELETE, url: /clean }] } }";
    let runner = shop.runner(checks);
    let started = runner.start(&["smoke"]);
    asked.recv_timeout(LIMIT).unwrap();
    started.signal(Signal::INT);
    let ended = started.end_within(LIMIT);
    assert_eq!(ended.code, 3, "{}", ended.log);
    assert_eq!(shop.requests(), ["GET / | ", "GET /hang | ", "DELETE /clean | "], "{}", ended.log);
    assert!(ended.log.contains("the teardown of the paths has ended"), "{}", ended.log);
}

#[test]
fn paths_run_at_the_same_time_and_steps_do_not() {
    let hold = Hold::default();
    let (handle, waiting) = (hold.clone(), std::sync::atomic::AtomicUsize::new(0));
    // Each path waits for the other at its first step.
    let shop = Shop::start(move |request| {
        if request.path.starts_with("/first") && waiting.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 {
            handle.release();
        }
        FakeResponse::status(200).held_by(&handle)
    });
    let checks = "paths:\n  a: [{ url: /first/a }, { url: /second/a }]\n  b: [{ url: /first/b }, { url: /second/b }]\n";
    let ended = shop.runner(checks).input("timeout", "1m").run(&["smoke"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    drop(hold);
    let one = Shop::start(|_| FakeResponse::status(200));
    let ended = one.runner(&format!("parallel: 1\n{checks}")).run(&["smoke"]);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(one.requests(), ["GET /first/a | ", "GET /second/a | ", "GET /first/b | ", "GET /second/b | "]);
}
