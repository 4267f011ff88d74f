//! Approvals that do not count, unobservable facts and bad input.

use std::time::Duration;

use super::*;
use crate::patience::with_enough_time;
use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};

#[test]
fn a_run_without_an_approval_is_blocked() {
    let stage = Stage::new();
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(finding(&ended, "approval")["actual"].as_str().unwrap().contains("bypassed"), "{}", ended.log);
    assert_eq!(ended.outputs.get("approver"), None);
    // Without a protection rule GitHub starts the job without a review.
    stage.fake_github.protect(INFRA, "production", &json!({}));
    let ended = stage.judge(&stage.step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    let protection = finding(&ended, "protection of production");
    assert!(protection["actual"].as_str().unwrap().contains("no required reviewers"), "{protection}");
    assert!(protection["next"].as_str().unwrap().contains("`environments` with `mode: apply`"), "{protection}");
    // An approval does not replace the missing protection.
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    assert_eq!(end(&stage.judge(&stage.step())), BLOCKED);
    // The environment does not exist.
    let ended = stage.judge(&stage.step().input("github-environment", "produktion"));
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(ended.log.contains("the environment does not exist"), "{}", ended.log);
}

#[test]
fn participants_bots_and_rejections_do_not_count() {
    for (by, excluded, words) in [
        (&["mallory"][..], "", "mallory had a part in it"),
        (&["Mallory"], "", "Mallory had a part in it"),
        (&["alice"], "carol\nALICE", "alice had a part in it"),
        (&["deployer[bot]"], "", "approved by deployer[bot] (a bot)"),
        (&["!bob"], "", "rejected by bob"),
        (&["alice", "!bob"], "", "rejected by bob, approved by alice"),
    ] {
        let stage = Stage::new();
        for by in by {
            match by.strip_prefix('!') {
                Some(by) => stage.fake_github.reject(INFRA, 7, "production", by, "not today"),
                None => stage.fake_github.approve(INFRA, 7, "production", by, ""),
            }
        }
        let ended = stage.judge(&stage.step().input("excluded", excluded));
        assert_eq!(end(&ended), BLOCKED, "{by:?}: {}", ended.log);
        assert!(ended.log.contains(words), "{words}: {}", ended.log);
    }
}

#[test]
fn independence_can_be_waived_and_is_inconclusive_without_evidence() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "mallory", "");
    let ended = stage.judge(&stage.step().input("independent", "false").input("results", ""));
    assert_eq!((end(&ended), ended.outputs["approver"].as_str()), (PASSED, "mallory"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("`independent: false`"), "{:?}", ended.outputs);
    let other_tag = SUBJECT.replace("1.4.2", "1.4.3").parse().unwrap();
    let mut nameless = evidence(&[]);
    nameless.outputs.remove("excluded");
    for (results, words) in [
        (String::new(), "evidence: no report of it"),
        (needs(&Report { dry_run: true, ..evidence(&[]) }), "dry-run"),
        (needs(&Report { subject: other_tag, ..evidence(&[]) }), "about another subject"),
        (needs(&Report { run: None, ..evidence(&[]) }), "of another workflow run"),
        (needs(&Report { verdict: Verdict::Inconclusive, ..evidence(&[]) }), "inconclusive"),
        (needs(&nameless), "does not name who had a part in the release"),
    ] {
        let ended = stage.judge(&stage.step().input("results", &results));
        assert_eq!(end(&ended), INCONCLUSIVE, "{words}: {}", ended.log);
        assert!(ended.log.contains(words), "{words}: {}", ended.log);
    }
}

#[test]
fn a_second_attempt_is_blocked_until_its_evidence_is_committed() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let again =
        FakeRun { id: 7, attempt: 2, path: WORKFLOW.to_owned(), created_at: noon_plus(-60), ..FakeRun::default() };
    stage.fake_github.set_run(INFRA, again.in_progress());
    stage.start_attempt(2, 20);
    let step = || stage.step().env("GITHUB_RUN_ATTEMPT", "2");
    let ended = stage.judge(&step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(finding(&ended, "attempt")["next"].as_str().unwrap().starts_with("dispatch again"), "{}", ended.log);
    stage.commit(&format!("Service: checkout-service\nEvidence: {}", "f".repeat(64)), 5);
    assert_eq!(end(&stage.judge(&step())), BLOCKED, "another evidence");
    stage.claim(&format!("Service: checkout-service\nEvidence: {EVIDENCE}\nApproved-by: alice"), 9);
    assert_eq!(end(&stage.judge(&step())), BLOCKED, "a message alone commits nothing");
    stage.commit(&format!("Service: checkout-service\nEvidence: {EVIDENCE}\nApproved-by: alice"), 10);
    let ended = stage.judge(&step());
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert!(finding(&ended, "attempt")["waived"].as_str().unwrap().contains("committed already"));
}

#[test]
fn a_second_attempt_counts_if_its_job_was_skipped_before() {
    let stage = Stage::new();
    let skipped = FakeJob { conclusion: Some("skipped".to_owned()), ..completed_job("promote", -60) };
    stage.fake_github.set_job(INFRA, 7, 1, FakeJob { runner_name: None, ..skipped });
    stage.fake_github.set_deployment(INFRA, "production", FakeDeployment { states: vec![], ..stage.own_deployment() });
    let again =
        FakeRun { id: 7, attempt: 2, path: WORKFLOW.to_owned(), created_at: noon_plus(-60), ..FakeRun::default() };
    stage.fake_github.set_run(INFRA, again.in_progress());
    stage.start_attempt(2, 20);
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let step = || stage.step().env("GITHUB_RUN_ATTEMPT", "2");
    let ended = stage.judge(&step());
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert_eq!(ended.outputs["approved-at"], "2026-01-01T12:20:00Z");
    assert_eq!(finding(&ended, "attempt")["waived"], Value::Null);
    // It waited in the first attempt: the approval may be from then.
    stage.fake_github.set_deployment(INFRA, "production", stage.own_deployment());
    let ended = stage.judge(&step());
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    assert!(finding(&ended, "attempt")["actual"].as_str().unwrap().contains("of an earlier attempt waited"));
}

#[test]
fn a_ledger_without_the_file_of_the_service_is_inconclusive() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let elsewhere = stage.step().input("file", "deploy/{environment}/{service}.yaml").input("timeout", "1s");
    let ended = stage.judge(&elsewhere);
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(ended.log.contains("is one that"), "{}", ended.log);
}

#[test]
fn an_unobservable_fact_is_inconclusive_and_the_missing_permission_is_named() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    stage.fake_github.grant("ghs_less", INFRA, &["contents=read"]);
    // The step retries until its timeout, which must be long enough for one attempt.
    let inconclusive = |words: &str, step: &dyn Fn() -> Runner| {
        let attempt = |time: &str| stage.judge(&step().input("timeout", time));
        let ended = with_enough_time(Duration::from_millis(300), attempt, |ended| ended.log.contains(words));
        assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
        assert!(ended.log.contains(words), "{words}: {}", ended.log);
    };
    inconclusive("the token needs Actions: read on acme/infra", &|| stage.step().input("token", "ghs_less"));
    stage.fake_github.grant("ghs_other", INFRA, &["contents=read", "actions=read"]);
    inconclusive("the token needs Deployments: read on acme/infra", &|| stage.step().input("token", "ghs_other"));
    // A branch that does not exist, and two jobs of which either may be this one.
    inconclusive("no branch gone", &|| stage.step().input("branch", "gone"));
    stage.fake_github.set_job(INFRA, 7, 1, running_job("other", 1));
    inconclusive("in progress: promote, other", &|| stage.step());
    let ended = Runner::new().env("GITHUB_RUN_ID", "").input("github-environment", "production").input("token", TOKEN);
    assert_eq!(end(&ended.run(&["approval"])), INCONCLUSIVE);
}

#[test]
fn a_failed_request_is_retried() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    stage.fake_github.fail_at("/approvals", 1, InjectedFault::WithoutEffect(FakeResponse::status(502)));
    // The timeout allows up to twelve attempts, a second apart.
    let ended = stage.judge(&stage.step().input("timeout", "12s"));
    assert_eq!(end(&ended), PASSED, "{}", ended.log);
    assert!(ended.log.contains("not seen: GitHub's API: 502"), "{}", ended.log);
}

#[test]
fn invalid_settings_are_bad_input() {
    let stage = Stage::new();
    for (key, value, words) in [
        ("github-environment", "", "`github-environment`: not given"),
        ("github-environment", "../x", "an environment name"),
        ("token", "", "`token`: not given"),
        ("independent", "yes", "one of true, True, TRUE"),
        ("excluded", "@alice", "a GitHub login"),
        ("max-approvals", "0", "from 1 to 1000"),
        ("window", "0", "over 0"),
        ("window", "25h", "at most 24 hours"),
        ("min-review-time", "0", "over 0"),
        ("require-comment", "yes", "one of true, True, TRUE"),
        ("results", "[]", "toJSON(needs)"),
        ("checkout", "/nonexistent", "`checkout`"),
        ("remote", "upstream", "`remote`"),
    ] {
        let ended = stage.judge(&stage.step().input(key, value));
        assert_eq!((ended.code, ended.outputs["verdict"].as_str()), (2, "inconclusive"), "{key}: {}", ended.log);
        assert!(ended.log.contains(words), "{key}: {words}: {}", ended.log);
    }
    assert_eq!(stage.fake_github.requests(), []);
}

#[test]
fn a_second_attempt_whose_jobs_are_not_seen_is_not_said_to_be_the_first() {
    let stage = Stage::new();
    stage.fake_github.approve(INFRA, 7, "production", "alice", "");
    let again =
        FakeRun { id: 7, attempt: 2, path: WORKFLOW.to_owned(), created_at: noon_plus(-60), ..FakeRun::default() };
    stage.fake_github.set_run(INFRA, again.in_progress());
    stage.start_attempt(2, 20);
    let attempt = |time: &str| {
        let busy = FakeResponse::json(502, &json!({ "message": "Server Error" }));
        let path = "/repos/acme/infra/actions/runs/7/attempts/2/jobs";
        stage.fake_github.fail_at(path, 1_000_000, InjectedFault::WithoutEffect(busy));
        stage.judge(&stage.step().env("GITHUB_RUN_ATTEMPT", "2").input("timeout", time))
    };
    let says_why = |ended: &Ended| finding(ended, "attempt").to_string().contains("502");
    let ended = with_enough_time(Duration::from_millis(500), attempt, says_why);
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert_eq!(finding(&ended, "attempt")["verdict"], "inconclusive", "{}", ended.log);
}
