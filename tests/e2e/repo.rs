//! Repositories of the end-to-end tests: a team's repository, and the repository of the actions that it uses.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A team's repository: a git checkout of `acme/shop` in a temp folder.
pub struct Repo {
    dir: TempDir,
}

impl Repo {
    pub fn new() -> Self {
        let repo = Self { dir: tempfile::tempdir().expect("a temp folder") };
        repo.git(["init", "--quiet", "--initial-branch=main"]);
        // The runner derives GITHUB_REPOSITORY from this address; nothing connects to it.
        repo.git(["remote", "add", "origin", "https://github.com/acme/shop"]);
        repo
    }

    /// A clone of the repository at `from`; the test must set `GITHUB_REPOSITORY`.
    pub fn clone_of(from: &Path) -> Self {
        let repo = Self { dir: tempfile::tempdir().expect("a temp folder") };
        repo.git(["clone", "--quiet", &from.display().to_string(), "."]);
        repo
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file, with its folders.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) -> &Self {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("make the folder");
        fs::write(&path, contents).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self
    }

    /// Commits everything and returns the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--message", message]);
        self.git(["rev-parse", "HEAD"])
    }

    /// Runs git in the checkout, without the user's configuration; returns its trimmed output.
    pub fn git<const N: usize>(&self, arguments: [&str; N]) -> String {
        let mut git = clean("git");
        git.current_dir(self.dir.path()).args(arguments);
        git.envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("HOME", "/nonexistent")]);
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@acme.example");
        }
        let output = git.output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("git prints UTF-8").trim().to_owned()
    }
}

/// Writes what `uses: acme/promote-gates/…@v1` would download: the action files and the launcher of this checkout, with the
/// binary of this build as the released one for this machine. `PROMOTE_GATES_E2E_RELEASED=1` uses the committed binary
/// instead: the acceptance test of a release.
///
/// The binary is a link, because the runner copies the folder for every step, and tens of megabytes would take longer than
/// the steps.
pub fn actions(into: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = 0;
    for action in folders(root).map(|folder| folder.join("action.yml")).filter(|file| file.exists()) {
        let inside = action.strip_prefix(root).expect("inside the checkout");
        copy(&action, &into.join(inside));
        found += 1;
    }
    assert!(found > 0, "{} holds no action.yml, neither at the root nor in a folder", root.display());
    copy(&root.join("dist/promote-gates"), &into.join("dist/promote-gates"));
    let released = root.join("dist").join(released_name());
    let binary = if wants_released() { released.as_path() } else { Path::new(env!("CARGO_BIN_EXE_promote-gates")) };
    symlink(binary, into.join("dist").join(released_name())).expect("link the binary");
}

/// The name of the binary that the launcher starts on this machine.
pub fn released_name() -> String {
    format!("promote-gates-{}-linux", std::env::consts::ARCH)
}

#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the product")]
fn wants_released() -> bool {
    std::env::var_os("PROMOTE_GATES_E2E_RELEASED").is_some_and(|value| value == "1")
}

/// A command without our environment except PATH, so that variables of an outer CI run have no effect.
#[expect(clippy::disallowed_methods, reason = "PATH locates git, sh and the runner")]
pub fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

/// PATH with a folder added at the front.
#[expect(clippy::disallowed_methods, reason = "PATH locates git, sh and the runner")]
pub fn path_with(folder: &Path) -> OsString {
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// Writes `text` to `path` as a program.
///
/// Another process writes the file. If this process had it open for writing, a child that another test starts at the same
/// time would inherit it, and the kernel does not start a file that is open for writing ("text file busy").
pub fn program(path: &Path, text: &str) {
    let mut install = clean("install");
    install.args(["-D", "--mode=755", "/dev/stdin"]).arg(path).stdin(Stdio::piped());
    let mut child = install.spawn().expect("start install");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("write the program");
    let status = child.wait().expect("install ends");
    assert!(status.success(), "install {}: {status}", path.display());
}

/// Copies contents and mode; uses another process, as [`program`] does.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a file has a folder")).expect("make the folder");
    let status = clean("cp").arg("--preserve=mode").args([from, to]).status().expect("start cp");
    assert!(status.success(), "cp {} {}: {status}", from.display(), to.display());
}

fn folders(root: &Path) -> impl Iterator<Item = PathBuf> {
    let inside = fs::read_dir(root).expect("read the checkout").map(|entry| entry.expect("read an entry").path());
    std::iter::once(root.to_owned()).chain(inside.filter(|path| path.is_dir()))
}
