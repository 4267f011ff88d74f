//! k6 `--out csv`: one row for every point of every metric. A request is a row of `http_req_duration`, in milliseconds.

use std::io::BufRead;

use jiff::Timestamp;

use super::{
    csv::{Header, Records},
    k6_samples::{K6Samples, RequestTags},
    load_test::{LoadTest, ReadError},
};

pub(super) const HEADER: &[&str] = &["metric_name", "timestamp", "metric_value"];

pub(super) fn read(mut records: Records<impl BufRead>, header: &Header) -> Result<LoadTest, ReadError> {
    let mut samples = K6Samples::default();
    let mut last = None;
    while let Some(record) = records.next_below(header)? {
        let field = |name: &str| header.field(&record, name).unwrap_or_default();
        if field("metric_name") != "http_req_duration" {
            continue;
        }
        let latency = super::load_test::latency(field("metric_value")).ok_or_else(|| records.error("no latency"))?;
        let name = format!("{} {}", field("method"), field("name"));
        let tags = RequestTags {
            name: name.trim(),
            group: field("group"),
            status: field("status"),
            expected_response: field("expected_response"),
        };
        samples.add(&tags, latency);
        last = last.max(field("timestamp").parse::<i64>().ok().and_then(timestamp));
    }
    samples.into_test(last)
}

/// Seconds by default; `K6_CSV_TIME_FORMAT` also allows milliseconds, microseconds and nanoseconds.
fn timestamp(time: i64) -> Option<Timestamp> {
    match time.checked_ilog10().unwrap_or_default() {
        ..11 => Timestamp::from_second(time).ok(),
        11..14 => Timestamp::from_millisecond(time).ok(),
        14..17 => Timestamp::from_microsecond(time).ok(),
        _ => Timestamp::from_nanosecond(time.into()).ok(),
    }
}
