//! Measures a bundle: the raw and the compressed size of every judged file, and what its content is like. A file is read once; only
//! one that is larger than the buffer is read twice, if what is to be done with it depends on its hash.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
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
    kinds, manifest,
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
const CHUNK: usize = 256 * 1024;
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
    /// The files of a trusted baseline by content, which need not be compressed again.
    pub known: Arc<HashMap<String, BundleFile>>,
    pub sketched: Sketched,
    /// The sizes of known contents, if they are kept.
    pub cache: Option<Arc<SizeCache>>,
}

/// Which contents are sketched.
#[derive(Clone)]
pub enum Sketched {
    None,
    /// Every one, for a baseline: what it will be compared with is unknown.
    All,
    /// Those that the baseline of this comparison does not have; the others have its sketches, by their hashes.
    Changed(Arc<HashMap<String, Option<Sketch>>>),
}

impl Sketched {
    /// For a comparison with these files. Without their hashes, sketches would be compared with nothing.
    #[must_use]
    pub fn beside(before: &[BundleFile]) -> Self {
        let hashed = before.iter().filter(|file| !file.sha256.is_empty());
        let known: HashMap<_, _> = hashed.map(|file| (file.sha256.clone(), file.sketch.clone())).collect();
        if known.is_empty() { Self::None } else { Self::Changed(Arc::new(known)) }
    }
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

fn measure_paths(root: &Path, paths: Vec<PathBuf>, how: &Measuring) -> Result<Bundle, Finding> {
    let Measuring { scope, baseline, compression, .. } = how;
    let baseline = baseline.strip_prefix(".").unwrap_or(baseline);
    let paths: Vec<PathBuf> = paths.into_iter().filter(|path| path != baseline).collect();
    let names: Vec<Cow<'_, str>> = paths.iter().map(|path| path.to_string_lossy()).collect();
    let all: HashSet<&str> = names.iter().map(AsRef::as_ref).collect();
    let (judged, other): (Vec<&PathBuf>, Vec<&PathBuf>) =
        paths.iter().partition(|path| scope.judges(&path.to_string_lossy(), &all));
    let files = in_parallel(&judged, Tools::new, |tools, path| how.measure_file(root, path, tools))?;
    let mut bundle = Bundle { compressor: Compressor::of(*compression), ..Bundle::from_files(files) };
    for path in other {
        let metadata = root.join(path).metadata().map_err(|error| unreadable(path, &error))?;
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

/// Does the same with each path, in parallel; the results are in the order of the paths. Each thread has its tool.
fn in_parallel<T: Send, S>(
    paths: &[&PathBuf],
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
    fn measure_file(&self, root: &Path, path: &Path, tools: &mut Tools) -> Result<BundleFile, Finding> {
        let measured = self.measure_content(&root.join(path), tools).map_err(|error| unreadable(path, &error))?;
        let path = path.to_string_lossy().into_owned();
        // A small change changes all of a compressed file behind it: it is known by its name alone.
        let sketch = measured.sketch.filter(|_| kinds::original(&path).is_none());
        Ok(BundleFile { path, sketch, ..measured })
    }

    /// Sizes, hash and sketch of a content.
    fn measure_content(&self, path: &Path, Tools { buffer, deflater }: &mut Tools) -> io::Result<BundleFile> {
        let mut content = Content { path, buffer, length: None };
        let mut sketcher = Sketcher::default();
        // What does not depend on the hash is done in the same pass.
        let is_gzip = self.compression != Compression::Brotli;
        let is_new = self.known.is_empty();
        let first = Steps { gzip: is_gzip && is_new, sketch: is_new && matches!(self.sketched, Sketched::All) };
        let mut hash = Sha256::new();
        let raw = content.read(|chunk| {
            hash.update(chunk);
            first.take(chunk, deflater, &mut sketcher)
        })?;
        let sha256 = hex(&hash.finalize());
        let known = self.known.get(&sha256).filter(|file| file.sizes.raw == raw);
        let mut compressed = if first.gzip { Some(deflater.finish()?) } else { self.find(known, &sha256, raw) };
        let before = match &self.sketched {
            Sketched::None => Some(None),
            Sketched::All => known.map(|file| file.sketch.clone()).filter(Option::is_some),
            Sketched::Changed(known) => known.get(&sha256).cloned(),
        };
        let second = Steps { gzip: is_gzip && compressed.is_none(), sketch: !first.sketch && before.is_none() };
        if second.gzip || second.sketch {
            content.read(|chunk| second.take(chunk, deflater, &mut sketcher))?;
        }
        if second.gzip {
            compressed = Some(deflater.finish()?);
        }
        let compressed = match compressed {
            Some(compressed) => compressed,
            None => self.brotli_size(&mut content, &sha256, raw)?,
        };
        let sketch = before.unwrap_or_else(|| Some(sketcher.finish()));
        Ok(BundleFile { sizes: Sizes { raw, compressed }, sha256, sketch, ..BundleFile::default() })
    }

    /// The compressed size of a content that need not be compressed: the baseline has it, or an earlier run has kept it.
    fn find(&self, known: Option<&BundleFile>, sha256: &str, raw: u64) -> Option<u64> {
        // Asked first, because a kept size stays as long as it is asked for.
        let kept = self.cache.as_ref().and_then(|cache| cache.find(sha256, raw));
        known.map(|file| file.sizes.compressed).or(kept)
    }

    fn brotli_size(&self, content: &mut Content<'_>, sha256: &str, raw: u64) -> io::Result<u64> {
        let mut whole = Vec::new();
        content.read(|chunk| {
            whole.extend_from_slice(chunk);
            Ok(())
        })?;
        let compressed = brotli_size(&whole, sha256)?;
        if let Some(cache) = &self.cache {
            cache.add(sha256, raw, compressed);
        }
        Ok(compressed)
    }
}

/// What is done with a content while it is read.
struct Steps {
    gzip: bool,
    sketch: bool,
}

impl Steps {
    fn take(&self, chunk: &[u8], deflater: &mut Deflater, sketcher: &mut Sketcher) -> io::Result<()> {
        if self.sketch {
            sketcher.add(chunk);
        }
        if self.gzip { deflater.add(chunk) } else { Ok(()) }
    }
}

/// What each thread has for its files.
struct Tools {
    buffer: Vec<u8>,
    deflater: Deflater,
}

impl Tools {
    fn new() -> Self {
        Self { buffer: vec![0; CHUNK], deflater: Deflater::new() }
    }
}

/// The content of a file, which can be read several times. One that is smaller than the buffer stays there.
struct Content<'a> {
    path: &'a Path,
    buffer: &'a mut [u8],
    length: Option<usize>,
}

impl Content<'_> {
    /// Reads it in whole chunks, even after short reads: the compressor gets the same pieces every time. Returns its length.
    fn read(&mut self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
        if let Some(length) = self.length.filter(|length| *length < self.buffer.len()) {
            take(&self.buffer[..length])?;
            return Ok(length as u64);
        }
        let mut file = files::open(self.path)?;
        let mut length = 0;
        loop {
            let filled = fill(&mut file, self.buffer)?;
            take(&self.buffer[..filled])?;
            length += filled;
            if filled < self.buffer.len() {
                break;
            }
        }
        if self.length.is_some_and(|before| before != length) {
            return Err(io::Error::other("it changed while it was read"));
        }
        self.length = Some(length);
        Ok(length as u64)
    }
}

/// Fills the buffer as far as the file has bytes. Returns how many these are.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
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

/// The size of a content with this hash: it is kept by the hash, so it must be that of no other content.
fn brotli_size(content: &[u8], sha256: &str) -> io::Result<u64> {
    if hex(&Sha256::digest(content)) != sha256 {
        return Err(io::Error::other("it changed while it was read"));
    }
    let parameters = BrotliEncoderParams {
        quality: i32::try_from(Compressor::of(Compression::Brotli).level).unwrap_or(i32::MAX),
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    let mut counter = ByteCounter(0);
    brotli::BrotliCompress(&mut &content[..], &mut counter, &parameters)?;
    Ok(counter.0)
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
