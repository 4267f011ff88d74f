//! What a newcomer reads: the day as it goes, then a table, the ledger, and where to look.

use super::{
    ending::{Ending, Played, Promoted, Stopped},
    runner::Ended,
    story::{Day, Release, Step},
};
use crate::{
    report::log::{Log, mark},
    sandbox::infra::FIRST_TAG,
    values::{Bytes, clip},
    verdict::Verdict,
};

/// Columns of a terminal that are used.
const WIDTH: usize = 100;
/// Where the text behind a step's name begins.
const INDENT: usize = 23;
/// Characters of a reason that was told already.
const LONGEST_ECHO: usize = 130;

pub struct Teller<'a>(pub &'a Log);

impl Teller<'_> {
    /// What the reader is about to see.
    pub fn beginning(&self, folder: &std::path::Path) {
        self.paragraph(
            "The incident: on a busy Thursday a team lead approved three promotions in 20 minutes, without a look at \
             staging. The third had a debug library of 4 MB left in its build; pages took 3 seconds longer to load.",
        );
        self.paragraph(
            "Now a Thursday with gates. A staging environment, a GitHub and an infra repository are set up on this \
             machine, the same lead approves everything again, and each gate below is this program, started as a \
             workflow step would start it.",
        );
        self.0.say(&format!("Everything is kept in {}", folder.display()));
    }

    pub fn morning(&self) {
        self.0.say("\nThe morning: what runs in production is measured, as the baseline");
    }

    pub fn baseline(&self, Release { service, .. }: &Release, measured: &Ended, p99: f64) {
        let size = measured.outputs.get("size").and_then(|size| size.parse().ok()).map(Bytes);
        let size = size.map(|size| format!("bundle {size}, ")).unwrap_or_default();
        self.entry(mark(measured.verdict), service, &format!("{FIRST_TAG}: {size}p99 {p99} ms"));
    }

    pub fn release(&self, release: &Release, number: usize, all: usize) {
        self.0.say(&format!("\nRelease {number} of {all}: {release}, \"{}\"", release.about));
    }

    /// A step that is a command, in its own words. `again`: it repeats what stopped the release before.
    pub fn step(&self, command: &str, ended: &Ended, again: bool) {
        let Ended { verdict, reason, report, .. } = ended;
        let told = match &report.findings[..] {
            // What was seen first says most, and of a command that writes what was done, which stands last.
            [seen, .., done] if *verdict == Verdict::Passed => {
                let most = if report.effects.is_empty() { seen } else { done };
                format!("{verdict}: {reason}; {}", most.actual)
            }
            _ if again => format!("{verdict}: {}", clip(reason, LONGEST_ECHO)),
            _ => format!("{verdict}: {reason}"),
        };
        self.entry(mark(*verdict), command, &told);
    }

    /// A step of the team's own.
    pub fn own(&self, step: &Step, told: &str) {
        self.entry("· ", step.name(), told);
    }

    /// Steps that a gate before them spared.
    pub fn left_out(&self, names: &[&str]) {
        if !names.is_empty() {
            self.entry("· ", "not run", &names.join(", "));
        }
    }

    /// The table, the ledger, and where to look.
    pub fn ending(&self, day: &Day, played: &Played) {
        self.0.say("\nThe day in one table\n");
        let rows = day.releases.iter().zip(&played.endings).map(|(release, ending)| row(release, ending));
        self.table([["release", "verdict", "stopped by", "why"].map(ToOwned::to_owned)].into_iter().chain(rows));
        self.paragraph("\nWithout the gates: three approvals in 20 minutes, and page loads 3 seconds longer.");

        self.0.say("The infra repository says who promoted what, and on what grounds; its git log:\n");
        let (_, new) = played.commits.split_last().unwrap_or((&String::new(), &[]));
        for line in new.iter().flat_map(|message| message.lines()) {
            self.0.say(format!("    {line}").trim_end());
        }
        self.0.say("\nTo look around");
        for (what, path) in [("job summaries", &played.summary), ("infra repository", &played.infra)] {
            self.0.say(&format!("    {what:<18}{}", path.display()));
        }
        self.0.say("    logs and reports  beside them, in releases/: a folder for each step");
        self.0.say("\nNext: the workflow in README.md has the same steps; put your service's name into it.");
    }

    fn paragraph(&self, text: &str) {
        self.0.say(&(wrapped(text, WIDTH).join("\n") + "\n"));
    }

    /// `  ✅ health        passed: …`, what follows below what came first. `mark` takes two columns.
    fn entry(&self, mark: &str, name: &str, text: &str) {
        let lines = wrapped(text, WIDTH - INDENT);
        let first = lines.first().map(String::as_str).unwrap_or_default();
        self.0.say(&format!("  {mark} {name:<width$}{first}", width = INDENT - 5));
        for line in lines.iter().skip(1) {
            self.0.say(&format!("{:INDENT$}{line}", ""));
        }
    }

    fn table(&self, rows: impl Iterator<Item = [String; 4]>) {
        let rows: Vec<[String; 4]> = rows.collect();
        let widest = |column: usize| rows.iter().map(|row| columns(&row[column])).max().unwrap_or_default() + 2;
        let widths = [0, 1, 2].map(widest);
        let last = WIDTH.saturating_sub(2 + widths.iter().sum::<usize>());
        for row in &rows {
            let why = wrapped(&row[3], last);
            for at in 0..why.len().max(1) {
                let cell = |column: usize| if at == 0 { row[column].as_str() } else { "" };
                let cells = [0, 1, 2].map(|column| padded(cell(column), widths[column])).concat();
                self.0.say(format!("  {cells}{}", why.get(at).map(String::as_str).unwrap_or_default()).trim_end());
            }
        }
    }
}

fn row(release: &Release, ending: &Ending) -> [String; 4] {
    let verdict = match (&ending.promoted, &ending.stopped) {
        (Some(_), _) => Verdict::Passed,
        (None, Some(stopped)) => stopped.verdict,
        (None, None) => Verdict::Inconclusive,
    };
    let (by, why) = match ending {
        Ending { promoted: Some(Promoted { commit, previous }), .. } => {
            ("–".to_owned(), format!("in place of {previous}, commit {}", commit.get(..10).unwrap_or(commit)))
        }
        Ending { stopped: Some(Stopped { by, seen, .. }), .. } => (by.clone(), seen.clone()),
        Ending { .. } => ("–".to_owned(), "no commit".to_owned()),
    };
    [release.to_string(), format!("{} {}", mark(verdict), ending.word()), by, why]
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
    for word in text.split(' ') {
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
