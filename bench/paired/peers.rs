//! The rules that the paired rule is compared with, on the same figures.

use promote_gates::commands::performance::paired::Pair;

/// The plain rule: the mean of the target over the limit times the mean of the baseline.
pub fn plain_blocks(pairs: &[Pair], max_ratio: f64) -> bool {
    let sum = |figure: fn(Pair) -> f64| pairs.iter().copied().map(figure).sum::<f64>();
    sum(Pair::target) > max_ratio * sum(Pair::baseline)
}

/// The standard normal quantile of .99: each side of an interval of 98 %.
const QUANTILE: f64 = 2.326_348;
/// Kayenta's default.
const TOLERANCE: f64 = 0.25;

/// Kayenta's rule (Mann-Whitney), as its judge calls it: an interval of 98 % for the shift between the figures (Hodges & Lehmann,
/// with the normal approximation); "high" if its lower bound is over a quarter of the estimate. Sources: `NetflixACAJudge.scala`
/// and `MannWhitneyClassifier.scala`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within the differences")]
pub fn kayenta_blocks(pairs: &[Pair]) -> bool {
    let mut shifts: Vec<f64> =
        pairs.iter().flat_map(|target| pairs.iter().map(|baseline| target.target() - baseline.baseline())).collect();
    shifts.sort_unstable_by(f64::total_cmp);
    let count = f64::from(u32::try_from(pairs.len()).unwrap_or(u32::MAX));
    let deviation = (count * count * (2.0 * count + 1.0) / 12.0).sqrt();
    let rank = (count * count / 2.0 - QUANTILE * deviation).max(0.0);
    let median = f64::midpoint(shifts[(shifts.len() - 1) / 2], shifts[shifts.len() / 2]);
    shifts[rank as usize] > TOLERANCE * median.abs()
}
