//! Files of the workspace: finding them by glob patterns, reading with a size limit, writing atomically.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    io::{Read, Seek, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use fast_glob::{glob_match, validate};
use rustix::fs::OFlags;
use walkdir::WalkDir;

use crate::error::ValueError;
use crate::finding::Finding;

/// How many entries of a folder a message lists.
const MAX_LISTED: usize = 8;
/// A pattern with one of these characters is a glob, not a plain path.
const WILDCARDS: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// One line of a list of patterns, relative to the workspace.
///
/// A plain path matches the file itself, or everything below the folder, including hidden files. `*` and `?` stop at `/`,
/// `**/` crosses folders, `{a,b}` and `[a-z]` are alternatives, a trailing `/` means everything below. A leading `!`
/// removes the matches of earlier lines; a later line can add them again. `.git` never matches. A path that exists as
/// written is plain whatever characters it contains (`pages/[slug].js`); `\` escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    written: String,
    removes: bool,
    below: bool,
    /// Without `!`, `.`, `..` and doubled or trailing slashes; empty for the workspace itself.
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
        validate(escape_exclamation(&pattern)).map_err(|error| refuse(&error.to_string()))?;
        Ok(Self { written: text.to_owned(), removes, below: path.ends_with('/'), pattern })
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Glob {
    /// Whether this line removes matches.
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

/// Escapes a leading `!`, which negates a pattern of fast-glob; here it is a part of a name.
fn escape_exclamation(pattern: &str) -> String {
    if pattern.starts_with('!') { format!("\\{pattern}") } else { pattern.to_owned() }
}

/// A glob resolved in one workspace.
struct ResolvedGlob<'a> {
    glob: &'a Glob,
    /// Where the walk starts, relative to the workspace: the pattern up to its first wildcard.
    base: PathBuf,
    /// The pattern with wildcards; `None` for a plain path, which matches itself and everything below.
    wildcard: Option<String>,
}

impl<'a> ResolvedGlob<'a> {
    fn new(root: &Workspace, glob: &'a Glob) -> Result<Self, Finding> {
        let path = Path::new(&glob.pattern);
        let pattern = if path.is_absolute() { root.relative(glob)? } else { glob.pattern.clone() };
        if !pattern.contains(WILDCARDS) || root.path.join(&pattern).symlink_metadata().is_ok() {
            return Ok(Self { glob, base: pattern.into(), wildcard: None });
        }
        let base = pattern.split('/').take_while(|part| !part.contains(WILDCARDS)).collect();
        let whole = if glob.below { format!("{pattern}/**") } else { pattern };
        Ok(Self { glob, base, wildcard: Some(escape_exclamation(&whole)) })
    }

    fn matches(&self, path: &Path) -> bool {
        match &self.wildcard {
            None => path.starts_with(&self.base),
            Some(wildcard) => glob_match(wildcard, path.as_os_str().as_encoded_bytes()),
        }
    }
}

/// The workspace, with its path as given and with links resolved.
struct Workspace<'a> {
    path: &'a Path,
    real: PathBuf,
}

impl Workspace<'_> {
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

    /// Follows symbolic links. Refuses those that lead out of the workspace, into `.git`, or to nothing.
    fn resolve(&self, relative: &Path) -> Result<PathBuf, Finding> {
        let finding = |actual: String| {
            Finding::inconclusive(relative.display().to_string())
                .actual(actual)
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

/// The files below `root` that match `patterns`, relative to `root`, sorted and without duplicates.
///
/// Links to folders are not followed; a link to a file matches when the file is inside `root`. The result is empty for a
/// folder without files, and when `!` lines remove everything; the caller decides what that means.
///
/// # Errors
/// Only `!` lines; a line that matches nothing (the message lists what the folder has); a path outside `root`; a matching
/// link that leads outside, to nothing, or to a folder; a folder that cannot be read.
pub fn find(root: &Path, patterns: &[Glob]) -> Result<Vec<PathBuf>, Finding> {
    search(root, patterns, |root, pattern| Err(no_match(root, pattern)))
}

/// As [`find`], for files that may not exist yet: a line may match nothing.
///
/// # Errors
/// As [`find`] otherwise.
pub fn find_existing(root: &Path, patterns: &[Glob]) -> Result<Vec<PathBuf>, Finding> {
    search(root, patterns, |_, _| Ok(()))
}

fn search(
    root: &Path,
    patterns: &[Glob],
    on_no_match: fn(&Workspace, &ResolvedGlob) -> Result<(), Finding>,
) -> Result<Vec<PathBuf>, Finding> {
    if patterns.iter().all(Glob::removes) {
        return Err(Finding::inconclusive("patterns")
            .actual(if patterns.is_empty() { "none" } else { "only `!` lines" })
            .expected("at least one line that names a file or folder"));
    }
    let real = fs::canonicalize(root).map_err(|error| {
        Finding::inconclusive(root.display().to_string()).actual(error.to_string()).expected("the workspace, a folder")
    })?;
    let root = Workspace { path: root, real };
    let mut found = BTreeMap::new();
    for glob in patterns {
        let pattern = ResolvedGlob::new(&root, glob)?;
        if glob.removes {
            found.retain(|path: &PathBuf, _| !pattern.matches(path));
        } else if !walk(&root, &pattern, &mut found)? {
            on_no_match(&root, &pattern)?;
        }
    }
    found.into_iter().map(|(path, readable)| readable.map(|()| path)).collect()
}

/// Adds the matches of the pattern. A link that cannot be followed is added as an error, which a later `!` line may remove.
/// Returns false when nothing matches.
fn walk(
    root: &Workspace,
    pattern: &ResolvedGlob,
    found: &mut BTreeMap<PathBuf, Result<(), Finding>>,
) -> Result<bool, Finding> {
    let start = root.path.join(&pattern.base);
    if in_git(&pattern.base) || start.symlink_metadata().is_err() {
        return Ok(false);
    }
    // A link that the pattern names explicitly is followed, as long as it stays inside the workspace.
    let real = root.resolve(&pattern.base)?;
    let mut any = pattern.wildcard.is_none() && real.is_dir();
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
            _ if entry.path_is_symlink() => check_link(root, path),
            _ if entry.file_type().is_file() => Ok(()),
            _ => continue,
        };
        if pattern.matches(path) {
            any = true;
            found.insert(path.to_owned(), readable);
        }
    }
    Ok(any)
}

/// Checks a symbolic link found during the walk: it must lead to a file inside the workspace.
fn check_link(root: &Workspace, path: &Path) -> Result<(), Finding> {
    if root.resolve(path)?.is_file() {
        return Ok(());
    }
    Err(Finding::inconclusive(path.display().to_string())
        .actual("a symbolic link to a folder, which is not walked")
        .expected("files and folders")
        .next("name the folder that it points to, or leave the link out with a `!` line"))
}

fn no_match(root: &Workspace, pattern: &ResolvedGlob) -> Finding {
    let exists = |path: &&Path| !in_git(path) && root.path.join(path).is_dir();
    let parent = pattern.base.ancestors().find(exists).unwrap_or(Path::new(""));
    let folder =
        if parent.as_os_str().is_empty() { "the workspace".to_owned() } else { format!("{}/", parent.display()) };
    let mut names: Vec<String> = fs::read_dir(root.path.join(parent))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name != ".git")
        .collect();
    names.sort();
    let more = names.len().saturating_sub(MAX_LISTED);
    names.truncate(MAX_LISTED);
    let contents = match (names.is_empty(), more) {
        (true, _) => "is empty".to_owned(),
        (_, 0) => format!("has {}", names.join(", ")),
        (_, more) => format!("has {} and {more} more", names.join(", ")),
    };
    Finding::inconclusive(format!("pattern {}", pattern.glob))
        .actual(format!("it names no file; {folder} {contents}"))
        .expected("at least one file")
        .next("build first, or correct the pattern: it is relative to the workspace, and a glob names files, as `apps/*/dist/**` does")
}

/// Reads the files in the working directory that match, each of at most `max` bytes.
///
/// # Errors
/// As [`find`] and [`read_bounded`].
pub fn read_matching(patterns: &[Glob], max: u64) -> Result<Vec<(PathBuf, Vec<u8>)>, Finding> {
    let paths = if patterns.is_empty() { Vec::new() } else { find(Path::new("."), patterns)? };
    paths.into_iter().map(|path| read_bounded(&path, max).map(|bytes| (path, bytes))).collect()
}

/// Reads a regular file of at most `max` bytes.
///
/// # Errors
/// The file is missing, not regular, unreadable, or larger.
pub fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, Finding> {
    let finding = |actual: String| Finding::inconclusive(path.display().to_string()).actual(actual);
    let unreadable = |error: io::Error| finding(error.to_string()).expected("a file that can be read");
    let file = open(path).map_err(unreadable)?;
    // With room for all of it, nothing is copied while it is read. It may still grow.
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(max);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > max {
        return Err(finding(format!("more than {max} bytes")).expected(format!("at most {max} bytes")));
    }
    Ok(bytes)
}

/// The last bytes of a regular file, at most `length`.
///
/// # Errors
/// The file is missing, not regular, or unreadable.
pub fn read_end(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let start = file.metadata()?.len().saturating_sub(length);
    file.seek(io::SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a regular file for reading. Refuses a pipe or device instead of blocking on it.
pub fn open(path: &Path) -> io::Result<fs::File> {
    // Without NONBLOCK, opening a named pipe blocks until a writer opens it.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// Replaces the file at `path` atomically: a reader sees the old file or the complete new one, and a failure keeps the old
/// one. Creates missing folders. The file gets the default permissions of the umask.
///
/// # Errors
/// The folder cannot be created or written to, the disk is full, or `path` is a folder.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Finding> {
    write_atomically_by(path, |file| file.write_all(bytes))
}

/// As [`write_atomically`], with a content that is not in memory as a whole.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_atomically_by(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Finding> {
    replace_file(path, write).map_err(|error| {
        Finding::inconclusive(path.display().to_string())
            .actual(format!("cannot be written: {error}"))
            .expected("a place that can be written to")
            .next("check the path, the folder's permissions and the free space")
    })
}

fn replace_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // In the same folder, because a rename cannot cross file systems. On an early return it is dropped, and so deleted.
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)?;
    let mut buffer = io::BufWriter::new(&mut file);
    write(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    // Some file systems report a full disk only here.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests;
