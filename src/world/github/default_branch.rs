//! The default branch of a repository: `GET /repos/{owner}/{repo}`.

use serde::Deserialize;

use super::{client::GitHub, permission::RequiredPermission, repository::Repository};
use crate::finding::Finding;

impl GitHub {
    /// The name of the default branch; `None` when GitHub does not show the repository.
    ///
    /// # Errors
    /// No answer; a token that may not see the repository.
    pub fn default_branch(&self, repository: &Repository) -> Result<Option<String>, Finding> {
        #[derive(Deserialize)]
        struct RepositoryJson {
            default_branch: String,
        }
        let required = RequiredPermission::new("Metadata: read", repository.to_string());
        let found: Option<RepositoryJson> = self.get(&format!("/repos/{repository}"), &required)?;
        Ok(found.map(|found| found.default_branch))
    }
}
