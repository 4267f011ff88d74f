//! A measured bundle: its files by canonical name, their sizes, and the compressor.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{names, sizes::Sizes};

/// What compressed the files. Only sizes of the same compressor are comparable: level 9 of one library differs from level 9
/// of another by up to 4 % for a single file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressor {
    pub algorithm: String,
    pub level: u32,
    /// Library and version: `zlib-rs 0.6.8`.
    pub backend: String,
}

impl Compressor {
    /// The compressor of this binary. A test compares the version with the lock file.
    #[must_use]
    pub fn built_in() -> Self {
        Self { algorithm: "gzip".to_owned(), level: 9, backend: "zlib-rs 0.6.8".to_owned() }
    }
}

/// One file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    /// Relative to the workspace.
    pub path: String,
    pub sizes: Sizes,
    /// Lower-case hex, of the raw bytes.
    pub sha256: String,
}

/// The files that share one canonical name, ordered by path. Never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedFiles {
    pub files: Vec<BundleFile>,
}

impl NamedFiles {
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.files.iter().map(|file| file.sizes).sum()
    }

    /// The file with the most raw bytes.
    #[must_use]
    pub fn largest(&self) -> Option<&BundleFile> {
        self.files.iter().max_by_key(|file| file.sizes.raw)
    }
}

/// A measured bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// By canonical name ([`names::canonical_name`]).
    pub files: BTreeMap<String, NamedFiles>,
    pub compressor: Compressor,
}

impl Bundle {
    #[must_use]
    pub fn from_files(files: impl IntoIterator<Item = BundleFile>) -> Self {
        let mut named: BTreeMap<String, NamedFiles> = BTreeMap::new();
        for file in files {
            named.entry(names::canonical_name(&file.path)).or_default().files.push(file);
        }
        Self { files: named, compressor: Compressor::built_in() }
    }

    #[must_use]
    pub fn total(&self) -> Sizes {
        self.files.values().map(NamedFiles::sizes).sum()
    }

    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.values().map(|named| named.files.len()).sum()
    }

    /// `1 file`, `12 files`.
    #[must_use]
    pub fn count(&self) -> String {
        match self.file_count() {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        }
    }

    /// SHA-256 over every path and content, in hex: identifies the bytes that were judged.
    #[must_use]
    pub fn digest(&self) -> String {
        let lines =
            self.files.values().flat_map(|named| &named.files).map(|file| format!("{}  {}\n", file.sha256, file.path));
        hex(&lines.fold(Sha256::new(), Digest::chain_update).finalize())
    }
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
