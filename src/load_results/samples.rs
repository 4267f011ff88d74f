//! Latencies of single requests, in little memory, with an exact p99.
//!
//! The p99 of n requests is X(ceil(.99 n)), one of the measured values. A histogram with fixed buckets would give a value near
//! it, and two values near a limit would compare by chance. So every distinct latency is kept with its count. Above a million
//! distinct latencies, which no limit can tell apart, they are rounded up to 17 bits, less than a hundred-thousandth.

use std::collections::{BTreeMap, HashMap};

use super::figures::{P99, RequestFigures, no_requests, percentiles_of, rank_of_p99};
use crate::values::decimal::Decimal;

/// The distinct latencies of a load test that are kept exactly; 12 bytes each.
const MOST_EXACT: usize = 1_000_000;
/// How many latencies are collected before they are counted.
const BATCH: usize = 1 << 15;
/// The bits of a double that rounding drops, at first and at each further step.
const DROPPED_AT_FIRST: u32 = 35;
const DROPPED_MORE: u32 = 3;
/// At most this many bits are dropped: 8 remain, four thousandths.
const DROPPED_AT_MOST: u32 = 44;

/// The latencies of some requests. Doubles of at least zero sort as their bits do.
#[derive(Debug, Default)]
pub(super) struct Samples {
    batch: Vec<(u64, u32)>,
    values: Vec<u64>,
    counts: Vec<u32>,
    successes: u64,
    failures: u64,
    slowest_failure: Option<u64>,
    dropped: u32,
}

impl Samples {
    /// Adds a request that succeeded. The caller checks that the latency is finite and not negative.
    pub(super) fn add(&mut self, latency: f64) {
        self.add_times(latency, 1);
    }

    /// Adds a request, failed or not.
    pub(super) fn record(&mut self, latency: f64, failed: bool) {
        if failed {
            self.add_failed(Some(latency));
        } else {
            self.add(latency);
        }
    }

    /// Adds a request that failed after this time.
    pub(super) fn add_failed(&mut self, latency: Option<f64>) {
        self.failures += 1;
        self.slowest_failure = self.slowest_failure.max(latency.map(bits));
    }

    /// Adds several requests of the same latency.
    pub(super) fn add_times(&mut self, latency: f64, times: u64) {
        let mut left = times;
        while left > 0 {
            let part = u32::try_from(left).unwrap_or(u32::MAX);
            self.batch.push((round_up(bits(latency), self.dropped), part));
            left -= u64::from(part);
        }
        self.successes += times;
        if self.batch.len() >= BATCH {
            self.count_batch();
        }
    }

    /// Takes over the requests of `other`.
    fn absorb(&mut self, mut other: Self) {
        other.count_batch();
        while self.dropped < other.dropped {
            self.round();
        }
        self.count_batch();
        let dropped = self.dropped;
        let rounded = other.values.iter().map(|value| round_up(*value, dropped));
        self.merge(rounded.zip(other.counts.iter().copied()));
        self.successes += other.successes;
        self.failures += other.failures;
        self.slowest_failure = self.slowest_failure.max(other.slowest_failure);
    }

    /// How many distinct latencies are kept.
    pub(super) const fn distinct(&self) -> usize {
        self.values.len() + self.batch.len()
    }

    pub(super) const fn requests(&self) -> u64 {
        self.successes + self.failures
    }

    /// Rounds the latencies to fewer bits.
    pub(super) fn round(&mut self) {
        self.count_batch();
        self.dropped =
            if self.dropped == 0 { DROPPED_AT_FIRST } else { self.dropped + DROPPED_MORE }.min(DROPPED_AT_MOST);
        let values = std::mem::take(&mut self.values);
        let counts = std::mem::take(&mut self.counts);
        for (value, count) in values.into_iter().zip(counts) {
            let value = round_up(value, self.dropped);
            push(&mut self.values, &mut self.counts, value, count);
        }
    }

    /// The figures, in which failed requests rank above every success.
    pub(super) fn figures(&mut self) -> RequestFigures {
        self.count_batch();
        let requests = self.requests();
        let p99 = match self.value_at(rank_of_p99(requests)) {
            Some(latency) => P99::Between { low: latency, high: Some(latency) },
            None if requests == 0 => no_requests(),
            None => P99::OfFailed { at_least: self.slowest() },
        };
        let slowest = Some(self.slowest()).filter(|_| requests > 0);
        // Failed requests are above every success; the slowest of all is the maximum.
        let percentiles = percentiles_of(requests, |rank| if rank == requests { slowest } else { self.value_at(rank) });
        let (requests, failures) = (Some(requests), Some(self.failures));
        RequestFigures { requests, failures, unanswered: 0, p99, percentiles }
    }

    /// The slowest request, failed or not.
    fn slowest(&self) -> Decimal {
        self.values.last().copied().max(self.slowest_failure).map_or(Decimal::ZERO, decimal)
    }

    /// The success with this rank, counted from 1.
    fn value_at(&self, rank: u64) -> Option<Decimal> {
        let mut seen = 0_u64;
        let mut counted = self.values.iter().zip(&self.counts);
        let found = counted.find(|(_, count)| {
            seen += u64::from(**count);
            seen >= rank
        });
        found.map(|(value, _)| decimal(*value)).filter(|_| rank > 0)
    }

    fn count_batch(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        batch.sort_unstable();
        self.merge(batch.into_iter());
    }

    /// Merges values with their counts, in ascending order, into the sorted ones.
    fn merge(&mut self, added: impl ExactSizeIterator<Item = (u64, u32)>) {
        if added.len() == 0 {
            return;
        }
        let size = self.values.len() + added.len();
        let (mut values, mut counts) = (Vec::with_capacity(size), Vec::with_capacity(size));
        let mut added = added.peekable();
        for (value, count) in self.values.iter().copied().zip(self.counts.iter().copied()) {
            while let Some((value, count)) = added.next_if(|(other, _)| *other < value) {
                push(&mut values, &mut counts, value, count);
            }
            push(&mut values, &mut counts, value, count);
        }
        for (value, count) in added {
            push(&mut values, &mut counts, value, count);
        }
        (self.values, self.counts) = (values, counts);
    }
}

/// Appends a value that is not less than the last one.
fn push(values: &mut Vec<u64>, counts: &mut Vec<u32>, value: u64, count: u32) {
    if let (Some(last), Some(counted)) = (values.last(), counts.last_mut())
        && *last == value
        && let Some(sum) = counted.checked_add(count)
    {
        *counted = sum;
        return;
    }
    values.push(value);
    counts.push(count);
}

fn bits(latency: f64) -> u64 {
    // -0.0 is a zero, too.
    if latency == 0.0 { 0 } else { latency.to_bits() }
}

const fn round_up(bits: u64, dropped: u32) -> u64 {
    let mask = (1_u64 << dropped) - 1;
    bits.saturating_add(mask) & !mask
}

fn decimal(bits: u64) -> Decimal {
    Decimal::from_f64(f64::from_bits(bits)).unwrap_or(Decimal::ZERO)
}

/// The samples of a load test by endpoint, within a bound of memory.
#[derive(Debug, Default)]
pub(super) struct SamplesByEndpoint {
    named: Vec<Samples>,
    /// Of requests without a name, and of names above the bound.
    others: Samples,
    index: HashMap<Box<str>, usize>,
    pub(super) cut: bool,
    since_check: usize,
    dropped: u32,
}

/// The most endpoints that are kept apart.
pub(super) const MOST_ENDPOINTS: usize = 500;

impl SamplesByEndpoint {
    /// The samples of an endpoint; an empty name has none.
    pub(super) fn of(&mut self, name: &str) -> &mut Samples {
        self.since_check += 1;
        if self.since_check >= BATCH {
            self.since_check = 0;
            self.bound();
        }
        if name.is_empty() {
            return &mut self.others;
        }
        if let Some(at) = self.index.get(name) {
            return &mut self.named[*at];
        }
        if self.named.len() >= MOST_ENDPOINTS {
            self.cut = true;
            return &mut self.others;
        }
        let samples = Samples { dropped: self.dropped, ..Samples::default() };
        self.index.insert(name.into(), self.named.len());
        self.named.push(samples);
        let last = self.named.len() - 1;
        &mut self.named[last]
    }

    /// Rounds all latencies when there are too many distinct ones.
    fn bound(&mut self) {
        let distinct = |kept: &Self| kept.named.iter().map(Samples::distinct).sum::<usize>() + kept.others.distinct();
        if distinct(self) <= MOST_EXACT {
            return;
        }
        self.named.iter_mut().for_each(Samples::count_batch);
        self.others.count_batch();
        if distinct(self) > MOST_EXACT {
            self.named.iter_mut().for_each(Samples::round);
            self.others.round();
            self.dropped = self.others.dropped;
        }
    }

    /// The figures over all requests, and by endpoint.
    pub(super) fn into_figures(self) -> (RequestFigures, BTreeMap<String, RequestFigures>) {
        let mut named: Vec<Option<Samples>> = self.named.into_iter().map(Some).collect();
        let mut all = self.others;
        let mut endpoints = BTreeMap::new();
        for (name, at) in self.index {
            let Some(mut samples) = named.get_mut(at).and_then(Option::take) else { continue };
            endpoints.insert(name.into(), samples.figures());
            all.absorb(samples);
        }
        (all.figures(), endpoints)
    }
}
