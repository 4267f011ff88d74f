use std::time::Duration;

use super::{
    names::{MESSAGE, SHORT},
    reported::NAMED_REPORTS,
    *,
};
use crate::{
    commands::smoke::{critical::CriticalTest, junit, test_suite::TestSuite},
    finding::{
        Verdict::{Blocked, Inconclusive, Passed},
        verdict,
    },
    values::HumanDuration,
};

const TIMEOUT: HumanDuration = HumanDuration(Duration::from_secs(600));
const AT: &str = "2026-01-01T00:00:00Z";
const TOOK: Duration = Duration::from_millis(2_140);

fn suite(inner: &str) -> TestSuite {
    junit::read(format!("<testsuite>{inner}</testsuite>").as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

const GOOD: &str = "<testcase name='login'/>";
const BAD: &str = "<testcase classname='checkout' name='pays'><failure message='expected 200, got 500'/></testcase>";
const SKIPPED: &str = "<testcase name='later'><skipped/></testcase>";

/// One report with these elements.
fn reports(inner: &str) -> TestReports {
    TestReports { read: vec![("r.xml".to_owned(), suite(inner))], ..TestReports::default() }
}

fn judged(exit: CommandExit, reports: Option<&TestReports>, critical: &[&str]) -> Vec<Finding> {
    let critical: Vec<CriticalTest> = critical.iter().map(|name| name.parse().unwrap()).collect();
    let criteria = SmokeCriteria { junit: reports.is_some(), critical: &critical, ..criteria() };
    judge(&criteria, Some(&EndedCommand { exit, at: AT.to_owned(), took: TOOK, failed_before: 0 }), reports)
}

const fn criteria() -> SmokeCriteria<'static> {
    SmokeCriteria {
        timeout: TIMEOUT,
        junit: true,
        critical: &[],
        min_tests: None,
        max_flaky: None,
        command: "npm run smoke",
    }
}

/// The findings when the command ended with `code`.
fn exited(code: i32, reports: Option<&TestReports>, critical: &[&str]) -> Vec<Finding> {
    judged(CommandExit::Exited(code), reports, critical)
}

fn find<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("{check} in {findings:?}"))
}

/// Exit code and reports, both sides of every rule.
#[test]
fn the_worst_of_exit_code_and_reports_counts() {
    let stale = |inner| TestReports { stale: vec!["old.xml".to_owned()], ..reports(inner) };
    let broken =
        |inner| TestReports { unusable: vec![Finding::inconclusive("b.xml").actual("cut off")], ..reports(inner) };
    for (code, reports, expected) in [
        (0, None, Passed),
        (1, None, Blocked),
        (125, None, Blocked),
        (126, None, Inconclusive),
        (127, None, Inconclusive),
        (128, None, Blocked),
        (137, None, Blocked),
        (255, None, Blocked),
        (0, Some(reports(GOOD)), Passed),
        (0, Some(reports(&[GOOD, SKIPPED].concat())), Passed),
        (0, Some(reports(&[GOOD, BAD].concat())), Blocked),
        (0, Some(reports("")), Inconclusive),
        (0, Some(reports(SKIPPED)), Inconclusive),
        (0, Some(TestReports::default()), Inconclusive),
        (0, Some(stale(GOOD)), Inconclusive),
        (0, Some(stale(BAD)), Blocked),
        (0, Some(broken(GOOD)), Inconclusive),
        (0, Some(broken(BAD)), Blocked),
        (1, Some(reports(GOOD)), Blocked),
        (1, Some(reports(BAD)), Blocked),
        (1, Some(reports(SKIPPED)), Blocked),
        (
            0,
            Some(TestReports { unusable: vec![Finding::inconclusive("junit")], ..TestReports::default() }),
            Inconclusive,
        ),
        (1, Some(TestReports::default()), Blocked),
        (127, Some(reports(GOOD)), Inconclusive),
        (127, Some(reports(BAD)), Blocked),
    ] {
        let case = format!("{code} {reports:?}");
        assert_eq!(verdict(&exited(code, reports.as_ref(), &[])), expected, "{case}");
    }
}

#[test]
fn a_command_without_an_exit_code_is_inconclusive() {
    for (exit, actual) in [
        (CommandExit::Signalled(9), "ended by signal 9"),
        (
            CommandExit::Unobservable(Finding::inconclusive("npm").actual("no such program").next("install it")),
            "npm: no such program",
        ),
    ] {
        let findings = judged(exit, None, &[]);
        assert_eq!(verdict(&findings), Inconclusive);
        assert!(find(&findings, COMMAND).actual.contains(actual), "{findings:?}");
    }
    let signalled = judged(CommandExit::Signalled(9), Some(&reports(BAD)), &[]);
    assert_eq!(verdict(&signalled), Blocked, "a test that failed before the signal has failed");
    let unobservable = judged(CommandExit::Unobservable(Finding::inconclusive("")), Some(&reports(GOOD)), &[]);
    assert_eq!(verdict(&unobservable), Inconclusive, "reports of a command that did not run do not count");
}

#[test]
fn a_command_passes_only_with_its_end_and_its_reports() {
    assert_eq!(running().verdict, Inconclusive);
    let timed_out = judge(&criteria(), None, None);
    assert_eq!((timed_out.len(), verdict(&timed_out)), (1, Blocked));
    let ended = EndedCommand { exit: CommandExit::Exited(0), at: AT.to_owned(), took: TOOK, failed_before: 0 };
    let unread = judge(&criteria(), Some(&ended), None);
    assert_eq!((find(&unread, TESTS).verdict, find(&unread, COMMAND).verdict), (Inconclusive, Passed));
    let without_reports = SmokeCriteria { junit: false, ..criteria() };
    assert_eq!(verdict(&judge(&without_reports, Some(&ended), None)), Passed);
}

#[test]
fn findings_name_the_test_and_the_failure() {
    let findings = exited(1, Some(&reports(&[GOOD, BAD, SKIPPED].concat())), &[]);
    assert_eq!(findings[0].actual, "1 of 2 failed, 1 skipped");
    let headline = "tests 1 of 2 failed, limit all pass: `checkout › pays` expected 200, got 500";
    assert_eq!(findings[0].headline(), headline);
    assert!(findings[1].to_string().starts_with("checkout › pays: expected 200, got 500; expected passed; next: fix"));
    assert_eq!(findings[1].evidence[0].source, "r.xml");
    assert_eq!(find(&findings, COMMAND).actual, "exit code 1");
    assert_eq!(find(&findings, COMMAND).evidence[0].source, "npm run smoke");
    let actual =
        |code, reports: Option<TestReports>| find(&exited(code, reports.as_ref(), &[]), COMMAND).actual.clone();
    assert_eq!(actual(0, None), "exit code 0; tests not counted (no `junit`)");
    assert_eq!(actual(0, Some(reports(GOOD))), "exit code 0");
    assert_eq!(actual(1, Some(reports(GOOD))), "exit code 1, though its reports show no failure");
    assert_eq!(actual(1, Some(reports(SKIPPED))), "exit code 1", "no test ran that could show one");
    assert_eq!(actual(137, None), "exit code 137, which shells use for signal 9");
    assert_eq!(actual(127, None), "exit code 127: something it calls was not found");
    assert_eq!(
        find(&exited(0, Some(&reports(&[GOOD, SKIPPED].concat())), &[]), TESTS).actual,
        "1 ran, none failed, 1 skipped"
    );
    assert_eq!(find(&exited(0, Some(&reports(SKIPPED)), &[]), TESTS).actual, "none ran, 1 skipped");
    let silent = exited(1, Some(&reports("<testcase name='a'><failure/></testcase>")), &[]);
    assert_eq!(silent[1].actual, "failed, without a message");
}

#[test]
fn a_passed_headline_has_the_count_and_the_time() {
    let findings = exited(0, Some(&reports(&[GOOD, SKIPPED].concat())), &[]);
    assert_eq!(findings[0].headline(), "tests 1 of 1 passed in 2.1 s, limit all pass");
    assert_eq!(find(&findings, COMMAND).figures, None);
    assert_eq!(exited(0, None, &[])[0].headline(), "command exit code 0 in 2.1 s");
}

#[test]
fn every_finding_that_did_not_pass_says_what_to_do() {
    let many: String = (0..9).map(|n| format!("<testcase name='t{n}'><error message='e{n}'/></testcase>")).collect();
    let unusable = vec![Finding::inconclusive("a.xml").actual("cut off").next("write it"); NAMED_REPORTS + 1];
    let broken = TestReports { unusable, stale: vec!["old.xml".to_owned()], ..TestReports::default() };
    let without_reports = SmokeCriteria { junit: false, ..criteria() };
    let ended = EndedCommand { exit: CommandExit::Exited(0), at: AT.to_owned(), took: TOOK, failed_before: 0 };
    for findings in [
        exited(1, Some(&reports(BAD)), &["search"]),
        exited(1, Some(&reports(&many)), &[]),
        exited(0, Some(&reports(SKIPPED)), &[]),
        exited(0, Some(&broken), &[]),
        exited(3, None, &[]),
        exited(127, None, &[]),
        judged(CommandExit::Signalled(9), None, &[]),
        judge(&without_reports, None, None),
        judge(&criteria(), Some(&ended), None),
    ] {
        let silent: Vec<&Finding> =
            findings.iter().filter(|finding| finding.verdict != Passed && finding.next.is_none()).collect();
        assert_eq!(silent, [&findings[0]; 0]);
        assert_ne!(verdict(&findings), Passed);
    }
}

#[test]
fn tests_of_several_reports_count_together() {
    let mut both = reports(SKIPPED);
    both.read.push(("two.xml".to_owned(), suite(GOOD)));
    assert_eq!(verdict(&exited(0, Some(&both), &[])), Passed, "one of them has a test that ran");
    both.read.push(("three.xml".to_owned(), suite(BAD)));
    let findings = exited(0, Some(&both), &[]);
    assert_eq!((verdict(&findings), findings[1].evidence[0].source.as_str()), (Blocked, "three.xml"));
}

#[test]
fn a_critical_test_must_be_among_those_that_ran() {
    let good = reports(&[GOOD, SKIPPED].concat());
    assert_eq!(verdict(&exited(0, Some(&good), &["login"])), Passed);
    for (critical, message) in [
        ("later", "later: skipped"),
        ("search", "search: not among the 1 tests that ran"),
        ("logim", "did you mean `login`?"),
    ] {
        let findings = exited(0, Some(&good), &["login", critical]);
        assert_eq!(verdict(&findings), Inconclusive, "{critical}");
        let missing = find(&findings, critical);
        assert!(missing.to_string().contains(message), "{missing}");
    }
    let failed = exited(0, Some(&reports(&[GOOD, BAD].concat())), &["login", "pays"]);
    assert!(failed.iter().all(|finding| finding.verdict != Inconclusive), "it ran, and failed: {failed:?}");
    let other = exited(1, Some(&reports(&[GOOD, BAD].concat())), &["login"]);
    assert_eq!(verdict(&other), Passed, "a failure that is not listed warns");
    assert_eq!(other.iter().filter(|finding| finding.waived.is_some()).count(), 3, "{other:?}");
    assert_eq!(find(&other, COMMAND).waived.as_deref(), Some("no test that failed is among `critical`"));
    for code in [126, 127, 137] {
        assert_ne!(verdict(&exited(code, Some(&reports(&[GOOD, BAD].concat())), &["login"])), Passed, "{code}");
    }
    let cut_off = TestReports { unusable: vec![Finding::inconclusive("b.xml")], ..reports(&[GOOD, BAD].concat()) };
    assert_eq!(verdict(&exited(1, Some(&cut_off), &["login"])), Blocked, "more may have failed than is shown");
    assert_eq!(verdict(&exited(1, Some(&reports(GOOD)), &["login"])), Blocked, "nothing explains the exit code");
}

const FLAKY_TEST: &str = "<testcase name='search'><flakyFailure message='timeout'/></testcase>";

#[test]
fn flaky_tests_warn_and_block_over_their_limit() {
    let flaky = reports(&[GOOD, FLAKY_TEST].concat());
    let judged = |max_flaky| {
        let criteria = SmokeCriteria { max_flaky, ..criteria() };
        let ended = EndedCommand { exit: CommandExit::Exited(0), at: AT.to_owned(), took: TOOK, failed_before: 0 };
        judge(&criteria, Some(&ended), Some(&flaky))
    };
    for (limit, expected) in [(None, Passed), (Some(1), Passed), (Some(0), Blocked)] {
        let findings = judged(limit);
        assert_eq!(verdict(&findings), expected, "{limit:?}");
        let finding = find(&findings, "flaky tests");
        assert_eq!(finding.actual, "1 failed, then passed: search; first: timeout");
        assert_eq!(finding.waived.is_some(), expected == Passed);
    }
    assert_eq!(test_tables(&flaky)[0].title, "Flaky tests");
}

#[test]
fn attempts_of_one_test_count_together_if_the_command_passed() {
    let again = "<testcase classname='checkout' name='pays'/>";
    let mut passed = reports(&[GOOD, BAD, again].concat());
    let failed = exited(1, Some(&passed), &[]);
    assert_eq!(verdict(&failed), Blocked);
    passed.merge_attempts();
    let findings = exited(0, Some(&passed), &[]);
    assert_eq!(verdict(&findings), Passed);
    let actual = "1 failed, then passed: checkout › pays; first: expected 200, got 500";
    assert_eq!(find(&findings, "flaky tests").actual, actual);
}

#[test]
fn what_failed_in_an_earlier_run_is_flaky_or_still_failed() {
    let earlier = reports(&[GOOD, BAD].concat());
    let again = "<testcase classname='checkout' name='pays'/>";
    for (now, expected) in [
        ([GOOD, again].concat(), Passed),
        (GOOD.to_owned(), Blocked),
        ([GOOD, "<testcase classname='checkout' name='pays'><skipped/></testcase>"].concat(), Blocked),
        (BAD.to_owned(), Blocked),
    ] {
        let mut reports = reports(&now);
        reports.add_earlier(&earlier);
        assert_eq!(verdict(&exited(0, Some(&reports), &[])), expected, "{now}");
    }
    let ended = EndedCommand { exit: CommandExit::Exited(0), at: AT.to_owned(), took: TOOK, failed_before: 1 };
    let findings = judge(&SmokeCriteria { junit: false, ..criteria() }, Some(&ended), None);
    assert_eq!(findings[0].waived.as_deref(), Some("it failed before, and passed at attempt 2"));
}

#[test]
fn too_few_tests_and_tests_that_are_not_shown_are_inconclusive() {
    let one = |totals: &str| {
        let text = format!("<testsuite {totals}>{GOOD}</testsuite>");
        let suite = junit::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        TestReports { read: vec![("r.xml".to_owned(), suite)], ..TestReports::default() }
    };
    for (totals, min_tests, expected) in [
        ("", Some(1), Passed),
        ("", Some(2), Inconclusive),
        ("tests='1'", None, Passed),
        ("tests='10'", None, Inconclusive),
        ("tests='10'", Some(1), Passed),
        ("tests='10'", Some(2), Inconclusive),
        ("tests='10' skipped='9'", None, Passed),
    ] {
        let criteria = SmokeCriteria { min_tests, ..criteria() };
        let ended = EndedCommand { exit: CommandExit::Exited(0), at: AT.to_owned(), took: TOOK, failed_before: 0 };
        let findings = judge(&criteria, Some(&ended), Some(&one(totals)));
        assert_eq!(verdict(&findings), expected, "{totals} {min_tests:?}");
    }
}

#[test]
fn a_report_from_before_the_time_limit_names_what_failed() {
    let findings = judge(&criteria(), None, Some(&reports(&[GOOD, BAD].concat())));
    assert_eq!(verdict(&findings), Blocked);
    assert_eq!(find(&findings, TESTS).actual, "1 of 2 failed; first: `checkout › pays` expected 200, got 500");
    assert_eq!(judge(&criteria(), None, Some(&reports(GOOD))).len(), 1, "what passed until then says nothing");
}

#[test]
fn the_total_comes_first_and_of_many_failures_a_few_are_named() {
    let failing = |count: usize| -> TestReports {
        let cases = |n| format!("<testcase name='t{n}'><error message='e{n}'/></testcase>");
        reports(&(0..count).map(cases).collect::<String>())
    };
    let checks = |count| -> Vec<String> {
        exited(1, Some(&failing(count)), &[]).into_iter().map(|finding| finding.check).collect()
    };
    assert_eq!(checks(3), [TESTS, "t0", "t1", "t2", COMMAND]);
    assert_eq!(checks(4), [TESTS, COMMAND]);
    let findings = exited(1, Some(&failing(20_000)), &[]);
    assert_eq!(findings[0].actual, "20,000 of 20,000 failed: t0, t1, t2 and 19,997 more");
    assert_eq!(findings[0].headline(), "tests 20,000 of 20,000 failed, limit all pass: `t0` e0");
    assert_eq!(find(&findings, COMMAND).headline(), "command exit code 1");

    let tables = |count| -> Vec<(String, bool, usize)> {
        let tables = test_tables(&failing(count)).into_iter();
        tables.map(|table| (table.title, table.open, table.rows.len())).collect()
    };
    assert_eq!(tables(0), []);
    assert_eq!(tables(3), [("Failing tests".to_owned(), false, 3)], "the checks show them already");
    assert_eq!(tables(4), [("Failing tests (3 of 4)".to_owned(), true, 3), ("Failing tests".to_owned(), false, 4)]);
    let (few, all) = ("Failing tests (3 of 20,000)".to_owned(), "Failing tests (200 of 20,000)".to_owned());
    assert_eq!(tables(20_000), [(few, true, 3), (all, false, 200)]);
    assert_eq!(test_tables(&failing(9))[1].rows[1], ["t1", "r.xml", "e1"]);
    let file = "<testcase name='a' file='a.spec.ts'><failure>Error: x\n at y</failure></testcase>";
    assert_eq!(test_tables(&reports(file))[0].rows[0], ["a", "a.spec.ts", "Error: x"]);
}

#[test]
fn the_first_unusable_reports_are_named_and_the_others_counted() {
    let errors = vec![Finding::inconclusive("a.xml").actual("cut off"); NAMED_REPORTS + 5];
    let findings = exited(0, Some(&TestReports { unusable: errors, ..TestReports::default() }), &[]);
    assert_eq!(find(&findings, "reports").actual, "5 more cannot be used");
    let paths = (0..9).map(|n| format!("{n}.xml")).collect();
    let findings = exited(0, Some(&TestReports { stale: paths, ..TestReports::default() }), &[]);
    let actual = &find(&findings, "reports").actual;
    assert_eq!(actual, "of an earlier run, not written by this one: 0.xml, 1.xml, 2.xml and 6 more");
}

#[test]
fn long_texts_are_clipped() {
    let long = "x".repeat(5000);
    let test_reports = reports(&format!("<testcase name='{long}'><failure message='{long}'/></testcase>"));
    let findings = exited(1, Some(&test_reports), &[]);
    assert!(findings[0].headline().chars().count() < 250, "{}", findings[0].headline());
    assert_eq!((findings[1].check.chars().count(), findings[1].actual.chars().count()), (NAME, MESSAGE));
    assert!(test_tables(&test_reports)[0].rows[0].iter().all(|cell| cell.text().chars().count() <= MESSAGE));
}

#[test]
fn a_shortened_message_ends_at_a_space() {
    for (message, shown) in [
        ("expected 200, got 500".to_owned(), "expected 200, got 500".to_owned()),
        (format!("no answer from https://staging.example/{}", "x".repeat(SHORT)), "no answer from …".to_owned()),
        ("x".repeat(SHORT + 1), format!("{}…", "x".repeat(SHORT - 1))),
    ] {
        assert_eq!(beginning(&message), shown);
    }
}

#[test]
fn the_last_lines_go_into_the_finding_and_a_table() {
    let lines = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<String>>();
    let mut finding = timed_out(&criteria());
    quote_last(&mut finding, &lines(5));
    assert!(finding.actual.starts_with("no end within 10m") && finding.actual.ends_with("; its last lines:\n2\n3\n4"));
    assert_eq!(finding.headline(), "command not ended after 10m: 4");
    let shapes = |count, is_only_reason| -> Vec<(bool, usize)> {
        last_lines(&lines(count), is_only_reason).iter().map(|table| (table.open, table.rows.len())).collect()
    };
    assert_eq!(shapes(5, true), [(true, 1)]);
    assert_eq!(shapes(50, true), [(true, 1), (false, 50)]);
    assert_eq!(shapes(5, false), [(false, 5)], "failing tests say more");
    assert_eq!(last_lines(&lines(12), true)[0].rows[0], ["2\n3\n4\n5\n6\n7\n8\n9\n10\n11"]);
    let before = finding.clone();
    quote_last(&mut finding, &[]);
    assert_eq!((finding, last_lines(&[], true), last_lines(&[], false)), (before, Vec::new(), Vec::new()));
}
