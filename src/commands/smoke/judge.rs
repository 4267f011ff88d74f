//! Judges the smoke tests by how the command ended, what its reports contain, and whether the critical tests ran.

mod criteria;
mod names;
mod reported;
mod tables;

use super::test_reports::TestReports;
use crate::{
    finding::{Figures, Finding},
    team_command::exit::CommandExit,
    values::{clip, figures::elapsed},
};
use names::{NAME, beginning};
use reported::{FIX_TESTS, TESTS, judge_tests};

pub use criteria::{EndedCommand, SmokeCriteria};
pub use tables::{last_lines, test_tables};

/// The check of the command itself.
pub const COMMAND: &str = "command";

/// How many of the last lines a finding quotes.
const QUOTED: usize = 3;

/// The finding while the command runs, for the report of a cancelled step.
pub fn running() -> Finding {
    Finding::inconclusive(COMMAND).actual("it has not ended").expected("exit code 0")
}

/// The same for a file of checks.
pub fn running_checks() -> Finding {
    Finding::inconclusive(TESTS).actual("the paths have not ended").expected("that all of them pass")
}

/// The findings on the paths of a file of checks. They are tests like those of a report.
pub fn judge_checks(criteria: &SmokeCriteria<'_>, ended: &EndedCommand, paths: &TestReports) -> Vec<Finding> {
    judge_tests(criteria, paths, Some(ended))
}

/// The findings once the command has ended; `None`: it did not end within the time limit, and only what its reports show to
/// have failed counts. `reports` are `None` as long as they were not read.
pub fn judge(
    criteria: &SmokeCriteria<'_>,
    ended: Option<&EndedCommand>,
    reports: Option<&TestReports>,
) -> Vec<Finding> {
    let Some(ended) = ended else {
        let mut findings = vec![timed_out(criteria)];
        findings.extend(reports.into_iter().flat_map(|reports| judge_tests(criteria, reports, None)));
        return findings;
    };
    let command = |reports| judge_command(criteria, ended, reports).seen_at(criteria.command, &ended.at);
    if !criteria.wants_reports(Some(ended)) {
        return vec![command(None)];
    }
    let Some(reports) = reports else {
        let unread = Finding::inconclusive(TESTS).actual("the reports were not read in time");
        let unread = unread.expected("at least one test").next("let `junit` name fewer or smaller reports");
        return vec![unread, command(None)];
    };
    let mut findings = judge_tests(criteria, reports, Some(ended));
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
    let is_tolerated = reports.is_some_and(|reports| criteria.tolerates(reports));
    let finding = match code {
        0 if ended.failed_before > 0 => Finding::passed(COMMAND)
            .waived(format!("it failed before, and passed at attempt {}", ended.failed_before + 1)),
        0 => Finding::passed(COMMAND),
        1..=125 if is_tolerated => Finding::passed(COMMAND).waived("no test that failed is among `critical`"),
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

#[cfg(test)]
mod tests;
