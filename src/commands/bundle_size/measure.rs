//! Measures a bundle: the raw and the compressed size of every judged file, and what its content is like.

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
    manifest,
    scope::Scope,
    sizes::Sizes,
    sketch::{Sketch, Sketcher},
};
use crate::{
    error::CommandError,
    finding::Finding,
    world::files::{self, Glob},
};

/// How many bytes of a file are in memory at a time.
const CHUNK: u64 = 256 * 1024;
/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 8 << 20;
/// With more threads the disk becomes the bottleneck.
const MOST_THREADS: usize = 8;

/// Measures the files below `root` that match `patterns`, except the baseline file itself. What `scope` does not judge is listed
/// with its raw size.
///
/// Whether no match is an error is decided by [`files::find`].
///
/// # Errors
/// Bad input: the errors of [`files::find`]. Unobservable: a file that cannot be read.
pub fn measure(root: &Path, patterns: &[Glob], scope: &Scope, baseline: &Path) -> Result<Bundle, CommandError> {
    let paths = files::find(root, patterns).map_err(Finding::bad_input)?;
    measure_paths(root, paths, scope, baseline).map_err(Finding::unobservable)
}

/// As [`measure`], with the patterns of the baseline, which may match nothing any more. A pattern that cannot be read names
/// nothing.
///
/// # Errors
/// A file that cannot be read.
pub fn measure_as_before(root: &Path, scope: &Scope, baseline: &Path) -> Result<Bundle, CommandError> {
    let patterns: Vec<Glob> = scope.patterns.iter().filter_map(|pattern| pattern.parse().ok()).collect();
    let paths = files::find_existing(root, &patterns).map_err(Finding::unobservable)?;
    measure_paths(root, paths, scope, baseline).map_err(Finding::unobservable)
}

/// Adds the sketch of each content to the files with these paths.
///
/// # Errors
/// A file that cannot be read.
pub fn sketch(root: &Path, bundle: &mut Bundle, paths: &[String]) -> Result<(), Finding> {
    let wanted: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let sketches = in_parallel(&wanted, |path| {
        let mut sketcher = Sketcher::default();
        read_chunks(&root.join(path), |chunk| {
            sketcher.add(chunk);
            Ok(())
        })
        .map_err(|error| unreadable(path, &error))?;
        Ok(sketcher.finish())
    })?;
    let mut sketches: BTreeMap<&str, Sketch> = paths.iter().map(String::as_str).zip(sketches).collect();
    for file in &mut bundle.files {
        if let Some(sketch) = sketches.remove(file.path.as_str()) {
            file.sketch = Some(sketch);
        }
    }
    Ok(())
}

fn measure_paths(root: &Path, paths: Vec<PathBuf>, scope: &Scope, baseline: &Path) -> Result<Bundle, Finding> {
    let baseline = baseline.strip_prefix(".").unwrap_or(baseline);
    let paths = paths.into_iter().filter(|path| path != baseline);
    let (judged, other): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| scope.judges(&path.to_string_lossy()));
    let mut bundle = Bundle::from_files(in_parallel(&judged, |path| measure_file(root, path))?);
    for path in other {
        let metadata = root.join(&path).metadata().map_err(|error| unreadable(&path, &error))?;
        bundle.listed.insert(path.to_string_lossy().into_owned(), metadata.len());
    }
    // A manifest that cannot be read names nothing: the files are paired by their contents.
    for path in bundle.listed.keys().filter(|path| manifest::is_manifest(path)) {
        let Ok(text) = files::read_bounded(&root.join(path), MAX_MANIFEST) else { continue };
        let manifest = manifest::read(&text);
        for file in bundle.files.iter_mut().filter(|file| file.id.is_none()) {
            file.id = manifest::id_of(&file.path, &manifest).cloned();
        }
    }
    Ok(bundle)
}

/// Does the same with each path, in parallel; the results are in the order of the paths.
fn in_parallel<T: Send>(
    paths: &[PathBuf],
    each: impl Fn(&Path) -> Result<T, Finding> + Sync,
) -> Result<Vec<T>, Finding> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(at) else { return };
            let result = each(path);
            done.lock().unwrap_or_else(PoisonError::into_inner).insert(at, result);
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
    done.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

fn measure_file(root: &Path, path: &Path) -> Result<BundleFile, Finding> {
    let (sizes, sha256) = measure_content(&root.join(path)).map_err(|error| unreadable(path, &error))?;
    Ok(BundleFile { path: path.to_string_lossy().into_owned(), sizes, sha256, ..BundleFile::default() })
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    Finding::inconclusive(path.to_string_lossy())
        .actual(format!("cannot be read: {error}"))
        .expected("a file that can be read")
}

fn measure_content(path: &Path) -> io::Result<(Sizes, String)> {
    let mut hash = Sha256::new();
    // Without a name and a time in the header, so that equal bytes have equal sizes.
    let mut gzip = GzBuilder::new().write(ByteCounter(0), Compression::new(Compressor::built_in().level));
    let mut raw = 0;
    read_chunks(path, |chunk| {
        raw += chunk.len() as u64;
        hash.update(chunk);
        gzip.write_all(chunk)
    })?;
    let ByteCounter(gzip) = gzip.finish()?;
    Ok((Sizes { raw, gzip }, hex(&hash.finalize())))
}

/// Reads a file in whole chunks, even after short reads: the compressor gets the same pieces every time.
fn read_chunks(path: &Path, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut file = files::open(path)?;
    let mut chunk = Vec::new();
    loop {
        chunk.clear();
        if (&mut file).take(CHUNK).read_to_end(&mut chunk)? == 0 {
            return Ok(());
        }
        take(&chunk)?;
    }
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
        measured_beside(root, patterns, "sizes.json")
    }

    fn measured_beside(root: &tempfile::TempDir, patterns: &[&str], baseline: &str) -> Bundle {
        let globs: Vec<Glob> = patterns.iter().map(|pattern| pattern.parse().expect("a pattern")).collect();
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        let scope = Scope { patterns, ..Scope::default() };
        measure(root.path(), &globs, &scope, Path::new(baseline)).expect("measured")
    }

    fn paths(bundle: &Bundle) -> Vec<&str> {
        bundle.files.iter().map(|file| file.path.as_str()).collect()
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
    /// comparable with new ones, and `Baseline::comparable` has to notice.
    #[test]
    fn compressed_sizes_are_pinned() {
        let root = bundle(&[("app.js", &code(300_000)), ("empty.js", b""), ("hi.js", b"hi")]);
        let measured = measured(&root, &["."]);
        let sizes: Vec<_> =
            measured.files.iter().map(|file| (file.path.as_str(), file.sizes.raw, file.sizes.gzip)).collect();
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
    fn what_no_browser_runs_is_listed() {
        let root = bundle(&[
            ("dist/app.3f2a.js", b"one"),
            ("dist/app.3f2a.js.map", b"map"),
            ("dist/photo.png", b"four"),
            ("dist/style.css", b"three"),
        ]);
        let measured = measured(&root, &["dist"]);
        assert_eq!(paths(&measured), ["dist/app.3f2a.js", "dist/style.css"]);
        assert_eq!(
            measured.listed.iter().map(|(path, raw)| (path.as_str(), *raw)).collect::<Vec<_>>(),
            [("dist/app.3f2a.js.map", 3), ("dist/photo.png", 4)]
        );
        assert_eq!((measured.count().as_str(), measured.total().raw), ("2 files", 8));
        assert_eq!(measured.files[0].sha256, "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    }

    #[test]
    fn a_manifest_names_the_files() {
        let manifest = br#"{ "src/main.ts": { "file": "app-3f2a.js" } }"#;
        let root =
            bundle(&[("dist/app-3f2a.js", b"one"), ("dist/b.js", b"two"), ("dist/.vite/manifest.json", manifest)]);
        let ids: Vec<_> = measured(&root, &["dist"]).files.into_iter().map(|file| file.id).collect();
        assert_eq!(ids, [Some("src/main.ts".to_owned()), None]);
    }

    #[test]
    fn a_sketch_is_that_of_the_whole_content() {
        let text = code(600_000);
        let root = bundle(&[("app.js", &text), ("b.js", b"b")]);
        let mut measured = measured(&root, &["."]);
        sketch(root.path(), &mut measured, &["app.js".to_owned()]).expect("sketched");
        assert_eq!(measured.files[0].sketch, Some(Sketch::of(&text)));
        assert_eq!(measured.files[1].sketch, None);
        sketch(root.path(), &mut measured, &["gone.js".to_owned()]).expect_err("gone");
    }

    #[test]
    fn source_maps_count_when_a_pattern_names_them() {
        let root =
            bundle(&[("dist/app.js", b"one"), ("dist/app.js.map", b"map"), ("dist/a.map", b"x"), ("dist/map", b"y")]);
        for (patterns, expected) in [
            (&["dist"][..], &["dist/app.js"][..]),
            (&["dist/map", "dist/*.js"], &["dist/app.js", "dist/map"]),
            (&["dist/*.{js,map}"], &["dist/a.map", "dist/app.js", "dist/app.js.map"]),
            (&["**/*.map"], &["dist/a.map", "dist/app.js.map"]),
            (&["dist", "dist/**/*.map"], &["dist/a.map", "dist/app.js", "dist/app.js.map"]),
            (&["dist", "!dist/*.js.map"], &["dist/app.js"]),
        ] {
            assert_eq!(paths(&measured(&root, patterns)), expected, "{patterns:?}");
        }
    }

    #[test]
    fn the_baseline_file_is_not_measured() {
        let root = bundle(&[("app.js", b"one"), ("sizes.js", b"record"), ("lib/sizes.js", b"four")]);
        assert_eq!(paths(&measured_beside(&root, &["."], "sizes.js")), ["app.js", "lib/sizes.js"]);
        assert_eq!(paths(&measured_beside(&root, &["."], "./lib/sizes.js")), ["app.js", "sizes.js"]);
    }

    #[test]
    fn files_are_in_the_order_of_their_paths() {
        let files: Vec<(String, Vec<u8>)> =
            (0..50).map(|at| (format!("dist/{at:02}/x.js"), vec![b'x'; 50_000 * (at % 3)])).collect();
        let listed: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let root = bundle(&listed);
        let first = measured(&root, &["dist"]);
        assert_eq!(paths(&first), listed.iter().map(|(name, _)| *name).collect::<Vec<_>>());
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
        let paths = ["dist/app.js", "dist/gone.js"].map(PathBuf::from);
        let finding = in_parallel(&paths, |path| measure_file(root.path(), path)).expect_err("gone").to_string();
        assert!(finding.starts_with("dist/gone.js: cannot be read: No such file"), "{finding}");
    }
}
