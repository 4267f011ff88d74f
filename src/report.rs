//! What a judgement is: one report a command, and the sinks that tell it. Texts in here are raw; each sink escapes for itself.

pub mod compact;
pub mod log;
pub mod outputs;
pub mod partial;
pub mod summary;
pub mod tail;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::CommandError,
    finding::{Finding, Verdict, verdict},
    subject::Subject,
};

/// The report's version. A reader of a newer one refuses; fields are only ever added within one version.
pub const SCHEMA: u32 = 1;

/// What a command found out, and what it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Version of this format: 1.
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
    /// Shadow mode: judged, but nothing downstream may count it.
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
    /// What the command did, or would have done, outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// What the command puts out beside what every command does. Later jobs read it from the compact report, which keeps
    /// all of it or, over 2 KiB, nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, String>,
    /// Settings in force by key: numbers, booleans, lists and texts; durations in seconds; secrets are absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
    /// Where each setting came from: `input`, `flag`, `default` or `file:line:column`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// The gates that `run` ran, each with its own report.
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(switch: &bool) -> bool {
    !*switch
}

/// The workflow run that the report was written in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    pub repository: String,
    pub id: u64,
    pub attempt: u32,
    pub url: String,
    /// The job's id in the workflow file.
    pub job: String,
}

/// The config file that settings came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigFile {
    pub path: String,
    pub sha256: String,
    /// The base commit it was read from, on a pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// Something written outside, or not written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// What is written to: a branch, a repository's dispatches.
    pub target: String,
    pub detail: String,
    pub state: EffectState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EffectState {
    /// Dry-run: would be written.
    Planned,
    /// It was so already.
    Already,
    Applied,
    Refused,
    /// Sent, and the answer was lost.
    Unknown,
}

/// A table that shows more than findings do: the files that grew most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    pub title: String,
    /// Whether it is what the command is asked for, rather than details of it: then it is shown unfolded, and before the
    /// checks when these have passed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// An output of a command's action.
pub struct Output {
    pub name: &'static str,
    pub help: &'static str,
}

/// What every command puts out.
pub const OUTPUTS: [Output; 4] = [
    Output { name: "verdict", help: "`passed`, `blocked` or `inconclusive`" },
    Output { name: "reason", help: "The verdict in one line" },
    Output { name: "report", help: "The compact report (JSON, at most 6 KiB), for `record` and `promote`" },
    Output { name: "report-path", help: "Path of the whole report (JSON)" },
];

/// What a command gives back when it came to an end of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub findings: Vec<Finding>,
    pub tables: Vec<Table>,
    /// Outputs beside those every command has; declared in `commands`.
    pub outputs: BTreeMap<&'static str, String>,
    /// The reports of the gates that `run` ran.
    pub reports: Vec<Report>,
}

impl From<Vec<Finding>> for Outcome {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::default() }
    }
}

impl Report {
    /// An empty report of a command: inconclusive until something was observed.
    #[must_use]
    pub fn open(command: &str, started_at: String) -> Self {
        Self {
            schema: SCHEMA,
            command: command.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            subject: Subject::default(),
            verdict: Verdict::Inconclusive,
            reason: String::new(),
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
            config: None,
            tables: Vec::new(),
            reports: Vec::new(),
            full_sha256: None,
        }
    }

    /// Puts the end of a command into its report: the findings, the verdict and its reason.
    ///
    /// A command that was stopped keeps the findings it had published; the stop itself becomes one more.
    pub fn close(&mut self, end: Result<Outcome, CommandError>, finished_at: String) {
        self.finished_at = finished_at;
        match end {
            Ok(outcome) => {
                self.findings = outcome.findings;
                self.outputs = outcome.outputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                self.tables.extend(outcome.tables);
                self.reports.extend(outcome.reports);
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

    /// More findings after the end: sinks that failed. One that is known already is not told twice.
    pub fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
        self.judge();
    }

    fn judge(&mut self) {
        // Worst first; what was explained before what simply passed. The sort is stable: within a weight, the command's order.
        self.findings.sort_by_key(|finding| (std::cmp::Reverse(finding.verdict), finding.waived.is_none()));
        self.verdict = verdict(&self.findings);
        self.reason = self.one_line();
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
        crate::values::clip(&line.split_whitespace().collect::<Vec<_>>().join(" "), 500)
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
