//! Reads `JUnit` XML as test runners write it.
//!
//! There is no standard, only habit (<https://github.com/testmoapp/junitxml> collects it), so this trusts what is shown
//! over what is claimed: tests and failures are counted from the elements themselves, wherever below the root they
//! stand, and a report whose totals claim failures that it does not show is no report.

mod reader;
#[cfg(test)]
mod tests;

use std::{error, fmt, time::Duration};

use crate::finding::Finding;

pub use reader::read;

/// The tests of one or several reports. Texts are raw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suite {
    pub cases: Vec<Case>,
    /// How many did not run: as shown, or as claimed by the totals where that is more.
    pub skipped: usize,
}

impl Suite {
    /// How many tests ran. 0 says that nothing was tested, however many there are.
    #[must_use]
    pub const fn ran(&self) -> usize {
        self.cases.len().saturating_sub(self.skipped)
    }

    /// The tests that failed, in the order of the report.
    pub fn failed(&self) -> impl Iterator<Item = (&Case, &Failure)> {
        self.cases.iter().filter_map(|case| match &case.outcome {
            Outcome::Failed(failure) => Some((case, failure)),
            Outcome::Passed | Outcome::Skipped => None,
        })
    }

    /// Adds the tests of another report.
    pub fn add(&mut self, other: Self) {
        self.cases.extend(other.cases);
        self.skipped += other.skipped;
    }
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// `classname › name`, or the name alone where the class says nothing more.
    pub name: String,
    /// The file it is in, if the report says so.
    pub file: Option<String>,
    pub time: Option<Duration>,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// It did not run.
    Skipped,
    /// It failed, or could not be run to its end: `<failure>` and `<error>`.
    Failed(Failure),
}

/// Why a test failed: the first reason, when there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// At most 16 KiB.
    pub message: String,
    /// The body, a stack trace more often than not; at most 16 KiB.
    pub text: String,
}

impl Failure {
    /// The first line that says something.
    #[must_use]
    pub fn headline(&self) -> &str {
        self.message.lines().chain(self.text.lines()).map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
    }
}

/// Why a file is no test report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line and column, from 1, in characters; none when it is about the whole file.
    pub at: Option<(usize, usize)>,
    pub what: String,
}

impl Problem {
    /// The same, about the file it was found in.
    #[must_use]
    pub fn to_finding(&self, file: &str) -> Finding {
        Finding::inconclusive(file)
            .actual(self.to_string())
            .expected("a complete JUnit XML report in UTF-8")
            .next("see that the test runner ended by itself and wrote its report to this path")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.at {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl error::Error for Problem {}
