//! What the commit of a pull request changes, and what it rests on.

use promote_gates::{people::digest::sha256_of, sandbox::github::FakeCommit};

use super::*;
use crate::approval::proposals::ProposedCommit;

#[test]
fn a_branch_that_was_pushed_over_is_blocked() {
    // Another commit on top.
    let stage = stage();
    stage.approve_pull_request(12, "alice", 30);
    let over = ProposedCommit { tag: "1.4.3".to_owned(), ..stage.proposed(12) };
    let over = ProposedCommit {
        files: vec![(shop::FILE.to_owned(), over.files[0].1.replace("1.4.2", "1.4.3"))],
        trailers: over.trailers.replace("1.4.2", "1.4.3").replace("1.4.0", "1.4.2"),
        ..over
    };
    let sha = stage.push_proposed(&over, &branch(12));
    stage.fake_github.change_pull_request(INFRA, 12, |one| {
        let commit = FakeCommit { sha, ..one.own[0].clone() };
        one.own.push(commit);
    });
    let ended = stage.judge(&stage.judge_pull_request(12));
    assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
    let found = bad(&ended);
    assert!(found.iter().any(|one| one == "blocked commit: it has 2 commits"), "{found:?}");
    assert!(found.iter().any(|one| one.contains("approval: it has no approval; not counted: alice, who approved")));
    assert!(found.iter().any(|one| one.contains("evidence: no job of run 7")), "{found:?}");
}

#[test]
fn a_commit_that_does_something_else_is_blocked() {
    let stage = Stage::with_pull_requests();
    stage.announce("1.4.2", "passed");
    let good = |number| stage.proposed(number);
    let extra = |commit: ProposedCommit| {
        let mut files = commit.files;
        files.push(("apps/frontend/base/x.yaml".to_owned(), "x".to_owned()));
        ProposedCommit { files, ..commit }
    };
    let says = |commit: ProposedCommit, from: &str, to: &str| {
        let trailers = commit.trailers.replace(from, to);
        ProposedCommit { trailers, ..commit }
    };
    for (commit, expected) in [
        (extra(good(1)), "it also changes apps/frontend/base/x.yaml"),
        (
            says(good(2), "checkout-service:1.4.2", "checkout-service:1.4.9"),
            "does not set the image as its message says",
        ),
        (
            says(good(3), &evidence_id(3), &evidence_id(4)),
            "its message names the evidence 0404040, and its branch 0303030",
        ),
        (says(good(5), "kind: normal", "kind: emergency"), "its message says that it is of the kind emergency"),
        (says(good(8), "Validated-at: ", "Other: "), "its message does not say when the release was validated"),
    ] {
        let number = commit.number;
        stage.propose_commit(&commit);
        stage.approve_pull_request(number, "alice", 30);
        let ended = stage.judge(&stage.judge_pull_request(number));
        assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
        let found = bad(&ended);
        assert!(
            found.iter().any(|one| one.starts_with("blocked commit: ") && one.contains(expected)),
            "{expected}: {found:?}"
        );
        // No one was asked for who made a commit that promotes nothing.
        let judged = !expected.contains("does not set the image");
        assert_eq!(ended.log.contains("alice had no part in it"), judged, "{}", ended.log);
    }
    // The subject of the step is another one.
    stage.propose(6);
    stage.approve_pull_request(6, "alice", 30);
    let ended = stage.judge(&stage.judge_pull_request(6).input("tag", "1.4.9").input("max-approvals", "9"));
    assert_eq!(bad(&ended), ["blocked commit: it is about another release: tag 1.4.2, not 1.4.9"], "{}", ended.log);
}

#[test]
fn a_commit_without_announced_evidence_is_blocked() {
    let judged = |prepare: &dyn Fn(&Stage), change: &dyn Fn(ProposedCommit) -> ProposedCommit| {
        let stage = Stage::with_pull_requests();
        prepare(&stage);
        stage.propose_commit(&change(stage.proposed(12)));
        stage.approve_pull_request(12, "alice", 30);
        let ended = stage.judge(&stage.judge_pull_request(12));
        assert_eq!(end(&ended), BLOCKED, "{}", ended.log);
        bad(&ended)
    };
    let same = |commit: ProposedCommit| commit;
    let announced = |stage: &Stage| stage.announce("1.4.2", "passed");
    let says = |from: &'static str, to: &'static str| {
        move |commit: ProposedCommit| ProposedCommit { trailers: commit.trailers.replace(from, to), ..commit }
    };
    let other_workflow_commit = |stage: &Stage| {
        stage.announce("1.4.2", "passed");
        let run = FakeRun {
            id: 7,
            path: WORKFLOW.to_owned(),
            event: "workflow_dispatch".to_owned(),
            head_sha: "d".repeat(40),
            ..FakeRun::default()
        };
        let aside = FakeCommit { sha: "d".repeat(40), ..FakeCommit::default() };
        stage.fake_github.push_to(INFRA, "aside", aside);
        stage.fake_github.set_run(INFRA, run.ended("success"));
    };
    for (found, expected) in [
        (judged(&|_| {}, &same), "no job of run 7"),
        (judged(&|stage| stage.announce("1.4.3", "passed"), &same), "no job of run 7"),
        (judged(&|stage| stage.announce("1.4.2", "blocked"), &same), "announced `evidence`: blocked"),
        (judged(&other_workflow_commit, &same), "which is not on main"),
        (judged(&announced, &says("/runs/7/", "/runs/77/")), "a run that this repository does not have: 77"),
        (judged(&announced, &says("acme/infra/actions", "acme/shop/actions")), "its message names a run of acme/shop"),
        (judged(&announced, &says("Workflow: ", "Other: ")), "its message names no workflow run"),
        (judged(&announced, &says("People: ", "Other: ")), "does not say who had a part in the release"),
        (judged(&announced, &says("\"runs\":[41]", "\"runs\":[]")), "none of the runs that its message names"),
        (
            judged(&announced, &says("\"base\":\"bbbb", "\"base\":\"aaaa")),
            "and the ledger has bbbbbbb for the image before",
        ),
    ] {
        assert!(found.iter().any(|one| one.contains(expected)), "{expected} in {found:?}");
    }
}

#[test]
fn a_list_of_people_that_changed_is_inconclusive() {
    let stage = Stage::with_pull_requests();
    stage.announce("1.4.2", "passed");
    let commit = stage.proposed(12);
    let sum = sha256_of(["mallory"]);
    let trailers = commit.trailers.replace(&sum, &"f".repeat(64));
    stage.propose_commit(&ProposedCommit { trailers, ..commit });
    stage.approve_pull_request(12, "alice", 30);
    let ended = stage.judge(&stage.judge_pull_request(12));
    assert_eq!(end(&ended), INCONCLUSIVE, "{}", ended.log);
    assert!(ended.log.contains("not those that `evidence` counted"), "{}", ended.log);
}
