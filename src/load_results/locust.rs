//! Locust: `--json`, and the `_stats.csv` of `--csv`. In milliseconds, with two significant digits. Failed requests count by
//! their time.

use std::{collections::BTreeMap, io::BufRead};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    csv::{Header, Records},
    figures::{Failures, P99, Percentile, RequestFigures},
    json::{count, decimal},
    load_test::{Format, LoadTest, ReadError, Unit},
};
use crate::values::decimal::Decimal;

pub(super) fn recognize(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let entries = document.as_array()?;
    if !entries.iter().all(|entry| entry.get("response_times").is_some_and(Value::is_object)) || entries.is_empty() {
        return None;
    }
    Some(read_entries(entries))
}

fn read_entries(entries: &[Value]) -> Result<LoadTest, ReadError> {
    let (mut all, mut failures) = (BTreeMap::new(), 0);
    let mut endpoints = BTreeMap::new();
    let mut last = 0.0_f64;
    for entry in entries {
        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
        // Some versions add the sum of the others.
        if name == "Aggregated" {
            continue;
        }
        let failed = count(entry.get("num_failures"))
            .ok_or_else(|| ReadError::malformed(format!("the entry {name:?} has no `num_failures`")))?;
        let mut own: BTreeMap<Decimal, u64> = BTreeMap::new();
        for (latency, number) in entry.get("response_times").and_then(Value::as_object).into_iter().flatten() {
            let (Ok(latency), Some(number)) = (latency.parse::<Decimal>(), count(Some(number))) else {
                return Err(ReadError::malformed(format!("a response time of {latency:?}: {number}")));
            };
            *own.entry(latency).or_default() += number;
            *all.entry(latency).or_default() += number;
        }
        failures += failed;
        let method = entry.get("method").and_then(Value::as_str).unwrap_or_default();
        endpoints.insert(format!("{method} {name}").trim().to_owned(), counted(own, failed));
        last = last.max(entry.get("last_request_timestamp").and_then(Value::as_f64).unwrap_or_default());
    }
    let mut test = LoadTest::new(Format::Locust, Some(Unit::Milliseconds), counted(all, failures));
    test.endpoints = endpoints;
    test.measured_at = seconds(last);
    Ok(test)
}

fn counted(histogram: BTreeMap<Decimal, u64>, by_time: u64) -> RequestFigures {
    let histogram: Vec<(Decimal, u64)> = histogram.into_iter().filter(|(_, number)| *number > 0).collect();
    RequestFigures::counted(&histogram, Some(Failures::by_time(by_time)))
}

fn seconds(seconds: f64) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "a time in seconds")]
    (seconds > 0.0).then(|| Timestamp::from_second(seconds as i64).ok()).flatten()
}

/// Whether the columns are those of a CSV file with the figures of all requests. Before version 1 they had other names, and the
/// percentiles were in a file of their own, which does not count failures.
pub(super) fn has_figures(header: &Header) -> bool {
    let starts = |names: &[&str]| header.starts_with(names);
    starts(&["Type", "Name", "Request Count", "Failure Count"])
        || ["Type", "Method"].iter().any(|first| starts(&[first, "Name", "# requests", "# failures"]))
        || starts(&["Name", "# requests"]) && header.has(&["99%"])
}

pub(super) const HISTORY: &[&str] = &["Timestamp", "User Count", "Type", "Name"];

pub(super) fn history() -> ReadError {
    ReadError::malformed("Locust's history, whose percentiles are those of single moments")
        .expected("the file that ends with `_stats.csv`, or the output of `--json`")
        .next("name that file in `results`")
}

pub(super) fn read_csv(mut records: Records<impl BufRead>, header: &Header) -> Result<LoadTest, ReadError> {
    let mut all = None;
    let mut endpoints = BTreeMap::new();
    while let Some(record) = records.next_below(header)? {
        let field = |name: &str| header.field(&record, name);
        let number = |names: [&str; 2]| names.into_iter().find_map(field).map(str::parse::<u64>).map(Result::ok);
        let failures = number(["Failure Count", "# failures"]);
        let figures = match (number(["Request Count", "# requests"]).flatten(), failures.unwrap_or(Some(0))) {
            (Some(requests), Some(by_time)) => {
                // The first versions count failed requests beside the others.
                let requests = requests.max(by_time);
                let percentiles = header.names().filter_map(|name| {
                    let percent = name.strip_suffix('%')?.parse().ok()?;
                    Some(Percentile { percent, latency: field(name)?.parse().ok()? })
                });
                let p99 = field("99%").unwrap_or_default();
                let p99 = p99.parse().map_err(|_| match requests {
                    0 => super::figures::no_requests(),
                    _ if header.position("99%").is_none() => P99::missing(
                        "Locust's file has no column `99%`",
                        "give the file that has it: `_stats.csv`, or before version 1 `_distribution.csv`",
                    ),
                    _ => P99::missing(format!("the column `99%` has {p99:?}"), "see what the load test measured"),
                });
                let failures = failures.map(|_| Failures::by_time(by_time));
                RequestFigures::reported(Some(requests), failures, p99, percentiles.collect())
            }
            _ => return Err(records.error("no number of requests and failures")),
        };
        let method = ["Type", "Method"].into_iter().find_map(field).unwrap_or_default();
        match (method, field("Name").unwrap_or_default()) {
            // The second before version 1.
            (_, "Aggregated") | ("" | "None", "Total" | "None Total") => all = Some(figures),
            (method, name) => drop(endpoints.insert(format!("{method} {name}").trim().to_owned(), figures)),
        }
    }
    let all = all.ok_or_else(|| ReadError::malformed("no row `Aggregated`: the file is cut off"))?;
    let mut test = LoadTest::new(Format::Locust, Some(Unit::Milliseconds), all);
    test.endpoints = endpoints;
    Ok(test)
}

/// The JSON of Locust's web interface, `/stats/requests`.
pub(super) fn recognize_web(document: &Value) -> Option<Result<LoadTest, ReadError>> {
    let entries = document.get("stats")?.as_array()?;
    let reported = |entry: &Value| {
        let by_time = count(entry.get("num_failures"))?;
        let p99 =
            ["response_time_percentile_0.99", "ninety_ninth_response_time"].iter().find_map(|key| entry.get(*key));
        let p99 = p99.and_then(decimal);
        let p99 = p99.ok_or_else(super::figures::no_requests);
        let failures = Some(Failures::by_time(by_time));
        Some(RequestFigures::reported(count(entry.get("num_requests")), failures, p99, Vec::new()))
    };
    let name = |entry: &Value, key| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_all = |entry: &&Value| ["Aggregated", "Total"].contains(&&*name(entry, "name"));
    let all = entries.iter().find(is_all).and_then(reported)?;
    let mut test = LoadTest::new(Format::Locust, Some(Unit::Milliseconds), all);
    for entry in entries.iter().filter(|entry| !is_all(entry)) {
        let key = format!("{} {}", name(entry, "method"), name(entry, "name"));
        test.endpoints.extend(reported(entry).map(|figures| (key.trim().to_owned(), figures)));
    }
    Some(Ok(test))
}
