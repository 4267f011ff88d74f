//! The figures of a number of requests, and the range in which their p99 lies.

use crate::values::decimal::Decimal;

/// The figures of all requests, or of one endpoint's.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestFigures {
    /// How many requests were sent, the failed ones included; `None` if the source does not say.
    pub requests: Option<u64>,
    /// How many of them failed; `None` if the source does not say.
    pub failures: Option<u64>,
    pub failed: FailedRequests,
    pub p99: P99,
    /// The percentiles that the source tells, in ascending order; the 100th is the maximum.
    pub percentiles: Vec<Percentile>,
}

/// How the source counts failed requests among the latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedRequests {
    /// Above every success.
    AboveAll,
    /// By the time that they took: a refused connection is a fast one.
    AmongOthers,
    /// Not at all.
    LeftOut,
    /// The source does not say.
    Unknown,
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
    /// At least `low`, and at most `high`. They are equal when the source tells enough. `None`: no upper bound is known.
    Between { low: Decimal, high: Option<Decimal> },
    /// More than a hundredth of the requests failed, so the p99 is one of them: at least the slowest success.
    OfFailed { at_least: Decimal },
    /// There is none, with the reason and what to do.
    Missing { why: String, next: String },
}

impl RequestFigures {
    /// Of a source that tells percentiles. `p99` is what it says; the range follows from how it counts failed requests.
    pub(crate) fn told(
        requests: Option<u64>,
        failures: Option<u64>,
        failed: FailedRequests,
        p99: Result<Decimal, P99>,
        mut percentiles: Vec<Percentile>,
    ) -> Self {
        percentiles.sort_by_key(|percentile| percentile.percent);
        percentiles.dedup();
        let p99 = p99.map_or_else(|missing| missing, |told| range(told, requests, failures, failed, &percentiles));
        Self { requests, failures, failed, p99, percentiles }
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

    /// The share of failed requests, from 0 to 1.
    #[must_use]
    pub fn failure_rate(&self) -> Option<f64> {
        let (requests, failures) = self.requests.zip(self.failures)?;
        #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
        (requests > 0).then(|| failures as f64 / requests as f64)
    }
}

/// The range of the p99 when the source ranks failed requests by their time, or leaves them out.
fn range(
    told: Decimal,
    requests: Option<u64>,
    failures: Option<u64>,
    failed: FailedRequests,
    percentiles: &[Percentile],
) -> P99 {
    let exact = P99::Between { low: told, high: Some(told) };
    let (Some(requests), Some(failures)) = (requests.filter(|requests| *requests > 0), failures) else { return exact };
    if failures == 0 || matches!(failed, FailedRequests::AboveAll | FailedRequests::Unknown) {
        return exact;
    }
    let rank = rank_of_p99(requests);
    let successes = requests.saturating_sub(failures);
    let slowest = percentiles.last().filter(|last| last.percent == HUNDRED).map(|last| last.latency);
    if rank > successes {
        return P99::OfFailed { at_least: slowest.map_or(told, |slowest| slowest.max(told)) };
    }
    // The p99 is the success with this rank. The source ranks it among `ranked`, where at most `ahead` failed requests, the fast
    // ones, come before it.
    let (ahead, ranked) = match failed {
        FailedRequests::LeftOut => (0, successes),
        _ => (failures, requests),
    };
    let reaches = |percentile: &&Percentile| {
        // rank + ahead <= percent / 100 × ranked, exactly.
        let needed = Decimal::from(rank + ahead).times(HUNDRED);
        percentile.percent.times(Decimal::from(ranked)) >= needed
    };
    let high = percentiles.iter().find(reaches).map(|percentile| percentile.latency.max(told));
    P99::Between { low: told, high }
}

/// The rank of the p99 among so many requests, counted from 1: the smallest value that 99 % do not exceed.
pub(crate) const fn rank_of_p99(requests: u64) -> u64 {
    requests - requests / 100
}

const HUNDRED: Decimal = Decimal::whole(100);
