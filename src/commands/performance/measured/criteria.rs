//! What the pairs are judged by, what is known about one part, and how ratios are shown.

use super::Part;
use crate::{
    commands::performance::paired::{Limit, MaxPairs, Pair, PairedResult, Reading},
    finding::Verdict,
    load_results::Unit,
    values::{Percent, figures::ratio_beside},
};

/// What the pairs are judged by.
#[derive(Clone, Debug)]
pub struct PairedCriteria<'a> {
    pub limit: Limit,
    pub max_pairs: MaxPairs,
    /// Which attempt at this release this is, from 1 on.
    pub attempt: u32,
    /// The endpoints that must be judged.
    pub endpoints: &'a [String],
    pub max_error_rate: Percent,
    /// A smaller ratio is a mistake.
    pub min_ratio: f64,
    /// The fewest requests of a run whose p99 counts.
    pub min_requests: u64,
    /// The unit of all figures.
    pub unit: Unit,
}

/// One part with its results.
pub struct JudgedPart<'a> {
    pub part: &'a Part,
    pub verdict: Verdict,
    pub result: PairedResult,
    pub pairs: Vec<Pair>,
    /// Why it cannot pass, if it cannot, and what to do.
    pub open: Option<(&'static str, &'static str)>,
}

/// How ratios are shown: as multiples of the baseline, or of the limit if a least difference is declared.
pub struct Scale {
    pub factor: f64,
    pub limit: f64,
    pub of: &'static str,
}

impl Scale {
    pub const fn of(limit: Limit) -> Self {
        if limit.min_delta > 0.0 {
            Self { factor: 1.0, limit: 1.0, of: "the limit" }
        } else {
            Self { factor: limit.max_ratio, limit: limit.max_ratio, of: "the baseline" }
        }
    }

    /// A number with the digits that show on which side of the limit it is.
    pub fn shown(&self, of_limit: f64) -> String {
        ratio_beside(of_limit * self.factor, self.limit)
    }

    /// `0.97 to 1.08`.
    pub fn interval(&self, look: &Reading) -> Option<String> {
        match (look.low, look.high) {
            (Some(low), Some(high)) => Some(format!("{} to {}", self.shown(low), self.shown(high))),
            (Some(low), None) => Some(format!("at least {}", self.shown(low))),
            (None, Some(high)) => Some(format!("at most {}", self.shown(high))),
            (None, None) => None,
        }
    }
}
