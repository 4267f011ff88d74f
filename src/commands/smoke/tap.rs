//! Reads TAP, the Test Anything Protocol, in versions 12 to 14.
//!
//! Source: <https://testanything.org/tap-version-14-specification.html>. A test with a list of tests inside is a suite: the
//! tests inside count, and the suite itself only when it fails and none of them does.

use std::sync::Arc;

use super::{
    bounds::{CASES, NAME, TEXT, truncate},
    plain_text::without_terminal_codes,
    test_suite::{TestCase, TestFailure, TestOutcome, TestSuite, UncountedTests},
};
use crate::error::ValueError;

/// The deepest nesting of tests.
const DEPTH: usize = 50;

/// Whether a text is TAP: it begins with the version, a plan or a test.
#[must_use]
pub fn is_tap(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with("TAP version ") || plan(line).is_some() || test_line(line).is_some())
}

/// Reads one report.
///
/// # Errors
/// It has no plan, so that it may have been cut off; two plans; more than 100,000 tests.
pub fn read(text: &str) -> Result<TestSuite, ValueError> {
    let mut reader = TapReader { lists: vec![List::default()], in_block: None, braces: Vec::new() };
    for (number, line) in text.lines().enumerate() {
        reader.line(line).map_err(|error| ValueError::from(format!("line {}: {error}", number + 1)))?;
    }
    reader.end()
}

struct TapReader {
    /// The open lists of tests, the outermost first.
    lists: Vec<List>,
    /// The indentation of the YAML block that the reader is in.
    in_block: Option<usize>,
    /// The tests whose own tests follow in braces, with their indentation.
    braces: Vec<(usize, String)>,
}

/// One list of tests at one indentation.
#[derive(Default)]
struct List {
    indent: usize,
    plan: Option<usize>,
    points: usize,
    /// The tests of this list and those in it.
    cases: Vec<TestCase>,
    missing: usize,
    bailed_out: bool,
}

impl TapReader {
    fn line(&mut self, line: &str) -> Result<(), ValueError> {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        if let Some(block) = self.in_block {
            if text == "..." && indent <= block {
                self.in_block = None;
            } else {
                self.explain(text);
            }
            return Ok(());
        }
        if let Some(reason) = text.strip_prefix("Bail out!") {
            self.bail_out(reason.trim());
            return Ok(());
        }
        if text == "}" && self.braces.last().is_some_and(|(opened, _)| *opened == indent) {
            let (_, line) = self.braces.pop().unwrap_or_default();
            if let Some(point) = test_line(&line) {
                self.point(indent, &point)?;
            }
        } else if text == "---" && indent > self.innermost().indent {
            self.in_block = Some(indent);
        } else if let Some(planned) = plan(text) {
            let list = self.list_at(indent)?;
            if list.plan.replace(planned).is_some_and(|earlier| earlier != planned) {
                return Err(ValueError::new("a second plan; a report has one"));
            }
        } else if let Some(line) = text.strip_suffix('{').filter(|line| test_line(line).is_some()) {
            // Its tests come behind it: it counts at the closing brace, as one whose tests came before.
            self.braces.push((indent, line.to_owned()));
        } else if let Some(point) = test_line(text) {
            self.point(indent, &point)?;
        } else if let Some(comment) = text.strip_prefix('#') {
            self.explain(comment.trim());
        }
        Ok(())
    }

    fn innermost(&mut self) -> &mut List {
        if self.lists.is_empty() {
            self.lists.push(List::default());
        }
        let last = self.lists.len() - 1;
        &mut self.lists[last]
    }

    /// The list at an indentation: a deeper one begins a list. A shallower one waits for its test, which closes the list.
    fn list_at(&mut self, indent: usize) -> Result<&mut List, ValueError> {
        if indent > self.innermost().indent {
            if self.lists.len() >= DEPTH {
                return Err(ValueError::from(format!("tests nest deeper than {DEPTH}")));
            }
            self.lists.push(List { indent, ..List::default() });
        }
        while self.lists.len() > 1 && self.innermost().indent > indent {
            self.close(None);
        }
        Ok(self.innermost())
    }

    fn point(&mut self, indent: usize, point: &TestLine<'_>) -> Result<(), ValueError> {
        // The tests of a list come before the test that sums them up.
        let mut has_tests = false;
        if self.lists.len() > 1 && self.innermost().indent > indent {
            while self.lists.len() > 2 && self.lists[self.lists.len() - 2].indent > indent {
                self.close(None);
            }
            let parent = self.lists.len() - 2;
            if self.lists[parent].indent < indent {
                self.lists.insert(parent + 1, List { indent, ..List::default() });
            }
            has_tests = self.close(Some(point));
        }
        let list = self.list_at(indent)?;
        list.points += 1;
        if !has_tests {
            let name = match point.name {
                "" => format!("test {}, which has no name", list.points),
                name => truncate(name, NAME),
            };
            let outcome = point.outcome();
            let case = TestCase { name, suite: Arc::default(), project: None, file: None, time: None, outcome };
            list.cases.push(case);
        }
        let cases: usize = self.lists.iter().map(|list| list.cases.len()).sum();
        if cases > CASES { Err(ValueError::from(format!("holds more than {CASES} tests"))) } else { Ok(()) }
    }

    /// Ends the innermost list, which `summary` sums up. Whether its tests say all that the summary does.
    fn close(&mut self, summary: Option<&TestLine<'_>>) -> bool {
        let Some(mut list) = self.lists.pop() else { return false };
        let missing = list.plan.unwrap_or(list.points).saturating_sub(list.points);
        if let Some(summary) = summary {
            for case in &mut list.cases {
                let name = format!("{} › {}", summary.name, case.name);
                case.name = truncate(&name, NAME);
                // A list that may fail, or was skipped, takes its tests with it.
                if summary.directive.is_some() && matches!(case.outcome, TestOutcome::Failed(_)) {
                    case.outcome = TestOutcome::Skipped;
                }
            }
        }
        let has_failed = list.cases.iter().any(|case| matches!(case.outcome, TestOutcome::Failed(_)));
        let says_all = !list.cases.is_empty()
            && summary.is_none_or(|summary| summary.ok || summary.directive.is_some() || has_failed);
        let parent = self.innermost();
        parent.cases.append(&mut list.cases);
        parent.missing += missing + list.missing;
        says_all
    }

    /// Adds a line to the failure that was read last.
    fn explain(&mut self, line: &str) {
        // The header of a block says nothing: `message: |`.
        let is_header =
            line.split_once(": ").is_some_and(|(key, value)| is_word(key) && matches!(value, "|" | "|-" | ">" | ">-"));
        if line.starts_with("Subtest:") || is_header {
            return;
        }
        let last = self.innermost().cases.last_mut();
        if let Some(TestCase { outcome: TestOutcome::Failed(failure), .. }) = last {
            let line = without_terminal_codes(line);
            if failure.message.is_empty() {
                failure.message = reason(&line).map(|reason| truncate(reason, TEXT)).unwrap_or_default();
            }
            if failure.text.len() + line.len() < TEXT {
                failure.text.push_str(&line);
                failure.text.push('\n');
            }
        }
    }

    fn bail_out(&mut self, reason: &str) {
        while self.lists.len() > 1 {
            self.close(None);
        }
        let message = if reason.is_empty() { "the run was given up" } else { reason };
        let failure = TestFailure { message: truncate(message, TEXT), text: String::new() };
        let list = self.innermost();
        list.bailed_out = true;
        list.cases.push(TestCase {
            name: "Bail out!".to_owned(),
            suite: Arc::default(),
            project: None,
            file: None,
            time: None,
            outcome: TestOutcome::Failed(failure),
        });
    }

    fn end(mut self) -> Result<TestSuite, ValueError> {
        if !self.braces.is_empty() {
            return Err(ValueError::new("a list of tests in braces does not end: it was cut off"));
        }
        while self.lists.len() > 1 {
            self.close(None);
        }
        let List { plan, points, cases, missing, bailed_out, .. } = self.lists.pop().unwrap_or_default();
        if plan.is_none() && !bailed_out {
            return Err(ValueError::new("no plan such as `1..12`: it was cut off"));
        }
        let missing = missing + plan.unwrap_or(points).saturating_sub(points);
        Ok(TestSuite { cases, uncounted: UncountedTests { missing, ..UncountedTests::default() } })
    }
}

/// The number of tests of a plan: `1..12`, `1..0 # skip no server`.
fn plan(line: &str) -> Option<usize> {
    let count = line.strip_prefix("1..")?;
    let (count, comment) = count.split_once('#').unwrap_or((count, ""));
    let is_comment = comment.is_empty() || line.contains(" #");
    count.trim().parse().ok().filter(|_| is_comment)
}

/// `not ok 3 - pays by card # todo later`
struct TestLine<'a> {
    ok: bool,
    name: &'a str,
    directive: Option<Directive>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    Skip,
    ToDo,
}

impl TestLine<'_> {
    fn outcome(&self) -> TestOutcome {
        match (self.ok, self.directive) {
            (_, Some(Directive::Skip)) | (false, Some(Directive::ToDo)) => TestOutcome::Skipped,
            (true, _) => TestOutcome::Passed,
            (false, None) => TestOutcome::Failed(TestFailure::default()),
        }
    }
}

fn test_line(line: &str) -> Option<TestLine<'_>> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    if !rest.is_empty() && !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let rest = rest.strip_prefix("- ").unwrap_or(rest);
    let (name, directive) = match rest.rsplit_once('#').filter(|(name, _)| !name.ends_with('\\')) {
        Some((name, comment)) => (name, directive(comment)),
        None => (rest, None),
    };
    let name = if directive.is_some() { name } else { rest };
    Some(TestLine { ok, name: without_time(name.trim()), directive })
}

/// The name without what vitest and tap write behind it, which is another one in each run: `pays # time=12.3ms`.
fn without_time(name: &str) -> &str {
    match name.rsplit_once(" # time=") {
        Some((name, time)) if time.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<f64>().is_ok() => {
            name.trim_end()
        }
        _ => name,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn directive(comment: &str) -> Option<Directive> {
    let word: String = comment.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_lowercase().as_str() {
        "skip" | "skipped" => Some(Directive::Skip),
        "todo" => Some(Directive::ToDo),
        _ => None,
    }
}

/// The reason in a line of a diagnostic: of a YAML block the value of `error` or `message`, of a comment the text.
fn reason(line: &str) -> Option<&str> {
    const OTHER_KEYS: [&str; 15] = [
        "duration_ms",
        "type",
        "location",
        "failureType",
        "code",
        "name",
        "stack",
        "operator",
        "expected",
        "actual",
        "at",
        "compare",
        "source",
        "diff",
        "assertion",
    ];
    let line = line.trim();
    // Perl's Test::More says first which test failed, and where.
    if line.starts_with("Failed test") || line.starts_with("at ") && line.contains(" line ") {
        return None;
    }
    let value = ["error:", "message:"].iter().find_map(|key| line.strip_prefix(key));
    let is_key = |key: &str| OTHER_KEYS.contains(&key);
    let line = match value {
        Some(value) => value.trim().trim_matches(['\'', '"']),
        None if line.split_once(':').is_some_and(|(key, _)| is_key(key)) => return None,
        None => line,
    };
    line.chars().any(char::is_alphanumeric).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and outcome of each test, and how many are missing.
    fn shown(text: &str) -> (Vec<String>, usize) {
        assert!(is_tap(text), "{text}");
        let suite = read(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let shown = suite.cases.iter().map(|case| match &case.outcome {
            TestOutcome::Passed | TestOutcome::Flaky(_) => format!("{}: passed", case.name),
            TestOutcome::Skipped => format!("{}: skipped", case.name),
            TestOutcome::Failed(failure) => format!("{}: {}", case.name, failure.headline()),
        });
        (shown.collect(), suite.uncounted.missing)
    }

    #[test]
    fn tests_are_read_with_their_directives_and_reasons() {
        let text = "TAP version 13\n1..6\nok 1 - logs in\nnot ok 2 - pays\n  ---\n  duration_ms: 3\n  error: 'expected 200, got 500'\n  ...\n\
                    ok 3 - later # SKIP no card\nnot ok 4 - refunds # todo\n# printed\nnot ok 5 # todo: x\nok 6\n";
        let (tests, missing) = shown(text);
        let expected = [
            "logs in: passed",
            "pays: expected 200, got 500",
            "later: skipped",
            "refunds: skipped",
            "test 5, which has no name: skipped",
            "test 6, which has no name: passed",
        ];
        assert_eq!((tests, missing), (expected.map(ToOwned::to_owned).to_vec(), 0));
        let (tests, _) = shown("ok 1 - a\nnot ok 2 - b\n# at b.t line 7\n# got 500\n1..2\n");
        assert_eq!(tests, ["a: passed", "b: got 500"]);
        let (tests, _) = shown(
            "1..1\nnot ok 1 - b\n#   Failed test 'b'\n#   at b.t line 7.\n#          got: '500'\n#     expected: '200'\n",
        );
        assert_eq!(tests, ["b: got: '500'"]);
        assert_eq!(shown("1..1\nnot ok 1 - costs 5 #1\n").0, ["costs 5 #1: "]);
    }

    #[test]
    fn of_a_list_the_tests_inside_count() {
        let text = "TAP version 14\n# Subtest: checkout\n    # Subtest: card\n        ok 1 - pays\n        not ok 2 - refunds\n        \
                    # no refund\n        1..2\n    not ok 1 - card\n    1..1\nnot ok 1 - checkout\n# Subtest: empty\n    1..0\nok 2 - empty\n\
                    # Subtest: broken\n    ok 1 - fine\n    1..1\nnot ok 3 - broken\n  # hook failed\nok 4 - last\n1..4\n";
        let (tests, missing) = shown(text);
        assert_eq!(
            tests,
            [
                "checkout › card › pays: passed",
                "checkout › card › refunds: no refund",
                "empty: passed",
                "broken › fine: passed",
                "broken: hook failed",
                "last: passed"
            ]
        );
        assert_eq!(missing, 0);
    }

    #[test]
    fn tests_in_braces_belong_to_the_test_before_them() {
        let text = "TAP version 13\n1..2\nnot ok 1 - a.test.js # time=12.34ms {\n    1..3\n    ok 1 - passes # time=1.05ms\n    \
                    not ok 2 - fails # time=2ms\n        ---\n        error:\n            name: \"AssertionError\"\n            \
                    message: \"expected 1 to be 2\"\n        at: \"a.test.js:5:10\"\n        ...\n    ok 3 - later # SKIP\n}\n\
                    ok 2 - b.test.js # time=1ms {\n    1..1\n    ok 1 - costs # 5 {\n        1..1\n        ok 1 - x\n    }\n}\n";
        let (tests, missing) = shown(text);
        assert_eq!(
            tests,
            [
                "a.test.js › passes: passed",
                "a.test.js › fails: expected 1 to be 2",
                "a.test.js › later: skipped",
                "b.test.js › costs # 5 › x: passed"
            ]
        );
        assert_eq!(missing, 0);
        assert!(read("1..1\nok 1 - a {\n    1..1\n    ok 1 - b\n").unwrap_err().to_string().contains("braces"));
        assert_eq!(shown("1..1\nok 1 - a {\n    1..2\n    ok 1 - b\n}\n").1, 1);
    }

    #[test]
    fn the_reason_is_not_the_name_of_a_key() {
        for block in [
            "  ---\n    message: |\n      (in test file a.bats, line 2)\n        `false' failed\n  ...\n",
            "  ---\n    operator: equal\n    expected: 2\n    at: Test.<anonymous> (/x.js:5:5)\n    stack: |-\n      `false' failed\n  ...\n",
        ] {
            assert_eq!(shown(&format!("TAP version 13\n1..1\nnot ok 1 a\n{block}")).0, ["a: `false' failed"]);
        }
    }

    #[test]
    fn tests_that_are_not_shown_are_missing_and_a_cut_report_is_refused() {
        assert_eq!(shown("1..10\nok 1 - a\n"), (vec!["a: passed".to_owned()], 9));
        assert_eq!(shown("1..1\n    1..3\n    ok 1 - x\nok 1 - a\n").1, 2);
        assert_eq!(shown("1..0 # SKIP no server\n"), (vec![], 0));
        assert_eq!(shown("1..3\nok 1 - a\nBail out! no database\n").0, ["a: passed", "Bail out!: no database"]);
        assert!(read("TAP version 13\nok 1 - a\n").unwrap_err().to_string().contains("no plan"));
        assert!(read("1..2\nok 1\n1..3\n").unwrap_err().to_string().contains("line 3: a second plan"));
    }

    #[test]
    fn other_texts_are_no_tap() {
        for text in ["", "<testsuite/>", "okay", "not okay\n", "1..x", "{\"a\": 1}", "# only a comment"] {
            assert!(!is_tap(text), "{text}");
        }
    }
}
