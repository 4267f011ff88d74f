//! The test reports that the command wrote, once they are read.

use super::{
    attempts::{add_earlier_failure, merge_passed},
    test_suite::{TestCase, TestFailure, TestSuite},
};
use crate::finding::Finding;

/// The reports after the command. Paths are relative to the workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestReports {
    /// Path and content of each valid report.
    pub read: Vec<(String, TestSuite)>,
    /// The paths of reports of an earlier run.
    pub stale: Vec<String>,
    pub unusable: Vec<Finding>,
}

impl TestReports {
    /// Each failed test, with the path of its report.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &TestCase, &TestFailure)> {
        self.read.iter().flat_map(|(path, suite)| suite.failed().map(|(case, failure)| (path.as_str(), case, failure)))
    }

    /// Each test that passed only when it was repeated, with the failure of its first attempt.
    pub fn flaky(&self) -> impl Iterator<Item = (&str, &TestCase, &TestFailure)> {
        self.read.iter().flat_map(|(path, suite)| suite.flaky().map(|(case, failure)| (path.as_str(), case, failure)))
    }

    /// Merges the attempts of tests that failed and then passed. For a command that ended with 0.
    pub fn merge_attempts(&mut self) {
        self.read.iter_mut().for_each(|(_, suite)| merge_passed(&mut suite.cases));
    }

    /// Adds what failed in an earlier attempt: a test that passes now is flaky, and one that is not shown any more has failed.
    pub fn add_earlier(&mut self, earlier: &Self) {
        for (path, case, failure) in earlier.failed() {
            let report = match self.read.iter().position(|(now, _)| now == path) {
                Some(index) => &mut self.read[index].1,
                None => &mut self.read.push_mut((path.to_owned(), TestSuite::default())).1,
            };
            add_earlier_failure(&mut report.cases, case, failure);
        }
    }

    /// How many tests the totals of a report count and its elements do not show.
    pub fn missing(&self) -> usize {
        self.read.iter().map(|(_, suite)| suite.uncounted.missing).sum()
    }

    pub fn cases(&self) -> impl Iterator<Item = &TestCase> {
        self.read.iter().flat_map(|(_, suite)| &suite.cases)
    }

    /// How many tests ran.
    pub fn ran(&self) -> usize {
        self.read.iter().map(|(_, suite)| suite.ran()).sum()
    }

    /// How many tests were skipped.
    pub fn skipped(&self) -> usize {
        self.read.iter().map(|(_, suite)| suite.skipped()).sum()
    }
}
