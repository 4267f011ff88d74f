//! Trusted files: the config file and baselines, which decide how a change is judged. On a pull request they are read from
//! the base commit, through git and not from the checkout, so that a change cannot relax its own gate.

use std::{fs, io, path::Path};

use serde_json::Value;

use super::{
    git::{Commit, Git, TreeEntry, TreePath},
    process::ProcessGroups,
};
use crate::{error::CommandError, finding::Finding, runner_env::RunnerEnv};

/// Where trusted files are read.
pub enum TrustedSource {
    /// The working directory, when the event proposes no change.
    Checkout,
    /// The base commit of the proposed change.
    Base { commit: Commit, groups: ProcessGroups },
}

/// A file's content, and the base commit it is from.
#[derive(Debug, PartialEq, Eq)]
pub struct TrustedFile {
    pub bytes: Vec<u8>,
    pub commit: Option<Commit>,
}

/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 32 << 20;

impl TrustedSource {
    /// Decides by the event: a `pull_request*` or `merge_group` event proposes a change.
    ///
    /// # Errors
    /// The event proposes a change, but its base commit cannot be read.
    pub fn from_event(runner_env: &RunnerEnv, groups: &ProcessGroups) -> Result<Self, CommandError> {
        let pointer = match runner_env.event_name.as_deref() {
            Some(name) if name.starts_with("pull_request") => "/pull_request/base/sha",
            Some("merge_group") => "/merge_group/base_sha",
            _ => return Ok(Self::Checkout),
        };
        let unobservable = |actual: String| {
            Finding::inconclusive("event")
                .actual(actual)
                .expected(format!("the base commit at {pointer} of GITHUB_EVENT_PATH"))
                .unobservable()
        };
        let path = runner_env.event_path.as_deref().ok_or_else(|| unobservable("no event file".to_owned()))?;
        let event = fs::read(path).map_err(|error| unobservable(format!("{}: {error}", path.display())))?;
        let event: Value = serde_json::from_slice(&event).map_err(|error| unobservable(error.to_string()))?;
        let commit = event.pointer(pointer).and_then(Value::as_str).ok_or_else(|| unobservable("none".to_owned()))?;
        let commit = commit.parse().map_err(|error| unobservable(format!("\"{commit}\", not {error}")))?;
        Ok(Self::Base { commit, groups: groups.clone() })
    }

    /// A suffix for messages: ` (in the base commit 3f2a…)`, or empty.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Checkout => String::new(),
            Self::Base { commit, .. } => format!(" (in the base commit {commit})"),
        }
    }

    /// Reads a file; `path` is relative to the working directory. `None` when the file does not exist. On a pull request that
    /// means: the base commit has no such file, or the workspace is empty, so that no file can have been relaxed.
    ///
    /// # Errors
    /// Bad input for an invalid path; unobservable when the file exists and cannot be read, and on a pull request when the
    /// workspace has files but is not a checkout (for example, unpacked from an archive), so that the base version is unknown.
    pub fn read(&self, path: &str) -> Result<Option<TrustedFile>, CommandError> {
        match self {
            Self::Checkout => from_checkout(Path::new(path)),
            Self::Base { commit, groups } => {
                let git = match Git::open(".", groups) {
                    Ok(git) => git,
                    Err(_) if is_empty(Path::new(".")) => return Ok(None),
                    Err(finding) => {
                        return Err(Finding { check: format!("\"{path}\"{}", self.place()), ..finding }.unobservable());
                    }
                };
                from_commit(&git, commit, path)
            }
        }
    }
}

fn from_checkout(path: &Path) -> Result<Option<TrustedFile>, CommandError> {
    let unreadable = |actual: String| {
        Finding::inconclusive(path.display().to_string())
            .actual(actual)
            .expected("a file that can be read")
            .unobservable()
    };
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(unreadable("no regular file".to_owned())),
        Ok(metadata) if metadata.len() > MAX_SIZE => Err(unreadable(format!("{} bytes, over 32 MiB", metadata.len()))),
        Ok(_) => {
            let bytes = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
            Ok(Some(TrustedFile { bytes, commit: None }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// Whether a folder is known to be empty.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn from_commit(git: &Git, commit: &Commit, path: &str) -> Result<Option<TrustedFile>, CommandError> {
    let bare = path.strip_prefix("./").unwrap_or(path);
    let tree_path: TreePath = format!("{}{bare}", git.prefix()).parse().map_err(|error: String| {
        Finding::inconclusive(format!("\"{path}\"")).actual(error).expected("a path inside the repository").bad_input()
    })?;
    let fetched = git.has_commit(commit).and_then(|present| {
        if present {
            return Ok(());
        }
        // A checkout on a runner has this remote.
        git.remote("origin").and_then(|origin| git.fetch_commit(&origin, commit))
    });
    fetched.map_err(|finding| {
        finding
            .next("let the checkout fetch the base commit (`fetch-depth: 0`), or keep its credentials for this step")
            .unobservable()
    })?;
    match git.read_file(commit, &tree_path).map_err(Finding::unobservable)? {
        None => Ok(None),
        Some(TreeEntry::File(blob)) => Ok(Some(TrustedFile { bytes: blob.bytes, commit: Some(commit.clone()) })),
        Some(_) => Err(Finding::inconclusive(format!("\"{path}\""))
            .actual(format!("no regular file in the base commit {commit}"))
            .expected("a file, no link and no directory")
            .bad_input()),
    }
}
