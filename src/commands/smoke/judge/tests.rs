use std::time::Duration;

use super::*;
use crate::{
    commands::smoke::junit,
    finding::{
        Verdict::{Blocked, Inconclusive, Passed},
        verdict,
    },
    observe::Decision,
};

const DUE: Moment = Duration::from_secs(600);
const AT: &str = "2026-01-01T00:00:00Z";

fn suite(inner: &str) -> Suite {
    junit::read(format!("<testsuite>{inner}</testsuite>").as_bytes()).unwrap_or_else(|problem| panic!("{problem}"))
}

const GOOD: &str = "<testcase name='login'/>";
const BAD: &str = "<testcase classname='checkout' name='pays'><failure message='expected 200, got 500'/></testcase>";
const SKIPPED: &str = "<testcase name='later'><skipped/></testcase>";

/// Reports of one file.
fn reports(inner: &str) -> Reports {
    Reports { read: vec![("r.xml".to_owned(), suite(inner))], ..Reports::default() }
}

fn judged(end: End, reports: Option<Reports>, critical: &[&str], now: Moment) -> Judgement {
    let critical: Vec<Critical> = critical.iter().map(|name| name.parse().unwrap()).collect();
    let junit = reports.is_some();
    let rules = Rules { due: DUE, timeout: HumanDuration(DUE), junit, critical: &critical, shown: "npm run smoke" };
    judge(&rules, &Seen { end: Some((end, AT.to_owned())), reports }, now)
}

/// The findings when the command ended with `code`.
fn ended(code: i32, reports: Option<Reports>, critical: &[&str]) -> Vec<Finding> {
    let judgement = judged(End::Exited(code), reports, critical, Duration::ZERO);
    assert_eq!(judgement.decision, Decision::Decided);
    judgement.findings
}

fn of<'a>(findings: &'a [Finding], check: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("{check} in {findings:?}"))
}

/// Exit code and reports, both sides of every rule.
#[test]
fn the_worst_of_exit_code_and_reports_counts() {
    let stale = |inner| Reports { stale: vec!["old.xml".to_owned()], ..reports(inner) };
    let broken = |inner| Reports { unusable: vec![Finding::inconclusive("b.xml").actual("cut off")], ..reports(inner) };
    for (code, seen, expected) in [
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
        (0, Some(Reports::default()), Inconclusive),
        (0, Some(stale(GOOD)), Inconclusive),
        (0, Some(stale(BAD)), Blocked),
        (0, Some(broken(GOOD)), Inconclusive),
        (0, Some(broken(BAD)), Blocked),
        (1, Some(reports(GOOD)), Blocked),
        (1, Some(reports(BAD)), Blocked),
        (1, Some(reports(SKIPPED)), Blocked),
        (0, Some(Reports { unusable: vec![Finding::inconclusive("junit")], ..Reports::default() }), Inconclusive),
        (1, Some(Reports::default()), Blocked),
        (127, Some(reports(GOOD)), Inconclusive),
        (127, Some(reports(BAD)), Blocked),
    ] {
        let told = format!("{code} {seen:?}");
        assert_eq!(verdict(&ended(code, seen, &[])), expected, "{told}");
    }
}

#[test]
fn a_command_that_gave_no_exit_code_decides_nothing() {
    for (end, said) in [
        (End::Signalled(9), "ended by signal 9"),
        (
            End::Unseen(Finding::inconclusive("npm").actual("no such program").next("install it")),
            "npm: no such program",
        ),
    ] {
        let judgement = judged(end, None, &[], Duration::ZERO);
        assert_eq!((judgement.decision, verdict(&judgement.findings)), (Decision::Decided, Inconclusive));
        assert!(of(&judgement.findings, COMMAND).actual.contains(said), "{:?}", judgement.findings);
    }
    let signalled = judged(End::Signalled(9), Some(reports(BAD)), &[], Duration::ZERO);
    assert_eq!(verdict(&signalled.findings), Blocked, "what failed before the signal has failed");
    let unobservable = judged(End::Unseen(Finding::inconclusive("")), Some(reports(GOOD)), &[], Duration::ZERO);
    assert_eq!(verdict(&unobservable.findings), Inconclusive, "reports of what did not run say nothing");
}

#[test]
fn it_is_open_until_the_end_the_reports_or_the_time() {
    let rules = Rules { due: DUE, timeout: HumanDuration(DUE), junit: true, critical: &[], shown: "x" };
    let seen = Seen::default();
    for (now, decision, expected) in [
        (Duration::ZERO, Decision::Pending { revisit: Some(DUE) }, Inconclusive),
        (DUE.saturating_sub(Duration::from_millis(1)), Decision::Pending { revisit: Some(DUE) }, Inconclusive),
        (DUE, Decision::Decided, Blocked),
    ] {
        let judgement = judge(&rules, &seen, now);
        assert_eq!((judgement.decision, verdict(&judgement.findings)), (decision, expected), "{now:?}");
    }
    let seen = Seen { end: Some((End::Exited(0), AT.to_owned())), reports: None };
    let unread = judge(&rules, &seen, DUE);
    assert_eq!(unread.decision, Decision::Pending { revisit: None }, "it ended in time; reading is not its fault");
    assert_eq!(verdict(&unread.findings), Inconclusive);
    let rules = Rules { junit: false, ..rules };
    assert_eq!(judge(&rules, &seen, DUE).decision, Decision::Decided);
}

#[test]
fn what_is_said_names_the_path_and_what_it_met() {
    let findings = ended(1, Some(reports(&[GOOD, BAD, SKIPPED].concat())), &[]);
    assert_eq!(findings[0].to_string(), "checkout › pays: expected 200, got 500; expected passed");
    assert_eq!(findings[0].evidence[0].source, "r.xml");
    assert_eq!(of(&findings, TESTS).actual, "1 of 2 failed, 1 skipped");
    assert_eq!(of(&findings, COMMAND).actual, "exit code 1");
    assert_eq!(of(&findings, COMMAND).evidence[0].source, "npm run smoke");
    let said = |code, reports| of(&ended(code, reports, &[]), COMMAND).actual.clone();
    assert_eq!(said(0, None), "exit code 0; tests not counted (no `junit`)");
    assert_eq!(said(0, Some(reports(GOOD))), "exit code 0");
    assert_eq!(said(1, Some(reports(GOOD))), "exit code 1, though its reports show no failure");
    assert_eq!(said(1, Some(reports(SKIPPED))), "exit code 1", "no test ran that could show one");
    assert_eq!(said(137, None), "exit code 137, by which shells tell of signal 9");
    assert_eq!(said(127, None), "exit code 127: something it calls was not found");
    assert_eq!(
        of(&ended(0, Some(reports(&[GOOD, SKIPPED].concat())), &[]), TESTS).actual,
        "1 ran, none failed, 1 skipped"
    );
    assert_eq!(of(&ended(0, Some(reports(SKIPPED)), &[]), TESTS).actual, "none ran, 1 skipped");
    let silent = ended(1, Some(reports("<testcase name='a'><failure/></testcase>")), &[]);
    assert_eq!(silent[0].actual, "failed, and says no more");
}

#[test]
fn tests_of_several_reports_count_together() {
    let mut both = reports(SKIPPED);
    both.read.push(("two.xml".to_owned(), suite(GOOD)));
    assert_eq!(verdict(&ended(0, Some(both.clone()), &[])), Passed, "one of them has a test that ran");
    both.read.push(("three.xml".to_owned(), suite(BAD)));
    let findings = ended(0, Some(both), &[]);
    assert_eq!((verdict(&findings), findings[0].evidence[0].source.as_str()), (Blocked, "three.xml"));
}

#[test]
fn a_critical_path_has_to_be_among_those_that_ran() {
    let good = || Some(reports(&[GOOD, SKIPPED].concat()));
    assert_eq!(verdict(&ended(0, good(), &["login"])), Passed);
    for (critical, said) in [
        ("later", "later: skipped"),
        ("search", "search: not among the 1 tests that ran"),
        ("logim", "did you mean `login`?"),
    ] {
        let findings = ended(0, good(), &["login", critical]);
        assert_eq!(verdict(&findings), Inconclusive, "{critical}");
        assert!(findings[0].to_string().contains(said), "{}", findings[0]);
    }
    let failed = ended(0, Some(reports(&[GOOD, BAD].concat())), &["login", "pays"]);
    assert!(failed.iter().all(|finding| finding.verdict != Inconclusive), "it ran, and failed: {failed:?}");
    let other = ended(0, Some(reports(&[GOOD, BAD].concat())), &["login"]);
    assert_eq!(verdict(&other), Blocked, "a failure that is not listed blocks as well");
}

#[test]
fn many_failures_are_named_as_far_as_a_person_reads_and_counted_beyond() {
    let many: String = (0..300).map(|n| format!("<testcase name='t{n}'><error message='e{n}'/></testcase>")).collect();
    let seen = reports(&many);
    let findings = ended(1, Some(seen.clone()), &[]);
    assert_eq!(
        findings.iter().filter(|finding| finding.check.starts_with('t') && finding.check != TESTS).count(),
        NAMED
    );
    assert_eq!(of(&findings, TESTS).actual, "300 of 300 failed");
    let table = failing_tests(&seen).unwrap();
    assert_eq!((table.rows.len(), table.title.as_str()), (ROWS, "Failing tests (200 of 300)"));
    assert_eq!(table.rows[1], ["t1", "r.xml", "e1"]);
    assert_eq!(failing_tests(&reports(GOOD)), None);
    let file = "<testcase name='a' file='a.spec.ts'><failure>Error: x\n at y</failure></testcase>";
    let table = failing_tests(&reports(file)).unwrap();
    assert_eq!(
        (table.rows[0].as_slice(), table.title.as_str()),
        (&["a", "a.spec.ts", "Error: x"].map(String::from)[..], "Failing tests")
    );

    let errors = vec![Finding::inconclusive("a.xml").actual("cut off"); NAMED + 5];
    let findings = ended(0, Some(Reports { unusable: errors, ..Reports::default() }), &[]);
    assert_eq!(of(&findings, "reports").actual, "5 more cannot be used");
    let paths = (0..9).map(|n| format!("{n}.xml")).collect();
    let findings = ended(0, Some(Reports { stale: paths, ..Reports::default() }), &[]);
    let said = &of(&findings, "reports").actual;
    assert_eq!(said, "of an earlier run, not written by this one: 0.xml, 1.xml, 2.xml and 6 more");
}

#[test]
fn long_texts_are_clipped() {
    let long = "x".repeat(5000);
    let seen = reports(&format!("<testcase name='{long}'><failure message='{long}'/></testcase>"));
    let findings = ended(1, Some(seen.clone()), &[]);
    assert_eq!((findings[0].check.chars().count(), findings[0].actual.chars().count()), (NAME, MESSAGE));
    assert!(failing_tests(&seen).unwrap().rows[0].iter().all(|cell| cell.chars().count() <= MESSAGE));
}

#[test]
fn the_last_lines_go_into_the_finding_and_a_table() {
    let last: Vec<String> = (0..5).map(|n| n.to_string()).collect();
    let mut finding = overdue(&Rules { due: DUE, timeout: HumanDuration(DUE), junit: false, critical: &[], shown: "" });
    quote_last(&mut finding, &last);
    assert!(finding.actual.starts_with("no end within 10m") && finding.actual.ends_with("; its last lines:\n2\n3\n4"));
    assert_eq!(last_lines(&last).unwrap().rows.len(), 5);
    let before = finding.clone();
    quote_last(&mut finding, &[]);
    assert_eq!((finding, last_lines(&[])), (before, None));
}
