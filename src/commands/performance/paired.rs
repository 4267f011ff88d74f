//! The paired rule: whether a target is slower than a baseline target by more than the limit, from runs in pairs.
//!
//! The requests of one run share the noise of that run, so a request is no unit: the unit is a pair, one run on each target.
//! The rule is the signed-rank test (Wilcoxon 1945) in the form of Walsh averages (Tukey; Hollander & Wolfe, chapter 3), with
//! the estimate of Hodges & Lehmann (1963) and looks whose budget is that of Lan & `DeMets` (1983). It needs differences that
//! are symmetric about their centre. A coin decides the order inside each pair: at equal speed that alone makes them symmetric.

mod looks;
mod walsh;

use crate::{error::ValueError, finding::Verdict};
use looks::{Look, schedule};
use walsh::WalshAverages;

pub use looks::ALPHA;

/// The figures of one pair, in the same unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    target: f64,
    baseline: f64,
}

impl Pair {
    /// `None` unless both figures are finite and over zero.
    #[must_use]
    pub fn new(target: f64, baseline: f64) -> Option<Self> {
        let usable = |figure: f64| figure.is_finite() && figure > 0.0;
        (usable(target) && usable(baseline)).then_some(Self { target, baseline })
    }

    #[must_use]
    pub const fn target(self) -> f64 {
        self.target
    }

    #[must_use]
    pub const fn baseline(self) -> f64 {
        self.baseline
    }
}

/// The most pairs. The rule looks after 6, 12, 24 and 48 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPairs(usize);

impl MaxPairs {
    pub const TWENTY_FOUR: Self = Self(24);

    #[must_use]
    pub const fn count(self) -> usize {
        self.0
    }
}

impl Default for MaxPairs {
    fn default() -> Self {
        Self(12)
    }
}

impl std::str::FromStr for MaxPairs {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new("one of 6, 12, 24, 48: the rule looks after that many pairs");
        text.parse().ok().filter(|count| looks::AFTER.contains(count)).map(Self).ok_or(ACCEPTED)
    }
}

impl std::fmt::Display for MaxPairs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What the target is held to: at most `max_ratio` times the baseline, or `min_delta` over it if that is more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub max_ratio: f64,
    /// In the unit of the figures. Zero unless it was declared.
    pub min_delta: f64,
}

impl Limit {
    /// The natural logarithm of target over limit: over zero if the target is slower than the limit.
    fn excess(self, pair: Pair) -> f64 {
        let limit = (self.max_ratio * pair.baseline).max(pair.baseline + self.min_delta);
        walsh::snap((pair.target / limit).ln())
    }
}

/// How many figures are judged together, and how often this release was judged before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The number of figures: endpoints and the whole. Fixed before the first look.
    pub figures: usize,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// The rule for one figure.
#[derive(Clone, Debug)]
pub struct PairedRule {
    limit: Limit,
    max_pairs: MaxPairs,
    /// Of several figures any may block, so each blocks at its part of alpha (Bonferroni).
    blocks: Vec<Look>,
    /// All figures must pass, so each passes at the whole alpha (intersection-union, Berger 1982). Another attempt passes at
    /// half the alpha of the one before, so all attempts together pass a release that is too slow at 2 alpha at most.
    passes: Vec<Look>,
}

/// What is known about one figure after some pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedResult {
    /// Inconclusive: not decided.
    pub verdict: Verdict,
    /// The look that decided, or the last one; `None` before the first.
    pub look: Option<Reading>,
    /// The median of all pairs so far (Hodges-Lehmann), target over limit.
    pub estimate: Option<f64>,
    /// The standard deviation of the logarithms over all pairs so far.
    pub spread: Option<f64>,
}

/// The estimate and the interval at one look, each as target over limit: 1 is the limit itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    pub pairs: usize,
    pub estimate: f64,
    /// The lower bound; `None` where this look cannot block.
    pub low: Option<f64>,
    /// The upper bound; `None` where this look cannot pass.
    pub high: Option<f64>,
}

impl PairedRule {
    #[must_use]
    pub fn new(limit: Limit, max_pairs: MaxPairs, family: Family) -> Self {
        let figures = u32::try_from(family.figures.max(1)).unwrap_or(u32::MAX);
        let halvings = i32::try_from(family.attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        Self {
            limit,
            max_pairs,
            blocks: schedule(max_pairs.0, ALPHA / f64::from(figures)),
            passes: schedule(max_pairs.0, ALPHA * 0.5_f64.powi(halvings)),
        }
    }

    /// Whether the rule can pass at all: after many attempts it cannot.
    #[must_use]
    pub const fn can_pass(&self) -> bool {
        !self.passes.is_empty()
    }

    /// Whether the rule can block at all: of very many figures none can.
    #[must_use]
    pub const fn can_block(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Whether the rule looks after this many pairs.
    #[must_use]
    pub fn looks_after(&self, pairs: usize) -> bool {
        looks::AFTER.contains(&pairs) && pairs <= self.max_pairs.0
    }

    /// Judges the pairs, in the order in which they were measured. Pairs after the last look count in the estimate only.
    #[must_use]
    pub fn judge(&self, pairs: &[Pair]) -> PairedResult {
        let excesses: Vec<f64> = pairs.iter().map(|pair| self.limit.excess(*pair)).collect();
        let mut verdict = Verdict::Inconclusive;
        let mut look = None;
        for after in looks::AFTER.into_iter().filter(|after| *after <= self.max_pairs.0.min(excesses.len())) {
            let averages = WalshAverages::of(&excesses[..after]);
            let bound = |looks: &[Look], bound: fn(&WalshAverages, usize) -> f64| {
                looks.iter().find(|look| look.pairs == after).map(|look| bound(&averages, look.critical))
            };
            let (low, high) =
                (bound(&self.blocks, WalshAverages::largest), bound(&self.passes, WalshAverages::smallest));
            let reading = Reading {
                pairs: after,
                estimate: averages.median().exp(),
                low: low.map(f64::exp),
                high: high.map(f64::exp),
            };
            if low.is_some_and(|low| low > 0.0) {
                (verdict, look) = (Verdict::Blocked, Some(reading));
                break;
            }
            // A figure that has passed waits for the others, and can still block.
            if verdict == Verdict::Passed {
                continue;
            }
            look = Some(reading);
            if high.is_some_and(|high| high <= 0.0) {
                verdict = Verdict::Passed;
            }
        }
        PairedResult {
            verdict,
            look,
            estimate: (!excesses.is_empty()).then(|| WalshAverages::of(&excesses).median().exp()),
            spread: walsh::standard_deviation(&excesses),
        }
    }

    /// The smallest declared `min_delta` with which these pairs would have passed, in three digits; `None` if they pass without
    /// one, or are too few.
    #[must_use]
    pub fn smallest_min_delta(&self, pairs: &[Pair]) -> Option<f64> {
        let passes = |min_delta: f64| {
            let rule = Self { limit: Limit { min_delta, ..self.limit }, ..self.clone() };
            rule.judge(pairs).verdict == Verdict::Passed
        };
        let most = pairs.iter().map(|pair| pair.target - pair.baseline).fold(0.0, f64::max);
        let round_up = |value: f64| {
            let digit = 10_f64.powf(value.log10().floor() - 2.0);
            (value / digit).ceil() * digit
        };
        // More min_delta never makes a pair worse, so there is one point at which the pairs begin to pass.
        let (mut fails, mut enough) = (0.0, round_up(most));
        if most <= 0.0 || passes(fails) || !passes(enough) {
            return None;
        }
        while enough - fails > enough * 1e-4 {
            let middle = f64::midpoint(fails, enough);
            if passes(middle) { enough = middle } else { fails = middle }
        }
        Some(round_up(enough)).filter(|enough| passes(*enough))
    }
}

/// The ratio of target to baseline target that is blocked in 90 % of all cases, for a spread of the pairs' logarithms. The
/// factors are simulated: normal noise, all looks up to the last.
#[must_use]
pub fn smallest_caught(max_ratio: f64, max_pairs: MaxPairs, spread: f64) -> f64 {
    let factor = match max_pairs.0 {
        0..=6 => 1.5,
        7..=12 => 1.05,
        13..=24 => 0.75,
        _ => 0.53,
    };
    max_ratio * (factor * spread).exp()
}

#[cfg(test)]
mod tests;
