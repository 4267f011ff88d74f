//! Tests with real repositories in temporary directories, and with remotes in files and on loopback HTTP.

mod checkout;
mod head;
mod history;
mod http;
mod push;
mod remote;
mod trees;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::{Duration, UNIX_EPOCH},
};

use tempfile::TempDir;

use super::{
    checkout::{LOCAL_TIMEOUT, no_checkout},
    *,
};
use crate::{
    finding::Finding,
    reconcile::tests::with_permit,
    secret::Secret,
    world::process::{CapturedOutput, ProcessGroups, ProcessOutput, ProcessStatus, Program, run},
};

/// Runs git with an empty environment and configuration, and returns its output.
fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "init.defaultBranch=main", "-c", "core.fsync=none"])
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", path())
        .env("HOME", "/nonexistent")
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")])
        .envs([
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@x"),
            ("GIT_COMMITTER_NAME", "C"),
            ("GIT_COMMITTER_EMAIL", "c@x"),
        ])
        .output()
        .expect("git is there");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// The PATH of `sh`. Git needs one to find its subcommands.
fn path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| {
        let output = Command::new("sh").args(["-c", "printf %s \"$PATH\""]).output().expect("sh is there");
        String::from_utf8(output.stdout).expect("a PATH in UTF-8")
    });
    &PATH
}

/// A bare repository with three commits on `main`, and a directory for its checkouts.
struct Forge {
    dir: TempDir,
}

impl Forge {
    fn new() -> Self {
        let forge = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        git(forge.dir.path(), &["init", "-q", "--bare", "infra.git"]);
        let mut stream = String::new();
        for number in 1..=3 {
            let tag = format!("tag: {number}\n");
            let _ = write!(stream, "commit refs/heads/main\ncommitter C <c@x> {number} +0000\ndata 2\nc{number}\n");
            let _ = write!(
                stream,
                "M 644 inline README\ndata 7\nreadme\n\nM 644 inline apps/shop/image.txt\ndata {}\n{tag}\n",
                tag.len()
            );
        }
        forge.import(stream);
        forge
    }

    /// Adds the commits of a `git fast-import` stream.
    fn import(&self, stream: String) {
        let import = Program::new("git")
            .args(["fast-import", "--quiet"])
            .in_dir(self.bare())
            .stdin(stream)
            .scrubbed()
            .set("PATH", path());
        let end = run(&import, &ProcessGroups::default(), LOCAL_TIMEOUT).expect("git is there");
        assert!(end.status.success(), "{}", end.stderr.text());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn bare(&self) -> PathBuf {
        self.path("infra.git")
    }

    /// A checkout; `options` are those of `git clone`.
    fn checkout(&self, name: &str, options: &[&str]) -> PathBuf {
        let url = format!("file://{}", self.bare().display());
        git(self.dir.path(), &[&["clone", "-q"], options, &[&url, name]].concat());
        self.path(name)
    }

    fn tip(&self) -> String {
        git(&self.bare(), &["rev-parse", "main"])
    }
}

/// Everything in a checkout that must not change.
fn snapshot(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |path: &str| (path.to_owned(), fs::read(dir.join(path)).unwrap_or_default());
    // The index comes first, because `git status` may write it.
    let mut contents =
        vec![read(".git/index"), read(".git/HEAD"), read(".git/config"), read(".git/shallow"), read(".git/FETCH_HEAD")];
    for args in
        [&["status", "--porcelain=v2", "--branch", "--ignored"][..], &["for-each-ref"], &["stash", "list"], &["diff"]]
    {
        contents.push((args.join(" "), git(dir, &[&["--no-optional-locks"], args].concat()).into_bytes()));
    }
    contents
}

fn open(dir: &Path) -> Git {
    Git::open(dir, &ProcessGroups::default()).expect("a checkout")
}

fn origin(git: &Git) -> Remote {
    git.remote("origin").expect("a remote")
}

fn main_branch() -> Branch {
    "main".parse().expect("a branch")
}

fn commit(id: &str) -> Commit {
    id.parse().expect("a commit")
}

fn tree_path(path: &str) -> TreePath {
    path.parse().expect("a path")
}

fn file(path: &str, text: &str) -> NewFile {
    NewFile { path: tree_path(path), mode: FileMode::Regular, bytes: text.into() }
}

fn signature() -> Signature {
    let bot = CommitIdentity::new("promotion-bot", "bot@acme.example").expect("an identity");
    Signature { author: bot.clone(), committer: bot, at: UNIX_EPOCH + Duration::from_secs(1_700_000_000) }
}

/// A new commit on `parent` that sets the file `name` to `text`.
fn change(git: &Git, parent: &Commit, name: &str, text: &str) -> Commit {
    git.commit_files(parent, &[file(name, text)], "a change", &signature()).expect("a commit")
}

/// Pushes to the remote's main branch.
fn push(git: &Git, commit: &Commit) -> PushOutcome {
    with_permit(|permit| git.push(permit, &origin(git), commit, &main_branch()))
}
