//! vegeta: `report -type=json` and the text report, and single requests from `encode -to json` and `-to csv`. In nanoseconds.
//! A request counts by its time, failed or not; its code is 0 without a response.

use std::io::BufRead;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{
    csv::Records,
    figures::{Failures, RequestFigures, no_requests},
    json::{count, decimal, object, percentiles, reported_p99},
    lines::Lines,
    load_test::{Format, LoadTest, ReadError, Unit},
    samples::SamplesByEndpoint,
};

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let latencies = object(document, &["latencies"])?;
    if !latencies.contains_key("99th") && !latencies.contains_key("50th") {
        return None;
    }
    let requests = count(document.get("requests"));
    let codes = object(document, &["status_codes"]);
    let by_code = codes.map(|codes| -> u64 {
        let failed = codes.iter().filter(|(code, _)| !code.starts_with(['2', '3']));
        failed.filter_map(|(_, number)| count(Some(number))).sum()
    });
    // The ratio counts the responses with 2xx and 3xx. The larger number of failures holds.
    let by_ratio = document.get("success").and_then(Value::as_f64).zip(requests).map(|(ratio, requests)| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a ratio from 0 to 1 of a count"
        )]
        let successes = (ratio.clamp(0.0, 1.0) * requests as f64).round() as u64;
        requests.saturating_sub(successes)
    });
    let failures = by_code.max(by_ratio).map(Failures::by_time);
    let named = [("50th", "50"), ("90th", "90"), ("95th", "95"), ("99th", "99"), ("max", "100")];
    let p99 = match requests {
        Some(0) => Err(no_requests()),
        _ => reported_p99(latencies.get("99th"), no_requests),
    };
    let all = RequestFigures::reported(requests, failures, p99, percentiles(latencies, &named));
    let mut test = LoadTest::new(Format::Vegeta, Some(Unit::Nanoseconds), all);
    let time = |key: &str| document.get(key).and_then(Value::as_str)?.parse::<Timestamp>().ok();
    test.measured_at = time("end").or_else(|| time("latest"));
    test.profile.rate = document.get("rate").and_then(decimal);
    Some(Ok(test))
}

#[derive(Deserialize)]
struct Hit {
    code: u16,
    timestamp: String,
    latency: u64,
    error: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    url: String,
}

/// Whether a text begins as `encode -to json` writes it.
pub(super) fn recognizes(first_line: &[u8]) -> bool {
    serde_json::from_slice::<Hit>(first_line).is_ok()
}

pub(super) fn read_hits(input: impl BufRead) -> Result<LoadTest, ReadError> {
    let (mut hits, mut lines) = (Hits::default(), Lines::new(input));
    while let Some(line) = lines.next()? {
        if line.is_empty() {
            continue;
        }
        let hit = serde_json::from_slice::<Hit>(line);
        match hit {
            Ok(hit) => hits.add(&hit, hit.timestamp.parse().ok()),
            Err(error) => {
                let cut = if lines.ended { "" } else { ", where the file ends" };
                return Err(ReadError::malformed(format!("line {}{cut}: {error}", lines.number)));
            }
        }
    }
    Ok(hits.into_test())
}

/// Whether a text begins as `encode -to csv` writes it, which has no header.
pub(super) fn recognizes_csv(first_line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(first_line);
    let fields: Vec<&str> = line.split(',').collect();
    fields.len() >= 10 && fields[0].len() >= 16 && fields[..3].iter().all(|field| field.parse::<u64>().is_ok())
}

pub(super) fn read_csv(mut records: Records<impl BufRead>) -> Result<LoadTest, ReadError> {
    let mut hits = Hits::default();
    while let Some(record) = records.next()? {
        let field = |at: usize| record.get(at).cloned().unwrap_or_default();
        let (Ok(nanos), Ok(code), Ok(latency)) = (field(0).parse(), field(1).parse(), field(2).parse()) else {
            return Err(records.error("no time, code and latency"));
        };
        let [error, method, url] = [5, 9, 10].map(field);
        let hit = Hit { code, timestamp: String::new(), latency, error, method, url };
        hits.add(&hit, Timestamp::from_nanosecond(nanos).ok());
    }
    Ok(hits.into_test())
}

#[derive(Default)]
struct Hits {
    samples: SamplesByEndpoint,
    last: Option<Timestamp>,
}

impl Hits {
    fn add(&mut self, hit: &Hit, time: Option<Timestamp>) {
        let name = format!("{} {}", hit.method, hit.url);
        let endpoint = self.samples.of(name.trim());
        // Nanoseconds up to 104 days are exact in a double.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        let latency = hit.latency as f64;
        let failed = !(200..400).contains(&hit.code) || !hit.error.is_empty();
        endpoint.record(latency, failed);
        self.last = self.last.max(time);
    }

    fn into_test(self) -> LoadTest {
        let cut = self.samples.cut;
        let (all, endpoints) = self.samples.into_figures();
        let mut test = LoadTest::new(Format::Vegeta, Some(Unit::Nanoseconds), all);
        test.endpoints = endpoints;
        test.endpoints_cut = cut;
        test.measured_at = self.last;
        test
    }
}
