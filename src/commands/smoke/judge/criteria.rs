//! What the smoke tests are judged by, and how their command ended.

use std::time::Duration;

use crate::{
    commands::smoke::{
        critical::CriticalTest,
        test_reports::TestReports,
        test_suite::{TestCase, TestFailure},
    },
    team_command::exit::CommandExit,
    values::HumanDuration,
};

/// What the command and its reports are judged by.
pub struct SmokeCriteria<'a> {
    pub timeout: HumanDuration,
    /// Whether reports are expected.
    pub junit: bool,
    /// Tests that have to run and to pass. If there are some, the failures of other tests do not block.
    pub critical: &'a [CriticalTest],
    /// How many tests have to run at least.
    pub min_tests: Option<u32>,
    /// How many tests may pass only when they are repeated; `None`: any number.
    pub max_flaky: Option<u32>,
    /// The command in one line.
    pub command: &'a str,
}

impl SmokeCriteria<'_> {
    /// Whether to read reports after this end. What was written before the time limit counts, too.
    pub const fn wants_reports(&self, ended: Option<&EndedCommand>) -> bool {
        self.junit && !matches!(ended, Some(EndedCommand { exit: CommandExit::Unobservable(_), .. }))
    }

    /// Whether a failure of this test blocks: of every test, or only of the critical ones if some are named.
    pub fn is_critical(&self, case: &TestCase) -> bool {
        let matches = |critical: &CriticalTest| critical.matches(&case.name) || critical.matches(&case.full_name());
        self.critical.is_empty() || self.critical.iter().any(matches)
    }

    /// Whether the failing tests explain an exit code other than 0, and none of them blocks.
    pub fn tolerates(&self, reports: &TestReports) -> bool {
        let is_tolerated = |(_, case, _): (&str, &TestCase, &TestFailure)| !self.is_critical(case);
        reports.failed().next().is_some()
            && reports.failed().all(is_tolerated)
            && reports.missing() == 0
            && reports.stale.is_empty()
            && reports.unusable.is_empty()
    }
}

/// How the command ended, and when (RFC 3339).
#[derive(Clone, Debug)]
pub struct EndedCommand {
    pub exit: CommandExit,
    pub at: String,
    /// How long it ran.
    pub took: Duration,
    /// How many times it failed before, and ran again.
    pub failed_before: usize,
}
