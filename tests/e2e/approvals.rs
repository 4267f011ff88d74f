//! Approvals in `promote-to-production.yml`: who can approve, and that nothing is promoted without them.

use jiff::{SignedDuration, Timestamp};
use promote_gates::clock::{Clock as _, SystemClock};

use crate::acme::Acme;
use crate::acme::team::{Team, ValidatedRelease};
use crate::act::{ActRun, ActStep};

const SERVICE: &str = "checkout-service";

/// A validated release.
fn validated(acme: &Acme) -> ValidatedRelease {
    Team::new(acme, SERVICE).release("Gift cards")
}

fn ago(minutes: i64) -> Timestamp {
    SystemClock::new().wall() - SignedDuration::from_mins(minutes)
}

/// The blocked approval step. Asserts that no later step ran, and that nothing was committed.
fn blocked_approval<'a>(acme: &Acme, run: &'a ActRun) -> &'a ActStep {
    let approval = run.step("promote", "approval");
    assert_eq!((approval.exit, approval.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    let after: Vec<_> =
        run.job("promote").steps.keys().filter(|step| ["wait", "promote"].contains(&step.as_str())).collect();
    assert!(after.is_empty(), "{after:?} ran");
    assert!(!run.jobs.contains_key("verify"), "{:?}", run.jobs.keys());
    assert!(acme.promotions().is_empty(), "{:#?}", acme.promotions());
    approval
}

/// Lena approves two promotions these minutes ago, which still wait, and then a third one; asserts that it is blocked.
fn assert_third_approval_blocked(minutes: [i64; 2]) {
    let acme = Acme::new();
    let validated = validated(&acme);
    let before = minutes.map(ago);
    for at in before {
        acme.add_waiting_promotion("lena", at);
    }
    let promotion = acme.promotion(validated.event()).approved_by("lena");
    let run = promotion.run();

    let approval = blocked_approval(&acme, &run);
    let errors = approval.annotated("error");
    let Some(error) = errors.iter().find(|error| error.message.contains("lena")) else { panic!("{errors:#?}") };
    for at in before.into_iter().chain([promotion.since]) {
        let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        assert!(error.message.contains(&at), "{at} in {}", error.message);
    }
}

#[test]
fn the_third_approval_of_one_person_in_twenty_minutes_is_blocked() {
    assert_third_approval_blocked([18, 9]);
}

#[test]
fn the_third_approval_in_three_minutes_is_blocked_before_any_commit() {
    assert_third_approval_blocked([2, 1]);
}

#[test]
fn the_third_approval_within_an_hour_is_allowed() {
    let acme = Acme::new();
    let validated = validated(&acme);
    for minutes in [50, 30] {
        acme.add_waiting_promotion("lena", ago(minutes));
    }
    let run = acme.promotion(validated.event()).approved_by("lena").run();
    assert_eq!(run.step("promote", "approval").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!(acme.promotions().len(), 1);
}

#[test]
fn a_run_without_required_reviewers_is_blocked() {
    let acme = Acme::new();
    let validated = validated(&acme);
    acme.fake_github.protect(crate::acme::INFRA, "production", &serde_json::json!({}));
    let run = acme.promotion(validated.event()).run();

    let approval = blocked_approval(&acme, &run);
    assert!(approval.annotated("error").iter().any(|error| error.message.contains("reviewer")), "{approval:?}");
}

#[test]
fn the_author_of_a_release_cannot_approve_it() {
    let acme = Acme::new();
    let validated = validated(&acme);
    acme.require_reviewers("production", ["dana", "lena"]);
    let run = acme.promotion(validated.event()).approved_by("dana").run();

    let approval = blocked_approval(&acme, &run);
    let errors = approval.annotated("error");
    assert!(errors.iter().any(|error| error.message.contains("dana had a part in it")), "{approval:?}");
}

#[test]
fn promote_refuses_without_a_passed_evidence_approval_and_wait() {
    let acme = Acme::new();
    let validated = validated(&acme);
    let uses = |step: &str| format!("        uses: acme/promote-gates/{step}@v1\n        with:\n");
    let assert_refused = |run: &ActRun, words: &str| {
        let promote = run.step("promote", "promote");
        assert!(matches!(promote.exit, Some(1 | 3)), "{}", run.log);
        assert!(promote.summary.contains(words), "{words} in {}", promote.summary);
        assert_eq!(promote.outputs["changed"], "false");
    };
    // Two approvals per reviewer: a third one would be blocked first.
    for (step, reviewer) in [("evidence", "lena"), ("approval", "piet"), ("wait", "lena")] {
        let from = uses(step);
        let promotion = acme.promotion(validated.event()).approved_by(reviewer);
        let run = promotion.with_workflow_change(&from, &format!("{from}          dry-run: true\n")).run();
        // `approval` already blocks on evidence from a dry run.
        if step == "evidence" {
            assert!(!run.job("promote").steps.contains_key("promote"), "{}", run.log);
        } else {
            assert_refused(&run, step);
        }
    }
    let run = acme
        .promotion(validated.event())
        .approved_by("piet")
        .with_workflow_change(
            "            ${{ toJSON(needs) }}\n            ${{ toJSON(steps) }}\n          token: ${{ steps.writer",
            "            ${{ toJSON(needs) }}\n          token: ${{ steps.writer",
        )
        .run();
    assert_refused(&run, "approval");
    assert!(acme.promotions().is_empty(), "{:#?}", acme.promotions());
}
