//! The programs that render what `promote` edits.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A program that the script of these tests has built; says so where there is none.
#[expect(clippy::disallowed_methods, reason = "the path of a tool is a setting of the test, not of the product")]
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(format!("PROMOTE_GATES_E2E_{name}"));
    if path.is_none() {
        print(&format!("SKIP: PROMOTE_GATES_E2E_{name} is not set; run the script of these tests"));
    }
    path.map(PathBuf::from)
}

/// kubectl without a cluster and without this machine's settings. It only reads files.
pub fn kubectl(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("KUBECONFIG", "/dev/null");
    command
}

/// The output of a command, which has to succeed.
pub fn succeeded(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(status.success(), "{command:?}: {stdout}{stderr}");
    stdout
}

/// Prints to stderr directly, because the test harness hides the output of passing tests.
pub fn print(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
