//! One evidence id promotes once.

use super::*;
use crate::{
    patience::{RACE, RACE_TIMEOUT},
    shop::{ago, commit_promotion},
};

/// A step that promotes 1.4.2 with evidence number `number`, validated a minute ago.
fn step_with_evidence(dir: &Path, number: u64) -> Runner {
    let at = rfc3339(SystemClock::new().wall() - jiff::SignedDuration::from_secs(60));
    let evidence = Report { outputs: validated(number, &at), ..report("evidence", Verdict::Passed) };
    step(dir, SERVICE, "1.4.2").input("require", "evidence").input("results", &needs(&[evidence]))
}

/// One delivery of the evidence; every delivery of a dispatch starts its own run.
fn delivery(dir: &Path, run: u64) -> Runner {
    let at = rfc3339(SystemClock::new().wall() - jiff::SignedDuration::from_secs(60));
    let evidence =
        Report { outputs: validated(1, &at), run: Some(super::run(run)), ..report("evidence", Verdict::Passed) };
    let step = step(dir, SERVICE, "1.4.2").env("GITHUB_RUN_ID", &run.to_string());
    step.input("require", "evidence").input("results", &needs(&[evidence])).input("timeout", RACE_TIMEOUT)
}

/// Commits another image in production, as a promotion of this kind.
fn commit_kind(shop: &Shop, tag: &str, kind: &str) {
    let kind = format!("Promotion-kind: {kind}");
    commit_promotion(&shop.infra, &ago(0), (SERVICE, "production"), tag, &kind);
}

#[test]
fn the_commit_records_the_sizes_of_the_bundle_and_the_number_of_tests() {
    let shop = Shop::new();
    let at = rfc3339(SystemClock::new().wall() - jiff::SignedDuration::from_secs(60));
    let sizes = "512345 gzip, 1812345 raw; admin: 30123 gzip, 100000 raw; by gzip 9 zlib-rs 0.6.8";
    let mut outputs = validated(1, &at);
    outputs.insert("bundle-size".to_owned(), sizes.to_owned());
    outputs.insert("tests".to_owned(), "41".to_owned());
    let evidence = Report { outputs, ..report("evidence", Verdict::Passed) };
    let step = step(&shop.checkout("one", &["--depth=1"]), SERVICE, "1.4.2");
    let ended = step.input("require", "evidence").input("results", &needs(&[evidence])).run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    for trailer in [format!("Bundle-size: {sizes}"), "Tests: 41".to_owned()] {
        assert!(shop.trailers().contains(&trailer), "{:?}", shop.trailers());
    }
}

#[test]
fn a_second_delivery_returns_the_first_commit() {
    let shop = Shop::new();
    let first = step_with_evidence(&shop.checkout("one", &["--depth=1"]), 1).run(&["promote"]);
    assert_eq!(end(&first), APPLIED, "{}", first.log);
    assert!(shop.trailers().contains(&format!("Evidence: {:064x}", 1)));
    // Another commit follows.
    shop.edit(FILE, "more replicas", |text| text.replace("count: 4", "count: 6"));
    let second =
        step_with_evidence(&shop.checkout("two", &["--depth=1"]), 1).env("GITHUB_RUN_ID", "7").run(&["promote"]);
    assert_eq!(end(&second), (0, "passed", "already"), "{}", second.log);
    assert_eq!((&second.outputs["commit"], second.outputs["changed"].as_str()), (&first.outputs["commit"], "false"));
    assert_eq!(second.outputs["previous-image"], BEFORE);
    assert_eq!(shop.log("%s"), ["promote(production): checkout-service → 1.4.2", "more replicas"]);
}

#[test]
fn twenty_concurrent_deliveries_make_one_commit() {
    let shop = Shop::new();
    let clone = shop.checkout("clone", &["--depth=1"]);
    let steps: Vec<Runner> = (1..=20).map(|run| delivery(&clone, run)).collect();
    let started: Vec<_> = steps.iter().map(|step| step.start(&["promote"])).collect();
    let ended: Vec<Ended> = started.into_iter().map(|started| started.end_within(RACE)).collect();
    let commits = shop.log("%H");
    assert_eq!(commits.len(), 1);
    for ended in &ended {
        assert_eq!((ended.code, &ended.outputs["commit"]), (0, &commits[0]), "{}", ended.log);
    }
    assert_eq!(ended.iter().filter(|ended| ended.outputs["changed"] == "true").count(), 1);
}

#[test]
fn used_evidence_does_not_restore_a_replaced_image() {
    for (kind, tag, part) in
        [("rollback", "1.4.1", "it was rolled back by"), ("emergency", "1.4.9", "was promoted after it by")]
    {
        let shop = Shop::new();
        let dir = shop.checkout("infra", &["--depth=1"]);
        assert_eq!(end(&step_with_evidence(&dir, 1).run(&["promote"])), APPLIED);
        commit_kind(&shop, tag, kind);
        let tip = shop.tip();
        let again = step_with_evidence(&dir, 1).run(&["promote"]);
        assert_eq!(end(&again), (1, "blocked", "refused"), "{}", again.log);
        let reason = &again.outputs["reason"];
        assert!(reason.contains(part) && reason.contains(&tip), "{reason}");
        // An earlier validation with other evidence does not restore it either.
        let other = step_with_evidence(&dir, 2).run(&["promote"]);
        assert_eq!(end(&other), (1, "blocked", "refused"), "{}", other.log);
        assert!(other.outputs["reason"].starts_with("supersession"), "{}", other.outputs["reason"]);
        assert_eq!((shop.tip(), shop.tag(SERVICE).as_str()), (tip, tag));
    }
}

#[test]
fn evidence_in_a_commit_of_another_service_or_environment_is_ignored() {
    let shop = Shop::new();
    let dir = shop.checkout("infra", &[]);
    let evidence = format!("Evidence: {:064x}", 1);
    for (service, environment) in [("frontend", "production"), (SERVICE, "staging")] {
        commit_promotion(&shop.infra, &ago(0), (service, environment), "1", &evidence);
    }
    // Lines that look like trailers, in the middle of a message.
    let message = format!("x\n\nService: {SERVICE}\nEnvironment: production\nImage: a:1\n{evidence}\n\nthat was it\n");
    shop.edit("README.md", &message, |text| format!("{text}\nagain\n"));
    let ended = step_with_evidence(&dir, 1).run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
}
