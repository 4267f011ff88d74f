//! A file whose size differs from the baseline.

use crate::{
    commands::bundle_size::{
        bundle::BundleFile,
        names::{HASH_MARK, canonical_name},
        pairing::FileMatch,
        sizes::{Compression, Sizes, show_percent, signed},
    },
    values::{Bytes, clip},
};

/// The maximum length of a file's name in a headline, in characters.
const SHORT_NAME: usize = 60;

/// A file, or several whose contents were split or merged, whose size differs from the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The current name without its hash, of the largest file; for a removed file, the one in the baseline.
    pub name: String,
    /// The name in the baseline, if it was different.
    pub old_name: Option<String>,
    /// `None` for a new file.
    pub before: Option<Sizes>,
    /// `None` for a removed file.
    pub now: Option<Sizes>,
    /// How many files it is now, and was before.
    pub files: (usize, usize),
    /// The content is another: all of it was added.
    pub replaced: bool,
}

impl FileChange {
    /// The change of a match; `None` if its size is the same and its content was not replaced.
    #[must_use]
    pub fn of(found: &FileMatch<'_>) -> Option<Self> {
        let sum = |files: &[&BundleFile]| -> Option<Sizes> {
            (!files.is_empty()).then(|| files.iter().map(|file| file.sizes).sum())
        };
        let name =
            |files: &[&BundleFile]| files.iter().max_by_key(|file| file.sizes.raw).map(|file| display_name(&file.path));
        let (before, now) = (sum(&found.before), sum(&found.now));
        let (old_name, new_name) = (name(&found.before), name(&found.now));
        (before != now || found.replaced).then(|| Self {
            replaced: found.replaced,
            before,
            now,
            files: (found.now.len(), found.before.len()),
            old_name: old_name.clone().filter(|old| new_name.as_ref().is_some_and(|new| new != old)),
            name: new_name.or(old_name).unwrap_or_default(),
        })
    }

    /// The bytes now minus the bytes before.
    #[must_use]
    pub fn growth(&self, compression: Compression) -> i128 {
        let size = |sizes: Option<Sizes>| i128::from(sizes.unwrap_or_default().bytes(compression));
        size(self.now) - size(self.before)
    }

    /// The raw bytes that it added.
    #[must_use]
    pub fn added(&self) -> u64 {
        if self.replaced {
            return self.now.unwrap_or_default().raw;
        }
        u64::try_from(self.growth(Compression::Raw)).unwrap_or_default()
    }

    /// `new`, `gone`, or the percentage.
    #[must_use]
    pub fn percent(&self, compression: Compression) -> String {
        match (self.before, self.now) {
            (None, _) => "new".to_owned(),
            (_, None) => "gone".to_owned(),
            (Some(before), Some(now)) => show_percent(before.bytes(compression), now.bytes(compression), None),
        }
    }

    /// `` `dist/chunk-[hash].js` (2 files, before 1) ``.
    #[must_use]
    pub fn title(&self) -> String {
        let files = match self.files {
            (0 | 1, 0 | 1) => String::new(),
            (now, 0) => format!(" ({now} files)"),
            (0, before) => format!(" ({before} files)"),
            (now, before) => format!(" ({now} {}, before {before})", if now == 1 { "file" } else { "files" }),
        };
        let renamed = self.old_name.as_ref().map(|name| format!(" (was `{name}`)")).unwrap_or_default();
        let replaced = if self.replaced { format!(" ({} of other code)", Bytes(self.added())) } else { String::new() };
        format!("`{}`{files}{renamed}{replaced}", self.name)
    }

    /// The name without its folders, for a headline.
    #[must_use]
    pub fn short_name(&self) -> String {
        format!("`{}`", clip(self.name.rsplit('/').next().unwrap_or_default(), SHORT_NAME))
    }

    /// `` `debug-lib.js` +825 kB ``.
    #[must_use]
    pub fn cause(&self, compression: Compression) -> String {
        format!("{} {}", self.short_name(), signed(self.growth(compression)))
    }

    /// `` `vendor/debug-lib.js` +1.1 MB gzip, +4 MB raw (new) ``.
    #[must_use]
    pub fn describe(&self, compression: Compression) -> String {
        let raw = signed(self.growth(Compression::Raw));
        let growth = match compression {
            Compression::Raw => raw,
            Compression::Gzip | Compression::Brotli => {
                format!("{} {}, {raw} raw", signed(self.growth(compression)), compression.word())
            }
        };
        format!("{} {growth} ({})", self.title(), self.percent(compression))
    }
}

/// The path without its hash, unless that is its whole name.
fn display_name(path: &str) -> String {
    let name = canonical_name(path);
    let file = name.rsplit('/').next().unwrap_or_default();
    if file.replace(HASH_MARK, "").split('.').next().is_none_or(str::is_empty) { path.to_owned() } else { name }
}
