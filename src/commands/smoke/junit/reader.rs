//! From bytes to tests: one pass, bounded in size, depth and number, with a stack of the open elements.

use std::{str, time::Duration};

use quick_xml::{
    Reader,
    escape::{resolve_xml_entity, unescape},
    events::{BytesDecl, BytesRef, BytesStart, Event},
};

use super::{Case, Failure, Outcome, Problem, Suite};

/// The largest report that is read: 64 MiB.
pub(super) const SIZE: usize = 64 << 20;
/// The deepest that elements nest.
const DEPTH: usize = 100;
/// The most tests of one report.
const CASES: usize = 100_000;
/// The most attributes of one element.
const ATTRIBUTES: usize = 100;
/// The most bytes kept of a message or a text.
pub(super) const TEXT: usize = 16 << 10;
/// The most bytes kept of a name or a path; each test of a suite may inherit them.
const NAME: usize = 1 << 10;

/// Reads one report.
///
/// # Errors
/// It is not well-formed, cut off, in another encoding than UTF-8, not a test report, contradicts itself, holds a DOCTYPE
/// or an entity of its own, or is beyond 64 MiB or another bound.
pub fn read(bytes: &[u8]) -> Result<Suite, Problem> {
    let whole = |what: &str| Problem { at: None, what: what.to_owned() };
    if bytes.len() > SIZE {
        return Err(whole("is larger than 64 MiB"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // UTF-16 and UTF-32 begin with a mark that is no UTF-8, or have a NUL in one of the bytes of `<?`.
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.iter().take(4).any(|&byte| byte == 0) {
        return Err(whole("is in UTF-16 or UTF-32, or no text at all; only UTF-8 is read"));
    }
    let text = str::from_utf8(bytes).map_err(|error| {
        let text = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        // What the file says of itself explains more than the byte at which it shows.
        let parser = Parser::new(text);
        let declared = match Reader::from_str(text).read_event() {
            Ok(Event::Decl(declaration)) => parser.declaration(&declaration).err(),
            _ => None,
        };
        declared.unwrap_or_else(|| parser.problem(text.len(), "is not UTF-8 from here on"))
    })?;
    Parser::new(text).read()
}

/// An open element.
enum Open {
    Suite(OpenSuite),
    Case(OpenCase),
    Failure(Failure),
    /// What is inside does not count: output, properties, attempts that were repeated.
    Silent,
    /// An element that is not known: looked through.
    Other,
}

#[derive(Default)]
struct OpenSuite {
    at: usize,
    name: String,
    file: Option<String>,
    /// Failures and errors, as the totals claim.
    claimed: usize,
    shown: usize,
    claimed_skipped: usize,
    skipped: usize,
}

struct OpenCase {
    name: String,
    file: Option<String>,
    time: Option<Duration>,
    /// What its attributes say, which counts where its elements say nothing.
    stated: Option<Outcome>,
    skipped: bool,
    failure: Option<Failure>,
}

struct Parser<'a> {
    text: &'a str,
    open: Vec<Open>,
    suite: Suite,
    rooted: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, open: Vec::new(), suite: Suite::default(), rooted: false }
    }

    fn read(mut self) -> Result<Suite, Problem> {
        let mut reader = Reader::from_str(self.text);
        loop {
            let at = offset(reader.buffer_position());
            let event = reader
                .read_event()
                .map_err(|error| self.problem(offset(reader.error_position()), &error.to_string()))?;
            match event {
                Event::Start(start) => self.start(at, &start)?,
                Event::Empty(start) => {
                    self.start(at, &start)?;
                    self.end()?;
                }
                Event::End(_) => self.end()?,
                Event::Text(text) => self.say(at, &text.xml10_content())?,
                Event::CData(text) => self.say(at, &text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let text = self.resolve(at, &reference)?;
                    self.say(at, &text)?;
                }
                Event::Decl(declaration) => self.declaration(&declaration)?,
                Event::DocType(_) => {
                    return Err(self.problem(at, "a DOCTYPE; test reports have none, and it could define entities"));
                }
                Event::Comment(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if !self.open.is_empty() {
            return Err(self.problem(self.text.len(), "the file ends before its elements do: it was cut off"));
        }
        if !self.rooted {
            return Err(Problem { at: None, what: "is empty".to_owned() });
        }
        Ok(self.suite)
    }

    fn start(&mut self, at: usize, start: &BytesStart<'_>) -> Result<(), Problem> {
        if self.open.len() >= DEPTH {
            return Err(self.problem(at, &format!("elements nest deeper than {DEPTH}")));
        }
        let name = start.local_name();
        let name = name.as_ref();
        if self.open.is_empty() {
            if self.rooted {
                return Err(self.problem(at, &format!("<{name}> after the end: the file holds more than one document")));
            }
            if !matches!(name, "testsuites" | "testsuite") {
                return Err(self.problem(at, &format!("<{}>; expected <testsuites> or <testsuite>", cut(name, NAME))));
            }
            self.rooted = true;
        }
        let within = |kind: fn(&Open) -> bool| self.open.iter().any(kind);
        let opened = match name {
            _ if within(|open| matches!(open, Open::Silent)) => Open::Silent,
            _ if within(|open| matches!(open, Open::Failure(_))) => Open::Other,
            "testsuites" | "testsuite" | "testcase" if within(|open| matches!(open, Open::Case(_))) => {
                return Err(self.problem(at, &format!("<{name}> inside of a <testcase>")));
            }
            "testsuites" | "testsuite" => Open::Suite(self.open_suite(at, start)?),
            "testcase" => Open::Case(self.open_case(at, start)?),
            "failure" | "error" => {
                let [message] = self.attributes(at, start, ["message"])?;
                Open::Failure(Failure { message: cut(&message.unwrap_or_default(), TEXT), text: String::new() })
            }
            "skipped" => {
                if let Some(case) = self.case() {
                    case.skipped = true;
                }
                Open::Silent
            }
            // The attempts that Surefire repeats, and those that then passed: the last one counts.
            "rerunFailure" | "rerunError" | "flakyFailure" | "flakyError" | "system-out" | "system-err"
            | "properties" => Open::Silent,
            _ => Open::Other,
        };
        self.open.push(opened);
        Ok(())
    }

    fn open_suite(&self, at: usize, start: &BytesStart<'_>) -> Result<OpenSuite, Problem> {
        let [name, file, filepath, failures, errors, skipped, disabled] =
            self.attributes(at, start, ["name", "file", "filepath", "failures", "errors", "skipped", "disabled"])?;
        let count = |name: &str, value: Option<String>| match value.as_deref().map(str::trim) {
            None | Some("") => Ok(0),
            Some(value) => value
                .parse::<u32>()
                .map(|count| count as usize)
                .map_err(|_| self.problem(at, &format!("{name}={:?}; expected a number of tests", cut(value, NAME)))),
        };
        Ok(OpenSuite {
            at,
            name: cut(&name.unwrap_or_default(), NAME),
            file: file.or(filepath).filter(|file| !file.is_empty()).map(|file| cut(&file, NAME)),
            claimed: count("failures", failures)? + count("errors", errors)?,
            claimed_skipped: count("skipped", skipped)? + count("disabled", disabled)?,
            ..OpenSuite::default()
        })
    }

    fn open_case(&self, at: usize, start: &BytesStart<'_>) -> Result<OpenCase, Problem> {
        let [name, class, file, time, status, result] =
            self.attributes(at, start, ["name", "classname", "file", "time", "status", "result"])?;
        let class = class.unwrap_or_default();
        let name = match name.unwrap_or_default() {
            name if name.is_empty() => format!("test {}, which has no name", self.suite.cases.len() + 1),
            name => name,
        };
        let name = if says(&name, &class) { name } else { format!("{class} › {name}") };
        Ok(OpenCase {
            name: cut(&name, NAME),
            file: file
                .filter(|file| !file.is_empty())
                .map(|file| cut(&file, NAME))
                .or_else(|| self.suites().find_map(|suite| suite.file.clone())),
            time: time.as_deref().and_then(seconds),
            stated: [status, result].into_iter().flatten().find_map(|state| stated(&state)),
            skipped: false,
            failure: None,
        })
    }

    fn end(&mut self) -> Result<(), Problem> {
        match self.open.pop() {
            Some(Open::Failure(failure)) => {
                self.count(|suite| suite.shown += 1);
                let suite = self.suites().next().map(|suite| suite.name.clone()).unwrap_or_default();
                match self.case() {
                    Some(case) => {
                        case.failure.get_or_insert(failure);
                    }
                    // What goes wrong around the tests belongs to none of them.
                    None => {
                        self.push(Case { name: suite, file: None, time: None, outcome: Outcome::Failed(failure) })?;
                    }
                }
            }
            Some(Open::Case(case)) => {
                let OpenCase { name, file, time, stated, skipped, failure } = case;
                let outcome = match (failure, stated) {
                    (Some(failure), _) => Outcome::Failed(failure),
                    (None, _) if skipped => Outcome::Skipped,
                    (None, Some(stated)) => {
                        self.count(|suite| suite.shown += usize::from(matches!(stated, Outcome::Failed(_))));
                        stated
                    }
                    (None, None) => Outcome::Passed,
                };
                self.push(Case { name, file, time, outcome })?;
            }
            Some(Open::Suite(suite)) => self.close(&suite)?,
            Some(Open::Silent | Open::Other) | None => {}
        }
        Ok(())
    }

    fn push(&mut self, case: Case) -> Result<(), Problem> {
        if case.outcome == Outcome::Skipped {
            self.count(|suite| suite.skipped += 1);
        }
        self.suite.cases.push(case);
        if self.suite.cases.len() > CASES {
            return Err(Problem { at: None, what: format!("holds more than {CASES} tests") });
        }
        Ok(())
    }

    fn close(&mut self, suite: &OpenSuite) -> Result<(), Problem> {
        let OpenSuite { at, name, claimed, shown, .. } = suite;
        if claimed > shown {
            let what = format!("the suite {name:?} claims {claimed} failures and errors, and shows {shown}");
            return Err(self.problem(*at, &what));
        }
        let skipped = suite.skipped.max(suite.claimed_skipped);
        if self.suites().next().is_none() {
            self.suite.skipped = skipped;
        }
        self.count(|parent| {
            parent.shown += shown;
            parent.skipped += skipped;
        });
        Ok(())
    }

    /// Text counts inside of a failure; outside of the root there is none.
    fn say(&mut self, at: usize, text: &str) -> Result<(), Problem> {
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(self.problem(at, "text outside of the document"));
        }
        if let Some(Open::Failure(failure)) = self.open.iter_mut().rev().find(|open| matches!(open, Open::Failure(_))) {
            // Beyond the bound once it was cut: nothing is added any more.
            if failure.text.len() <= TEXT {
                failure.text.push_str(text);
                failure.text = cut(&failure.text, TEXT);
            }
        }
        Ok(())
    }

    /// The five entities of XML and numbered characters; there are no others without a DOCTYPE.
    fn resolve(&self, at: usize, reference: &BytesRef<'_>) -> Result<String, Problem> {
        match reference.resolve_char_ref() {
            Ok(Some(character)) => Ok(character.to_string()),
            Ok(None) => resolve_xml_entity(reference).map(str::to_owned).ok_or_else(|| {
                self.problem(at, &format!("the entity &{};, which is not one of XML's five", cut(reference, NAME)))
            }),
            Err(error) => Err(self.problem(at, &error.to_string())),
        }
    }

    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), Problem> {
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(name)) if ["utf-8", "utf8", "us-ascii", "ascii"].contains(&name.to_ascii_lowercase().as_str()) => {
                Ok(())
            }
            Some(Ok(name)) => Err(Problem {
                at: None,
                what: format!("is in the encoding {:?}; only UTF-8 is read", cut(&name, NAME)),
            }),
            Some(Err(error)) => Err(self.problem(0, &error.to_string())),
        }
    }

    /// The values of the attributes in `names`.
    fn attributes<const N: usize>(
        &self,
        at: usize,
        start: &BytesStart<'_>,
        names: [&str; N],
    ) -> Result<[Option<String>; N], Problem> {
        let mut values = [const { None }; N];
        for (number, attribute) in start.attributes().enumerate() {
            if number >= ATTRIBUTES {
                return Err(self.problem(at, &format!("more than {ATTRIBUTES} attributes")));
            }
            let attribute = attribute.map_err(|error| self.problem(at, &error.to_string()))?;
            if let Some(place) = names.iter().position(|&name| name == attribute.key.as_ref()) {
                let value = unescape(&attribute.value).map_err(|error| self.problem(at, &error.to_string()))?;
                values[place] = Some(value.into_owned());
            }
        }
        Ok(values)
    }

    /// The test that is being read.
    fn case(&mut self) -> Option<&mut OpenCase> {
        self.open.iter_mut().rev().find_map(|open| match open {
            Open::Case(case) => Some(case),
            _ => None,
        })
    }

    /// The suites that are open, from the innermost.
    fn suites(&self) -> impl Iterator<Item = &OpenSuite> {
        self.open.iter().rev().filter_map(|open| match open {
            Open::Suite(suite) => Some(suite),
            _ => None,
        })
    }

    /// Counts something for the innermost suite; it counts for those around when it closes.
    fn count(&mut self, count: impl FnOnce(&mut OpenSuite)) {
        let innermost = self.open.iter_mut().rev().find_map(|open| match open {
            Open::Suite(suite) => Some(suite),
            _ => None,
        });
        if let Some(suite) = innermost {
            count(suite);
        }
    }

    fn problem(&self, at: usize, what: &str) -> Problem {
        Problem { at: Some(self.place(at)), what: what.to_owned() }
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let line = before.rfind('\n').map_or(before, |end| &before[end + 1..]);
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// Whether the name of a test holds that of its class already: jest writes both into both, mocha the test into the class.
fn says(name: &str, class: &str) -> bool {
    let apart = |rest: &str, edge: fn(&str) -> Option<char>| edge(rest).is_none_or(|c| !c.is_alphanumeric());
    class.is_empty()
        || name.strip_prefix(class).is_some_and(|rest| apart(rest, |rest| rest.chars().next()))
        || name.strip_suffix(class).is_some_and(|rest| apart(rest, |rest| rest.chars().next_back()))
}

/// What a `status` or `result` says that is not "it ran": gtest, for one, shows skipped tests nowhere else.
fn stated(state: &str) -> Option<Outcome> {
    Some(match state.to_ascii_lowercase().as_str() {
        "notrun" | "suppressed" | "skipped" | "disabled" | "pending" | "ignored" => Outcome::Skipped,
        "failed" | "failure" | "fail" | "error" | "broken" | "timeout" => {
            Outcome::Failed(Failure { message: format!("its status is {state:?}"), text: String::new() })
        }
        _ => return None,
    })
}

/// Surefire writes thousands as `1,234.5`.
fn seconds(text: &str) -> Option<Duration> {
    text.trim().replace(',', "").parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// At most about `bytes` of `text`.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes)])
}
