//! Measures a bundle: the raw and the compressed size of every judged file, and what its content is like.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    num::NonZero,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use brotli::enc::BrotliEncoderParams;
use flate2::{Compress, FlushCompress, Status};
use sha2::{Digest, Sha256};

use super::{
    bundle::{Bundle, BundleFile, Compressor, hex},
    manifest,
    scope::Scope,
    size_cache::SizeCache,
    sizes::{Compression, Sizes},
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

/// What is measured, and how.
#[derive(Clone)]
pub struct Measuring {
    pub scope: Scope,
    /// The baseline file, which is no part of the bundle.
    pub baseline: PathBuf,
    pub compression: Compression,
    /// The sizes that the baseline has, by content.
    pub known: Arc<BTreeMap<String, Sizes>>,
    /// The sizes of known contents, if they are kept.
    pub cache: Option<Arc<SizeCache>>,
}

/// Measures the files below `root` that match `patterns`, except the baseline file itself. What the scope does not judge is listed
/// with its raw size.
///
/// Whether no match is an error is decided by [`files::find`].
///
/// # Errors
/// Bad input: the errors of [`files::find`]. Unobservable: a file that cannot be read.
pub fn measure(root: &Path, patterns: &[Glob], how: &Measuring) -> Result<Bundle, CommandError> {
    let paths = files::find(root, patterns).map_err(Finding::bad_input)?;
    measure_paths(root, paths, how).map_err(Finding::unobservable)
}

/// As [`measure`], with the patterns of the baseline, which may match nothing any more. A pattern that cannot be read names
/// nothing.
///
/// # Errors
/// A file that cannot be read.
pub fn measure_as_before(root: &Path, how: &Measuring) -> Result<Bundle, CommandError> {
    let patterns: Vec<Glob> = how.scope.patterns.iter().filter_map(|pattern| pattern.parse().ok()).collect();
    let paths = files::find_existing(root, &patterns).map_err(Finding::unobservable)?;
    measure_paths(root, paths, how).map_err(Finding::unobservable)
}

/// Adds the sketch of each content to the files with these paths.
///
/// # Errors
/// A file that cannot be read.
pub fn sketch(root: &Path, bundle: &mut Bundle, paths: &[String]) -> Result<(), Finding> {
    let wanted: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let sketches = in_parallel(
        &wanted,
        || (),
        |(), path| {
            let mut sketcher = Sketcher::default();
            read_chunks(&root.join(path), |chunk| {
                sketcher.add(chunk);
                Ok(())
            })
            .map_err(|error| unreadable(path, &error))?;
            Ok(sketcher.finish())
        },
    )?;
    let mut sketches: BTreeMap<&str, Sketch> = paths.iter().map(String::as_str).zip(sketches).collect();
    for file in &mut bundle.files {
        if let Some(sketch) = sketches.remove(file.path.as_str()) {
            file.sketch = Some(sketch);
        }
    }
    Ok(())
}

fn measure_paths(root: &Path, paths: Vec<PathBuf>, how: &Measuring) -> Result<Bundle, Finding> {
    let Measuring { scope, baseline, compression, .. } = how;
    let baseline = baseline.strip_prefix(".").unwrap_or(baseline);
    let paths = paths.into_iter().filter(|path| path != baseline);
    let (judged, other): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| scope.judges(&path.to_string_lossy()));
    let files = in_parallel(&judged, Deflater::new, |deflater, path| how.measure_file(root, path, deflater))?;
    let mut bundle = Bundle { compressor: Compressor::of(*compression), ..Bundle::from_files(files) };
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

/// Does the same with each path, in parallel; the results are in the order of the paths. Each thread has a tool of its own.
fn in_parallel<T: Send, S>(
    paths: &[PathBuf],
    tool: impl Fn() -> S + Sync,
    each: impl Fn(&mut S, &Path) -> Result<T, Finding> + Sync,
) -> Result<Vec<T>, Finding> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let work = || {
        let mut tool = tool();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(at) else { return };
            let result = each(&mut tool, path);
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

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    Finding::inconclusive(path.to_string_lossy())
        .actual(format!("cannot be read: {error}"))
        .expected("a file that can be read")
}

impl Measuring {
    /// The compressed size of a content that need not be compressed: the baseline has it, or an earlier run has kept it.
    fn find(&self, sha256: &str, raw: u64) -> Option<u64> {
        // Asked first, because a kept size stays as long as it is asked for.
        let kept = self.cache.as_ref().and_then(|cache| cache.find(sha256, raw));
        let known = self.known.get(sha256).filter(|sizes| sizes.raw == raw).map(|sizes| sizes.compressed);
        known.or(kept)
    }

    fn measure_file(&self, root: &Path, path: &Path, deflater: &mut Deflater) -> Result<BundleFile, Finding> {
        let (sizes, sha256) =
            self.measure_content(&root.join(path), deflater).map_err(|error| unreadable(path, &error))?;
        Ok(BundleFile { path: path.to_string_lossy().into_owned(), sizes, sha256, ..BundleFile::default() })
    }

    fn measure_content(&self, path: &Path, deflater: &mut Deflater) -> io::Result<(Sizes, String)> {
        let is_gzip = self.compression != Compression::Brotli;
        let is_new = is_gzip && self.known.is_empty();
        let mut hash = Sha256::new();
        let mut raw = 0;
        read_chunks(path, |chunk| {
            raw += chunk.len() as u64;
            hash.update(chunk);
            if is_new { deflater.add(chunk) } else { Ok(()) }
        })?;
        let sha256 = hex(&hash.finalize());
        let compressed = if is_new {
            deflater.finish()?
        } else if let Some(known) = self.find(&sha256, raw) {
            known
        } else if is_gzip {
            read_chunks(path, |chunk| deflater.add(chunk))?;
            deflater.finish()?
        } else {
            let compressed = brotli_size(path, &sha256)?;
            if let Some(cache) = &self.cache {
                cache.add(&sha256, raw, compressed);
            }
            compressed
        };
        Ok((Sizes { raw, compressed }, sha256))
    }
}

/// Counts the bytes of gzip at the highest level. One for many files: its tables take longer to make than a small file to compress.
struct Deflater {
    state: Compress,
    output: Vec<u8>,
}

impl Deflater {
    /// The header and the checksum of a gzip file without a name.
    const AROUND: u64 = 18;

    fn new() -> Self {
        let level = flate2::Compression::new(Compressor::of(Compression::Gzip).level);
        Self { state: Compress::new(level, false), output: vec![0; 64 << 10] }
    }

    fn add(&mut self, mut chunk: &[u8]) -> io::Result<()> {
        while !chunk.is_empty() {
            let before = self.state.total_in();
            self.state.compress(chunk, &mut self.output, FlushCompress::None)?;
            let taken = usize::try_from(self.state.total_in() - before).unwrap_or(usize::MAX);
            chunk = chunk.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// The size of everything that was added. The next file begins.
    fn finish(&mut self) -> io::Result<u64> {
        while self.state.compress(&[], &mut self.output, FlushCompress::Finish)? != Status::StreamEnd {}
        let size = self.state.total_out() + Self::AROUND;
        self.state.reset();
        Ok(size)
    }
}

/// The size of a file whose content has this hash: its size is kept by the hash, so it must be that of no other content.
fn brotli_size(path: &Path, sha256: &str) -> io::Result<u64> {
    let mut content = Vec::new();
    read_chunks(path, |chunk| {
        content.extend_from_slice(chunk);
        Ok(())
    })?;
    if hex(&Sha256::digest(&content)) != sha256 {
        return Err(io::Error::other("it changed while it was read"));
    }
    let parameters = BrotliEncoderParams {
        quality: i32::try_from(Compressor::of(Compression::Brotli).level).unwrap_or(i32::MAX),
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    let mut counter = ByteCounter(0);
    brotli::BrotliCompress(&mut content.as_slice(), &mut counter, &parameters)?;
    Ok(counter.0)
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
mod tests;
