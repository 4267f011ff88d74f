//! The sizes of a measured bundle in one line, as a gate's report, the evidence and the ledger carry them:
//! `512345 gzip, 1812345 raw; admin: 30123 gzip, 100000 raw; by gzip 9 zlib-rs 0.6.8`.

use std::{fmt, str::FromStr};

use crate::error::ValueError;

/// The largest size in bytes that is accepted: a petabyte, more than any bundle has.
const LARGEST: u64 = 1_000_000_000_000_000;
/// The longest line in bytes. Report and evidence carry it among outputs that have 2 KiB together.
const LONGEST: usize = 700;
/// What is between two sizes of a line.
const SEPARATOR: &str = "; ";
/// What the last part begins with.
const BY: &str = "by ";
/// The unit of a size before compression.
const RAW: &str = "raw";

/// The sizes of a bundle and of its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleSizes {
    pub total: BundleSize,
    /// The groups by name, in the order of the settings. A file is in one of them at most.
    pub groups: Vec<(String, BundleSize)>,
    /// What compressed the files; `None` if only the sizes before compression are judged.
    pub compressor: Option<Compressor>,
}

/// A size in bytes. The compressed one is 0 without a compressor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BundleSize {
    pub raw: u64,
    pub compressed: u64,
}

/// Algorithm, level and library: only sizes of the same ones can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressor {
    /// `gzip`, `brotli`.
    pub algorithm: String,
    pub level: u32,
    /// `zlib-rs 0.6.8`.
    pub backend: String,
}

impl Compressor {
    /// Whether both compress a file to the same size: another level or release series of a library does not.
    #[must_use]
    pub fn is_comparable(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm
            && self.level == other.level
            && series(&self.backend) == series(&other.backend)
    }
}

impl BundleSizes {
    /// Whether the line has room for all groups, and whether it can be read again.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.to_string().parse::<Self>().as_ref() == Ok(self)
    }

    /// What is in no group.
    #[must_use]
    pub fn rest(&self) -> BundleSize {
        self.groups.iter().fold(self.total, |rest, (_, size)| BundleSize {
            raw: rest.raw.saturating_sub(size.raw),
            compressed: rest.compressed.saturating_sub(size.compressed),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts: Vec<&str> = Some(text).filter(|text| text.len() <= LONGEST)?.split(SEPARATOR).collect();
        let compressor = parts.last().and_then(|last| last.strip_prefix(BY)).map(str::to_owned);
        let compressor = match &compressor {
            None => None,
            Some(text) => {
                parts.pop();
                Some(read_compressor(text)?)
            }
        };
        let (total, groups) = parts.split_first()?;
        let algorithm = compressor.as_ref().map(|compressor| compressor.algorithm.as_str());
        let group = |part: &&str| {
            let (name, sizes) = part.split_once(": ")?;
            Some((name.to_owned(), size(sizes, algorithm)?)).filter(|_| is_name(name))
        };
        let groups: Vec<(String, BundleSize)> = groups.iter().map(group).collect::<Option<_>>()?;
        let total = size(total, algorithm)?;
        let sum = |part: fn(&BundleSize) -> u64| groups.iter().map(|(_, size)| part(size)).sum::<u64>();
        let fits = sum(|size| size.raw) <= total.raw && sum(|size| size.compressed) <= total.compressed;
        let is_twice = |at: usize| groups[..at].iter().any(|(name, _)| *name == groups[at].0);
        let is_valid = total.raw > 0 && fits && !(0..groups.len()).any(is_twice);
        is_valid.then_some(Self { total, groups, compressor })
    }

    fn show(&self, size: BundleSize) -> String {
        match &self.compressor {
            Some(Compressor { algorithm, .. }) => format!("{} {algorithm}, {} {RAW}", size.compressed, size.raw),
            None => format!("{} {RAW}", size.raw),
        }
    }
}

impl fmt::Display for BundleSizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.show(self.total))?;
        for (name, size) in &self.groups {
            write!(f, "{SEPARATOR}{name}: {}", self.show(*size))?;
        }
        match &self.compressor {
            Some(Compressor { algorithm, level, backend }) => write!(f, "{SEPARATOR}{BY}{algorithm} {level} {backend}"),
            None => Ok(()),
        }
    }
}

impl FromStr for BundleSizes {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError =
            ValueError::new("sizes of a bundle such as `512345 gzip, 1812345 raw; by gzip 9 zlib-rs 0.6.8`");
        Self::parse(text).ok_or(ACCEPTED)
    }
}

/// Whether a name of a group can be in a line.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(BY)
        && !name.contains([':', ';', ','])
        && !name.contains(char::is_whitespace)
        && !name.contains(char::is_control)
}

/// `512345 gzip, 1812345 raw`, or `1812345 raw` without a compressor.
fn size(text: &str, algorithm: Option<&str>) -> Option<BundleSize> {
    let (compressed, raw) = match algorithm {
        None => (0, text),
        Some(algorithm) => {
            let (compressed, raw) = text.split_once(", ")?;
            (bytes(compressed, algorithm)?, raw)
        }
    };
    Some(BundleSize { raw: bytes(raw, RAW)?, compressed })
}

fn bytes(text: &str, unit: &str) -> Option<u64> {
    let number = text.strip_suffix(unit)?.strip_suffix(' ')?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|bytes| is_plain && *bytes <= LARGEST)
}

/// `gzip 9 zlib-rs 0.6.8`
fn read_compressor(text: &str) -> Option<Compressor> {
    let mut words = text.splitn(3, ' ');
    let (algorithm, level, backend) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let is_plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b'+'))
    };
    let is_valid = is_plain(algorithm) && algorithm != RAW && is_plain(backend) && backend.trim() == backend;
    is_valid.then(|| Compressor { algorithm: algorithm.to_owned(), level, backend: backend.to_owned() })
}

/// The release series of a library, within which compressed sizes stay the same: `zlib-rs 0.6` for `zlib-rs 0.6.8`,
/// `zlib-ng 2` for `zlib-ng 2.2.1`.
fn series(backend: &str) -> &str {
    let Some((name, version)) = backend.rsplit_once(' ') else { return backend };
    let parts = if version.starts_with("0.") { 2 } else { 1 };
    let length = version.split('.').take(parts).map(|part| part.len() + 1).sum::<usize>();
    &backend[..(name.len() + length).min(backend.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "512345 gzip, 1812345 raw; admin: 30123 gzip, 100000 raw; by gzip 9 zlib-rs 0.6.8";

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let sizes: BundleSizes = LINE.parse().unwrap();
        assert_eq!((sizes.to_string(), sizes.fits()), (LINE.to_owned(), true));
        assert_eq!(sizes.total, BundleSize { raw: 1_812_345, compressed: 512_345 });
        assert_eq!(sizes.groups, [("admin".to_owned(), BundleSize { raw: 100_000, compressed: 30_123 })]);
        assert_eq!(sizes.rest(), BundleSize { raw: 1_712_345, compressed: 482_222 });
        for line in ["7 raw", "7 raw; a: 7 raw", "3 brotli, 7 raw; by brotli 11 brotli 9.1.1"] {
            assert_eq!(line.parse::<BundleSizes>().map(|sizes| sizes.to_string()).as_deref(), Ok(line));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("9 raw; {}: 9 raw", "a".repeat(LONGEST));
        for line in [
            "",
            "0 raw",
            "-1 raw",
            "+1 raw",
            "1 gzip",
            "1 raw ",
            "1  raw",
            "1000000000000001 raw",
            "18446744073709551616 raw",
            "5 raw; a: 6 raw",
            "5 raw; a: 2 raw; a: 2 raw",
            "5 raw; a b: 2 raw",
            "5 raw; a:2 raw",
            "5 gzip, 5 raw",
            "5 gzip, 5 raw; by brotli 11 brotli 8",
            "5 gzip, 5 raw; by gzip nine zlib",
            "5 gzip, 5 raw; by gzip 9",
            "5 gzip, 5 raw; by gzip 9 <b>",
            "5 raw; by raw 9 x",
            "5 raw; 6 raw",
            "5 raw\nEvidence: x",
            &long,
        ] {
            assert!(line.parse::<BundleSizes>().is_err(), "{line:?}");
        }
    }

    #[test]
    fn only_sizes_of_one_compressor_can_be_compared() {
        let name = |text: &str| read_compressor(text).unwrap();
        let gzip = name("gzip 9 zlib-rs 0.6.8");
        for (other, comparable) in [
            ("gzip 9 zlib-rs 0.6.9", true),
            ("gzip 9 zlib-rs 0.7.0", false),
            ("gzip 6 zlib-rs 0.6.8", false),
            ("brotli 9 zlib-rs 0.6.8", false),
            ("gzip 9 zlib-ng 2.2.1", false),
        ] {
            assert_eq!(gzip.is_comparable(&name(other)), comparable, "{other}");
        }
        assert!(name("gzip 9 zlib-ng 2.2.1").is_comparable(&name("gzip 9 zlib-ng 2.3")));
        for (backend, expected) in [
            ("zlib-rs 0.6.8", "zlib-rs 0.6"),
            ("zlib-ng 2.2.1", "zlib-ng 2"),
            ("zlib", "zlib"),
            ("", ""),
            ("x 0.", "x 0."),
            ("x 3", "x 3"),
        ] {
            assert_eq!(series(backend), expected);
        }
    }
}
