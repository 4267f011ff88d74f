//! The reason of a report is the cause, and not one of its consequences.

use super::{proofs::SignedStage, *};

/// Asserts that the reason begins with the cause, and that the next step is said.
fn assert_reason(ended: &Ended, code: i32, reason: &str, next: &str) {
    assert_eq!(ended.code, code, "{reason}: {}", ended.log);
    assert!(ended.outputs["reason"].starts_with(reason), "{reason}: {}", ended.log);
    let first = &ended.report["findings"][0]["next"];
    assert!(first.as_str().is_some_and(|text| text.contains(next)), "{next} in {first}");
}

#[test]
fn a_token_without_access_is_the_reason() {
    let hidden = "validating run: source repository: GitHub does not show acme/shop to this token";
    for (token, reason, next) in [
        ("stranger", hidden, "give a `source-token` with Actions and Contents: read on acme/shop"),
        ("wrong", "validating run: GitHub's API: 401 Bad credentials", "the token is wrong, expired or revoked"),
        (
            "contents",
            "validating run: GitHub's API: 403 Resource not accessible",
            "the token needs Actions: read on acme/shop",
        ),
    ] {
        let signed = SignedStage::new();
        let github = &signed.stage.fake_github;
        github.create("acme/elsewhere");
        github.grant("stranger", "acme/elsewhere", &["actions=read"]);
        github.grant("contents", SHOP, &["contents=read"]);
        for proof in ["required", "annotations"] {
            let runner = signed.runner().input("source-token", token).input("proof", proof);
            let ended = dispatched(runner, &signed.signed(&signed.claims())).run(&["evidence"]);
            assert_reason(&ended, 3, reason, next);
        }
    }
}

#[test]
fn a_renamed_repository_is_the_reason() {
    let renamed = || {
        let stage = Stage::new();
        stage.fake_github.rename(SHOP, "acme/store");
        stage.fake_github.grant(TOKEN, "acme/store", &["actions=read", "checks=read", "contents=read"]);
        stage
    };
    let stage = renamed();
    // It was renamed after the dispatch.
    let reason = "validating run: GitHub's API: 301 Moved Permanently: acme/shop is acme/store now";
    assert_reason(&stage.run(), 3, reason, "write acme/store where the old name is given");
    // It was renamed before.
    let new_name = |name: &str| {
        let mut payload = stage.payload();
        payload["evidence"]["run"]["repository"] = json!(name);
        dispatched(stage.runner(), &payload).run(&["evidence"])
    };
    let reason = "source repository: acme/store, and GitHub renamed acme/shop to it";
    assert_reason(&new_name("acme/store"), 1, reason, "write acme/store into `repository` of the service");
    assert_reason(
        &new_name("mallory/shop"),
        1,
        "source repository: mallory/shop; expected acme/shop",
        "do not approve",
    );
}

#[test]
fn a_matrix_that_overwrites_its_outputs_is_the_reason() {
    const NEXT: &str = "a matrix keeps the outputs of its last leg only";
    // Signed: the payload has one report of two legs.
    let signed = SignedStage::new();
    let claims = signed.claims();
    signed.stage.fake_github.remove_jobs(SHOP, 7);
    for name in ["health", "smoke (eu)", "smoke (us)", "performance"] {
        signed.stage.job(name, "success", None);
    }
    let record = signed.stage.job("record", "success", None);
    let mut claims = claims;
    claims["check_run_id"] = json!(record.to_string());
    let reason = "smoke: 2 legs of a matrix ran smoke, as `smoke (eu)`, and the payload has reports of 1";
    assert_reason(&signed.run(&signed.signed(&claims)), 3, reason, NEXT);
    let mut both = signed;
    let us = Report { started_at: rfc3339(ago(9)), ..report("smoke", Verdict::Passed) };
    both.stage.reports.push(us);
    let ended = both.run(&both.signed(&claims));
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    // Announced: the notice of the other leg has no report.
    let stage = Stage::new();
    let job = stage.job("smoke", "success", None);
    stage.fake_github.remove_annotations(SHOP, job);
    stage.job("smoke (eu)", "success", Some(&stage.reports[1]));
    stage.job(
        "smoke (us)",
        "success",
        Some(&Report { started_at: rfc3339(ago(9)), ..report("smoke", Verdict::Passed) }),
    );
    assert_reason(&stage.run(), 1, "smoke: job `smoke (us)` announced smoke: passed", NEXT);
}
