//! The tests of a report, whatever runner wrote it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::plain_text::informative_line;

/// The tests of one report. Texts are unescaped, untrusted, and free of terminal sequences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestSuite {
    pub cases: Vec<TestCase>,
    /// Skipped tests that the totals count and the elements do not show as skipped.
    pub uncounted: UncountedTests,
}

/// Tests that stand in the totals of a report only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UncountedTests {
    /// Skipped, and not listed. Mocha and Cypress list no skipped test.
    pub skipped_unlisted: usize,
    /// Skipped, and listed without a mark.
    pub skipped_unmarked: usize,
    /// Neither listed nor skipped: nothing says how they ended.
    pub missing: usize,
}

impl TestSuite {
    /// How many tests ran.
    #[must_use]
    pub fn ran(&self) -> usize {
        let listed = self.cases.iter().filter(|case| case.outcome != TestOutcome::Skipped).count();
        listed.saturating_sub(self.uncounted.skipped_unmarked)
    }

    /// How many tests were skipped.
    #[must_use]
    pub fn skipped(&self) -> usize {
        let listed = self.cases.iter().filter(|case| case.outcome == TestOutcome::Skipped).count();
        listed + self.uncounted.skipped_unmarked + self.uncounted.skipped_unlisted
    }

    /// Leaves the projects out if all tests have the same one: then it is the name of the machine.
    pub fn name_projects(&mut self) {
        let projects: BTreeSet<_> = self.cases.iter().filter_map(|case| case.project.clone()).collect();
        if projects.len() < 2 {
            self.cases.iter_mut().for_each(|case| case.project = None);
        }
    }

    /// The tests that failed, in the order of the report.
    pub fn failed(&self) -> impl Iterator<Item = (&TestCase, &TestFailure)> {
        self.cases.iter().filter_map(|case| match &case.outcome {
            TestOutcome::Failed(failure) => Some((case, failure)),
            TestOutcome::Passed | TestOutcome::Flaky(_) | TestOutcome::Skipped => None,
        })
    }

    /// The tests that passed only when they were repeated.
    pub fn flaky(&self) -> impl Iterator<Item = (&TestCase, &TestFailure)> {
        self.cases.iter().filter_map(|case| match &case.outcome {
            TestOutcome::Flaky(failure) => Some((case, failure)),
            TestOutcome::Passed | TestOutcome::Failed(_) | TestOutcome::Skipped => None,
        })
    }
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct TestCase {
    /// `classname › name`, or the name alone where the class says nothing more.
    pub name: String,
    /// The name of the suite around it.
    pub suite: Arc<str>,
    /// The browser or project it ran in, where a report has several: Playwright writes it as the host of a suite.
    pub project: Option<Arc<str>>,
    /// The source file of the test, if the report names it.
    pub file: Option<String>,
    pub time: Option<Duration>,
    pub outcome: TestOutcome,
}

impl TestCase {
    /// The name with the project: `checkout › pays (firefox)`.
    #[must_use]
    pub fn full_name(&self) -> String {
        match &self.project {
            Some(project) => format!("{} ({project})", self.name),
            None => self.name.clone(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    Passed,
    /// It failed, was repeated, and then passed. The failure is that of the first attempt, as far as the report shows it.
    Flaky(TestFailure),
    /// It did not run, or its failure is expected: a test that is marked as to do.
    Skipped,
    /// It failed, and in every attempt.
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
    /// The first line that says something: `Failed` as a message, and what a runner prints before the reason, do not.
    #[must_use]
    pub fn headline(&self) -> &str {
        informative_line(&self.message)
            .or_else(|| informative_line(&self.text))
            .or_else(|| self.message.lines().map(str::trim).find(|line| !line.is_empty()))
            .unwrap_or_default()
    }

    /// Message and body, without repetition.
    #[must_use]
    pub fn whole(&self) -> String {
        let (message, text) = (self.message.trim(), self.text.trim());
        match (message.is_empty(), text.is_empty()) {
            (_, true) => message.to_owned(),
            (true, false) => text.to_owned(),
            (false, false) if text.contains(message) => text.to_owned(),
            (false, false) => format!("{message}\n{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_is_the_reason_and_not_the_word_failed() {
        for (message, text, headline) in [
            ("expected 200, got 500", "at checkout.ts:7", "expected 200, got 500"),
            ("Failed", "=== RUN   TestFail\n    p_test.go:4: boom\n--- FAIL: TestFail (0.00s)\n", "p_test.go:4: boom"),
            ("Failed", "=== RUN   TestFail\n--- FAIL: TestFail (0.00s)\n", "Failed"),
            ("", "Iteration: 0\n\n---\ntestScriptError: script broke\n---\n", "testScriptError: script broke"),
            ("\n  \n", "", ""),
            ("Test failed", "", "Test failed"),
            ("None", "Failing step: Given a cart ... undefined", "Failing step: Given a cart ... undefined"),
            ("1 failure, see stacktrace for details", "Failure:\nExpected: 200\n", "Expected: 200"),
            (
                "test failure",
                "Traceback (most recent call last):\n  File \"a.py\", line 4, in test_pays\n    assert 1 == 2\nAssertionError: 1 != 2\n",
                "AssertionError: 1 != 2",
            ),
        ] {
            let failure = TestFailure { message: message.to_owned(), text: text.to_owned() };
            assert_eq!(failure.headline(), headline, "{message:?} {text:?}");
        }
    }

    #[test]
    fn the_whole_failure_has_message_and_body_once() {
        let whole =
            |message: &str, text: &str| TestFailure { message: message.to_owned(), text: text.to_owned() }.whole();
        assert_eq!(whole("Error: x", "Error: x\n  at a.js:1"), "Error: x\n  at a.js:1");
        assert_eq!(whole("Error: x", "at a.js:1"), "Error: x\nat a.js:1");
        assert_eq!((whole("x", "").as_str(), whole("", "y").as_str(), whole("", "").as_str()), ("x", "y", ""));
    }
}
