//! `dist/promote-gates`, the launcher of every action: it starts the binary by `exec`, or writes outputs with the reason.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::repo::{clean, copy, program, released_name};

/// A release in a temp folder: the launcher, and the files that a test adds.
struct Release {
    dir: TempDir,
}

impl Release {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temp folder");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/promote-gates"), &dir.path().join("promote-gates"));
        Self { dir }
    }

    fn with_binary(text: &str) -> Self {
        let release = Self::new();
        program(&release.binary(), text);
        release
    }

    /// Makes `uname` print `machine`.
    fn on(self, machine: &str) -> Self {
        program(&self.dir.path().join("bin/uname"), &format!("#!/bin/sh\nprintf '%b\\n' '{machine}'\n"));
        self
    }

    fn binary(&self) -> PathBuf {
        self.dir.path().join(released_name())
    }

    fn command(&self) -> Command {
        let mut launcher = clean(self.dir.path().join("promote-gates"));
        launcher.env("PATH", format!("{}:/usr/bin:/bin", self.dir.path().join("bin").display()));
        launcher
    }

    /// Asserts that the launcher fails in Actions with exit code 3, and with outputs, summary and annotation that contain
    /// `expected`.
    fn assert_refused(&self, mut launcher: Command, expected: &str) {
        let at = |name: &str| self.dir.path().join(name);
        launcher.env("GITHUB_ACTIONS", "true");
        launcher.env("GITHUB_OUTPUT", at("output")).env("GITHUB_STEP_SUMMARY", at("summary"));
        let end = launcher.output().expect("start the launcher");

        assert_eq!(end.status.code(), Some(3), "{end:?}");
        let outputs = fs::read_to_string(at("output")).expect("outputs were written");
        let [verdict, reason] = outputs.lines().collect::<Vec<_>>()[..] else { panic!("two outputs: {outputs}") };
        assert_eq!(verdict, "verdict=inconclusive");
        assert!(reason.starts_with("reason=") && reason.contains(expected), "{reason}");
        let summary = fs::read_to_string(at("summary")).expect("a summary was written");
        assert!(summary.contains(expected) && summary.lines().count() == 1, "{summary}");
        let printed = text(&end.stdout);
        assert!(printed.starts_with("::error title=promote-gates cannot start::"), "{printed}");
        assert!(printed.contains(expected) && printed.lines().count() == 1, "{printed}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_binary_replaces_the_launcher_with_its_arguments_exit_code_and_process() {
    let release = Release::with_binary("#!/bin/sh\necho $$\nprintf '[%s]' \"$@\"\nexit 7\n");

    let mut launcher = release.command();
    let child = launcher.args(["health", "a b", "", "*"]).stdout(Stdio::piped()).spawn().expect("start the launcher");
    let process = child.id();
    let Output { status, stdout, .. } = child.wait_with_output().expect("the launcher ends");

    assert_eq!(status.code(), Some(7));
    // The same process, because the runner sends SIGINT to this process only.
    assert_eq!(text(&stdout), format!("{process}\n[health][a b][][*]"));
}

#[test]
fn an_unsupported_system_fails_with_the_supported_ones() {
    let release = Release::new().on("Darwin arm64");
    release.assert_refused(
        release.command(),
        "this machine is Darwin arm64; supported are Linux x86_64 and Linux aarch64.",
    );
}

#[test]
fn both_names_of_each_architecture_work() {
    for (machine, name) in [
        ("Linux x86_64", "x86_64"),
        ("Linux amd64", "x86_64"),
        ("Linux aarch64", "aarch64"),
        ("Linux arm64", "aarch64"),
    ] {
        let release = Release::new().on(machine);
        release.assert_refused(release.command(), &format!("dist/promote-gates-{name}-linux is missing"));
    }
}

#[test]
fn the_name_of_the_machine_is_escaped() {
    let release = Release::new().on("x\\nverdict=passed\\n::error::y%0A##[error]<b>");
    release.assert_refused(release.command(), "this machine is x?verdict?passed?::error::y?0A???error??b?; supported");
}

#[test]
fn a_missing_empty_or_non_executable_binary_is_refused() {
    let missing = Release::new();
    missing.assert_refused(missing.command(), "is missing");

    // A shell would run an empty file as an empty script, and succeed.
    let empty = Release::with_binary("");
    empty.assert_refused(empty.command(), "is empty");

    let plain = Release::with_binary("#!/bin/sh\n");
    fs::set_permissions(plain.binary(), fs::Permissions::from_mode(0o644)).expect("change the mode");
    plain.assert_refused(plain.command(), "is not executable");
}

#[test]
fn a_binary_that_the_kernel_cannot_start_still_writes_outputs() {
    let broken = Release::with_binary("\x7fELF and then nothing\n");
    // With dash, the `sh` of Debian and Ubuntu; bash as `sh` exits with 126 and writes nothing.
    let mut dash = clean("dash");
    dash.arg(broken.dir.path().join("promote-gates"));
    broken.assert_refused(dash, "could not be started");
}

#[test]
fn outside_of_actions_the_message_goes_to_stderr() {
    let release = Release::new();
    let end = release.command().output().expect("start the launcher");
    assert_eq!(end.status.code(), Some(3));
    assert_eq!(text(&end.stdout), "");
    assert!(text(&end.stderr).starts_with("promote-gates: dist/"), "{end:?}");
}

#[test]
fn unwritable_outputs_do_not_change_the_exit_code() {
    let release = Release::new();
    let end = release.command().env("GITHUB_OUTPUT", "/nonexistent/output").output().expect("start the launcher");
    assert_eq!(end.status.code(), Some(3));
}

#[test]
fn the_launcher_is_executable_in_git() {
    let mut git = clean("git");
    git.current_dir(env!("CARGO_MANIFEST_DIR")).args(["ls-files", "--stage", "dist"]);
    let listed = git.output().expect("git runs");
    let files: Vec<_> = text(&listed.stdout).lines().map(str::to_owned).collect();
    assert!(files.iter().any(|file| file.ends_with("\tdist/promote-gates")), "{files:?}");
    for file in files.iter().filter(|file| file.contains("\tdist/promote-gates")) {
        assert!(file.starts_with("100755 "), "{file}");
    }
}
