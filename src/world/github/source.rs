//! Commits and protected branches of a repository: `/repos/{owner}/{repo}/compare`, `/commits` and `/branches`.

use serde::Deserialize;

use super::{
    client::GitHub,
    fields::names,
    permission::RequiredPermission,
    repository::Repository,
    source_commit::{Comparison, SourceCommit},
};
use crate::finding::Finding;

impl GitHub {
    /// The commits between two refs of one repository; `None` when GitHub does not know one of them.
    ///
    /// # Errors
    /// No answer; an invalid ref; a token without Contents: read.
    pub fn commits_between(
        &self,
        repository: &Repository,
        base: &str,
        head: &str,
    ) -> Result<Option<Comparison>, Finding> {
        #[derive(Deserialize)]
        struct ComparisonJson {
            status: String,
            total_commits: u64,
            commits: Vec<SourceCommit>,
        }
        let path = repository.api_path(&format!("compare/{}...{}", checked_ref(base)?, checked_ref(head)?));
        let mut comparison: Option<Comparison> = None;
        let found = self.pages(&path, &read_permission(repository), |page| {
            let ComparisonJson { status, total_commits: total, commits } =
                serde_json::from_value(page.take()).map_err(|error| error.to_string())?;
            let all = comparison.get_or_insert_with(|| Comparison { status, total, commits: Vec::new() });
            all.commits.extend(commits);
            Ok(())
        })?;
        Ok(comparison.filter(|_| found))
    }

    /// The commit that a ref names; `None` when the ref does not exist.
    ///
    /// # Errors
    /// No answer; an invalid ref; a token without Contents: read.
    pub fn commit(&self, repository: &Repository, name: &str) -> Result<Option<SourceCommit>, Finding> {
        let commit =
            self.get(&repository.api_path(&format!("commits/{}", checked_ref(name)?)), &read_permission(repository));
        match commit {
            // GitHub answers "No commit found for SHA" to a ref that looks like a commit id.
            Err(finding) if finding.actual.starts_with("422 No commit found") => Ok(None),
            commit => commit,
        }
    }

    /// The names of the protected branches.
    ///
    /// # Errors
    /// No answer; no such repository; a token without Contents: read.
    pub fn protected_branches(&self, repository: &Repository) -> Result<Vec<String>, Finding> {
        #[derive(Deserialize)]
        struct BranchNamesJson(#[serde(deserialize_with = "names")] Vec<String>);
        let mut all = Vec::new();
        let required = read_permission(repository);
        let found = self.pages(&repository.api_path("branches?protected=true"), &required, |page| {
            let BranchNamesJson(names) = serde_json::from_value(page.take()).map_err(|error| error.to_string())?;
            all.extend(names);
            Ok(())
        })?;
        if found { Ok(all) } else { Err(Self::missing("the branches", &required)) }
    }
}

fn read_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Contents: read", repository.to_string())
}

/// A tag, commit id or branch whose name needs no encoding in a path. Git allows more.
fn checked_ref(name: &str) -> Result<&str, Finding> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=250).contains(&name.len()) && name.bytes().all(plain) && !name.contains("..") && !name.starts_with('-') {
        Ok(name)
    } else {
        Err(Finding::inconclusive("a git ref")
            .actual(format!("{:?}", crate::values::clip(name, 100)))
            .expected("letters, digits, `.`, `_` and `-`"))
    }
}
