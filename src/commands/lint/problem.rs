//! One problem of a workflow: where it is, what was seen, what was expected, and what to do. Pure.

use crate::{
    finding::{Finding, Verdict},
    yaml::Position,
};

/// Which rule found it. The names are part of the JSON output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    UnreadableFile,
    ConfigFile,
    UnknownAction,
    UnknownInput,
    MissingInput,
    EmptyValue,
    MissingPermission,
    IdToken,
    Environment,
    Deployment,
    MissingReport,
    MissingNeed,
    MatrixOutputs,
}

impl Rule {
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnreadableFile => "unreadable-file",
            Self::ConfigFile => "config-file",
            Self::UnknownAction => "unknown-action",
            Self::UnknownInput => "unknown-input",
            Self::MissingInput => "missing-input",
            Self::EmptyValue => "empty-value",
            Self::MissingPermission => "missing-permission",
            Self::IdToken => "id-token",
            Self::Environment => "environment",
            Self::Deployment => "deployment",
            Self::MissingReport => "missing-report",
            Self::MissingNeed => "missing-need",
            Self::MatrixOutputs => "matrix-outputs",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub path: String,
    pub at: Position,
    pub rule: Rule,
    pub verdict: Verdict,
    pub actual: String,
    pub expected: String,
    pub next: String,
}

impl Problem {
    /// A problem that keeps a gate from its work.
    pub fn new(path: &str, at: Position, rule: Rule) -> Self {
        let path = path.to_owned();
        let (actual, expected, next) = (String::new(), String::new(), String::new());
        Self { path, at, rule, verdict: Verdict::Blocked, actual, expected, next }
    }

    /// Only a run of the workflow can show whether it is a problem.
    pub const fn undecided(mut self) -> Self {
        self.verdict = Verdict::Inconclusive;
        self
    }

    pub fn actual(mut self, actual: impl Into<String>) -> Self {
        self.actual = actual.into();
        self
    }

    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    pub fn to_finding(&self) -> Finding {
        let Position { line, column } = self.at;
        Finding::new(format!("{}:{line}:{column} {}", self.path, self.rule.name()), self.verdict)
            .actual(self.actual.as_str())
            .expected(self.expected.as_str())
            .next(self.next.as_str())
    }

    /// Whether it says the same about the same place.
    pub fn is_same(&self, other: &Self) -> bool {
        self.path == other.path && self.at == other.at && self.rule == other.rule && self.actual == other.actual
    }
}
