//! On a pull request the limits and the baseline come from the base branch, as the pull request was merged with it.

#![expect(clippy::expect_used, reason = "a fixture that cannot be set up is a failed test")]

use std::fs;

use promote_gates::sandbox::server::{FakeResponse, LoopbackServer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{BASELINE, assert_end, assert_log_contains, noise, read, shop, step};
use crate::{
    house::{Ended, Runner},
    origin::{Depth, Event, Origin, git},
};

const CONFIG: &str = ".github/promote-gates.yml";
const FIVE: &[u8] = b"bundle-size:\n  max-increase: 5\n";
const HUNDRED: &[u8] = b"bundle-size:\n  max-increase: 100\n";

/// The baseline of a bundle with this many kilobytes.
fn baseline(kilobytes: usize) -> Vec<u8> {
    read(&shop(kilobytes * 1000), BASELINE).expect("a baseline").into_bytes()
}

/// Runs the gate on a bundle of this many kilobytes.
fn build(runner: &Runner, kilobytes: usize) -> Ended {
    runner.write("dist/app.js", noise(kilobytes * 1000));
    step(runner, &[])
}

/// Where the baseline was read.
fn baseline_source(ended: &Ended) -> &str {
    ended.report["findings"][0]["evidence"][0]["source"].as_str().unwrap_or_default()
}

fn in_base(commit: &str) -> String {
    format!("{BASELINE} (in the base commit {commit})")
}

/// A repository whose base branch moved from one size to another, in kilobytes, and a pull request from before that.
struct Moved {
    origin: Origin,
    /// The base branch, first and last.
    base: [String; 2],
    head: String,
    /// The merge commit of the pull request.
    merge: String,
}

impl Moved {
    fn new(first: usize, later: usize) -> Self {
        let origin = Origin::new();
        let old = origin.commit(&[(BASELINE, &baseline(first)), (CONFIG, FIVE)]);
        let new = origin.commit(&[(BASELINE, &baseline(later))]);
        origin.branch("topic", &old);
        let head = origin.commit(&[("README.md", b"a change\n")]);
        let merge = origin.merge(&new, &head);
        Self { origin, base: [old, new], head, merge }
    }

    /// A runner with the merge commit; the event names the base branch before or after the move.
    fn merged(&self, base: usize, depth: Depth) -> Runner {
        self.origin.runner(&self.event(base), &self.merge, depth)
    }

    /// A runner with the last commit of the pull request.
    fn head(&self, base: usize, depth: Depth) -> Runner {
        self.origin.runner(&self.event(base), &self.head, depth)
    }

    fn event(&self, base: usize) -> Event {
        Event::pull_request(&self.base[base], &self.head, &self.merge)
    }
}

#[test]
fn a_pull_request_behind_the_base_branch_is_judged_by_what_it_was_merged_with() {
    // An explained growth of 75 % on the base branch is not one of the pull request.
    let moved = Moved::new(100, 175);
    for depth in [1, 2, 0] {
        let ended = build(&moved.merged(0, depth), 175);
        assert_end(&ended, 0, "passed");
        assert_eq!(baseline_source(&ended), in_base(&moved.base[1]), "{depth}");
        assert_eq!(ended.report["config"]["commit"], moved.base[1]);
        let ended = build(&moved.merged(0, depth), 262);
        assert_end(&ended, 1, "blocked");
        assert_log_contains(&ended, &["175 kB → 262 kB (+50 %)"]);
    }
    // The base branch shrank: 117 kB are 17 % more, not 48 % less.
    let moved = Moved::new(225, 100);
    let ended = build(&moved.merged(0, 1), 117);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["(+17 %)"]);
    assert_end(&build(&moved.merged(0, 1), 104), 0, "passed");
}

#[test]
fn a_checked_out_head_is_judged_by_the_last_commit_that_it_shares_with_the_base_branch() {
    let moved = Moved::new(100, 175);
    for depth in [1, 2, 0] {
        let ended = build(&moved.head(1, depth), 150);
        assert_end(&ended, 1, "blocked");
        assert_log_contains(&ended, &["100 kB → 150 kB (+50 %)"]);
        assert_eq!(baseline_source(&ended), in_base(&moved.base[0]), "{depth}");
        // The config file is that of the base branch.
        assert_eq!(ended.report["config"]["commit"], moved.base[1]);
        assert_end(&build(&moved.head(1, depth), 104), 0, "passed");
    }
}

#[test]
fn a_head_that_merged_the_base_branch_is_judged_by_what_it_merged() {
    let origin = Origin::new();
    let old = origin.commit(&[(BASELINE, &baseline(100)), (CONFIG, FIVE)]);
    let new = origin.commit(&[(BASELINE, &baseline(175))]);
    origin.branch("topic", &old);
    origin.commit(&[("README.md", b"a change\n")]);
    origin.git(&["merge", "--quiet", "--no-ff", "--message", "newer", &new]);
    let head = origin.git(&["rev-parse", "HEAD"]);
    let merge = origin.merge(&new, &head);
    // The event's base has not noticed.
    let event = Event::pull_request(&old, &head, &merge);
    for depth in [1, 0] {
        let ended = build(&origin.runner(&event, &head, depth), 175);
        assert_end(&ended, 0, "passed");
        assert_eq!(baseline_source(&ended), in_base(&new), "{depth}");
        assert_end(&build(&origin.runner(&event, &head, depth), 200), 1, "blocked");
    }
    // A complete checkout knows the base branch, too.
    let runner = origin.runner(&event, &head, 0);
    git(&runner.workspace(), &["remote", "set-url", "origin", "file:///nonexistent/shop"]);
    assert_end(&build(&runner, 175), 0, "passed");
    git(&runner.workspace(), &["update-ref", "-d", "refs/remotes/origin/main"]);
    let ended = build(&runner, 175);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["`fetch-depth: 0`"]);
    // In a checkout of a fork, the branch of this name is its owner's.
    let runner = origin.runner(&event, &head, 0);
    git(&runner.workspace(), &["remote", "set-url", "origin", "https://127.0.0.1:9/mallory/shop"]);
    let ended = build(&runner, 175);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["the checkout is of another repository", "as actions/checkout does without `ref`"]);
}

#[test]
fn a_pull_request_cannot_choose_its_base_by_a_merge_of_its_own() {
    let moved = Moved::new(100, 100);
    let Moved { origin, base, head, merge } = &moved;
    // Pushed to the branch while the job starts: a merge of the last commit into a commit with other limits.
    origin.branch("relaxed", &base[0]);
    let relaxed = origin.commit(&[(BASELINE, &baseline(200)), (CONFIG, HUNDRED)]);
    origin.git(&["merge", "--quiet", "--no-ff", "--message", "merge", head]);
    let forged = origin.git(&["rev-parse", "HEAD"]);
    assert_eq!(origin.git(&["rev-parse", "HEAD^1", "HEAD^2"]), format!("{relaxed}\n{head}"));
    for depth in [2, 0] {
        let ended = build(&origin.runner(&moved.event(1), &forged, depth), 150);
        assert_end(&ended, 1, "blocked");
        assert_log_contains(&ended, &["(+50 %)", "at most 5 %"]);
        assert_end(&build(&origin.runner(&moved.event(1), merge, depth), 104), 0, "passed");
    }
}

#[test]
fn a_merge_queue_and_a_workflow_of_the_base_branch_have_their_bases() {
    let moved = Moved::new(100, 175);
    let [old, new] = &moved.base;
    let group = |base: &str| Event {
        name: "merge_group",
        content: json!({ "merge_group": { "base_sha": base, "head_sha": moved.merge } }),
        sha: moved.merge.clone(),
    };
    assert_end(&build(&moved.origin.runner(&group(new), &moved.merge, 1), 175), 0, "passed");
    assert_end(&build(&moved.origin.runner(&group(new), &moved.merge, 1), 190), 1, "blocked");

    // The base branch itself is checked out, and the event lags.
    let target = Event { name: "pull_request_target", sha: new.clone(), ..moved.event(0) };
    assert_end(&build(&moved.origin.runner(&target, new, 1), 175), 0, "passed");
    // The merge commit by its name, and the pull request's last commit.
    assert_end(&build(&moved.origin.runner(&target, &moved.merge, 1), 175), 0, "passed");
    assert_end(&build(&moved.origin.runner(&target, &moved.merge, 1), 262), 1, "blocked");
    let ended = build(&moved.origin.runner(&target, &moved.head, 1), 150);
    assert_end(&ended, 1, "blocked");
    assert_eq!(baseline_source(&ended), in_base(old));
    assert_eq!(ended.report["config"]["commit"], **new);
}

#[test]
fn a_pull_request_cannot_relax_its_own_gate() {
    let origin = Origin::new();
    let base = origin.commit(&[(BASELINE, &baseline(100)), (CONFIG, FIVE)]);
    let later = origin.commit(&[(CONFIG, HUNDRED)]);
    origin.branch("topic", &base);
    let head = origin.commit(&[(BASELINE, &baseline(150)), ("README.md", b"x")]);
    let merge = origin.merge(&base, &head);
    let event = Event::pull_request(&base, &head, &merge);
    let runner = origin.runner(&event, &merge, 1);
    let ended = build(&runner, 120);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(&ended, &["(+20 %)", "at most 5 % more than the baseline's 100 kB"]);
    assert_eq!(ended.report["config"]["commit"], base);
    // What stands in the workspace does not matter.
    runner.write(BASELINE, "broken");
    runner.write(CONFIG, HUNDRED);
    assert_end(&step(&runner, &[]), 1, "blocked");
    assert_end(&step(&runner, &["--max-increase=100"]), 0, "passed");

    // The limit that the base branch has now counts, whatever the event says.
    let merge = origin.merge(&later, &head);
    let event = Event::pull_request(&base, &head, &merge);
    let ended = build(&origin.runner(&event, &merge, 1), 120);
    assert_end(&ended, 0, "passed");
    assert_eq!(ended.report["config"]["commit"], later);

    // A push is judged by what it holds.
    let runner = Runner::new().env("GITHUB_EVENT_NAME", "push");
    origin.check_out(&runner, "", &merge, 1);
    assert_end(&build(&runner, 151), 0, "passed");
}

#[test]
fn a_baseline_in_a_pull_request_counts_once_it_is_merged() {
    let moved = Moved::new(100, 100);
    let runner = moved.merged(1, 1);
    runner.write("dist/app.js", noise(120_000));
    let ended = step(&runner, &["--write-baseline"]);
    assert_end(&ended, 1, "blocked");
    assert_log_contains(
        &ended,
        &["done bundle-size.baseline.json", "on a pull request they count once they are merged"],
    );
    assert!(read(&runner, BASELINE).is_some_and(|written| written.contains("120000")));
    assert_end(&step(&runner, &[]), 1, "blocked");
}

#[test]
fn a_pull_request_cannot_delete_its_baseline_and_its_config_file() {
    let origin = Origin::new();
    let base = origin.commit(&[(BASELINE, &baseline(100)), (CONFIG, FIVE)]);
    origin.branch("topic", &base);
    let head = origin.commit(&[(BASELINE, b""), (CONFIG, b"")]);
    let merge = origin.merge(&base, &head);
    let runner = origin.runner(&Event::pull_request(&base, &head, &merge), &merge, 1);
    runner.write("dist/app.js", noise(120_000));
    assert_end(&step(&runner, &["--allow-first"]), 1, "blocked");

    // In a workspace from an archive the base commit is unknown.
    fs::remove_dir_all(runner.workspace().join(".git")).expect("removed");
    let ended = step(&runner, &["--allow-first"]);
    assert_end(&ended, 3, "inconclusive");
    assert_log_contains(&ended, &["no git checkout of this repository", "actions/checkout"]);
    assert_eq!(read(&runner, BASELINE), None);
}

#[test]
fn an_empty_workspace_has_nothing_to_protect() {
    let moved = Moved::new(100, 100);
    let figures = LoopbackServer::start(|_| FakeResponse::json(200, &json!({ "p99_latency": 100 }))).expect("a server");
    let runner = moved.event(1).on(Runner::new()).input("baseline", figures.url());
    let elsewhere = runner.workspace().with_file_name("stats.json");
    fs::write(&elsewhere, r#"{"p99_latency": 100}"#).expect("figures");
    let runner = runner.input("results", &elsewhere.display().to_string());
    let ended = runner.run(&["performance"]);
    assert_end(&ended, 0, "passed");
    assert_eq!(ended.report["no-config"], "no checkout: no config file could be looked for");
    runner.write("unpacked.txt", "x");
    assert_end(&runner.run(&["performance"]), 3, "inconclusive");
}

#[test]
fn a_base_commit_that_cannot_be_fetched_is_inconclusive() {
    let moved = Moved::new(100, 175);
    for (runner, depth) in [(moved.merged(0, 1), 2), (moved.head(1, 1), 0)] {
        git(&runner.workspace(), &["remote", "set-url", "origin", "file:///nonexistent/shop"]);
        let ended = build(&runner, 175);
        assert_end(&ended, 3, "inconclusive");
        assert_log_contains(&ended, &[&format!("`fetch-depth: {depth}`")]);
        git(&runner.workspace(), &["remote", "rename", "origin", "upstream"]);
        let ended = build(&runner, 175);
        assert_end(&ended, 3, "inconclusive");
        assert_log_contains(&ended, &["remote: \"origin\"; expected a remote of this checkout: `upstream`"]);
    }
    // With these depths no remote is needed.
    for (runner, kilobytes) in [(moved.merged(0, 2), 175), (moved.head(1, 0), 100)] {
        git(&runner.workspace(), &["remote", "remove", "origin"]);
        assert_end(&build(&runner, kilobytes), 0, "passed");
    }
}

#[test]
fn paths_stay_relative_to_the_workspace() {
    let moved = Moved::new(100, 175);
    let runner = moved.event(0).on(Runner::new());
    moved.origin.check_out(&runner, "app", &moved.merge, 1);
    runner.write("app/dist/app.js", noise(175_000));
    let named = ["bundle-size", "--path=app/dist", "--baseline=app/bundle-size.baseline.json"];
    let ended = runner.run(&named);
    assert_end(&ended, 0, "passed");
    assert_eq!(ended.report["config"]["path"], "app/.github/promote-gates.yml");
    let absolute = format!("--baseline={}", runner.workspace().join("app").join(BASELINE).display());
    assert_end(&runner.run(&["bundle-size", "--path=app/dist", &absolute]), 0, "passed");
    runner.write("app/dist/more.js", noise(20_000));
    assert_end(&runner.run(&named), 1, "blocked");
    // The default is not in the checkout.
    let ended = runner.run(&["bundle-size", "--path=app/dist"]);
    assert_end(&ended, 2, "inconclusive");
    assert_log_contains(&ended, &["no path inside the checkout at ", "relative to the workspace"]);
}

#[test]
fn kept_sizes_that_a_pull_request_brings_are_not_used() {
    const FLAGS: [&str; 2] = ["--compression=brotli", "--cache-folder=.sizes"];
    const KEPT: &str = ".sizes/bundle-size.sizes";
    let first = Runner::new();
    first.write("dist/app.js", noise(30_000));
    assert_end(&step(&first, &[&FLAGS[..], &["--allow-first"]].concat()), 0, "passed");
    let baseline = read(&first, BASELINE).expect("a baseline");
    // A line for the larger bundle, with the size of the smaller one.
    let content: Value = serde_json::from_str(&baseline).expect("JSON");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = format!("{} 45000 {}", hex(&Sha256::digest(noise(45_000))), content["total"]["brotli"]);
    let backend = content["backend"].as_str().expect("a name");
    let check = hex(&Sha256::digest(format!("brotli 11 {backend} {text}")));
    let forged = format!("{text} {}\n", &check[..16]);

    let origin = Origin::new();
    let base = origin.commit(&[(BASELINE, baseline.as_bytes())]);
    for (file, code, verdict) in [
        (KEPT, 1, "blocked"),
        // The folder is committed, and a step before this one puts the file there.
        (".sizes/README.md", 1, "blocked"),
        // What is not committed is as trustworthy as who could write it.
        ("README.md", 0, "passed"),
    ] {
        origin.branch(&format!("topic-{code}-{}", file.len()), &base);
        let head = origin.commit(&[(file, forged.as_bytes())]);
        let merge = origin.merge(&base, &head);
        let runner = origin.runner(&Event::pull_request(&base, &head, &merge), &merge, 2);
        runner.write("dist/app.js", noise(45_000));
        runner.write(KEPT, &forged);
        let ended = step(&runner, &FLAGS);
        assert_end(&ended, code, verdict);
        let is_named =
            ended.log.contains("`cache-folder`: .sizes/bundle-size.sizes is not used: the repository has it");
        assert_eq!(is_named, code == 1, "{}", ended.log);
    }
}
