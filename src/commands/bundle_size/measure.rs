//! What a bundle weighs: every file raw and compressed, under the name it keeps across builds.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use super::{names, sizes::Sizes};
use crate::{
    error::CommandError,
    finding::Finding,
    world::files::{self, Glob},
};

/// How much of a file is held at a time.
const CHUNK: u64 = 256 * 1024;
/// More threads than this only wait for the disk.
const MOST_THREADS: usize = 8;

/// What compressed the files. Sizes are only comparable when it is the same: no two make the same bytes, and level 9 of one
/// differs from level 9 of another by up to 4 % for a single file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressor {
    pub algorithm: String,
    pub level: u32,
    /// Library and version: `zlib-rs 0.6.8`.
    pub backend: String,
}

impl Compressor {
    /// What this binary compresses with. A test holds the version against the lock file.
    #[must_use]
    pub fn ours() -> Self {
        Self { algorithm: "gzip".to_owned(), level: 9, backend: "zlib-rs 0.6.8".to_owned() }
    }
}

/// One file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Relative to the workspace.
    pub path: String,
    pub sizes: Sizes,
    /// Lower-case hex, of the raw bytes.
    pub sha256: String,
}

/// The files that share one canonical name, ordered by path. Never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub files: Vec<File>,
}

impl Named {
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.files.iter().map(|file| file.sizes).sum()
    }

    /// The file with the most raw bytes.
    #[must_use]
    pub fn largest(&self) -> Option<&File> {
        self.files.iter().max_by_key(|file| file.sizes.raw)
    }
}

/// A bundle, weighed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// By canonical name ([`names::canonical`]).
    pub files: BTreeMap<String, Named>,
    pub compressor: Compressor,
}

impl Measured {
    #[must_use]
    pub fn of(files: impl IntoIterator<Item = File>) -> Self {
        let mut named: BTreeMap<String, Named> = BTreeMap::new();
        for file in files {
            named.entry(names::canonical(&file.path)).or_default().files.push(file);
        }
        Self { files: named, compressor: Compressor::ours() }
    }

    #[must_use]
    pub fn total(&self) -> Sizes {
        self.files.values().map(Named::sizes).sum()
    }

    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.values().map(|named| named.files.len()).sum()
    }

    /// How many files there are, in words.
    #[must_use]
    pub fn count(&self) -> String {
        match self.file_count() {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        }
    }

    /// Sha256 over every path and content, in hex: which bytes exactly were judged.
    #[must_use]
    pub fn digest(&self) -> String {
        let lines =
            self.files.values().flat_map(|named| &named.files).map(|file| format!("{}  {}\n", file.sha256, file.path));
        hex(&lines.fold(Sha256::new(), Digest::chain_update).finalize())
    }
}

/// Weighs the files that `patterns` name below `root`, but not the one at `record`: the baseline is no part of what it is
/// the baseline of.
///
/// Source maps (`*.map`) are left out, since browsers only load them for a developer; once a pattern names them
/// (`**/*.map`), the patterns alone decide. Nothing found is an empty answer where [`files::find`] says so.
///
/// # Errors
/// Bad input where [`files::find`] says so; unseen, when a file cannot be read.
pub fn measure(root: &Path, patterns: &[Glob], record: &Path) -> Result<Measured, CommandError> {
    let mut found = files::find(root, patterns).map_err(Finding::bad_input)?;
    let with_maps = patterns.iter().any(names_maps);
    let record = record.strip_prefix(".").unwrap_or(record);
    found.retain(|path| path != record && (with_maps || path.extension().is_none_or(|extension| extension != "map")));
    weigh_all(root, &found).map(Measured::of).map_err(Finding::unobservable)
}

/// Whether a pattern speaks of source maps: `**/*.map`, `*.{js,map}`.
fn names_maps(pattern: &Glob) -> bool {
    pattern.last_part().split(['.', ',', '{', '}']).skip(1).any(|extension| extension == "map")
}

/// Weighs files side by side; the answer is in the order of the paths whatever thread was first.
fn weigh_all(root: &Path, paths: &[PathBuf]) -> Result<Vec<File>, Finding> {
    let next = AtomicUsize::new(0);
    let weighed = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(at) else { return };
            let file = weigh(root, path);
            weighed.lock().unwrap_or_else(PoisonError::into_inner).insert(at, file);
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS).min(paths.len());
    thread::scope(|scope| {
        for _ in 1..threads {
            // One that cannot be had is done without.
            drop(thread::Builder::new().name("look".to_owned()).spawn_scoped(scope, work));
        }
        work();
    });
    weighed.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

fn weigh(root: &Path, path: &Path) -> Result<File, Finding> {
    let name = path.display().to_string();
    weigh_bytes(&root.join(path)).map(|(sizes, sha256)| File { path: name.clone(), sizes, sha256 }).map_err(|error| {
        Finding::inconclusive(name).actual(format!("cannot be read: {error}")).expected("a file that can be read")
    })
}

fn weigh_bytes(path: &Path) -> io::Result<(Sizes, String)> {
    let mut file = files::open(path)?;
    let mut hash = Sha256::new();
    // No name and no time in the header, so that equal bytes weigh the same.
    let mut gzip = GzBuilder::new().write(Counted(0), Compression::new(Compressor::ours().level));
    let mut raw = 0;
    let mut chunk = Vec::new();
    loop {
        chunk.clear();
        // Whole chunks, whatever a single read gives: the compressor sees the same pieces every time.
        let length = (&mut file).take(CHUNK).read_to_end(&mut chunk)?;
        if length == 0 {
            break;
        }
        raw += length as u64;
        hash.update(&chunk);
        gzip.write_all(&chunk)?;
    }
    let Counted(gzip) = gzip.finish()?;
    Ok((Sizes { raw, gzip }, hex(&hash.finalize())))
}

/// Counts what is written to it and keeps nothing.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::files::write_whole;

    fn bundle(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (name, bytes) in files {
            write_whole(&root.path().join(name), bytes).expect("a file");
        }
        root
    }

    fn measured(root: &tempfile::TempDir, patterns: &[&str]) -> Measured {
        let patterns: Vec<Glob> = patterns.iter().map(|pattern| pattern.parse().expect("a pattern")).collect();
        measure(root.path(), &patterns, Path::new("sizes.json")).expect("measured")
    }

    /// Text that compresses about as well as code does; the same every time.
    fn code(length: usize) -> Vec<u8> {
        let words = ["function", "return", "const", "=>", "{", "}", "(", ")", "this.", "null", "export", "0x"];
        let mut state = 1_u64;
        let mut text = String::new();
        while text.len() < length {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(words[usize::try_from(state >> 60).expect("small") % words.len()]);
            text.push_str(&(state >> 48).to_string());
        }
        text.truncate(length);
        text.into_bytes()
    }

    #[test]
    fn the_version_is_the_one_that_is_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        let version = lock
            .split("[[package]]")
            .find(|package| package.contains("name = \"zlib-rs\""))
            .and_then(|package| package.split("version = \"").nth(1))
            .and_then(|rest| rest.split('"').next());
        let built_in = version.map(|version| format!("zlib-rs {version}"));
        assert_eq!(Some(Compressor::ours().backend), built_in, "write the new version into Compressor::ours");
    }

    /// These are the numbers users compare across builds: when they move with a new zlib-rs that keeps its minor version,
    /// baselines written before are no longer comparable and `Baseline::comparable` has to know.
    #[test]
    fn the_compressor_is_pinned() {
        let root = bundle(&[("app.js", &code(300_000)), ("empty.js", b""), ("hi.js", b"hi")]);
        let measured = measured(&root, &["."]);
        let sizes: Vec<_> =
            measured.files.iter().map(|(name, named)| (name.as_str(), named.sizes().raw, named.sizes().gzip)).collect();
        assert_eq!(sizes, [("app.js", 300_000, 107_508), ("empty.js", 0, 20), ("hi.js", 2, 22)]);
    }

    #[test]
    fn reading_in_pieces_changes_no_size() {
        let text = code(300_000);
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::new(9));
        gzip.write_all(&text).expect("compressed");
        let whole = gzip.finish().expect("compressed");
        let root = bundle(&[("app.js", &text)]);
        assert_eq!(measured(&root, &["app.js"]).total(), Sizes { raw: 300_000, gzip: whole.len() as u64 });
    }

    #[test]
    fn names_are_those_of_the_files_without_their_hashes() {
        let root = bundle(&[
            ("dist/app.3f2a.js", b"one"),
            ("dist/chunk-ABCDEF12.js", b"two"),
            ("dist/chunk-QRSTUV34.js", b"three"),
            ("dist/app.3f2a.js.map", b"map"),
        ]);
        let measured = measured(&root, &["dist"]);
        let files: Vec<_> =
            measured.files.iter().map(|(name, named)| (name.as_str(), named.files.len(), named.sizes().raw)).collect();
        assert_eq!(files, [("dist/app.[hash].js", 1, 3), ("dist/chunk-[hash].js", 2, 8)]);
        assert_eq!((measured.file_count(), measured.total().raw), (3, 11));
        let chunks = &measured.files["dist/chunk-[hash].js"];
        assert_eq!(chunks.largest().map(|file| file.path.as_str()), Some("dist/chunk-QRSTUV34.js"));
        assert_eq!(chunks.files[0].sha256, "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3");
    }

    #[test]
    fn source_maps_count_when_a_pattern_names_them() {
        let root =
            bundle(&[("dist/app.js", b"one"), ("dist/app.js.map", b"map"), ("dist/a.map", b"x"), ("dist/map", b"y")]);
        for (patterns, expected) in [
            (&["dist"][..], &["dist/app.js", "dist/map"][..]),
            (&["dist/map", "dist/*.js"], &["dist/app.js", "dist/map"]),
            (&["dist/*.{js,map}"], &["dist/a.map", "dist/app.js", "dist/app.js.map"]),
            (&["**/*.map"], &["dist/a.map", "dist/app.js.map"]),
            (&["dist", "dist/**/*.map"], &["dist/a.map", "dist/app.js", "dist/app.js.map", "dist/map"]),
            (&["dist", "!dist/*.js.map"], &["dist/a.map", "dist/app.js", "dist/map"]),
        ] {
            assert_eq!(measured(&root, patterns).files.keys().collect::<Vec<_>>(), expected, "{patterns:?}");
        }
    }

    #[test]
    fn a_baseline_does_not_weigh_itself() {
        let root = bundle(&[("app.js", b"one"), ("sizes.json", b"record"), ("lib/sizes.json", b"four")]);
        assert_eq!(measured(&root, &["."]).files.keys().collect::<Vec<_>>(), ["app.js", "lib/sizes.json"]);
        let record = Path::new("./lib/sizes.json");
        let measured = measure(root.path(), &[".".parse().expect("a pattern")], record).expect("measured");
        assert_eq!(measured.files.keys().collect::<Vec<_>>(), ["app.js", "sizes.json"]);
    }

    #[test]
    fn many_files_come_out_in_order_every_time() {
        let files: Vec<(String, Vec<u8>)> =
            (0..50).map(|at| (format!("dist/{at:02}/x.js"), vec![b'x'; 50_000 * (at % 3)])).collect();
        let listed: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let root = bundle(&listed);
        let first = measured(&root, &["dist"]);
        assert_eq!(
            first.files.keys().map(String::as_str).collect::<Vec<_>>(),
            listed.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        );
        assert_eq!(first.total().raw, 50_000 * 49);
        let again = measured(&root, &["dist"]);
        assert_eq!((&again, again.digest()), (&first, first.digest()));
        write_whole(&root.path().join("dist/07/x.js"), &vec![b'y'; 50_000]).expect("changed");
        let changed = measured(&root, &["dist"]);
        assert_eq!(changed.total(), first.total());
        assert_ne!(changed.digest(), first.digest());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let root = bundle(&[("dist/app.js", b"one")]);
        let finding =
            weigh_all(root.path(), &["dist/app.js".into(), "dist/gone.js".into()]).expect_err("gone").to_string();
        assert!(finding.starts_with("dist/gone.js: cannot be read: No such file"), "{finding}");
    }
}
