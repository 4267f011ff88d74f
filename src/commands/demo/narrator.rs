//! What a newcomer reads: the day as it goes, then a table, the ledger, and where to look.

use std::{cell::RefCell, collections::BTreeSet};

use super::{
    ending::{Ending, Played, Stopped},
    runner::Ended,
    story::{Day, Incident, Release, Scene, What, image},
};
use crate::{
    finding::{Finding, Verdict},
    report::log::{Log, mark},
    sandbox::infra::FIRST_TAG,
    values::{Bytes, clip},
};

/// Columns of a terminal that are used.
const WIDTH: usize = 100;
/// Where the text behind a step's name begins.
const INDENT: usize = 19;
/// Lines for what a step that did not pass says.
const MOST_LINES: usize = 3;
/// Commands that have two lines to say how they passed.
const MANY_WORDS: [&str; 5] = ["evidence", "approval", "emergency", "rollback", "audit"];
/// Characters of a reason that was told already.
const LONGEST_ECHO: usize = 70;

pub struct Narrator<'a> {
    log: &'a Log,
    /// What was told once is told in brief from then on.
    told: RefCell<BTreeSet<String>>,
    /// Steps that passed again, not told yet.
    again: RefCell<Vec<String>>,
}

impl<'a> Narrator<'a> {
    #[must_use]
    pub fn new(log: &'a Log) -> Self {
        Self { log, told: RefCell::default(), again: RefCell::default() }
    }

    /// What the reader is about to see.
    pub fn beginning(&self) {
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

    /// What runs in production, by service and the outcome of measuring its bundle.
    pub fn morning(&self, measured: &[(&str, Ended)], p99: f64) {
        self.say(&format!("The morning: what runs in production is the baseline, its p99 of {p99} ms and its bundles"));
        let bundles = measured.iter().map(|(service, ended)| {
            let size = ended.outputs.get("size").and_then(|size| size.parse().ok()).map(Bytes);
            size.map_or_else(|| (*service).to_owned(), |size| format!("{service} {size}"))
        });
        let bundles = bundles.collect::<Vec<_>>().join(", ");
        self.entry(mark(Verdict::Passed), "bundle-size", &format!("{FIRST_TAG} of {bundles}"), 2);
    }

    pub fn scene(&self, scene: &Scene, number: usize) {
        let told = match &scene.what {
            What::Release(Release { about, author, .. }) => format!("{scene}, \"{about}\" by {author}"),
            What::Emergency { incident: Incident { id, reason, by, .. }, .. } => {
                format!("{id}, {reason}: {by} promotes {scene} around the gates")
            }
            What::Rollback(Incident { id, reason, by, .. }) => {
                format!("{id}, {reason}: {by} takes {} back", scene.service)
            }
        };
        self.say(&format!("\n{number}. {told}"));
    }

    pub fn audit(&self) {
        self.say("\nThe audit reads all of this from the infra repository's commits");
    }

    /// A step that is a command, in its own words. `again`: it repeats what stopped the release before.
    pub fn step(&self, command: &str, ended: &Ended, again: bool) {
        let Ended { verdict, reason, report, .. } = ended;
        if *verdict == Verdict::Passed {
            let first = self.told.borrow_mut().insert(command.to_owned());
            if first || ended.commit().is_some() {
                let lines = if MANY_WORDS.contains(&command) { 2 } else { 1 };
                self.entry(mark(*verdict), command, &said(command, ended), lines);
            } else {
                self.again.borrow_mut().push(command.to_owned());
            }
        } else if again {
            self.entry(mark(*verdict), command, &format!("{verdict}: {}", clip(reason, LONGEST_ECHO)), 1);
        } else {
            let worst = report.findings.first().map_or_else(
                || reason.clone(),
                |Finding { check, actual, expected, .. }| format!("{check}: {actual}; expected {expected}"),
            );
            self.entry(mark(*verdict), command, &format!("{verdict}: {worst}"), MOST_LINES);
        }
    }

    /// Somebody lets a job run.
    pub fn review(&self, approver: &str, environment: &str) {
        self.once(&format!("{approver} {environment}"), "review", &format!("{approver} approves it for {environment}"));
    }

    /// A step of the team's own, or of GitHub's.
    pub fn own(&self, name: &str, told: &str) {
        self.once(name, name, told);
    }

    /// In full when it is the first of its kind.
    fn once(&self, kind: &str, name: &str, told: &str) {
        if self.told.borrow_mut().insert(kind.to_owned()) {
            self.entry("· ", name, told, 2);
        } else {
            self.again.borrow_mut().push(name.to_owned());
        }
    }

    /// What follows from it.
    pub fn note(&self, told: &str) {
        self.entry("· ", "", told, 2);
    }

    /// Steps that a gate before them spared.
    pub fn left_out(&self, names: impl Iterator<Item = &'static str>) {
        let names: Vec<_> = names.collect();
        if !names.is_empty() {
            self.entry("· ", "not run", &names.join(", "), 1);
        }
    }

    /// The table, the ledger, and where to look.
    pub fn ending(&self, day: &Day, played: &Played) {
        self.say("\nThe day in one table");
        let rows = day.scenes.iter().zip(&played.endings).map(|(scene, ending)| row(scene, ending));
        self.table([["what", "verdict", "stopped by", "why"].map(ToOwned::to_owned)].into_iter().chain(rows));
        self.say("\nWithout the gates: three approvals in 20 minutes, and page loads 3 seconds longer.");

        self.say("\nTo look around");
        for (what, path) in [("job summaries", &played.summary), ("infra repository", &played.infra)] {
            self.say(&format!("    {what:<18}{}", path.display()));
        }
        self.say("    logs and reports  beside them, in runs/: a folder for each workflow run");
        self.say("\nNext: workflows/ holds these workflows, ready to copy.");
    }

    fn paragraph(&self, text: &str) {
        self.say(&(wrapped(text, WIDTH).join("\n") + "\n"));
    }

    fn say(&self, text: &str) {
        let again = std::mem::take(&mut *self.again.borrow_mut());
        for (line, at) in wrapped(&again.join(", "), WIDTH - 6).iter().zip(0..) {
            let mark = if at == 0 { mark(Verdict::Passed) } else { "  " };
            self.log.say(&format!("  {mark} {line}"));
        }
        self.log.say(text);
    }

    /// `  ✅ health        …`, what follows below what came first, at most so many lines. `mark` takes two columns.
    fn entry(&self, mark: &str, name: &str, text: &str, most: usize) {
        let width = WIDTH - INDENT;
        let mut lines = wrapped(text, width);
        if lines.len() > most {
            let rest = lines.split_off(most - 1).join(" ");
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

/// What of a passed command says most: what it saw first, or what stands here.
const SAYS_MOST: [(&str, &[Says]); 8] = [
    ("evidence", &[Says::Reason, Says::Actual("image"), Says::Output("may not approve", "excluded")]),
    ("approval", &[Says::Actual("approval"), Says::Actual("independence"), Says::Actual("approvals within")]),
    ("wait", &[Says::Actual("wait"), Says::Actual("hold"), Says::Actual("supersession")]),
    ("record", &[Says::Actual("dispatch")]),
    ("promote", &[Says::Actual("promotion")]),
    (
        "emergency",
        &[
            Says::Actual("emergency promotion"),
            Says::Output("emergencies in 30 days", "emergencies"),
            Says::Output("follow-up", "issue"),
        ],
    ),
    ("rollback", &[Says::Actual("rollback"), Says::Output("follow-up", "issue")]),
    (
        "audit",
        &[
            Says::Output("promotions", "promotions"),
            Says::Output("rollbacks", "rollbacks"),
            Says::Output("changed by hand", "by-hand"),
            Says::Output("emergencies", "emergencies"),
            Says::Expected("emergencies"),
        ],
    ),
];

/// A part of a report.
enum Says {
    Reason,
    /// What was seen of the first check whose name begins so.
    Actual(&'static str),
    Expected(&'static str),
    /// An output, behind what it is.
    Output(&'static str, &'static str),
}

fn said(command: &str, ended: &Ended) -> String {
    let Ended { reason, report, outputs, .. } = ended;
    let chosen =
        SAYS_MOST.iter().find(|(known, _)| *known == command).map_or(&[Says::Actual("")][..], |(_, says)| says);
    let check = |name: &str| report.findings.iter().find(|finding| finding.check.starts_with(name));
    let parts = chosen.iter().filter_map(|says| match says {
        Says::Reason => Some(reason.clone()),
        Says::Actual(name) => Some(check(name)?.actual.clone()),
        Says::Expected(name) => Some(format!("expected {}", check(name)?.expected)),
        Says::Output(label, name) => Some(format!("{label}: {}", outputs.get(*name)?.replace('\n', ", "))),
    });
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    let said = if parts.is_empty() { reason.clone() } else { parts.join("; ") };
    // One registry and forty digits tell nothing here.
    let said = said.replace(&image(""), "");
    ended.commit().map_or_else(|| said.clone(), |commit| said.replace(commit, brief(commit)))
}

fn brief(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

fn row(scene: &Scene, ending: &Ending) -> [String; 4] {
    let verdict = match (&ending.commit, &ending.stopped) {
        (_, Some(stopped)) => stopped.verdict,
        (Some(_), None) => Verdict::Passed,
        (None, None) => Verdict::Inconclusive,
    };
    let (by, why) = match ending {
        Ending { stopped: Some(Stopped { by, seen, .. }), .. } => (by.clone(), seen.clone()),
        Ending { commit: Some(commit), before, in_production, .. } => {
            let tag = |image: &str| image.rsplit(':').next().unwrap_or_default().to_owned();
            let images = [tag(before), tag(in_production)].join(" → ");
            ("–".to_owned(), format!("{images} in commit {}", brief(commit)))
        }
        Ending { .. } => ("–".to_owned(), "no commit".to_owned()),
    };
    [scene.to_string(), format!("{} {}", mark(verdict), scene.became(ending)), by, why]
}

/// How many columns of a terminal a text takes. The marks of verdicts take two.
fn columns(text: &str) -> usize {
    let marks = [Verdict::Passed, Verdict::Inconclusive, Verdict::Blocked].map(mark).concat();
    text.chars().map(|c| if marks.contains(c) { 2 } else { 1 }).sum()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{:1$}", "", width.saturating_sub(columns(text)))
}

/// Lines of at most `width` columns; a word that is longer has one of its own.
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
    fn lines_end_before_the_edge_and_marks_take_two_columns() {
        assert_eq!(wrapped("ab cd efghijkl m", 5), ["ab cd", "efghijkl", "m"]);
        assert_eq!(wrapped("⛔ ab", 4), ["⛔", "ab"]);
        assert_eq!(padded("✅", 4), "✅  ");
    }
}
