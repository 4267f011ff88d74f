//! A repository with pull requests, and checkouts of it as `actions/checkout` makes them.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{Runner, temp_dir};

/// Runs git with nothing of this machine's environment but PATH (a hook that runs the tests sets `GIT_DIR`); returns its output.
#[expect(clippy::disallowed_methods, reason = "PATH says where git is")]
#[track_caller]
pub fn git(dir: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    git.envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")]);
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@acme.example");
    }
    let output = git.current_dir(dir).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// A repository, on GitHub so to speak.
pub struct Origin {
    folder: TempDir,
}

/// How much of the history `actions/checkout` fetches: 0 is all.
pub type Depth = u32;

impl Origin {
    pub fn new() -> Self {
        let origin = Self { folder: temp_dir() };
        git(origin.folder.path(), &["init", "--quiet", "--initial-branch=main", "shop"]);
        origin
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.path(), arguments)
    }

    /// Writes files and commits them on the current branch; a file without content is removed. Returns the commit's id.
    pub fn commit(&self, files: &[(&str, &[u8])]) -> String {
        for (path, content) in files {
            let path = self.path().join(path);
            if content.is_empty() {
                fs::remove_file(path).expect("a file to remove");
            } else {
                fs::create_dir_all(path.parent().expect("a folder")).expect("make the folder");
                fs::write(path, content).expect("write the file");
            }
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "a change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Starts a branch at a commit.
    pub fn branch(&self, name: &str, at: &str) {
        self.git(&["switch", "--quiet", "--create", name, at]);
    }

    /// The merge commit of a pull request, as GitHub makes it.
    pub fn merge(&self, base: &str, head: &str) -> String {
        self.git(&["switch", "--quiet", "--detach", base]);
        self.git(&["merge", "--quiet", "--no-ff", "--message", "merge", head]);
        let merge = self.git(&["rev-parse", "HEAD"]);
        self.git(&["update-ref", "refs/pull/7/merge", &merge]);
        self.git(&["switch", "--quiet", "main"]);
        merge
    }

    /// Checks a commit out into a folder of the workspace.
    pub fn check_out(&self, runner: &Runner, folder: &str, commit: &str, depth: Depth) {
        let dir = runner.workspace().join(folder);
        fs::create_dir_all(&dir).expect("make the folder");
        git(&dir, &["init", "--quiet", "--initial-branch=none"]);
        git(&dir, &["remote", "add", "origin", &format!("file://{}", self.path().display())]);
        let limit = format!("--depth={depth}");
        let fetch = ["fetch", "--quiet", "--no-tags"];
        let what: &[&str] = if depth == 0 {
            &["origin", "+refs/heads/*:refs/remotes/origin/*", commit]
        } else {
            &[&limit, "origin", commit]
        };
        git(&dir, &[&fetch, what].concat());
        git(&dir, &["checkout", "--quiet", "--detach", commit]);
    }

    /// A runner on an event, with a checkout of a commit in its workspace.
    pub fn runner(&self, event: &Event, commit: &str, depth: Depth) -> Runner {
        let runner = event.on(Runner::new());
        self.check_out(&runner, "", commit, depth);
        runner
    }
}

/// An event of a pull request into `main`.
pub struct Event {
    pub name: &'static str,
    /// The payload.
    pub content: Value,
    /// `GITHUB_SHA`
    pub sha: String,
}

impl Event {
    /// `sha` is the merge commit; `base` is what the event says of the base branch.
    pub fn pull_request(base: &str, head: &str, sha: &str) -> Self {
        let content = json!({ "pull_request": { "base": { "ref": "main", "sha": base }, "head": { "sha": head } } });
        Self { name: "pull_request", content, sha: sha.to_owned() }
    }

    pub fn on(&self, runner: Runner) -> Runner {
        let path = runner.workspace().with_file_name("event.json");
        fs::write(&path, self.content.to_string()).expect("an event");
        runner
            .env("GITHUB_EVENT_NAME", self.name)
            .env("GITHUB_EVENT_PATH", &path.display().to_string())
            .env("GITHUB_SHA", &self.sha)
    }
}
