//! The commits of a repository, and its branches: `/repos/{owner}/{repo}/compare`, `/commits` and `/branches`.

use serde::Deserialize;

use super::{
    GitHub, Repository,
    actions::{login, names},
    answer::Need,
};
use crate::finding::Finding;

/// What lies between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// `ahead`, `behind`, `diverged` or `identical`: how the second stands to the first.
    pub status: String,
    pub total: u64,
    /// From the first, without it, to the second; oldest first.
    pub commits: Vec<SourceCommit>,
}

/// A commit, as GitHub tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SourceCommit {
    pub sha: String,
    /// `None` when its address belongs to nobody that GitHub knows.
    #[serde(default, deserialize_with = "login")]
    pub author: Option<String>,
    #[serde(default, deserialize_with = "login")]
    pub committer: Option<String>,
    pub commit: Written,
}

/// What stands in a commit: whatever its author wrote.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Written {
    pub message: String,
    pub author: Option<Person>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Person {
    pub name: Option<String>,
}

impl SourceCommit {
    /// The first line of its message.
    #[must_use]
    pub fn title(&self) -> &str {
        self.commit.message.lines().next().unwrap_or_default()
    }

    /// The author's name as it stands in the commit.
    #[must_use]
    pub fn author_name(&self) -> &str {
        self.commit.author.as_ref().and_then(|author| author.name.as_deref()).unwrap_or_default()
    }
}

impl GitHub {
    /// The commits between two refs of one repository. `None`: one of them is unknown.
    ///
    /// # Errors
    /// Without an answer; a name that is no ref; a token without Contents: read.
    pub fn commits_between(
        &self,
        repository: &Repository,
        base: &str,
        head: &str,
    ) -> Result<Option<Comparison>, Finding> {
        #[derive(Deserialize)]
        struct Page {
            status: String,
            total_commits: u64,
            commits: Vec<SourceCommit>,
        }
        let path = repository.path(&format!("compare/{}...{}", reference(base)?, reference(head)?));
        let mut comparison: Option<Comparison> = None;
        let known = self.pages(&path, &need(repository), |page| {
            let Page { status, total_commits: total, commits } =
                serde_json::from_value(page.take()).map_err(|error| error.to_string())?;
            let all = comparison.get_or_insert_with(|| Comparison { status, total, commits: Vec::new() });
            all.commits.extend(commits);
            Ok(())
        })?;
        Ok(comparison.filter(|_| known))
    }

    /// The commit that a ref names. `None`: it names none.
    ///
    /// # Errors
    /// Without an answer; a name that is no ref; a token without Contents: read.
    pub fn commit(&self, repository: &Repository, name: &str) -> Result<Option<SourceCommit>, Finding> {
        let answer = self.get(&repository.path(&format!("commits/{}", reference(name)?)), &need(repository));
        match answer {
            // "No commit found for SHA": what GitHub says of a name that looks like one.
            Err(finding) if finding.actual.starts_with("422 No commit found") => Ok(None),
            answer => answer,
        }
    }

    /// The names of the branches that are protected.
    ///
    /// # Errors
    /// Without an answer; no such repository; a token without Contents: read.
    pub fn protected_branches(&self, repository: &Repository) -> Result<Vec<String>, Finding> {
        #[derive(Deserialize)]
        struct Branches(#[serde(deserialize_with = "names")] Vec<String>);
        let mut all = Vec::new();
        let need = need(repository);
        let known = self.pages(&repository.path("branches?protected=true"), &need, |page| {
            let Branches(names) = serde_json::from_value(page.take()).map_err(|error| error.to_string())?;
            all.extend(names);
            Ok(())
        })?;
        if known { Ok(all) } else { Err(Self::missing("the branches", &need)) }
    }
}

fn need(repository: &Repository) -> Need {
    Need::of("Contents: read", repository.to_string())
}

/// A tag, a commit id or a branch that can stand in a path as it is: narrower than what git allows.
fn reference(name: &str) -> Result<&str, Finding> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=250).contains(&name.len()) && name.bytes().all(plain) && !name.contains("..") && !name.starts_with('-') {
        Ok(name)
    } else {
        Err(Finding::inconclusive("a git ref")
            .actual(format!("{:?}", crate::values::clip(name, 100)))
            .expected("letters, digits, `.`, `_` and `-`"))
    }
}
