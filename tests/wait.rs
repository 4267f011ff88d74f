//! `wait` against a fake GitHub, a ledger and services on loopback: what blocks a promotion, and what does not.

mod batch;
mod stopped;
pub mod story;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use promote_gates::{
    clock::{Clock as _, SystemClock},
    finding::Finding,
    report::{Outcome, Report, compact::compact},
    sandbox::{
        github::InjectedFault,
        server::FakeResponse,
        staging::{ResponseScript, Staging},
    },
    values::HumanDuration,
};
use serde_json::json;

use crate::{
    approval::{BLOCKED, INCONCLUSIVE, INFRA, PASSED, SUBJECT, Stage, TOKEN, end, evidence, finding, needs, noon_plus},
    house::{Ended, Runner},
    patience::with_enough_time,
};

const READY: &str = "/checkout-service/health/ready";

fn now() -> Timestamp {
    SystemClock::new().wall()
}

fn stage() -> Stage {
    let stage = Stage::new();
    stage.fake_github.grant(TOKEN, INFRA, &["issues=read"]);
    stage
}

/// `toJSON(needs)` and `toJSON(steps)` after an approval at that time.
fn results(approved_at: Timestamp) -> String {
    let mut report = Report { command: "approval".to_owned(), ..evidence(&[]) };
    let outputs = [("approved-at", approved_at.to_string())].into();
    report.close(Ok(Outcome { outputs, ..vec![Finding::passed("approval")].into() }), approved_at.to_string());
    let steps = json!({ "approval": { "outputs": { "report": compact(&report, "").text }, "outcome": "success" } });
    format!("{}\n{steps}\n", needs(&evidence(&[])))
}

/// The step of run 7, approved just now. It checks ten times a second, waits for longer than any test, and then retries for as
/// long again.
fn step(stage: &Stage) -> Runner {
    Runner::new()
        .env("GITHUB_API_URL", &stage.fake_github.api_url())
        .env("GITHUB_REPOSITORY", INFRA)
        .input("checkout", &stage.checkout().display().to_string())
        .input("subject", SUBJECT)
        .input("token", TOKEN)
        .input("results", &results(now()))
        .input("duration", "10m")
        .input("interval", "100ms")
        .input("timeout", "10m")
}

fn checked(stage: &Stage, ended: Ended) -> Ended {
    assert_eq!(stage.fake_github.violations(), Vec::<String>::new(), "{}", ended.log);
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    let log = ended.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect::<Vec<_>>().join("\n");
    for place in [&log, &ended.summary, &format!("{:?}", ended.outputs), &ended.report.to_string()] {
        assert!(!place.contains(TOKEN), "{place}");
    }
    ended
}

fn judge(stage: &Stage, step: &Runner) -> Ended {
    checked(stage, step.run(&["wait"]))
}

#[test]
fn the_wait_passes_after_its_time_without_a_hold_or_a_failure() {
    let (stage, staging) = (stage(), Staging::start().unwrap());
    staging.deploy("checkout-service", "1.4.2");
    // A closed issue, an issue with another label and a pull request are no holds.
    let closed = stage.fake_github.open_issue(INFRA, "the sale", "", &["promotion-hold"]);
    stage.fake_github.close_issue(INFRA, closed);
    stage.fake_github.open_issue(INFRA, "a bug", "", &["bug"]);
    stage.fake_github.open_pull_request(INFRA, "a change", "", &["promotion-hold"]);
    let endpoint = format!("{}{READY}", staging.url());
    let lines = |ended: &Ended| ended.log.lines().filter(|line| line.contains(" left, until ")).count();
    // The wait counts from the approval an hour ago; counted from now it would not end.
    let attempt = |left: &str| {
        let approved_at = now() - SignedDuration::from_hours(1);
        let duration = HumanDuration(Duration::from_hours(1) + left.parse::<HumanDuration>().unwrap().0).to_string();
        let step = step(&stage).input("results", &results(approved_at)).input("duration", &duration);
        (judge(&stage, &step.input("endpoints", &endpoint)), duration)
    };
    let (ended, duration) = with_enough_time(Duration::from_millis(500), attempt, |(ended, _)| lines(ended) >= 2);
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert!(lines(&ended) >= 2, "{}", ended.log);
    assert!(ended.log.contains("no hold, no newer promotion, 1 of 1 endpoints healthy"), "{}", ended.log);
    assert!(ended.log.contains("the time is over: looking once more"), "{}", ended.log);
    let expected = finding(&ended, "time")["expected"].as_str().unwrap();
    assert!(expected.starts_with(&format!("{duration} since the approval at ")), "{expected}");
}

#[test]
fn a_wait_that_is_already_over_checks_once() {
    let stage = stage();
    // Reading the ledger takes longer than reading the holds; the holds are not read again meanwhile.
    let step = || step(&stage).input("results", &results(noon_plus(0))).input("interval", "1h");
    let ended = judge(&stage, &step());
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert_eq!(stage.fake_github.requests().len(), 1, "{:?}", stage.fake_github.requests());
    assert_eq!(finding(&ended, "time")["actual"], "over since 2026-01-01 12:10 UTC");
    stage.fake_github.open_issue(INFRA, "the sale", "", &["promotion-hold"]);
    assert_eq!(end(&judge(&stage, &step())), BLOCKED);
}

#[test]
fn without_an_approval_time_the_wait_counts_from_now() {
    let stage = stage();
    for (results, words) in [
        (String::new(), "no report of a passed `approval` says when it was"),
        (results(now() + SignedDuration::from_hours(1)), "is in the future"),
        // The report of another run does not count.
        (results(noon_plus(0)).replace("\\\"id\\\":7", "\\\"id\\\":8"), "no report of a passed `approval`"),
    ] {
        let step = step(&stage).input("results", &results).input("duration", "300ms");
        let (begun, ended) = (now(), judge(&stage, &step));
        assert_eq!(end(&ended), PASSED, "{}", ended.log);
        assert!(now().duration_since(begun) >= SignedDuration::from_millis(300));
        assert!(ended.log.contains("counted from now") && ended.log.contains(words), "{words}: {}", ended.log);
    }
}

#[test]
fn a_failed_check_is_retried_and_never_passes() {
    let step = |stage: &Stage| step(stage).input("duration", "400ms").input("interval", "50ms");
    // A check that is still running at the end of the wait does not count, so both must end before.
    let attempt = |time: &str| {
        let stage = stage();
        stage.fake_github.fail_at("/issues", 2, InjectedFault::WithoutEffect(FakeResponse::status(502)));
        judge(&stage, &step(&stage).input("duration", time))
    };
    let both_counted =
        |ended: &Ended| finding(ended, "hold")["actual"].as_str().is_some_and(|actual| actual.contains("(2 of "));
    let ended = with_enough_time(Duration::from_millis(400), attempt, both_counted);
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert!(ended.log.contains("holds not seen: GitHub's API: 502"), "{}", ended.log);
    assert!(both_counted(&ended), "{}", ended.log);
    let stage = stage();
    // Without the permission there may be an unseen hold. The step retries until its timeout, which must be long enough for one
    // attempt.
    stage.fake_github.grant("ghs_less", INFRA, &["contents=read"]);
    for (key, value, words) in [
        ("token", "ghs_less", "the token needs Issues: read on acme/infra"),
        ("branch", "gone", "no branch gone"),
        ("endpoints", "http://does-not-exist.invalid/", "no address"),
    ] {
        let attempt = |time: &str| judge(&stage, &step(&stage).input(key, value).input("timeout", time));
        let says_why = |ended: &Ended| ended.outputs["reason"].contains(words);
        let ended = with_enough_time(Duration::from_millis(300), attempt, says_why);
        assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
        assert!(says_why(&ended), "{words}: {}", ended.log);
    }
}

#[test]
fn an_endpoint_that_fails_once_or_twice_in_a_row_is_tolerated() {
    let (stage, staging) = (stage(), Staging::start().unwrap());
    let [up, down] = [200, 503].map(FakeResponse::status);
    let [a, b, c, d] = [up.clone(), down.clone(), down, up];
    staging.script(READY, ResponseScript::sequence([a, b, c, d]));
    // The wait is over at the start: only the checks after it run.
    let step = step(&stage).input("results", &results(noon_plus(0))).input("interval", "20ms");
    staging.script("/other", ResponseScript::sequence([503, 503, 200].map(FakeResponse::status)));
    let ended = judge(&stage, &step.input("endpoints", &format!("{0}{READY}\n{0}/other", staging.url())));
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert!(ended.log.contains("/other: 503 after "), "{}", ended.log);
}

#[test]
fn invalid_settings_are_bad_input() {
    let stage = stage();
    for (key, value, words) in [
        ("duration", "43201m", "at most 43200 minutes"),
        ("duration", "0", "a duration over 0"),
        ("duration", "ten minutes", "at most 43200 minutes"),
        ("interval", "0", "a duration over 0"),
        ("consecutive", "0", "from 1 to 1000"),
        ("hold-label", "a,b", "no comma"),
        ("endpoints", "shop.example", "https://"),
        ("token", "", "`token`: not given"),
        ("subject", r#"{"service":"checkout-service"}"#, "`environment`: not given"),
        ("subject", r#"{"environment":"production"}"#, "`service`: not given"),
        ("results", "[]", "toJSON(needs)"),
        ("checkout", "/nonexistent", "`checkout`"),
    ] {
        for dry_run in ["false", "true"] {
            let ended = judge(&stage, &step(&stage).input(key, value).input("dry-run", dry_run));
            assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (2, "inconclusive"), "{key}: {}", ended.log);
            assert!(ended.log.contains(words), "{key}: {words}: {}", ended.log);
        }
    }
    assert_eq!(stage.fake_github.requests(), []);
}
