//! The commits of a repository, and the names that point to them. The history is linear.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::sandbox::github::format::now;

/// A commit. The default has no message and no account as author or committer.
#[derive(Clone, Debug)]
pub struct FakeCommit {
    /// 40 hexadecimal digits.
    pub sha: String,
    pub message: String,
    /// The login of the author; `None` if the author's email belongs to no account.
    pub author: Option<String>,
    /// The login of the committer; `None` if the email belongs to no account.
    pub committer: Option<String>,
    /// The name in the commit itself, which git does not verify.
    pub author_name: String,
    pub author_email: String,
    pub at: Timestamp,
}

impl Default for FakeCommit {
    fn default() -> Self {
        Self {
            sha: "0".repeat(40),
            message: String::new(),
            author: None,
            committer: None,
            author_name: "Unknown Author".to_owned(),
            author_email: "unknown@example.com".to_owned(),
            at: now(),
        }
    }
}

pub struct CommitHistory {
    pub default_branch: String,
    /// Oldest first; the default branch points to the last one.
    pub commits: Vec<FakeCommit>,
    /// The index of each tag's commit.
    pub tags: BTreeMap<String, usize>,
    /// The index of each branch's commit, without the default branch.
    pub branches: BTreeMap<String, usize>,
    /// Names of the protected branches.
    pub protected: Vec<String>,
}

impl Default for CommitHistory {
    fn default() -> Self {
        Self {
            default_branch: "main".to_owned(),
            commits: Vec::new(),
            tags: BTreeMap::new(),
            branches: BTreeMap::new(),
            protected: Vec::new(),
        }
    }
}

impl CommitHistory {
    /// The index of the commit that a branch, a tag, a full SHA or a SHA prefix refers to.
    pub fn find(&self, reference: &str) -> Option<usize> {
        let last = self.commits.len().checked_sub(1)?;
        let branch =
            |name: &str| if name == self.default_branch { Some(last) } else { self.branches.get(name).copied() };
        let tag = |name: &str| self.tags.get(name).copied();
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
            .or_else(|| (reference == "HEAD").then_some(last))
            .or_else(|| branch(reference))
            .or_else(|| tag(reference))
            .or_else(by_sha)
    }

    /// The name and SHA of every branch that has a commit, sorted by name.
    pub fn branches(&self) -> Vec<(&str, &str)> {
        let default = self.commits.last().map(|commit| (self.default_branch.as_str(), commit.sha.as_str()));
        let others = self.branches.iter().map(|(name, index)| (name.as_str(), self.commits[*index].sha.as_str()));
        let mut all: Vec<_> = default.into_iter().chain(others).collect();
        all.sort_unstable();
        all
    }

    /// Adds a first commit to an empty history, so that a branch has a commit to point to.
    pub fn ensure_first_commit(&mut self) {
        if self.commits.is_empty() {
            self.commits.push(FakeCommit { message: "Initial commit".to_owned(), ..FakeCommit::default() });
        }
    }

    /// Adds a branch at the last commit, unless a branch has that name.
    pub fn add_branch(&mut self, name: &str) {
        if name != self.default_branch {
            let last = self.commits.len().saturating_sub(1);
            self.branches.entry(name.to_owned()).or_insert(last);
        }
    }
}
