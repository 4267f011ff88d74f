//! Reads TRX, the report of `dotnet test` and Visual Studio.
//!
//! Source: the schema `vstst.xsd` that Visual Studio installs, and what the logger of vstest writes
//! (<https://github.com/microsoft/vstest>, `Microsoft.TestPlatform.Extensions.TrxLogger`).

use std::{collections::HashMap, sync::Arc, time::Duration};

use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
};

use super::{
    bounds::{CASES, NAME, TEXT, truncate, with_valid_references},
    plain_text::without_terminal_codes,
    test_suite::{TestCase, TestFailure, TestOutcome, TestSuite, UncountedTests},
};
use crate::error::ValueError;

/// The deepest nesting of elements.
const DEPTH: usize = 100;

/// Reads one report.
///
/// # Errors
/// It is not well-formed, truncated, contains a DOCTYPE, or has more than 100,000 tests.
pub fn read(text: &str) -> Result<TestSuite, ValueError> {
    let mut reader = Reader::from_str(text);
    let mut trx = TrxReader::default();
    loop {
        let event = reader.read_event().map_err(|error| ValueError::from(error.to_string()))?;
        match event {
            Event::Start(start) => trx.start(&start)?,
            Event::Empty(start) => {
                trx.start(&start)?;
                trx.end();
            }
            Event::End(_) => trx.end(),
            Event::Text(text) => trx.add_text(&text.xml10_content()),
            Event::CData(text) => trx.add_text(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(character)) => trx.add_text(character.encode_utf8(&mut [0; 4])),
                Ok(None) => trx.add_text(resolve_xml_entity(&reference).unwrap_or_default()),
                Err(_) => trx.add_text("\u{fffd}"),
            },
            Event::DocType(_) => return Err(ValueError::new("a DOCTYPE; test reports have none")),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if trx.open.is_empty() && trx.is_rooted {
        return Ok(trx.into_suite());
    }
    Err(ValueError::new("the file ends before its elements do: it was cut off"))
}

#[derive(Default)]
struct TrxReader {
    /// The names of the open elements.
    open: Vec<String>,
    is_rooted: bool,
    results: Vec<TestResult>,
    /// The indices of the results that are open: a result of data-driven tests has others inside.
    open_results: Vec<usize>,
    /// The class of each test by its id.
    classes: HashMap<String, String>,
    open_test: Option<String>,
    /// The totals, and what went wrong outside of the tests.
    total: usize,
    failed: usize,
    run_error: Option<String>,
    is_run_error: bool,
}

struct TestResult {
    name: String,
    id: String,
    outcome: String,
    time: Option<Duration>,
    failure: TestFailure,
    /// It sums up others, which count in its place.
    is_parent: bool,
}

impl TrxReader {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), ValueError> {
        if self.open.len() >= DEPTH {
            return Err(ValueError::from(format!("elements nest deeper than {DEPTH}")));
        }
        let name = start.local_name();
        let name = name.as_ref();
        match name {
            "TestRun" if self.open.is_empty() => self.is_rooted = true,
            "UnitTestResult" | "TestResult" => self.open_result(start)?,
            "UnitTest" => self.open_test = attribute(start, "id")?,
            "TestMethod" => {
                if let (Some(id), Some(class)) = (&self.open_test, attribute(start, "className")?) {
                    self.classes.insert(id.clone(), class);
                }
            }
            "Counters" => {
                let count = |name| {
                    let value = attribute(start, name)?;
                    Ok::<usize, ValueError>(value.and_then(|value| value.trim().parse().ok()).unwrap_or_default())
                };
                self.total = count("total")?;
                self.failed = count("failed")? + count("error")? + count("timeout")? + count("aborted")?;
            }
            "RunInfo" => self.is_run_error = attribute(start, "outcome")?.is_some_and(|outcome| outcome == "Error"),
            _ => {}
        }
        self.open.push(name.to_owned());
        Ok(())
    }

    fn open_result(&mut self, start: &BytesStart<'_>) -> Result<(), ValueError> {
        if let Some(parent) = self.open_results.last() {
            self.results[*parent].is_parent = true;
        }
        self.open_results.push(self.results.len());
        self.results.push(TestResult {
            name: truncate(attribute(start, "testName")?.unwrap_or_default().trim(), NAME),
            id: attribute(start, "testId")?.unwrap_or_default(),
            outcome: attribute(start, "outcome")?.unwrap_or_default(),
            time: attribute(start, "duration")?.as_deref().and_then(duration),
            failure: TestFailure::default(),
            is_parent: false,
        });
        if self.results.len() > CASES {
            Err(ValueError::from(format!("holds more than {CASES} tests")))
        } else {
            Ok(())
        }
    }

    fn end(&mut self) {
        match self.open.pop().as_deref() {
            Some("UnitTestResult" | "TestResult") => {
                self.open_results.pop();
            }
            Some("UnitTest") => self.open_test = None,
            _ => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        let element = self.open.last().map(String::as_str);
        let within = |name: &str| self.open.iter().any(|open| open == name);
        let target = match (element, self.open_results.last()) {
            (Some("Message"), Some(result)) if within("ErrorInfo") => &mut self.results[*result].failure.message,
            (Some("StackTrace"), Some(result)) if within("ErrorInfo") => &mut self.results[*result].failure.text,
            (Some("Text"), _) if within("RunInfo") && self.is_run_error => self.run_error.get_or_insert_default(),
            _ => return,
        };
        if target.len() <= TEXT {
            target.push_str(&without_terminal_codes(text));
            *target = truncate(target, TEXT);
        }
    }

    fn into_suite(self) -> TestSuite {
        let Self { results, classes, total, failed, run_error, .. } = self;
        let listed = results.iter().filter(|result| !result.is_parent).count();
        let mut cases: Vec<TestCase> =
            results.into_iter().filter(|result| !result.is_parent).map(|result| result.into_case(&classes)).collect();
        let shown = cases.iter().filter(|case| matches!(case.outcome, TestOutcome::Failed(_))).count();
        let message = match run_error {
            Some(error) => Some(error),
            None if failed > shown => Some(format!("its totals count {} more failures than it shows", failed - shown)),
            None => None,
        };
        if let Some(message) = message {
            let failure = TestFailure { message, text: String::new() };
            cases.push(TestCase {
                name: "the test run".to_owned(),
                suite: Arc::default(),
                project: None,
                file: None,
                time: None,
                outcome: TestOutcome::Failed(failure),
            });
        }
        let uncounted = UncountedTests { missing: total.saturating_sub(listed), ..UncountedTests::default() };
        TestSuite { cases, uncounted }
    }
}

impl TestResult {
    fn into_case(self, classes: &HashMap<String, String>) -> TestCase {
        let Self { name, id, outcome, time, mut failure, .. } = self;
        let outcome = match outcome.as_str() {
            "Passed" | "PassedButRunAborted" | "Warning" | "Completed" => TestOutcome::Passed,
            "NotExecuted" | "NotRunnable" | "Inconclusive" | "Pending" | "Disconnected" => TestOutcome::Skipped,
            other => {
                if failure.headline().is_empty() {
                    failure.message = format!("its outcome is {other:?}");
                }
                TestOutcome::Failed(failure)
            }
        };
        let name = match classes.get(&id) {
            Some(class) if !name.starts_with(class.as_str()) => truncate(&format!("{class} › {name}"), NAME),
            _ => name,
        };
        TestCase { name, suite: Arc::default(), project: None, file: None, time, outcome }
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, ValueError> {
    let unreadable = |error: String| ValueError::from(error);
    let Some(attribute) = start.try_get_attribute(name).map_err(|error| unreadable(error.to_string()))? else {
        return Ok(None);
    };
    let value = with_valid_references(&attribute.value);
    let value = quick_xml::escape::unescape(&value).map_err(|error| unreadable(error.to_string()))?;
    Ok(Some(without_terminal_codes(&value).into_owned()))
}

/// `00:00:01.2345678`
fn duration(text: &str) -> Option<Duration> {
    let mut parts = text.splitn(3, ':');
    let hours: f64 = parts.next()?.trim().parse().ok()?;
    let minutes: f64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next()?.parse().ok()?;
    Duration::try_from_secs_f64(hours * 3600.0 + minutes * 60.0 + seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(results: &str, counters: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<TestRun id=\"1\" xmlns=\"http://microsoft.com/schemas/VisualStudio/TeamTest/2010\">\
             <Results>{results}</Results><TestDefinitions><UnitTest name=\"Pays\" id=\"t1\"><TestMethod className=\"Shop.Checkout\" name=\"Pays\"/>\
             </UnitTest></TestDefinitions><ResultSummary outcome=\"Completed\"><Counters {counters}/></ResultSummary></TestRun>"
        )
    }

    const PASSED: &str = "<UnitTestResult testId=\"t0\" testName=\"Shop.Login.Works\" outcome=\"Passed\" duration=\"00:00:01.5000000\"/>";
    const FAILED: &str = "<UnitTestResult testId=\"t1\" testName=\"Pays\" outcome=\"Failed\"><Output><StdOut>ok</StdOut><ErrorInfo>\
                          <Message>expected &lt;200&gt;</Message><StackTrace>at Checkout.cs:7</StackTrace></ErrorInfo></Output></UnitTestResult>";

    #[test]
    fn tests_are_read_with_class_time_and_reason() {
        let suite = read(&report(&[PASSED, FAILED].concat(), "total=\"2\" failed=\"1\"")).unwrap();
        assert_eq!((suite.ran(), suite.skipped(), suite.uncounted), (2, 0, UncountedTests::default()));
        assert_eq!(suite.cases[0].time, Some(Duration::from_millis(1500)));
        let failed: Vec<_> = suite.failed().map(|(case, failure)| (case.name.as_str(), failure.headline())).collect();
        assert_eq!(failed, [("Shop.Checkout › Pays", "expected <200>")]);
        assert_eq!(suite.failed().next().unwrap().1.text, "at Checkout.cs:7");
    }

    #[test]
    fn outcomes_are_read_and_an_unknown_one_is_a_failure() {
        for (outcome, ran, failed) in [
            ("Passed", 1, 0),
            ("NotExecuted", 0, 0),
            ("Inconclusive", 0, 0),
            ("Timeout", 1, 1),
            ("Aborted", 1, 1),
            ("Wild", 1, 1),
            ("", 1, 1),
        ] {
            let result = format!("<UnitTestResult testName=\"a\" outcome=\"{outcome}\"/>");
            let suite = read(&report(&result, "total=\"1\"")).unwrap();
            assert_eq!((suite.ran(), suite.failed().count()), (ran, failed), "{outcome}");
        }
    }

    #[test]
    fn totals_and_errors_of_the_run_are_held_against_the_tests() {
        let suite = read(&report(PASSED, "total=\"10\" failed=\"0\"")).unwrap();
        assert_eq!(suite.uncounted.missing, 9);
        let suite = read(&report(PASSED, "total=\"1\" failed=\"2\"")).unwrap();
        assert_eq!(suite.failed().next().unwrap().1.headline(), "its totals count 2 more failures than it shows");
        let crash = report(PASSED, "total=\"1\"").replace(
            "</ResultSummary>",
            "<RunInfos><RunInfo outcome=\"Error\"><Text>the test host crashed</Text></RunInfo></RunInfos></ResultSummary>",
        );
        assert_eq!(read(&crash).unwrap().failed().next().unwrap().1.headline(), "the test host crashed");
    }

    #[test]
    fn of_data_driven_tests_each_row_counts() {
        let rows = format!(
            "<UnitTestResult testName=\"rows\" outcome=\"Failed\"><InnerResults>{PASSED}{FAILED}</InnerResults></UnitTestResult>"
        );
        let suite = read(&report(&rows, "total=\"2\" failed=\"1\"")).unwrap();
        assert_eq!((suite.ran(), suite.failed().count()), (2, 1));
    }

    #[test]
    fn a_cut_or_foreign_report_is_refused() {
        let whole = report(PASSED, "total=\"1\"");
        for bad in [&whole[..whole.len() - 10], "<TestRun", "<!DOCTYPE x><TestRun/>"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
