//! Commits, branches and tags: by ids and by full names, never by a name that something else can have.

use super::{
    responses::{serving, shop},
    *,
};
use crate::{sandbox::github::FakeCommit, subject::Commit, world::git::Branch};

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const C: &str = "cccccccccccccccccccccccccccccccccccccccc";
const D: &str = "dddddddddddddddddddddddddddddddddddddddd";

fn id(sha: &str) -> Commit {
    sha.parse().unwrap()
}

fn branch(name: &str) -> Branch {
    name.parse().unwrap()
}

/// `main` has the commits `A` and `B`; `C` was pushed to another branch.
fn history() -> (FakeGitHub, GitHub) {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create("acme/shop");
    fake_github.grant(TOKEN, "acme/shop", &["contents=read"]);
    fake_github.commit("acme/shop", A, "alice", "one");
    fake_github.commit("acme/shop", B, "bob", "two");
    let other = FakeCommit { sha: C.to_owned(), parents: Some(vec![A.to_owned()]), ..FakeCommit::default() };
    fake_github.push_to("acme/shop", "feature/ü+1%#", other);
    let github = connect(&fake_github.api_url());
    (fake_github, github)
}

#[test]
fn a_comparison_has_the_commits_with_their_authors() {
    const COMPARE: &str = r#"{"status":"ahead","total_commits":2,"commits":[
        {"sha":"a","node_id":"C_1","author":{"login":"alice"},"committer":{},"commit":{"message":"one\n\nmore","author":{"name":"Alice"}}},
        {"sha":"b","node_id":"C_2","author":null,"commit":{"message":"two","author":null}}]}"#;
    let (_server, github) = serving(&[
        (
            "/repos/acme/shop/compare/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb?per_page=100&page=1",
            200,
            COMPARE,
        ),
        (
            "/repos/acme/shop/commits/cccccccccccccccccccccccccccccccccccccccc",
            422,
            r#"{"message":"No commit found for SHA: cccc"}"#,
        ),
        ("/repos/acme/shop/commits/dddddddddddddddddddddddddddddddddddddddd", 422, r#"{"message":"Something else"}"#),
    ]);
    let between = github.commits_between(&shop(), &id(A), &id(B)).unwrap().unwrap();
    let authors_and_titles: Vec<_> = between
        .commits
        .iter()
        .map(|commit| (commit.author.as_ref().map(|author| author.login.as_str()), commit.title()))
        .collect();
    assert_eq!(authors_and_titles, [(Some("alice"), "one"), (None, "two")]);
    assert_eq!((between.total, between.commits[0].author_name(), &between.commits[0].committer), (2, "Alice", &None));
    assert_eq!(github.commits_between(&shop(), &id(A), &id(C)), Ok(None));
    assert_eq!(github.commit(&shop(), &id(C)), Ok(None));
    assert!(github.commit(&shop(), &id(D)).is_err());
}

#[test]
fn a_commit_is_an_ancestor_only_by_the_comparison_of_the_two_ids() {
    let (fake_github, github) = history();
    let status = |base: &str, head: &str| {
        github.relation(&shop(), &id(base), &id(head)).unwrap().map(|found| (found.status, found.behind_by))
    };
    let related = |status: &str, behind_by| Some((status.to_owned(), behind_by));
    assert_eq!(status(B, B), related("identical", 0));
    assert_eq!(status(B, A), related("behind", 1));
    assert_eq!(status(A, B), related("ahead", 0));
    assert_eq!(status(B, C), related("diverged", 1));
    assert_eq!(status(B, D), None);
    assert_eq!(fake_github.violations(), [""; 0]);
}

/// A server that takes an id for the name of a branch.
#[test]
fn an_answer_about_another_commit_is_refused() {
    const COMMIT: &str = r#"{"sha":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","node_id":"C_1",
        "commit":{"message":"x","author":null}}"#;
    const BEHIND: &str = r#"{"status":"behind","behind_by":1,"total_commits":0,"commits":[],
        "base_commit":{"sha":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
        "merge_base_commit":{"sha":"cccccccccccccccccccccccccccccccccccccccc"}}"#;
    let (_server, github) = serving(&[
        ("/repos/acme/shop/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 200, COMMIT),
        ("/repos/acme/shop/commits/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 200, COMMIT),
        (
            "/repos/acme/shop/compare/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?per_page=1",
            200,
            BEHIND,
        ),
        (
            "/repos/acme/shop/compare/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...cccccccccccccccccccccccccccccccccccccccc?per_page=1",
            200,
            BEHIND,
        ),
        (
            "/repos/acme/shop/compare/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...cccccccccccccccccccccccccccccccccccccccc?per_page=1",
            200,
            BEHIND,
        ),
    ]);
    assert!(github.commit(&shop(), &id(B)).unwrap().is_some());
    assert!(github.relation(&shop(), &id(B), &id(C)).unwrap().unwrap().is_ancestor());
    for refused in [
        github.commit(&shop(), &id(A)).map(drop),
        github.relation(&shop(), &id(B), &id(A)).map(drop),
        github.relation(&shop(), &id(A), &id(C)).map(drop),
    ] {
        let finding = refused.unwrap_err().to_string();
        assert!(
            finding.contains("which was asked for") && finding.contains("delete the branch or the tag"),
            "{finding}"
        );
    }
}

#[test]
fn a_branch_is_found_by_its_whole_name_only() {
    let (fake_github, github) = history();
    fake_github.branch("acme/shop", "release/1.4", B);
    fake_github.tag("acme/shop", "stable", C);
    let tip = |name: &str| github.branch_tip(&shop(), &branch(name)).unwrap().map(|tip| tip.to_string());
    for (name, expected) in [
        ("main", Some(B)),
        ("release/1.4", Some(B)),
        ("feature/ü+1%#", Some(C)),
        ("release/1", None),
        ("release", None),
        ("stable", None),
    ] {
        assert_eq!(tip(name).as_deref(), expected, "{name}");
    }
    assert_eq!(fake_github.violations(), [""; 0]);
    let paths: Vec<String> = fake_github.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(
        paths[1..3],
        ["heads/release/1.4", "heads/feature/%C3%BC%2B1%25%23"]
            .map(|name| { format!("/repos/acme/shop/git/ref/{name}") })
    );
}

/// GitHub's API of 2020 and earlier, which Enterprise servers had for years, answers the beginning of a name with a list.
#[test]
fn a_list_or_another_ref_is_no_branch() {
    const LIST: &str =
        r#"[{"ref":"refs/heads/main-2","object":{"type":"commit","sha":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}]"#;
    const OTHER: &str =
        r#"{"ref":"refs/heads/main-2","object":{"type":"commit","sha":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}"#;
    let (_server, github) = serving(&[
        ("/repos/acme/shop/git/ref/heads/main", 200, LIST),
        ("/repos/acme/shop/git/ref/heads/mai", 200, OTHER),
        ("/repos/acme/shop/git/ref/heads/empty", 409, r#"{"message":"Git Repository is empty."}"#),
        ("/repos/acme/shop/git/ref/heads/odd", 200, r#"{"ref":"refs/heads/odd","object":{"type":"commit","sha":"x"}}"#),
    ]);
    for name in ["main", "mai", "empty", "gone"] {
        assert_eq!(github.branch_tip(&shop(), &branch(name)), Ok(None), "{name}");
    }
    assert!(github.branch_tip(&shop(), &branch("odd")).unwrap_err().to_string().contains("git commit id"));
}

#[test]
fn a_tag_is_peeled_to_its_commit_whatever_branch_has_its_name() {
    let (fake_github, github) = history();
    fake_github.tag("acme/shop", "light", A);
    let annotated = fake_github.annotated_tag("acme/shop", "annotated", "commit", A);
    fake_github.annotated_tag("acme/shop", "nested", "tag", &annotated);
    fake_github.tag_object("acme/shop", "tree", "tree", D);
    fake_github.annotated_tag("acme/shop", "annotated-tree", "tree", D);
    let mut chain = annotated;
    for depth in 0..6 {
        chain = fake_github.annotated_tag("acme/shop", &format!("deep-{depth}"), "tag", &chain);
    }
    for shadowed in ["light", "annotated", "only-a-branch"] {
        fake_github.branch("acme/shop", shadowed, C);
    }
    let commit = |sha: &str| Some(TagTarget::Commit(id(sha)));
    let other = |kind: &str| Some(TagTarget::Other(kind.to_owned()));
    for (name, expected) in [
        ("light", commit(A)),
        ("annotated", commit(A)),
        ("nested", commit(A)),
        ("tree", other("tree")),
        ("annotated-tree", other("tree")),
        ("deep-5", other("tag")),
        ("only-a-branch", None),
        ("lig", None),
    ] {
        assert_eq!(github.tag_target(&shop(), name), Ok(expected), "{name}");
    }
    for hostile in ["", "a/../b", "a..b", "-x", "a?b", "a b", "%2e", "ä"] {
        assert!(github.tag_target(&shop(), hostile).is_err(), "{hostile:?} is sent");
    }
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn a_renamed_repository_is_reported_and_not_followed() {
    let (fake_github, github) = history();
    assert_eq!(github.repository(&shop()).unwrap().unwrap().default_branch, "main");
    assert_eq!(github.repository(&"acme/other".parse().unwrap()), Ok(None));
    fake_github.rename("acme/shop", "acme/store");
    fake_github.grant(TOKEN, "acme/store", &["contents=read"]);
    for refused in [github.repository(&shop()).map(drop), github.branch_tip(&shop(), &branch("main")).map(drop)] {
        let finding = refused.unwrap_err().to_string();
        assert!(finding.contains("301 Moved Permanently: acme/shop is acme/store now"), "{finding}");
        assert!(finding.contains("write acme/store where the old name is given"), "{finding}");
    }
    assert_eq!(github.new_name(&shop()).map(|name| name.to_string()).as_deref(), Some("acme/store"));
    assert_eq!(github.new_name(&"acme/store".parse().unwrap()), None);
    // The new name is not shown to every token.
    fake_github.rename("acme/store", "secret/store");
    let finding = github.repository(&"acme/store".parse().unwrap()).unwrap_err().to_string();
    assert!(finding.contains("301") && finding.contains("acme/store has moved"), "{finding}");
}
