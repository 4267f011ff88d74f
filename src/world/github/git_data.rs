//! Commits that GitHub makes: `/repos/{owner}/{repo}/git/trees`, `/git/commits` and `/git/refs`. Nothing shows of the first two until
//! a branch has the commit.

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::GitHub, permission::RequiredPermission, read::encode_path, repository::Repository, write::SendOutcome,
};
use crate::{
    reconcile::Permit,
    subject::Commit,
    world::git::{Branch, FileMode, TreeId, TreePath},
};

/// A file of a new tree; it is added, or replaces the file at its path.
#[derive(Clone, Copy, Debug)]
pub struct TreeFile<'a> {
    pub path: &'a TreePath,
    pub mode: FileMode,
    pub text: &'a str,
}

/// A commit to make. It has no author: then it is the token's, and GitHub signs it if the token is that of an App.
/// <https://docs.github.com/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots>
#[derive(Clone, Copy, Debug)]
pub struct NewCommit<'a> {
    pub parent: &'a Commit,
    pub tree: &'a TreeId,
    pub message: &'a str,
}

/// A commit as GitHub made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeCommit {
    pub commit: Commit,
    pub tree: TreeId,
    pub parents: Vec<Commit>,
    /// Whether GitHub shows its signature as verified.
    pub is_verified: bool,
    /// Why, or why not: `valid`, `unsigned` and others; raw.
    pub reason: String,
}

#[derive(Deserialize)]
struct CommitJson {
    sha: Commit,
    tree: TreeJson,
    parents: Vec<ParentJson>,
    verification: VerificationJson,
}

#[derive(Deserialize)]
struct TreeJson {
    sha: TreeId,
}

#[derive(Deserialize)]
struct ParentJson {
    sha: Commit,
}

#[derive(Deserialize)]
struct VerificationJson {
    verified: bool,
    reason: String,
}

impl From<CommitJson> for MadeCommit {
    fn from(CommitJson { sha, tree, parents, verification }: CommitJson) -> Self {
        let VerificationJson { verified, reason } = verification;
        let parents = parents.into_iter().map(|parent| parent.sha).collect();
        Self { commit: sha, tree: tree.sha, parents, is_verified: verified, reason }
    }
}

impl GitHub {
    /// Makes a tree: that of `base`, with other files. Needs Contents: write.
    pub fn create_tree(
        &self,
        _permit: &Permit,
        repository: &Repository,
        base: &TreeId,
        files: &[TreeFile<'_>],
    ) -> SendOutcome<TreeId> {
        let entry = |TreeFile { path, mode, text }: &TreeFile<'_>| json!({ "path": path.as_str(), "mode": mode.octal(), "type": "blob", "content": text });
        let body = json!({ "base_tree": base, "tree": files.iter().map(entry).collect::<Vec<Value>>() });
        let parse = |body: &[u8]| serde_json::from_slice::<TreeJson>(body).ok().map(|tree| tree.sha);
        self.write(
            Method::POST,
            &repository.api_path("git/trees"),
            Some(&body),
            &write_permission(repository),
            201,
            parse,
        )
    }

    /// Makes a commit. Needs Contents: write.
    pub fn create_commit(
        &self,
        _permit: &Permit,
        repository: &Repository,
        new: &NewCommit<'_>,
    ) -> SendOutcome<MadeCommit> {
        let NewCommit { parent, tree, message } = new;
        let body = json!({ "message": message, "tree": tree, "parents": [parent] });
        let parse = |body: &[u8]| serde_json::from_slice::<CommitJson>(body).ok().map(MadeCommit::from);
        self.write(
            Method::POST,
            &repository.api_path("git/commits"),
            Some(&body),
            &write_permission(repository),
            201,
            parse,
        )
    }

    /// Moves a branch forward to a commit, never by force: GitHub refuses it if the branch has got other commits. Needs Contents: write.
    pub fn move_branch(&self, _permit: &Permit, repository: &Repository, branch: &Branch, to: &Commit) -> SendOutcome {
        // The route takes the slashes of a name as they are.
        let path = repository.api_path(&format!("git/refs/{}", encode_path(&format!("heads/{branch}"))));
        let body = json!({ "sha": to, "force": false });
        self.write(Method::PATCH, &path, Some(&body), &write_permission(repository), 200, |_| Some(()))
    }
}

fn write_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Contents: write", repository.to_string())
}
