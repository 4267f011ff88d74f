//! The base of a comparison: built for it, or a file of the base commit that an earlier step put into the workspace.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use std::fs;

use super::{BASELINE, assert_end, assert_log_contains, noise, read};
use crate::{
    house::{Ended, Runner},
    origin::{Event, Origin, git},
};

/// Builds `src/app.js`, and fails inside of the workspace.
const BUILD: &str = "case $PWD in */workspace*) exit 9;; esac; mkdir dist && cp src/app.js dist/app.js";

/// A repository with a pull request that changes its only source from one size to another, in kilobytes.
struct Change {
    origin: Origin,
    base: String,
    head: String,
    merge: String,
}

impl Change {
    fn new(before: usize, now: usize) -> Self {
        let origin = Origin::new();
        let base = origin.commit(&[("src/app.js", &noise(before * 1000)), (".gitignore", b"/dist\n/*.json\n")]);
        origin.branch("topic", &base);
        let head = origin.commit(&[("src/app.js", &noise(now * 1000))]);
        let merge = origin.merge(&base, &head);
        Self { origin, base, head, merge }
    }

    /// A runner of the pull request, with its build.
    fn runner(&self) -> Runner {
        let event = Event::pull_request(&self.base, &self.head, &self.merge);
        let runner = self.origin.runner(&event, &self.merge, 2);
        let built = fs::read(runner.workspace().join("src/app.js")).expect("a source");
        runner.write("dist/app.js", built);
        runner
    }

    /// What a push to the base branch writes.
    fn recorded(&self, commit: &str) -> String {
        let runner = Runner::new().env("GITHUB_EVENT_NAME", "push");
        self.origin.check_out(&runner, "", commit, 1);
        runner.write("dist/app.js", fs::read(runner.workspace().join("src/app.js")).expect("a source"));
        assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
        read(&runner, BASELINE).expect("a baseline")
    }
}

fn step(runner: &Runner, flags: &[&str]) -> Ended {
    runner.run(&[&["bundle-size", "--path=dist"], flags].concat())
}

#[test]
fn the_base_commit_is_built_outside_of_the_workspace() {
    for (before, now, code, verdict) in [(100, 104, 0, "passed"), (100, 120, 1, "blocked"), (200, 120, 0, "passed")] {
        let change = Change::new(before, now);
        let runner = change.runner();
        let ended = step(&runner, &["--base-command", BUILD]);
        assert_end(&ended, code, verdict);
        assert_log_contains(&ended, &[&format!("building the base commit {}", change.base)]);
        let source = ended.report["findings"][0]["evidence"][0]["source"].as_str().unwrap_or_default();
        assert_eq!(source, format!("base-command (in the base commit {})", change.base));
        assert_eq!(git(&runner.workspace(), &["worktree", "list", "--porcelain"]).matches("worktree ").count(), 1);
        assert_eq!(git(&runner.workspace(), &["status", "--porcelain"]), "");
    }
}

#[test]
fn the_base_is_built_in_a_checkout_below_the_workspace_too() {
    let change = Change::new(100, 120);
    let event = Event::pull_request(&change.base, &change.head, &change.merge);
    let runner = event.on(Runner::new());
    change.origin.check_out(&runner, "app", &change.merge, 2);
    runner.write("app/dist/app.js", noise(120_000));
    let ended = runner.run(&["bundle-size", "--path=app/dist", "--base-command", BUILD]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["(+20 %)"]);
}

#[test]
fn a_base_that_cannot_be_built_is_inconclusive() {
    let change = Change::new(100, 100);
    let runner = change.runner();
    for (flags, parts) in [
        (
            &["--base-command=echo no such package >&2; exit 7"][..],
            &["exit code 7; its last lines: no such package", "no packages, no submodules"][..],
        ),
        (&["--base-command=false | true"], &["exit code 1"]),
        (&["--base-command=true"], &["it ended with success; then `path`: pattern dist: it names no file"]),
        (&["--base-command=mkdir dist; touch dist/app.js"], &["the baseline has 0 bytes in 1 file"]),
        (&["--base-command=exec tail -f /dev/null", "--base-timeout=1ms"], &["no end after 1ms"]),
    ] {
        let ended = step(&runner, flags);
        assert_end(&ended, 3, "inconclusive");
        assert_log_contains(&ended, parts);
    }
    let push = Runner::new().env("GITHUB_EVENT_NAME", "push");
    change.origin.check_out(&push, "", &change.merge, 2);
    push.write("dist/app.js", "x");
    let ended = step(&push, &["--base-command", BUILD]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["the event proposes no change"]);
}

#[test]
fn the_build_of_the_base_gets_no_inputs_and_no_command_files() {
    let change = Change::new(100, 100);
    let runner = change.runner().input("explanation", "a text that the build must not see");
    let command = format!("{BUILD}; env >{}", runner.workspace().with_file_name("env.txt").display());
    assert_end(&step(&runner, &["--base-command", &command]), 0, "passed");
    let env = fs::read_to_string(runner.workspace().with_file_name("env.txt")).expect("written");
    assert!(env.contains("GITHUB_EVENT_NAME=pull_request"));
    for part in ["PROMOTE_GATES_", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"] {
        assert!(!env.contains(part), "{part}");
    }
}

#[test]
fn a_file_counts_only_for_its_commit() {
    let change = Change::new(100, 120);
    let [right, wrong] = [&change.base, &change.head].map(|commit| change.recorded(commit));
    let runner = change.runner();
    let file = &["--baseline-from=file"][..];
    let ended = step(&runner, file);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["no such file", "give `base-command`"]);
    runner.write(BASELINE, &right);
    assert_end(&step(&runner, file), 1, "blocked");
    for (text, part) in [
        (wrong.clone(), format!("the sizes of {}; expected the sizes of the base commit {}", change.head, change.base)),
        (wrong.replace(&format!("  \"commit\": \"{}\",\n", change.head), ""), "sizes without a commit".to_owned()),
    ] {
        runner.write(BASELINE, &text);
        let ended = step(&runner, file);
        assert_end(&ended, 3, "inconclusive");
        assert_log_contains(&ended, &[&part]);
        // Then the base is built.
        let ended = step(&runner, &["--baseline-from=file", "--base-command", BUILD]);
        assert_end(&ended, 1, "blocked");
        assert_log_contains(&ended, &["building the base commit"]);
    }
    runner.write(BASELINE, &right);
    let ended = step(&runner, &["--baseline-from=file", "--base-command=exit 1"]);
    assert_end(&ended, 1, "blocked");
}
