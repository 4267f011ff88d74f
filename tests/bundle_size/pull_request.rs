//! On a pull request the limits and the baseline come from the base commit.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use serde_json::json;

use super::{BASELINE, assert_end, assert_log_contains, noise, read, shop, step};
use crate::house::Runner;

/// Runs git with nothing of this machine's environment but PATH (a hook that runs the tests sets `GIT_DIR`); returns its output.
#[expect(clippy::disallowed_methods, reason = "PATH says where git is")]
#[track_caller]
fn git(dir: &Path, arguments: &[&str]) -> String {
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

/// A repository with a bundle, its baseline and limits, and a branch that proposes a change.
struct Proposal {
    origin: Runner,
    base: String,
}

impl Proposal {
    fn new(change: impl FnOnce(&Runner)) -> Self {
        let origin = shop(100_000);
        origin.write(".github/promote-gates.yml", "bundle-size:\n  max-increase: 5\n");
        let dir = origin.workspace();
        git(&dir, &["init", "--quiet", "--initial-branch=main"]);
        let commit = |message: &str| {
            git(&dir, &["add", "--all"]);
            git(&dir, &["commit", "--quiet", "--message", message]);
            git(&dir, &["rev-parse", "HEAD"])
        };
        let base = commit("a shop");
        git(&dir, &["switch", "--quiet", "--create", "topic"]);
        change(&origin);
        commit("a small fix");
        Self { origin, base }
    }

    fn repository(&self) -> PathBuf {
        self.origin.workspace()
    }

    /// A checkout as `actions/checkout` makes it: the commit that is built, without the base commit.
    fn checkout(&self) -> Runner {
        let runner = Runner::new();
        let url = format!("file://{}", self.repository().display());
        git(&runner.workspace(), &["clone", "--quiet", "--depth=1", "--branch=topic", &url, "."]);
        assert_eq!(git(&runner.workspace(), &["rev-list", "--all", "--count"]), "1", "the base commit is not there");
        runner
    }

    /// The same runner on the event of this pull request.
    fn event(&self, runner: Runner) -> Runner {
        let path = runner.workspace().with_file_name("event.json");
        let event = json!({ "pull_request": { "base": { "ref": "main", "sha": self.base } } });
        fs::write(&path, event.to_string()).expect("an event");
        runner.env("GITHUB_EVENT_NAME", "pull_request").env("GITHUB_EVENT_PATH", &path.display().to_string())
    }
}

#[test]
fn a_pull_request_is_judged_by_the_base_commit() {
    let proposal = Proposal::new(|change| {
        change.write("dist/more.9c1bd0aa.js", noise(20_000));
        assert_end(&step(change, &["--write-baseline"]), 1, "blocked");
        change.write(".github/promote-gates.yml", "bundle-size:\n  max-increase: 100\n");
    });
    let runner = proposal.checkout();
    assert_end(&step(&runner, &[]), 0, "passed");

    let runner = proposal.event(runner);
    let ended = step(&runner, &[]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["(+20 %)", "at most 5 % more than the baseline's 100 kB"]);
    assert_eq!(ended.report["config"]["commit"], proposal.base);
    let source = format!("{BASELINE} (in the base commit {})", proposal.base);
    assert_eq!(ended.report["findings"][0]["evidence"][0]["source"], source);

    // With only the limits or only the baseline of the pull request it would pass.
    runner.write(BASELINE, "broken");
    assert_end(&step(&runner, &[]), 1, "blocked");
    assert_end(&step(&runner, &["--max-increase=100"]), 0, "passed");
}

#[test]
fn a_baseline_in_a_pull_request_counts_once_it_is_merged() {
    let proposal = Proposal::new(|change| change.write("dist/more.9c1bd0aa.js", noise(20_000)));
    let runner = proposal.event(proposal.checkout());
    let ended = step(&runner, &["--write-baseline"]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(
        &ended,
        &["done bundle-size.baseline.json", "on a pull request they count once they are merged"],
    );
    assert!(read(&runner, BASELINE).is_some_and(|written| written.contains("dist/more.[hash].js")));
    assert_end(&step(&runner, &[]), 1, "blocked");
}

#[test]
fn a_pull_request_cannot_delete_its_baseline() {
    let proposal = Proposal::new(|change| {
        change.write("dist/debug-library.js", noise(20_000));
        git(&change.workspace(), &["rm", "--quiet", "-r", BASELINE, ".github"]);
    });
    let runner = proposal.checkout();
    assert_end(&step(&runner, &["--allow-first", "--dry-run"]), 0, "passed");
    let runner = proposal.event(runner);
    assert_end(&step(&runner, &["--allow-first"]), 1, "blocked");

    // In a workspace from an archive the base commit is unknown.
    fs::remove_dir_all(runner.workspace().join(".git")).expect("removed");
    let ended = step(&runner, &["--allow-first"]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["not a git checkout", "actions/checkout"]);
    assert_eq!(read(&runner, BASELINE), None);
}

#[test]
fn a_pull_request_cannot_delete_its_config_file() {
    let proposal = Proposal::new(|change| {
        git(&change.workspace(), &["rm", "--quiet", "-r", ".github"]);
    });
    let figures = LoopbackServer::start(|_| FakeResponse::json(200, &json!({ "p99_latency": 100 }))).expect("a server");
    let unpacked = |event: bool| {
        let runner = Runner::new().input("results", "stats.json").input("baseline", figures.url());
        if event { proposal.event(runner) } else { runner }
    };
    let is_judged = |runner: &Runner| assert_end(&runner.run(&["performance"]), 0, "passed");
    let runner = unpacked(true);
    runner.write("stats.json", r#"{"p99_latency": 100}"#);
    let ended = runner.run(&["performance"]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(
        &ended,
        &["\".github/promote-gates.yml\" (in the base commit ", "not a git checkout", "actions/checkout"],
    );

    // Without a pull request, or with all files outside the workspace, there is nothing to protect.
    let runner = unpacked(false);
    runner.write("stats.json", r#"{"p99_latency": 100}"#);
    is_judged(&runner);
    let runner = unpacked(true);
    let elsewhere = runner.workspace().with_file_name("stats.json");
    fs::write(&elsewhere, r#"{"p99_latency": 100}"#).expect("figures");
    is_judged(&runner.input("results", &elsewhere.display().to_string()));
}

#[test]
fn a_base_commit_in_the_checkout_needs_no_remote() {
    let proposal = Proposal::new(|change| change.write("dist/more.9c1bd0aa.js", noise(20_000)));
    let runner = proposal.event(proposal.checkout());
    let dir = runner.workspace();
    git(&dir, &["remote", "rename", "origin", "upstream"]);
    let ended = step(&runner, &[]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(
        &ended,
        &["remote: \"origin\"; expected a remote of this checkout: `upstream`", "`fetch-depth: 0`"],
    );
    git(&dir, &["fetch", "--quiet", "upstream", &proposal.base]);
    git(&dir, &["remote", "remove", "upstream"]);
    let ended = step(&runner, &[]);
    assert_end(&ended, 1, "blocked");
    assert_eq!(ended.report["config"]["commit"], proposal.base);
}

#[test]
fn a_base_commit_that_cannot_be_fetched_is_inconclusive() {
    let proposal = Proposal::new(|change| change.write("dist/more.js", "1"));
    let runner = proposal.event(proposal.checkout());
    let (repository, moved) = (proposal.repository(), proposal.repository().with_file_name("away"));
    fs::rename(&repository, &moved).expect("moved");
    let ended = step(&runner, &["--allow-first"]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["`fetch-depth: 0`"]);
    fs::rename(&moved, &repository).expect("moved");
    assert_end(&step(&runner, &["--allow-first"]), 0, "passed");
}
