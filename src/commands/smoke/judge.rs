//! Judges the smoke tests by how the command ended, what its reports contain, and whether the critical tests ran.

use super::{
    command_exit::CommandExit,
    critical::CriticalTest,
    junit::{TestCase, TestFailure, TestOutcome},
    test_reports::TestReports,
};
use crate::{
    finding::Finding,
    report::Table,
    values::{HumanDuration, clip, closest},
};

/// The check of the command itself.
pub const COMMAND: &str = "command";
/// The check of all tests together.
const TESTS: &str = "tests";

/// The most failing tests, and the most unusable reports, that get one finding each.
const NAMED: usize = 20;
/// The most rows of a table.
const ROWS: usize = 200;
/// The most characters of a test's name and of its message.
const NAME: usize = 200;
const MESSAGE: usize = 500;
/// The most test names that a missing one is compared with to suggest a name.
const COMPARED: usize = 2000;
/// How many of the last lines a finding quotes.
const QUOTED: usize = 3;

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
    let Some(EndedCommand { exit, at }) = ended else { return vec![timed_out(criteria)] };
    let command = |reports| judge_command(criteria, exit, reports).seen_at(criteria.command, at);
    if !criteria.wants_reports(exit) {
        return vec![command(None)];
    }
    let Some(reports) = reports else {
        let unread = Finding::inconclusive(TESTS).actual("the reports were not read").expected("at least one test");
        return vec![unread, command(None)];
    };
    let mut findings = judge_tests(criteria, reports, at);
    findings.push(command(Some(reports)));
    findings
}

fn timed_out(criteria: &SmokeCriteria<'_>) -> Finding {
    Finding::blocked(COMMAND)
        .actual(format!("no end within {}: it was ended, with everything that it started", criteria.timeout))
        .expected(format!("an end within {}", criteria.timeout))
        .next("see what it waited for; if it only needs longer, raise `timeout`")
}

fn judge_command(criteria: &SmokeCriteria<'_>, exit: &CommandExit, reports: Option<&TestReports>) -> Finding {
    let code = match exit {
        CommandExit::Exited(code) => *code,
        CommandExit::Signalled(signal) => {
            return Finding::inconclusive(COMMAND)
                .actual(format!("ended by signal {signal} before it was through"))
                .expected("exit code 0")
                .next("run it again; signal 9 most often says that the machine was out of memory");
        }
        CommandExit::Unobservable(finding) => {
            let finding = finding.clone();
            let program = if finding.check.is_empty() { String::new() } else { format!("{}: ", finding.check) };
            let actual = format!("{program}{}", finding.actual);
            return Finding { check: COMMAND.to_owned(), actual, ..finding };
        }
    };
    let finding = match code {
        0 => Finding::passed(COMMAND),
        // The codes of shells, env, docker and others. Source: POSIX, Shell Command Language, 2.8.2.
        126 | 127 => Finding::inconclusive(COMMAND).next("install what it calls in a step before, or correct its name"),
        _ => Finding::blocked(COMMAND).next("read its last lines, in the log or the job summary"),
    };
    let remark = match code {
        0 if !criteria.junit => "; tests not counted (no `junit`)".to_owned(),
        126 => ": something it calls cannot be executed".to_owned(),
        127 => ": something it calls was not found".to_owned(),
        129..=192 => format!(", which shells use for signal {}", code - 128),
        _ => String::new(),
    };
    let contradicted =
        code != 0 && reports.is_some_and(|reports| reports.ran() > 0 && reports.failed().next().is_none());
    let contradiction = if contradicted { ", though its reports show no failure" } else { "" };
    finding.actual(format!("exit code {code}{remark}{contradiction}")).expected("exit code 0")
}

/// One finding for each failing test, missing critical test and unusable report, and one for all tests together.
fn judge_tests(criteria: &SmokeCriteria<'_>, reports: &TestReports, at: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = reports.failed().take(NAMED).map(|failed| failed_test(failed, at)).collect();
    if reports.ran() > 0 {
        findings.extend(criteria.critical.iter().filter_map(|critical| missing_test(critical, reports)));
    }
    findings.extend(stale_reports(&reports.stale));
    findings.extend(reports.unusable.iter().take(NAMED).cloned());
    if let Some(more) = reports.unusable.len().checked_sub(NAMED).filter(|more| *more > 0) {
        findings.push(Finding::inconclusive("reports").actual(format!("{more} more cannot be used")));
    }
    // Without a valid report, the findings on the reports say more than that no test ran.
    if !reports.read.is_empty() || findings.is_empty() {
        findings.push(all_tests(reports));
    }
    findings
}

fn failed_test((path, case, failure): (&str, &TestCase, &TestFailure), at: &str) -> Finding {
    let actual = match failure.headline() {
        "" => "failed, without a message".to_owned(),
        headline => clip(headline, MESSAGE),
    };
    Finding::blocked(clip(&case.name, NAME)).actual(actual).expected("passed").seen_at(path, at)
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
    Some(finding.actual(format!("not among the {} tests that ran", reports.ran())).next(next))
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

fn all_tests(reports: &TestReports) -> Finding {
    let (ran, failed) = (reports.ran(), reports.failed().count());
    let skipped = match reports.skipped() {
        0 => String::new(),
        skipped => format!(", {skipped} skipped"),
    };
    let finding = match (ran, failed) {
        (_, 1..) => Finding::blocked(TESTS).actual(format!("{failed} of {} failed{skipped}", ran.max(failed))),
        (0, 0) => Finding::inconclusive(TESTS)
            .actual(format!("none ran{skipped}"))
            .next("look at the filter that picks the tests: one that matches nothing makes every run green"),
        (_, 0) => Finding::passed(TESTS).actual(format!("{ran} ran, none failed{skipped}")),
    };
    finding.expected("at least one test, and none that fails")
}

/// The failing tests as a table, if any.
pub fn failing_tests(reports: &TestReports) -> Option<Table> {
    let rows: Vec<Vec<String>> = reports
        .failed()
        .take(ROWS)
        .map(|(path, case, failure)| {
            let file = case.file.as_deref().unwrap_or(path);
            vec![clip(&case.name, NAME), clip(file, NAME), clip(failure.headline(), MESSAGE)]
        })
        .collect();
    let all = reports.failed().count();
    let title =
        if all > rows.len() { format!("Failing tests ({} of {all})", rows.len()) } else { "Failing tests".to_owned() };
    (!rows.is_empty()).then(|| Table::new(title, &["Test", "File", "Message"], rows))
}

/// Quotes the last printed lines in a finding.
pub fn quote_last(finding: &mut Finding, last: &[String]) {
    let quoted = &last[last.len().saturating_sub(QUOTED)..];
    if !quoted.is_empty() {
        let lines: Vec<String> = quoted.iter().map(|line| clip(line, NAME)).collect();
        finding.actual.push_str(&format!("; its last lines:\n{}", lines.join("\n")));
    }
}

/// The last printed lines as a table.
pub fn last_lines(last: &[String]) -> Option<Table> {
    let rows = last.iter().map(|line| [line.as_str()]);
    (!last.is_empty()).then(|| Table::new("Last lines of the command", &["Line"], rows))
}

#[cfg(test)]
mod tests;
