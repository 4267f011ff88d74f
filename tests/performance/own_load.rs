//! `performance` with a load of its own, against services on loopback. No verdict depends on time: a difference that counts is one of
//! failed requests, and `min-delta` allows any other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
    thread,
    time::Duration,
};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer, ReceivedRequest};
use rustix::process::Signal;

use crate::{
    house::{Ended, LIMIT, Runner},
    patience::SIGNALLED,
};

/// 150 requests in each run, of which 25 more open the connections.
const RATE: &str = "1000";
const DURATION: &str = "150ms";
const ALL: usize = 175;

#[expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]
fn server(respond: impl Fn(&ReceivedRequest) -> FakeResponse + Send + Sync + 'static) -> LoopbackServer {
    LoopbackServer::start(respond).expect("a server")
}

/// A machine is late by a part of the latency, so a slow service leaves a busy machine more room.
const SLOW: Duration = Duration::from_millis(100);

fn up() -> LoopbackServer {
    server(|_| FakeResponse::text(200, "text/plain", "hello").delayed(SLOW))
}

/// A step that passes unless requests fail: however busy the machine is, a minute more is allowed.
fn runner(target: &str, baseline: &str) -> Runner {
    Runner::new()
        .input("service", "checkout-service")
        .input("tag", "1.4.2")
        .input("target", target)
        .input("baseline-target", baseline)
        .input("rate", RATE)
        .input("duration", DURATION)
        .input("min-delta", "60s")
        .input("min-ratio", "0.000001")
}

/// The exit code and the verdict. Outputs, report and summary must agree.
fn end(ended: &Ended) -> (i32, &str) {
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    assert!(ended.summary.contains(&ended.outputs["verdict"]), "{}", ended.summary);
    (ended.code, &ended.outputs["verdict"])
}

/// Whether the load was measured. A machine that is too busy to send it says so, and judges nothing.
fn is_measured(ended: &Ended) -> bool {
    let late = ended.outputs["reason"].contains("this machine was late");
    if late {
        assert_eq!(end(ended), (3, "inconclusive"), "{}", ended.log);
    }
    !late
}

#[test]
fn a_target_within_the_limit_passes_after_six_pairs_and_gets_every_request() {
    let counted = Arc::new(AtomicUsize::new(0));
    let handle = Arc::clone(&counted);
    let target = server(move |request| {
        handle.fetch_add(1, Ordering::Relaxed);
        let right = request.method == "GET"
            && request.path == "/shop/cart"
            && request.headers.get("x-key").is_some_and(|key| key == "s3cret");
        FakeResponse::status(if right { 200 } else { 400 }).delayed(SLOW)
    });
    let baseline = up();
    let runner = runner(&format!("{}/shop/cart", target.url()), baseline.url()).input("headers", "X-Key: s3cret");
    let ended = runner.run(&["performance"]);
    let printed = ended.log.lines().filter(|line| !line.starts_with("::add-mask::"));
    let mut printed = printed.chain([ended.summary.as_str()]);
    assert!(
        !printed.any(|text| text.contains("s3cret")) && !ended.report.to_string().contains("s3cret"),
        "{}",
        ended.log
    );
    if !is_measured(&ended) {
        return;
    }
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ended.outputs["pairs"], "6");
    assert_eq!(counted.load(Ordering::Relaxed), 7 * ALL, "the warm-up and six pairs");
    assert!(ended.log.contains("pair 6, target: p99 ") && ended.log.contains(" of 150 requests"), "{}", ended.log);
}

#[test]
fn few_failed_requests_are_in_the_report() {
    let counted = AtomicUsize::new(0);
    let target = server(move |_| {
        let is_bad = counted.fetch_add(1, Ordering::Relaxed) % 100 == 99;
        FakeResponse::status(if is_bad { 503 } else { 200 }).delayed(SLOW)
    });
    let ended = runner(target.url(), up().url()).input("max-error-rate", "5").run(&["performance"]);
    if !is_measured(&ended) {
        return;
    }
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let tables = ended.report["tables"].as_array().expect("tables");
    let failed = tables.iter().find(|table| table["title"] == "Failed requests").expect("the failed ones");
    let row = &failed["rows"][0];
    assert_eq!(row[1], "target", "{failed}");
    assert!(row[2].as_str().is_some_and(|how| how.ends_with(" × status 503")), "{failed}");
}

#[test]
fn failing_requests_block_on_the_target_and_are_inconclusive_on_the_baseline() {
    let failing = server(|_| FakeResponse::status(503));
    let up = up();
    let ended = runner(failing.url(), up.url()).run(&["performance"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(
        ended.outputs["reason"].contains("all 150 requests failed: 150 × status 503"),
        "{}",
        ended.outputs["reason"]
    );
    let ended = runner(up.url(), failing.url()).run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
}

#[test]
fn a_redirect_is_not_the_page() {
    let login = server(|request| match request.path.as_str() {
        "/login" => FakeResponse::status(200),
        _ => FakeResponse::redirect("/login"),
    });
    let ended = runner(login.url(), login.url()).run(&["performance"]);
    assert_eq!(end(&ended), (3, "inconclusive"), "the baseline target is first: {}", ended.log);
    assert!(ended.outputs["reason"].contains("150 × status 302"), "{}", ended.outputs["reason"]);
}

#[test]
fn a_server_that_dies_half_way_blocks() {
    let (to, reached) = channel();
    let counted = AtomicUsize::new(0);
    // In the middle of the third pair.
    let target = server(move |_| {
        if counted.fetch_add(1, Ordering::Relaxed) == 3 * ALL + ALL / 2 {
            // The test may have ended.
            let _ = to.send(());
        }
        FakeResponse::status(200).delayed(SLOW)
    });
    let baseline = up();
    let runner = runner(target.url(), baseline.url());
    let step = runner.start(&["performance"]);
    let killer = thread::spawn(move || {
        reached.recv_timeout(LIMIT).expect("the third pair");
        drop(target);
    });
    let ended = step.end_within(LIMIT);
    killer.join().expect("it has died");
    if !is_measured(&ended) {
        return;
    }
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    let reason = &ended.outputs["reason"];
    assert!(reason.contains("requests failed") && reason.contains("× connection "), "{reason}");
    assert!(!ended.report["tables"].as_array().expect("tables").is_empty(), "the pairs before are in the report");
}

#[test]
fn users_instead_of_a_rate_wait_for_each_response() {
    let (target, baseline) = (up(), up());
    let runner = Runner::new()
        .input("service", "checkout-service")
        .input("target", target.url())
        .input("baseline-target", baseline.url())
        .input("users", "10")
        .input("duration", "250ms")
        .input("min-requests", "1")
        .input("min-delta", "60s")
        .input("min-ratio", "0.000001");
    let ended = runner.run(&["performance"]);
    assert!(ended.log.contains(", 10 users for 250ms in each run"), "{}", ended.log);
    if is_measured(&ended) {
        assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    }
}

#[test]
fn a_signal_ends_the_load_and_leaves_a_report() {
    for signal in [Signal::INT, Signal::TERM] {
        let (to, received) = channel();
        let hanging = server(move |_| {
            // The test may have ended.
            let _ = to.send(());
            FakeResponse::hang()
        });
        let runner = runner(hanging.url(), hanging.url()).input("duration", "1000s");
        let step = runner.start(&["performance"]);
        received.recv_timeout(LIMIT).expect("a request");
        step.signal(signal);
        let ended = step.end_within(SIGNALLED);
        assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
        assert!(ended.log.contains("cancelled by a signal"), "{}", ended.log);
        assert!(ended.report["findings"].to_string().contains("the load test has not ended"), "{}", ended.report);
    }
    assert!(SIGNALLED < Duration::from_secs(1000));
}

#[test]
fn bad_input_is_named_and_nothing_is_sent() {
    let counted = Arc::new(AtomicUsize::new(0));
    let handle = Arc::clone(&counted);
    let target = server(move |_| {
        handle.fetch_add(1, Ordering::Relaxed);
        FakeResponse::status(200)
    });
    let given = || runner(target.url(), target.url());
    for (runner, message) in [
        (given().input("users", "10"), "`rate`, `users`: both are given"),
        (given().input("rate", "5001"), "`rate` (input)"),
        (given().input("rate", "0"), "`rate` (input)"),
        (given().input("baseline", "p99.json"), "`target`, `baseline`: both are given"),
        (given().input("target", "staging:8080"), "`target`: staging:8080"),
        (given().input("baseline-target", "ftp://old"), "`baseline-target`: ftp://old"),
        (Runner::new().input("target", target.url()), "`baseline-target`: not given"),
        (Runner::new().input("rate", "10"), "`target`: not given, and `rate` is"),
        (
            Runner::new().input("results", "p99.json").input("baseline", "p99.json").input("rate", "10"),
            "`rate`: given, and `results` is, without `command`",
        ),
        (given().input("command", "k6 run load.js"), "`rate`: given, and `command` is, too"),
        (
            Runner::new().input("target", target.url()).input("baseline-target", target.url()).input("users", "513"),
            "`users`: 513, without `command`",
        ),
    ] {
        let ended = runner.run(&["performance"]);
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (2, "inconclusive"), "{message}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(message), "{message} in {}", ended.outputs["reason"]);
    }
    assert_eq!(counted.load(Ordering::Relaxed), 0);
}
