//! Sizes of files, raw and compressed, and how their difference is shown.

use serde::{Deserialize, Serialize};

use crate::values::{Bytes, Percent, figures::growth_percent};

/// Shows a difference in bytes: `+4 MB`, `-12.3 kB`, `±0 B`.
#[must_use]
pub fn signed(difference: i128) -> String {
    let size = Bytes(u64::try_from(difference.unsigned_abs()).unwrap_or(u64::MAX));
    let sign = match difference.signum() {
        1 => "+",
        0 => "±",
        _ => "-",
    };
    format!("{sign}{size}")
}

/// Which size of a file is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Compression {
    /// The bytes on disk.
    Raw,
    /// What a server sends to a browser.
    Gzip,
    /// What a server sends that keeps files compressed at the highest level.
    Brotli,
}

impl Compression {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Gzip => "gzip",
            Self::Brotli => "brotli",
        }
    }
}

/// The sizes of a file, or of several together, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    pub raw: u64,
    #[serde(rename = "gzip", alias = "brotli")]
    pub compressed: u64,
}

impl Sizes {
    #[must_use]
    pub const fn bytes(self, compression: Compression) -> u64 {
        match compression {
            Compression::Raw => self.raw,
            Compression::Gzip | Compression::Brotli => self.compressed,
        }
    }

    /// The sum of both. Saturates, far beyond any real bundle.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { raw: self.raw.saturating_add(other.raw), compressed: self.compressed.saturating_add(other.compressed) }
    }
}

impl std::iter::Sum for Sizes {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Self::plus)
    }
}

/// The growth in percent for people.
#[expect(clippy::cast_precision_loss, reason = "sizes below 2^53 bytes are exact")]
#[must_use]
pub fn show_percent(before: u64, now: u64, limit: Option<Percent>) -> String {
    if before == 0 {
        return "from 0 B".to_owned();
    }
    let growth = (i128::from(now) - i128::from(before)) as f64;
    growth_percent(growth * 100.0 / before as f64, limit)
}

/// The growth in percent for programs: `+5.1 %`, rounded up to hundredths, so that growth over a limit never looks like
/// growth within it.
#[must_use]
pub fn exact_percent(before: u64, now: u64) -> String {
    if before == 0 {
        return "from 0 B".to_owned();
    }
    let before = i128::from(before);
    let hundredths = -((before - i128::from(now)) * 10_000).div_euclid(before);
    let (sign, size) = (if hundredths < 0 { "-" } else { "+" }, hundredths.unsigned_abs());
    let (whole, tenth, hundredth) = (size / 100, size / 10 % 10, size % 10);
    let last = if hundredth == 0 { String::new() } else { hundredth.to_string() };
    format!("{sign}{whole}.{tenth}{last} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_a_sign() {
        assert_eq!(signed(4_000_000), "+4 MB");
        assert_eq!(signed(-12_345), "-12.3 kB");
        assert_eq!(signed(0), "±0 B");
        assert_eq!(signed(i128::MIN), "-18446744074 GB");
    }

    #[test]
    fn percentages_for_programs_are_rounded_up() {
        for (before, now, shown) in [
            (100, 105, "+5.0 %"),
            (1_000_000, 1_050_001, "+5.01 %"),
            (1_000_000, 1_051_000, "+5.1 %"),
            (3, 4, "+33.34 %"),
            (4, 3, "-25.0 %"),
            (3, 2, "-33.33 %"),
            (1, 1, "+0.0 %"),
            (1_000_000, 999_999, "+0.0 %"),
            (1, 1001, "+100000.0 %"),
            (0, 5, "from 0 B"),
            (u64::MAX, 0, "-100.0 %"),
        ] {
            assert_eq!(exact_percent(before, now), shown, "{before} {now}");
        }
    }
}
