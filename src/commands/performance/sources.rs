//! Where the figures come from: the results file of the load test; the baseline, a file or a server.

use std::{fmt, fs, path::Path, str::FromStr, time::Duration};

use super::judge::{Figure, Missing};
use crate::{
    error::{CommandError, ValueError},
    expression::{self, Expression},
    finding::Finding,
    world::{
        http::{Header, Http, Request},
        trusted::Trusted,
        url::Url,
    },
};

/// The most bytes that are read of a results file: a full run of samples, one document a line.
const LARGEST: u64 = 256 << 20;

/// A baseline's place.
#[derive(Clone, Debug)]
pub enum Place {
    File(String),
    Url(Url),
}

impl FromStr for Place {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.contains("://") { Url::given(text).map(Self::Url) } else { Ok(Self::File(text.to_owned())) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// Reads the p99 of the release.
pub fn results(path: &str, query: &Expression) -> Figure {
    let unusable = |seen: String| {
        Finding::inconclusive("`results`").actual(seen).expected("the results file of a load test, as JSON")
    };
    let metadata = fs::metadata(path).map_err(|error| Missing::BadInput(unusable(format!("{path}: {error}"))))?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(Missing::BadInput(unusable(format!("{path}: no regular file of at most 256 MiB"))));
    }
    let bytes = fs::read(path).map_err(|error| Missing::BadInput(unusable(format!("{path}: {error}"))))?;
    figure(path, &bytes, "results-query", query)
}

/// Reads the p99 to compare with.
pub fn baseline(
    place: &Place,
    query: &Expression,
    headers: &[Header],
    timeout: Duration,
    http: &Http,
    trusted: &Trusted,
) -> Figure {
    match place {
        Place::File(path) => match trusted.read(path) {
            Ok(Some(file)) => figure(path, &file.bytes, "baseline-query", query),
            Ok(None) => Err(Missing::Unseen(
                Finding::inconclusive("`baseline`")
                    .actual(format!("no file at {path}{}", trusted.place()))
                    .expected("the p99 of the release that is in production")
                    .next(format!(
                        "measure that release, and commit its figure: echo '{{\"p99_latency\": 100}}' > {path}"
                    )),
            )),
            Err(CommandError::BadInput(finding)) => Err(Missing::BadInput(finding)),
            Err(CommandError::Unobservable(finding)) => Err(Missing::Unseen(finding)),
            // Reading refuses nothing and hears no signal.
            Err(CommandError::Refused(_) | CommandError::Cancelled) => {
                Err(Missing::Unseen(Finding::inconclusive(path).actual("not read")))
            }
        },
        Place::Url(url) => {
            let unobservable = |seen: String| {
                Missing::Unseen(
                    Finding::inconclusive("`baseline`")
                        .actual(format!("{url}: {seen}"))
                        .expected("an answer 200 with JSON")
                        .next("ask the server by hand; a baseline in a file needs no server"),
                )
            };
            let request =
                headers.iter().cloned().fold(Request::get(url.clone()).timeout(timeout).redirects(3), Request::header);
            let response = http.fetch(&request).map_err(|error| unobservable(error.to_string()))?;
            if response.status != 200 {
                return Err(unobservable(format!("answered {}", response.status)));
            }
            figure(&url.to_string(), &response.body, "baseline-query", query)
        }
    }
}

fn figure(source: &str, bytes: &[u8], setting: &str, query: &Expression) -> Figure {
    let name = if Path::new(source).is_absolute() { source.to_owned() } else { format!("\"{source}\"") };
    let document = expression::parse(bytes).map_err(|error| {
        Missing::BadInput(Finding::inconclusive(name.clone()).actual(error.to_string()).expected("JSON"))
    })?;
    query.number(&document).map_err(|problem| {
        let finding = Finding::inconclusive(format!("`{setting}`"))
            .actual(format!("{source}: {problem}"))
            .expected("a jq expression that gives the p99");
        Missing::BadInput(finding)
    })
}
