//! Unobservable facts never pass, and the missing permission is named.

use std::{collections::BTreeSet, thread, time::Duration};

use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};
use rustix::process::Signal;

use super::*;
use crate::{
    house::LIMIT,
    patience::{SIGNALLED, with_enough_time},
};

#[test]
fn a_missing_permission_is_named() {
    for (permissions, check, parts) in [
        (&["checks=read", "contents=read"][..], "validating run", &["403", "Actions: read on acme/shop"][..]),
        (&["actions=read", "contents=read"], "health", &["403", "Checks: read on acme/shop"]),
        (&["actions=read", "checks=read"], "commits", &["403", "Contents: read on acme/shop"]),
        (
            &["actions=read", "checks=read", "contents=read"],
            "people",
            &["FORBIDDEN", "Contents and Pull requests: read on acme/shop"],
        ),
    ] {
        let stage = Stage::new();
        stage.fake_github.grant("narrow", SHOP, permissions);
        // A missing permission is not waited for: ten minutes would exceed the test's limit.
        let runner = stage.runner().input("source-token", "narrow").input("annotations-timeout", "10m");
        let ended = dispatched(runner, &stage.payload()).run(&["evidence"]);
        assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
        let finding = found(&ended, check);
        assert_eq!(finding["verdict"], "inconclusive");
        for part in parts {
            assert!(finding.to_string().contains(part), "{part} in {finding}");
        }
    }
}

/// GitHub answers 404 for a repository that the token cannot see, so 404 does not prove that it does not exist.
#[test]
fn a_repository_that_the_token_cannot_see_is_inconclusive() {
    for token in ["stranger", ""] {
        let stage = Stage::new();
        stage.fake_github.create("acme/elsewhere");
        stage.fake_github.grant("stranger", "acme/elsewhere", &["actions=read"]);
        let ended = dispatched(stage.runner().input("source-token", token), &stage.payload()).run(&["evidence"]);
        assert_eq!(end(&ended), (3, "inconclusive"), "{token}: {}", ended.log);
        let run = found(&ended, "validating run").to_string();
        assert!(run.contains("Actions and Contents: read on acme/shop") || run.contains("401"), "{run}");
    }
}

#[test]
fn a_failed_request_is_inconclusive() {
    for (path, check) in [
        ("/repos/acme/shop/actions/runs/7", "validating run"),
        ("/repos/acme/shop/actions/runs/41", "deploy run"),
        ("/repos/acme/shop/actions/runs/7/attempts/1/jobs", "health"),
        ("/annotations", "health"),
        ("/repos/acme/shop/compare/", "commits"),
        ("/repos/acme/shop/compare/", "branch"),
        ("/repos/acme/shop/git/ref/heads/main", "branch"),
        ("/repos/acme/shop/git/ref/tags/", "commits"),
        ("POST /graphql CommitPeople", "people"),
    ] {
        // The time has to be enough for the reads before this one.
        let attempt = |time: &str| {
            let stage = Stage::new();
            let busy = FakeResponse::json(502, &json!({ "message": "Server Error" }));
            stage.fake_github.fail_at(path, 1_000_000, InjectedFault::WithoutEffect(busy));
            dispatched(stage.runner().input("timeout", time), &stage.payload()).run(&["evidence"])
        };
        let says_why = |ended: &Ended| found(ended, check).to_string().contains("502");
        let ended = with_enough_time(Duration::from_millis(500), attempt, says_why);
        assert_eq!(end(&ended), (3, "inconclusive"), "{path}: {}", ended.log);
        let finding = found(&ended, check);
        assert_eq!(finding["verdict"], "inconclusive", "{path}: {finding}");
        assert!(finding.to_string().contains("502"), "{path}: {finding}");
    }
}

/// A new approval would be the price of one busy moment of GitHub's.
#[test]
fn one_failure_of_any_read_is_survived() {
    let patient = |stage: &Stage| {
        let runner = stage.runner().input("annotations-timeout", "2m").input("timeout", "2m");
        dispatched(runner, &stage.payload()).run(&["evidence"])
    };
    let stage = Stage::new();
    assert_eq!(end(&patient(&stage)), (0, "passed"));
    let requests = stage.fake_github.requests();
    let paths: BTreeSet<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    assert!(paths.len() > 8, "{paths:?}");
    thread::scope(|scope| {
        for path in paths {
            scope.spawn(move || {
                let stage = Stage::new();
                let busy = FakeResponse::json(502, &json!({ "message": "Server Error" }));
                stage.fake_github.fail_at(path, 1, InjectedFault::WithoutEffect(busy));
                let ended = patient(&stage);
                assert_eq!(end(&ended), (0, "passed"), "{path}: {}", ended.log);
            });
        }
    });
}

#[test]
fn late_annotations_are_awaited() {
    let stage = Stage::new();
    let late = Report { started_at: rfc3339(ago(7)), ..report("smoke", Verdict::Passed) };
    let job = stage.job("smoke", "success", None);
    stage.fake_github.remove_annotations(SHOP, job);
    let stage = Stage { reports: vec![stage.reports[0].clone(), late.clone(), stage.reports[2].clone()], ..stage };
    let runner = dispatched(stage.runner().input("annotations-timeout", "10m"), &stage.payload());
    let step = runner.start(&["evidence"]);
    let path = format!("/repos/acme/shop/check-runs/{job}/annotations");
    assert!(stage.fake_github.wait_for_requests(&path, 1, LIMIT), "{:?}", stage.fake_github.requests());
    stage.annotate(job, &late);
    let ended = step.end_within(LIMIT);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}

/// All reports are announced, and a job has ended just now: GitHub may not show its notice yet.
#[test]
fn a_late_notice_that_counts_against_the_payload_is_awaited() {
    let stage = Stage::new();
    let leg = FakeJob { completed_at: Some(ago(0)), ..FakeJob::ended("health (us)", "success") };
    let job = stage.fake_github.set_job(SHOP, 7, 1, leg);
    let runner = dispatched(stage.runner().input("annotations-timeout", "10m"), &stage.payload());
    let step = runner.start(&["evidence"]);
    let path = format!("/repos/acme/shop/check-runs/{job}/annotations");
    assert!(stage.fake_github.wait_for_requests(&path, 1, LIMIT), "{:?}", stage.fake_github.requests());
    stage.annotate(job, &Report { started_at: rfc3339(ago(7)), ..report("health", Verdict::Blocked) });
    let ended = step.end_within(LIMIT);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(ended.log.contains("job `health (us)` announced health: blocked"), "{}", ended.log);
}

#[test]
fn a_signal_during_the_wait_ends_it_with_the_findings_so_far() {
    let stage = Stage::new();
    stage.fake_github.set_job(SHOP, 7, 1, FakeJob::running("smoke", "GitHub Actions 2"));
    let runner = dispatched(stage.runner().input("annotations-timeout", "10m"), &stage.payload());
    let step = runner.start(&["evidence"]);
    let jobs = "/repos/acme/shop/actions/runs/7/attempts/1/jobs";
    assert!(stage.fake_github.wait_for_requests(jobs, 1, LIMIT), "{:?}", stage.fake_github.requests());
    step.signal(Signal::INT);
    let ended = step.end_within(SIGNALLED);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.log.contains("cancelled by a signal") && ended.log.contains("source repository"), "{}", ended.log);
}

#[test]
fn annotations_of_long_ended_jobs_are_not_awaited() {
    let mut stage = Stage::new();
    stage.reports[1] = Report { started_at: rfc3339(ago(7)), ..report("smoke", Verdict::Passed) };
    stage.fake_github.set_run(SHOP, validating_run());
    stage.job("record", "success", None);
    // The timeout exceeds the test's limit, so the step must not wait.
    let ended = dispatched(stage.runner().input("annotations-timeout", "3m"), &stage.payload()).run(&["evidence"]);
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(found(&ended, "smoke")["verdict"], "blocked");
}
