//! Commit statuses: `/repos/{owner}/{repo}/statuses/{sha}`. A branch rule can require one before a merge.

use hyper::Method;
use serde_json::json;

use super::{
    client::GitHub, commit_status::CommitStatus, permission::RequiredPermission, repository::Repository,
    write::SendOutcome,
};
use crate::{finding::Finding, reconcile::Permit, subject::Commit};

impl GitHub {
    /// The statuses of a commit, the newest first. Of each context, the newest one counts.
    ///
    /// # Errors
    /// No answer; no such commit; a token without Commit statuses: read.
    pub fn commit_statuses(&self, repository: &Repository, commit: &Commit) -> Result<Vec<CommitStatus>, Finding> {
        let required = RequiredPermission::new("Commit statuses: read", repository.to_string());
        let found = self.list(&repository.api_path(&format!("commits/{commit}/statuses")), None, &required)?;
        found.ok_or_else(|| Self::missing(format!("commit {commit}"), &required))
    }

    /// Sets the status of a commit. Needs Commit statuses: write.
    pub fn set_commit_status(
        &self,
        _permit: &Permit,
        repository: &Repository,
        commit: &Commit,
        status: &CommitStatus,
        target_url: Option<&str>,
    ) -> SendOutcome {
        let CommitStatus { state, context, description, .. } = status;
        let mut body = json!({ "state": state, "context": context, "description": description });
        if let Some(url) = target_url {
            body["target_url"] = url.into();
        }
        let required = RequiredPermission::new("Commit statuses: write", repository.to_string());
        let path = repository.api_path(&format!("statuses/{commit}"));
        self.write(Method::POST, &path, Some(&body), &required, 201, |_| Some(()))
    }
}
