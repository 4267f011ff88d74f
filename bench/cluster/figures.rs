//! Statistics, and bounds on them.

use jiff::SignedDuration;

pub fn seconds(time: SignedDuration) -> f64 {
    time.as_secs_f64()
}

pub fn millis(time: SignedDuration) -> f64 {
    seconds(time) * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The smallest value that at least `percent` percent of the values do not exceed.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().expect("at least one value")
}

/// The bounds of the benchmark; keeps the violated ones.
#[derive(Default)]
pub struct Bounds {
    violated: Vec<String>,
}

impl Bounds {
    pub fn check(&mut self, holds: bool, bound: String) {
        if !holds {
            self.violated.push(bound);
        }
    }

    pub fn violated(&self) -> &[String] {
        &self.violated
    }
}
