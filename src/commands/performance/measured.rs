//! What the runs of a load test measured, in pairs: one run on the target and one on the baseline target.

pub mod criteria;
pub mod judge;
mod pooled;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{endpoints::is_far_fewer, latencies::Latencies, measurement::Measurement, paired::Pair, sessions::to_ms};
use crate::{
    baselines::SessionFigures,
    load_results::{P99, Percentile, RequestFigures, Unit},
    values::{decimal::Decimal, figures::rounded, thousands},
};

/// What has a p99: all requests, or those of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    All,
    Endpoint(String),
}

impl fmt::Display for Part {
    /// The check in messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("p99"),
            Self::Endpoint(name) => write!(f, "p99 of {name}"),
        }
    }
}

/// The figures of some requests of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct PartFigures {
    /// `None` if the load test does not say.
    pub requests: Option<u64>,
    pub failures: Option<u64>,
    /// The p99 over all requests, or why there is none and what to do.
    pub p99: Result<Range, (String, String)>,
    /// The share of requests up to each latency, and the latency.
    pub percentiles: Vec<(f64, f64)>,
}

/// In which the p99 lies: a format that ranks failed requests among the others leaves it open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f64,
    /// `None`: unbounded.
    pub high: Option<f64>,
}

/// One run of the load test.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub parts: BTreeMap<Part, PartFigures>,
    /// Where the requests went, as far as the load test reports them.
    pub target: Option<String>,
    /// How requests failed, in a few words, as far as it is known.
    pub failures: Option<String>,
}

impl Block {
    /// Of what one run wrote.
    #[must_use]
    pub fn of_run(run: &Measurement) -> Self {
        let share = |percentile: &Percentile| (percentile.percent.shifted(-2).to_f64(), percentile.latency.to_f64());
        let part = |figures: &RequestFigures| PartFigures {
            requests: figures.requests,
            failures: figures.failures,
            percentiles: figures.percentiles.iter().map(share).collect(),
            p99: match &figures.p99 {
                P99::Between { low, high } => Ok(Range { low: low.to_f64(), high: high.map(Decimal::to_f64) }),
                // Failed requests rank above every success: the p99 is one of them, and no shorter than the slowest success.
                P99::OfFailed { at_least } => Ok(Range { low: at_least.to_f64(), high: None }),
                P99::Missing { why, next } => Err((why.clone(), next.clone())),
            },
        };
        let endpoints = run.endpoints.iter().map(|(name, figures)| (Part::Endpoint(name.clone()), part(figures)));
        Self {
            parts: endpoints.chain([(Part::All, part(&run.all))]).collect(),
            target: run.profile.target.clone(),
            failures: None,
        }
    }

    /// The whole in a few words, for the log.
    #[must_use]
    pub fn summary(&self, unit: Unit) -> String {
        let Some(PartFigures { requests, p99: Ok(Range { low, .. }), .. }) = self.parts.get(&Part::All) else {
            return "no p99".to_owned();
        };
        let requests = requests.map(|requests| format!(" of {} requests", thousands(requests))).unwrap_or_default();
        format!("p99 {} {unit}{requests}", rounded(*low))
    }

    /// The p99 of a part that enough requests have.
    fn judged(&self, part: &Part, fewest: u64) -> Option<Range> {
        let figures = self.parts.get(part)?;
        let enough = figures.requests.is_none_or(|requests| requests >= fewest);
        figures.p99.as_ref().ok().filter(|_| enough).copied()
    }
}

/// The side that a run measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunSide {
    Target,
    Baseline,
}

impl fmt::Display for RunSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Target => "target",
            Self::Baseline => "baseline target",
        })
    }
}

/// The coin of each pair: bit by bit, from the lowest on. A set bit means that the target is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoinSeed(pub u64);

impl CoinSeed {
    /// The sides of a pair in order; `pair` counts from 0.
    #[must_use]
    pub const fn order(self, pair: usize) -> [RunSide; 2] {
        if self.0 >> (pair % 64) & 1 == 1 {
            [RunSide::Target, RunSide::Baseline]
        } else {
            [RunSide::Baseline, RunSide::Target]
        }
    }
}

impl fmt::Display for CoinSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Two runs that are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockPair {
    pub target: Block,
    pub baseline: Block,
}

/// The warm-up, which only settles what is judged, and the pairs in the order in which they were measured.
#[derive(Clone, Debug, PartialEq)]
pub struct PairSeries {
    pub seed: CoinSeed,
    /// The fewest requests of a run whose p99 counts.
    pub fewest: u64,
    /// Fixed by the warm-up, before the first look.
    pub parts: Vec<Part>,
    /// An endpoint that all requests belong to.
    pub single: Option<Part>,
    /// What is not judged, with the reason.
    pub left_out: BTreeMap<Part, String>,
    /// What the baseline target has enough requests of, and the target none or less than a tenth: it was not measured.
    pub lost: BTreeSet<Part>,
    pub pairs: Vec<BlockPair>,
}

impl PairSeries {
    /// Settles from the warm-up what is judged: all requests, and every endpoint that has enough of them on both sides.
    #[must_use]
    pub fn new(seed: CoinSeed, fewest: u64, warm_up: &BlockPair) -> Self {
        let mut parts = vec![Part::All];
        let (mut left_out, mut lost) = (BTreeMap::new(), BTreeSet::new());
        let known = warm_up.target.parts.keys().chain(warm_up.baseline.parts.keys());
        let names: BTreeSet<&Part> = known.filter(|part| **part != Part::All).collect();
        for part in names {
            if is_lost(warm_up, part, fewest) {
                lost.insert(part.clone());
            }
            match [(&warm_up.target, RunSide::Target), (&warm_up.baseline, RunSide::Baseline)]
                .into_iter()
                .find_map(|(block, side)| too_few(block, part, fewest, side))
            {
                Some(why) => drop(left_out.insert(part.clone(), why)),
                None => parts.push(part.clone()),
            }
        }
        // A single endpoint is the same as all requests.
        let single = if parts.len() == 2 && left_out.is_empty() { parts.pop() } else { None };
        Self { seed, fewest, parts, single, left_out, lost, pairs: Vec::new() }
    }

    /// Adds a pair. An endpoint that has too few requests in it is not judged any more.
    pub fn add(&mut self, pair: BlockPair) {
        self.lost.extend(self.parts.iter().filter(|part| is_lost(&pair, part, self.fewest)).cloned());
        for (block, side) in [(&pair.target, RunSide::Target), (&pair.baseline, RunSide::Baseline)] {
            for part in self.parts.iter().filter(|part| **part != Part::All) {
                if let Some(why) = too_few(block, part, self.fewest, side) {
                    self.left_out.entry(part.clone()).or_insert(why);
                }
            }
        }
        self.pairs.push(pair);
    }

    /// The pairs of a part, read so that the target is as fast as the results allow, or as slow. `None` if a figure is no
    /// number over zero, or has no bound.
    fn read_pairs(&self, part: &Part, target_is_slow: bool) -> Option<Vec<Pair>> {
        let end = |range: Range, high: bool| if high { range.high } else { Some(range.low) };
        let read = |pair: &BlockPair| {
            let (target, baseline) = (pair.target.judged(part, self.fewest)?, pair.baseline.judged(part, self.fewest)?);
            Pair::new(end(target, target_is_slow)?, end(baseline, !target_is_slow)?)
        };
        self.pairs.iter().map(read).collect()
    }
}

/// The median p99 of some runs, for all requests and each endpoint that has enough of them in every run. `None` if a p99 has no
/// upper bound: failed requests make it slower than the results say.
#[must_use]
pub fn session_of(blocks: &[Block], fewest: u64, unit: Unit) -> Option<SessionFigures> {
    let median = |part: &Part| {
        let mut figures = blocks.iter().map(|block| block.judged(part, fewest)?.high).collect::<Option<Vec<f64>>>()?;
        figures.sort_unstable_by(f64::total_cmp);
        let count = figures.len();
        (count > 0).then(|| to_ms(f64::midpoint(figures[(count - 1) / 2], figures[count / 2]), unit))
    };
    let mut session = SessionFigures { all: median(&Part::All)?, ..SessionFigures::default() };
    for part in blocks.first()?.parts.keys() {
        if let (Part::Endpoint(name), Some(figure)) = (part, median(part)) {
            session.endpoints.insert(name.clone(), figure);
        }
    }
    Some(latencies_of(blocks).into_session(session, unit))
}

/// The endpoints that are not judged because a run has too few requests of them, with that number. Under a tenth of what is needed
/// they count as lost instead.
#[must_use]
pub fn short_of_requests(blocks: &[Block], fewest: u64) -> BTreeMap<String, u64> {
    let least = |part: &Part| {
        let requests = blocks.iter().map(|block| block.parts.get(part)?.requests).collect::<Option<Vec<u64>>>()?;
        requests.into_iter().min().filter(|least| *least < fewest && !is_far_fewer(*least, fewest))
    };
    let parts = blocks.first().into_iter().flat_map(|block| block.parts.keys());
    parts
        .filter_map(|part| match part {
            Part::All => None,
            Part::Endpoint(name) => Some((name.clone(), least(part)?)),
        })
        .collect()
}

/// What some runs measured of all requests.
pub fn latencies_of<'b>(blocks: impl IntoIterator<Item = &'b Block>) -> Latencies {
    Latencies::of_runs(blocks.into_iter().filter_map(|block| {
        let PartFigures { requests, failures, p99, percentiles } = block.parts.get(&Part::All)?;
        Some((percentiles.as_slice(), p99.as_ref().ok().map(|range| range.low), *requests, *failures))
    }))
}

/// Whether the baseline target has enough requests of an endpoint, and the target none, or too few and less than a tenth of them.
fn is_lost(pair: &BlockPair, part: &Part, fewest: u64) -> bool {
    let requests = |block: &Block| block.parts.get(part).and_then(|figures| figures.requests);
    let hardly_any = requests(&pair.target)
        .zip(requests(&pair.baseline))
        .is_some_and(|(sent, before)| sent < fewest && is_far_fewer(sent, before));
    (hardly_any || !pair.target.parts.contains_key(part)) && pair.baseline.judged(part, fewest).is_some()
}

/// Why an endpoint cannot be judged by this run, if it cannot.
fn too_few(block: &Block, part: &Part, fewest: u64, side: RunSide) -> Option<String> {
    if block.judged(part, fewest).is_some() {
        return None;
    }
    Some(match block.parts.get(part) {
        None => format!("not in the results of the {side}"),
        Some(PartFigures { p99: Err((why, _)), .. }) => format!("{why} ({side})"),
        Some(PartFigures { requests, .. }) => {
            format!("{} requests in a run on the {side}", requests.unwrap_or_default())
        }
    })
}
