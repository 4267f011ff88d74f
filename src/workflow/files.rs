//! Reads the workflow files of a folder.

use std::path::Path;

use super::WorkflowFile;
use crate::{
    finding::Finding,
    world::files::{self, Glob},
};

/// Where GitHub looks for workflows; not in folders below it.
pub const FOLDER: &str = ".github/workflows";
/// The largest workflow file that is read, in bytes. GitHub's own limit is lower.
const MAX_SIZE: u64 = 1 << 20;

/// The workflow files of a folder of a checkout; none if there is no such folder.
///
/// # Errors
/// The folder cannot be listed.
pub fn read_folder(root: &Path, folder: &str) -> Result<Vec<WorkflowFile>, Finding> {
    let read = |name: String| {
        let path = format!("{folder}/{name}");
        let text = files::read_bounded(&root.join(folder).join(&name), MAX_SIZE).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| Finding::inconclusive(&path).actual("bytes that are not UTF-8"))
        });
        WorkflowFile { path, text }
    };
    Ok(names(&root.join(folder))?.into_iter().map(read).collect())
}

/// The names of the workflow files in a folder.
fn names(folder: &Path) -> Result<Vec<String>, Finding> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let patterns: Vec<Glob> = ["*.yml", "*.yaml"].iter().filter_map(|pattern| pattern.parse().ok()).collect();
    let found = files::find_existing(folder, &patterns)?;
    Ok(found.iter().map(|path| path.to_string_lossy().into_owned()).filter(|name| !name.contains('/')).collect())
}

/// Whether a path has the ending of a workflow file.
#[must_use]
pub fn is_workflow(path: &str) -> bool {
    [".yml", ".yaml"].iter().any(|ending| path.ends_with(ending))
}
