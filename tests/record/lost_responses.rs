//! A dispatch whose response is lost or late.

use std::{
    net::TcpListener,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use promote_gates::sandbox::server::LoopbackServer;
use rustix::process::Signal;

use super::*;
use crate::{house::LIMIT, patience::SIGNALLED};

#[test]
fn a_lost_response_is_an_unknown_outcome_and_nothing_is_sent_again() {
    let busy = || FakeResponse::json(502, &json!({ "message": "Server Error" }));
    for (fault, timeout, why, arrived) in [
        (InjectedFault::WithoutEffect(busy()), "10m", "answered 502: Server Error", 0),
        (InjectedFault::AfterEffect(busy()), "10m", "answered 502: Server Error", 1),
        (InjectedFault::AfterEffect(FakeResponse::close()), "10m", "the connection was lost", 1),
        // Long enough for the request to be sent.
        (InjectedFault::WithoutEffect(FakeResponse::hang()), "3s", "no answer within ", 0),
    ] {
        let fake_github = fake_github();
        fake_github.fail_next(fault);
        let ended = record(runner(&fake_github.api_url()).input("timeout", timeout), &passed());
        assert_eq!(end(&ended), (3, "inconclusive", "unknown"), "{}", ended.log);
        for part in [why, "it may have arrived", "look at the runs of acme/ecommerce-infra"] {
            assert!(ended.log.contains(part), "{part} in {}", ended.log);
        }
        assert_eq!((fake_github.requests().len(), fake_github.dispatches(INFRA).len()), (1, arrived), "{}", ended.log);
    }
}

#[test]
fn without_a_connection_it_is_tried_again_until_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ended = record(runner(&url).input("timeout", "1s"), &passed());
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.log.contains("nothing written within 1s: no connection"), "{}", ended.log);
}

/// A server that never responds, and a channel that reports each request.
fn silent_server() -> (LoopbackServer, Receiver<()>) {
    let (sender, received) = mpsc::channel();
    let server = LoopbackServer::start(move |_| {
        let _ = sender.send(());
        FakeResponse::hang()
    });
    (server.unwrap(), received)
}

#[test]
fn a_signal_during_a_request_leaves_a_report() {
    let (server, received) = silent_server();
    let runner = runner(server.url()).input("results", &needs(&outputs(&passed())));
    let step = runner.start(&["record"]);
    received.recv_timeout(LIMIT).unwrap();
    step.signal(Signal::INT);
    // The runner sends SIGTERM 7.5 s later and kills the step after another 2.5 s; `supervise` has tests for its time limits.
    step.signal(Signal::TERM);
    let ended = step.end_within(SIGNALLED);
    assert_eq!(end(&ended), (3, "inconclusive", "unknown"), "{}", ended.log);
    for part in ["sent, not yet answered", "it may have arrived", "cancelled by a signal"] {
        assert!(ended.log.contains(part), "{part} in {}", ended.log);
    }
    assert!(received.try_recv().is_err(), "once");
}

#[test]
fn a_response_after_the_signal_still_counts() {
    let (sender, received) = mpsc::channel();
    let late = LoopbackServer::start(move |_| {
        let _ = sender.send(());
        FakeResponse::status(204).delayed(Duration::from_millis(1500))
    });
    let late = late.unwrap();
    let runner = runner(late.url()).input("results", &needs(&outputs(&passed())));
    let step = runner.start(&["record"]);
    received.recv_timeout(LIMIT).unwrap();
    step.signal(Signal::TERM);
    let ended = step.end_within(SIGNALLED);
    assert_eq!(end(&ended), (0, "passed", "applied"), "{}", ended.log);
}
