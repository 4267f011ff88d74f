//! The files of commits: read without a work tree, written without one.

use std::{
    ffi::OsString,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{finding::Finding, world::process::Program};

use super::{Commit, Git, TreePath};

/// How a regular file is checked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Regular,
    Executable,
}

/// What a tree says about one of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File(Mode),
    Symlink,
    Submodule,
    Directory,
}

/// A regular file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub mode: Mode,
    pub bytes: Vec<u8>,
}

/// What stands at a path of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    File(Blob),
    /// Where it points to; raw.
    Symlink(Vec<u8>),
    Submodule,
    Directory,
}

/// A file as it shall be in a new commit; new at its path, or in place of what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    pub path: TreePath,
    pub mode: Mode,
    pub bytes: Vec<u8>,
}

/// Who wrote a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    name: String,
    email: String,
}

impl Identity {
    /// # Errors
    /// One of the two is empty or holds what git would drop in silence: `<`, `>`, control characters.
    pub fn new(name: &str, email: &str) -> Result<Self, String> {
        let fits =
            |text: &str| !text.trim().is_empty() && !text.contains(|c: char| matches!(c, '<' | '>') || c.is_control());
        if fits(name) && fits(email) {
            return Ok(Self { name: name.trim().to_owned(), email: email.trim().to_owned() });
        }
        Err(format!(
            "{name:?} and {email:?} are no name and address; expected such as `promotion-bot` and `bot@acme.example`"
        ))
    }
}

/// Who wrote a commit, and when.
#[derive(Clone, Debug)]
pub struct Signature {
    pub author: Identity,
    pub committer: Identity,
    pub at: SystemTime,
}

/// A line of `git ls-tree`.
struct Listed {
    kind: Kind,
    id: String,
    name: String,
}

impl Git {
    /// What a commit holds at `path`; `None` when nothing. Symbolic links are not followed.
    ///
    /// # Errors
    /// The commit is not there, or the file is over 32 MiB.
    pub fn read_file(&self, commit: &Commit, path: &TreePath) -> Result<Option<Entry>, Finding> {
        let listed = self.ls_tree(commit, Some(path.as_str()))?;
        let Some(Listed { kind, id, .. }) = listed.into_iter().find(|listed| listed.name == path.as_str()) else {
            return Ok(None);
        };
        let bytes = || self.ask(&self.program().args(["cat-file", "blob", &id]));
        Ok(Some(match kind {
            Kind::File(mode) => Entry::File(Blob { mode, bytes: bytes()? }),
            Kind::Symlink => Entry::Symlink(bytes()?),
            Kind::Submodule => Entry::Submodule,
            Kind::Directory => Entry::Directory,
        }))
    }

    /// The bytes of many files at once, in the order that was asked for; `None` for what is no file there. One git reads a
    /// hundred of them, where [`Git::read_file`] starts two for each. The commits have to be there.
    ///
    /// # Errors
    /// Git could not be asked, or they are over 32 MiB together in a hundred of them.
    pub fn read_files(&self, files: &[(Commit, TreePath)]) -> Result<Vec<Option<Vec<u8>>>, Finding> {
        let mut read = Vec::with_capacity(files.len());
        for some in files.chunks(100) {
            // A path has no line breaks, and no commit has another shape than its id.
            let asked: String = some.iter().map(|(commit, path)| format!("{commit}:{path}\n")).collect();
            let answer = self.ask(&self.program().args(["cat-file", "--batch"]).stdin(asked))?;
            let mut rest = answer.as_slice();
            for _ in some {
                let (file, behind) = batched(rest).ok_or_else(|| {
                    Finding::inconclusive("git cat-file")
                        .actual(self.fit_to_show(&String::from_utf8_lossy(&rest[..rest.len().min(200)])))
                })?;
                read.push(file.map(<[u8]>::to_vec));
                rest = behind;
            }
        }
        Ok(read)
    }

    /// The names directly in a directory of a commit, or in its top for `None`. Empty when there is no such directory.
    ///
    /// # Errors
    /// The commit is not there.
    pub fn list(&self, commit: &Commit, dir: Option<&TreePath>) -> Result<Vec<(String, Kind)>, Finding> {
        let dir = dir.map(|dir| format!("{dir}/"));
        let prefix = dir.as_deref().unwrap_or_default();
        let listed = self.ls_tree(commit, dir.as_deref())?;
        Ok(listed
            .into_iter()
            .filter_map(|entry| Some((entry.name.strip_prefix(prefix)?.to_owned(), entry.kind)))
            .collect())
    }

    fn ls_tree(&self, commit: &Commit, path: Option<&str>) -> Result<Vec<Listed>, Finding> {
        let answer =
            self.ask(&self.program().args(["ls-tree", "-z", "--full-tree", commit.as_str(), "--"]).args(path))?;
        answer
            .split(|&byte| byte == 0)
            .filter(|line| !line.is_empty())
            .map(|line| {
                let line = String::from_utf8_lossy(line);
                listed(&line).ok_or_else(|| Finding::inconclusive("git ls-tree").actual(self.fit_to_show(&line)))
            })
            .collect()
    }

    /// Makes a commit on top of `parent` in which `files` are as given and all else is as it was. Nothing refers to it yet.
    ///
    /// # Errors
    /// The parent is not there, a path leads through a file, or the object store cannot be written.
    pub fn commit_files(
        &self,
        parent: &Commit,
        files: &[NewFile],
        message: &str,
        signature: &Signature,
    ) -> Result<Commit, Finding> {
        let about = |error: std::io::Error| Finding::inconclusive("a temporary directory").actual(error.to_string());
        let dir = tempfile::tempdir().map_err(about)?;
        let index = OsString::from(dir.path().join("index"));
        let program = || self.program().set("GIT_INDEX_FILE", &index);

        let mut update = program().args(["update-index", "--add"]);
        for file in files {
            let mode = match file.mode {
                Mode::Regular => "100644",
                Mode::Executable => "100755",
            };
            let id = self.id(&self.program().args(["hash-object", "-w", "--stdin"]).stdin(file.bytes.clone()))?;
            update = update.args(["--cacheinfo", &format!("{mode},{id},{}", file.path)]);
        }
        self.ask(&program().args(["read-tree", parent.as_str()]))?;
        self.ask(&update)?;
        // What the parent's tree names need not be here: a partial clone would fetch it all.
        let tree = self.id(&program().args(["write-tree", "--missing-ok"]))?;

        let since = signature.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let date = format!("@{} +0000", since.as_secs());
        let commit = self
            .program()
            .args(["commit-tree", &tree, "-p", parent.as_str()])
            .stdin(message)
            .set("GIT_AUTHOR_NAME", &signature.author.name)
            .set("GIT_AUTHOR_EMAIL", &signature.author.email)
            .set("GIT_AUTHOR_DATE", &date)
            .set("GIT_COMMITTER_NAME", &signature.committer.name)
            .set("GIT_COMMITTER_EMAIL", &signature.committer.email)
            .set("GIT_COMMITTER_DATE", &date);
        let id = self.id(&commit)?;
        self.parse("git commit-tree", &id)
    }

    fn id(&self, program: &Program) -> Result<String, Finding> {
        self.ask(program).map(|answer| String::from_utf8_lossy(&answer).trim_end().to_owned())
    }
}

/// The first answer of `git cat-file --batch`, and what follows it: `<id> SP <type> SP <size> LF <bytes> LF`, or
/// `<name> SP missing LF`; <https://git-scm.com/docs/git-cat-file#_batch_output>.
fn batched(answer: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let end = answer.iter().position(|&byte| byte == b'\n')?;
    let (line, rest) = (str::from_utf8(&answer[..end]).ok()?, &answer[end + 1..]);
    // A submodule's commit is another repository's.
    if line.ends_with(" missing") || line.ends_with(" submodule") {
        return Some((None, rest));
    }
    let mut words = line.split(' ').skip(1);
    let (kind, size) = (words.next()?, words.next()?.parse::<usize>().ok()?);
    let (bytes, behind) = (rest.get(..size)?, rest.get(size + 1..)?);
    Some(((kind == "blob").then_some(bytes), behind))
}

/// `<mode> SP <type> SP <id> TAB <name>`; <https://git-scm.com/docs/git-ls-tree#_output_format>.
fn listed(line: &str) -> Option<Listed> {
    let (meta, name) = line.split_once('\t')?;
    let mut meta = meta.split(' ');
    let (mode, _, id) = (meta.next()?, meta.next()?, meta.next()?);
    let kind = match mode {
        "120000" => Kind::Symlink,
        "160000" => Kind::Submodule,
        "040000" => Kind::Directory,
        "100755" => Kind::File(Mode::Executable),
        // 100664 is what git wrote long ago.
        _ if mode.starts_with("100") => Kind::File(Mode::Regular),
        _ => return None,
    };
    Some(Listed { kind, id: id.to_owned(), name: name.to_owned() })
}
