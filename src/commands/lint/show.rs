//! Prints what was found: as lines, as JSON, or as annotations.

use clap::ValueEnum;
use serde::Serialize;

use super::{judge::LintResult, problem::Problem};
use crate::{
    finding::{Finding, verdict},
    report::log::{Level, Log, SourceLine},
};

/// How the findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Github,
}

/// The version of the JSON format. Within a version, fields and rules are only added.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct JsonResult<'a> {
    schema: u32,
    verdict: &'static str,
    /// The verdict in one line.
    reason: String,
    workflows: usize,
    steps: usize,
    findings: Vec<JsonFinding<'a>>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    rule: &'static str,
    verdict: &'static str,
    actual: &'a str,
    expected: &'a str,
    next: &'a str,
}

impl<'a> From<&'a Problem> for JsonFinding<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            file: &problem.path,
            line: problem.at.line,
            column: problem.at.column,
            rule: problem.rule.name(),
            verdict: problem.verdict.word(),
            actual: &problem.actual,
            expected: &problem.expected,
            next: &problem.next,
        }
    }
}

/// The findings: one for each problem, or that there is none.
pub fn findings(result: &LintResult) -> Vec<Finding> {
    if result.problems.is_empty() {
        return vec![Finding::passed("workflows").actual(summary(result))];
    }
    result.problems.iter().map(Problem::to_finding).collect()
}

/// `nothing found in 3 workflows with 11 steps`
fn summary(result: &LintResult) -> String {
    let count = |number: usize, noun: &str| if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") };
    let found = match result.problems.len() {
        0 => "nothing found".to_owned(),
        many => count(many, "finding"),
    };
    let (workflows, steps) = (count(result.workflows, "workflow"), count(result.steps, "step"));
    format!("{found} in {workflows} with {steps} of promote-gates")
}

/// Prints in the given format. Returns whether the findings are printed: the supervisor prints them otherwise.
pub fn print(format: Format, result: &LintResult, findings: &[Finding], log: &Log) -> bool {
    match format {
        Format::Text => {
            if result.problems.is_empty() && result.steps > 0 {
                log.say(&format!("lint: {}", summary(result)));
            }
            false
        }
        Format::Json => {
            log.say(&json(result, findings));
            true
        }
        Format::Github => {
            for problem in &result.problems {
                let line = SourceLine { file: &problem.path, line: problem.at.line, column: problem.at.column };
                let Finding { actual, expected, .. } = problem.to_finding();
                let message = format!("{actual}; expected {expected}; next: {}", problem.next);
                log.annotate_line(Level::Error, &line, &format!("lint: {}", problem.rule.name()), &message);
            }
            if result.steps > 0 {
                log.say(&format!("lint: {}", summary(result)));
            }
            // Without a problem, there may be a finding that nothing was judged.
            !result.problems.is_empty()
        }
    }
}

fn json(result: &LintResult, findings: &[Finding]) -> String {
    let result = JsonResult {
        schema: SCHEMA,
        verdict: verdict(findings).word(),
        reason: match findings {
            [only] => only.to_string(),
            _ => summary(result),
        },
        workflows: result.workflows,
        steps: result.steps,
        findings: result.problems.iter().map(JsonFinding::from).collect(),
    };
    serde_json::to_string_pretty(&result).unwrap_or_default()
}
