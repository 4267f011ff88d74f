//! The text that the demo prints: each step as it ends, then a table of results and the paths of the kept files.

use std::{cell::RefCell, collections::BTreeSet};

use super::{
    day_result::{ChangeResult, DayResult, FailedStep},
    release_day::{ChangeKind, Incident, PlannedChange, PlannedRelease, ReleaseDay, image},
    runner::StepResult,
};
use crate::{
    finding::{Finding, Verdict},
    report::log::{Log, mark},
    sandbox::infra::FIRST_TAG,
    values::{Bytes, clip},
};

/// The columns of a terminal that lines may fill.
const WIDTH: usize = 100;
/// The column of the text after a step's name.
const INDENT: usize = 19;
/// The most lines for a step that did not pass.
const FAILURE_LINES: usize = 3;
/// Commands that get two lines when they pass.
const TWO_LINES: [&str; 5] = ["evidence", "approval", "emergency", "rollback", "audit"];
/// The most characters of a reason that was printed before.
const REPEATED_REASON: usize = 70;

/// Prints the day to the log.
pub struct Narrator<'a> {
    log: &'a Log,
    /// The kinds of steps that were printed in full; later ones are printed by name only.
    printed: RefCell<BTreeSet<String>>,
    /// The names of passed steps that wait for one common line.
    queued: RefCell<Vec<String>>,
}

impl<'a> Narrator<'a> {
    #[must_use]
    pub fn new(log: &'a Log) -> Self {
        Self { log, printed: RefCell::default(), queued: RefCell::default() }
    }

    /// Prints what the reader is about to see.
    pub fn introduce(&self) {
        self.paragraph(
            "The incident: on a busy Thursday a team lead approved three promotions in 20 minutes, without a look at \
             staging. The third had a debug library of 4 MB left in its build; pages took 3 seconds longer to load.",
        );
        self.paragraph(
            "Now with gates. A staging environment, a GitHub and an infra repository are set up on this machine, and the \
             same lead approves whatever he is asked to. Each ✅ or ⛔ is this program, started as a workflow step would \
             start it. Only the wait after an approval is cut short: to 1 second, from 10 minutes.",
        );
    }

    /// Prints the baseline: the services in production and the sizes of their bundles.
    pub fn baseline(&self, measured: &[(&str, StepResult)]) {
        self.say("The morning: what runs in production is the baseline, its latency and its bundles");
        let bundles = measured.iter().map(|(service, step)| {
            let size = step.outputs.get("size").and_then(|size| size.parse().ok()).map(Bytes);
            size.map_or_else(|| (*service).to_owned(), |size| format!("{service} {size}"))
        });
        let bundles = bundles.collect::<Vec<_>>().join(", ");
        self.entry(mark(Verdict::Passed), "bundle-size", &format!("{FIRST_TAG} of {bundles}"), 2);
    }

    /// Prints the heading of a change.
    pub fn change(&self, change: &PlannedChange, number: usize) {
        let heading = match &change.kind {
            ChangeKind::Release(PlannedRelease { title, author, .. }) => format!("{change}, \"{title}\" by {author}"),
            ChangeKind::Emergency { incident: Incident { id, reason, started_by, .. }, .. } => {
                format!("{id}, {reason}: {started_by} promotes {change} and bypasses the gates")
            }
            ChangeKind::Rollback(Incident { id, reason, started_by, .. }) => {
                format!("{id}, {reason}: {started_by} rolls {} back", change.service)
            }
        };
        self.say(&format!("\n{number}. {heading}"));
    }

    /// Prints the heading of the audit.
    pub fn audit(&self) {
        self.say("\nThe audit reads all of this from the infra repository's commits");
    }

    /// Prints the result of a step that is a command. `failed_before`: an earlier step of the same change did not pass, and the
    /// reason of this one repeats it.
    pub fn step(&self, command: &str, step: &StepResult, failed_before: bool) {
        let StepResult { verdict, reason, report, .. } = step;
        if *verdict == Verdict::Passed {
            let first = self.printed.borrow_mut().insert(command.to_owned());
            if first || step.commit().is_some() {
                let lines = if TWO_LINES.contains(&command) { 2 } else { 1 };
                self.entry(mark(*verdict), command, &summarize(command, step), lines);
            } else {
                self.queued.borrow_mut().push(command.to_owned());
            }
        } else if failed_before {
            self.entry(mark(*verdict), command, &format!("{verdict}: {}", clip(reason, REPEATED_REASON)), 1);
        } else {
            let worst = report.findings.first().map_or_else(
                || reason.clone(),
                |Finding { check, actual, expected, .. }| format!("{check}: {actual}; expected {expected}"),
            );
            self.entry(mark(*verdict), command, &format!("{verdict}: {worst}"), FAILURE_LINES);
        }
    }

    /// Prints that a reviewer approved a job.
    pub fn review(&self, approver: &str, environment: &str) {
        self.print_once(
            &format!("{approver} {environment}"),
            "review",
            &format!("{approver} approves it for {environment}"),
        );
    }

    /// Prints a step of the team or of GitHub, which does not run this program.
    pub fn team_step(&self, name: &str, text: &str) {
        self.print_once(name, name, text);
    }

    /// Prints the text for the first step of a kind, and queues only the name of each later one.
    fn print_once(&self, kind: &str, name: &str, text: &str) {
        if self.printed.borrow_mut().insert(kind.to_owned()) {
            self.entry("· ", name, text, 2);
        } else {
            self.queued.borrow_mut().push(name.to_owned());
        }
    }

    /// Prints a consequence of the last step.
    pub fn note(&self, text: &str) {
        self.entry("· ", "", text, 2);
    }

    /// Prints the steps that were skipped because an earlier one failed.
    pub fn skipped(&self, names: impl Iterator<Item = &'static str>) {
        let names: Vec<_> = names.collect();
        if !names.is_empty() {
            self.entry("· ", "not run", &names.join(", "), 1);
        }
    }

    /// Prints the table of results and the paths of the kept files.
    pub fn summarize(&self, day: &ReleaseDay, result: &DayResult) {
        self.say("\nThe day in one table");
        let rows = day.changes.iter().zip(&result.changes).map(|(change, result)| row(change, result));
        self.table([["what", "verdict", "stopped by", "why"].map(ToOwned::to_owned)].into_iter().chain(rows));
        self.say("\nWithout the gates: three approvals in 20 minutes, and page loads 3 seconds longer.");

        self.say("\nTo look around");
        for (name, path) in [("job summaries", &result.summary), ("infra repository", &result.infra)] {
            self.say(&format!("    {name:<18}{}", path.display()));
        }
        self.say("    logs and reports  beside them, in runs/: a folder for each workflow run");
        self.say("\nNext: workflows/ holds these workflows, ready to copy.");
    }

    fn paragraph(&self, text: &str) {
        self.say(&(wrapped(text, WIDTH).join("\n") + "\n"));
    }

    /// Prints the queued step names, then the text.
    fn say(&self, text: &str) {
        let queued = std::mem::take(&mut *self.queued.borrow_mut());
        for (line, index) in wrapped(&queued.join(", "), WIDTH - 6).iter().zip(0..) {
            let mark = if index == 0 { mark(Verdict::Passed) } else { "  " };
            self.log.say(&format!("  {mark} {line}"));
        }
        self.log.say(text);
    }

    /// Prints `  ✅ health        …` on at most `max_lines` lines, all of the text indented alike. `mark` takes two columns.
    fn entry(&self, mark: &str, name: &str, text: &str, max_lines: usize) {
        let width = WIDTH - INDENT;
        let mut lines = wrapped(text, width);
        if lines.len() > max_lines {
            let rest = lines.split_off(max_lines - 1).join(" ");
            lines.push(clip(&rest, width));
        }
        let first = lines.first().map(String::as_str).unwrap_or_default();
        self.say(&format!("  {mark} {name:<width$}{first}", width = INDENT - 5));
        for line in lines.iter().skip(1) {
            self.say(&format!("{:INDENT$}{line}", ""));
        }
    }

    fn table(&self, rows: impl Iterator<Item = [String; 4]>) {
        let rows: Vec<[String; 4]> = rows.collect();
        let widest = |column: usize| rows.iter().map(|row| columns(&row[column])).max().unwrap_or_default() + 2;
        let widths = [0, 1, 2].map(widest);
        let last = WIDTH.saturating_sub(2 + widths.iter().sum::<usize>());
        for row in &rows {
            let cells = [0, 1, 2].map(|column| padded(&row[column], widths[column])).concat();
            self.say(format!("  {cells}{}", clip(&row[3], last)).trim_end());
        }
    }
}

/// The parts of a passed command's report that its line shows. For a command that is not listed: the first finding.
const SUMMARY_PARTS: [(&str, &[ReportPart]); 8] = [
    ("evidence", &[ReportPart::Reason, ReportPart::Actual("image"), ReportPart::Output("may not approve", "excluded")]),
    (
        "approval",
        &[ReportPart::Actual("approval"), ReportPart::Actual("independence"), ReportPart::Actual("approvals within")],
    ),
    ("wait", &[ReportPart::Actual("time"), ReportPart::Actual("hold"), ReportPart::Actual("supersession")]),
    ("record", &[ReportPart::Actual("dispatch")]),
    ("promote", &[ReportPart::Actual("promotion")]),
    (
        "emergency",
        &[
            ReportPart::Actual("emergency promotion"),
            ReportPart::Output("emergencies in 30 days", "emergencies"),
            ReportPart::Output("follow-up", "issue"),
        ],
    ),
    ("rollback", &[ReportPart::Actual("rollback"), ReportPart::Output("follow-up", "issue")]),
    (
        "audit",
        &[
            ReportPart::Output("promotions", "promotions"),
            ReportPart::Output("rollbacks", "rollbacks"),
            ReportPart::Output("changed by hand", "by-hand"),
            ReportPart::Output("emergencies", "emergencies"),
            ReportPart::Expected("emergencies"),
        ],
    ),
];

/// A part of a report.
enum ReportPart {
    Reason,
    /// The actual value of the first check whose name has this prefix.
    Actual(&'static str),
    /// The expected value of the first check whose name has this prefix.
    Expected(&'static str),
    /// A label, and the name of an output.
    Output(&'static str, &'static str),
}

/// A passed command's line.
fn summarize(command: &str, step: &StepResult) -> String {
    let StepResult { reason, report, outputs, .. } = step;
    let chosen = SUMMARY_PARTS
        .iter()
        .find(|(known, _)| *known == command)
        .map_or(&[ReportPart::Actual("")][..], |(_, parts)| parts);
    let check = |name: &str| report.findings.iter().find(|finding| finding.check.starts_with(name));
    let parts = chosen.iter().filter_map(|part| match part {
        ReportPart::Reason => Some(reason.clone()),
        ReportPart::Actual(name) => Some(check(name)?.actual.clone()),
        ReportPart::Expected(name) => Some(format!("expected {}", check(name)?.expected)),
        ReportPart::Output(label, name) => Some(format!("{label}: {}", outputs.get(*name)?.replace('\n', ", "))),
    });
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    let line = if parts.is_empty() { reason.clone() } else { parts.join("; ") };
    // All images have the same registry, and a short commit id is enough for a reader.
    let line = line.replace(&image(""), "");
    step.commit().map_or_else(|| line.clone(), |commit| line.replace(commit, short_commit(commit)))
}

fn short_commit(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// The row of a change in the table.
fn row(change: &PlannedChange, result: &ChangeResult) -> [String; 4] {
    let verdict = match (&result.commit, &result.failed_step) {
        (_, Some(step)) => step.verdict,
        (Some(_), None) => Verdict::Passed,
        (None, None) => Verdict::Inconclusive,
    };
    let (command, why) = match result {
        ChangeResult { failed_step: Some(FailedStep { command, observed, .. }), .. } => {
            (command.clone(), observed.clone())
        }
        ChangeResult { commit: Some(commit), image_before, image_after, .. } => {
            let tag = |image: &str| image.rsplit(':').next().unwrap_or_default().to_owned();
            let images = [tag(image_before), tag(image_after)].join(" → ");
            ("–".to_owned(), format!("{images} in commit {}", short_commit(commit)))
        }
        ChangeResult { .. } => ("–".to_owned(), "no commit".to_owned()),
    };
    [change.to_string(), format!("{} {}", mark(verdict), change.outcome(result)), command, why]
}

/// The columns of a terminal that a text takes. The mark of a verdict takes two.
fn columns(text: &str) -> usize {
    let marks = [Verdict::Passed, Verdict::Inconclusive, Verdict::Blocked].map(mark).concat();
    text.chars().map(|c| if marks.contains(c) { 2 } else { 1 }).sum()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{:1$}", "", width.saturating_sub(columns(text)))
}

/// Lines of at most `width` columns. A longer word gets a line for itself.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_to_the_width_and_marks_take_two_columns() {
        assert_eq!(wrapped("ab cd efghijkl m", 5), ["ab cd", "efghijkl", "m"]);
        assert_eq!(wrapped("⛔ ab", 4), ["⛔", "ab"]);
        assert_eq!(padded("✅", 4), "✅  ");
    }
}
