//! Percentages of bytes and of other counts, computed exactly.

use super::Percent;

/// A hundred percent in millionths of a percent.
const WHOLE: u128 = 100_000_000;

impl Percent {
    /// The bytes that `before` may grow to.
    #[must_use]
    pub fn limit_of(self, before: u64) -> u64 {
        let added = u128::from(before).saturating_mul(self.millionths()) / WHOLE;
        before.saturating_add(u64::try_from(added).unwrap_or(u64::MAX))
    }

    /// The least that `before` may shrink to.
    #[must_use]
    pub fn least_of(self, before: u64) -> u64 {
        let lost = u128::from(before).saturating_mul(self.millionths()) / WHOLE;
        before.saturating_sub(u64::try_from(lost).unwrap_or(u64::MAX))
    }

    /// Whether `now` is less than `before` by more than this.
    #[must_use]
    pub fn is_decrease_over(self, before: u64, now: u64) -> bool {
        let lost = u128::from(before.saturating_sub(now));
        lost.saturating_mul(WHOLE) > u128::from(before).saturating_mul(self.millionths())
    }

    /// In millionths, which hold a decimal number exactly, unlike a binary float.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates; NaN and negative numbers allow nothing"
    )]
    fn millionths(self) -> u128 {
        (self.0 * 1e6).round() as u128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_percentage_is_within_it() {
        assert_eq!(Percent(5.0).limit_of(100), 105);
        assert_eq!(Percent(0.0).limit_of(u64::MAX), u64::MAX);
        assert_eq!(Percent(0.1).limit_of(1000), 1001);
        for (before, now, over) in [(100, 50, false), (100, 49, true), (0, 0, false), (5, 9, false), (1, 0, true)] {
            assert_eq!(Percent(50.0).is_decrease_over(before, now), over, "{before} {now}");
        }
        for (percent, before, least) in [
            (10.0, 41, 37),
            (10.0, 40, 36),
            (10.0, 9, 9),
            (10.0, 10, 9),
            (0.0, 41, 41),
            (99.9, 1, 1),
            (100.0, 41, 0),
            (250.0, u64::MAX, 0),
        ] {
            assert_eq!(Percent(percent).least_of(before), least, "{percent} {before}");
            let is_over = |now| Percent(percent).is_decrease_over(before, now);
            assert!(!is_over(least) && (least == 0 || is_over(least - 1)), "{percent} {before}");
        }
    }
}
