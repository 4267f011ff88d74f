//! Trusted files: the config file and baselines, which decide how a change is judged. For a proposed change they are read
//! from the base branch, through git and not from the work tree, so that a change cannot relax its own gate.

pub mod proposal;
mod tag;

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    checkout::{self, Checkout},
    event::MAX_EVENT,
    files,
    git::{Branch, Commit, Git, Head, MergeBase, TreeEntry, TreeEntryKind, TreePath},
    process::ProcessGroups,
};
use crate::{error::CommandError, finding::Finding, runner_env::RunnerEnv, secret::Secret};
use proposal::{BaseRule, Proposal, ProposalKind};

/// Where trusted files are read.
#[derive(Clone)]
pub enum TrustedSource {
    /// The workspace, when the event proposes no change.
    Workspace,
    /// The base commit of the proposed change.
    Base { commit: Commit, git: Git },
    /// The event proposes a change, but the workspace is empty: there is nothing that a change could have relaxed.
    Nothing,
}

/// A file's content, and the base commit it is from.
#[derive(Debug, PartialEq, Eq)]
pub struct TrustedFile {
    pub bytes: Vec<u8>,
    pub commit: Option<Commit>,
}

/// The trusted files of one process: each base commit is looked for once.
#[derive(Clone, Default)]
pub struct TrustedFiles(Arc<Inner>);

#[derive(Default)]
struct Inner {
    access: OnceLock<BaseAccess>,
    settings: OnceLock<Result<TrustedSource, CommandError>>,
    baselines: OnceLock<Result<TrustedSource, CommandError>>,
}

/// How to reach the base commit.
#[derive(Clone, Default)]
pub struct BaseAccess {
    /// The checkout of the workflow's repository.
    pub checkout: Option<Checkout>,
    /// A token, and the server that it is for; without it, git uses the checkout's own credentials.
    pub token: Option<(String, Secret)>,
}

/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 32 << 20;
/// The next step when the checked-out commit cannot be compared.
const CHECK_OUT_MERGE: &str = "check out the merge commit of the pull request, as actions/checkout does without `ref` and `repository`, with `fetch-depth: 2`";
/// Time limit for all fetches of missing commits together.
const FETCH_TIMEOUT: Duration = Duration::from_mins(2);

impl TrustedFiles {
    /// Sets how the base commit is reached. Only the first call counts.
    pub fn set_access(&self, access: BaseAccess) {
        let _ = self.0.access.set(access);
    }

    /// The checkout of the workflow's repository, if there is one.
    #[must_use]
    pub fn checkout(&self) -> Option<&Checkout> {
        self.0.access.get()?.checkout.as_ref()
    }

    /// Where the config file is read, and other files with rules.
    ///
    /// # Errors
    /// The event proposes a change, but its base commit cannot be read.
    pub fn settings(&self, runner_env: &RunnerEnv, groups: &ProcessGroups) -> Result<TrustedSource, CommandError> {
        self.source(&self.0.settings, runner_env, groups, settings_base)
    }

    /// Where baselines are read.
    ///
    /// # Errors
    /// As [`TrustedFiles::settings`].
    pub fn baselines(&self, runner_env: &RunnerEnv, groups: &ProcessGroups) -> Result<TrustedSource, CommandError> {
        self.source(&self.0.baselines, runner_env, groups, baseline_base)
    }

    /// The folder of the checkout, relative to the working directory; empty when that is inside of it or no checkout is known.
    #[must_use]
    pub fn checkout_folder(&self) -> PathBuf {
        let folder = self.0.access.get().and_then(|access| access.checkout.as_ref()).map(|checkout| &checkout.folder);
        folder.filter(|folder| folder.is_relative()).cloned().unwrap_or_default()
    }

    /// The commit that is checked out; `None` without a checkout.
    ///
    /// # Errors
    /// Git cannot read the checkout.
    pub fn checked_out(&self, groups: &ProcessGroups) -> Result<Option<Commit>, CommandError> {
        let checkout = self.0.access.get().and_then(|access| access.checkout.as_ref());
        let Some(checkout) = checkout else { return Ok(None) };
        let git = Git::open(checkout.top.clone(), groups).map_err(Finding::unobservable)?;
        Ok(git.head().map_err(Finding::unobservable)?.map(|head| head.commit))
    }

    fn source(
        &self,
        known: &OnceLock<Result<TrustedSource, CommandError>>,
        runner_env: &RunnerEnv,
        groups: &ProcessGroups,
        base: fn(&Git, &Proposal, Option<&Head>) -> Result<Commit, Finding>,
    ) -> Result<TrustedSource, CommandError> {
        known
            .get_or_init(|| {
                let Some(proposal) = read_proposal(runner_env)? else { return Ok(TrustedSource::Workspace) };
                let Some(git) = self.open(groups)? else { return Ok(TrustedSource::Nothing) };
                let base = || base(&git, &proposal, git.head()?.as_ref());
                let commit = base().map_err(Finding::unobservable)?;
                log::debug!("base commit {commit}");
                Ok(TrustedSource::Base { commit, git })
            })
            .clone()
    }

    /// Git in the checkout; `None` when the workspace is empty.
    fn open(&self, groups: &ProcessGroups) -> Result<Option<Git>, CommandError> {
        let access = self.0.access.get().cloned().unwrap_or_default();
        let Some(checkout) = access.checkout else {
            if is_empty(Path::new(".")) {
                return Ok(None);
            }
            return Err(Finding::inconclusive("the base commit")
                .actual("the workspace has files, but no git checkout of this repository")
                .expected("a checkout, to read the config file and baselines from the base commit")
                .next("add an actions/checkout step before this one")
                .unobservable());
        };
        let git = Git::open(checkout.top, groups).map_err(Finding::unobservable)?.within(FETCH_TIMEOUT);
        Ok(Some(match access.token {
            Some((server, token)) => git.with_token(&server, token),
            None => git,
        }))
    }
}

/// The change that the event proposes, if it does.
fn read_proposal(runner_env: &RunnerEnv) -> Result<Option<Proposal>, CommandError> {
    let Some(kind) = runner_env.event_name.as_deref().and_then(ProposalKind::of_event) else { return Ok(None) };
    let unobservable = |actual: String| {
        Finding::inconclusive("event")
            .actual(actual)
            .expected(format!("the base commit at {} of GITHUB_EVENT_PATH", kind.base_pointer()))
            .unobservable()
    };
    let path = runner_env.event_path.as_deref().ok_or_else(|| unobservable("no event file".to_owned()))?;
    let event = files::read_bounded(path, MAX_EVENT).map_err(|finding| unobservable(finding.to_string()))?;
    let event = serde_json::from_slice(&event).map_err(|error| unobservable(error.to_string()))?;
    Proposal::read(kind, &event, runner_env).map(Some).map_err(unobservable)
}

/// The commit whose config file is in force.
fn settings_base(git: &Git, proposal: &Proposal, head: Option<&Head>) -> Result<Commit, Finding> {
    match head.map(|head| proposal.base_rule(head)) {
        Some(BaseRule::Commit(base)) => fetch(git, &base, 2).map(|()| base),
        Some(BaseRule::MergeBase) | None => {
            let base = proposal.settings_base();
            fetch(git, base, 0).map(|()| base.clone())
        }
    }
}

/// The commit whose baselines the checked-out commit is compared with.
fn baseline_base(git: &Git, proposal: &Proposal, head: Option<&Head>) -> Result<Commit, Finding> {
    let head =
        head.ok_or_else(|| Finding::inconclusive("HEAD").actual("no commit").expected("a checked-out commit"))?;
    match proposal.base_rule(head) {
        BaseRule::Commit(base) => fetch(git, &base, 2).map(|()| base),
        BaseRule::MergeBase => merge_base(git, proposal, &head.commit),
    }
}

/// The last commit that `head` shares with the base branch.
fn merge_base(git: &Git, proposal: &Proposal, head: &Commit) -> Result<Commit, Finding> {
    fetch(git, &proposal.base, 0)?;
    let shared = |others: &[Commit]| {
        let found = git.fetch_merge_base("origin", head, others).map_err(|finding| with_depth(finding, 0))?;
        let actual = match found {
            MergeBase::One(base) => return Ok(base),
            MergeBase::Cut => {
                "the checkout is shallow, and its history ends before the answer, however much is fetched"
            }
            MergeBase::Several => "several: the branches were merged into each other",
            MergeBase::None => "none: their histories are unrelated",
        };
        let check = format!("the last commit that {head} shares with its base branch");
        let finding = Finding::inconclusive(check).actual(actual).expected("one commit");
        Err(finding.next(CHECK_OUT_MERGE))
    };
    let base = shared(std::slice::from_ref(&proposal.base))?;
    let Some(branch) = proposal.branch.as_ref().filter(|_| base == proposal.base) else { return Ok(base) };
    // The whole of the base branch, as the event knows it, is in the checked-out commit. So newer commits of that branch may be, too.
    // In a fork, a branch of this name is its owner's.
    if checkout::is_of_other_repository(git, proposal.repository.as_deref())? {
        return Err(Finding::inconclusive("the base branch")
            .actual(format!("the checkout is of another repository, whose {branch} may be any commit"))
            .expected("a checkout of the repository with the base branch")
            .next(CHECK_OUT_MERGE));
    }
    let tip = match tip(git, branch) {
        Ok(tip) => tip,
        // A complete checkout has fetched every branch.
        Err(finding) => match git.commit_of(&format!("refs/remotes/origin/{branch}"))? {
            Some(tip) if !git.is_shallow()? => tip,
            _ => return Err(with_depth(finding, 0)),
        },
    };
    shared(&[base, tip])
}

/// Fetches the tip of the base branch.
fn tip(git: &Git, branch: &Branch) -> Result<Commit, Finding> {
    let origin = git.remote("origin")?;
    let tip = git.remote_tip(&origin, branch)?.ok_or_else(|| {
        Finding::inconclusive("the base branch").actual(format!("no {branch} on {}", origin.url())).expected("a branch")
    })?;
    git.fetch_commit(&origin, &tip).map(|()| tip)
}

/// Fetches a commit that the checkout lacks. `depth` is the `fetch-depth` with which it would have it.
fn fetch(git: &Git, commit: &Commit, depth: u32) -> Result<(), Finding> {
    let fetched = git.has_commit(commit).and_then(|present| {
        if present {
            return Ok(());
        }
        // A checkout on a runner has this remote.
        git.remote("origin").and_then(|origin| git.fetch_commit(&origin, commit))
    });
    fetched.map_err(|finding| with_depth(finding, depth))
}

fn with_depth(finding: Finding, depth: u32) -> Finding {
    finding.next(format!(
        "let actions/checkout fetch the base commit (`fetch-depth: {depth}`), or keep its credentials for this step"
    ))
}

impl TrustedSource {
    /// A suffix for messages: ` (in the base commit 3f2a…)`, or empty.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Workspace | Self::Nothing => String::new(),
            Self::Base { commit, .. } => format!(" (in the base commit {commit})"),
        }
    }

    /// Reads a file; `path` is relative to the working directory. `None` when the file does not exist.
    ///
    /// # Errors
    /// Bad input for an invalid path, and for a path outside of the checkout when a change is proposed; unobservable when the
    /// file exists and cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<TrustedFile>, CommandError> {
        match self {
            Self::Workspace => from_workspace(Path::new(path)),
            Self::Nothing => Ok(None),
            Self::Base { commit, git } => from_commit(git, commit, path, &tree_path(git, path)?),
        }
    }

    /// The names in a folder, each with whether it is a folder; none when the folder does not exist. `folder` is relative to the working
    /// directory; empty for that itself.
    ///
    /// # Errors
    /// As [`TrustedSource::read`].
    pub fn list(&self, folder: &str) -> Result<Vec<(String, bool)>, CommandError> {
        match self {
            Self::Workspace => list_workspace(Path::new(if folder.is_empty() { "." } else { folder })),
            Self::Nothing => Ok(Vec::new()),
            Self::Base { commit, git } => {
                let is_top = absolute(Path::new(folder)).is_some_and(|folder| folder == git.toplevel());
                let folder = if is_top { None } else { Some(tree_path(git, folder)?) };
                let listed = git.list(commit, folder.as_ref()).map_err(Finding::unobservable)?;
                Ok(listed.into_iter().map(|(name, kind)| (name, kind == TreeEntryKind::Directory)).collect())
            }
        }
    }

    /// Reads a file by its path in the repository. `None` unless it is read from a base commit, and when it does not exist
    /// there.
    ///
    /// # Errors
    /// As [`TrustedSource::read`].
    pub fn read_in_repository(&self, path: &TreePath) -> Result<Option<TrustedFile>, CommandError> {
        match self {
            Self::Workspace | Self::Nothing => Ok(None),
            Self::Base { commit, git } => from_commit(git, commit, path.as_str(), path),
        }
    }
}

fn from_workspace(path: &Path) -> Result<Option<TrustedFile>, CommandError> {
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

fn list_workspace(folder: &Path) -> Result<Vec<(String, bool)>, CommandError> {
    let list = || -> io::Result<Vec<(String, bool)>> {
        let name = |entry: fs::DirEntry| (entry.file_name().to_string_lossy().into_owned(), entry.path().is_dir());
        fs::read_dir(folder)?.map(|entry| entry.map(name)).collect()
    };
    match list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(|error| {
            Finding::inconclusive(folder.display().to_string())
                .actual(error.to_string())
                .expected("a folder that can be read")
                .unobservable()
        }),
    }
}

/// Whether a folder is known to be empty.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// The path in the repository of a file, whose path is relative to the working directory.
fn tree_path(git: &Git, path: &str) -> Result<TreePath, CommandError> {
    let inside = absolute(Path::new(path)).and_then(|path| git.tree_path(&path));
    inside.ok_or_else(|| {
        Finding::inconclusive(format!("\"{path}\""))
            .actual(format!("no path inside the checkout at {}", git.toplevel().display()))
            .expected("a path inside the checkout, relative to the workspace")
            .next("on a pull request the file is read from the base commit: commit it, and name it with the checkout's folder, as in `app/FILE`")
            .bad_input()
    })
}

/// A path without `.` and `..`, from the root.
fn absolute(path: &Path) -> Option<PathBuf> {
    let mut absolute = fs::canonicalize(".").ok()?;
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(absolute.pop()),
            part => absolute.push(part),
        }
    }
    Some(absolute)
}

fn from_commit(
    git: &Git,
    commit: &Commit,
    path: &str,
    tree_path: &TreePath,
) -> Result<Option<TrustedFile>, CommandError> {
    match git.read_file(commit, tree_path).map_err(Finding::unobservable)? {
        None => Ok(None),
        Some(TreeEntry::File(blob)) => Ok(Some(TrustedFile { bytes: blob.bytes, commit: Some(commit.clone()) })),
        Some(_) => Err(Finding::inconclusive(format!("\"{path}\""))
            .actual(format!("no regular file in the base commit {commit}"))
            .expected("a file, no link and no directory")
            .bad_input()),
    }
}
