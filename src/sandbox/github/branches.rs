//! `GET …/branches`.

use serde_json::{Map, Value, json};

use super::{
    call::ApiCall,
    errors::ContractViolation,
    fake_github::FakeGitHub,
    records::{FakeAccounts, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Protects a branch. A missing branch is created at the last commit; an empty history gets a first commit.
    pub fn protect_branch(&self, repository: &str, name: &str) {
        self.with_repository(repository, |repository, _| {
            repository.history.ensure_first_commit();
            repository.history.add_branch(name);
            repository.history.protected.push(name.to_owned());
        });
    }

    /// Renames the default branch.
    pub fn set_default_branch(&self, repository: &str, name: &str) {
        self.with_repository(repository, |repository, _| {
            let history = &mut repository.history;
            if let Some(tip) = history.branches.remove(&history.default_branch) {
                history.branches.insert(name.to_owned(), tip);
            }
            name.clone_into(&mut history.default_branch);
        });
    }
}

pub fn list(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let protected = call.query_one_of("protected", &["true", "false"])?;
    let is_protected = |name: &str| repository.history.protected.iter().any(|protected| protected == name);
    let mut branches: Vec<_> = repository.history.branches.iter().collect();
    branches.retain(|(name, _)| protected.is_none_or(|protected| protected == is_protected(name).to_string()));
    let url = repository.url(&call.api);
    let page = call.page(branches)?;
    Ok(page.into_list(|(name, sha)| {
        let mut branch = Map::new();
        branch.insert("name".to_owned(), name.as_str().into());
        branch.insert("commit".to_owned(), json!({ "sha": sha, "url": format!("{url}/commits/{sha}") }));
        branch.insert("protected".to_owned(), is_protected(name).into());
        Value::Object(branch)
    }))
}
