//! The test reports that the command wrote, once they are read.

use super::junit::{TestCase, TestFailure, TestSuite};
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

    pub fn cases(&self) -> impl Iterator<Item = &TestCase> {
        self.read.iter().flat_map(|(_, suite)| &suite.cases)
    }

    /// How many tests ran.
    pub fn ran(&self) -> usize {
        self.read.iter().map(|(_, suite)| suite.ran()).sum()
    }

    /// How many tests were skipped.
    pub fn skipped(&self) -> usize {
        self.read.iter().map(|(_, suite)| suite.skipped).sum()
    }
}
