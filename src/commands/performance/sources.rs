//! Reads the two p99 figures: from the results file of the load test, and from a baseline file or server.

use std::{fmt, fs, path::Path, str::FromStr, time::Duration};

use super::judge::Figure;
use crate::{
    error::{CommandError, ValueError},
    expression::{self, Expression},
    finding::Finding,
    world::{
        http::{Header, HttpClient, Request},
        trusted::TrustedSource,
        url::Url,
    },
};

/// The largest results file in bytes: room for every sample of a load test, one JSON document a line.
const LARGEST: u64 = 256 << 20;

/// Where the baseline is read from.
#[derive(Clone, Debug)]
pub enum BaselineSource {
    File(String),
    Url(Url),
}

impl FromStr for BaselineSource {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.contains("://") { Url::from_setting(text).map(Self::Url) } else { Ok(Self::File(text.to_owned())) }
    }
}

impl fmt::Display for BaselineSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// Reads the p99 of the release.
pub fn read_results(path: &str, query: &Expression) -> Figure {
    let unusable = |actual: String| {
        let finding = Finding::inconclusive("`results`").actual(actual);
        let next = "name the file that the load test writes, and run the load test in a step before";
        finding.expected("the results file of a load test, as JSON").next(next).bad_input()
    };
    let metadata = fs::metadata(path).map_err(|error| unusable(format!("{path}: {error}")))?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(unusable(format!("{path}: not a regular file of at most 256 MiB")));
    }
    let bytes = fs::read(path).map_err(|error| unusable(format!("{path}: {error}")))?;
    evaluate(path, &bytes, "results-query", query)
}

/// Reads the p99 of the release that is in production.
pub fn read_baseline(
    source: &BaselineSource,
    query: &Expression,
    headers: &[Header],
    timeout: Duration,
    http: &HttpClient,
    trusted: &TrustedSource,
) -> Figure {
    let bytes = match source {
        BaselineSource::File(path) => read_baseline_file(path, trusted)?,
        BaselineSource::Url(url) => fetch_baseline(url, headers, timeout, http)?,
    };
    evaluate(&source.to_string(), &bytes, "baseline-query", query)
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

fn fetch_baseline(
    url: &Url,
    headers: &[Header],
    timeout: Duration,
    http: &HttpClient,
) -> Result<Vec<u8>, CommandError> {
    let unobservable = |actual: String| {
        Finding::inconclusive("`baseline`")
            .actual(format!("{url}: {actual}"))
            .expected("an answer 200 with JSON")
            .next("ask the server by hand; a baseline in a file needs no server")
            .unobservable()
    };
    let request =
        headers.iter().cloned().fold(Request::get(url.clone()).timeout(timeout).redirects(3), Request::header);
    let response = http.fetch(&request).map_err(|error| unobservable(error.to_string()))?;
    if response.status != 200 {
        return Err(unobservable(format!("answered {}", response.status)));
    }
    Ok(response.body)
}

/// The number that `query` gives for the JSON in `bytes`; `setting` is the name of the query in messages.
fn evaluate(source: &str, bytes: &[u8], setting: &str, query: &Expression) -> Figure {
    let name = if Path::new(source).is_absolute() { source.to_owned() } else { format!("\"{source}\"") };
    let document = expression::parse(bytes).map_err(|error| {
        let next = "see what wrote it: the load test, or the server of the baseline, must write JSON";
        Finding::inconclusive(name).actual(error.to_string()).expected("JSON").next(next).bad_input()
    })?;
    query.number(&document).map_err(|error| {
        Finding::inconclusive(format!("`{setting}`"))
            .actual(format!("{source}: {error}"))
            .expected("a jq expression that gives the p99")
            .next(format!("set `{setting}` to the path of the p99 in that document"))
            .bad_input()
    })
}
