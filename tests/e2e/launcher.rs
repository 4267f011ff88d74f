//! `dist/promote-gates`, the file every action starts: it becomes the binary, or says why it cannot and leaves outputs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::repo::{clean, copy, program, released_name};

/// A release unpacked in a temp folder: the launcher, and whatever a test puts beside it.
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

    /// `uname` of this machine says `machine`.
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

    /// Started in Actions, it refuses: exit 3, and outputs, summary and an annotation that say `why`.
    fn refuses(&self, mut launcher: Command, why: &str) {
        let at = |name: &str| self.dir.path().join(name);
        launcher.env("GITHUB_ACTIONS", "true");
        launcher.env("GITHUB_OUTPUT", at("output")).env("GITHUB_STEP_SUMMARY", at("summary"));
        let end = launcher.output().expect("start the launcher");

        assert_eq!(end.status.code(), Some(3), "{end:?}");
        let outputs = fs::read_to_string(at("output")).expect("outputs were written");
        let [verdict, reason] = outputs.lines().collect::<Vec<_>>()[..] else { panic!("two outputs: {outputs}") };
        assert_eq!(verdict, "verdict=inconclusive");
        assert!(reason.starts_with("reason=") && reason.contains(why), "{reason}");
        let summary = fs::read_to_string(at("summary")).expect("a summary was written");
        assert!(summary.contains(why) && summary.lines().count() == 1, "{summary}");
        let printed = text(&end.stdout);
        assert!(printed.starts_with("::error title=promote-gates cannot start::"), "{printed}");
        assert!(printed.contains(why) && printed.lines().count() == 1, "{printed}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_becomes_the_binary_and_keeps_arguments_exit_code_and_process() {
    let release = Release::with_binary("#!/bin/sh\necho $$\nprintf '[%s]' \"$@\"\nexit 7\n");

    let mut launcher = release.command();
    let child = launcher.args(["health", "a b", "", "*"]).stdout(Stdio::piped()).spawn().expect("start the launcher");
    let process = child.id();
    let Output { status, stdout, .. } = child.wait_with_output().expect("the launcher ends");

    assert_eq!(status.code(), Some(7));
    // The same process: the runner's SIGINT goes to it and to nothing below it.
    assert_eq!(text(&stdout), format!("{process}\n[health][a b][][*]"));
}

#[test]
fn another_system_is_told_what_is_supported() {
    let release = Release::new().on("Darwin arm64");
    release.refuses(release.command(), "this machine is Darwin arm64; supported are Linux x86_64 and Linux aarch64.");
}

#[test]
fn both_names_of_each_architecture_are_known() {
    for (machine, name) in [
        ("Linux x86_64", "x86_64"),
        ("Linux amd64", "x86_64"),
        ("Linux aarch64", "aarch64"),
        ("Linux arm64", "aarch64"),
    ] {
        let release = Release::new().on(machine);
        release.refuses(release.command(), &format!("dist/promote-gates-{name}-linux is missing"));
    }
}

#[test]
fn what_the_machine_calls_itself_becomes_no_command_and_no_output() {
    let release = Release::new().on("x\\nverdict=passed\\n::error::y%0A##[error]<b>");
    release.refuses(release.command(), "this machine is x?verdict?passed?::error::y?0A???error??b?; supported");
}

#[test]
fn a_binary_that_cannot_be_started_is_refused() {
    let missing = Release::new();
    missing.refuses(missing.command(), "is missing");

    // A shell would take an empty file for an empty script, and succeed.
    let empty = Release::with_binary("");
    empty.refuses(empty.command(), "is empty");

    let plain = Release::with_binary("#!/bin/sh\n");
    fs::set_permissions(plain.binary(), fs::Permissions::from_mode(0o644)).expect("take the mode away");
    plain.refuses(plain.command(), "is not executable");
}

#[test]
fn a_binary_that_the_kernel_refuses_leaves_outputs_too() {
    let broken = Release::with_binary("\x7fELF and then nothing\n");
    // In dash, the `sh` of Debian and Ubuntu; bash as `sh` ends with 126 and writes nothing.
    let mut dash = clean("dash");
    dash.arg(broken.dir.path().join("promote-gates"));
    broken.refuses(dash, "could not be started");
}

#[test]
fn outside_actions_it_speaks_to_a_person() {
    let release = Release::new();
    let end = release.command().output().expect("start the launcher");
    assert_eq!(end.status.code(), Some(3));
    assert_eq!(text(&end.stdout), "");
    assert!(text(&end.stderr).starts_with("promote-gates: dist/"), "{end:?}");
}

#[test]
fn outputs_that_cannot_be_written_do_not_change_the_exit_code() {
    let release = Release::new();
    let end = release.command().env("GITHUB_OUTPUT", "/nonexistent/output").output().expect("start the launcher");
    assert_eq!(end.status.code(), Some(3));
}

#[test]
fn git_keeps_it_executable() {
    let mut git = clean("git");
    git.current_dir(env!("CARGO_MANIFEST_DIR")).args(["ls-files", "--stage", "dist"]);
    let listed = git.output().expect("git runs");
    let files: Vec<_> = text(&listed.stdout).lines().map(str::to_owned).collect();
    assert!(files.iter().any(|file| file.ends_with("\tdist/promote-gates")), "{files:?}");
    for file in files.iter().filter(|file| file.contains("\tdist/promote-gates")) {
        assert!(file.starts_with("100755 "), "{file}");
    }
}
