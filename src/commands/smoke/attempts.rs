//! Repeated attempts of one test: a test that failed and then passed is flaky, whatever runner repeated it.

use std::collections::HashMap;

use super::test_suite::{TestCase, TestFailure, TestOutcome};

/// The same test, however often it stands in a report: suite, name, project, file.
type Identity<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>);

fn identity(case: &TestCase) -> Identity<'_> {
    (&case.suite, &case.name, case.project.as_deref(), case.file.as_deref())
}

/// Merges the attempts of tests in a suite that shows `surplus` tests more than it counts: pytest-rerunfailures lists an
/// attempt that was repeated like a test that passed, and does not count it. `first` is the index of the suite's first test.
pub fn merge_repeated(cases: &mut Vec<TestCase>, first: usize, surplus: usize) {
    if surplus == 0 {
        return;
    }
    let repeated = cases.len() - first - last_attempts(cases, first).len();
    if repeated == 0 || repeated > surplus {
        return;
    }
    merge(cases, first, |_, later| matches!(later.outcome, TestOutcome::Passed | TestOutcome::Failed(_)));
}

/// Merges attempts that failed with a later one of the same test that passed. For a command that ended with 0: its runner
/// then took the later attempt for the result, and there is no other test of that name that failed.
pub fn merge_passed(cases: &mut Vec<TestCase>) {
    merge(cases, 0, |earlier, later| {
        matches!(earlier.outcome, TestOutcome::Failed(_))
            && matches!(later.outcome, TestOutcome::Passed | TestOutcome::Flaky(_))
    });
}

/// Removes each test from `first` that its last attempt `replaces`, and marks the last attempt as flaky if it passed.
fn merge(cases: &mut Vec<TestCase>, first: usize, replaces: impl Fn(&TestCase, &TestCase) -> bool) {
    let last = last_attempts(cases, first);
    if last.len() == cases.len() - first {
        return;
    }
    let mut superseded = vec![false; cases.len()];
    let mut failures: HashMap<usize, TestFailure> = HashMap::new();
    for (index, case) in cases.iter().enumerate().skip(first) {
        let Some(&later) = last.get(&identity(case)).filter(|&&later| later != index) else { continue };
        if replaces(case, &cases[later]) {
            superseded[index] = true;
            let failure = match &case.outcome {
                TestOutcome::Failed(failure) => failure.clone(),
                _ => TestFailure::default(),
            };
            failures.entry(later).or_insert(failure);
        }
    }
    for (index, failure) in failures {
        if cases[index].outcome == TestOutcome::Passed {
            cases[index].outcome = TestOutcome::Flaky(failure);
        }
    }
    let mut superseded = superseded.into_iter();
    cases.retain(|_| superseded.next() != Some(true));
}

/// The index of each test's last attempt.
fn last_attempts(cases: &[TestCase], first: usize) -> HashMap<Identity<'_>, usize> {
    cases.iter().enumerate().skip(first).map(|(index, case)| (identity(case), index)).collect()
}

/// Adds the failure of a test in an earlier run of the whole command.
pub fn add_earlier_failure(cases: &mut Vec<TestCase>, earlier: &TestCase, failure: &TestFailure) {
    match cases.iter_mut().find(|case| identity(case) == identity(earlier)) {
        Some(case) if case.outcome == TestOutcome::Passed => case.outcome = TestOutcome::Flaky(failure.clone()),
        Some(case) if case.outcome == TestOutcome::Skipped => case.outcome = TestOutcome::Failed(failure.clone()),
        Some(_) => {}
        None => cases.push(earlier.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, outcome: TestOutcome) -> TestCase {
        TestCase { name: name.to_owned(), suite: "s".into(), project: None, file: None, time: None, outcome }
    }

    fn failed(message: &str) -> TestOutcome {
        TestOutcome::Failed(TestFailure { message: message.to_owned(), text: String::new() })
    }

    fn shown(cases: &[TestCase]) -> Vec<String> {
        let outcome = |outcome: &TestOutcome| match outcome {
            TestOutcome::Passed => "passed".to_owned(),
            TestOutcome::Skipped => "skipped".to_owned(),
            TestOutcome::Flaky(failure) => format!("flaky {}", failure.message),
            TestOutcome::Failed(failure) => format!("failed {}", failure.message),
        };
        cases.iter().map(|case| format!("{} {}", case.name, outcome(&case.outcome))).collect()
    }

    #[test]
    fn a_test_that_failed_and_then_passed_is_flaky() {
        for (cases, expected) in [
            (
                vec![case("a", failed("1st")), case("b", TestOutcome::Passed), case("a", TestOutcome::Passed)],
                vec!["b passed", "a flaky 1st"],
            ),
            (
                vec![case("a", failed("1st")), case("a", failed("2nd")), case("a", TestOutcome::Passed)],
                vec!["a flaky 1st"],
            ),
            // The last attempt counts.
            (vec![case("a", TestOutcome::Passed), case("a", failed("2nd"))], vec!["a passed", "a failed 2nd"]),
            (vec![case("a", failed("1st")), case("a", TestOutcome::Skipped)], vec!["a failed 1st", "a skipped"]),
            (vec![case("a", failed("1st")), case("A", TestOutcome::Passed)], vec!["a failed 1st", "A passed"]),
        ] {
            let mut merged = cases;
            merge_passed(&mut merged);
            assert_eq!(shown(&merged), expected);
        }
        let mut other_suite =
            vec![case("a", failed("1st")), TestCase { suite: "t".into(), ..case("a", TestOutcome::Passed) }];
        merge_passed(&mut other_suite);
        assert_eq!(shown(&other_suite), ["a failed 1st", "a passed"]);
        let mut other_project = vec![
            case("a", failed("1st")),
            TestCase { project: Some("webkit".into()), ..case("a", TestOutcome::Passed) },
        ];
        merge_passed(&mut other_project);
        assert_eq!(shown(&other_project), ["a failed 1st", "a passed"]);
    }

    #[test]
    fn an_attempt_that_the_totals_leave_out_was_repeated() {
        let twice =
            || vec![case("a", TestOutcome::Passed), case("a", TestOutcome::Passed), case("b", TestOutcome::Passed)];
        for (surplus, expected) in [(1, vec!["a flaky ", "b passed"]), (0, vec!["a passed", "a passed", "b passed"])] {
            let mut merged = twice();
            merge_repeated(&mut merged, 0, surplus);
            assert_eq!(shown(&merged), expected, "{surplus}");
        }
        let mut later_suite = twice();
        merge_repeated(&mut later_suite, 1, 1);
        assert_eq!(shown(&later_suite).len(), 3, "the first one is of another suite");
        let mut failed_at_last = vec![case("a", TestOutcome::Passed), case("a", failed("2nd"))];
        merge_repeated(&mut failed_at_last, 0, 1);
        assert_eq!(shown(&failed_at_last), ["a failed 2nd"]);
    }
}
