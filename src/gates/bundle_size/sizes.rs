//! Numbers of bytes: how a file is weighed, and how a number is written.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The units that size-limit and most browsers' tools show: powers of 1000.
const UNITS: [(&str, u64); 4] = [("B", 1), ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

/// A number of bytes, shown as `999 B`, `12.3 kB`, `4.0 MB`; given the same way, also in `KiB` and `MiB`, or bare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// Why a text is no number of bytes: what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBytes;

impl fmt::Display for NotBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of bytes such as `500 kB`, `1.5MB` or `2MiB`; a bare number means bytes")
    }
}

impl std::error::Error for NotBytes {}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Tenths, rounded to the nearest; what rounds up to 1000.0 is one of the next unit.
        let tenths = |size: u64| (u128::from(self.0) * 20 + u128::from(size)) / (2 * u128::from(size));
        let (unit, size) = UNITS.into_iter().find(|(_, size)| tenths(*size) < 10_000).unwrap_or(UNITS[3]);
        match size {
            1 => write!(f, "{} B", self.0),
            _ => write!(f, "{}.{} {unit}", tenths(size) / 10, tenths(size) % 10),
        }
    }
}

impl FromStr for Bytes {
    type Err = NotBytes;

    fn from_str(text: &str) -> Result<Self, NotBytes> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let size: u64 = match unit.trim_start() {
            "" | "B" => 1,
            "kB" | "KB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(NotBytes),
        };
        let (whole, fraction) =
            number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // Thousandths of a unit are as fine as anybody writes, and keep the arithmetic exact.
        let fits = digits(whole) && fraction.is_none_or(|fraction| digits(fraction) && fraction.len() <= 3 && size > 1);
        if !fits {
            return Err(NotBytes);
        }
        let thousandths =
            format!("{whole}{:0<3}", fraction.unwrap_or_default()).parse::<u64>().map_err(|_| NotBytes)?;
        thousandths.checked_mul(size).map(|total| Self(total / 1000)).ok_or(NotBytes)
    }
}

/// A difference: `+4.0 MB`, `-12.3 kB`, `±0 B`.
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

/// Which of a file's sizes is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// The bytes on disk.
    Raw,
    /// What a server sends to a browser.
    #[default]
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
    pub const fn by(self, compression: Compression) -> u64 {
        match compression {
            Compression::Raw => self.raw,
            Compression::Gzip => self.gzip,
        }
    }

    /// Both added up; no bundle comes near the end of the range.
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
    fn bytes_as_people_read_them() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1049, "1.0 kB"),
            (1050, "1.1 kB"),
            (12_345, "12.3 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (4_000_000, "4.0 MB"),
            (80_000_000, "80.0 MB"),
            (1_500_000_000, "1.5 GB"),
            (5_000_000_000_000, "5000.0 GB"),
            (u64::MAX, "18446744073.7 GB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
        }
        assert_eq!(signed(4_000_000), "+4.0 MB");
        assert_eq!(signed(-12_345), "-12.3 kB");
        assert_eq!(signed(0), "±0 B");
        assert_eq!(signed(i128::MIN), "-18446744073.7 GB");
    }

    #[test]
    fn bytes_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("500", 500),
            ("500 B", 500),
            ("500kB", 500_000),
            ("500 KB", 500_000),
            ("1.5 MB", 1_500_000),
            ("0.025MB", 25_000),
            ("2MiB", 2_097_152),
            ("1.5 KiB", 1536),
            ("1GB", 1_000_000_000),
            ("1GiB", 1_073_741_824),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for bad in [
            "",
            "MB",
            "-1",
            "1,5 MB",
            "1.5",
            "1.2345 MB",
            "1. MB",
            ".5 MB",
            "1 mb",
            "1e6",
            "1 TB",
            "99999999999999999999",
            "99999999999 GB",
        ] {
            assert_eq!(bad.parse::<Bytes>(), Err(NotBytes), "{bad:?}");
        }
    }
}
