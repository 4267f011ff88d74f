//! Judges the smoke tests by how the command ended, what its reports contain, and whether the critical tests ran.

use std::time::Duration;

use super::{
    command_exit::CommandExit,
    critical::CriticalTest,
    junit::{TestCase, TestFailure, TestOutcome},
    test_reports::TestReports,
};
use crate::{
    finding::{Figures, Finding},
    report::Table,
    values::{HumanDuration, clip, closest, figures::elapsed, thousands},
};

/// The check of the command itself.
pub const COMMAND: &str = "command";
/// The check of all tests together.
const TESTS: &str = "tests";

/// If at most this many tests failed, each has a finding of its own; of more, the finding on all tests names the first.
const NAMED: usize = 3;
/// The most unusable reports that get one finding each.
const NAMED_REPORTS: usize = 5;
/// The most rows of a folded table, and of an open one.
const ROWS: usize = 200;
const OPEN_ROWS: usize = 3;
/// The most characters of a test's name and of its message.
const NAME: usize = 200;
const MESSAGE: usize = 500;
/// The same in a headline and in an open table, so that each stays on few lines.
const SHORT: usize = 64;
/// The most test names that a missing one is compared with to suggest a name.
const COMPARED: usize = 2000;
/// How many of the last lines a finding quotes, and how many the page shows open.
const QUOTED: usize = 3;
const OPEN_LINES: usize = 10;
/// The most characters of a line that the page shows open.
const LINE: usize = 160;
/// What to do about failing tests. It is the same for all of them, so the page shows it once.
const FIX_TESTS: &str = "fix what the failing tests show, and run the gate again; the log has their output";

/// What the command and its reports are judged by.
pub struct SmokeCriteria<'a> {
    pub timeout: HumanDuration,
    /// Whether reports are expected.
    pub junit: bool,
    pub critical: &'a [CriticalTest],
    /// The command in one line.
    pub command: &'a str,
}

impl SmokeCriteria<'_> {
    /// Whether to read reports after this exit.
    pub const fn wants_reports(&self, exit: &CommandExit) -> bool {
        self.junit && !matches!(exit, CommandExit::Unobservable(_))
    }
}

/// How the command ended, and when (RFC 3339).
#[derive(Clone, Debug)]
pub struct EndedCommand {
    pub exit: CommandExit,
    pub at: String,
    /// How long it ran.
    pub took: Duration,
}

/// The finding while the command runs, for the report of a cancelled step.
pub fn running() -> Finding {
    Finding::inconclusive(COMMAND).actual("it has not ended").expected("exit code 0")
}

/// The findings once the command has ended; `None`: it did not end within the time limit. `reports` are `None` as long as
/// they were not read.
pub fn judge(
    criteria: &SmokeCriteria<'_>,
    ended: Option<&EndedCommand>,
    reports: Option<&TestReports>,
) -> Vec<Finding> {
    let Some(ended) = ended else { return vec![timed_out(criteria)] };
    let command = |reports| judge_command(criteria, ended, reports).seen_at(criteria.command, &ended.at);
    if !criteria.wants_reports(&ended.exit) {
        return vec![command(None)];
    }
    let Some(reports) = reports else {
        let unread = Finding::inconclusive(TESTS).actual("the reports were not read in time");
        let unread = unread.expected("at least one test").next("let `junit` name fewer or smaller reports");
        return vec![unread, command(None)];
    };
    let mut findings = judge_tests(criteria, reports, ended);
    findings.push(command(Some(reports)));
    findings
}

fn timed_out(criteria: &SmokeCriteria<'_>) -> Finding {
    Finding::blocked(COMMAND)
        .actual(format!("no end within {}: it was ended, with everything that it started", criteria.timeout))
        .expected(format!("an end within {}", criteria.timeout))
        .next("see in its last lines what it waited for; if it only needs longer, raise `timeout`")
        .figures(Figures::now(format!("not ended after {}", criteria.timeout)))
}

fn judge_command(criteria: &SmokeCriteria<'_>, ended: &EndedCommand, reports: Option<&TestReports>) -> Finding {
    let code = match &ended.exit {
        CommandExit::Exited(code) => *code,
        CommandExit::Signalled(signal) => {
            return Finding::inconclusive(COMMAND)
                .actual(format!("ended by signal {signal} before it was through"))
                .expected("exit code 0")
                .next("run it again; signal 9 most often says that the machine was out of memory")
                .figures(Figures::now(format!("ended by signal {signal}")));
        }
        CommandExit::Unobservable(finding) => {
            let finding = finding.clone();
            let program = if finding.check.is_empty() { String::new() } else { format!("{}: ", finding.check) };
            let actual = format!("{program}{}", finding.actual);
            return Finding { check: COMMAND.to_owned(), actual, ..finding };
        }
    };
    let has_failed_tests = reports.is_some_and(|reports| reports.failed().next().is_some());
    let finding = match code {
        0 => Finding::passed(COMMAND),
        // The codes of shells, env, docker and others. Source: POSIX, Shell Command Language, 2.8.2.
        126 | 127 => Finding::inconclusive(COMMAND).next("install what it calls in a step before, or correct its name"),
        _ if has_failed_tests => Finding::blocked(COMMAND).next(FIX_TESTS),
        _ => Finding::blocked(COMMAND).next("fix what its last lines show, and run the gate again"),
    };
    let remark = match code {
        0 if !criteria.junit => "; tests not counted (no `junit`)".to_owned(),
        126 => ": something it calls cannot be executed".to_owned(),
        127 => ": something it calls was not found".to_owned(),
        129..=192 => format!(", which shells use for signal {}", code - 128),
        _ => String::new(),
    };
    let contradicted = code != 0 && !has_failed_tests && reports.is_some_and(|reports| reports.ran() > 0);
    let contradiction = if contradicted { ", though its reports show no failure" } else { "" };
    let finding = finding.actual(format!("exit code {code}{remark}{contradiction}")).expected("exit code 0");
    match code {
        // The figures of the tests say more.
        0 if criteria.junit => finding,
        0 => finding.figures(Figures::now(format!("exit code 0 in {}", elapsed(ended.took)))),
        code => finding.figures(Figures::now(format!("exit code {code}"))),
    }
}

/// A finding on all tests together, then one for each failing test if they are few, each missing critical test and each
/// unusable report.
fn judge_tests(criteria: &SmokeCriteria<'_>, reports: &TestReports, ended: &EndedCommand) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Without a valid report, the findings on the reports say more than that no test ran.
    if !reports.read.is_empty() || reports.stale.is_empty() && reports.unusable.is_empty() {
        findings.push(all_tests(reports, ended.took));
    }
    if reports.failed().nth(NAMED).is_none() {
        findings.extend(reports.failed().map(|failed| failed_test(failed, &ended.at)));
    }
    if reports.ran() > 0 {
        findings.extend(criteria.critical.iter().filter_map(|critical| missing_test(critical, reports)));
    }
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

fn failed_test((path, case, failure): (&str, &TestCase, &TestFailure), at: &str) -> Finding {
    let message = clip(message(failure), MESSAGE);
    Finding::blocked(clip(&case.name, NAME)).actual(message).expected("passed").next(FIX_TESTS).seen_at(path, at)
}

fn message(failure: &TestFailure) -> &str {
    match failure.headline() {
        "" => "failed, without a message",
        headline => headline,
    }
}

fn missing_test(critical: &CriticalTest, reports: &TestReports) -> Option<Finding> {
    let matching = || reports.cases().filter(|case| critical.matches(&case.name));
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

fn all_tests(reports: &TestReports, took: Duration) -> Finding {
    let (ran, failed, skipped) = (reports.ran(), reports.failed().count(), skipped(reports));
    let expected = "at least one test, and none that fails";
    if failed > 0 {
        let now = format!("{} of {} failed", count(failed), count(ran.max(failed)));
        let actual = format!("{now}{skipped}{}", first_failures(reports, failed));
        let figures = Figures { cause: first_failure(reports), ..Figures::now(now).limit("all pass") };
        return Finding::blocked(TESTS).actual(actual).expected(expected).figures(figures).next(FIX_TESTS);
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
    let names: Vec<String> = reports.failed().take(NAMED).map(|(_, case, _)| clip(&case.name, SHORT)).collect();
    format!(": {} and {} more", names.join(", "), count(failed - NAMED))
}

/// `` `checkout › pays by card` expected 200, got 500 ``
fn first_failure(reports: &TestReports) -> Option<String> {
    let (_, case, failure) = reports.failed().next()?;
    Some(format!("`{}` {}", clip(&case.name, SHORT), beginning(message(failure))))
}

/// The beginning of a text, up to a space: half of an address would be another address.
fn beginning(text: &str) -> String {
    let clipped = clip(text, SHORT);
    match clipped.rsplit_once(' ') {
        Some((words, _)) if clipped != text => format!("{words} …"),
        _ => clipped,
    }
}

fn count(number: usize) -> String {
    thousands(u64::try_from(number).unwrap_or(u64::MAX))
}

/// The failing tests as tables: a folded one and, if they have no findings of their own, the first of them in an open one.
pub fn failing_tests(reports: &TestReports) -> Vec<Table> {
    let all = reports.failed().count();
    let table = |limit: usize, shorten: &dyn Fn(&str) -> String| {
        let rows: Vec<[String; 3]> = reports
            .failed()
            .take(limit)
            .map(|(path, case, failure)| {
                let file = case.file.as_deref().unwrap_or(path);
                [clip(&case.name, NAME), clip(file, NAME), shorten(failure.headline())]
            })
            .collect();
        let shown = if all > rows.len() { format!(" ({} of {})", rows.len(), count(all)) } else { String::new() };
        Table::new(format!("Failing tests{shown}"), &["Test", "File", "Message"], rows)
    };
    let mut tables = Vec::new();
    if all > NAMED {
        tables.push(table(OPEN_ROWS, &beginning).open());
    }
    if all > 0 {
        tables.push(table(ROWS, &|message| clip(message, MESSAGE)));
    }
    tables
}

/// Quotes the last printed lines in a finding.
pub fn quote_last(finding: &mut Finding, last: &[String]) {
    let quoted = &last[last.len().saturating_sub(QUOTED)..];
    if let Some(line) = quoted.last() {
        let lines: Vec<String> = quoted.iter().map(|line| clip(line, NAME)).collect();
        finding.actual.push_str(&format!("; its last lines:\n{}", lines.join("\n")));
        if let Some(figures) = &mut finding.figures {
            figures.cause = Some(beginning(line.trim()));
        }
    }
}

/// The last printed lines as tables: the very last of them open if nothing else says what failed, and all folded.
pub fn last_lines(last: &[String], is_only_reason: bool) -> Vec<Table> {
    let mut tables = Vec::new();
    if is_only_reason && !last.is_empty() {
        let shown = &last[last.len().saturating_sub(OPEN_LINES)..];
        let lines: Vec<String> = shown.iter().map(|line| clip(line, LINE)).collect();
        tables.push(Table::new("", &["Last lines of the command"], [[lines.join("\n")]]).open());
    }
    if last.len() > OPEN_LINES || !is_only_reason && !last.is_empty() {
        let rows = last.iter().map(|line| [line.as_str()]);
        tables.push(Table::new(format!("Last {} lines of the command", last.len()), &["Line"], rows));
    }
    tables
}

#[cfg(test)]
mod tests;
