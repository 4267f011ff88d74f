//! Latencies without a tool's name: a JSON list of numbers, one number a line, a JSON object of counts by latency, or the
//! percentiles of an `HdrHistogram`. They tell no unit, and no failures.

use std::io::BufRead;

use serde_json::Value;

use super::{
    figures::{Percentile, RequestFigures},
    json,
    lines::Lines,
    load_test::{Format, LoadTest, ReadError},
    samples::SamplesByEndpoint,
};
use crate::values::decimal::Decimal;

/// A JSON object whose keys are latencies and whose values are counts.
pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let entries = document.as_object().filter(|entries| !entries.is_empty())?;
    let mut histogram = Vec::new();
    for (latency, number) in entries {
        histogram.push((latency.parse::<Decimal>().ok()?, json::count(Some(number))?));
    }
    histogram.sort_unstable();
    Some(Ok(test(unfailed(RequestFigures::counted(&histogram, None)))))
}

/// A JSON list of numbers. The list is read element by element.
pub(super) fn read_list(samples: SamplesByEndpoint) -> LoadTest {
    test(unfailed(samples.into_figures().0))
}

/// Whether a text begins with a line that is a number and nothing else.
pub(super) fn recognizes(first_line: &[u8]) -> bool {
    std::str::from_utf8(first_line).is_ok_and(|line| super::load_test::latency(line.trim()).is_some())
}

pub(super) fn read_lines(input: impl BufRead) -> Result<LoadTest, ReadError> {
    let (mut samples, mut lines) = (SamplesByEndpoint::default(), Lines::new(input));
    while let Some(line) = lines.next()? {
        let text = String::from_utf8_lossy(line).trim().to_owned();
        match super::load_test::latency(&text) {
            Some(latency) => samples.of("").add(latency),
            None if text.is_empty() => {}
            None => return Err(ReadError::malformed(format!("line {}: {text:?} is not a latency", lines.number))),
        }
    }
    Ok(read_list(samples))
}

/// The rows of an `HdrHistogram`: value, percentile, count, and a column that is not needed.
pub(super) fn from_hdr(text: &str) -> Option<RequestFigures> {
    let rows = text.lines().skip_while(|line| !(line.contains("Value") && line.contains("Percentile"))).skip(1);
    let mut percentiles = Vec::new();
    let mut requests = None;
    for row in rows {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let [value, percentile, count, ..] = fields.as_slice() else { continue };
        let (Ok(latency), Ok(share), Ok(count)) = (value.parse(), percentile.parse::<Decimal>(), count.parse()) else {
            break;
        };
        requests = requests.max(Some(count));
        percentiles.push(Percentile { percent: share.shifted(2), latency });
    }
    let at = |percent: u64| percentiles.iter().find(|reported| reported.percent >= Decimal::whole(percent));
    let p99 = at(99).map(|reported| reported.latency).ok_or_else(super::figures::no_requests);
    (!percentiles.is_empty()).then(|| RequestFigures::reported(requests, None, p99, percentiles.clone()))
}

pub(super) fn read_hdr(text: &str) -> Result<LoadTest, ReadError> {
    let all = from_hdr(text).ok_or_else(|| ReadError::malformed("an HdrHistogram without values"))?;
    let mut results = test(all);
    results.unit =
        text.lines().next().filter(|line| line.starts_with("Value(ms)")).map(|_| super::load_test::Unit::Milliseconds);
    Ok(results)
}

fn test(all: RequestFigures) -> LoadTest {
    LoadTest::new(Format::Latencies, None, all)
}

/// A list of latencies does not say whether requests failed.
fn unfailed(figures: RequestFigures) -> RequestFigures {
    RequestFigures { failures: None, ..figures }
}

pub(super) fn bad_element(position: usize, value: &Value) -> ReadError {
    ReadError::malformed(format!("element {position} of the list is {value}, which is not a latency"))
}
