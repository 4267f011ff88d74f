//! The tables beside the findings: what failed and why, what was flaky, what was slow, and what the command printed last.

use std::{cmp::Reverse, time::Duration};

use super::{
    names::{MESSAGE, NAME, beginning, count},
    reported::{NAMED, message},
};
use crate::{
    commands::smoke::{
        test_reports::TestReports,
        test_suite::{TestCase, TestFailure},
    },
    report::Table,
    values::{clip, figures::elapsed},
};

/// The most rows of a folded table, and of an open one.
const ROWS: usize = 200;
const OPEN_ROWS: usize = 3;
/// Of how many failures the whole text is shown, and how much of each in characters.
const TRACES: usize = 20;
const TRACE: usize = 4000;
/// How many of the slowest tests are listed, and from how much on a test counts as slow.
const SLOWEST: usize = 5;
const SLOW: Duration = Duration::from_secs(1);
/// How many lines the page shows open, and the most characters of such a line.
const OPEN_LINES: usize = 10;
const LINE: usize = 160;

/// The tables of the tests in `reports`.
pub fn test_tables(reports: &TestReports) -> Vec<Table> {
    let mut tables = failing_tests(reports);
    tables.extend(traces(reports));
    tables.extend(flaky_tests(reports));
    tables.extend(slowest_tests(reports));
    tables
}

/// A folded table of the failing tests and, if they have no findings of their own, the first of them in an open one.
fn failing_tests(reports: &TestReports) -> Vec<Table> {
    let all = reports.failed().count();
    let table = |limit: usize, shorten: &dyn Fn(&str) -> String| {
        let rows: Vec<[String; 3]> = reports.failed().take(limit).map(|failed| row(failed, shorten)).collect();
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

fn row((path, case, failure): (&str, &TestCase, &TestFailure), shorten: &dyn Fn(&str) -> String) -> [String; 3] {
    let file = case.file.as_deref().unwrap_or(path);
    [clip(&case.full_name(), NAME), clip(file, NAME), shorten(message(failure))]
}

/// The whole text of the first failures, where it says more than its first line.
fn traces(reports: &TestReports) -> Option<Table> {
    let rows: Vec<[String; 2]> = reports
        .failed()
        .filter(|(_, _, failure)| failure.whole().trim() != failure.headline())
        .take(TRACES)
        .map(|(_, case, failure)| [clip(&case.full_name(), NAME), clip(&failure.whole(), TRACE)])
        .collect();
    (!rows.is_empty()).then(|| Table::new("Stack traces", &["Test", "Text"], rows))
}

fn flaky_tests(reports: &TestReports) -> Option<Table> {
    let all = reports.flaky().count();
    let first_attempt = |failure: &TestFailure| match failure.headline() {
        "" => "its report does not tell".to_owned(),
        headline => clip(headline, MESSAGE),
    };
    let rows: Vec<[String; 3]> = reports
        .flaky()
        .take(ROWS)
        .map(|(path, case, failure)| {
            let file = case.file.as_deref().unwrap_or(path);
            [clip(&case.full_name(), NAME), clip(file, NAME), first_attempt(failure)]
        })
        .collect();
    let shown = if all > rows.len() { format!(" ({} of {})", rows.len(), count(all)) } else { String::new() };
    (all > 0)
        .then(|| Table::new(format!("Flaky tests{shown}"), &["Test", "File", "Message of the first attempt"], rows))
}

/// The slowest tests, if there are slow ones.
fn slowest_tests(reports: &TestReports) -> Option<Table> {
    let mut slow: Vec<(Duration, &TestCase)> = reports.cases().filter_map(|case| Some((case.time?, case))).collect();
    slow.retain(|(time, _)| *time >= SLOW);
    slow.sort_by_key(|(time, _)| Reverse(*time));
    let rows: Vec<[String; 2]> =
        slow.into_iter().take(SLOWEST).map(|(time, case)| [clip(&case.full_name(), NAME), elapsed(time)]).collect();
    (!rows.is_empty()).then(|| Table::new("Slowest tests", &["Test", "Time"], rows).figures(&[1]))
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
