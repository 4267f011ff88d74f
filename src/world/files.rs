//! Files of the workspace: which of them a list of patterns names, reading within a bound, writing whole or not at all.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    io::{Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use fast_glob::{glob_match, validate};
use rustix::fs::OFlags;
use walkdir::WalkDir;

use crate::error::ValueError;
use crate::finding::Finding;

/// How many entries of a folder an error shows.
const SHOWN: usize = 8;
/// What a pattern is never made of; with one of these it is no plain path.
const WILD: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// One line of a list of patterns, each relative to the workspace.
///
/// A plain path is the file itself, or everything below the folder, hidden files included. `*` and `?` stop at `/`, `**/`
/// crosses folders, `{a,b}` and `[a-z]` are alternatives, a trailing `/` means everything below. A leading `!` takes away
/// what earlier lines named; a later line can bring it back. `.git` is never looked into. A path that exists as written is
/// plain whatever characters it holds (`pages/[slug].js`); `\` escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    written: String,
    removes: bool,
    below: bool,
    /// Without `!`, `.`, `..` and doubled or trailing slashes; empty is the workspace itself.
    pattern: String,
}

impl FromStr for Glob {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refuse = |why: &str| {
            ValueError::from(format!(
                "a path or glob inside the workspace such as `dist`, `dist/**/*.js` or `!**/*.map`, but in `{text}`: {why}"
            ))
        };
        let (removes, path) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest.trim_start()));
        if path.is_empty() {
            return Err(refuse("it is empty"));
        }
        if path.contains('\0') {
            return Err(refuse("it holds a NUL"));
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop().ok_or_else(|| refuse("`..` leaves the workspace"))?),
                name => parts.push(name),
            }
        }
        let root = if path.starts_with('/') { "/" } else { "" };
        let pattern = format!("{root}{}", parts.join("/"));
        validate(literal(&pattern)).map_err(|error| refuse(&error.to_string()))?;
        Ok(Self { written: text.to_owned(), removes, below: path.ends_with('/'), pattern })
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Glob {
    /// Whether this line takes away instead of naming.
    #[must_use]
    pub const fn removes(&self) -> bool {
        self.removes
    }

    /// The last part of the pattern: `*.js` of `dist/**/*.js`.
    #[must_use]
    pub fn last_part(&self) -> &str {
        self.pattern.rsplit('/').next().unwrap_or_default()
    }
}

/// To the matcher, a `!` in front turns the pattern around; here, one that is left is a part of a name.
fn literal(pattern: &str) -> String {
    if pattern.starts_with('!') { format!("\\{pattern}") } else { pattern.to_owned() }
}

/// A pattern held against one workspace.
struct Pattern<'a> {
    glob: &'a Glob,
    /// Where the walk starts, relative to the root: the pattern up to its first wildcard.
    base: PathBuf,
    /// Absent: a plain path, which means itself and everything below.
    wild: Option<String>,
}

impl<'a> Pattern<'a> {
    fn new(root: &Root, glob: &'a Glob) -> Result<Self, Finding> {
        let path = Path::new(&glob.pattern);
        let pattern = if path.is_absolute() { root.relative(glob)? } else { glob.pattern.clone() };
        if !pattern.contains(WILD) || root.path.join(&pattern).symlink_metadata().is_ok() {
            return Ok(Self { glob, base: pattern.into(), wild: None });
        }
        let base = pattern.split('/').take_while(|part| !part.contains(WILD)).collect();
        let whole = if glob.below { format!("{pattern}/**") } else { pattern };
        Ok(Self { glob, base, wild: Some(literal(&whole)) })
    }

    fn names(&self, path: &Path) -> bool {
        match &self.wild {
            None => path.starts_with(&self.base),
            Some(wild) => glob_match(wild, path.as_os_str().as_encoded_bytes()),
        }
    }
}

/// The workspace: as the caller wrote it, and as the system resolves it.
struct Root<'a> {
    path: &'a Path,
    real: PathBuf,
}

impl Root<'_> {
    fn relative(&self, glob: &Glob) -> Result<String, Finding> {
        let path = Path::new(&glob.pattern);
        let inside = path.strip_prefix(self.path).or_else(|_| path.strip_prefix(&self.real));
        inside.map(|inside| inside.to_string_lossy().into_owned()).map_err(|_| {
            Finding::inconclusive(format!("pattern {glob}"))
                .actual("it leads out of the workspace")
                .expected(format!("a path inside {}", self.real.display()))
                .next("give it relative to the workspace")
        })
    }

    /// Follows symbolic links, and refuses when they end outside, in `.git`, or nowhere.
    fn resolve(&self, relative: &Path) -> Result<PathBuf, Finding> {
        let finding = |seen: String| {
            Finding::inconclusive(relative.display().to_string())
                .actual(seen)
                .expected("a file inside the workspace")
                .next("replace the link by what it points to, or leave it out with a `!` line")
        };
        let real = fs::canonicalize(self.path.join(relative))
            .map_err(|error| finding(format!("a symbolic link that cannot be followed: {error}")))?;
        match real.strip_prefix(&self.real) {
            Ok(inside) if !in_git(inside) => Ok(real),
            _ => Err(finding(format!("a symbolic link out of the workspace, to {}", real.display()))),
        }
    }
}

fn in_git(path: &Path) -> bool {
    path.components().any(|part| part == Component::Normal(".git".as_ref()))
}

/// The files that `patterns` name below `root`, relative to it, each once and in order.
///
/// A symbolic link to a folder is not walked, one to a file counts when the file is inside `root`. An existing folder with
/// no file in it, and a list whose `!` lines leave nothing, give an empty answer: the caller decides what nothing means.
///
/// # Errors
/// No line that names anything; a line that names nothing (said with what is there instead); one that leaves `root`; a named
/// link that leads out, nowhere, or to a folder; a folder that cannot be read.
pub fn find(root: &Path, patterns: &[Glob]) -> Result<Vec<PathBuf>, Finding> {
    search(root, patterns, |root, pattern| Err(nothing(root, pattern)))
}

/// As [`find`], for files that are still to be written: a line that names nothing is no error.
///
/// # Errors
/// As [`find`] otherwise.
pub fn present(root: &Path, patterns: &[Glob]) -> Result<Vec<PathBuf>, Finding> {
    search(root, patterns, |_, _| Ok(()))
}

fn search(
    root: &Path,
    patterns: &[Glob],
    names_nothing: fn(&Root, &Pattern) -> Result<(), Finding>,
) -> Result<Vec<PathBuf>, Finding> {
    if patterns.iter().all(Glob::removes) {
        return Err(Finding::inconclusive("patterns")
            .actual(if patterns.is_empty() { "none" } else { "only `!` lines" })
            .expected("at least one line that names a file or folder"));
    }
    let real = fs::canonicalize(root).map_err(|error| {
        Finding::inconclusive(root.display().to_string()).actual(error.to_string()).expected("the workspace, a folder")
    })?;
    let root = Root { path: root, real };
    let mut found = BTreeMap::new();
    for glob in patterns {
        let pattern = Pattern::new(&root, glob)?;
        if glob.removes {
            found.retain(|path: &PathBuf, _| !pattern.names(path));
        } else if !walk(&root, &pattern, &mut found)? {
            names_nothing(&root, &pattern)?;
        }
    }
    found.into_iter().map(|(path, readable)| readable.map(|()| path)).collect()
}

/// Adds what the pattern names; a link that cannot be read stays a complaint until no later `!` line removes it.
/// False: there is nothing it could mean.
fn walk(root: &Root, pattern: &Pattern, found: &mut BTreeMap<PathBuf, Result<(), Finding>>) -> Result<bool, Finding> {
    let start = root.path.join(&pattern.base);
    if in_git(&pattern.base) || start.symlink_metadata().is_err() {
        return Ok(false);
    }
    // A link that is written out in the pattern is meant, so it is followed, as far as the workspace goes.
    let real = root.resolve(&pattern.base)?;
    let mut any = pattern.wild.is_none() && real.is_dir();
    let walk = WalkDir::new(&start).into_iter().filter_entry(|entry| entry.file_name() != ".git");
    for entry in walk {
        let entry = entry.map_err(|error| {
            Finding::inconclusive(format!("pattern {}", pattern.glob))
                .actual(error.to_string())
                .expected("folders that can be read")
                .next("name a smaller folder, or make this one readable")
        })?;
        let Ok(path) = entry.path().strip_prefix(root.path) else { continue };
        let readable = match entry.depth() {
            0 if real.is_file() => Ok(()),
            0 => continue,
            _ if entry.path_is_symlink() => linked(root, path),
            _ if entry.file_type().is_file() => Ok(()),
            _ => continue,
        };
        if pattern.names(path) {
            any = true;
            found.insert(path.to_owned(), readable);
        }
    }
    Ok(any)
}

/// A symbolic link met on the way: fine when it ends at a file inside the workspace.
fn linked(root: &Root, path: &Path) -> Result<(), Finding> {
    if root.resolve(path)?.is_file() {
        return Ok(());
    }
    Err(Finding::inconclusive(path.display().to_string())
        .actual("a symbolic link to a folder, which is not walked")
        .expected("files and folders")
        .next("name the folder that it points to, or leave the link out with a `!` line"))
}

fn nothing(root: &Root, pattern: &Pattern) -> Finding {
    let exists = |path: &&Path| !in_git(path) && root.path.join(path).is_dir();
    let parent = pattern.base.ancestors().find(exists).unwrap_or(Path::new(""));
    let place =
        if parent.as_os_str().is_empty() { "the workspace".to_owned() } else { format!("{}/", parent.display()) };
    let mut names: Vec<String> = fs::read_dir(root.path.join(parent))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != ".git")
        .collect();
    names.sort();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let there = match (names.is_empty(), more) {
        (true, _) => "is empty".to_owned(),
        (_, 0) => format!("has {}", names.join(", ")),
        (_, more) => format!("has {} and {more} more", names.join(", ")),
    };
    Finding::inconclusive(format!("pattern {}", pattern.glob))
        .actual(format!("it names no file; {place} {there}"))
        .expected("at least one file")
        .next("build first, or correct the pattern (it is relative to the workspace)")
}

/// Everything in a regular file of at most `max` bytes.
///
/// # Errors
/// The file is missing, is no regular file, cannot be read, or is larger.
pub fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, Finding> {
    let finding = |seen: String| Finding::inconclusive(path.display().to_string()).actual(seen);
    let unreadable = |error: io::Error| finding(error.to_string()).expected("a file that can be read");
    let file = open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max {
        return Err(finding(format!("more than {max} bytes")).expected(format!("at most {max} bytes")));
    }
    Ok(bytes)
}

/// Opens a regular file for reading. A pipe or device is refused instead of waited for.
pub fn open(path: &Path) -> io::Result<fs::File> {
    // Without NONBLOCK the open itself waits for a writer at the other end of a named pipe.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// Puts `bytes` at `path` in one step: a reader sees the old file or the whole new one, and a failure leaves the old one.
/// Missing folders are created; the file gets the permissions that the umask gives any new file.
///
/// # Errors
/// The folder cannot be created or written to, the disk is full, or `path` is a folder.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Finding> {
    place(path, bytes).map_err(|error| {
        Finding::inconclusive(path.display().to_string())
            .actual(format!("cannot be written: {error}"))
            .expected("a place that can be written to")
            .next("check the path, the folder's permissions and the free space")
    })
}

fn place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // In the same folder, since a rename does not cross file systems. Dropped on every early return, and so removed.
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)?;
    file.write_all(bytes)?;
    // Some file systems only say here that they are full.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests;
