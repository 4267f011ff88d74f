//! Files that say by what rules a change is judged: the config file, a baseline. On a pull request they come from the
//! base commit, by git and not from the checkout, so that a change cannot relax its own gate.

use std::{fs, io, path::Path};

use serde_json::Value;

use super::{
    git::{Commit, Entry, Git, TreePath},
    process::Groups,
};
use crate::{error::CommandError, finding::Finding, runner_env::RunnerEnv};

/// Where such files are read.
pub enum Trusted {
    /// The working directory: nobody proposes a change here.
    Checkout,
    /// The commit that a change is proposed against.
    Base { commit: Commit, groups: Groups },
}

/// A file's bytes, and the base commit they are from.
#[derive(Debug, PartialEq, Eq)]
pub struct TrustedFile {
    pub bytes: Vec<u8>,
    pub commit: Option<Commit>,
}

/// The most bytes that are read of one.
const LARGEST: u64 = 32 << 20;

impl Trusted {
    /// Finds out from the event whether a change is judged: on `pull_request` and its kin, and in a merge queue.
    ///
    /// # Errors
    /// The event says so, but its base commit cannot be told.
    pub fn find(runner_env: &RunnerEnv, groups: &Groups) -> Result<Self, CommandError> {
        let pointer = match runner_env.event_name.as_deref() {
            Some(name) if name.starts_with("pull_request") => "/pull_request/base/sha",
            Some("merge_group") => "/merge_group/base_sha",
            _ => return Ok(Self::Checkout),
        };
        let unobservable = |seen: String| {
            Finding::inconclusive("event")
                .actual(seen)
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

    /// In words, for messages: ` (in the base commit 3f2a…)`, or nothing.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Checkout => String::new(),
            Self::Base { commit, .. } => format!(" (in the base commit {commit})"),
        }
    }

    /// Reads a file, `path` as seen from the working directory. `None` when there is none: on a pull request either the base
    /// commit has none, or the job has no files at all, and so nothing that could have been relaxed.
    ///
    /// # Errors
    /// Bad input for a path that cannot be one; unseen when it is there and cannot be read, and on a pull request when there
    /// are files, but no checkout to ask what they should be: a workspace can also be unpacked from an archive.
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
    let unreadable = |seen: String| {
        Finding::inconclusive(path.display().to_string())
            .actual(seen)
            .expected("a file that can be read")
            .unobservable()
    };
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(unreadable("no regular file".to_owned())),
        Ok(metadata) if metadata.len() > LARGEST => Err(unreadable(format!("{} bytes, over 32 MiB", metadata.len()))),
        Ok(_) => {
            let bytes = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
            Ok(Some(TrustedFile { bytes, commit: None }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// Whether it is known that nothing is in a folder.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn from_commit(git: &Git, commit: &Commit, path: &str) -> Result<Option<TrustedFile>, CommandError> {
    let bare = path.strip_prefix("./").unwrap_or(path);
    let tree_path: TreePath = format!("{}{bare}", git.prefix()).parse().map_err(|error: String| {
        Finding::inconclusive(format!("\"{path}\"")).actual(error).expected("a path inside the repository").bad_input()
    })?;
    let there = git.has_commit(commit).and_then(|there| {
        if there {
            return Ok(());
        }
        // The one that a checkout on a runner has.
        git.remote("origin").and_then(|origin| git.fetch_commit(&origin, commit))
    });
    there.map_err(|finding| {
        finding
            .next("let the checkout fetch the base commit (`fetch-depth: 0`), or keep its credentials for this step")
            .unobservable()
    })?;
    match git.read_file(commit, &tree_path).map_err(Finding::unobservable)? {
        None => Ok(None),
        Some(Entry::File(blob)) => Ok(Some(TrustedFile { bytes: blob.bytes, commit: Some(commit.clone()) })),
        Some(_) => Err(Finding::inconclusive(format!("\"{path}\""))
            .actual(format!("no regular file in the base commit {commit}"))
            .expected("a file, no link and no directory")
            .bad_input()),
    }
}
