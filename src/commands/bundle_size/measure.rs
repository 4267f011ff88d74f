//! Measures a bundle: the raw and the compressed size of every file, under the name it keeps across builds.

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

use super::{
    bundle::{Bundle, BundleFile, Compressor, hex},
    sizes::Sizes,
};
use crate::{
    error::CommandError,
    finding::Finding,
    world::files::{self, Glob},
};

/// How many bytes of a file are in memory at a time.
const CHUNK: u64 = 256 * 1024;
/// With more threads the disk becomes the bottleneck.
const MOST_THREADS: usize = 8;

/// Measures the files below `root` that match `patterns`, except the baseline file itself.
///
/// Source maps (`*.map`) are left out, since browsers load them only for developers. When a pattern matches source maps
/// (`**/*.map`), the patterns alone decide. Whether no match is an error is decided by [`files::find`].
///
/// # Errors
/// Bad input: the errors of [`files::find`]. Unobservable: a file that cannot be read.
pub fn measure(root: &Path, patterns: &[Glob], baseline: &Path) -> Result<Bundle, CommandError> {
    let mut paths = files::find(root, patterns).map_err(Finding::bad_input)?;
    let with_maps = patterns.iter().any(names_maps);
    let baseline = baseline.strip_prefix(".").unwrap_or(baseline);
    paths.retain(|path| path != baseline && (with_maps || path.extension().is_none_or(|extension| extension != "map")));
    measure_files(root, &paths).map(Bundle::from_files).map_err(Finding::unobservable)
}

/// Whether a pattern names source maps: `**/*.map`, `*.{js,map}`.
fn names_maps(pattern: &Glob) -> bool {
    pattern.last_part().split(['.', ',', '{', '}']).skip(1).any(|extension| extension == "map")
}

/// Measures files in parallel; the result is in the order of the paths.
fn measure_files(root: &Path, paths: &[PathBuf]) -> Result<Vec<BundleFile>, Finding> {
    let next = AtomicUsize::new(0);
    let measured = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(at) else { return };
            let file = measure_file(root, path);
            measured.lock().unwrap_or_else(PoisonError::into_inner).insert(at, file);
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS).min(paths.len());
    thread::scope(|scope| {
        for _ in 1..threads {
            // Fewer threads are enough if one does not start.
            drop(thread::Builder::new().name("look".to_owned()).spawn_scoped(scope, work));
        }
        work();
    });
    measured.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

fn measure_file(root: &Path, path: &Path) -> Result<BundleFile, Finding> {
    let name = path.display().to_string();
    measure_content(&root.join(path)).map(|(sizes, sha256)| BundleFile { path: name.clone(), sizes, sha256 }).map_err(
        |error| {
            Finding::inconclusive(name).actual(format!("cannot be read: {error}")).expected("a file that can be read")
        },
    )
}

fn measure_content(path: &Path) -> io::Result<(Sizes, String)> {
    let mut file = files::open(path)?;
    let mut hash = Sha256::new();
    // Without a name and a time in the header, so that equal bytes have equal sizes.
    let mut gzip = GzBuilder::new().write(ByteCounter(0), Compression::new(Compressor::built_in().level));
    let mut raw = 0;
    let mut chunk = Vec::new();
    loop {
        chunk.clear();
        // Whole chunks, even after short reads: the compressor gets the same pieces every time.
        let length = (&mut file).take(CHUNK).read_to_end(&mut chunk)?;
        if length == 0 {
            break;
        }
        raw += length as u64;
        hash.update(&chunk);
        gzip.write_all(&chunk)?;
    }
    let ByteCounter(gzip) = gzip.finish()?;
    Ok((Sizes { raw, gzip }, hex(&hash.finalize())))
}

/// Counts the bytes that are written to it.
struct ByteCounter(u64);

impl Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::files::write_atomically;

    fn bundle(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        for (name, bytes) in files {
            write_atomically(&root.path().join(name), bytes).expect("a file");
        }
        root
    }

    fn measured(root: &tempfile::TempDir, patterns: &[&str]) -> Bundle {
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
    fn the_backend_version_is_that_of_the_lock_file() {
        let lock = include_str!("../../../Cargo.lock");
        let version = lock
            .split("[[package]]")
            .find(|package| package.contains("name = \"zlib-rs\""))
            .and_then(|package| package.split("version = \"").nth(1))
            .and_then(|rest| rest.split('"').next());
        let built_in = version.map(|version| format!("zlib-rs {version}"));
        assert_eq!(Some(Compressor::built_in().backend), built_in, "write the new version into Compressor::built_in");
    }

    /// Users compare these numbers across builds. If they change with a patch release of zlib-rs, older baselines are not
    /// comparable with new ones, and `Baseline::comparable` has to refuse them.
    #[test]
    fn compressed_sizes_are_pinned() {
        let root = bundle(&[("app.js", &code(300_000)), ("empty.js", b""), ("hi.js", b"hi")]);
        let measured = measured(&root, &["."]);
        let sizes: Vec<_> =
            measured.files.iter().map(|(name, named)| (name.as_str(), named.sizes().raw, named.sizes().gzip)).collect();
        assert_eq!(sizes, [("app.js", 300_000, 107_508), ("empty.js", 0, 20), ("hi.js", 2, 22)]);
    }

    #[test]
    fn reading_in_chunks_does_not_change_the_size() {
        let text = code(300_000);
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::new(9));
        gzip.write_all(&text).expect("compressed");
        let whole = gzip.finish().expect("compressed");
        let root = bundle(&[("app.js", &text)]);
        assert_eq!(measured(&root, &["app.js"]).total(), Sizes { raw: 300_000, gzip: whole.len() as u64 });
    }

    #[test]
    fn files_are_grouped_by_their_names_without_hashes() {
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
    fn the_baseline_file_is_not_measured() {
        let root = bundle(&[("app.js", b"one"), ("sizes.json", b"record"), ("lib/sizes.json", b"four")]);
        assert_eq!(measured(&root, &["."]).files.keys().collect::<Vec<_>>(), ["app.js", "lib/sizes.json"]);
        let record = Path::new("./lib/sizes.json");
        let measured = measure(root.path(), &[".".parse().expect("a pattern")], record).expect("measured");
        assert_eq!(measured.files.keys().collect::<Vec<_>>(), ["app.js", "sizes.json"]);
    }

    #[test]
    fn files_are_in_the_order_of_their_paths() {
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
        write_atomically(&root.path().join("dist/07/x.js"), &vec![b'y'; 50_000]).expect("changed");
        let changed = measured(&root, &["dist"]);
        assert_eq!(changed.total(), first.total());
        assert_ne!(changed.digest(), first.digest());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let root = bundle(&[("dist/app.js", b"one")]);
        let finding =
            measure_files(root.path(), &["dist/app.js".into(), "dist/gone.js".into()]).expect_err("gone").to_string();
        assert!(finding.starts_with("dist/gone.js: cannot be read: No such file"), "{finding}");
    }
}
