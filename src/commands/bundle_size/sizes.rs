//! Sizes of files, raw and compressed, and how their difference is shown.

use serde::{Deserialize, Serialize};

use crate::values::Bytes;

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
}

impl Compression {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Gzip => "gzip",
        }
    }
}

/// The sizes of a file, or of several together, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    pub raw: u64,
    pub gzip: u64,
}

impl Sizes {
    #[must_use]
    pub const fn bytes(self, compression: Compression) -> u64 {
        match compression {
            Compression::Raw => self.raw,
            Compression::Gzip => self.gzip,
        }
    }

    /// The sum of both. Saturates, far beyond any real bundle.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { raw: self.raw.saturating_add(other.raw), gzip: self.gzip.saturating_add(other.gzip) }
    }
}

impl std::iter::Sum for Sizes {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Self::plus)
    }
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
}
