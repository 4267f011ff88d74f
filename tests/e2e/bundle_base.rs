//! The shipped workflows of `bundle-size`: what a pull request is compared with, where its growth is explained, and what its comment
//! shows. GitHub's own actions for artifacts and caches, and `gh`, are stand-ins.

use crate::acme::Acme;
use crate::acme::proposal::Proposal;
use crate::acme::team::Team;
use crate::act::{ActRun, ActStep};

const SERVICE: &str = "checkout-service";
const LIBRARY: &str = "src/debug-library.9c1bd0aa.js";
const WHY: &str = "A small fix.\n\nBundle-size: the debug library, until Friday";
const LABEL: &str = "bundle-size-explained";

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

fn gate(run: &ActRun) -> &ActStep {
    run.step("bundle-size", "bundle-size")
}

/// Whether the base was built in its own job.
fn built_base(run: &ActRun) -> bool {
    run.jobs.get("base").is_some_and(|job| job.steps.contains_key("upload"))
}

#[track_caller]
fn assert_verdict(run: &ActRun, outcome: &str, verdict: &str) {
    let gate = gate(run);
    assert_eq!((gate.outcome.as_str(), gate.outputs["verdict"].as_str()), (outcome, verdict), "{}", run.log);
}

#[test]
fn a_grown_bundle_is_blocked_and_the_comment_names_the_file() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    let proposal = Proposal::open(&team, LIBRARY, noise(4_000_000), "A small fix.");
    let run = proposal.check("ci-bundle-size.yml");
    assert_verdict(&run, "failure", "blocked");
    assert!(built_base(&run), "{}", run.log);
    assert!(gate(&run).summary.contains("debug-library"), "{}", gate(&run).summary);
    let errors = gate(&run).annotated("error");
    assert!(errors.iter().any(|error| error.message.contains("debug-library")), "{errors:?}");
    let comment = proposal.comment();
    for part in
        ["### ⛔ bundle-size: checkout-service ", "debug-library", "**Files that grew most (gzip)**", "before  █"]
    {
        assert!(comment.contains(part), "{part} in {comment}");
    }
}

#[test]
fn a_line_of_the_description_explains_it_with_the_label() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    let proposal = Proposal::open(&team, LIBRARY, noise(4_000_000), WHY);
    let run = proposal.check("ci-bundle-size.yml");
    assert_verdict(&run, "failure", "blocked");
    assert!(run.log.contains("does not have the label `bundle-size-explained`"), "{}", run.log);
    // The event of the second run is that of the first one.
    acme.fake_github.set_label(&team.repository, proposal.number, "lena", LABEL);
    let run = proposal.check("ci-bundle-size.yml");
    assert_verdict(&run, "success", "passed");
    for text in [&gate(&run).summary, &proposal.comment()] {
        assert!(text.contains("the debug library, until Friday (written by octocat"), "{text}");
        assert!(text.contains("set by lena)"), "{text}");
    }
}

#[test]
fn a_build_that_fails_fails_the_gate() {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    // The stand-in for npm copies `src`, and fails for a folder in it.
    let proposal = Proposal::open(&team, "src/folder/app.js", "x", "A small fix.");
    let run = proposal.check("ci-bundle-size.yml");
    assert_eq!(run.job("build").result, "failure", "{}", run.log);
    assert_eq!(run.job("bundle-size").result, "failure", "{}", run.log);
    assert!(proposal.comment().contains("### ❓ bundle-size: no report of it"), "{}", proposal.comment());
}

#[test]
fn the_sizes_come_from_the_cache_if_it_has_those_of_the_base() {
    stored_by_a_push("ci-bundle-size-cache.yml", |base| format!("cache-bundle-size-{base}"));
}

#[test]
fn the_sizes_come_from_the_branch_if_it_has_those_of_the_base() {
    stored_by_a_push("ci-bundle-size-branch.yml", |base| format!("contents-{base}.json"));
}

/// A push stores the sizes, and a pull request is compared with them. One with another base builds it.
fn stored_by_a_push(file: &str, name: impl Fn(&str) -> String) {
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    let push = team.push(file);
    assert!(push.succeeded && !push.jobs.contains_key("base"), "{}", push.log);
    let base = team.repo.git(["rev-parse", "HEAD"]);
    let sizes = team.kept(&name(&base)).expect("sizes");
    assert!(sizes.contains(&format!("\"commit\": \"{base}\"")), "{sizes}");
    // A re-run finds them.
    assert!(team.push(file).succeeded);

    let proposal = Proposal::open(&team, LIBRARY, noise(4_000_000), "A small fix.");
    let run = proposal.check(file);
    assert_verdict(&run, "failure", "blocked");
    assert!(!built_base(&run), "{}", run.log);
    assert!(proposal.comment().contains("debug-library"));

    // A base whose sizes no push has stored.
    team.repo.git(["switch", "--quiet", "main"]);
    team.repo.git(["branch", "--quiet", "-D", "topic"]);
    team.repo.write("src/news.js", "// more\n");
    team.commit("more");
    let run = Proposal::open(&team, LIBRARY, noise(4_000_000), "A small fix.").check(file);
    assert_verdict(&run, "failure", "blocked");
    assert!(built_base(&run), "{}", run.log);
}

#[test]
fn the_committed_file_is_written_by_pushes_only() {
    const FILE: &str = "ci-bundle-size-committed.yml";
    let acme = Acme::new();
    let team = Team::new(&acme, SERVICE);
    let run = team.push(FILE);
    assert!(run.succeeded, "{}", run.log);
    let sizes = team.kept("contents-bundle-size.json").expect("sizes");
    assert_eq!(team.kept("contents.log").as_deref(), Some("main: Sizes of the bundle\n"));
    team.repo.write("bundle-size.json", &sizes);
    team.commit("Sizes of the bundle");
    // The same sizes are no commit, and other ones replace the file, although they grew.
    assert!(team.push(FILE).succeeded);
    assert_eq!(team.kept("contents.log").map(|log| log.lines().count()), Some(1));
    team.repo.write("src/more.js", noise(100_000));
    team.commit("more");
    let run = team.push(FILE);
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(team.kept("contents.log").map(|log| log.lines().count()), Some(2));
    team.repo.write("bundle-size.json", team.kept("contents-bundle-size.json").expect("sizes"));
    team.commit("Sizes of the bundle");

    let proposal = Proposal::open(&team, LIBRARY, noise(4_000_000), "A small fix.");
    let run = proposal.check(FILE);
    assert_verdict(&run, "failure", "blocked");
    assert!(!run.jobs.contains_key("write") && proposal.comment().contains("debug-library"), "{}", run.log);
}
