//! `ab -e` (percentiles in CSV) and `ab -g` (a row for each request). In milliseconds. They tell no failures, and the percentiles
//! do not tell the number of requests either.

use std::io::BufRead;

use jiff::Timestamp;

use super::{
    csv::{Header, Records},
    figures::{P99, Percentile, RequestFigures},
    load_test::{Format, LoadTest, ReadError, Unit, latency},
    samples::SamplesByEndpoint,
};
use crate::values::decimal::Decimal;

pub(super) const PERCENTILES: &[&str] = &["Percentage served", "Time in ms"];
pub(super) const REQUESTS: &[&str] = &["starttime", "seconds", "ctime", "dtime", "ttime", "wait"];

pub(super) fn read_percentiles(mut records: Records<impl BufRead>) -> Result<LoadTest, ReadError> {
    let mut percentiles = Vec::new();
    while let Some(record) = records.next()? {
        let [percent, latency] = record.as_slice() else { return Err(records.error("no percent and time")) };
        let (Ok(percent), Ok(latency)) = (percent.parse(), latency.parse()) else {
            return Err(records.error("no percent and time"));
        };
        percentiles.push(Percentile { percent, latency });
    }
    let reported = percentiles.iter().find(|reported| reported.percent == Decimal::whole(99));
    let p99 = reported.map(|reported| reported.latency).ok_or_else(|| {
        P99::missing("ab's file ends before the 99th percentile", "see whether ab ended, and what it wrote")
    });
    Ok(test(RequestFigures::reported(None, None, p99, percentiles)))
}

pub(super) fn read_requests(mut records: Records<impl BufRead>, header: &Header) -> Result<LoadTest, ReadError> {
    let (mut samples, mut last) = (SamplesByEndpoint::default(), None);
    while let Some(record) = records.next_below(header)? {
        let field = |name: &str| header.field(&record, name).unwrap_or_default();
        let time = latency(field("ttime")).ok_or_else(|| records.error("no latency in `ttime`"))?;
        samples.of("").add(time);
        last = last.max(field("seconds").parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()));
    }
    let (all, _) = samples.into_figures();
    Ok(LoadTest { measured_at: last, ..test(RequestFigures { failures: None, ..all }) })
}

fn test(all: RequestFigures) -> LoadTest {
    LoadTest::new(Format::Ab, Some(Unit::Milliseconds), all)
}
