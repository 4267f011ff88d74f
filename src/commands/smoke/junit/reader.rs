//! Parses a `JUnit` report in one pass with a stack of open elements, bounded in size, depth and number.

use std::{str, time::Duration};

use quick_xml::{
    Reader,
    escape::{resolve_xml_entity, unescape},
    events::{BytesDecl, BytesRef, BytesStart, Event},
};

use super::suite::{TestCase, TestFailure, TestOutcome, TestSuite};
use crate::error::ValueError;

/// The largest report in bytes: 64 MiB.
pub(super) const SIZE: usize = 64 << 20;
/// The deepest nesting of elements.
const DEPTH: usize = 100;
/// The most tests of one report.
const CASES: usize = 100_000;
/// The most attributes of one element.
const ATTRIBUTES: usize = 100;
/// The most bytes kept of a message or a text.
pub(super) const TEXT: usize = 16 << 10;
/// The most bytes kept of a name or a path. Each test of a suite may inherit the path.
const NAME: usize = 1 << 10;

/// Reads one report.
///
/// # Errors
/// It is not well-formed, truncated, in an encoding other than UTF-8, not a test report, contradicts itself, contains a
/// DOCTYPE or a custom entity, or exceeds 64 MiB or another bound.
pub fn read(bytes: &[u8]) -> Result<TestSuite, ValueError> {
    if bytes.len() > SIZE {
        return Err(ValueError::new("is larger than 64 MiB"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
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

/// An open element.
enum OpenElement {
    Suite(OpenSuite),
    Case(OpenCase),
    Failure(TestFailure),
    /// Its content does not count: output, properties, attempts that were repeated.
    Ignored,
    /// An unknown element; its content counts.
    Other,
}

#[derive(Default)]
struct OpenSuite {
    at: usize,
    name: String,
    file: Option<String>,
    /// Failures and errors by the totals, and by the elements.
    claimed: usize,
    found: usize,
    claimed_skipped: usize,
    skipped: usize,
}

struct OpenCase {
    name: String,
    file: Option<String>,
    time: Option<Duration>,
    /// The outcome by its attributes, which counts if it has no element for the outcome.
    declared: Option<TestOutcome>,
    skipped: bool,
    failure: Option<TestFailure>,
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
            _ if within(|open| matches!(open, OpenElement::Failure(_))) => OpenElement::Other,
            "testsuites" | "testsuite" | "testcase" if within(|open| matches!(open, OpenElement::Case(_))) => {
                return Err(self.error(at, &format!("<{name}> inside of a <testcase>")));
            }
            "testsuites" | "testsuite" => OpenElement::Suite(self.open_suite(at, start)?),
            "testcase" => OpenElement::Case(self.open_case(at, start)?),
            "failure" | "error" => {
                let [message] = self.attributes(at, start, ["message"])?;
                OpenElement::Failure(TestFailure {
                    message: truncate(&message.unwrap_or_default(), TEXT),
                    text: String::new(),
                })
            }
            "skipped" => {
                if let Some(case) = self.case() {
                    case.skipped = true;
                }
                OpenElement::Ignored
            }
            // Surefire's repeated attempts: only the last one counts.
            "rerunFailure" | "rerunError" | "flakyFailure" | "flakyError" | "system-out" | "system-err"
            | "properties" => OpenElement::Ignored,
            _ => OpenElement::Other,
        };
        self.open.push(opened);
        Ok(())
    }

    fn open_suite(&self, at: usize, start: &BytesStart<'_>) -> Result<OpenSuite, ValueError> {
        let [name, file, filepath, failures, errors, skipped, disabled] =
            self.attributes(at, start, ["name", "file", "filepath", "failures", "errors", "skipped", "disabled"])?;
        let count = |name: &str, value: Option<String>| match value.as_deref().map(str::trim) {
            None | Some("") => Ok(0),
            Some(value) => value.parse::<u32>().map(|count| count as usize).map_err(|_| {
                self.error(at, &format!("{name}={:?}; expected a number of tests", truncate(value, NAME)))
            }),
        };
        Ok(OpenSuite {
            at,
            name: truncate(&name.unwrap_or_default(), NAME),
            file: file.or(filepath).filter(|file| !file.is_empty()).map(|file| truncate(&file, NAME)),
            claimed: count("failures", failures)? + count("errors", errors)?,
            claimed_skipped: count("skipped", skipped)? + count("disabled", disabled)?,
            ..OpenSuite::default()
        })
    }

    fn open_case(&self, at: usize, start: &BytesStart<'_>) -> Result<OpenCase, ValueError> {
        let [name, class, file, time, status, result] =
            self.attributes(at, start, ["name", "classname", "file", "time", "status", "result"])?;
        let class = class.unwrap_or_default();
        let name = match name.unwrap_or_default() {
            name if name.is_empty() => format!("test {}, which has no name", self.suite.cases.len() + 1),
            name => name,
        };
        let name = if name_includes(&name, &class) { name } else { format!("{class} › {name}") };
        Ok(OpenCase {
            name: truncate(&name, NAME),
            file: file
                .filter(|file| !file.is_empty())
                .map(|file| truncate(&file, NAME))
                .or_else(|| self.suites().find_map(|suite| suite.file.clone())),
            time: time.as_deref().and_then(seconds),
            declared: [status, result].into_iter().flatten().find_map(|status| declared_outcome(&status)),
            skipped: false,
            failure: None,
        })
    }

    fn end(&mut self) -> Result<(), ValueError> {
        match self.open.pop() {
            Some(OpenElement::Failure(failure)) => {
                self.count(|suite| suite.found += 1);
                let suite = self.suites().next().map(|suite| suite.name.clone()).unwrap_or_default();
                match self.case() {
                    Some(case) => {
                        case.failure.get_or_insert(failure);
                    }
                    // A failure outside of the tests, such as one in a setup.
                    None => {
                        self.push(TestCase {
                            name: suite,
                            file: None,
                            time: None,
                            outcome: TestOutcome::Failed(failure),
                        })?;
                    }
                }
            }
            Some(OpenElement::Case(case)) => {
                let OpenCase { name, file, time, declared, skipped, failure } = case;
                let outcome = match (failure, declared) {
                    (Some(failure), _) => TestOutcome::Failed(failure),
                    (None, _) if skipped => TestOutcome::Skipped,
                    (None, Some(declared)) => {
                        self.count(|suite| suite.found += usize::from(matches!(declared, TestOutcome::Failed(_))));
                        declared
                    }
                    (None, None) => TestOutcome::Passed,
                };
                self.push(TestCase { name, file, time, outcome })?;
            }
            Some(OpenElement::Suite(suite)) => self.close(&suite)?,
            Some(OpenElement::Ignored | OpenElement::Other) | None => {}
        }
        Ok(())
    }

    fn push(&mut self, case: TestCase) -> Result<(), ValueError> {
        if case.outcome == TestOutcome::Skipped {
            self.count(|suite| suite.skipped += 1);
        }
        self.suite.cases.push(case);
        if self.suite.cases.len() > CASES {
            return Err(ValueError::from(format!("holds more than {CASES} tests")));
        }
        Ok(())
    }

    fn close(&mut self, suite: &OpenSuite) -> Result<(), ValueError> {
        let OpenSuite { at, name, claimed, found, .. } = suite;
        if claimed > found {
            let message = format!("the suite {name:?} claims {claimed} failures and errors, and shows {found}");
            return Err(self.error(*at, &message));
        }
        let skipped = suite.skipped.max(suite.claimed_skipped);
        if self.suites().next().is_none() {
            self.suite.skipped = skipped;
        }
        self.count(|parent| {
            parent.found += found;
            parent.skipped += skipped;
        });
        Ok(())
    }

    /// Adds text to a failure. Outside of the root there must be none.
    fn add_text(&mut self, at: usize, text: &str) -> Result<(), ValueError> {
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(self.error(at, "text outside of the document"));
        }
        if let Some(OpenElement::Failure(failure)) =
            self.open.iter_mut().rev().find(|open| matches!(open, OpenElement::Failure(_)))
        {
            // Once truncated, the text is longer than the bound: nothing is added any more.
            if failure.text.len() <= TEXT {
                failure.text.push_str(text);
                failure.text = truncate(&failure.text, TEXT);
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
                let value = unescape(&attribute.value).map_err(|error| self.error(at, &error.to_string()))?;
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

    /// Counts something for the innermost suite, which adds it to its parent when it closes.
    fn count(&mut self, count: impl FnOnce(&mut OpenSuite)) {
        let innermost = self.open.iter_mut().rev().find_map(|open| match open {
            OpenElement::Suite(suite) => Some(suite),
            _ => None,
        });
        if let Some(suite) = innermost {
            count(suite);
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

/// Whether the name of a test already contains the class name: jest writes both into both, mocha the test into the class.
fn name_includes(name: &str, class: &str) -> bool {
    let apart = |rest: &str, edge: fn(&str) -> Option<char>| edge(rest).is_none_or(|c| !c.is_alphanumeric());
    class.is_empty()
        || name.strip_prefix(class).is_some_and(|rest| apart(rest, |rest| rest.chars().next()))
        || name.strip_suffix(class).is_some_and(|rest| apart(rest, |rest| rest.chars().next_back()))
}

/// The outcome by a `status` or `result`, unless it only means that the test ran. gtest marks skipped tests only so.
fn declared_outcome(status: &str) -> Option<TestOutcome> {
    Some(match status.to_ascii_lowercase().as_str() {
        "notrun" | "suppressed" | "skipped" | "disabled" | "pending" | "ignored" => TestOutcome::Skipped,
        "failed" | "failure" | "fail" | "error" | "broken" | "timeout" => {
            TestOutcome::Failed(TestFailure { message: format!("its status is {status:?}"), text: String::new() })
        }
        _ => return None,
    })
}

/// Surefire writes thousands as `1,234.5`.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().replace(',', "").parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// At most about `bytes` of `text`.
fn truncate(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes)])
}
