//! Reads a repository: its YAML files, its workflows, its remote.

use std::path::Path;

use walkdir::{DirEntry, WalkDir};

use super::{found::Found, manifests::TextFile};
use crate::{
    error::CommandError,
    finding::Finding,
    workflow::files::{FOLDER, is_workflow, read_folder},
    world::{checkout::repository_of, files::read_bounded, git::Git, process::ProcessGroups},
};

/// The largest manifest that is read, in bytes. Generated files are larger.
const MAX_SIZE: u64 = 1 << 18;
/// How many YAML files are read.
const MAX_FILES: usize = 5000;
/// How deep folders are read.
const MAX_DEPTH: usize = 10;
/// Folders that hold no manifest of the team, beside hidden ones.
const SKIPPED: [&str; 4] = ["node_modules", "target", "vendor", "dist"];

/// # Errors
/// Bad input: no folder. Unobservable: files that cannot be listed.
pub fn read_repository(top: &Path, groups: &ProcessGroups) -> Result<Found, CommandError> {
    if !top.is_dir() {
        return Err(Finding::inconclusive("`checkout`")
            .actual(format!("{}: no such folder", top.display()))
            .expected("the folder of a checkout")
            .with_origin("flag")
            .bad_input());
    }
    if top.join(".git").symlink_metadata().is_err() {
        return Err(Finding::inconclusive("`checkout`")
            .actual(format!("{}: not the top of a git checkout", top.display()))
            .expected("a folder with `.git`")
            .next("start it at the top of the repository, or name the folder in `--checkout`")
            .bad_input());
    }
    let mut found = Found::default();
    for file in read_folder(top, FOLDER).map_err(Finding::unobservable)? {
        let text = file.text.map_err(Finding::unobservable)?;
        found.workflows.push(TextFile { path: file.path, text });
    }
    let is_wanted = |entry: &DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || entry.file_type().is_dir() && SKIPPED.contains(&name.as_ref()))
    };
    let entries = WalkDir::new(top).max_depth(MAX_DEPTH).sort_by_file_name().into_iter().filter_entry(is_wanted);
    for entry in entries {
        // A folder that cannot be read may have the manifest that is looked for.
        let entry = entry.map_err(|error| {
            Finding::inconclusive("`checkout`")
                .actual(error.to_string())
                .expected("a folder that can be read")
                .unobservable()
        })?;
        let Ok(path) = entry.path().strip_prefix(top) else { continue };
        let path = path.to_string_lossy().into_owned();
        if entry.file_type().is_dir() && !path.is_empty() {
            found.folders.push(path);
        } else if entry.file_type().is_file() && (is_workflow(&path) || path.ends_with("Kustomization")) {
            if found.manifests.len() == MAX_FILES {
                return Err(Finding::inconclusive("`checkout`")
                    .actual(format!("more than {MAX_FILES} YAML files"))
                    .expected("a checkout whose manifests can be read")
                    .next("name the folder with the manifests in a separate checkout")
                    .unobservable());
            }
            // A file that is too large, or no text, is no manifest.
            let text = read_bounded(entry.path(), MAX_SIZE).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            found.manifests.extend(text.map(|text| TextFile { path, text }));
        }
    }
    let remote = Git::open(top, groups).map_err(Finding::unobservable)?.configured_url("origin");
    let remote = remote.map_err(Finding::unobservable)?;
    found.remote = remote.and_then(|url| repository_of(&url)?.parse().ok());
    Ok(found)
}
