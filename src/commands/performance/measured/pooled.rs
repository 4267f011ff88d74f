//! The p99 over the requests of all runs of a side together. No verdict rests on it, because the requests of one run share its
//! noise; but a stall that is rarer than a run is in the p99 of few runs, and shows here.

use super::{PairSeries, Part, PartFigures, RunSide};

/// Both sides, if the results tell enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PooledP99 {
    pub target: f64,
    pub baseline: f64,
}

impl PooledP99 {
    /// Over all requests of all pairs; `None` before the second pair, and if a run has no maximum or no number of requests.
    #[must_use]
    pub fn of(measurement: &PairSeries) -> Option<Self> {
        let side = |side: RunSide| {
            let blocks = measurement.pairs.iter().map(|pair| match side {
                RunSide::Target => &pair.target,
                RunSide::Baseline => &pair.baseline,
            });
            let runs = blocks.map(|block| Tail::of(block.parts.get(&Part::All)?)).collect::<Option<Vec<_>>>()?;
            (runs.len() > 1).then(|| p99(&runs))
        };
        Some(Self { target: side(RunSide::Target)?, baseline: side(RunSide::Baseline)? })
            .filter(|pooled| pooled.baseline > 0.0)
    }

    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.target / self.baseline
    }
}

/// How many requests of one run are slower than a latency.
struct Tail<'a> {
    requests: f64,
    percentiles: &'a [(f64, f64)],
}

impl<'a> Tail<'a> {
    fn of(figures: &'a PartFigures) -> Option<Self> {
        let percentiles = figures.percentiles.as_slice();
        let is_told = percentiles.len() > 1 && percentiles.last().is_some_and(|(share, _)| *share >= 1.0);
        #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^53")]
        let requests = figures.requests.filter(|requests| *requests > 0 && is_told)? as f64;
        Some(Self { requests, percentiles })
    }

    /// Between two percentiles the share of slower requests falls by the same factor with each millisecond, as in an exponential
    /// tail; at the maximum half a request is left.
    fn slower(&self, latency: f64) -> f64 {
        let after = self.percentiles.partition_point(|(_, own)| *own <= latency);
        let above = |(share, _): (f64, f64)| (1.0 - share).max(0.5 / self.requests);
        let Some((next, at_next)) = self.percentiles.get(after).map(|next| (above(*next), next.1)) else { return 0.0 };
        let Some((last, at_last)) =
            after.checked_sub(1).map(|last| self.percentiles[last]).map(|last| (above(last), last.1))
        else {
            return self.requests;
        };
        let way = (latency - at_last) / (at_next - at_last);
        self.requests * last * (next / last).powf(way)
    }
}

/// The smallest latency that at most a hundredth of all requests exceed.
fn p99(runs: &[Tail<'_>]) -> f64 {
    let all: f64 = runs.iter().map(|run| run.requests).sum();
    let exceeded = |latency: f64| runs.iter().map(|run| run.slower(latency)).sum::<f64>() > all * 0.01;
    let slowest = runs.iter().filter_map(|run| run.percentiles.last()).map(|(_, slowest)| *slowest).fold(0.0, f64::max);
    let (mut low, mut high) = (0.0, slowest);
    while high - low > high * 1e-6 {
        let middle = f64::midpoint(low, high);
        if exceeded(middle) { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(percentiles: &[(f64, f64)]) -> PartFigures {
        PartFigures {
            requests: Some(1000),
            failures: Some(0),
            p99: Ok(super::super::Range { low: 1.0, high: Some(1.0) }),
            percentiles: percentiles.to_vec(),
        }
    }

    const CALM: [(f64, f64); 5] = [(0.5, 20.0), (0.95, 40.0), (0.99, 60.0), (0.999, 80.0), (1.0, 90.0)];
    /// A tenth of the requests wait for a stall.
    const STALLED: [(f64, f64); 6] =
        [(0.5, 20.0), (0.9, 35.0), (0.95, 300.0), (0.99, 460.0), (0.999, 495.0), (1.0, 500.0)];

    fn pooled(runs: &[&[(f64, f64)]]) -> f64 {
        let figures: Vec<PartFigures> = runs.iter().map(|percentiles| run(percentiles)).collect();
        let tails: Option<Vec<Tail<'_>>> = figures.iter().map(Tail::of).collect();
        p99(&tails.expect("enough is told"))
    }

    #[test]
    fn equal_runs_have_the_p99_of_each() {
        let p99 = pooled(&[&CALM, &CALM, &CALM]);
        assert!((p99 - 60.0).abs() < 0.01, "{p99}");
    }

    #[test]
    fn a_stall_in_one_of_several_runs_shows() {
        // Of 5,000 requests the 50 slowest are in one run, half of those that waited there.
        let p99 = pooled(&[&CALM, &CALM, &STALLED, &CALM, &CALM]);
        assert!((250.0..330.0).contains(&p99), "{p99}");
    }

    #[test]
    fn what_tells_no_maximum_is_not_pooled() {
        assert!(Tail::of(&run(&CALM[..4])).is_none());
        assert!(Tail::of(&run(&[])).is_none());
        assert!(Tail::of(&PartFigures { requests: None, ..run(&CALM) }).is_none());
    }
}
