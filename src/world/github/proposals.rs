//! Pull requests that are opened, labelled and closed: `/repos/{owner}/{repo}/pulls`.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::GitHub,
    permission::RequiredPermission,
    pull_request::{Merge, MergeMethod, NewPullRequest, PullRequest},
    repository::Repository,
    write::SendOutcome,
};
use crate::{
    finding::Finding,
    reconcile::Permit,
    subject::Commit,
    world::{git::Branch, url::percent_encode},
};

impl GitHub {
    /// The pull requests of a branch of the repository, open, closed and merged ones, oldest first. Uses the list, because GitHub's
    /// search index lags behind.
    ///
    /// # Errors
    /// No answer; no such repository; a token without Pull requests: read.
    pub fn pull_requests_of_branch(
        &self,
        repository: &Repository,
        branch: &Branch,
    ) -> Result<Vec<PullRequest>, Finding> {
        let head = format!("{}:{branch}", repository.owner());
        let mut found = self.pull_requests(repository, &format!("state=all&head={}", percent_encode(&head)))?;
        // The owner can have a fork of the repository, whose branches have the same names.
        found.retain(|one| one.head.branch == branch.as_str() && !one.is_of_fork());
        Ok(found)
    }

    /// The open pull requests into a branch, oldest first.
    ///
    /// # Errors
    /// No answer; no such repository; a token without Pull requests: read.
    pub fn open_pull_requests(&self, repository: &Repository, base: &Branch) -> Result<Vec<PullRequest>, Finding> {
        let mut found =
            self.pull_requests(repository, &format!("state=open&base={}", percent_encode(base.as_str())))?;
        found.retain(|one| one.is_open() && one.base.branch == base.as_str());
        Ok(found)
    }

    /// One pull request; `None` if the repository has none of this number.
    ///
    /// # Errors
    /// No answer; a token without Pull requests: read.
    pub fn pull_request(&self, repository: &Repository, number: u64) -> Result<Option<PullRequest>, Finding> {
        let required = RequiredPermission::new("Pull requests: read", repository.to_string());
        self.get(&repository.api_path(&format!("pulls/{number}")), &required)
    }

    fn pull_requests(&self, repository: &Repository, query: &str) -> Result<Vec<PullRequest>, Finding> {
        let required = RequiredPermission::new("Pull requests: read", repository.to_string());
        let path = repository.api_path(&format!("pulls?{query}&sort=created&direction=asc"));
        let found = self.list(&path, None, &required)?;
        found.ok_or_else(|| Self::missing("the pull requests", &required))
    }

    /// Opens a pull request. Needs Pull requests: write. GitHub refuses a second open one of the same two branches.
    pub fn create_pull_request(
        &self,
        _permit: &Permit,
        repository: &Repository,
        new: &NewPullRequest,
    ) -> SendOutcome<PullRequest> {
        let NewPullRequest { title, body, head, base } = new;
        let sent = json!({ "title": title, "body": body, "head": head, "base": base });
        let parse = |body: &[u8]| serde_json::from_slice(body).ok();
        let path = repository.api_path("pulls");
        self.write(Method::POST, &path, Some(&sent), &write_permission(repository), 201, parse)
    }

    /// Closes a pull request. Needs Pull requests: write.
    pub fn close_pull_request(&self, _permit: &Permit, repository: &Repository, number: u64) -> SendOutcome {
        let path = repository.api_path(&format!("pulls/{number}"));
        let sent = json!({ "state": "closed" });
        self.write(Method::PATCH, &path, Some(&sent), &write_permission(repository), 200, |_| Some(()))
    }

    /// Merges a pull request, if its last commit is the expected one; returns the commit on the base branch. Needs Contents: write.
    pub fn merge_pull_request(
        &self,
        _permit: &Permit,
        repository: &Repository,
        number: u64,
        merge: &Merge<'_>,
    ) -> SendOutcome<Commit> {
        #[derive(Deserialize)]
        struct MergedJson {
            sha: Commit,
        }
        let Merge { method, head, title, message } = merge;
        let mut sent = json!({ "merge_method": method.word(), "sha": head });
        if *method != MergeMethod::Rebase {
            sent["commit_title"] = (*title).into();
            sent["commit_message"] = (*message).into();
        }
        let required = RequiredPermission::new("Contents: write", repository.to_string());
        let parse = |body: &[u8]| serde_json::from_slice::<MergedJson>(body).ok().map(|merged| merged.sha);
        let path = repository.api_path(&format!("pulls/{number}/merge"));
        self.write(Method::PUT, &path, Some(&sent), &required, 200, parse)
    }

    /// Adds labels to a pull request, and keeps those that it has. Needs Pull requests: write. GitHub creates missing ones.
    pub fn add_labels(&self, _permit: &Permit, repository: &Repository, number: u64, labels: &[String]) -> SendOutcome {
        let path = repository.api_path(&format!("issues/{number}/labels"));
        let sent = json!({ "labels": labels });
        self.write(Method::POST, &path, Some(&sent), &write_permission(repository), 200, |_| Some(()))
    }
}

fn write_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Pull requests: write", repository.to_string())
}
