//! The names, numbers and texts of a report.

use std::{borrow::Cow, time::Duration};

use crate::commands::smoke::{
    plain_text::without_terminal_codes,
    test_suite::{TestFailure, TestOutcome},
};

/// Whether the name of a test already contains the class name: jest writes both into both, mocha the test into the class.
pub fn name_includes(name: &str, class: &str) -> bool {
    let apart = |rest: &str, edge: fn(&str) -> Option<char>| edge(rest).is_none_or(|c| !c.is_alphanumeric());
    class.is_empty()
        || name.strip_prefix(class).is_some_and(|rest| apart(rest, |rest| rest.chars().next()))
        || name.strip_suffix(class).is_some_and(|rest| apart(rest, |rest| rest.chars().next_back()))
}

/// The outcome by a `status` or `result`, unless it only means that the test ran. gtest marks skipped tests only so.
pub fn declared_outcome(status: &str) -> Option<TestOutcome> {
    Some(match status.to_ascii_lowercase().as_str() {
        "notrun" | "suppressed" | "skipped" | "disabled" | "pending" | "ignored" | "untested" => TestOutcome::Skipped,
        "failed" | "failure" | "fail" | "error" | "broken" | "timeout" | "timedout" | "panicked" | "interrupted"
        | "aborted" | "undefined" => {
            TestOutcome::Failed(TestFailure { message: format!("its status is {status:?}"), text: String::new() })
        }
        _ => return None,
    })
}

/// Surefire writes thousands as `1,234.5`.
pub fn seconds(text: &str) -> Option<Duration> {
    text.trim().replace(',', "").parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// The failure without terminal sequences.
pub fn plain(failure: TestFailure) -> TestFailure {
    let clean = |text: String| match without_terminal_codes(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(plain) => plain,
    };
    TestFailure { message: clean(failure.message), text: clean(failure.text) }
}

/// The failure of a test without the line of `PHPUnit` that only repeats the test's name: `CheckoutTest::pays`.
pub fn without_name(mut failure: TestFailure, name: &str) -> TestFailure {
    if let Some((first, rest)) = failure.text.trim_start().split_once('\n')
        && first.trim().replace("::", " › ") == name
    {
        failure.text = rest.to_owned();
    }
    failure
}
