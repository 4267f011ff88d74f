//! The commits of a repository as a graph, and the refs and tag objects that lead to them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::sandbox::github::format::now;

/// A commit. The default has no message and no account as author or committer.
#[derive(Clone, Debug)]
pub struct FakeCommit {
    /// 40 hexadecimal digits.
    pub sha: String,
    /// `None` for the tip of the branch that the commit is pushed to.
    pub parents: Option<Vec<String>>,
    pub message: String,
    /// The login of the author; `None` if the author's email belongs to no account.
    pub author: Option<String>,
    /// The login of the committer; `None` if the email belongs to no account.
    pub committer: Option<String>,
    /// The name in the commit itself, which git does not verify.
    pub author_name: String,
    pub author_email: String,
    /// Empty if it is the author's.
    pub committer_email: String,
    /// Whether GitHub made and signed the commit.
    pub is_signed_by_github: bool,
    /// The paths of the files that it changes.
    pub files: Vec<String>,
    pub at: Timestamp,
}

impl Default for FakeCommit {
    fn default() -> Self {
        Self {
            sha: "0".repeat(40),
            parents: None,
            message: String::new(),
            author: None,
            committer: None,
            author_name: "Unknown Author".to_owned(),
            author_email: "unknown@example.com".to_owned(),
            committer_email: String::new(),
            is_signed_by_github: false,
            files: Vec::new(),
            at: now(),
        }
    }
}

/// What a ref or a tag object points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitObject {
    /// `commit`, `tag`, `tree` or `blob`.
    pub kind: &'static str,
    pub sha: String,
}

pub struct CommitHistory {
    pub default_branch: String,
    /// In the order of their creation, so that parents come before their children. A commit stays after its branch has
    /// moved away: GitHub still shows it by its id.
    pub commits: Vec<FakeCommit>,
    /// The id of each branch's tip.
    pub branches: BTreeMap<String, String>,
    pub tags: BTreeMap<String, GitObject>,
    /// The annotated tags by their own id.
    pub tag_objects: BTreeMap<String, GitObject>,
    /// Names of the protected branches.
    pub protected: Vec<String>,
}

impl Default for CommitHistory {
    fn default() -> Self {
        Self {
            default_branch: "main".to_owned(),
            commits: Vec::new(),
            branches: BTreeMap::new(),
            tags: BTreeMap::new(),
            tag_objects: BTreeMap::new(),
            protected: Vec::new(),
        }
    }
}

impl CommitHistory {
    /// The index of the commit that a branch, a tag, a full SHA or a SHA prefix refers to. A branch goes first.
    pub fn find(&self, reference: &str) -> Option<usize> {
        let branch = |name: &str| self.position(self.branches.get(name)?);
        let tag = |name: &str| self.position(&self.peel(self.tags.get(name)?)?);
        let named = match reference.split_once('/') {
            Some(("heads", name)) => branch(name),
            Some(("tags", name)) => tag(name),
            _ => None,
        };
        let is_sha = reference.len() >= 7 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
        let by_sha = || {
            let prefix = reference.to_ascii_lowercase();
            self.commits.iter().position(|commit| is_sha && commit.sha.starts_with(&prefix))
        };
        named
            .or_else(|| branch(if reference == "HEAD" { &self.default_branch } else { reference }))
            .or_else(|| tag(reference))
            .or_else(by_sha)
    }

    /// The index of the commit with this id.
    pub fn position(&self, sha: &str) -> Option<usize> {
        self.commits.iter().position(|commit| commit.sha == sha)
    }

    /// The id of the commit that an object leads to.
    fn peel(&self, object: &GitObject) -> Option<String> {
        match object.kind {
            "commit" => Some(object.sha.clone()),
            "tag" => self.peel(self.tag_objects.get(&object.sha)?),
            _ => None,
        }
    }

    /// The indices of the parents of a commit.
    pub fn parents(&self, index: usize) -> Vec<usize> {
        let parents = self.commits[index].parents.iter().flatten();
        parents.filter_map(|sha| self.position(sha)).collect()
    }

    /// The indices of a commit and all its ancestors.
    pub fn reachable(&self, index: usize) -> BTreeSet<usize> {
        let (mut found, mut open) = (BTreeSet::new(), vec![index]);
        while let Some(index) = open.pop() {
            if found.insert(index) {
                open.extend(self.parents(index));
            }
        }
        found
    }

    /// Adds a commit on top of a branch, and moves the branch to it. A branch that does not exist starts at the default
    /// branch.
    pub fn push(&mut self, branch: &str, commit: FakeCommit) {
        let tip = self.branches.get(branch).or_else(|| self.branches.get(&self.default_branch));
        let parents = commit.parents.clone().unwrap_or_else(|| tip.into_iter().cloned().collect());
        self.branches.insert(branch.to_owned(), commit.sha.clone());
        self.commits.push(FakeCommit { parents: Some(parents), ..commit });
    }

    /// Adds a first commit to a default branch without one, so that a branch has a commit to point to.
    pub fn ensure_first_commit(&mut self) {
        if !self.branches.contains_key(&self.default_branch) {
            let commit = FakeCommit { message: "Initial commit".to_owned(), ..FakeCommit::default() };
            self.push(&self.default_branch.clone(), commit);
        }
    }

    /// Adds a branch at the tip of the default branch, unless a branch has that name.
    pub fn add_branch(&mut self, name: &str) {
        if let Some(tip) = self.branches.get(&self.default_branch).cloned() {
            self.branches.entry(name.to_owned()).or_insert(tip);
        }
    }
}
