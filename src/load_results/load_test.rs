//! One load test as it was understood, and why results cannot be.

use std::{collections::BTreeMap, fmt, str::FromStr};

use clap::ValueEnum;
use jiff::Timestamp;

use super::figures::RequestFigures;
use crate::{error::ValueError, values::decimal::Decimal};

/// A format of results that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Format {
    K6,
    Locust,
    Oha,
    Autocannon,
    Artillery,
    Vegeta,
    Jmeter,
    Gatling,
    Wrk,
    Hey,
    Ab,
    Prometheus,
    /// Page loads: they have no p99.
    Lighthouse,
    /// A list or a histogram of latencies.
    Latencies,
    /// A team's own document with `p99_latency`.
    Plain,
}

/// One load test as it was understood. Latencies are in `unit`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadTest {
    pub format: Format,
    /// The unit of every latency; `None` if the source does not say.
    pub unit: Option<Unit>,
    /// Over all requests.
    pub all: RequestFigures,
    /// By the name of a request or group, as the tool writes it, with the method before it if the tool distinguishes it.
    pub endpoints: BTreeMap<String, RequestFigures>,
    /// The source has more names than are kept; `endpoints` lacks the rest.
    pub endpoints_cut: bool,
    pub profile: LoadProfile,
    /// When the load test ended, as far as the source reports.
    pub measured_at: Option<Timestamp>,
}

/// What was measured and how, as far as the source reports. Two load tests are comparable only if these agree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadProfile {
    /// The URL, or the host, that the requests went to.
    pub target: Option<String>,
    /// Concurrent users or connections, where the load test is configured by them.
    pub users: Option<u64>,
    /// Requests per second, where the load test is configured by them.
    pub rate: Option<Decimal>,
    pub machine: Option<String>,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
}

/// Why results in a known format, or of no format at all, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    pub kind: ReadErrorKind,
    /// What is wrong.
    pub actual: String,
    /// What would be accepted.
    pub expected: String,
    /// What to do.
    pub next: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// Not what the format requires: cut off, another format than the one that was named.
    Malformed,
    /// In the format, but without figures: no request, an error of the server, a value that is not a number.
    Empty,
}

impl ReadError {
    pub(super) fn malformed(actual: impl Into<String>) -> Self {
        Self {
            kind: ReadErrorKind::Malformed,
            actual: actual.into(),
            expected: "the complete results of a load test".to_owned(),
            next: "see whether the load test ended, and what it wrote".to_owned(),
        }
    }

    pub(super) fn utf_16() -> Self {
        Self::malformed("in UTF-16; only UTF-8 is read")
            .next("write it in UTF-8: in PowerShell, with `Out-File -Encoding utf8`")
    }

    /// Results of several load tests in one file.
    pub(super) fn several(number: usize, format: Format) -> Self {
        Self::malformed(format!("{number} results of {format} in one file"))
            .expected("the results of one load test")
            .next("write each of them into its own file; `>>` and `tee -a` append")
    }

    pub(super) fn empty(actual: impl Into<String>) -> Self {
        Self {
            kind: ReadErrorKind::Empty,
            expected: "a p99 over the requests of the load test".to_owned(),
            next: "see what the load test did: it must send requests and receive responses".to_owned(),
            ..Self::malformed(actual)
        }
    }

    #[must_use]
    pub fn unreadable(error: &std::io::Error) -> Self {
        Self::malformed(format!("cannot be read to the end: {error}"))
    }

    /// A document that must be held in memory.
    #[must_use]
    pub fn too_large() -> Self {
        Self::malformed("a JSON document of more than 256 MiB").next(
            "let the load test write a summary; or leave the jq expression out, if it writes a line for each request",
        )
    }

    pub(super) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: expected.into(), ..self }
    }

    pub(super) fn next(self, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..self }
    }
}

impl LoadTest {
    pub(super) fn new(format: Format, unit: Option<Unit>, all: RequestFigures) -> Self {
        Self {
            format,
            unit,
            all,
            endpoints: BTreeMap::new(),
            endpoints_cut: false,
            profile: LoadProfile::default(),
            measured_at: None,
        }
    }
}

impl Format {
    /// The name of the tool, for messages.
    #[must_use]
    pub const fn tool(self) -> &'static str {
        match self {
            Self::K6 => "k6",
            Self::Locust => "Locust",
            Self::Oha => "oha",
            Self::Autocannon => "autocannon",
            Self::Artillery => "Artillery",
            Self::Vegeta => "vegeta",
            Self::Jmeter => "JMeter",
            Self::Gatling => "Gatling",
            Self::Wrk => "wrk",
            Self::Hey => "hey",
            Self::Ab => "ab",
            Self::Prometheus => "Prometheus",
            Self::Lighthouse => "Lighthouse",
            Self::Latencies => "a list of latencies",
            Self::Plain => "a document with `p99_latency`",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tool())
    }
}

impl Unit {
    const fn power(self) -> i32 {
        match self {
            Self::Nanoseconds => -9,
            Self::Microseconds => -6,
            Self::Milliseconds => -3,
            Self::Seconds => 0,
        }
    }

    /// The same time in another unit. Exact: only the decimal point moves.
    #[must_use]
    pub const fn convert(self, value: Decimal, to: Self) -> Decimal {
        value.shifted(self.power() - to.power())
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
        })
    }
}

impl FromStr for Unit {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "ns" => Ok(Self::Nanoseconds),
            "us" | "µs" | "μs" => Ok(Self::Microseconds),
            "ms" => Ok(Self::Milliseconds),
            "s" => Ok(Self::Seconds),
            _ => Err(ValueError::new("a unit of time: `ns`, `us`, `ms` or `s`")),
        }
    }
}

/// A latency in a text: a finite number of at least zero.
pub(super) fn latency(text: &str) -> Option<f64> {
    text.parse().ok().filter(|latency: &f64| latency.is_finite() && *latency >= 0.0)
}
