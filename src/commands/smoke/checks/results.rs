//! The ends of the paths as the tests of a report.

use std::time::Duration;

use super::{
    model::CheckFile,
    walk::{FailureKind, StepFailure},
};
use crate::{
    commands::smoke::{
        test_reports::TestReports,
        test_suite::{TestCase, TestFailure, TestOutcome, TestSuite},
    },
    finding::Finding,
    values::HumanDuration,
};

/// The name of the tests' suite.
const SUITE: &str = "checks";

/// What the checks showed.
#[derive(Default)]
pub struct CheckResults {
    pub reports: TestReports,
    /// Findings on setup and teardown, and on what was not observed.
    pub findings: Vec<Finding>,
    pub took: Duration,
}

/// How the paths ended.
pub enum PathsEnd {
    /// Setup failed, and no path ran.
    NoSetup(StepFailure),
    /// One end for each path; `None`: it did not end in time.
    Ended(Vec<Option<PathEnd>>),
}

/// How one path ended.
pub struct PathEnd {
    pub took: Duration,
    /// What failed before it passed, or what failed at last.
    pub outcome: Result<Vec<StepFailure>, StepFailure>,
}

impl PathsEnd {
    /// The paths as tests of a report, and the findings on what is no test.
    #[must_use]
    pub fn into_results(self, file: &CheckFile, timeout: HumanDuration) -> CheckResults {
        let ends = match self {
            Self::NoSetup(failure) => {
                let finding = match failure.kind {
                    FailureKind::Observed => Finding::blocked("setup"),
                    FailureKind::Unreachable | FailureKind::Stopped => Finding::inconclusive("setup"),
                };
                let finding = finding.actual(format!("{}; no path ran", failure.headline));
                let finding = finding
                    .expected("every step as expected")
                    .next("fix what the step shows; the log has its response");
                return CheckResults { findings: vec![finding], ..CheckResults::default() };
            }
            Self::Ended(ends) => ends,
        };
        let mut suite = TestSuite::default();
        let mut unreachable: Vec<(&str, String)> = Vec::new();
        for (path, end) in file.paths.iter().zip(ends) {
            let (time, outcome) = match end {
                Some(PathEnd { took, outcome: Ok(flaky) }) => (Some(took), passed(flaky)),
                Some(PathEnd { outcome: Err(failure), .. }) if failure.kind == FailureKind::Unreachable => {
                    unreachable.push((&path.name, failure.headline));
                    continue;
                }
                Some(PathEnd { took, outcome: Err(failure) }) if failure.kind == FailureKind::Observed => {
                    (Some(took), failed(failure.headline, failure.details))
                }
                Some(PathEnd { .. }) | None => {
                    (None, failed(format!("not ended within {timeout}, the `timeout` of all paths"), String::new()))
                }
            };
            suite.cases.push(TestCase {
                name: path.name.clone(),
                suite: SUITE.into(),
                project: None,
                file: Some(format!("{}:{}", file.path, path.line)),
                time,
                outcome,
            });
        }
        let mut reports = TestReports::default();
        if !suite.cases.is_empty() {
            reports.read.push((file.path.clone(), suite));
        }
        CheckResults { findings: not_reached(&unreachable).into_iter().collect(), reports, took: Duration::ZERO }
    }
}

fn passed(flaky: Vec<StepFailure>) -> TestOutcome {
    match flaky.into_iter().next() {
        None => TestOutcome::Passed,
        Some(StepFailure { headline, details, .. }) => {
            TestOutcome::Flaky(TestFailure { message: headline, text: details })
        }
    }
}

fn failed(message: String, text: String) -> TestOutcome {
    TestOutcome::Failed(TestFailure { message, text })
}

/// Paths whose service was not reached: that says nothing about the service.
fn not_reached(unreachable: &[(&str, String)]) -> Option<Finding> {
    const NAMED: usize = 3;
    let (_, first) = unreachable.first()?;
    let names: Vec<&str> = unreachable.iter().take(NAMED).map(|(name, _)| *name).collect();
    let more = unreachable.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(
        Finding::inconclusive("paths")
            .actual(format!("not reached: {}{more}; {first}", names.join(", ")))
            .expected("a connection to the service")
            .next("see that this runner reaches the address: its name, the network, the proxy, the certificate"),
    )
}
