//! How many tests ran: in the reports of `smoke`, and in the validation that the last promotion rests on.

use std::num::NonZeroU32;

use super::{payload::Claim, promoted::PromotedFigure};
use crate::{finding::Verdict, image_entry::ImageEntry, ledger::LedgerEntry, report::Report};

/// The gate that runs the tests.
pub const GATE: &str = "smoke";
/// Its output with their number.
pub const TESTS: &str = "tests";

/// The number of tests that an image was promoted with.
pub type PromotedTests = PromotedFigure<NonZeroU32>;

/// The number of tests of the last promotion that recorded it.
#[must_use]
pub fn promoted_tests(entries: &[LedgerEntry], current: &[ImageEntry]) -> Option<PromotedTests> {
    PromotedFigure::find(entries, current, |promotion| promotion.tests.as_ref())
}

/// What the reports of the gate say of the number of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestCount {
    /// There is no report, or one that did not pass.
    NotPassed,
    /// All passed, and one of them has no number.
    Unknown,
    /// The sum of all reports.
    Known(NonZeroU32),
}

impl TestCount {
    #[must_use]
    pub const fn known(self) -> Option<NonZeroU32> {
        match self {
            Self::Known(count) => Some(count),
            Self::NotPassed | Self::Unknown => None,
        }
    }
}

impl Claim {
    /// The tests of all reports together: a leg of a matrix that is left out counts as its tests.
    pub fn test_count(&self) -> TestCount {
        let reports: Vec<&Report> =
            self.received.iter().map(|received| &received.report).filter(|report| report.command == GATE).collect();
        let has_passed = |report: &&Report| report.verdict == Verdict::Passed && !report.dry_run;
        if reports.is_empty() || !reports.iter().all(has_passed) {
            return TestCount::NotPassed;
        }
        let sum = reports.iter().try_fold(0_u32, |sum, report| sum.checked_add(ran(report)?.get()));
        sum.and_then(NonZeroU32::new).map_or(TestCount::Unknown, TestCount::Known)
    }
}

/// The number of tests in one report.
fn ran(report: &Report) -> Option<NonZeroU32> {
    report.outputs.get(TESTS)?.parse().ok()
}
