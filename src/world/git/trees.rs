//! The files of commits, read and written without a work tree.

use std::{
    ffi::OsString,
    ops::ControlFlow,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    checkout::Git,
    commits::{BlobId, TreeId},
    names::TreePath,
};
use crate::{finding::Finding, subject::Commit, world::process::Program};

/// The setting by which a team asks git to sign its commits.
const SIGN: &str = "commit.gpgSign";

/// The mode of a regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileMode {
    Regular,
    Executable,
}

impl FileMode {
    /// As git and GitHub write it.
    #[must_use]
    pub const fn octal(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
        }
    }
}

/// The kind of a tree entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeEntryKind {
    File(FileMode),
    Symlink,
    Submodule,
    Directory,
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub mode: FileMode,
    pub bytes: Vec<u8>,
}

/// A tree entry with its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TreeEntry {
    File(Blob),
    /// The target of the link; raw.
    Symlink(Vec<u8>),
    Submodule,
    Directory,
}

/// A file of a new commit; it is added, or replaces the file at its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    pub path: TreePath,
    pub mode: FileMode,
    pub bytes: Vec<u8>,
}

/// The name and email address of an author or committer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitIdentity {
    name: String,
    email: String,
}

impl CommitIdentity {
    /// # Errors
    /// The name or the address is empty, or contains characters that git drops silently: `<`, `>`, control characters.
    pub fn new(name: &str, email: &str) -> Result<Self, String> {
        let fits =
            |text: &str| !text.trim().is_empty() && !text.contains(|c: char| matches!(c, '<' | '>') || c.is_control());
        if fits(name) && fits(email) {
            return Ok(Self { name: name.trim().to_owned(), email: email.trim().to_owned() });
        }
        Err(format!(
            "{name:?} and {email:?} are not a name and an address; expected such as `promotion-bot` and `bot@acme.example`"
        ))
    }
}

/// The author, the committer and the time of a commit.
#[derive(Clone, Debug)]
pub struct Signature {
    pub author: CommitIdentity,
    pub committer: CommitIdentity,
    pub at: SystemTime,
}

/// A line of `git ls-tree`.
struct ListedEntry {
    kind: TreeEntryKind,
    id: String,
    name: String,
}

impl Git {
    /// The entry at `path` in a commit; `None` when there is none. Symbolic links are not followed.
    ///
    /// # Errors
    /// The commit is missing, or the file is over 32 MiB.
    pub fn read_file(&self, commit: &Commit, path: &TreePath) -> Result<Option<TreeEntry>, Finding> {
        let listed = self.ls_tree(commit, Some(path.as_str()))?;
        let Some(ListedEntry { kind, id, .. }) = listed.into_iter().find(|listed| listed.name == path.as_str()) else {
            return Ok(None);
        };
        let bytes = || self.run_local(&self.program().args(["cat-file", "blob", &id]));
        Ok(Some(match kind {
            TreeEntryKind::File(mode) => TreeEntry::File(Blob { mode, bytes: bytes()? }),
            TreeEntryKind::Symlink => TreeEntry::Symlink(bytes()?),
            TreeEntryKind::Submodule => TreeEntry::Submodule,
            TreeEntryKind::Directory => TreeEntry::Directory,
        }))
    }

    /// The entries of a directory in a commit; `None` for its top. Empty when the directory does not exist.
    ///
    /// # Errors
    /// The commit is missing.
    pub fn list(&self, commit: &Commit, dir: Option<&TreePath>) -> Result<Vec<(String, TreeEntryKind)>, Finding> {
        let dir = dir.map(|dir| format!("{dir}/"));
        let prefix = dir.as_deref().unwrap_or_default();
        let listed = self.ls_tree(commit, dir.as_deref())?;
        Ok(listed
            .into_iter()
            .filter_map(|entry| Some((entry.name.strip_prefix(prefix)?.to_owned(), entry.kind)))
            .collect())
    }

    /// The regular files below a directory of a commit, and of its subdirectories, whose path is wanted. `directory` is empty for
    /// the top.
    ///
    /// # Errors
    /// The commit is missing.
    pub fn files_below(
        &self,
        commit: &Commit,
        directory: &str,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(String, BlobId)>, Finding> {
        let list = self.program().args(["ls-tree", "-r", "-z", "--full-tree", commit.as_str(), "--"]);
        let list = list.args((!directory.is_empty()).then(|| format!("{directory}/")));
        let (mut files, mut line) = (Vec::new(), Vec::new());
        self.stream("git ls-tree", &list, &mut |bytes| {
            let mut pieces = bytes.split(|&byte| byte == 0);
            let unfinished = pieces.next_back().unwrap_or_default();
            for piece in pieces {
                line.extend_from_slice(piece);
                let text = String::from_utf8_lossy(&line);
                if let Some((meta, path)) = text.split_once('\t')
                    && is_wanted(path)
                    && let [mode, _, id] = meta.split(' ').collect::<Vec<_>>()[..]
                {
                    files.extend(BlobId::of_file(mode, id).map(|id| (path.to_owned(), id)));
                }
                line.clear();
            }
            line.extend_from_slice(unfinished);
            ControlFlow::Continue(())
        })?;
        Ok(files)
    }

    /// The id of a commit's top directory.
    ///
    /// # Errors
    /// The commit is missing.
    pub fn tree_of(&self, commit: &Commit) -> Result<TreeId, Finding> {
        let peeled = format!("{commit}^{{tree}}");
        let id = self.object_id(&self.program().args(["rev-parse", "--verify", "--end-of-options", &peeled]))?;
        self.parse("git rev-parse", &id)
    }

    fn ls_tree(&self, commit: &Commit, path: Option<&str>) -> Result<Vec<ListedEntry>, Finding> {
        let output =
            self.run_local(&self.program().args(["ls-tree", "-z", "--full-tree", commit.as_str(), "--"]).args(path))?;
        output
            .split(|&byte| byte == 0)
            .filter(|line| !line.is_empty())
            .map(|line| {
                let line = String::from_utf8_lossy(line);
                parse_tree_line(&line).ok_or_else(|| Finding::inconclusive("git ls-tree").actual(self.sanitize(&line)))
            })
            .collect()
    }

    /// Makes a commit on top of `parent` that adds or replaces `files` and keeps everything else. No ref points to it yet.
    ///
    /// # Errors
    /// The parent is missing, a path leads through a file, or the object store cannot be written.
    pub fn commit_files(
        &self,
        parent: &Commit,
        files: &[NewFile],
        message: &str,
        signature: &Signature,
    ) -> Result<Commit, Finding> {
        let no_temporary =
            |error: std::io::Error| Finding::inconclusive("a temporary directory").actual(error.to_string());
        let dir = tempfile::tempdir().map_err(no_temporary)?;
        let index = OsString::from(dir.path().join("index"));
        let program = || self.program().set("GIT_INDEX_FILE", &index);

        let mut update = program().args(["update-index", "--add"]);
        for file in files {
            let id =
                self.object_id(&self.program().args(["hash-object", "-w", "--stdin"]).stdin(file.bytes.clone()))?;
            update = update.args(["--cacheinfo", &format!("{},{id},{}", file.mode.octal(), file.path)]);
        }
        self.run_local(&program().args(["read-tree", parent.as_str()]))?;
        self.run_local(&update)?;
        // A partial clone lacks objects of the parent's tree. Without this option git would fetch all of them.
        let tree = self.object_id(&program().args(["write-tree", "--missing-ok"]))?;

        let since = signature.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let date = format!("@{} +0000", since.as_secs());
        let commit = self
            .program()
            .args(["commit-tree"])
            .args(self.is_signing()?.then_some("-S"))
            .args([tree.as_str(), "-p", parent.as_str()])
            .stdin(message)
            .set("GIT_AUTHOR_NAME", &signature.author.name)
            .set("GIT_AUTHOR_EMAIL", &signature.author.email)
            .set("GIT_AUTHOR_DATE", &date)
            .set("GIT_COMMITTER_NAME", &signature.committer.name)
            .set("GIT_COMMITTER_EMAIL", &signature.committer.email)
            .set("GIT_COMMITTER_DATE", &date);
        let id = self.object_id(&commit)?;
        self.parse("git commit-tree", &id)
    }

    /// Whether git's configuration asks for signed commits, which `git commit-tree` ignores by itself.
    ///
    /// # Errors
    /// The checkout names the program that signs. A workflow step that runs code of others can write that file; the runner's user
    /// can name one.
    fn is_signing(&self) -> Result<bool, Finding> {
        let wanted = ["config", "--type=bool", "--default=false", "--get", SIGN];
        let wanted = self.run_local(&self.program().args(wanted))?;
        if String::from_utf8_lossy(&wanted).trim_end() != "true" {
            return Ok(false);
        }
        let listed = self.run_local(&self.program().args(["config", "--list", "--name-only", "--show-scope"]))?;
        let listed = String::from_utf8_lossy(&listed);
        let of_checkout = listed.lines().filter_map(|line| line.split_once('\t')).find(|(scope, name)| {
            let runs = name.ends_with(".program") || name.ends_with(".defaultkeycommand");
            ["local", "worktree"].contains(scope) && name.starts_with("gpg.") && runs
        });
        match of_checkout {
            None => Ok(true),
            Some((_, name)) => Err(Finding::inconclusive(format!("`{SIGN}`"))
                .actual(format!(
                    "the checkout's configuration names the program that signs commits: {}",
                    self.sanitize(name)
                ))
                .expected("git's own choice, or a program that the configuration of the runner's user names")
                .next(format!("set {} with `git config --global`", self.sanitize(name)))),
        }
    }

    fn object_id(&self, program: &Program) -> Result<String, Finding> {
        self.run_local(program).map(|id| String::from_utf8_lossy(&id).trim_end().to_owned())
    }
}

/// Parses `<mode> SP <type> SP <id> TAB <name>`; <https://git-scm.com/docs/git-ls-tree#_output_format>.
fn parse_tree_line(line: &str) -> Option<ListedEntry> {
    let (meta, name) = line.split_once('\t')?;
    let mut meta = meta.split(' ');
    let (mode, _, id) = (meta.next()?, meta.next()?, meta.next()?);
    let kind = match mode {
        "120000" => TreeEntryKind::Symlink,
        "160000" => TreeEntryKind::Submodule,
        "040000" => TreeEntryKind::Directory,
        "100755" => TreeEntryKind::File(FileMode::Executable),
        // Old versions of git wrote 100664.
        _ if mode.starts_with("100") => TreeEntryKind::File(FileMode::Regular),
        _ => return None,
    };
    Some(ListedEntry { kind, id: id.to_owned(), name: name.to_owned() })
}
