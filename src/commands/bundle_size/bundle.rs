//! A measured bundle: its judged files with their sizes, the files that are only listed, and the compressor.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{
    sizes::{Compression, Sizes},
    sketch::Sketch,
};
pub use crate::bundle_sizes::Compressor;

impl Compressor {
    /// The compressor of this binary for the sizes that are judged. Level 9 of one library differs from level 9 of another by up to
    /// 4 % for a single file, so its version counts; a test compares it with the lock file. Browsers get files that were compressed
    /// once, at the highest level: sizes are those of level 9 in node, where tools for bundles run. Its zlib is Chromium's, which
    /// looks for repetitions of four bytes, and so does this library up to level 8. At level 9 it looks for three, as the original
    /// zlib does.
    /// <https://chromium.googlesource.com/chromium/src/+/main/third_party/zlib/contrib/optimizations/insert_string.h>
    #[must_use]
    pub fn of(compression: Compression) -> Self {
        let (algorithm, level, backend) = match compression {
            Compression::Raw | Compression::Gzip => ("gzip", 8, "zlib-rs 0.6.8"),
            Compression::Brotli => ("brotli", 11, "brotli 9.1.1"),
        };
        Self { algorithm: algorithm.to_owned(), level, backend: backend.to_owned() }
    }
}

/// One file of a bundle, measured now or in a baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleFile {
    /// Relative to the workspace. In a baseline of the first schema: a canonical name, whose sizes are a sum.
    pub path: String,
    pub sizes: Sizes,
    /// Lower-case hex, of the raw bytes; empty if unknown.
    pub sha256: String,
    /// What the content is like; `None` if unknown.
    pub sketch: Option<Sketch>,
    /// The name that the bundler's manifest gives it, which stays when its path changes.
    pub id: Option<String>,
}

/// A measured bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The judged files, by path.
    pub files: Vec<BundleFile>,
    /// The other files with their raw bytes: images, fonts, source maps.
    pub listed: BTreeMap<String, u64>,
    /// Raw bytes by package; empty if unknown.
    pub packages: BTreeMap<String, u64>,
    pub compressor: Compressor,
}

impl Bundle {
    #[must_use]
    pub fn from_files(files: impl IntoIterator<Item = BundleFile>) -> Self {
        let mut files: Vec<BundleFile> = files.into_iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self {
            files,
            listed: BTreeMap::new(),
            packages: BTreeMap::new(),
            compressor: Compressor::of(Compression::Gzip),
        }
    }

    #[must_use]
    pub fn total(&self) -> Sizes {
        self.files.iter().map(|file| file.sizes).sum()
    }

    /// `1 file`, `12 files`.
    #[must_use]
    pub fn count(&self) -> String {
        count(self.files.len())
    }

    /// SHA-256 over every judged path and content, in hex: identifies the bytes that were judged.
    #[must_use]
    pub fn digest(&self) -> String {
        let lines = self.files.iter().map(|file| format!("{}  {}\n", file.sha256, file.path));
        hex(&lines.fold(Sha256::new(), Digest::chain_update).finalize())
    }
}

/// `1 file`, `12 files`.
#[must_use]
pub fn count(files: usize) -> String {
    if files == 1 { "1 file".to_owned() } else { format!("{files} files") }
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
