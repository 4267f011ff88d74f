//! A release with a later validation is not replaced by an earlier one.

use super::*;
use crate::shop::histories::{CLAIMS, PROMOTIONS};

/// Promotes a tag that was validated so many seconds ago.
fn promote(dir: &Path, service: &str, tag: &str, seconds: i64) -> Ended {
    let at = rfc3339(SystemClock::new().wall() - jiff::SignedDuration::from_secs(seconds));
    let subject = json!({ "service": service, "tag": tag, "environment": "production" }).to_string().parse().unwrap();
    // Each validation ends at a different second, so `seconds` numbers the evidence.
    let outputs = validated(seconds.unsigned_abs(), &at);
    let report = Report { subject, outputs, ..report("evidence", Verdict::Passed) };
    step(dir, service, tag).input("require", "evidence").input("results", &needs(&[report])).run(&["promote"])
}

#[test]
fn an_older_validation_does_not_replace_a_newer_one() {
    let shop = Shop::new();
    let early = shop.checkout("early", &["--depth=1"]);
    assert_eq!(end(&promote(&shop.checkout("other", &[]), SERVICE, "1.4.3", 600)), APPLIED);
    // A promotion of another service and a manual edit follow, so the promotion is not the last commit.
    assert_eq!(end(&promote(&shop.path("other"), "frontend", "2.0", 10)), APPLIED);
    shop.edit(FILE, "more replicas", |text| text.replace("count: 4", "count: 6"));
    let late = shop.checkout("late", &["--depth=1"]);
    for dir in [&early, &late, &shop.path("other")] {
        let tip = shop.tip();
        let refused = promote(dir, SERVICE, "1.4.2", 1200);
        assert_eq!(end(&refused), (1, "blocked", "refused"), "{}: {}", dir.display(), refused.log);
        let reason = &refused.outputs["reason"];
        assert!(reason.contains("ghcr.io/acme/checkout-service:1.4.3 was validated at"), "{reason}");
        assert_eq!((shop.tip(), shop.tag(SERVICE).as_str()), (tip, "1.4.3"));
    }
    // With a later validation the promotion is allowed.
    assert_eq!(end(&promote(&late, SERVICE, "1.4.2", 60)), APPLIED);
    assert_eq!(shop.tag(SERVICE), "1.4.2");
}

#[test]
fn a_message_alone_is_no_newer_release() {
    for (make, blocked) in [(CLAIMS[0], false), (CLAIMS[4], false), (PROMOTIONS[0], true)] {
        let shop = Shop::new();
        let at = rfc3339(SystemClock::new().wall());
        make.1(&shop, &format!("Validated-at: {at}\nEvidence: {:064x}\n", 600));
        let ended = promote(&shop.checkout("infra", &["--depth=1"]), SERVICE, "1.4.3", 600);
        let expected = if blocked { (1, "blocked", "refused") } else { APPLIED };
        assert_eq!(end(&ended), expected, "{}: {}", make.0, ended.log);
    }
}

#[test]
fn promotions_of_other_services_and_environments_do_not_block() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &["--depth=1"]);
    assert_eq!(end(&promote(&dir, "frontend", "2.0", 10)), APPLIED);
    let staging = step(&dir, SERVICE, "1.4.9").input("environment", "staging").run(&["promote"]);
    assert_eq!(end(&staging), APPLIED, "{}", staging.log);
    assert_eq!(end(&promote(&dir, SERVICE, "1.4.2", 1200)), APPLIED);
}

#[test]
fn a_promotion_without_a_validation_is_as_old_as_its_commit() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    let without_reports = step(&dir, SERVICE, "1.4.3").run(&["promote"]);
    assert_eq!(end(&without_reports), APPLIED, "{}", without_reports.log);
    let refused = promote(&dir, SERVICE, "1.4.2", 1200);
    assert_eq!(end(&refused), (1, "blocked", "refused"), "{}", refused.log);
    // Without required reports neither promotion has a validation to compare.
    let again = step(&dir, SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&again), APPLIED, "{}", again.log);
}
