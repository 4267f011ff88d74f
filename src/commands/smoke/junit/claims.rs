//! What the totals of a report claim, beside what its elements show.

use crate::commands::smoke::test_suite::UncountedTests;

/// The totals of one suite. Runners leave out the ones that they do not know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub tests: Option<usize>,
    pub skipped: usize,
    /// Failures and errors.
    pub failed: usize,
}

/// What the elements of a suite and of the suites in it show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    pub tests: usize,
    pub skipped: usize,
    pub failed: usize,
    /// Claimed tests that no element shows.
    gap: usize,
    /// Claimed skipped tests that no element shows as skipped.
    skipped_hidden: usize,
    /// Whether a suite inside claims a number of tests.
    has_claims: bool,
}

impl Shown {
    /// Holds the totals of a suite against its elements, when it ends. Returns how many failures it claims and does not show.
    ///
    /// The number of tests counts only where no suite inside has one: newman counts requests at the top, and tests below.
    pub fn end(&mut self, totals: Totals) -> usize {
        if let Some(tests) = totals.tests.filter(|_| !self.has_claims) {
            self.gap = tests.saturating_sub(self.tests);
            self.has_claims = true;
        }
        self.skipped_hidden = self.skipped_hidden.max(totals.skipped.saturating_sub(self.skipped));
        let hidden = totals.failed.saturating_sub(self.failed);
        self.failed += hidden;
        hidden
    }

    /// How many tests the elements show beyond the totals.
    pub fn surplus(&self, totals: Totals) -> usize {
        totals.tests.filter(|_| !self.has_claims).map_or(0, |tests| self.tests.saturating_sub(tests))
    }

    /// Adds a suite that has ended to the suite around it.
    pub fn add(&mut self, inner: Self) {
        self.tests += inner.tests;
        self.skipped += inner.skipped;
        self.failed += inner.failed;
        self.gap += inner.gap;
        self.skipped_hidden += inner.skipped_hidden;
        self.has_claims |= inner.has_claims;
    }

    /// The tests that stand in the totals only, once the outermost suite has ended.
    pub fn uncounted(&self) -> UncountedTests {
        let skipped_unlisted = self.gap.min(self.skipped_hidden);
        UncountedTests {
            skipped_unlisted,
            skipped_unmarked: self.skipped_hidden - skipped_unlisted,
            missing: self.gap - skipped_unlisted,
        }
    }
}
