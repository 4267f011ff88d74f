//! Reads both sides: the results of the load test and the baseline, each from a file or a server.

use std::{
    fmt, fs,
    io::{BufReader, Read as _},
    path::Path,
    str::FromStr,
    time::Duration,
};

use clap::{ValueEnum, builder::PossibleValue};
use jiff::Timestamp;
use serde_json::Value;

use super::measurement::{Figure, Measurement, Side};
use crate::{
    error::{CommandError, ValueError},
    expression::{self, Expression},
    finding::Finding,
    load_results::{self, Format, LoadTest, P99, ReadError, ReadErrorKind, Reading},
    values::decimal::Decimal,
    world::{
        files,
        http::{Header, HttpClient, Request},
        trusted::TrustedSource,
        url::Url,
    },
};

/// The largest results that a jq expression reads, in bytes. Without an expression, files with a line for each request are read
/// line by line, and may have any size.
const LARGEST: u64 = 256 << 20;
/// The largest response of a server, in bytes.
const LARGEST_RESPONSE: u64 = 64 << 20;
/// The expression for JSON of no known format.
const DEFAULT_QUERY: &str = ".p99_latency";

/// Where a side is read from.
#[derive(Clone, Debug)]
pub enum FileOrUrl {
    File(String),
    Url(Url),
}

impl FromStr for FileOrUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.contains("://") { Url::from_setting(text).map(Self::Url) } else { Ok(Self::File(text.to_owned())) }
    }
}

impl fmt::Display for FileOrUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// The format of the results, as the setting names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultsFormat {
    Auto,
    Jq,
    Known(Format),
}

impl ValueEnum for ResultsFormat {
    fn value_variants<'a>() -> &'a [Self] {
        use Format::{
            Ab, Artillery, Autocannon, Gatling, Hey, Jmeter, K6, Latencies, Lighthouse, Locust, Oha, Plain, Prometheus,
            Vegeta, Wrk,
        };
        const ALL: &[ResultsFormat] = &[
            ResultsFormat::Auto,
            ResultsFormat::Known(K6),
            ResultsFormat::Known(Locust),
            ResultsFormat::Known(Oha),
            ResultsFormat::Known(Autocannon),
            ResultsFormat::Known(Artillery),
            ResultsFormat::Known(Vegeta),
            ResultsFormat::Known(Jmeter),
            ResultsFormat::Known(Gatling),
            ResultsFormat::Known(Wrk),
            ResultsFormat::Known(Hey),
            ResultsFormat::Known(Ab),
            ResultsFormat::Known(Prometheus),
            ResultsFormat::Known(Lighthouse),
            ResultsFormat::Known(Latencies),
            ResultsFormat::Known(Plain),
            ResultsFormat::Jq,
        ];
        ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Auto => Some(PossibleValue::new("auto")),
            Self::Jq => Some(PossibleValue::new("jq")),
            Self::Known(format) => format.to_possible_value(),
        }
    }
}

/// Everything that reading one side needs.
pub struct SideReader {
    pub side: Side,
    pub source: FileOrUrl,
    pub query: Option<Expression>,
    pub format: ResultsFormat,
    pub headers: Vec<Header>,
    pub timeout: Duration,
    pub http: HttpClient,
    /// Where a file is read, for the side that a change must not alter.
    pub trusted: Option<TrustedSource>,
}

/// The bytes of one side.
enum Input {
    File(fs::File, Option<Timestamp>),
    Bytes(Vec<u8>),
}

impl SideReader {
    /// Reads the side.
    ///
    /// # Errors
    /// Bad input: no file, not JSON and no known format, an expression that gives no number. Unobservable: a server that does not
    /// answer, results without figures, a unit that nothing says.
    pub fn read(self) -> Figure {
        let input = match (&self.source, &self.trusted) {
            (FileOrUrl::Url(url), _) => Input::Bytes(self.fetch(url)?),
            (FileOrUrl::File(path), Some(trusted)) => Input::Bytes(read_baseline_file(path, trusted)?),
            (FileOrUrl::File(path), None) => open_results(path)?,
        };
        self.read_input(input)
    }

    /// Reads what a load test printed; `source` only names it.
    ///
    /// # Errors
    /// As [`SideReader::read`].
    pub fn read_bytes(self, bytes: Vec<u8>) -> Figure {
        self.read_input(Input::Bytes(bytes))
    }

    fn read_input(self, input: Input) -> Figure {
        let written = match &input {
            Input::File(_, written) => *written,
            Input::Bytes(_) => None,
        };
        let mut measurement = match (&self.query, self.format) {
            (None, ResultsFormat::Auto) => self.read_format(input, None),
            (None, ResultsFormat::Known(format)) => self.read_format(input, Some(format)),
            (query, _) => self.read_query(input, query.clone()),
        }?;
        measurement.measured_at = measurement.measured_at.or(written);
        if let Some(pages) = &mut measurement.page_loads {
            pages.date_by_file(written);
        }
        Ok(measurement)
    }

    /// In a known format; else the default expression decides, as for every team's own document.
    fn read_format(&self, input: Input, wanted: Option<Format>) -> Figure {
        let reading = match input {
            Input::File(file, _) => load_results::read(BufReader::with_capacity(1 << 18, file), wanted),
            Input::Bytes(bytes) => load_results::read(&bytes[..], wanted),
        };
        match reading.map_err(|error| self.refused(error))? {
            Reading::LoadTest(test) => Measurement::of_test(*test, self.side),
            Reading::PageLoads(loads) => Ok(Measurement::of_page_loads(&loads)),
            Reading::Json(document) => self.evaluate(&document, &default_query()?, None),
        }
    }

    fn read_query(&self, input: Input, query: Option<Expression>) -> Figure {
        let bytes = match input {
            Input::Bytes(bytes) => bytes,
            Input::File(file, _) => {
                let mut bytes = Vec::new();
                let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
                read.map_err(|error| self.refused(ReadError::unreadable(&error)))?;
                if bytes.len() as u64 > LARGEST {
                    return Err(self.refused(ReadError::too_large()));
                }
                bytes
            }
        };
        let test = match load_results::read(&bytes[..], None) {
            Ok(Reading::LoadTest(test)) => Some(*test),
            Err(error) if error.kind == ReadErrorKind::Empty => return Err(self.refused(error)),
            Ok(Reading::PageLoads(_) | Reading::Json(_)) | Err(_) => None,
        };
        let document = expression::parse(&bytes).map_err(|error| {
            let next = "see what wrote it: the load test, or the server of the baseline, must write JSON";
            let finding = Finding::inconclusive(self.name()).actual(error.to_string());
            finding.expected("JSON, which a jq expression reads").next(next).bad_input()
        })?;
        let query = match query {
            Some(query) => query,
            None => default_query()?,
        };
        self.evaluate(&document, &query, test)
    }

    /// The p99 that an expression gives.
    fn evaluate(&self, document: &Value, query: &Expression, test: Option<LoadTest>) -> Figure {
        let setting = format!("`{}-query`", self.side.name);
        if let Some(sessions) = self.sessions(document, query) {
            return Measurement::of_query(&sessions, None, self.side);
        }
        let number = match query.number(document) {
            Ok(number) => number,
            Err(error) => {
                // The results say better what they lack than an expression does.
                if let Some(P99::Missing { why, next }) = test.map(|test| test.all.p99) {
                    let finding = Finding::inconclusive(format!("p99 of the {}", self.side.name)).actual(why);
                    return Err(finding.expected("a p99 over all requests").next(next).unobservable());
                }
                return Err(Finding::inconclusive(setting.clone())
                    .actual(format!("{}: {error}", self.source))
                    .expected("the results of a known tool, or a jq expression that gives the p99")
                    .next(format!(
                        "set {setting} to the path of the p99 in that document, and `{}-unit` to its unit",
                        self.side.name
                    ))
                    .bad_input());
            }
        };
        if let Some(absent) = query.absent_part(document) {
            return Err(Finding::inconclusive(setting.clone())
                .actual(format!("{}: {absent}", self.source))
                .expected("everything that the expression asks for")
                .next("see whether every scenario ran, or correct the expression")
                .unobservable());
        }
        match Decimal::from_f64(number) {
            Some(figure) => Measurement::of_query(&[figure], test, self.side),
            None => Err(Finding::inconclusive(format!("p99 of the {}", self.side.name))
                .actual(format!("{number}, which is not a latency"))
                .expected("a number of at least 0")
                .next("look at the load test: what did it measure?")
                .unobservable()),
        }
    }

    /// The p99 figures of several earlier runs, where the baseline has a list.
    fn sessions(&self, document: &Value, query: &Expression) -> Option<Vec<Decimal>> {
        let outputs = query.evaluate(document).ok().filter(|_| self.side.name == "baseline")?;
        let figures: Vec<&Value> = match outputs.as_slice() {
            [Value::Array(list)] => list.iter().collect(),
            several => several.iter().collect(),
        };
        let figures = figures.into_iter().map(|figure| Decimal::from_f64(figure.as_f64()?)).collect::<Option<Vec<_>>>();
        figures.filter(|figures| figures.len() > 1)
    }

    fn fetch(&self, url: &Url) -> Result<Vec<u8>, CommandError> {
        let unobservable = |actual: String| {
            Finding::inconclusive(format!("`{}`", self.side.name))
                .actual(format!("{url}: {actual}"))
                .expected("an answer 200 with results")
                .next("ask the server by hand; a file needs no server")
                .unobservable()
        };
        let request = Request::get(url.clone()).timeout(self.timeout).redirects(3).max_body(LARGEST_RESPONSE);
        let request = self.headers.iter().cloned().fold(request, Request::header);
        let response = self.http.fetch(&request).map_err(|error| unobservable(error.to_string()))?;
        if response.status != 200 {
            // Prometheus explains a refused query in the body.
            let reason = load_results::read(&response.body[..], None).err();
            let reason = reason.filter(|error| error.kind == ReadErrorKind::Empty);
            let reason = reason.map(|error| format!(": {}", error.actual)).unwrap_or_default();
            return Err(unobservable(format!("answered {}{reason}", response.status)));
        }
        Ok(response.body)
    }

    /// The source in a message.
    fn name(&self) -> String {
        let source = self.source.to_string();
        if Path::new(&source).is_absolute() { source } else { format!("\"{source}\"") }
    }

    /// Malformed results are bad input; results without figures were observed, and say nothing.
    fn refused(&self, error: ReadError) -> CommandError {
        let finding = Finding::inconclusive(self.name()).actual(error.actual).expected(error.expected).next(error.next);
        match error.kind {
            ReadErrorKind::Malformed => finding.bad_input(),
            ReadErrorKind::Empty => finding.unobservable(),
        }
    }
}

fn default_query() -> Result<Expression, CommandError> {
    let bad = |error: ValueError| Finding::inconclusive(DEFAULT_QUERY).actual(error.to_string()).unobservable();
    Expression::compile(DEFAULT_QUERY).map_err(bad)
}

fn open_results(path: &str) -> Result<Input, CommandError> {
    let file = files::open(Path::new(path)).map_err(|error| {
        Finding::inconclusive("`results`")
            .actual(format!("{path}: {error}"))
            .expected("the results file of a load test, or an http(s) URL")
            .next("name the file that the load test writes, and run the load test in a step before")
            .bad_input()
    })?;
    let written = file.metadata().and_then(|metadata| metadata.modified()).ok();
    Ok(Input::File(file, written.and_then(|time| Timestamp::try_from(time).ok())))
}

fn read_baseline_file(path: &str, trusted: &TrustedSource) -> Result<Vec<u8>, CommandError> {
    let file = trusted.read(path)?;
    file.map(|file| file.bytes).ok_or_else(|| {
        Finding::inconclusive("`baseline`")
            .actual(format!("no file at {path}{}", trusted.place()))
            .expected("the p99 of the release that is in production")
            .next(format!("measure that release, and commit its figure: echo '{{\"p99_latency\": 100}}' > {path}"))
            .unobservable()
    })
}
