//! The rules: how the command ended, what its reports show, and whether the critical paths were among the tests.

use super::{
    critical::Critical,
    junit::{Case, Failure, Outcome, Suite},
};
use crate::{
    clock::Moment,
    finding::Finding,
    observe::Judgement,
    report::Table,
    values::{HumanDuration, clip, closest},
};

/// The check that is about the command itself.
pub const COMMAND: &str = "command";
/// The check that is about all tests together.
const TESTS: &str = "tests";

/// The most failing tests, and the most files, that have a finding of their own.
const NAMED: usize = 20;
/// The most rows of a table.
const ROWS: usize = 200;
/// The most characters of a test's name and of its message.
const NAME: usize = 200;
const MESSAGE: usize = 500;
/// The most test names that a missing one is compared with.
const COMPARED: usize = 2000;
/// How many of the last lines a finding quotes.
const QUOTED: usize = 3;

/// What is asked for.
pub struct Rules<'a> {
    /// When the time is up, and how long it was.
    pub due: Moment,
    pub timeout: HumanDuration,
    /// Whether reports were asked for.
    pub junit: bool,
    pub critical: &'a [Critical],
    /// The command in one line.
    pub shown: &'a str,
}

/// How the command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Exited(i32),
    Signalled(i32),
    /// It did not start, or nobody could see it end.
    Unseen(Finding),
}

/// The reports after the end. Paths are relative to the workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    pub read: Vec<(String, Suite)>,
    /// Those of an earlier run.
    pub stale: Vec<String>,
    pub unusable: Vec<Finding>,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// The end, and when it was (RFC 3339).
    pub end: Option<(End, String)>,
    pub reports: Option<Reports>,
}

impl Reports {
    fn failed(&self) -> impl Iterator<Item = (&str, &Case, &Failure)> {
        self.read.iter().flat_map(|(path, suite)| suite.failed().map(|(case, failure)| (path.as_str(), case, failure)))
    }

    fn cases(&self) -> impl Iterator<Item = &Case> {
        self.read.iter().flat_map(|(_, suite)| &suite.cases)
    }

    fn ran(&self) -> usize {
        self.read.iter().map(|(_, suite)| suite.ran()).sum()
    }

    fn skipped(&self) -> usize {
        self.read.iter().map(|(_, suite)| suite.skipped).sum()
    }
}

/// Settled when the command has ended and its reports were read, or when its time is up: what comes later is too late.
pub fn judge(rules: &Rules<'_>, seen: &Seen, now: Moment) -> Judgement {
    let Some((end, at)) = &seen.end else {
        if now >= rules.due {
            return Judgement::decided(vec![overdue(rules)]);
        }
        let running = Finding::inconclusive(COMMAND).actual("it has not ended").expected("exit code 0");
        return Judgement::pending_until(vec![running], rules.due);
    };
    let judged = |reports| command(rules, end, reports).seen_at(rules.shown, at);
    if !rules.junit || matches!(end, End::Unseen(_)) {
        return Judgement::decided(vec![judged(None)]);
    }
    let Some(reports) = &seen.reports else {
        let unread = Finding::inconclusive(TESTS).actual("the reports were not read").expected("at least one test");
        return Judgement::pending(vec![unread, judged(None)]);
    };
    let mut findings = tests(rules, reports, at);
    findings.push(judged(Some(reports)));
    Judgement::decided(findings)
}

fn overdue(rules: &Rules<'_>) -> Finding {
    Finding::blocked(COMMAND)
        .actual(format!("no end within {}: it was ended, with everything that it started", rules.timeout))
        .expected(format!("an end within {}", rules.timeout))
        .next("see what it waited for; if it only needs longer, raise `timeout`")
}

fn command(rules: &Rules<'_>, end: &End, reports: Option<&Reports>) -> Finding {
    let code = match end {
        End::Exited(code) => *code,
        End::Signalled(signal) => {
            return Finding::inconclusive(COMMAND)
                .actual(format!("ended by signal {signal} before it was through"))
                .expected("exit code 0")
                .next("run it again; signal 9 most often says that the machine was out of memory");
        }
        End::Unseen(error) => {
            let error = error.clone();
            let what = if error.check.is_empty() { String::new() } else { format!("{}: ", error.check) };
            let seen = format!("{what}{}", error.actual);
            return Finding { check: COMMAND.to_owned(), actual: seen, ..error };
        }
    };
    let finding = match code {
        0 => Finding::passed(COMMAND),
        // Said by shells, env, docker and others. Source: POSIX, Shell Command Language, 2.8.2.
        126 | 127 => Finding::inconclusive(COMMAND).next("install what it calls in a step before, or correct its name"),
        _ => Finding::blocked(COMMAND).next("read its last lines, in the log or the job summary"),
    };
    let remark = match code {
        0 if !rules.junit => "; tests not counted (no `junit`)".to_owned(),
        126 => ": something it calls cannot be executed".to_owned(),
        127 => ": something it calls was not found".to_owned(),
        129..=192 => format!(", by which shells tell of signal {}", code - 128),
        _ => String::new(),
    };
    let contradicted =
        code != 0 && reports.is_some_and(|reports| reports.ran() > 0 && reports.failed().next().is_none());
    let though = if contradicted { ", though its reports show no failure" } else { "" };
    finding.actual(format!("exit code {code}{remark}{though}")).expected("exit code 0")
}

/// One finding for each failing test, missing critical path and useless report, and one for all tests together.
fn tests(rules: &Rules<'_>, reports: &Reports, at: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = reports.failed().take(NAMED).map(|failed| failing(failed, at)).collect();
    if reports.ran() > 0 {
        findings.extend(rules.critical.iter().filter_map(|critical| absent(critical, reports)));
    }
    findings.extend(stale(&reports.stale));
    findings.extend(reports.unusable.iter().take(NAMED).cloned());
    if let Some(more) = reports.unusable.len().checked_sub(NAMED).filter(|more| *more > 0) {
        findings.push(Finding::inconclusive("reports").actual(format!("{more} more cannot be used")));
    }
    // What was found wrong with the only report says more than that no test ran; something must be said.
    if !reports.read.is_empty() || findings.is_empty() {
        findings.push(together(reports));
    }
    findings
}

fn failing((path, case, failure): (&str, &Case, &Failure), at: &str) -> Finding {
    let said = match failure.headline() {
        "" => "failed, and says no more".to_owned(),
        headline => clip(headline, MESSAGE),
    };
    Finding::blocked(clip(&case.name, NAME)).actual(said).expected("passed").seen_at(path, at)
}

fn absent(critical: &Critical, reports: &Reports) -> Option<Finding> {
    let named = || reports.cases().filter(|case| critical.names(&case.name));
    if named().any(|case| case.outcome != Outcome::Skipped) {
        return None;
    }
    let finding = Finding::inconclusive(critical.as_str()).expected("a test that ran");
    if named().next().is_some() {
        return Some(finding.actual("skipped").next("run it: nobody knows whether this path works"));
    }
    let known: Vec<&str> = reports.cases().take(COMPARED).map(|case| case.name.as_str()).collect();
    let next = match closest(critical.as_str(), &known) {
        Some(close) => format!("did you mean `{}`?", clip(close, NAME)),
        None => "correct the name in `critical`, or see why the test did not run".to_owned(),
    };
    Some(finding.actual(format!("not among the {} tests that ran", reports.ran())).next(next))
}

fn stale(paths: &[String]) -> Option<Finding> {
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

fn together(reports: &Reports) -> Finding {
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

/// The failing tests as a table, when there are any.
pub fn failing_tests(reports: &Reports) -> Option<Table> {
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
    let columns = ["Test", "File", "Message"].map(ToOwned::to_owned).into();
    (!rows.is_empty()).then_some(Table { title, open: false, columns, rows })
}

/// Adds what the command said last to a finding about it.
pub fn quote_last(finding: &mut Finding, last: &[String]) {
    let quoted = &last[last.len().saturating_sub(QUOTED)..];
    if !quoted.is_empty() {
        let lines: Vec<String> = quoted.iter().map(|line| clip(line, NAME)).collect();
        finding.actual.push_str(&format!("; its last lines:\n{}", lines.join("\n")));
    }
}

/// What the command said last, as a table.
pub fn last_lines(last: &[String]) -> Option<Table> {
    let rows: Vec<Vec<String>> = last.iter().map(|line| vec![line.clone()]).collect();
    let columns = vec!["Line".to_owned()];
    (!rows.is_empty()).then(|| Table { title: "Last lines of the command".to_owned(), open: false, columns, rows })
}

#[cfg(test)]
mod tests;
