//! Compressed sizes by content, in a file that a workflow can keep between runs. It saves time and proves nothing: each line has a
//! checksum, so that what is damaged, or was written with another compressor, is computed again.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{self, Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use sha2::{Digest, Sha256};

use super::bundle::{Compressor, hex};
use crate::{
    context::CommandContext,
    finding::Finding,
    world::{
        files::{read_bounded, write_atomically},
        git::Git,
    },
};

/// The name of the file in its folder.
const FILE: &str = "bundle-size.sizes";
/// The largest file that is read, in bytes: half a million contents.
const LARGEST: u64 = 64 << 20;
/// How many hex digits a checksum has.
const CHECK: usize = 16;

/// The sizes of known contents.
pub struct SizeCache {
    path: PathBuf,
    /// The compressor: sizes of another one are none.
    parameters: String,
    known: HashMap<String, Entry>,
    used: Mutex<BTreeMap<String, Entry>>,
    computed: AtomicUsize,
}

/// The size of a content before and after compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    raw: u64,
    compressed: u64,
}

/// Opens the sizes in a folder. `None` if the checked-out commit has the file or its folder: a pull request could bring any size. The
/// log names what is not used.
#[must_use]
pub fn open_untracked(folder: &Path, compressor: &Compressor, ctx: &CommandContext) -> Option<SizeCache> {
    if let Some(checkout) = ctx.world.trusted.checkout() {
        let tracked = is_tracked(folder, &checkout.git(&ctx.world.groups));
        let why = match tracked {
            Ok(false) => return Some(SizeCache::open(folder, compressor)),
            Ok(true) => "the repository has it, so a change could write any size; name a folder that is not committed"
                .to_owned(),
            Err(finding) => format!("whether the repository has it is unknown: {finding}"),
        };
        ctx.log.say(&format!("`cache-folder`: {} is not used: {why}", folder.join(FILE).display()));
        return None;
    }
    Some(SizeCache::open(folder, compressor))
}

/// Whether the checked-out commit has the file or its folder, by the path as it is written, or behind links.
fn is_tracked(folder: &Path, git: &Git) -> Result<bool, Finding> {
    let paths = [folder.to_owned(), folder.join(FILE)];
    let paths = paths.iter().flat_map(|path| [path::absolute(path), fs::canonicalize(path)]).flatten();
    // One at a time: of a folder and a file in it, git lists only the file.
    for path in paths.filter_map(|path| git.tree_path(&path)) {
        if !git.in_head(&[path])?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl SizeCache {
    /// Reads the sizes in a folder. A file that cannot be read has none.
    #[must_use]
    pub fn open(folder: &Path, Compressor { algorithm, level, backend }: &Compressor) -> Self {
        let (path, parameters) = (folder.join(FILE), format!("{algorithm} {level} {backend}"));
        let text = read_bounded(&path, LARGEST).unwrap_or_default();
        let lines = text.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        let known = lines.filter_map(|line| read_line(&parameters, line)).collect();
        Self { path, parameters, known, used: Mutex::default(), computed: AtomicUsize::new(0) }
    }

    /// The compressed size of a content, if it is known.
    #[must_use]
    pub fn find(&self, sha256: &str, raw: u64) -> Option<u64> {
        let entry = *self.known.get(sha256).filter(|entry| entry.raw == raw)?;
        self.lock().insert(sha256.to_owned(), entry);
        Some(entry.compressed)
    }

    /// Keeps the compressed size of a content.
    pub fn add(&self, sha256: &str, raw: u64, compressed: u64) {
        self.computed.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(sha256.to_owned(), Entry { raw, compressed });
    }

    /// How many sizes were not known.
    #[must_use]
    pub fn computed(&self) -> usize {
        self.computed.load(Ordering::Relaxed)
    }

    /// Writes the sizes that were used. What was not used is dropped, so that the file does not grow forever.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<(), Finding> {
        let used = self.lock();
        if self.computed() == 0 && used.len() == self.known.len() {
            return Ok(());
        }
        let lines = used.iter().map(|(sha256, entry)| line(&self.parameters, sha256, *entry) + "\n");
        write_atomically(&self.path, lines.collect::<String>().as_bytes())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Entry>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `SHA256 RAW COMPRESSED CHECK`
fn line(parameters: &str, sha256: &str, Entry { raw, compressed }: Entry) -> String {
    let text = format!("{sha256} {raw} {compressed}");
    let check = hex(&Sha256::digest(format!("{parameters} {text}")));
    format!("{text} {}", &check[..CHECK])
}

fn read_line(parameters: &str, text: &str) -> Option<(String, Entry)> {
    let mut words = text.split(' ');
    let (sha256, raw, compressed) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let entry = Entry { raw, compressed };
    (line(parameters, sha256, entry) == text).then(|| (sha256.to_owned(), entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bundle_size::sizes::Compression;

    #[test]
    fn only_undamaged_lines_of_the_same_compressor_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let compressor = Compressor::of(Compression::Brotli);
        let open = |compressor: &Compressor| SizeCache::open(folder.path(), compressor);
        let first = open(&compressor);
        assert_eq!(first.find("ab", 100), None);
        first.add("ab", 100, 40);
        first.add("cd", 200, 50);
        first.save().unwrap();
        let second = open(&compressor);
        assert_eq!((second.find("ab", 100), second.find("ab", 101), second.computed()), (Some(40), None, 0));
        assert_eq!(open(&Compressor { level: 10, ..compressor.clone() }).find("ab", 100), None);
        let newer = Compressor { backend: "brotli 99.0.0".to_owned(), ..compressor.clone() };
        assert_eq!(open(&newer).find("ab", 100), None);
        // What was not used is dropped.
        second.save().unwrap();
        assert_eq!(open(&compressor).find("cd", 200), None);
        let path = folder.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        for (from, to) in [("100 40", "100 4"), ("100 40", "10 40"), ("ab", "cd"), ("ab", "ab "), (" ", "\u{0}")] {
            fs::write(&path, format!("\u{fffd}\nnothing\n{}", text.replacen(from, to, 1))).unwrap();
            let damaged = open(&compressor);
            for (sha256, raw) in [("ab", 100), ("ab", 10), ("cd", 100), ("ab ", 100)] {
                assert_eq!(damaged.find(sha256, raw), None, "{to}");
            }
        }
        fs::write(&path, format!("\u{fffd}\nnothing\n{text}")).unwrap();
        assert_eq!(open(&compressor).find("ab", 100), Some(40));
    }
}
