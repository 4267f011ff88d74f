//! A release that was validated later is not taken back.

use super::*;

/// Promotes a tag that was validated so many seconds ago.
fn promote(dir: &Path, service: &str, tag: &str, seconds: i64) -> Ended {
    let at = rfc3339(SystemClock::new().wall() - jiff::SignedDuration::from_secs(seconds));
    let subject = json!({ "service": service, "tag": tag }).to_string().parse().unwrap();
    // No two validations end at the same second here.
    let outputs = validated(seconds.unsigned_abs(), &at);
    let report = Report { subject, outputs, ..report("evidence", Verdict::Passed) };
    step(dir, service, tag).input("require", "evidence").input("results", &needs(&[report])).run(&["promote"])
}

#[test]
fn an_older_validation_does_not_take_a_younger_one_back() {
    let shop = Shop::new();
    let early = shop.checkout("early", &["--depth=1"]);
    assert_eq!(end(&promote(&shop.checkout("other", &[]), SERVICE, "1.4.3", 600)), LANDED);
    // Others promote, and somebody changes the same file by hand: the promotion is no longer the last commit.
    assert_eq!(end(&promote(&shop.path("other"), "frontend", "2.0", 10)), LANDED);
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
    // Validated after that one, it may.
    assert_eq!(end(&promote(&late, SERVICE, "1.4.2", 60)), LANDED);
    assert_eq!(shop.tag(SERVICE), "1.4.2");
}

#[test]
fn promotions_of_others_do_not_stand_in_the_way() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &["--depth=1"]);
    assert_eq!(end(&promote(&dir, "frontend", "2.0", 10)), LANDED);
    let staging = step(&dir, SERVICE, "1.4.9").input("environment", "staging").run(&["promote"]);
    assert_eq!(end(&staging), LANDED, "{}", staging.log);
    assert_eq!(end(&promote(&dir, SERVICE, "1.4.2", 1200)), LANDED);
}

#[test]
fn what_was_promoted_without_a_validation_counts_from_its_commit() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    let around = step(&dir, SERVICE, "1.4.3").run(&["promote"]);
    assert_eq!(end(&around), LANDED, "{}", around.log);
    let refused = promote(&dir, SERVICE, "1.4.2", 1200);
    assert_eq!(end(&refused), (1, "blocked", "refused"), "{}", refused.log);
    // Nobody asked for reports here, so nothing says which is the younger one.
    let again = step(&dir, SERVICE, "1.4.2").run(&["promote"]);
    assert_eq!(end(&again), LANDED, "{}", again.log);
}
