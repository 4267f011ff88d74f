//! How likely the verdict about two single runs is to be wrong. The noise is between runs, not between requests: a number of
//! requests says nothing about it, and only earlier runs do.

use crate::values::{Ratio, decimal::Decimal, figures::rounded};

/// The fewest earlier runs whose spread is an estimate.
pub const FEWEST_SESSIONS: usize = 5;

/// The spread of earlier runs, and what it means for a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certainty {
    /// The probability that the p99 is on the other side of the limit.
    pub wrong: f64,
    /// The standard deviation of ln p99 between runs.
    pub spread: f64,
    pub sessions: usize,
}

/// With K earlier runs whose ln p99 has the standard deviation s, and b their median, the p99 c of one more run is on the wrong
/// side of the limit with the probability Phi(-|ln(c/b) - ln limit| / (s sqrt(1 + 1/K))).
#[must_use]
pub fn certainty(p99: Decimal, baseline: Decimal, max_ratio: Ratio, sessions: &[Decimal]) -> Option<Certainty> {
    if sessions.len() < FEWEST_SESSIONS || p99.is_zero() || sessions.iter().any(|session| session.is_zero()) {
        return None;
    }
    let logs: Vec<f64> = sessions.iter().map(|session| session.to_f64().ln()).collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of runs")]
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let spread = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    let distance = ((p99.to_f64() / baseline.to_f64()).ln() - max_ratio.0.ln()).abs();
    let scale = spread * (1.0 + 1.0 / count).sqrt();
    let wrong = if scale > 0.0 { upper_tail(distance / scale) } else { 0.0 };
    Some(Certainty { wrong, spread, sessions: sessions.len() })
}

impl Certainty {
    /// `3.2 %, as the p99 of 6 earlier runs varies by 12 % between runs`; `figure` is what varies.
    pub fn describe(&self, figure: &str) -> String {
        let percent = |share: f64| rounded(share * 100.0);
        let chance = if self.wrong < 0.001 { "under 0.1".to_owned() } else { percent(self.wrong) };
        format!(
            "{chance} %, as the {figure} of {} earlier runs varies by {} % between runs",
            self.sessions,
            percent(self.spread)
        )
    }
}

/// The chance that a standard normal variable is above `x`, for `x` of at least 0. Abramowitz and Stegun, 26.2.17: off by less
/// than 7.5e-8.
fn upper_tail(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let polynomial = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let sum = polynomial.iter().fold(0.0, |sum, factor| sum * t + factor) * t;
    sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimals(values: &[f64]) -> Vec<Decimal> {
        values.iter().map(|value| Decimal::from_f64(*value).unwrap()).collect()
    }

    #[test]
    fn the_normal_tail_is_that_of_the_tables() {
        for (x, tail) in [(0.0, 0.5), (1.0, 0.158_655), (1.645, 0.049_985), (2.576, 0.004_998), (4.0, 0.000_032)] {
            assert!((upper_tail(x) - tail).abs() < 1e-6, "{x}: {}", upper_tail(x));
        }
    }

    #[test]
    fn few_runs_say_nothing_and_more_say_how_far_the_limit_is() {
        let runs = decimals(&[100.0, 110.0, 95.0, 105.0, 90.0]);
        let [near, far] = [121.0, 200.0].map(|p99| Decimal::from_f64(p99).unwrap());
        let base = Decimal::whole(100);
        assert_eq!(certainty(near, base, Ratio(1.2), &runs[1..]), None);
        let near = certainty(near, base, Ratio(1.2), &runs).unwrap();
        assert!((0.4..0.5).contains(&near.wrong), "{near:?}");
        let far = certainty(far, base, Ratio(1.2), &runs).unwrap();
        assert!(far.wrong < 1e-6, "{far:?}");
        assert_eq!(far.describe("p99"), "under 0.1 %, as the p99 of 5 earlier runs varies by 7.9 % between runs");
    }
}
