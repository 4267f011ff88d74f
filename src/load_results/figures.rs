//! The figures of a number of requests, and the range in which their p99 lies.

use crate::values::decimal::Decimal;

/// The figures of all requests, or of one endpoint's.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestFigures {
    /// How many requests were sent, the failed ones included; `None` if the source does not say.
    pub requests: Option<u64>,
    /// How many of them failed; `None` if the source does not say.
    pub failures: Option<u64>,
    /// How many more had no response when the load test ended than are usually on their way: a server that stalls answers none of
    /// the last ones. They did not fail, but rank above every success as well.
    pub unanswered: u64,
    pub p99: P99,
    /// The percentiles that the source reports, in ascending order; the 100th is the maximum.
    pub percentiles: Vec<Percentile>,
}

/// How many requests failed, by how the source counts them among its latencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Failures {
    /// Ranked by the time that they took: a refused connection is a fast one.
    pub(super) by_time: u64,
    /// Not among the latencies at all.
    pub(super) left_out: u64,
    /// Not failed, and not among the latencies either: see [`RequestFigures::unanswered`].
    pub(super) unanswered: u64,
}

impl Failures {
    pub(super) const fn by_time(by_time: u64) -> Self {
        Self::new(by_time, 0)
    }

    pub(super) const fn new(by_time: u64, left_out: u64) -> Self {
        Self { by_time, left_out, unanswered: 0 }
    }
}

/// A percentile and its latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentile {
    /// `99.9`; 100 is the maximum.
    pub percent: Decimal,
    pub latency: Decimal,
}

/// The p99 over all requests, in which a failed request ranks above every success.
#[derive(Clone, Debug, PartialEq)]
pub enum P99 {
    /// At least `low`, and at most `high`. They are equal when the source reports enough. `None`: no upper bound is known.
    Between { low: Decimal, high: Option<Decimal> },
    /// More than a hundredth of the requests failed, so the p99 is one of them: at least the slowest success.
    OfFailed { at_least: Decimal },
    /// There is none, with the reason and what to do.
    Missing { why: String, next: String },
}

impl P99 {
    pub(super) fn missing(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Missing { why: why.into(), next: next.into() }
    }

    const fn exactly(latency: Decimal) -> Self {
        Self::Between { low: latency, high: Some(latency) }
    }
}

impl RequestFigures {
    /// Of a source that has nothing else.
    #[must_use]
    pub const fn of_p99(p99: P99) -> Self {
        Self { requests: None, failures: None, unanswered: 0, p99, percentiles: Vec::new() }
    }

    /// Of a source with percentiles. `p99` is what it says; the range follows from how it counts failed requests.
    pub(super) fn reported(
        requests: Option<u64>,
        failures: Option<Failures>,
        p99: Result<Decimal, P99>,
        mut percentiles: Vec<Percentile>,
    ) -> Self {
        percentiles.sort_by_key(|percentile| percentile.percent);
        let slowest = percentiles.last().filter(|last| last.percent == HUNDRED).map(|last| last.latency);
        let p99 = match (p99, requests.filter(|requests| *requests > 0).zip(failures)) {
            (Err(missing), _) => missing,
            (Ok(reported), None) => P99::exactly(reported),
            (Ok(reported), Some((requests, failures))) => {
                let at_rank = |rank: u64, ranked: u64| {
                    // rank <= percent / 100 × ranked, exactly.
                    let needed = Decimal::from(rank).times(HUNDRED);
                    let reaches = |percentile: &&Percentile| percentile.percent.times(Decimal::from(ranked)) >= needed;
                    percentiles.iter().find(reaches).map(|percentile| percentile.latency)
                };
                range(reported, slowest, requests, failures, at_rank)
            }
        };
        let unanswered = failures.map_or(0, |failures| failures.unanswered);
        let failures = failures.map(|failures| failures.by_time + failures.left_out);
        Self { requests, failures, unanswered, p99, percentiles }
    }

    /// Of a source with the number of requests for each latency, in ascending order.
    pub(super) fn counted(histogram: &[(Decimal, u64)], failures: Option<Failures>) -> Self {
        let ranked: u64 = histogram.iter().map(|(_, count)| count).sum();
        let at_rank = |rank: u64| {
            let mut seen = 0_u64;
            histogram.iter().find(|(_, count)| {
                seen = seen.saturating_add(*count);
                seen >= rank
            })
        };
        let value = |rank: u64| at_rank(rank).map(|(latency, _)| *latency);
        let slowest = histogram.last().map(|(latency, _)| *latency);
        let requests = ranked + failures.map_or(0, |failures| failures.left_out);
        let p99 = match value(rank_of_p99(ranked)).filter(|_| ranked > 0) {
            None => no_requests(),
            Some(reported) => range(reported, slowest, requests, failures.unwrap_or_default(), |rank, _| value(rank)),
        };
        let percentiles = if ranked > 0 { percentiles_of(ranked, value) } else { Vec::new() };
        let failures = failures.map(|failures| failures.by_time + failures.left_out);
        Self { requests: Some(requests), failures, unanswered: 0, p99, percentiles }
    }

    /// The p99, or the least that it can be.
    #[must_use]
    pub const fn least_p99(&self) -> Option<Decimal> {
        match self.p99 {
            P99::Between { low, .. } => Some(low),
            P99::OfFailed { at_least } => Some(at_least),
            P99::Missing { .. } => None,
        }
    }

    /// The least and the most that the p99 can be; `None` for the most if nothing bounds it.
    #[must_use]
    pub const fn p99_bounds(&self) -> Option<(Decimal, Option<Decimal>)> {
        match self.p99 {
            P99::Between { low, high } => Some((low, high)),
            P99::OfFailed { at_least } => Some((at_least, None)),
            P99::Missing { .. } => None,
        }
    }

    /// The same with every latency changed, for another unit.
    #[must_use]
    pub fn map_latencies(mut self, change: impl Fn(Decimal) -> Decimal) -> Self {
        match &mut self.p99 {
            P99::Between { low, high } => {
                *low = change(*low);
                *high = high.map(&change);
            }
            P99::OfFailed { at_least } => *at_least = change(*at_least),
            P99::Missing { .. } => {}
        }
        for percentile in &mut self.percentiles {
            percentile.latency = change(percentile.latency);
        }
        self
    }

    /// The share of failed requests, from 0 to 1.
    #[must_use]
    pub fn failure_rate(&self) -> Option<f64> {
        let (requests, failures) = self.requests.zip(self.failures)?;
        share(failures, requests)
    }

    /// The share of requests that rank above every success, from 0 to 1.
    #[must_use]
    pub fn unranked_rate(&self) -> Option<f64> {
        let (requests, failures) = self.requests.zip(self.failures)?;
        share(failures + self.unanswered, requests)
    }
}

/// The range of the p99, in which failed requests rank above every success, when a source says `reported`. `at_rank` is the value
/// with this rank among so many.
fn range(
    reported: Decimal,
    slowest: Option<Decimal>,
    requests: u64,
    failures: Failures,
    at_rank: impl Fn(u64, u64) -> Option<Decimal>,
) -> P99 {
    let by_time = failures.by_time;
    let left_out = failures.left_out + failures.unanswered;
    let rank = rank_of_p99(requests);
    if by_time + left_out == 0 {
        P99::exactly(reported)
    } else if rank > requests.saturating_sub(by_time + left_out) {
        P99::OfFailed { at_least: slowest.map_or(reported, |slowest| slowest.max(reported)) }
    } else {
        // The success with this rank. At most `by_time` failed requests, the fast ones, come before it.
        let high = at_rank(rank + by_time, requests - left_out).map(|latency| latency.max(reported));
        P99::Between { low: reported, high }
    }
}

fn share(part: u64, requests: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
    (requests > 0).then(|| part as f64 / requests as f64)
}

/// The rank of the p99 among so many requests, counted from 1: the smallest value that 99 % do not exceed.
pub(super) const fn rank_of_p99(requests: u64) -> u64 {
    requests - requests / 100
}

/// The percentiles of so many requests, from the value with each rank; the last one is the maximum.
pub(super) fn percentiles_of(requests: u64, value_at: impl Fn(u64) -> Option<Decimal>) -> Vec<Percentile> {
    const THOUSANDTHS: [u64; 9] = [500, 750, 900, 950, 975, 990, 995, 999, 1000];
    let percentile = |thousandths: u64| {
        let rank = u64::try_from((u128::from(requests) * u128::from(thousandths)).div_ceil(1000)).ok()?;
        Some(Percentile { percent: Decimal::whole(thousandths).shifted(-1), latency: value_at(rank)? })
    };
    THOUSANDTHS.into_iter().filter_map(percentile).collect()
}

pub(super) fn no_requests() -> P99 {
    P99::missing(
        "the load test measured no request",
        "see what the load test did: it must send requests and receive responses",
    )
}

const HUNDRED: Decimal = Decimal::whole(100);
