//! `JMeter`: the dashboard's `statistics.json`, and JTL files in CSV (those in XML are in `jmeter_xml`). In milliseconds. In a JTL
//! every sample is there with its success; in the dashboard failed samples count by their time, and its third percentile is the p99
//! unless configured otherwise.

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
    let failures = count(entry.get("errorCount")).map(Failures::by_time);
    let p99 = match requests {
        Some(0) => Err(no_requests()),
        _ => reported_p99(entry.get("pct3ResTime"), no_requests),
    };
    let named = [("medianResTime", "50"), ("pct3ResTime", "99"), ("maxResTime", "100")];
    let named = entry.as_object().map(|entry| percentiles(entry, &named)).unwrap_or_default();
    RequestFigures::reported(requests, failures, p99, named)
}

/// Whether the columns are those of a JTL file. `JMeter` may be told to leave some of them out.
pub(super) fn is_jtl(header: &Header) -> bool {
    let others = ["timeStamp", "label", "responseCode", "success"].iter().filter(|name| header.has(&[**name]));
    header.has(&["elapsed"]) && others.count() >= 2
}

pub(super) fn read_jtl(mut records: Records<impl BufRead>, header: &Header) -> Result<LoadTest, ReadError> {
    let has_success = header.has(&["success"]);
    if !has_success && !header.has(&["responseCode"]) {
        let error = ReadError::malformed("a JTL file without the columns `success` and `responseCode`");
        let error = error.expected("whether each request failed");
        return Err(error.next("let JMeter save it: `jmeter.save.saveservice.successful=true`"));
    }
    let mut totals = JtlTotals::default();
    while let Some(record) = records.next_below(header)? {
        let field = |name: &str| header.field(&record, name).unwrap_or_default();
        let success = if has_success { boolean(field("success")) } else { is_success(field("responseCode")) };
        let (Some(elapsed), Some(success)) = (super::load_test::latency(field("elapsed")), success) else {
            return Err(records.error("no latency in `elapsed`, or neither true nor false in `success`"));
        };
        let is_transaction = is_transaction(field("responseMessage"));
        totals.add(&Sample { label: field("label"), elapsed, success, started: field("timeStamp"), is_transaction });
        totals.add_url(field("URL"));
    }
    Ok(totals.into_test())
}

/// Whether a response code is that of a success: in place of one, a failure has the name of its exception.
pub(super) fn is_success(code: &str) -> Option<bool> {
    (!code.is_empty()).then(|| code.len() == 3 && code.starts_with(['1', '2', '3']))
}

/// Whether a response message is that of a transaction, which is the sum of its samples.
pub(super) fn is_transaction(message: &str) -> bool {
    message.starts_with("Number of samples in transaction")
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    // Programs that rewrite a table have their own capitals.
    [("true", true), ("false", false)]
        .into_iter()
        .find_map(|(name, value)| text.eq_ignore_ascii_case(name).then_some(value))
}

/// A sample of a JTL file.
pub(super) struct Sample<'a> {
    pub(super) label: &'a str,
    pub(super) elapsed: f64,
    pub(super) success: bool,
    /// Milliseconds since the epoch.
    pub(super) started: &'a str,
    pub(super) is_transaction: bool,
}

/// What the samples of a JTL file add up to.
#[derive(Default)]
pub(super) struct JtlTotals {
    requests: SamplesByEndpoint,
    transactions: SamplesByEndpoint,
    target: Target,
    last: Option<Timestamp>,
}

impl JtlTotals {
    pub(super) fn add(&mut self, sample: &Sample<'_>) {
        let samples = if sample.is_transaction { &mut self.transactions } else { &mut self.requests };
        samples.of(sample.label).record(sample.elapsed, !sample.success);
        let started = sample.started.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
        self.last = self.last.max(started);
    }

    /// The URL of a sample, if it has one.
    pub(super) fn add_url(&mut self, url: &str) {
        self.target.add(url);
    }

    /// A transaction is an endpoint beside its samples. Only where `JMeter` writes nothing else (`Generate parent sample`) are
    /// the transactions the requests.
    pub(super) fn into_test(self) -> LoadTest {
        let cut = self.requests.cut || self.transactions.cut;
        let (requests, mut endpoints) = self.requests.into_figures();
        let (transactions, groups) = self.transactions.into_figures();
        let all = if requests.requests == Some(0) { transactions } else { requests };
        for (name, figures) in groups {
            endpoints.entry(name).or_insert(figures);
        }
        let mut test = LoadTest::new(Format::Jmeter, Some(Unit::Milliseconds), all);
        test.endpoints = endpoints;
        test.endpoints_cut = cut;
        test.measured_at = self.last;
        test.profile.target = self.target.first.filter(|_| !self.target.several);
        test
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
