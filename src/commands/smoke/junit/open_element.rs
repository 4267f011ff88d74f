//! What is known of the elements that the parser is in.

use std::{sync::Arc, time::Duration};

use super::claims::{Shown, Totals};
use crate::commands::smoke::test_suite::{TestFailure, TestOutcome};

/// An open element.
pub enum OpenElement {
    Suite(OpenSuite),
    Case(OpenCase),
    Failure(TestFailure),
    /// A failure of an attempt that was repeated and then passed: `<flakyFailure>`.
    FlakyFailure(TestFailure),
    /// What a test or a suite printed.
    Printed(String),
    /// Its content does not count: properties, attempts that were repeated in vain.
    Ignored,
    /// An unknown element; its content counts.
    Other,
}

#[derive(Default)]
pub struct OpenSuite {
    pub name: Arc<str>,
    pub file: Option<String>,
    pub host: Option<Arc<str>>,
    pub totals: Totals,
    pub shown: Shown,
    /// The index of its first test.
    pub first: usize,
    /// What it printed itself: newman writes the errors of requests and scripts there.
    pub printed: String,
}

pub struct OpenCase {
    pub name: String,
    pub file: Option<String>,
    pub time: Option<Duration>,
    /// The outcome by its attributes, which counts if it has no element for the outcome.
    pub declared: Option<TestOutcome>,
    pub skipped: Option<Skip>,
    pub failure: Option<TestFailure>,
    /// The failure of an attempt that was repeated.
    pub flaky: Option<TestFailure>,
}

/// How a `<skipped>` element is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// The test did not run.
    Skipped,
    /// The test may fail: Node's test runner writes a failure beside it, and passes.
    ToDo,
}
