//! Trees, commits and the move of a branch: what is sent, and how the answers are read.

use super::*;
use crate::{
    sandbox::infra::{BRANCH, Infra},
    world::git::{Branch, FileMode, TreeId},
};

const FILE: &str = "apps/frontend/overlays/production/kustomization.yaml";

#[test]
fn a_commit_is_made_without_an_author_and_the_branch_moves_without_force() {
    let (folder, fake_github) = (tempfile::tempdir().unwrap(), fake_github());
    let git = Infra::create(folder.path(), &["frontend"]).unwrap();
    let parent = git.tip_of(BRANCH).unwrap().parse().unwrap();
    let base: TreeId = git.tree_of(BRANCH).unwrap().parse().unwrap();
    fake_github.serve_git("acme/ecommerce-infra", Infra::at(folder.path()));
    let (github, branch) = (connect(&fake_github.api_url()), BRANCH.parse::<Branch>().unwrap());
    let path = FILE.parse().unwrap();
    let file = TreeFile { path: &path, mode: FileMode::Executable, text: "a: é\n" };
    let tree = with_permit(|permit| github.create_tree(permit, &infra(), &base, &[file]));
    let SendOutcome::Done(tree) = tree else { panic!("{tree:?}") };
    let new = NewCommit { parent: &parent, tree: &tree, message: "promote\n\nService: frontend\n" };
    let made = with_permit(|permit| github.create_commit(permit, &infra(), &new));
    let SendOutcome::Done(made) = made else { panic!("{made:?}") };
    assert_eq!((&made.tree, &made.parents, made.is_verified), (&tree, &vec![parent.clone()], true));
    let move_to = |commit| with_permit(|permit| github.move_branch(permit, &infra(), &branch, commit));
    assert_eq!(move_to(&made.commit), SendOutcome::Done(()));
    let SendOutcome::Refused(refusal) = move_to(&parent) else { panic!("the branch would lose a commit") };
    assert_eq!((refusal.status, &*refusal.message), (422, "Update is not a fast forward"));
    assert_eq!((git.read(FILE).unwrap(), git.messages().unwrap().len()), ("a: é\n".to_owned(), 2));
    let bodies: Vec<Value> = fake_github.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(
        bodies[1],
        json!({ "message": "promote\n\nService: frontend\n", "tree": tree, "parents": [parent.as_str()] })
    );
    assert_eq!(bodies[2], json!({ "sha": made.commit, "force": false }));
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn an_answer_without_a_commit_leaves_the_outcome_unknown() {
    let (parent, tree) = ("a".repeat(40).parse().unwrap(), "b".repeat(40).parse().unwrap());
    let new = NewCommit { parent: &parent, tree: &tree, message: "x" };
    let without_verification = json!({ "sha": parent, "tree": { "sha": tree }, "parents": [] });
    for body in [json!({}), without_verification, json!({ "sha": "main" })] {
        let server = LoopbackServer::start(move |_| server::FakeResponse::json(201, &body)).unwrap();
        let made = with_permit(|permit| connect(server.url()).create_commit(permit, &infra(), &new));
        assert_eq!(made, SendOutcome::Unknown { why: "answered 201, and cannot be read".to_owned() });
    }
}
