//! The Walsh averages of some numbers: the mean of every two of them, and each number itself.

/// Sorted, from the smallest on.
pub struct WalshAverages(Vec<f64>);

/// The logarithm of a ratio that is 1 but for the rounding of floats is 0. Figures have far fewer than twelve digits.
const ROUNDING: f64 = 1e-12;

/// Zero for a number that is zero but for the rounding of floats.
pub fn snap(logarithm: f64) -> f64 {
    if logarithm.abs() < ROUNDING { 0.0 } else { logarithm }
}

impl WalshAverages {
    /// Of at least one number.
    pub fn of(numbers: &[f64]) -> Self {
        let averages = numbers
            .iter()
            .enumerate()
            .flat_map(|(index, first)| numbers[index..].iter().map(move |second| snap(f64::midpoint(*first, *second))));
        let mut averages: Vec<f64> = averages.collect();
        averages.sort_unstable_by(f64::total_cmp);
        Self(averages)
    }

    /// The `rank`-th smallest, from 1 on.
    pub fn smallest(&self, rank: usize) -> f64 {
        self.0[rank - 1]
    }

    /// The `rank`-th largest, from 1 on.
    pub fn largest(&self, rank: usize) -> f64 {
        self.0[self.0.len() - rank]
    }

    /// The estimate of Hodges & Lehmann.
    pub fn median(&self) -> f64 {
        let half = self.0.len() / 2;
        if self.0.len().is_multiple_of(2) { f64::midpoint(self.0[half - 1], self.0[half]) } else { self.0[half] }
    }
}

/// The standard deviation; `None` of fewer than two numbers.
pub fn standard_deviation(numbers: &[f64]) -> Option<f64> {
    let count = u32::try_from(numbers.len()).ok().filter(|count| *count >= 2).map(f64::from)?;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    Some((squares / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "these results are exact")]

    use super::*;

    #[test]
    fn every_two_numbers_and_each_number_itself_are_averaged() {
        let averages = WalshAverages::of(&[4.0, 0.0, 2.0]);
        assert_eq!(averages.0, [0.0, 1.0, 2.0, 2.0, 3.0, 4.0]);
        assert_eq!((averages.smallest(2), averages.largest(2), averages.median()), (1.0, 3.0, 2.0));
        assert_eq!(WalshAverages::of(&[1.0, 2.0]).median(), 1.5);
    }

    #[test]
    fn what_only_rounding_keeps_from_zero_is_zero() {
        let averages = WalshAverages::of(&[0.1 + 0.2, -0.3]);
        assert_eq!(averages.0[1], 0.0, "{:?}", averages.0);
        assert_eq!(snap((1.2_f64 * 3.0 / 3.6).ln()), 0.0);
        assert_eq!(snap((100.0001_f64 / 100.0).ln()), (100.0001_f64 / 100.0).ln());
    }

    #[test]
    fn the_standard_deviation_is_that_of_a_sample() {
        assert_eq!(standard_deviation(&[1.0, 3.0]), Some(2.0_f64.sqrt()));
        assert_eq!(standard_deviation(&[1.0]), None);
    }
}
