//! Who may let a release into production, through `promote-to-production.yml`; and that nothing else does.

use jiff::{SignedDuration, Timestamp};
use promote_gates::clock::{Clock as _, SystemClock};

use crate::acme::Acme;
use crate::acme::team::{Team, Validated};
use crate::act::{Run, Step};

const SERVICE: &str = "checkout-service";

/// A company with one release to promote.
fn validated(acme: &Acme) -> Validated {
    Team::of(acme, SERVICE).release("Gift cards")
}

fn ago(minutes: i64) -> Timestamp {
    SystemClock::new().wall() - SignedDuration::from_mins(minutes)
}

/// The approval that blocked; nothing after it ran, and nothing was committed.
fn blocked<'a>(acme: &Acme, run: &'a Run) -> &'a Step {
    let approval = run.step("promote", "approval");
    assert_eq!((approval.exit, approval.outputs["verdict"].as_str()), (Some(1), "blocked"), "{}", run.log);
    let after: Vec<_> =
        run.job("promote").steps.keys().filter(|step| ["wait", "promote"].contains(&step.as_str())).collect();
    assert!(after.is_empty(), "{after:?} ran");
    assert!(!run.jobs.contains_key("verify"), "{:?}", run.jobs.keys());
    assert!(acme.promotions().is_empty(), "{:#?}", acme.promotions());
    approval
}

/// Lena approves two promotions, so many minutes ago, and then ours. Those two wait: nothing of them is committed.
fn third(minutes: [i64; 2]) {
    let acme = Acme::new();
    let validated = validated(&acme);
    let before = minutes.map(ago);
    for at in before {
        acme.waiting_promotion("lena", at);
    }
    let promotion = acme.promotion(validated.event()).approved_by("lena");
    let run = promotion.run();

    let approval = blocked(&acme, &run);
    let errors = approval.annotated("error");
    let Some(error) = errors.iter().find(|error| error.message.contains("lena")) else { panic!("{errors:#?}") };
    for at in before.into_iter().chain([promotion.since]) {
        let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        assert!(error.message.contains(&at), "{at} in {}", error.message);
    }
}

#[test]
fn the_third_approval_of_one_person_in_twenty_minutes_is_blocked() {
    third([18, 9]);
}

#[test]
fn also_when_all_three_come_within_three_minutes_and_nothing_is_committed_yet() {
    third([2, 1]);
}

#[test]
fn the_third_within_an_hour_is_none_too_many() {
    let acme = Acme::new();
    let validated = validated(&acme);
    for minutes in [50, 30] {
        acme.waiting_promotion("lena", ago(minutes));
    }
    let run = acme.promotion(validated.event()).approved_by("lena").run();
    assert_eq!(run.step("promote", "approval").outputs["verdict"], "passed", "{}", run.log);
    assert_eq!(acme.promotions().len(), 1);
}

#[test]
fn without_protection_nobody_approved_and_it_is_blocked() {
    let acme = Acme::new();
    let validated = validated(&acme);
    acme.fake_github.protect(crate::acme::INFRA, "production", &serde_json::json!({}));
    let run = acme.promotion(validated.event()).run();

    let approval = blocked(&acme, &run);
    assert!(approval.annotated("error").iter().any(|error| error.message.contains("reviewer")), "{approval:?}");
}

#[test]
fn whoever_wrote_the_release_does_not_approve_it() {
    let acme = Acme::new();
    let validated = validated(&acme);
    let run = acme.promotion(validated.event()).approved_by("dana").run();

    let approval = blocked(&acme, &run);
    assert!(approval.annotated("error").iter().any(|error| error.message.contains("dana")), "{approval:?}");
}

#[test]
fn promote_refuses_without_a_passed_evidence_approval_and_wait() {
    let acme = Acme::new();
    let validated = validated(&acme);
    let shadow = |step: &str| format!("        uses: acme/promote-gates/{step}@v1\n        with:\n");
    let refused = |run: &Run, why: &str| {
        let promote = run.step("promote", "promote");
        assert!(matches!(promote.exit, Some(1 | 3)), "{}", run.log);
        assert!(promote.summary.contains(why), "{why} in {}", promote.summary);
        assert_eq!(promote.outputs["changed"], "false");
    };
    // Two each: a third approval would be blocked before anything else is.
    for (step, reviewer) in [("evidence", "lena"), ("approval", "piet"), ("wait", "lena")] {
        let from = shadow(step);
        let promotion = acme.promotion(validated.event()).approved_by(reviewer);
        let run = promotion.changed(&from, &format!("{from}          dry-run: true\n")).run();
        // What is seen of evidence that counts for nothing, approval blocks on already.
        if step == "evidence" {
            assert!(!run.job("promote").steps.contains_key("promote"), "{}", run.log);
        } else {
            refused(&run, step);
        }
    }
    let run = acme
        .promotion(validated.event())
        .approved_by("piet")
        .changed(
            "            ${{ toJSON(needs) }}\n            ${{ toJSON(steps) }}\n          # Of the App",
            "            ${{ toJSON(needs) }}\n          # Of the App",
        )
        .run();
    refused(&run, "approval");
    assert!(acme.promotions().is_empty(), "{:#?}", acme.promotions());
}
