//! The branch that the commit is on.

use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};

use super::*;

#[test]
fn a_commit_is_on_the_branch_when_github_compares_it_so() {
    check_all(TABLE);
}

/// A branch for the releases of the service.
fn on_branch(stage: &mut Stage, name: &str) {
    stage.config = stage.config.replace("policy:", &format!("    branch: {name}\npolicy:"));
}

const TABLE: &[History] = &[
    passes(
        "an ancestor of the tip",
        |stage| stage.payload(),
        "branch",
        "ccccccc is on main, 1 commit before its tip ddddddd",
    ),
    passes(
        "the tip itself",
        |stage| {
            stage.fake_github.branch(SHOP, "main", &sha('c'));
            stage.payload()
        },
        "branch",
        "ccccccc is the tip of main",
    ),
    passes(
        "a commit that was merged",
        |stage| {
            stage.fake_github.push_to(SHOP, "feature/x", commit('e', &['c']));
            stage.fake_github.push_to(SHOP, "main", commit('f', &['d', 'e']));
            released(stage, 'e', "main")
        },
        "branch",
        "eeeeeee is on main, 2 commits before its tip fffffff",
    ),
    blocked(
        "a tag that is named like the branch",
        |stage| {
            stage.fake_github.push_to(SHOP, "feature/x", commit('e', &['c']));
            stage.fake_github.tag(SHOP, "main", &sha('e'));
            released(stage, 'e', "main")
        },
        "branch",
        "eeeeeee is not on main: GitHub compares it with the tip ddddddd as diverged",
    ),
    blocked(
        "a tag that is named like the branch, without a deploy workflow",
        |stage| {
            stage.fake_github.push_to(SHOP, "feature/x", commit('e', &['c']));
            stage.fake_github.tag(SHOP, "main", &sha('e'));
            pushed(stage, 'e', "main")
        },
        "branch",
        "eeeeeee is not on main",
    ),
    blocked(
        "an annotated tag that is named like the branch",
        |stage| {
            stage.fake_github.push_to(SHOP, "feature/x", commit('e', &['d']));
            stage.fake_github.annotated_tag(SHOP, "main", "commit", &sha('e'));
            released(stage, 'e', "main")
        },
        "branch",
        "eeeeeee is not on main: GitHub compares it with the tip ddddddd as ahead",
    ),
    blocked(
        "a tag that is named like the branch, after the branch was deleted",
        |stage| {
            on_branch(stage, "release/1.4");
            stage.fake_github.tag(SHOP, "release/1.4", &sha('c'));
            released(stage, 'c', "release/1.4")
        },
        "branch",
        "acme/shop has no branch release/1.4",
    ),
    blocked(
        "a run of another branch",
        |stage| {
            stage.fake_github.push_to(SHOP, "feature/x", commit('e', &['c']));
            released(stage, 'e', "feature/x")
        },
        "branch",
        "eeeeeee is not on main",
    ),
    blocked(
        "a run of another branch that the commit was merged from later",
        |stage| {
            stage.fake_github.push_to(SHOP, "feature/x", commit('e', &['c']));
            stage.fake_github.push_to(SHOP, "main", commit('f', &['d', 'e']));
            released(stage, 'e', "feature/x")
        },
        "deploy run",
        "run 41 is of feature/x, not main",
    ),
    blocked(
        "a run of another branch, without a deploy workflow",
        |stage| {
            stage.fake_github.push_to(SHOP, "feature/x", commit('e', &['c']));
            pushed(stage, 'e', "feature/x")
        },
        "started by",
        "push on feature/x",
    ),
    blocked(
        "a commit that was force-pushed away",
        |stage| {
            stage.fake_github.push_to(SHOP, "main", commit('e', &['b']));
            stage.payload()
        },
        "branch",
        "ccccccc is not on main: GitHub compares it with the tip eeeeeee as diverged",
    ),
    blocked(
        "a commit that was force-pushed away, without a deploy workflow",
        |stage| {
            stage.fake_github.push_to(SHOP, "main", commit('e', &['b']));
            pushed(stage, 'c', "main")
        },
        "branch",
        "with the tip eeeeeee as diverged",
    ),
    blocked(
        "a branch that was reset to before the commit",
        |stage| {
            stage.fake_github.branch(SHOP, "main", &sha('b'));
            stage.payload()
        },
        "branch",
        "ccccccc is not on main: GitHub compares it with the tip bbbbbbb as ahead",
    ),
    blocked(
        "a commit of a fork, which GitHub shows by its id in this repository too",
        |stage| {
            stage.fake_github.push_to(SHOP, "pull/7", commit('e', &[]));
            stage.fake_github.delete_branch(SHOP, "pull/7");
            released(stage, 'e', "main")
        },
        "branch",
        "eeeeeee has nothing in common with main",
    ),
    blocked(
        "a commit that the repository does not have",
        |stage| released(stage, '9', "main"),
        "branch",
        "9999999 has nothing in common with main, or acme/shop does not have it",
    ),
    passes(
        "a branch of releases with a slash",
        |stage| {
            on_branch(stage, "release/1.4");
            stage.fake_github.branch(SHOP, "release/1.4", &sha('c'));
            released(stage, 'c', "release/1.4")
        },
        "branch",
        "ccccccc is the tip of release/1.4",
    ),
    passes(
        "a branch of releases with characters that a URL encodes",
        |stage| {
            on_branch(stage, "'release/ü+1%#'");
            stage.fake_github.branch(SHOP, "release/ü+1%#", &sha('c'));
            released(stage, 'c', "release/ü+1%#")
        },
        "branch",
        "ccccccc is the tip of release/ü+1%#",
    ),
    blocked(
        "a run of the default branch where releases have their own",
        |stage| {
            on_branch(stage, "release/1.4");
            stage.fake_github.branch(SHOP, "release/1.4", &sha('b'));
            stage.payload()
        },
        "branch",
        "ccccccc is not on release/1.4",
    ),
    blocked(
        "a branch whose name begins with the name of the branch",
        |stage| {
            on_branch(stage, "release/1");
            stage.fake_github.branch(SHOP, "release/1.4", &sha('c'));
            released(stage, 'c', "release/1")
        },
        "branch",
        "acme/shop has no branch release/1",
    ),
    passes(
        "a default branch with another name",
        |stage| {
            stage.fake_github.set_default_branch(SHOP, "trunk");
            released(stage, 'c', "trunk")
        },
        "branch",
        "ccccccc is on trunk",
    ),
    blocked(
        "a default branch that was renamed after the deployment",
        |stage| {
            stage.fake_github.set_default_branch(SHOP, "trunk");
            stage.payload()
        },
        "deploy run",
        "run 41 is of main, not trunk",
    ),
    blocked(
        "a branch that was renamed, and that the config file still names",
        |stage| {
            on_branch(stage, "main");
            stage.fake_github.set_default_branch(SHOP, "trunk");
            stage.payload()
        },
        "branch",
        "acme/shop has no branch main",
    ),
    inconclusive(
        "a repository that was renamed",
        |stage| {
            stage.fake_github.rename(SHOP, "acme/store");
            stage.fake_github.grant(TOKEN, "acme/store", &["actions=read", "checks=read", "contents=read"]);
            stage.payload()
        },
        "validating run",
        "301 Moved Permanently: acme/shop is acme/store now",
    ),
    inconclusive(
        "a comparison of another kind than GitHub describes",
        |stage| {
            let odd = json!({ "status": "sideways", "behind_by": 0, "ahead_by": 0, "total_commits": 0, "commits": [] });
            let odd = FakeResponse::json(200, &odd);
            let path = format!("compare/{}", sha('d'));
            stage.fake_github.fail_at(&path, usize::MAX, InjectedFault::WithoutEffect(odd));
            stage.payload()
        },
        "branch",
        "GitHub's comparison: sideways",
    ),
    inconclusive(
        "a comparison with another commit than the tip",
        |stage| {
            let odd = json!({ "status": "behind", "behind_by": 1, "base_commit": { "sha": sha('e') } });
            let odd = FakeResponse::json(200, &odd);
            let path = format!("compare/{}", sha('d'));
            stage.fake_github.fail_at(&path, usize::MAX, InjectedFault::WithoutEffect(odd));
            stage.payload()
        },
        "branch",
        "commit eeee",
    ),
];
