//! `JMeter`: the dashboard's `statistics.json`, and JTL files in CSV. In milliseconds. In a JTL every sample is there with its
//! success; in the dashboard failed samples count by their time, and its third percentile is the p99 unless configured otherwise.

use std::io::BufRead;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    csv::{Header, Records},
    figures::{Failures, RequestFigures, no_requests},
    json::{count, percentiles, reported_p99},
    load_test::{Format, LoadTest, ReadError, Unit},
    samples::SamplesByEndpoint,
};

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let entries = document.as_object()?;
    let total = entries.get("Total").filter(|total| total.get("sampleCount").is_some())?;
    let mut test = LoadTest::new(Format::Jmeter, Some(Unit::Milliseconds), figures(total));
    let named = entries.iter().filter(|(name, _)| *name != "Total");
    test.endpoints = named.map(|(name, entry)| (name.clone(), figures(entry))).collect();
    Some(Ok(test))
}

fn figures(entry: &Value) -> RequestFigures {
    let requests = count(entry.get("sampleCount"));
    let failures = count(entry.get("errorCount")).map(|by_time| Failures { by_time, left_out: 0 });
    let p99 = match requests {
        Some(0) => Err(no_requests()),
        _ => reported_p99(entry.get("pct3ResTime"), no_requests),
    };
    let named = [("medianResTime", "50"), ("pct3ResTime", "99"), ("maxResTime", "100")];
    let named = entry.as_object().map(|entry| percentiles(entry, &named)).unwrap_or_default();
    RequestFigures::reported(requests, failures, p99, named)
}

/// The columns that a JTL file must have.
pub(super) const JTL: &[&str] = &["timeStamp", "elapsed", "label", "success"];

pub(super) fn read_jtl(mut records: Records<impl BufRead>, header: &Header) -> Result<LoadTest, ReadError> {
    let mut samples = SamplesByEndpoint::default();
    let mut target = Target::default();
    let mut last = None;
    while let Some(record) = records.next()? {
        let field = |name: &str| header.field(&record, name).unwrap_or_default();
        // The sum of a transaction's samples, which have rows of their own.
        if field("responseMessage").starts_with("Number of samples in transaction") {
            continue;
        }
        let (Some(elapsed), Some(success)) = (super::load_test::latency(field("elapsed")), boolean(field("success")))
        else {
            return Err(records.error("no latency in `elapsed`, or neither true nor false in `success`"));
        };
        let endpoint = samples.of(field("label"));
        endpoint.record(elapsed, !success);
        target.add(field("URL"));
        let started = field("timeStamp").parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
        last = last.max(started);
    }
    let cut = samples.cut;
    let (all, endpoints) = samples.into_figures();
    let mut test = LoadTest::new(Format::Jmeter, Some(Unit::Milliseconds), all);
    test.endpoints = endpoints;
    test.endpoints_cut = cut;
    test.measured_at = last;
    test.profile.target = target.first.filter(|_| !target.several);
    Ok(test)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The server that all requests went to; none of several.
#[derive(Default)]
struct Target {
    first: Option<String>,
    several: bool,
}

impl Target {
    fn add(&mut self, url: &str) {
        let Some((scheme, rest)) = url.split_once("://") else { return };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let is_same =
            |known: &str| known.strip_prefix(scheme).and_then(|known| known.strip_prefix("://")) == Some(host);
        match &self.first {
            None => self.first = Some(format!("{scheme}://{host}")),
            Some(known) => self.several |= !is_same(known),
        }
    }
}
