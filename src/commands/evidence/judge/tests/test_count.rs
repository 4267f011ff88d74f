//! The number of tests, beside that of the last promotion.

use super::{bundle::judged, *};
use crate::commands::evidence::test_count::PromotedTests;

/// A report of `smoke` whose tests were counted so.
fn counted(tests: &str) -> Report {
    Report { outputs: [("tests".to_owned(), tests.to_owned())].into(), ..report("smoke", Verdict::Passed) }
}

/// Another leg of its matrix.
fn leg(report: Report) -> Report {
    Report { started_at: "2026-01-01T11:00:01Z".to_owned(), ..report }
}

fn promoted(tests: &str) -> PromotedTests {
    PromotedTests { figure: tests.parse().unwrap(), version: "1.4.1".to_owned(), is_current: true }
}

/// The finding on the number of tests, and the page.
fn found(
    config: &str,
    reports: &[Report],
    promoted: Result<Option<PromotedTests>, Finding>,
) -> (Option<Finding>, String) {
    let (findings, page) = judged(config, reports, &["smoke"], false, |facts| facts.tests = promoted);
    (findings.into_iter().find(|finding| finding.check == "tests"), page)
}

#[test]
fn fewer_tests_than_the_last_promotion_are_inconclusive() {
    for (config, before, now, verdict) in [
        ("", "41", "41", Verdict::Passed),
        ("", "41", "500", Verdict::Passed),
        ("", "41", "37", Verdict::Passed),
        ("", "41", "36", Verdict::Inconclusive),
        ("", "40", "36", Verdict::Passed),
        ("", "40", "35", Verdict::Inconclusive),
        ("", "9", "8", Verdict::Inconclusive),
        ("", "4294967295", "1", Verdict::Inconclusive),
        ("    max-fewer-tests: 0\n", "41", "40", Verdict::Inconclusive),
        ("    max-fewer-tests: 50%\n", "40", "20", Verdict::Passed),
        ("    max-fewer-tests: 50%\n", "40", "19", Verdict::Inconclusive),
        ("    max-fewer-tests: 100\n", "4294967295", "1", Verdict::Passed),
    ] {
        let (finding, page) = found(config, &[counted(now)], Ok(Some(promoted(before))));
        let finding = finding.unwrap();
        assert_eq!(finding.verdict, verdict, "{before} {now}: {finding}");
        assert_eq!(finding.next.is_some(), verdict != Verdict::Passed, "{finding}");
        assert_eq!(finding.actual, format!("{before} → {now} since 1.4.1 in production"));
        assert_eq!(page.contains(&format!("tests: {before} → {now}")), before != now, "{page}");
    }
    let (finding, _) = found("", &[counted("36")], Ok(Some(promoted("41"))));
    let finding = finding.unwrap();
    assert_eq!(finding.expected, "at least 37 tests: at most 10 % fewer than the last promotion");
    assert!(finding.next.unwrap().contains("`max-fewer-tests`"));
}

#[test]
fn the_tests_of_all_reports_count_together() {
    for (reports, expected) in [
        (vec![counted("20"), leg(counted("21"))], Some("41 → 41")),
        // A leg that was left out.
        (vec![counted("20")], Some("41 → 20")),
        // Two legs with the same number.
        (vec![counted("20"), leg(counted("20"))], Some("41 → 40")),
        (vec![counted("4294967295"), leg(counted("1"))], Some("not counted; 41 in the validation of 1.4.1")),
    ] {
        let (finding, _) = found("", &reports, Ok(Some(promoted("41"))));
        let actual = finding.map(|finding| finding.actual);
        let is_found = actual.as_deref().zip(expected).is_some_and(|(actual, expected)| actual.starts_with(expected));
        assert!(is_found, "{expected:?}: {actual:?}");
    }
}

#[test]
fn tests_that_are_no_longer_counted_are_inconclusive() {
    let bare = || report("smoke", Verdict::Passed);
    for reports in [
        vec![bare()],
        vec![counted("")],
        vec![counted("0")],
        vec![counted("-41")],
        vec![counted("41.5")],
        vec![counted("many <b>")],
        vec![counted("4294967296")],
        vec![counted("41"), leg(bare())],
    ] {
        let (finding, _) = found("", &reports, Ok(Some(promoted("41"))));
        let finding = finding.unwrap_or_else(|| panic!("{reports:?}"));
        assert_eq!(finding.verdict, Verdict::Inconclusive, "{finding}");
        assert!(finding.actual.starts_with("not counted; 41 ") && finding.next.is_some(), "{finding}");
        // No promotion counted them either, or the service may lose all of them.
        assert_eq!(found("", &reports, Ok(None)).0, None);
        assert_eq!(found("    max-fewer-tests: 100\n", &reports, Ok(Some(promoted("41")))).0, None);
    }
}

#[test]
fn a_gate_that_did_not_pass_is_the_reason_and_not_its_number() {
    for reports in [
        vec![Report { verdict: Verdict::Blocked, ..counted("41") }],
        vec![Report { dry_run: true, ..counted("41") }],
        vec![counted("41"), leg(Report { verdict: Verdict::Inconclusive, ..counted("41") })],
        vec![report("health", Verdict::Passed)],
    ] {
        let (findings, _) = judged("", &reports, &["smoke"], false, |facts| facts.tests = Ok(Some(promoted("41"))));
        assert!(findings.iter().all(|finding| finding.check != "tests"), "{findings:?}");
        assert_ne!(crate::finding::verdict(&findings), Verdict::Passed, "{reports:?}");
    }
}

#[test]
fn a_gate_that_is_not_required_any_more_leaves_its_number_missing() {
    let health = || report("health", Verdict::Passed);
    for reports in [
        vec![health()],
        vec![health(), Report { verdict: Verdict::Blocked, ..counted("41") }],
        vec![health(), Report { dry_run: true, ..counted("41") }],
    ] {
        for (before, expected) in [(Some(promoted("41")), Some(Verdict::Inconclusive)), (None, None)] {
            let (findings, _) = judged("", &reports, &["health"], false, |facts| facts.tests = Ok(before));
            let found = findings.iter().find(|finding| finding.check == "tests");
            assert_eq!(found.map(|finding| finding.verdict), expected, "{findings:?}");
        }
    }
}

#[test]
fn a_first_number_passes_and_says_that_nothing_was_compared() {
    let (finding, page) = found("", &[counted("41")], Ok(None));
    let finding = finding.unwrap();
    assert_eq!(finding.verdict, Verdict::Passed);
    assert_eq!(finding.actual, "41; no promotion of this service to production recorded a number");
    assert!(!page.contains("tests: "), "{page}");
}

#[test]
fn a_ledger_that_cannot_be_read_is_inconclusive() {
    let (finding, _) = found("", &[counted("41")], Err(api_error()));
    assert_eq!(finding.map(|finding| finding.verdict), Some(Verdict::Inconclusive));
}

#[test]
fn an_image_without_a_number_is_compared_with_the_last_that_has_one() {
    let older = PromotedTests { is_current: false, ..promoted("41") };
    let (finding, _) = found("", &[counted("36")], Ok(Some(older)));
    let finding = finding.unwrap();
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(finding.actual.starts_with("41 → 36 since 1.4.1; "), "{finding}");
    assert!(finding.actual.contains("no recorded number"), "{finding}");
}
