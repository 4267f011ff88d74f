//! The required reports of a promotion: which count, and what the commit records.

use super::*;

const REQUIRED: [&str; 3] = ["evidence", "approval", "wait"];

fn passed() -> Vec<Report> {
    REQUIRED.map(|command| report(command, Verdict::Passed)).into()
}

/// A time this many seconds ago.
fn ago(seconds: i64) -> String {
    rfc3339(SystemClock::new().wall() - jiff::SignedDuration::from_secs(seconds))
}

/// A step with the default `require` that receives these reports.
fn step_with_reports(shop: &Shop, reports: &[Report]) -> Runner {
    let clone = shop.path("infra");
    let dir = if clone.is_dir() { clone } else { shop.checkout("infra", &["--depth=1"]) };
    step(&dir, SERVICE, "1.4.2").input("require", "").input("results", &needs(reports))
}

#[test]
fn the_commit_records_the_evidence_and_the_approval() {
    let shop = Shop::new();
    let mut reports = passed();
    let validated_at = ago(3600);
    reports[0].outputs = validated(17, &validated_at);
    let image = "ghcr.io/acme/checkout-service";
    let source = "a".repeat(40);
    let step =
        step_with_reports(&shop, &reports).input("image", image).input("commit", &source).env("GITHUB_ACTOR", "alice");
    let ended = step.run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert_eq!(shop.log("%s"), ["promote(production): checkout-service → 1.4.2"]);
    let url = run(7).url;
    let expected = [
        "Service: checkout-service".to_owned(),
        "Environment: production".to_owned(),
        format!("Image: {AFTER}"),
        format!("Previous-Image: {BEFORE}"),
        format!("Source-commit: {source}"),
        format!("Validated-at: {validated_at}"),
        "Validation-run: https://github.com/acme/shop/actions/runs/5/attempts/2".to_owned(),
        format!("Evidence: {:064x}", 17),
        "Approved-by: bob".to_owned(),
        "Triggered-by: alice".to_owned(),
        format!("Workflow: {url}"),
        "Required: evidence, approval, wait".to_owned(),
        "Promotion-kind: normal".to_owned(),
    ];
    assert_eq!(shop.trailers(), expected);
    assert_eq!(shop.log("%an <%ae> %cn"), ["promotion-bot <promotion-bot@users.noreply.github.com> promotion-bot"]);
    assert_eq!(ended.outputs["previous-image"], BEFORE);
    assert_eq!([ended.outputs["commit"].clone()], shop.log("%H")[..]);
    // The reports are long: the settings in force hold their size and hash.
    let results = ended.report["settings"]["results"].as_str().unwrap();
    assert!(results.contains("bytes, sha256 ") && results.len() < 100, "{results}");
}

#[test]
fn the_validation_run_comes_from_the_evidence_even_if_it_is_verified_within_a_second() {
    // In the same second, and by a runner whose clock is behind GitHub's.
    for ahead in [0, 20] {
        let shop = Shop::new();
        let mut reports = passed();
        let validated_at = ago(-ahead);
        reports[0].finished_at = ago(0).min(validated_at.clone());
        reports[0].outputs = validated(17, &validated_at);
        let ended = step_with_reports(&shop, &reports).run(&["promote"]);
        assert_eq!(end(&ended), APPLIED, "{}", ended.log);
        let run = "Validation-run: https://github.com/acme/shop/actions/runs/5/attempts/2".to_owned();
        assert!(shop.trailers().contains(&run), "{:?}", shop.trailers());
    }
}

#[test]
fn a_report_that_does_not_count_stops_the_promotion() {
    let other_subject = Report { subject: subject_with_tag("1.4.3"), ..report("wait", Verdict::Passed) };
    let cases: [(&str, Report, (i32, &str), &str); 9] = [
        ("blocked", report("approval", Verdict::Blocked), (1, "blocked"), "approval: blocked: check: as seen"),
        ("undecided", report("approval", Verdict::Inconclusive), (3, "inconclusive"), "approval: inconclusive"),
        ("shadow", Report { dry_run: true, ..report("wait", Verdict::Passed) }, (3, "inconclusive"), "in dry-run"),
        ("other subject", other_subject, (3, "inconclusive"), "tag 1.4.3, not 1.4.2"),
        (
            "other run",
            Report { run: Some(run(8)), ..report("wait", Verdict::Passed) },
            (3, "inconclusive"),
            "another workflow run",
        ),
        (
            "no run",
            Report { run: None, ..report("wait", Verdict::Passed) },
            (3, "inconclusive"),
            "another workflow run",
        ),
        (
            "left to evidence",
            Report { schema: 2, judged_by: Some("evidence".to_owned()), ..report("wait", Verdict::Passed) },
            (3, "inconclusive"),
            "to be judged by `evidence`",
        ),
        ("other schema", Report { schema: 3, ..report("wait", Verdict::Passed) }, (3, "inconclusive"), "schema 3"),
        (
            "no time",
            Report { finished_at: "soon".into(), ..report("wait", Verdict::Passed) },
            (3, "inconclusive"),
            "\"soon\"",
        ),
    ];
    let shop = Shop::new();
    for (case, report, (code, verdict), part) in cases {
        let mut reports = passed();
        reports.retain(|passed| passed.command != report.command);
        reports.push(report);
        let ended = step_with_reports(&shop, &reports).run(&["promote"]);
        assert_eq!(end(&ended), (code, verdict, "none"), "{case}: {}", ended.log);
        assert!(ended.log.contains(part), "{case}: {}", ended.log);
        assert_eq!(shop.tip(), shop.first, "{case}");
    }
}

#[test]
fn a_missing_report_stops_the_promotion_and_the_message_shows_how_to_pass_it() {
    let shop = Shop::new();
    for (given, missing) in [(vec![], &REQUIRED[..]), (passed().split_off(1), &REQUIRED[..1])] {
        let ended = step_with_reports(&shop, &given).run(&["promote"]);
        assert_eq!(end(&ended), (3, "inconclusive", "none"), "{}", ended.log);
        assert_eq!(ended.outputs["changed"], "false");
        for command in missing {
            let line = format!("report: ${{{{ steps.{command}.outputs.report }}}}");
            assert!(ended.log.contains(&line), "{}", ended.log);
        }
        assert_eq!(shop.tip(), shop.first);
    }
    let without = step(&shop.path("infra"), SERVICE, "1.4.2").input("require", "").run(&["promote"]);
    assert_eq!(end(&without), (3, "inconclusive", "none"), "{}", without.log);
}

#[test]
fn a_report_without_the_outputs_that_the_commit_records_stops_the_promotion() {
    let shop = Shop::new();
    for (at, outputs, part) in [
        (0, BTreeMap::new(), "no output `evidence`"),
        (0, validated(1, "yesterday"), "its output `validated-at` is \"yesterday\""),
        (1, BTreeMap::new(), "approval: its report has no output `approver`"),
    ] {
        let mut reports = passed();
        reports[at].outputs = outputs;
        let ended = step_with_reports(&shop, &reports).run(&["promote"]);
        assert_eq!(end(&ended), (3, "inconclusive", "none"), "{}", ended.log);
        assert!(ended.outputs["reason"].contains(part), "{}", ended.outputs["reason"]);
        assert_eq!(shop.tip(), shop.first);
    }
}

#[test]
fn an_old_validation_blocks_even_if_its_report_is_new() {
    let shop = Shop::new();
    let mut reports = passed();
    reports[0].outputs = validated(1, &ago(25 * 3600));
    let ended = step_with_reports(&shop, &reports).run(&["promote"]);
    assert_eq!(end(&ended), (1, "blocked", "refused"), "{}", ended.log);
    assert!(ended.outputs["reason"].starts_with("evidence: its report is 1d1h"), "{}", ended.outputs["reason"]);
}

#[test]
fn an_old_report_blocks_when_the_image_would_be_written() {
    let shop = Shop::new();
    let mut reports = passed();
    reports[1].finished_at = ago(2 * 3600);
    let ended = step_with_reports(&shop, &reports).input("max-age", "1h").run(&["promote"]);
    assert_eq!(end(&ended), (1, "blocked", "refused"), "{}", ended.log);
    let reason = &ended.outputs["reason"];
    assert!(
        reason.starts_with("approval: its report is 2h") && reason.contains("validate the release again"),
        "{reason}"
    );
    let checks: Vec<&Value> = ended.report["findings"].as_array().unwrap().iter().map(|one| &one["check"]).collect();
    assert_eq!(checks, ["approval", "evidence", "approval", "wait"], "passed reports are listed too");
    assert_eq!(shop.tip(), shop.first);
    let ended = step_with_reports(&shop, &reports).input("max-age", "3h").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
}

#[test]
fn other_gates_can_be_required() {
    let shop = Shop::new();
    let gates: Vec<Report> = ["health", "bundle-size"].map(|command| report(command, Verdict::Passed)).into();
    let ended = step_with_reports(&shop, &gates).input("require", "health\nbundle-size").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert!(shop.trailers().contains(&"Required: health, bundle-size".to_owned()));
}

#[test]
fn gates_of_another_environment_count_but_an_approval_of_another_environment_does_not() {
    let in_staging = |command: &str| {
        let mut report = report(command, Verdict::Passed);
        report.subject.environment = "staging".parse().ok();
        report
    };
    let shop = Shop::new();
    let mut reports = passed();
    reports[1] = in_staging("approval");
    let ended = step_with_reports(&shop, &reports).run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "none"), "{}", ended.log);
    assert!(ended.log.contains("environment staging, not production"), "{}", ended.log);
    // One that names none may be of another one.
    reports[1].subject.environment = None;
    let ended = step_with_reports(&shop, &reports).run(&["promote"]);
    assert_eq!(end(&ended), (3, "inconclusive", "none"), "{}", ended.log);
    assert!(ended.log.contains("approval: its report names no environment"), "{}", ended.log);
    let ended = step_with_reports(&shop, &[in_staging("health")]).input("require", "health").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
}

#[test]
fn require_none_is_a_warning_and_is_recorded_in_the_commit() {
    let shop = Shop::new();
    let ended =
        step_with_reports(&shop, &[report("approval", Verdict::Blocked)]).input("require", "none").run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    assert!(
        ended.log.contains("::warning title=promote%3A explained::required reports: none required"),
        "{}",
        ended.log
    );
    let trailers = shop.trailers();
    assert!(trailers.contains(&"Required: none".to_owned()), "{trailers:?}");
    assert!(!trailers.iter().any(|trailer| trailer.starts_with("Validated-at")), "{trailers:?}");
}

#[test]
fn a_line_break_in_an_input_adds_no_trailer() {
    let shop = Shop::new();
    let actor = "mallory\nApproved-by: alice\r\n\n---\nEvidence: x\u{1b}[2K";
    let ended = step_with_reports(&shop, &passed())
        .env("GITHUB_ACTOR", actor)
        .env("GITHUB_REPOSITORY", "acme/shop")
        .input("committer-name", "Promotion (bot)")
        .run(&["promote"]);
    assert_eq!(end(&ended), APPLIED, "{}", ended.log);
    let trailers = shop.trailers();
    assert!(
        trailers.contains(&"Triggered-by: mallory Approved-by: alice --- Evidence: x [2K".to_owned()),
        "{trailers:?}"
    );
    assert_eq!(trailers.len(), 12, "{trailers:?}");
}
