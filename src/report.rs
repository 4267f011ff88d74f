//! The report: one for each command. The sinks below print and write it. Texts in a report are raw; each sink escapes for
//! itself.

mod chart;
pub mod comment;
pub mod compact;
pub mod log;
pub mod markdown;
pub mod notice;
pub mod outputs;
pub mod partial;
pub mod summary;
mod table;
pub mod tail;
mod trend;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::minute,
    error::CommandError,
    finding::{Finding, Verdict, verdict},
    subject::Subject,
    values::clip,
};

pub use table::{Cell, Table};
pub use trend::Trend;

/// The newest version of the report's format. Readers refuse a newer one; within a version, fields are only added. A report that
/// leaves the judgement to another command has version 2: a reader that knows only version 1 would count it as passed.
pub const SCHEMA: u32 = 2;

/// The maximum size of a report file in bytes. A full report holds all findings and tables.
pub const MAX_FILE_SIZE: u64 = 16 << 20;

/// The maximum length of a headline in characters.
const LONGEST_HEADLINE: usize = 180;

/// What a command observed and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Version of this format: 1, or 2 with `judged-by`.
    pub schema: u32,
    /// The command: `health`, `promote`.
    pub command: String,
    /// Version of the tool that wrote it.
    pub version: String,
    #[serde(default, skip_serializing_if = "Subject::is_empty")]
    pub subject: Subject,
    pub verdict: Verdict,
    /// The verdict in one line.
    pub reason: String,
    /// The title of the page of a passed report, for a command that has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The command that judges what this one only measured: `evidence`. For every other command, the report does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<String>,
    /// Dry-run: evaluated, but later steps must ignore the result.
    #[serde(default)]
    pub dry_run: bool,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC.
    pub finished_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Findings that the compact report has no room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub findings_left_out: usize,
    /// What the command wrote, or would have written in dry-run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// The outputs of this command only. Later jobs read them from the compact report, which holds all of them or, over
    /// 2 KiB, none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// Settings in force by key: numbers, booleans, lists and texts; durations in seconds; secrets are absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
    /// Where each setting came from: `input`, `flag`, `default` or `file:line:column`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, String>,
    /// The unit of each setting that has one: `s`, `B`, `%`, or `×` for a multiple.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigFile>,
    /// Why no config file was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_config: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// How the main figure developed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<Trend>,
    /// The reports of the gates that `run` ran, or those of `evidence` about each of several services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
    /// In a compact report: sha256 of the whole report file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_sha256: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// The workflow run that wrote the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    pub repository: String,
    pub id: u64,
    pub attempt: u32,
    pub url: String,
    /// The job's id in the workflow file.
    pub job: String,
}

/// The config file of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigFile {
    pub path: String,
    pub sha256: String,
    /// On a pull request: the base commit that the file was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// A write, or why it did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// The target: a branch, the dispatches of a repository.
    pub target: String,
    pub detail: String,
    pub state: EffectState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EffectState {
    /// Dry-run: would be written.
    Planned,
    /// The state was already the wanted one.
    Already,
    Applied,
    Refused,
    /// Sent, and the answer was lost.
    Unknown,
}

/// An output of a command's action.
pub struct Output {
    pub name: &'static str,
    pub help: &'static str,
}

/// The outputs of every command.
pub const OUTPUTS: [Output; 4] = [
    Output { name: "verdict", help: "`passed`, `blocked` or `inconclusive`" },
    Output { name: "reason", help: "The reason for the verdict, in one line" },
    Output { name: "report", help: "The compact report (JSON, at most 6 KiB), for `record` and `promote`" },
    Output { name: "report-path", help: "Path of the full report (JSON)" },
];

/// The result of a command that was not stopped early.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub findings: Vec<Finding>,
    /// The title of the page if all passed; without one, it is the command and its figures.
    pub title: Option<String>,
    pub tables: Vec<Table>,
    /// How the main figure developed.
    pub trend: Option<Trend>,
    /// The outputs of this command only.
    pub outputs: BTreeMap<&'static str, String>,
    /// Outputs of the step that are too long for the report.
    pub long_outputs: BTreeMap<&'static str, String>,
    /// The reports of the gates that `run` ran, or those about each of several services.
    pub reports: Vec<Report>,
    /// The command that judges what was only measured.
    pub judged_by: Option<&'static str>,
    /// A local command has printed its findings itself, in a format that was asked for.
    pub is_printed: bool,
}

impl From<Vec<Finding>> for Outcome {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::default() }
    }
}

impl Report {
    /// An empty report: inconclusive until something is observed.
    #[must_use]
    pub fn open(command: &str, started_at: String) -> Self {
        Self {
            schema: 1,
            command: command.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            subject: Subject::default(),
            verdict: Verdict::Inconclusive,
            reason: String::new(),
            title: None,
            judged_by: None,
            dry_run: false,
            started_at,
            finished_at: String::new(),
            run: None,
            findings: Vec::new(),
            findings_left_out: 0,
            effects: Vec::new(),
            outputs: BTreeMap::new(),
            settings: BTreeMap::new(),
            origins: BTreeMap::new(),
            units: BTreeMap::new(),
            config: None,
            no_config: None,
            tables: Vec::new(),
            trend: None,
            reports: Vec::new(),
            full_sha256: None,
        }
    }

    /// Completes the report with the result of the command: findings, verdict and reason.
    ///
    /// After an error, the findings published so far stay, and the error becomes one more finding.
    pub fn close(&mut self, end: Result<Outcome, CommandError>, finished_at: String) {
        self.finished_at = finished_at;
        match end {
            Ok(outcome) => {
                self.findings = outcome.findings;
                self.title = outcome.title;
                self.outputs = outcome.outputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                self.tables.extend(outcome.tables);
                self.trend = outcome.trend;
                self.reports.extend(outcome.reports);
                self.leave_to(outcome.judged_by.map(ToOwned::to_owned));
            }
            Err(error) => {
                self.findings.push(error.finding().unwrap_or_else(|| {
                    Finding::inconclusive("run").actual("cancelled by a signal before it was decided")
                }));
            }
        }
        if self.findings.is_empty() {
            self.findings.push(
                Finding::inconclusive("observations").actual("nothing was observed").expected("something to judge"),
            );
        }
        self.judge();
    }

    /// Leaves the judgement to another command, as does a `run` with a gate that leaves it.
    fn leave_to(&mut self, judge: Option<String>) {
        self.judged_by = judge.or_else(|| self.reports.iter().find_map(|report| report.judged_by.clone()));
        self.schema = if self.judged_by.is_some() { SCHEMA } else { 1 };
    }

    /// Adds findings after the end, for sinks that failed. A known finding is not added twice.
    pub fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
        self.judge();
    }

    fn judge(&mut self) {
        // Worst first, and explained before passed. The sort is stable: equal findings keep the command's order.
        self.findings.sort_by_key(|finding| (std::cmp::Reverse(finding.verdict), finding.waived.is_none()));
        self.verdict = verdict(&self.findings);
        self.reason = self.one_line();
    }

    /// What a person reads first: the command, and the figure behind its verdict.
    #[must_use]
    pub fn headline(&self) -> String {
        match &self.title {
            Some(title) if self.verdict == Verdict::Passed => title.clone(),
            _ => {
                let line = format!("{}: {}", self.command, self.main_figures());
                clip(&line.split_whitespace().collect::<Vec<_>>().join(" "), LONGEST_HEADLINE)
            }
        }
    }

    /// The figures behind the verdict, without the command's name.
    #[must_use]
    pub fn main_figures(&self) -> String {
        let Some(first) = self.findings.first() else { return self.reason.clone() };
        let count = self.findings.len();
        if self.verdict != Verdict::Passed || first.waived.is_some() {
            let same = self.findings.iter().filter(|finding| finding.verdict == self.verdict).count();
            let more = match same {
                _ if !self.reports.is_empty() => self.count_gates(),
                0 | 1 => String::new(),
                same => format!(" (and {} more)", same - 1),
            };
            return format!("{}{more}", first.headline());
        }
        let mut parts: Vec<String> =
            self.findings.iter().filter(|finding| finding.figures.is_some()).map(Finding::headline).take(3).collect();
        match (parts.len(), count) {
            (0, 1) => return first.headline(),
            (shown, count) if shown == count => {}
            (_, count) => parts.push(format!("all {count} checks passed")),
        }
        parts.join(" · ")
    }

    /// Whether the reports in it are those of one command about several services, and not those of the gates of `run`.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        !self.reports.is_empty() && self.reports.iter().all(|inner| inner.command == self.command)
    }

    /// How many of the gates of `run` have its verdict, and how many did not run: ` (1 of 3 gates; 1 not run)`.
    fn count_gates(&self) -> String {
        if self.is_batch() {
            let same = self.reports.iter().filter(|inner| inner.verdict == self.verdict).count();
            return format!(" ({same} of {} services)", self.reports.len());
        }
        let gates = self.findings.iter().filter(|finding| finding.check != self.command).count();
        let is_same = |gate: &&Self| gate.verdict == self.verdict && gate.dry_run == self.dry_run;
        let same = self.reports.iter().filter(is_same).count();
        match gates.saturating_sub(self.reports.len()) {
            0 => format!(" ({same} of {gates} gates)"),
            not_run => format!(" ({same} of {gates} gates; {not_run} not run)"),
        }
    }

    /// The verdict, what it is about, and when it was reached.
    #[must_use]
    pub fn status(&self) -> String {
        let mut parts = vec![self.verdict.to_string()];
        if !self.subject.is_empty() {
            parts.push(self.subject.to_string());
        }
        parts.extend(self.finished_at.parse().ok().map(minute));
        if self.dry_run {
            parts.push("dry-run: counts for nothing".to_owned());
        }
        parts.join(" · ")
    }

    fn one_line(&self) -> String {
        let Some(first) = self.findings.first() else {
            return "nothing was observed".to_owned();
        };
        let line = match (self.verdict, self.findings.len()) {
            (Verdict::Passed, count) if count > 1 && first.waived.is_none() => format!("all {count} checks passed"),
            (_, count) => {
                let same = self.findings.iter().filter(|finding| finding.verdict == self.verdict).count();
                match same - 1 {
                    0 => first.to_string(),
                    _ if self.verdict == Verdict::Passed => format!("{first} (all {count} checks passed)"),
                    more => format!("{first} (and {more} more)"),
                }
            }
        };
        clip(&line.split_whitespace().collect::<Vec<_>>().join(" "), 500)
    }
}

/// The JSON Schema of the report, for `report.schema.json`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Report).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), "promote-gates report".into());
    }
    schema
}
