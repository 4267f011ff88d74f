//! Exchanges in which GitHub makes a commit and moves a branch to it, in a real git repository.

use std::path::Path;

use promote_gates::sandbox::{
    github::FakeGitHub,
    infra::{BRANCH, Infra},
};
use serde_json::{Value, json};
use ureq::http::Method;

use crate::exchange::{Caller, Conformance, Exchange};

const FILE: &str = "apps/frontend/overlays/production/kustomization.yaml";

/// Trees, commits and moves of the branch, with what GitHub refuses. The repository is in `folder`.
pub fn made_commits(fake_github: &FakeGitHub, caller: &Caller, folder: &Path) -> Vec<Exchange> {
    let git = Infra::create(folder, &["frontend"]).expect("a git repository");
    let first = git.tip_of(BRANCH).expect("a commit");
    let base = git.tree_of(&first).expect("a tree");
    fake_github.serve_git("acme/git", git);
    let url = |below: &str| format!("/repos/acme/git/git/{below}");
    let unknown = "7".repeat(40);

    let trees = |body, request| caller.exchange(Method::POST, &url("trees"), body, request);
    let entry = |mode: &str| json!({ "path": FILE, "mode": mode, "type": "blob", "content": "images: []\n" });
    let tree_body = json!({ "base_tree": base, "tree": [entry("100755")] });
    let tree = trees(tree_body, Conformance::Valid);
    let id = tree.answer["sha"].clone();

    let commits = |body, request| caller.exchange(Method::POST, &url("commits"), body, request);
    let commit_body = |tree: &Value, parent: &str| json!({ "message": "promote", "tree": tree, "parents": [parent] });
    let commit = commits(commit_body(&id, &first), Conformance::Valid);
    let made = commit.answer["sha"].clone();
    fake_github.sign_commits("acme/git", false);
    let unsigned = commits(commit_body(&id, &first), Conformance::Valid);
    fake_github.sign_commits("acme/git", true);
    let author = json!({ "name": "Mona", "email": "mona@example.com" });
    let authored = json!({ "message": "x", "tree": id, "author": author });

    let main = url("refs/heads%2Fmain");
    let moves = |url: &str, body, request| caller.exchange(Method::PATCH, url, body, request);
    let to = |commit: &Value| json!({ "sha": commit, "force": false });
    let root = commits(authored, Conformance::Valid);
    let aside = to(&root.answer["sha"]);
    vec![
        tree,
        trees(json!({ "tree": [entry("100644")] }), Conformance::Valid),
        trees(json!({ "base_tree": unknown, "tree": [] }), Conformance::Valid),
        trees(json!({ "tree": [{ "path": "x" }] }), Conformance::Valid),
        trees(json!({ "base_tree": base }), Conformance::Invalid),
        trees(json!({ "tree": {} }), Conformance::Invalid),
        trees(json!({ "tree": [entry("100600")] }), Conformance::Invalid),
        trees(json!({ "tree": [{ "path": "x", "type": "file", "content": "" }] }), Conformance::Invalid),
        trees(json!({ "tree": [{ "path": 7, "content": "" }] }), Conformance::Invalid),
        commit,
        unsigned,
        root,
        commits(commit_body(&json!(unknown), &first), Conformance::Valid),
        commits(commit_body(&id, &unknown), Conformance::Valid),
        commits(json!({ "tree": id }), Conformance::Invalid),
        commits(json!({ "message": "x", "tree": id, "parents": "y" }), Conformance::Invalid),
        moves(&main, aside, Conformance::Valid),
        moves(&main, to(&made), Conformance::Valid),
        moves(&main, to(&json!(first)), Conformance::Valid),
        moves(&main, to(&json!(unknown)), Conformance::Valid),
        moves(&url("refs/heads%2Funknown"), to(&made), Conformance::Valid),
        moves(&main, json!({}), Conformance::Invalid),
        moves(&main, json!({ "sha": made, "force": "no" }), Conformance::Invalid),
    ]
}
