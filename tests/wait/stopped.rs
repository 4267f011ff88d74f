//! Events that end the wait at once.

use rustix::process::Signal;

use super::*;
use crate::{approval::superseded::evidence_notice, house::LIMIT, patience::SIGNALLED};

/// Runs the step, and calls `happens` after its first request for holds.
fn meanwhile(stage: &Stage, step: &Runner, happens: impl FnOnce()) -> Ended {
    let started = step.start(&["wait"]);
    assert!(
        stage.fake_github.wait_for_requests("GET /repos/acme/infra/issues", 2, LIMIT),
        "it reads the holds repeatedly"
    );
    happens();
    checked(stage, started.end_within(LIMIT))
}

#[test]
fn a_hold_blocks_at_once() {
    let stage = stage();
    let ended = meanwhile(&stage, &step(&stage), || {
        stage.fake_github.open_issue(INFRA, "the sale ::error::x", "", &["Promotion-Hold", "other"]);
    });
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    let hold = finding(&ended, "hold");
    assert!(
        hold["actual"].as_str().unwrap().starts_with("issue #1 \"the sale ::error::x\" by octocat holds all"),
        "{hold}"
    );
    assert!(ended.log.contains("/issues/1"), "{}", ended.log);
    // The hold is older than the run, and its label is a setting.
    assert_eq!(end(&judge(&stage, &step(&stage))), BLOCKED);
    stage.fake_github.open_issue(INFRA, "freeze", "", &["freeze"]);
    assert_eq!(end(&judge(&stage, &step(&stage).input("hold-label", "freeze"))), BLOCKED);
    let ended = judge(&stage, &step(&stage).input("dry-run", "true"));
    assert_eq!(end(&ended), (0, "blocked"), "{}", ended.log);
}

#[test]
fn a_newer_promotion_blocks_at_once() {
    let newer = [
        "Service: checkout-service\nPromotion-kind: emergency",
        "Service: checkout-service\nPromotion-kind: rollback",
        "Service: checkout-service\nValidated-at: 2026-01-01T11:00:00Z",
    ];
    for trailers in newer {
        let stage = stage();
        let ended = meanwhile(&stage, &step(&stage), || stage.commit(trailers, -5));
        assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
        let found = finding(&ended, "supersession")["actual"].as_str().unwrap();
        assert!(
            found.starts_with("ghcr.io/acme/checkout-service:2.0.1 came by ") && found.contains("2026-01-01T11:55:00Z"),
            "{found}"
        );
    }
    // This release was validated at 10:30.
    let stage = stage();
    for trailers in [
        "Service: checkout-service\nValidated-at: 2026-01-01T10:29:00Z",
        "Service: checkout-service\nValidated-at: 2026-01-01T10:30:00Z",
        "Service: frontend\nPromotion-kind: emergency",
        "Service: checkout-service\nPromotion-kind: emergency\nEnvironment: staging",
    ] {
        stage.commit(trailers, -5);
    }
    stage.claim("Service: checkout-service\nPromotion-kind: emergency", -5);
    stage.commit("Service: checkout-service\nPromotion-kind: emergency", -91);
    let ended = judge(&stage, &step(&stage).input("results", &results(noon_plus(0))));
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
}

#[test]
fn an_endpoint_that_fails_in_a_row_blocks_at_once() {
    let (stage, staging) = (stage(), Staging::start().unwrap());
    staging.deploy("checkout-service", "1.4.2");
    let step = step(&stage).input("endpoints", &format!("{}{READY}", staging.url()));
    let ended = meanwhile(&stage, &step, || staging.set_ready("checkout-service", false));
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    let reason = &ended.outputs["reason"];
    assert!(reason.contains(": 503 after ") && reason.contains("3 times in a row"), "{reason}");
}

#[test]
fn a_signal_ends_the_wait_without_passing() {
    for signal in [Signal::INT, Signal::TERM] {
        let stage = stage();
        let step = step(&stage);
        let started = step.start(&["wait"]);
        assert!(stage.fake_github.wait_for_requests("GET /repos/acme/infra/issues", 1, LIMIT));
        started.signal(signal);
        let ended = checked(&stage, started.end_within(SIGNALLED));
        assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
        assert!(ended.log.contains("cancelled by a signal"), "{}", ended.log);
        let wait = finding(&ended, "time");
        assert!(
            wait["verdict"] == "inconclusive" && wait["actual"].as_str().unwrap().contains(" left, until "),
            "{wait}"
        );
        assert!(ended.summary.contains("inconclusive"), "{}", ended.summary);
    }
}

#[test]
fn a_signal_ends_the_wait_while_no_server_answers() {
    let (stage, staging) = (stage(), Staging::start().unwrap());
    stage.fake_github.fail_at("/issues", usize::MAX, InjectedFault::WithoutEffect(FakeResponse::hang()));
    staging.script(READY, ResponseScript::always(FakeResponse::hang()));
    let step = step(&stage).input("endpoints", &format!("{}{READY}", staging.url()));
    let started = step.start(&["wait"]);
    assert!(stage.fake_github.wait_for_requests("/issues", 1, LIMIT));
    started.signal(Signal::INT);
    let ended = checked(&stage, started.end_within(SIGNALLED));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
}

#[test]
fn a_newer_validation_blocks_at_once() {
    let stage = stage();
    stage.fake_github.grant(TOKEN, INFRA, &["actions=read", "checks=read", "contents=read", "issues=read"]);
    let newer = SUBJECT.replace("1.4.2", "1.4.3");
    let step = || step(&stage).input("superseded-by", "validation");
    let ended = meanwhile(&stage, &step(), || {
        stage.validated(9, 5, "promote-gates", &evidence_notice(&newer, "passed", false));
    });
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    let found = finding(&ended, "supersession");
    assert!(found["actual"].as_str().unwrap().starts_with("checkout-service 1.4.3 in production"), "{found}");
    // Only newer promotions count by default.
    let ended = judge(&stage, &self::step(&stage).input("results", &results(noon_plus(0))));
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
}
