//! Judges the reports: which tests failed, which were flaky, which are missing.

use std::time::Duration;

use super::{
    criteria::{EndedCommand, SmokeCriteria},
    names::{MESSAGE, NAME, SHORT, beginning, count},
};
use crate::{
    commands::smoke::{
        critical::CriticalTest,
        test_reports::TestReports,
        test_suite::{TestCase, TestFailure, TestOutcome},
    },
    finding::{Figures, Finding},
    values::{clip, closest, figures::elapsed},
};

/// The check of all tests together.
pub const TESTS: &str = "tests";

/// If at most this many tests failed, each has its own finding; of more, the finding on all tests names the first.
pub const NAMED: usize = 3;
/// The most unusable reports that get one finding each.
pub const NAMED_REPORTS: usize = 5;
/// The most test names that a missing one is compared with to suggest a name.
const COMPARED: usize = 2000;
/// What to do about failing tests. It is the same for all of them, so the page shows it once.
pub const FIX_TESTS: &str = "fix what the failing tests show, and run the gate again; the log has their output";

/// A failed test: the path of its report, the test, and the failure.
type Failed<'a> = (&'a str, &'a TestCase, &'a TestFailure);

/// A finding on all tests together, then one for each failing test if they are few, each missing critical test and each
/// unusable report. `ended` is `None` if the time limit ended the command: then only what the reports show counts.
pub fn judge_tests(criteria: &SmokeCriteria<'_>, reports: &TestReports, ended: Option<&EndedCommand>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(ended) = ended else {
        if reports.failed().next().is_some() {
            let mut finding = all_tests(criteria, reports, criteria.timeout.0);
            if let Some(first) = first_failure(criteria, reports) {
                finding.actual.push_str(&format!("; first: {first}"));
            }
            findings.push(finding);
        }
        return findings;
    };
    // Without a valid report, the findings on the reports say more than that no test ran.
    if !reports.read.is_empty() || reports.stale.is_empty() && reports.unusable.is_empty() {
        findings.push(all_tests(criteria, reports, ended.took));
    }
    if reports.failed().nth(NAMED).is_none() {
        findings.extend(reports.failed().map(|failed| failed_test(criteria, failed, &ended.at)));
    }
    if reports.ran() > 0 {
        findings.extend(criteria.critical.iter().filter_map(|critical| missing_test(critical, reports)));
    }
    findings.extend(flaky_tests(criteria, reports));
    findings.extend(too_few_tests(criteria, reports));
    findings.extend(missing_tests(criteria, reports));
    findings.extend(stale_reports(&reports.stale));
    findings.extend(reports.unusable.iter().take(NAMED_REPORTS).cloned());
    if let Some(more) = reports.unusable.len().checked_sub(NAMED_REPORTS).filter(|more| *more > 0) {
        findings.push(
            Finding::inconclusive("reports")
                .actual(format!("{} more cannot be used", count(more)))
                .next("let `junit` name only the reports of the smoke tests"),
        );
    }
    findings
}

fn failed_test(criteria: &SmokeCriteria<'_>, (path, case, failure): Failed<'_>, at: &str) -> Finding {
    let check = clip(&case.full_name(), NAME);
    let message = clip(message(failure), MESSAGE);
    let finding = if criteria.is_critical(case) {
        Finding::blocked(check).next(FIX_TESTS)
    } else {
        Finding::passed(check).waived(NOT_CRITICAL)
    };
    finding.actual(message).expected("passed").seen_at(path, at)
}

/// Why a failing test does not block.
const NOT_CRITICAL: &str = "it failed, and is not among `critical`";

pub fn message(failure: &TestFailure) -> &str {
    match failure.headline() {
        "" => "failed, without a message",
        headline => headline,
    }
}

fn missing_test(critical: &CriticalTest, reports: &TestReports) -> Option<Finding> {
    let matching =
        || reports.cases().filter(|case| critical.matches(&case.name) || critical.matches(&case.full_name()));
    if matching().any(|case| case.outcome != TestOutcome::Skipped) {
        return None;
    }
    let finding = Finding::inconclusive(critical.as_str()).expected("a test that ran");
    if matching().next().is_some() {
        return Some(finding.actual("skipped").next("run it: whether this path works is unknown"));
    }
    let known: Vec<&str> = reports.cases().take(COMPARED).map(|case| case.name.as_str()).collect();
    let next = match closest(critical.as_str(), &known) {
        Some(close) => format!("did you mean `{}`?", clip(close, NAME)),
        None => "correct the name in `critical`, or see why the test did not run".to_owned(),
    };
    Some(finding.actual(format!("not among the {} tests that ran", count(reports.ran()))).next(next))
}

/// The tests that passed only when they were repeated.
fn flaky_tests(criteria: &SmokeCriteria<'_>, reports: &TestReports) -> Option<Finding> {
    let flaky = reports.flaky().count();
    if flaky == 0 {
        return None;
    }
    let names: Vec<String> = reports.flaky().take(NAMED).map(|(_, case, _)| clip(&case.full_name(), SHORT)).collect();
    let more = if flaky > NAMED { format!(" and {} more", count(flaky - NAMED)) } else { String::new() };
    let first = reports.flaky().map(|(_, _, failure)| failure.headline()).find(|headline| !headline.is_empty());
    let reason = first.map(|headline| format!("; first: {}", beginning(headline))).unwrap_or_default();
    let actual = format!("{} failed, then passed: {}{more}{reason}", count(flaky), names.join(", "));
    Some(match criteria.max_flaky {
        Some(limit) if flaky > limit as usize => Finding::blocked(FLAKY)
            .actual(actual)
            .expected(format!("at most {limit}"))
            .next("make these tests reliable, or raise `max-flaky`"),
        _ => Finding::passed(FLAKY).actual(actual).waived("each passed when it was repeated"),
    })
}

/// The check of the tests that passed only when they were repeated.
const FLAKY: &str = "flaky tests";

/// Fewer tests than expected: a suite that cannot be loaded is missing in the reports of some runners.
fn too_few_tests(criteria: &SmokeCriteria<'_>, reports: &TestReports) -> Option<Finding> {
    let (minimum, ran) = (criteria.min_tests?, reports.ran());
    (ran > 0 && ran < minimum as usize).then(|| {
        Finding::inconclusive("number of tests")
            .actual(format!("{} ran", count(ran)))
            .expected(format!("at least {minimum}"))
            .next("see in the log which suite did not load; if tests were removed, lower `min-tests`")
    })
}

/// Tests that stand only in the totals of a report: how they ended is unknown.
fn missing_tests(criteria: &SmokeCriteria<'_>, reports: &TestReports) -> Option<Finding> {
    let missing = reports.missing();
    if missing == 0 || reports.ran() == 0 {
        return None;
    }
    let shown: usize = reports.read.iter().map(|(_, suite)| suite.cases.len()).sum();
    let check = "totals of the reports";
    let actual = format!("they count {} more tests than the {} that are shown", count(missing), count(shown));
    let finding = Finding::inconclusive(check).actual(actual).expected("every test that is counted");
    Some(match criteria.min_tests {
        Some(minimum) if reports.ran() >= minimum as usize => Finding::passed(check)
            .actual(finding.actual)
            .expected(finding.expected)
            .waived(format!("at least {minimum} ran, as `min-tests` asks for")),
        _ => finding.next(
            "see that the runner ended by itself; if it counts something other than tests there, set `min-tests` to how many have to run",
        ),
    })
}

fn stale_reports(paths: &[String]) -> Option<Finding> {
    let shown: Vec<String> = paths.iter().take(3).map(|path| clip(path, NAME)).collect();
    let more = paths.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!paths.is_empty()).then(|| {
        Finding::inconclusive("reports")
            .actual(format!("of an earlier run, not written by this one: {}{more}", shown.join(", ")))
            .expected("reports that this run wrote")
            .next("delete old reports before the run, or let `junit` name only those that the smoke tests write")
    })
}

fn all_tests(criteria: &SmokeCriteria<'_>, reports: &TestReports, took: Duration) -> Finding {
    let (ran, failed, skipped) = (reports.ran(), reports.failed().count(), skipped(reports));
    let expected = "at least one test, and none that fails";
    if failed > 0 {
        let is_critical = |(_, case, _): &Failed<'_>| criteria.is_critical(case);
        let blocks = reports.failed().any(|failed| is_critical(&failed));
        let now = format!("{} of {} failed", count(failed), count(ran.max(failed)));
        let actual = format!("{now}{skipped}{}", first_failures(reports, failed));
        let figures = Figures { cause: first_failure(criteria, reports), ..Figures::now(now).limit("all pass") };
        return if blocks {
            Finding::blocked(TESTS).expected(expected).figures(figures).next(FIX_TESTS)
        } else {
            Finding::passed(TESTS)
                .expected("none that is among `critical` fails")
                .waived("none of them is among `critical`")
        }
        .actual(actual);
    }
    if ran == 0 {
        return Finding::inconclusive(TESTS)
            .actual(format!("none ran{skipped}"))
            .expected(expected)
            .next("look at the filter that picks the tests: one that matches nothing makes every run green");
    }
    let ran = count(ran);
    Finding::passed(TESTS)
        .actual(format!("{ran} ran, none failed{skipped}"))
        .expected(expected)
        .figures(Figures::now(format!("{ran} of {ran} passed in {}", elapsed(took))).limit("all pass"))
}

/// `, 2 skipped`
fn skipped(reports: &TestReports) -> String {
    match reports.skipped() {
        0 => String::new(),
        skipped => format!(", {} skipped", count(skipped)),
    }
}

/// The names of the first failing tests if they have no findings of their own.
fn first_failures(reports: &TestReports, failed: usize) -> String {
    if failed <= NAMED {
        return String::new();
    }
    let names: Vec<String> = reports.failed().take(NAMED).map(|(_, case, _)| clip(&case.full_name(), SHORT)).collect();
    format!(": {} and {} more", names.join(", "), count(failed - NAMED))
}

/// `` `checkout › pays by card` expected 200, got 500 ``, of the first test that blocks.
fn first_failure(criteria: &SmokeCriteria<'_>, reports: &TestReports) -> Option<String> {
    let (_, case, failure) = reports.failed().find(|(_, case, _)| criteria.is_critical(case))?;
    Some(format!("`{}` {}", clip(&case.full_name(), SHORT), beginning(message(failure))))
}
