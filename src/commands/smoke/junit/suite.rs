//! The tests of a report.

use std::time::Duration;

/// The tests of one or several reports. Texts are unescaped and untrusted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestSuite {
    pub cases: Vec<TestCase>,
    /// How many did not run: by the elements or by the totals, whichever is more.
    pub skipped: usize,
}

impl TestSuite {
    /// How many tests ran.
    #[must_use]
    pub const fn ran(&self) -> usize {
        self.cases.len().saturating_sub(self.skipped)
    }

    /// The tests that failed, in the order of the report.
    pub fn failed(&self) -> impl Iterator<Item = (&TestCase, &TestFailure)> {
        self.cases.iter().filter_map(|case| match &case.outcome {
            TestOutcome::Failed(failure) => Some((case, failure)),
            TestOutcome::Passed | TestOutcome::Skipped => None,
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
pub struct TestCase {
    /// `classname › name`, or the name alone where the class says nothing more.
    pub name: String,
    /// The source file of the test, if the report names it.
    pub file: Option<String>,
    pub time: Option<Duration>,
    pub outcome: TestOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    Passed,
    /// It did not run.
    Skipped,
    /// `<failure>` or `<error>`.
    Failed(TestFailure),
}

/// Why a test failed: the first reason if there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestFailure {
    /// At most 16 KiB.
    pub message: String,
    /// The body, mostly a stack trace; at most 16 KiB.
    pub text: String,
}

impl TestFailure {
    /// The first line that is not blank.
    #[must_use]
    pub fn headline(&self) -> &str {
        self.message.lines().chain(self.text.lines()).map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
    }
}
