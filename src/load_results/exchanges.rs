//! The requests of a load that this program sends itself, one by one, and their figures.

use std::{collections::BTreeMap, time::Duration};

use super::{
    figures::{P99, RequestFigures},
    samples::SamplesByEndpoint,
};
use crate::values::{clip, decimal::Decimal, thousands};

/// The most kinds of failures that are counted apart.
const MOST_FAILURES: usize = 20;
/// The most characters of a failure.
const LONGEST_FAILURE: usize = 120;
/// How many kinds of failures a message names.
const NAMED_FAILURES: usize = 3;

/// One request, from the time at which it was due to the last byte of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When it was due, since the begin of the run.
    pub due: Duration,
    /// How much later than that this machine began with it.
    pub late: Duration,
    /// From when it was due to its end. So a request that waits behind a slow one counts its wait.
    pub latency: Duration,
    pub end: ExchangeEnd,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeEnd {
    /// With a complete response.
    Status(u16),
    /// Without one, and why: raw, parts of it may come from the server.
    Failed(String),
    /// Before it reached the network, and why: this machine could not send it, which says nothing about the server.
    NotSent(String),
}

impl ExchangeEnd {
    /// Why it counts as failed. A redirect does, too: it is not the page that was to be measured.
    fn failure(&self) -> Option<String> {
        match self {
            Self::Status(200..=299) => None,
            Self::Status(status) => Some(format!("status {status}")),
            Self::Failed(why) | Self::NotSent(why) => Some(clip(why, LONGEST_FAILURE)),
        }
    }
}

/// Takes the requests of one run as they end.
#[derive(Debug)]
pub struct ExchangeRecorder {
    /// Requests that were due before this open the connections, and do not count.
    lead_in: Duration,
    /// How long a request may take.
    timeout: Duration,
    latencies: SamplesByEndpoint,
    lateness: SamplesByEndpoint,
    requests: u64,
    failures: BTreeMap<String, u64>,
    not_sent: Option<NotSent>,
}

/// Requests that this machine could not send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSent {
    pub requests: u64,
    /// Why the first of them could not be sent.
    pub why: String,
}

/// What one run measured.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedRun {
    /// In milliseconds.
    pub figures: RequestFigures,
    /// How late this machine sent its requests, at the 99th percentile, in milliseconds.
    pub p99_late: f64,
    /// How its requests failed, in a few words; `None` if none did.
    pub failures: Option<String>,
    /// If this machine could not send all requests, the run is no measurement.
    pub not_sent: Option<NotSent>,
}

impl ExchangeRecorder {
    #[must_use]
    pub fn new(lead_in: Duration, timeout: Duration) -> Self {
        Self {
            lead_in,
            timeout,
            latencies: SamplesByEndpoint::default(),
            lateness: SamplesByEndpoint::default(),
            requests: 0,
            failures: BTreeMap::new(),
            not_sent: None,
        }
    }

    pub fn add(&mut self, exchange: &Exchange) {
        if let ExchangeEnd::NotSent(why) = &exchange.end {
            let first = || NotSent { requests: 0, why: clip(why, LONGEST_FAILURE) };
            self.not_sent.get_or_insert_with(first).requests += 1;
        }
        if exchange.due < self.lead_in {
            return;
        }
        let failure = exchange.end.failure();
        self.requests += 1;
        self.latencies.of("").record(milliseconds(exchange.latency), failure.is_some());
        self.lateness.of("").add(milliseconds(exchange.late));
        let Some(failure) = failure else { return };
        if self.failures.len() < MOST_FAILURES || self.failures.contains_key(&failure) {
            *self.failures.entry(failure).or_default() += 1;
        } else {
            *self.failures.entry("other failures".to_owned()).or_default() += 1;
        }
    }

    /// What is known so far, in one line.
    #[must_use]
    pub fn progress(&self) -> String {
        let failed = self.describe_failures().map(|failures| format!(", of which failed: {failures}"));
        format!("{} requests{}", thousands(self.requests), failed.unwrap_or_default())
    }

    /// `12 with status 503, 3 with connection refused`.
    fn describe_failures(&self) -> Option<String> {
        let mut kinds: Vec<(&String, u64)> = self.failures.iter().map(|(failure, count)| (failure, *count)).collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let named: Vec<String> = kinds
            .iter()
            .take(NAMED_FAILURES)
            .map(|(failure, count)| format!("{} × {failure}", thousands(*count)))
            .collect();
        let more = if kinds.len() > NAMED_FAILURES { ", …" } else { "" };
        (!named.is_empty()).then(|| format!("{}{more}", named.join(", ")))
    }

    /// The figures of the run. A failed request ranks above every success, and counts for as long as a request may take.
    #[must_use]
    pub fn finish(self) -> RecordedRun {
        let failures = self.describe_failures();
        let longest = Decimal::from_f64(milliseconds(self.timeout)).unwrap_or(Decimal::ZERO);
        let mut figures = self.latencies.into_figures().0;
        if let P99::OfFailed { at_least } = figures.p99 {
            let p99 = at_least.max(longest);
            figures.p99 = P99::Between { low: p99, high: Some(p99) };
        }
        let lateness = self.lateness.into_figures().0;
        let p99_late = lateness.least_p99().map_or(0.0, Decimal::to_f64);
        RecordedRun { figures, p99_late, failures, not_sent: self.not_sent }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TIMEOUT: Duration = Duration::from_secs(10);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn exchange(due: u64, latency: u64, end: ExchangeEnd) -> Exchange {
        Exchange { due: ms(due), late: Duration::ZERO, latency: ms(latency), end }
    }

    fn run(exchanges: &[Exchange]) -> RecordedRun {
        let mut recorder = ExchangeRecorder::new(SECOND, TIMEOUT);
        for exchange in exchanges {
            recorder.add(exchange);
        }
        recorder.finish()
    }

    fn p99(run: &RecordedRun) -> f64 {
        match run.figures.p99 {
            P99::Between { low, high } if high == Some(low) => low.to_f64(),
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_p99_is_one_of_the_latencies_and_the_lead_in_does_not_count() {
        let ok = ExchangeEnd::Status(200);
        let counted = (1..=200).map(|latency| exchange(1000 + latency, latency, ok.clone()));
        let lead_in = (0..50).map(|due| exchange(due, 9000, ExchangeEnd::Status(500)));
        let run = run(&lead_in.chain(counted).collect::<Vec<_>>());
        assert_eq!((p99(&run), run.figures.requests, run.figures.failures), (198.0, Some(200), Some(0)));
        assert_eq!((run.failures, run.not_sent), (None, None));
    }

    #[test]
    fn failed_requests_are_slower_than_every_success_however_fast_they_fail() {
        let end = |number: u64| match number {
            0 => ExchangeEnd::Status(503),
            1 => ExchangeEnd::Status(302),
            2 => ExchangeEnd::Failed("connection refused".to_owned()),
            _ => ExchangeEnd::Status(204),
        };
        let exchanges = |failed: u64| -> Vec<Exchange> {
            (3 - failed..203 - failed).map(|number| exchange(2000, number.max(1), end(number))).collect()
        };
        // 2 of 200 are the slowest hundredth.
        let two = run(&exchanges(2));
        assert_eq!((p99(&two), two.figures.failures), (200.0, Some(2)));
        // The 198th is a failure, which counts for as long as a request may take.
        let three = run(&exchanges(3));
        assert_eq!((p99(&three), three.figures.failures), (10_000.0, Some(3)));
        assert_eq!(three.failures.as_deref(), Some("1 × connection refused, 1 × status 302, 1 × status 503"));
    }

    #[test]
    fn a_request_that_was_not_sent_is_counted_also_in_the_lead_in() {
        let not_sent = |due| exchange(due, 1, ExchangeEnd::NotSent("Too many open files".to_owned()));
        let run = run(&[not_sent(0), not_sent(2000), exchange(2000, 1, ExchangeEnd::Status(200))]);
        assert_eq!(run.not_sent, Some(NotSent { requests: 2, why: "Too many open files".to_owned() }));
        assert_eq!(run.figures.requests, Some(2), "the one of the lead-in is in no figure");
    }

    #[test]
    fn many_kinds_of_failures_stay_bounded() {
        let mut recorder = ExchangeRecorder::new(Duration::ZERO, TIMEOUT);
        for number in 0..1000 {
            recorder.add(&exchange(0, 1, ExchangeEnd::Failed(format!("port {number}"))));
        }
        assert_eq!(recorder.failures.len(), MOST_FAILURES + 1);
        assert!(recorder.progress().starts_with("1,000 requests, of which failed: 980 × other failures, "));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "whole milliseconds")]
    fn how_late_this_machine_was_is_kept_apart() {
        let late = |number: u64| Exchange { late: ms(number), ..exchange(2000, 500, ExchangeEnd::Status(200)) };
        assert_eq!(run(&(1..=100).map(late).collect::<Vec<_>>()).p99_late, 99.0);
        assert_eq!(run(&[]).p99_late, 0.0);
        assert!(matches!(run(&[]).figures.p99, P99::Missing { .. }));
    }
}
