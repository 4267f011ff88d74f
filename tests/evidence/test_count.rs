//! The number of tests that `smoke` counted, beside that of the last promotion in the ledger.

use super::*;

const TARGET: (&str, &str) = ("checkout-service", "production");

/// The release of [`Stage::new`], whose smoke tests were counted.
fn counted(tests: &str) -> Stage {
    let mut stage = Stage::new();
    let mut smoke = report("smoke", Verdict::Passed);
    smoke.outputs.insert("tests".to_owned(), tests.to_owned());
    stage.job("smoke", "success", Some(&smoke));
    stage.reports[1] = smoke;
    stage
}

/// The trailers of a promotion on evidence.
fn trailers(number: u64, tests: &str) -> String {
    format!("Evidence: {number:064x}\nSource-commit: {}\nTests: {tests}", sha('a'))
}

fn promote(stage: &Stage, tag: &str, trailers: &str) {
    shop::commit_promotion(&stage.infra, &shop::ago(0), TARGET, tag, trailers);
}

/// What the finding on the number says.
fn says(ended: &Ended) -> &str {
    found(ended, "tests")["actual"].as_str().unwrap()
}

#[test]
fn a_release_that_lost_tests_is_inconclusive_and_the_approver_sees_both_numbers() {
    for (tests, expected) in [("41", (0, "passed")), ("38", (0, "passed")), ("36", (3, "inconclusive"))] {
        let stage = counted(tests);
        stage.infra_at_first_tag(&trailers(1, "41"));
        let ended = stage.run();
        assert_eq!(end(&ended), expected, "{}", ended.log);
        assert_eq!((&*ended.outputs["tests"], stage.fake_github.violations().len()), (tests, 0));
        assert_eq!(says(&ended), format!("41 → {tests} since 1.4.1 in production"));
        assert_eq!(ended.summary.contains(&format!("tests: 41 → {tests}")), tests != "41", "{}", ended.summary);
        let has_next = found(&ended, "tests")["next"].as_str().is_some_and(|next| next.contains("`max-fewer-tests`"));
        assert_eq!(has_next, expected.0 != 0);
    }
}

#[test]
fn the_service_may_lose_as_many_tests_as_the_config_says() {
    for (setting, expected) in
        [("12.2%", (0, "passed")), ("12.1%", (3, "inconclusive")), ("0", (3, "inconclusive")), ("100", (0, "passed"))]
    {
        let mut stage = counted("36");
        stage.config = CONFIG.replace("policy:", &format!("    max-fewer-tests: {setting}\npolicy:"));
        stage.infra_at_first_tag(&trailers(1, "41"));
        let ended = stage.run();
        assert_eq!(end(&ended), expected, "{setting}: {}", ended.log);
    }
}

#[test]
fn tests_that_are_no_longer_counted_are_inconclusive() {
    let stage = Stage::new();
    stage.infra_at_first_tag(&trailers(1, "41"));
    let ended = stage.run();
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert_eq!(says(&ended), "not counted; 41 in the validation of 1.4.1");
    assert_eq!(ended.outputs.get("tests").map_or("", String::as_str), "");
}

#[test]
fn a_first_number_passes_and_is_recorded() {
    let stage = counted("41");
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(ended.outputs["tests"], "41");
    assert!(says(&ended).contains("no promotion of this service to production recorded a number"), "{}", says(&ended));
}

#[test]
fn after_a_rollback_the_tests_are_compared_with_those_of_what_is_in_production() {
    let stage = counted("36");
    promote(&stage, "1.4.0", &trailers(1, "41"));
    promote(&stage, "1.4.1", &trailers(2, "36"));
    assert_eq!(end(&stage.run()), (0, "passed"), "as many as 1.4.1");
    promote(&stage, "1.4.0", "Promotion-kind: rollback");
    let ended = stage.run();
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert_eq!(says(&ended), "41 → 36 since 1.4.0 in production");
    // What an emergency put into production has no number: the last promotion that has one counts.
    promote(&stage, "1.4.3", &format!("Promotion-kind: emergency\nSource-commit: {}", sha('a')));
    let ended = stage.run();
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(says(&ended).starts_with("36 → 36 since 1.4.1; the image in the infra repository"), "{}", says(&ended));
}

#[test]
fn a_number_counts_only_in_a_promotion_on_evidence() {
    let stage = counted("36");
    stage.infra_at_first_tag(&trailers(1, "41"));
    // A commit that changed no image, one of another service, and one without evidence.
    let message = format!(
        "docs\n\nService: checkout-service\nEnvironment: production\nImage: ghcr.io/acme/checkout-service:1.4.1\n\
         Previous-Image: ghcr.io/acme/checkout-service:1.4.0\n{}",
        trailers(3, "1")
    );
    shop::commit(&stage.infra, &shop::ago(0), &message, Some(("README.md", "docs")));
    shop::commit_promotion(&stage.infra, &shop::ago(0), ("frontend", "production"), "7", &trailers(4, "1"));
    assert_eq!(end(&stage.run()), (3, "inconclusive"));
    promote(&stage, "1.4.1-by-hand", &format!("Source-commit: {}\nTests: 1", sha('a')));
    let ended = stage.run();
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(says(&ended).starts_with("41 → 36 since 1.4.1;"), "{}", says(&ended));
}
