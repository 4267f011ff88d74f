//! Reads `JUnit` XML as test runners write it.
//!
//! The format has no standard, only conventions (<https://github.com/testmoapp/junitxml> collects them). So tests and
//! failures are counted from the elements, at any depth, not from the totals. A report whose totals claim failures that it
//! does not contain is refused.

mod reader;
mod suite;
#[cfg(test)]
mod tests;

pub use reader::read;
pub use suite::{TestCase, TestFailure, TestOutcome, TestSuite};

use crate::{error::ValueError, finding::Finding};

/// The finding on a file that [`read`] refused.
#[must_use]
pub fn invalid_report(file: &str, error: &ValueError) -> Finding {
    Finding::inconclusive(file)
        .actual(error.to_string())
        .expected("a complete JUnit XML report in UTF-8")
        .next("see that the test runner ended by itself and wrote its report to this path")
}
