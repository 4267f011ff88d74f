//! A repository, its commits and its protected branches: `/repos/{owner}/{repo}`, `/compare`, `/commits` and `/branches`. Commits are
//! asked for by their ids: a name can be that of a branch or of a tag.

use serde::Deserialize;

use super::{
    client::GitHub,
    fields::names,
    permission::RequiredPermission,
    repository::Repository,
    source_commit::{CommitRelation, Comparison, SourceCommit},
};
use crate::{finding::Finding, subject::Commit};

/// What GitHub shows of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RepositoryFacts {
    /// Stays when the repository is renamed or transferred.
    pub id: u64,
    pub default_branch: String,
}

/// A commit in a response, of which only the id is needed.
#[derive(Deserialize)]
struct CommitId {
    sha: String,
}

impl GitHub {
    /// The repository itself; `None` when there is none, or when the token cannot see it.
    ///
    /// # Errors
    /// No answer; a repository that was renamed.
    pub fn repository(&self, repository: &Repository) -> Result<Option<RepositoryFacts>, Finding> {
        let required = RequiredPermission::new("Metadata: read", repository.to_string());
        self.get(&format!("/repos/{repository}"), &required)
    }

    /// The commits between two commits of one repository; `None` when GitHub does not know one of them.
    ///
    /// # Errors
    /// No answer; a comparison of other commits; a token without Contents: read.
    pub fn commits_between(
        &self,
        repository: &Repository,
        base: &Commit,
        head: &Commit,
    ) -> Result<Option<Comparison>, Finding> {
        #[derive(Deserialize)]
        struct ComparisonJson {
            status: String,
            total_commits: u64,
            #[serde(default)]
            base_commit: Option<CommitId>,
            commits: Vec<SourceCommit>,
        }
        let path = repository.api_path(&format!("compare/{base}...{head}"));
        let (mut comparison, mut from): (Option<Comparison>, Option<CommitId>) = (None, None);
        let found = self.pages(&path, &read_permission(repository), |page| {
            let ComparisonJson { status, total_commits: total, base_commit, commits } =
                serde_json::from_value(page.take()).map_err(|error| error.to_string())?;
            from = base_commit;
            let all = comparison.get_or_insert_with(|| Comparison { status, total, commits: Vec::new() });
            all.commits.extend(commits);
            Ok(())
        })?;
        check_id(from.as_ref(), base)?;
        Ok(comparison.filter(|_| found))
    }

    /// How a commit relates to another one of the same repository; `None` when GitHub does not know one of them, or when they
    /// have no commit in common.
    ///
    /// # Errors
    /// No answer; a comparison of other commits; a token without Contents: read.
    pub fn relation(
        &self,
        repository: &Repository,
        base: &Commit,
        head: &Commit,
    ) -> Result<Option<CommitRelation>, Finding> {
        #[derive(Deserialize)]
        struct RelationJson {
            #[serde(flatten)]
            relation: CommitRelation,
            #[serde(default)]
            base_commit: Option<CommitId>,
            #[serde(default)]
            merge_base_commit: Option<CommitId>,
        }
        // One commit a page: only the status is needed.
        let path = repository.api_path(&format!("compare/{base}...{head}?per_page=1"));
        let Some(found) = self.get::<RelationJson>(&path, &read_permission(repository))? else { return Ok(None) };
        check_id(found.base_commit.as_ref(), base)?;
        if found.relation.is_ancestor() {
            check_id(found.merge_base_commit.as_ref(), head)?;
        }
        Ok(Some(found.relation))
    }

    /// The commit with an id; `None` when the repository does not have it.
    ///
    /// # Errors
    /// No answer; another commit; a token without Contents: read.
    pub fn commit(&self, repository: &Repository, id: &Commit) -> Result<Option<SourceCommit>, Finding> {
        let commit: Result<Option<SourceCommit>, Finding> =
            self.get(&repository.api_path(&format!("commits/{id}")), &read_permission(repository));
        let commit = match commit {
            // GitHub answers "No commit found for SHA" to an id that it does not know.
            Err(finding) if finding.actual.starts_with("422 No commit found") => return Ok(None),
            commit => commit?,
        };
        let found = commit.as_ref().map(|commit| CommitId { sha: commit.sha.clone() });
        check_id(found.as_ref(), id)?;
        Ok(commit)
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

pub(super) fn read_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Contents: read", repository.to_string())
}

/// A server may take an id for the name of a branch or a tag; then it is about another commit.
fn check_id(found: Option<&CommitId>, asked: &Commit) -> Result<(), Finding> {
    match found {
        Some(found) if found.sha != asked.as_str() => Err(Finding::inconclusive("GitHub's API")
            .actual(format!("commit {}", crate::values::clip(&found.sha, 64)))
            .expected(format!("commit {asked}, which was asked for"))
            .next("delete the branch or the tag that is named like a commit")),
        _ => Ok(()),
    }
}
