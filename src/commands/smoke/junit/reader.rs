//! Parses a `JUnit` report in one pass with a stack of open elements, bounded in size, depth and number.

use std::{borrow::Cow, mem, str, sync::Arc, time::Duration};

use quick_xml::{
    Reader,
    escape::{resolve_xml_entity, unescape},
    events::{BytesDecl, BytesRef, BytesStart, Event},
};

use super::{
    claims::{Shown, Totals},
    open_element::{OpenCase, OpenElement, OpenSuite, Skip},
    texts::{declared_outcome, name_includes, plain, seconds, without_name},
};
use crate::{
    commands::smoke::{
        attempts::merge_repeated,
        bounds::{CASES, NAME, TEXT, is_invalid_number, truncate, with_valid_references},
        plain_text::{informative_line, without_terminal_codes},
        test_suite::{TestCase, TestFailure, TestOutcome, TestSuite},
    },
    error::ValueError,
};

/// The deepest nesting of elements.
const DEPTH: usize = 100;
/// The name of the outermost element of pytest's reports, since version 8.4.
const PYTEST: &str = "pytest tests";
/// The most attributes of one element.
const ATTRIBUTES: usize = 100;

/// Reads one report.
///
/// # Errors
/// It is not well-formed, truncated, in an encoding other than UTF-8, not a test report, contains a DOCTYPE or a custom entity,
/// or exceeds a bound.
pub fn read(bytes: &[u8]) -> Result<TestSuite, ValueError> {
    // UTF-16 and UTF-32 begin with a mark that is not UTF-8, or have a NUL in one of the bytes of `<?`.
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.iter().take(4).any(|&byte| byte == 0) {
        return Err(ValueError::new("is in UTF-16 or UTF-32, or no text at all; only UTF-8 is read"));
    }
    let text = str::from_utf8(bytes).map_err(|error| {
        let text = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        // An encoding that the file declares explains more than the position of the first invalid byte.
        let parser = ReportParser::new(text);
        let declared = match Reader::from_str(text).read_event() {
            Ok(Event::Decl(declaration)) => parser.declaration(&declaration).err(),
            _ => None,
        };
        declared.unwrap_or_else(|| parser.error(text.len(), "is not UTF-8 from here on"))
    })?;
    ReportParser::new(text).read()
}

struct ReportParser<'a> {
    text: &'a str,
    open: Vec<OpenElement>,
    suite: TestSuite,
    rooted: bool,
}

impl<'a> ReportParser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, open: Vec::new(), suite: TestSuite::default(), rooted: false }
    }

    fn read(mut self) -> Result<TestSuite, ValueError> {
        let mut reader = Reader::from_str(self.text);
        loop {
            let at = offset(reader.buffer_position());
            let event =
                reader.read_event().map_err(|error| self.error(offset(reader.error_position()), &error.to_string()))?;
            match event {
                Event::Start(start) => self.start(at, &start)?,
                Event::Empty(start) => {
                    self.start(at, &start)?;
                    self.end()?;
                }
                Event::End(_) => self.end()?,
                Event::Text(text) => self.add_text(at, &text.xml10_content())?,
                Event::CData(text) => self.add_text(at, &text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let text = self.resolve(at, &reference)?;
                    self.add_text(at, &text)?;
                }
                Event::Decl(declaration) => self.declaration(&declaration)?,
                Event::DocType(_) => {
                    return Err(self.error(at, "a DOCTYPE; test reports have none, and it could define entities"));
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if !self.open.is_empty() {
            return Err(self.error(self.text.len(), "the file ends before its elements do: it was cut off"));
        }
        if !self.rooted {
            return Err(ValueError::new("is empty"));
        }
        self.suite.name_projects();
        Ok(self.suite)
    }

    fn start(&mut self, at: usize, start: &BytesStart<'_>) -> Result<(), ValueError> {
        if self.open.len() >= DEPTH {
            return Err(self.error(at, &format!("elements nest deeper than {DEPTH}")));
        }
        let name = start.local_name();
        let name = name.as_ref();
        if self.open.is_empty() {
            if self.rooted {
                return Err(self.error(at, &format!("<{name}> after the end: the file holds more than one document")));
            }
            if !matches!(name, "testsuites" | "testsuite") {
                return Err(
                    self.error(at, &format!("<{}>; expected <testsuites> or <testsuite>", truncate(name, NAME)))
                );
            }
            self.rooted = true;
        }
        let within = |kind: fn(&OpenElement) -> bool| self.open.iter().any(kind);
        let opened = match name {
            _ if within(|open| matches!(open, OpenElement::Ignored)) => OpenElement::Ignored,
            _ if within(|open| matches!(open, OpenElement::Failure(_) | OpenElement::FlakyFailure(_))) => {
                OpenElement::Other
            }
            _ if within(|open| matches!(open, OpenElement::Printed(_))) => OpenElement::Other,
            "testsuites" | "testsuite" | "testcase" if within(|open| matches!(open, OpenElement::Case(_))) => {
                return Err(self.error(at, &format!("<{name}> inside of a <testcase>")));
            }
            "testsuites" | "testsuite" => OpenElement::Suite(self.open_suite(at, start)?),
            "testcase" => OpenElement::Case(self.open_case(at, start)?),
            "failure" | "error" => OpenElement::Failure(self.open_failure(at, start)?),
            // Surefire's repeated attempts. Those beside a failure were in vain.
            "flakyFailure" | "flakyError" => OpenElement::FlakyFailure(self.open_failure(at, start)?),
            "skipped" => {
                let [kind] = self.attributes(at, start, ["type"])?;
                let skip =
                    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("todo")) { Skip::ToDo } else { Skip::Skipped };
                if let Some(case) = self.case() {
                    case.skipped.get_or_insert(skip);
                }
                OpenElement::Ignored
            }
            "system-out" | "system-err" => OpenElement::Printed(String::new()),
            "rerunFailure" | "rerunError" | "properties" => OpenElement::Ignored,
            _ => OpenElement::Other,
        };
        self.open.push(opened);
        Ok(())
    }

    fn open_suite(&self, at: usize, start: &BytesStart<'_>) -> Result<OpenSuite, ValueError> {
        const NAMES: [&str; 9] =
            ["name", "file", "filepath", "hostname", "tests", "failures", "errors", "skipped", "disabled"];
        let [name, file, filepath, host, tests, failures, errors, skipped, disabled] =
            self.attributes(at, start, NAMES)?;
        let count = |name: &str, value: Option<String>| match value.as_deref().map(str::trim) {
            None | Some("") => Ok(None),
            Some(value) => value.parse::<u32>().map(|count| Some(count as usize)).map_err(|_| {
                self.error(at, &format!("{name}={:?}; expected a number of tests", truncate(value, NAME)))
            }),
        };
        let count_or_none = |name: &str, value| count(name, value).map(Option::unwrap_or_default);
        // Catch2 counts assertions there; it is known by the host that it has not determined.
        let tests = tests.filter(|_| host.as_deref() != Some("tbd"));
        Ok(OpenSuite {
            name: truncate(&name.unwrap_or_default(), NAME).into(),
            file: file.or(filepath).filter(|file| !file.is_empty()).map(|file| truncate(&file, NAME)),
            host: host.map(|host| truncate(&host, NAME).into()),
            totals: Totals {
                tests: count("tests", tests)?,
                failed: count_or_none("failures", failures)? + count_or_none("errors", errors)?,
                skipped: count_or_none("skipped", skipped)? + count_or_none("disabled", disabled)?,
            },
            first: self.suite.cases.len(),
            ..OpenSuite::default()
        })
    }

    fn open_failure(&self, at: usize, start: &BytesStart<'_>) -> Result<TestFailure, ValueError> {
        let [message] = self.attributes(at, start, ["message"])?;
        Ok(TestFailure { message: truncate(&message.unwrap_or_default(), TEXT), text: String::new() })
    }

    fn open_case(&self, at: usize, start: &BytesStart<'_>) -> Result<OpenCase, ValueError> {
        let [name, class, file, time, status, result] =
            self.attributes(at, start, ["name", "classname", "file", "time", "status", "result"])?;
        let class = class.as_deref().unwrap_or_default().trim();
        // jest-junit writes a blank before a test that is in no `describe`.
        let name = match name.unwrap_or_default().trim().to_owned() {
            name if name.is_empty() => format!("test {}, which has no name", self.suite.cases.len() + 1),
            name => name,
        };
        let name = if name_includes(&name, class) { name } else { format!("{class} › {name}") };
        Ok(OpenCase {
            name: truncate(&name, NAME),
            file: file
                .filter(|file| !file.is_empty())
                .map(|file| truncate(&file, NAME))
                .or_else(|| self.suites().find_map(|suite| suite.file.clone())),
            time: time.as_deref().and_then(seconds),
            declared: [status, result].into_iter().flatten().find_map(|status| declared_outcome(&status)),
            skipped: None,
            failure: None,
            flaky: None,
        })
    }

    fn end(&mut self) -> Result<(), ValueError> {
        match self.open.pop() {
            Some(OpenElement::Failure(failure)) => {
                self.show(|shown| shown.failed += 1);
                match self.case() {
                    Some(case) => {
                        case.failure.get_or_insert(failure);
                    }
                    // A failure outside of the tests, such as one in a setup.
                    None => self.push_suite_failure(failure)?,
                }
            }
            Some(OpenElement::FlakyFailure(failure)) => {
                if let Some(case) = self.case() {
                    case.flaky.get_or_insert(failure);
                }
            }
            Some(OpenElement::Printed(text)) => self.end_printed(&text),
            Some(OpenElement::Case(case)) => self.end_case(case)?,
            Some(OpenElement::Suite(suite)) => self.end_suite(suite)?,
            Some(OpenElement::Ignored | OpenElement::Other) | None => {}
        }
        Ok(())
    }

    fn end_printed(&mut self, text: &str) {
        if let Some(case) = self.case() {
            // Playwright attaches what a failed attempt left, and names the folders of repeated attempts.
            if text.contains("/error-context.md]]") || text.contains("-retry1/") {
                case.flaky.get_or_insert(TestFailure::default());
            }
        } else if let Some(suite) = self.innermost() {
            suite.printed = truncate(&(mem::take(&mut suite.printed) + text), TEXT);
        }
    }

    fn end_case(&mut self, case: OpenCase) -> Result<(), ValueError> {
        let OpenCase { name, file, time, declared, skipped, failure, flaky } = case;
        let outcome = match (failure, skipped, declared) {
            (Some(_), Some(Skip::ToDo), _) | (None, Some(_), _) => TestOutcome::Skipped,
            (Some(failure), ..) => TestOutcome::Failed(failure),
            (None, None, Some(declared)) => {
                self.show(|shown| shown.failed += usize::from(matches!(declared, TestOutcome::Failed(_))));
                declared
            }
            (None, None, None) => flaky.map_or(TestOutcome::Passed, TestOutcome::Flaky),
        };
        self.show(|shown| {
            shown.tests += 1;
            shown.skipped += usize::from(outcome == TestOutcome::Skipped);
        });
        self.push(name, file, time, outcome)
    }

    /// A suite that claims more failures than it shows has failed: newman and gotestsum write what is not the failure of a test
    /// only into the totals, and beside the tests.
    fn end_suite(&mut self, mut suite: OpenSuite) -> Result<(), ValueError> {
        merge_repeated(&mut self.suite.cases, suite.first, suite.shown.surplus(suite.totals));
        let hidden = suite.shown.end(suite.totals);
        let printed = mem::take(&mut suite.printed);
        let shown = suite.shown;
        self.open.push(OpenElement::Suite(suite));
        if hidden > 0 {
            let message = match informative_line(&without_terminal_codes(&printed)) {
                Some(line) => line.to_owned(),
                None => format!("its totals count {hidden} more failures and errors than the report shows"),
            };
            self.push_suite_failure(TestFailure { message, text: printed })?;
        }
        let ended = self.open.pop();
        match self.innermost() {
            Some(parent) => parent.shown.add(shown),
            None => self.suite.uncounted = shown.uncounted(),
        }
        // pytest counts each subtest that passed, and shows only its test. It writes a report whole, at its end.
        if matches!(ended, Some(OpenElement::Suite(suite)) if &*suite.name == PYTEST) {
            self.suite.uncounted.missing = 0;
        }
        Ok(())
    }

    /// A failure that belongs to no test has the name of its suite.
    fn push_suite_failure(&mut self, failure: TestFailure) -> Result<(), ValueError> {
        let name = match self.suites().map(|suite| &suite.name).find(|name| !name.is_empty()) {
            Some(name) => name.to_string(),
            None => "the report".to_owned(),
        };
        self.push(name, None, None, TestOutcome::Failed(failure))
    }

    fn push(
        &mut self,
        name: String,
        file: Option<String>,
        time: Option<Duration>,
        outcome: TestOutcome,
    ) -> Result<(), ValueError> {
        let suite = self.suites().next();
        let suite_name = suite.map(|suite| Arc::clone(&suite.name)).unwrap_or_default();
        let project = suite.and_then(|suite| suite.host.clone());
        let outcome = match outcome {
            TestOutcome::Failed(failure) => TestOutcome::Failed(without_name(plain(failure), &name)),
            TestOutcome::Flaky(failure) => TestOutcome::Flaky(plain(failure)),
            TestOutcome::Passed | TestOutcome::Skipped => outcome,
        };
        let name = match without_terminal_codes(&name) {
            Cow::Borrowed(_) => name,
            Cow::Owned(plain) => plain.trim().to_owned(),
        };
        self.suite.cases.push(TestCase { name, suite: suite_name, project, file, time, outcome });
        if self.suite.cases.len() > CASES {
            return Err(ValueError::from(format!("holds more than {CASES} tests")));
        }
        Ok(())
    }

    /// Adds text to a failure or to what was printed. Outside of the root there must be none.
    fn add_text(&mut self, at: usize, text: &str) -> Result<(), ValueError> {
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(self.error(at, "text outside of the document"));
        }
        let open = self.open.iter_mut().rev().find_map(|open| match open {
            OpenElement::Failure(failure) | OpenElement::FlakyFailure(failure) => Some(&mut failure.text),
            OpenElement::Printed(text) => Some(text),
            _ => None,
        });
        // Once truncated, the text is longer than the bound: nothing is added any more.
        if let Some(open) = open.filter(|open| open.len() <= TEXT) {
            open.push_str(text);
            if open.len() > TEXT {
                *open = truncate(open, TEXT);
            }
        }
        Ok(())
    }

    /// Resolves the five entities of XML and numbered characters; others need a DOCTYPE.
    fn resolve(&self, at: usize, reference: &BytesRef<'_>) -> Result<String, ValueError> {
        match reference.resolve_char_ref() {
            Ok(Some(character)) => Ok(character.to_string()),
            Ok(None) => resolve_xml_entity(reference).map(str::to_owned).ok_or_else(|| {
                self.error(at, &format!("the entity &{};, which is not one of XML's five", truncate(reference, NAME)))
            }),
            // XML has no way to write these characters, and some runners write them all the same.
            Err(_) if is_invalid_number(reference) => Ok(char::REPLACEMENT_CHARACTER.to_string()),
            Err(error) => Err(self.error(at, &error.to_string())),
        }
    }

    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), ValueError> {
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(name)) if ["utf-8", "utf8", "us-ascii", "ascii"].contains(&name.to_ascii_lowercase().as_str()) => {
                Ok(())
            }
            Some(Ok(name)) => {
                Err(ValueError::from(format!("is in the encoding {:?}; only UTF-8 is read", truncate(&name, NAME))))
            }
            Some(Err(error)) => Err(self.error(0, &error.to_string())),
        }
    }

    /// The values of the attributes in `names`.
    fn attributes<const N: usize>(
        &self,
        at: usize,
        start: &BytesStart<'_>,
        names: [&str; N],
    ) -> Result<[Option<String>; N], ValueError> {
        let mut values = [const { None }; N];
        for (number, attribute) in start.attributes().enumerate() {
            if number >= ATTRIBUTES {
                return Err(self.error(at, &format!("more than {ATTRIBUTES} attributes")));
            }
            let attribute = attribute.map_err(|error| self.error(at, &error.to_string()))?;
            if let Some(index) = names.iter().position(|&name| name == attribute.key.as_ref()) {
                let value = with_valid_references(&attribute.value);
                let value = unescape(&value).map_err(|error| self.error(at, &error.to_string()))?;
                values[index] = Some(value.into_owned());
            }
        }
        Ok(values)
    }

    /// The test that is being read.
    fn case(&mut self) -> Option<&mut OpenCase> {
        self.open.iter_mut().rev().find_map(|open| match open {
            OpenElement::Case(case) => Some(case),
            _ => None,
        })
    }

    /// The open suites, the innermost first.
    fn suites(&self) -> impl Iterator<Item = &OpenSuite> {
        self.open.iter().rev().filter_map(|open| match open {
            OpenElement::Suite(suite) => Some(suite),
            _ => None,
        })
    }

    fn innermost(&mut self) -> Option<&mut OpenSuite> {
        self.open.iter_mut().rev().find_map(|open| match open {
            OpenElement::Suite(suite) => Some(suite),
            _ => None,
        })
    }

    /// Counts something that the innermost suite shows.
    fn show(&mut self, count: impl FnOnce(&mut Shown)) {
        if let Some(suite) = self.innermost() {
            count(&mut suite.shown);
        }
    }

    fn error(&self, at: usize, message: &str) -> ValueError {
        let (line, column) = self.position(at);
        ValueError::from(format!("line {line}, column {column}: {message}"))
    }

    /// Line and column of a byte offset, from 1, in characters.
    fn position(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
