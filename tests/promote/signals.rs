//! A cancelled promotion ends in time and reports the outcome of its push.

use std::net::TcpListener;

use rustix::process::Signal;

use super::*;
use crate::{house::LIMIT, patience::SIGNALLED};

#[test]
fn a_signal_between_two_pushes_ends_the_step() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    fs::write(shop.infra.path().join("refs/heads/main.lock"), "").unwrap();
    let pushes = listen(&shop.path("pushes"));
    shop.hook("pre-receive", &format!("echo pushed > '{}'", shop.path("pushes").display()));
    let runner = step(&dir, SERVICE, "1.4.2");
    let step = runner.start(&["promote"]);
    // The step retries.
    for _ in 0..4 {
        pushes.recv_timeout(LIMIT).unwrap();
    }
    step.signal(Signal::TERM);
    let ended = step.end_within(SIGNALLED);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.log.contains("cancelled by a signal"), "{}", ended.log);
    assert_eq!(pushes.try_iter().count(), 0, "nothing more was sent");
    assert_eq!(shop.tip(), shop.first);
    assert_eq!(git(&dir, &["for-each-ref", "refs/promote-gates"]), "");
}

#[test]
fn a_signal_during_a_fetch_ends_the_step() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    git(&dir, &["remote", "set-url", "origin", &format!("http://{}/infra.git", listener.local_addr().unwrap())]);
    let runner = step(&dir, SERVICE, "1.4.2");
    let step = runner.start(&["promote"]);
    // The server accepts the connection and never responds.
    let _connection = listener.accept().unwrap();
    step.signal(Signal::TERM);
    let ended = step.end_within(SIGNALLED);
    assert_eq!(end(&ended), (3, "inconclusive", "refused"), "{}", ended.log);
    assert!(ended.log.contains("cancelled by a signal"), "{}", ended.log);
}

#[test]
fn a_push_that_ends_soon_after_the_signal_is_reported_as_applied() {
    let shop = Shop::new();
    let pushes = listen(&shop.path("pushes"));
    assert!(Command::new("mkfifo").arg(shop.path("gate")).status().unwrap().success());
    let (pipe, gate) = (shop.path("pushes"), shop.path("gate"));
    shop.hook("pre-receive", &format!("echo pushed > '{}'\nread _ < '{}'", pipe.display(), gate.display()));
    let runner = step(&shop.checkout("infra", &[]), SERVICE, "1.4.2");
    let step = runner.start(&["promote"]);
    pushes.recv_timeout(LIMIT).unwrap();
    step.signal(Signal::INT);
    fs::write(gate, "go\n").unwrap();
    let ended = step.end_within(LIMIT);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(shop.log("%H"), [ended.outputs["commit"].clone()]);
}

#[test]
fn a_push_that_hangs_is_unknown_after_a_signal() {
    let shop = Shop::new();
    let pushes = listen(&shop.path("pushes"));
    assert!(Command::new("mkfifo").arg(shop.path("never")).status().unwrap().success());
    let (pipe, never) = (shop.path("pushes"), shop.path("never"));
    shop.hook("pre-receive", &format!("echo pushed > '{}'\nread _ < '{}'", pipe.display(), never.display()));
    let runner = step(&shop.checkout("infra", &[]), SERVICE, "1.4.2");
    let step = runner.start(&["promote"]);
    pushes.recv_timeout(LIMIT).unwrap();
    step.signal(Signal::INT);
    // The runner kills the step ten seconds after its first signal; `supervise` has tests for its time limits.
    let ended = step.end_within(SIGNALLED);
    assert_eq!(end(&ended), (3, "inconclusive", "unknown"), "{}", ended.log);
    assert!(ended.log.contains("cancelled by a signal"), "{}", ended.log);
    assert_eq!(pushes.try_iter().count(), 0, "nothing more was sent");
    assert_eq!(shop.tip(), shop.first);
}
