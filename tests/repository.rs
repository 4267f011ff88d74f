//! The files of this repository, by their path from its root.

use std::path::Path;

/// Folders of a checkout that are not committed.
const UNCOMMITTED: [&str; 5] = [".git", "target", "node_modules", ".venv", "venv"];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file, sorted.
pub fn files() -> Vec<String> {
    let committed =
        |entry: &walkdir::DirEntry| !entry.file_name().to_str().is_some_and(|name| UNCOMMITTED.contains(&name));
    walkdir::WalkDir::new(root())
        .sort_by_file_name()
        .into_iter()
        .filter_entry(committed)
        .map(|entry| entry.unwrap_or_else(|error| panic!("the repository cannot be walked: {error}")))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.path().strip_prefix(root()).unwrap_or(entry.path()).to_string_lossy().into_owned())
        .collect()
}

/// Files whose name ends with one of `endings`.
pub fn files_ending(endings: &[&str]) -> Vec<String> {
    files().into_iter().filter(|path| ends(path, endings)).collect()
}

pub fn ends(path: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| path.ends_with(ending))
}

pub fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// A file's text, or `None` when there is none.
pub fn find(path: &str) -> Option<String> {
    std::fs::read_to_string(root().join(path)).ok()
}

pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
