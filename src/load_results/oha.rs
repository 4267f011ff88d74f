//! oha: `--output-format json`, `csv`, and the text that it prints without. In seconds. The percentiles are over every response,
//! whatever its status; a request without a response is not among them.

use std::io::BufRead;

use serde_json::Value;

use super::{
    csv::{Header, Records},
    figures::{Failures, P99, RequestFigures},
    json::{at, count, object, percentiles, reported_p99},
    load_test::{Format, LoadTest, ReadError, Unit},
    samples::SamplesByEndpoint,
};

/// Not failed: the load test ended while these requests were on their way.
pub(super) const AT_THE_END: &str = "aborted due to deadline";
/// Up to so many times as many as usual, and a few more, are a busy moment.
const USUAL: f64 = 3.0;
const FEW: f64 = 10.0;

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let reported = object(document, &["latencyPercentiles"])?;
    let sum = |path, counts: fn(&str) -> bool| -> Option<u64> {
        Some(object(document, path)?.iter().filter(|(key, _)| counts(key)).filter_map(|(_, n)| count(Some(n))).sum())
    };
    let responses = sum(&["statusCodeDistribution"], |_| true);
    let by_time = sum(&["statusCodeDistribution"], |status| status.starts_with(['4', '5']));
    let left_out = sum(&["errorDistribution"], |error| error != AT_THE_END).unwrap_or_default();
    let aborted = sum(&["errorDistribution"], |error| error == AT_THE_END).unwrap_or_default();
    let number = |key: &str| at(document, &["summary", key]).and_then(Value::as_f64);
    let unanswered = unanswered(number("requestsPerSec").zip(number("average")), aborted);
    let failures = by_time.map(|by_time| Failures { by_time, left_out, unanswered });
    let mut named = percentiles(
        reported,
        &[
            ("p50", "50"),
            ("p75", "75"),
            ("p90", "90"),
            ("p95", "95"),
            ("p99", "99"),
            ("p99.9", "99.9"),
            ("p99.99", "99.99"),
        ],
    );
    named.extend(object(document, &["summary"]).into_iter().flat_map(|all| percentiles(all, &[("slowest", "100")])));
    let p99 = reported_p99(reported.get("p99"), || {
        P99::missing("oha measured no response", "see the errors in oha's output")
    });
    let requests = responses.map(|responses| responses + left_out + unanswered);
    let all = RequestFigures::reported(requests, failures, p99, named);
    Some(Ok(LoadTest::new(Format::Oha, Some(Unit::Seconds), all)))
}

/// How many requests had no response at the end, if they are more than are usually on their way: requests per second times the mean
/// latency in seconds (Little 1961).
pub(super) fn unanswered(load: Option<(f64, f64)>, aborted: u64) -> u64 {
    let on_their_way = load.map_or(0.0, |(rate, mean)| rate * mean);
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let is_usual = aborted as f64 <= USUAL * on_their_way + FEW;
    if is_usual { 0 } else { aborted }
}

/// The first columns of the CSV.
pub(super) const CSV: &[&str] = &["request-start", "DNS", "DNS+dialup"];

pub(super) fn read_csv(records: Records<impl BufRead>, header: &Header) -> Result<LoadTest, ReadError> {
    read_answered(Format::Oha, records, header, ["request-duration", "status"])
}

/// Rows of requests that got a response, with these columns for the seconds and the status.
pub(super) fn read_answered(
    format: Format,
    mut records: Records<impl BufRead>,
    header: &Header,
    [latency, status]: [&str; 2],
) -> Result<LoadTest, ReadError> {
    let mut samples = SamplesByEndpoint::default();
    while let Some(record) = records.next_below(header)? {
        let seconds = header.field(&record, latency).and_then(super::load_test::latency);
        let code = header.field(&record, status).and_then(|status| status.get(..3)?.parse::<u16>().ok());
        let (Some(seconds), Some(code)) = (seconds, code) else {
            return Err(records.error(&format!("no latency in `{latency}`, or no status in `{status}`")));
        };
        let all = samples.of("");
        all.record(seconds, code >= 400);
    }
    let (mut all, _) = samples.into_figures();
    if all.failures == Some(0) {
        // Requests without a response have no row, so none is not known.
        all.failures = None;
    }
    Ok(LoadTest::new(format, Some(Unit::Seconds), all))
}
