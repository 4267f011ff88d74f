//! `GET …/branches`.

use serde_json::{Map, Value, json};

use super::{Breach, FakeGitHub, accounts::Accounts, call::Call, repositories::Repository};
use crate::sandbox::server::Answer;

impl FakeGitHub {
    /// Protects a branch. One that is not there is made where the history ends, by a first commit when there is none.
    pub fn protect_branch(&self, repository: &str, name: &str) {
        self.in_repository(repository, |known, _| {
            known.history.begin();
            known.history.add_branch(name);
            known.history.protected.push(name.to_owned());
        });
    }

    /// Gives the default branch another name.
    pub fn set_default_branch(&self, repository: &str, name: &str) {
        self.in_repository(repository, |known, _| name.clone_into(&mut known.history.default_branch));
    }
}

pub(super) fn list(repository: &mut Repository, _: &mut Accounts, call: &Call) -> Result<Answer, Breach> {
    let wanted = call.asked_of("protected", &["true", "false"])?;
    let protects = |name: &str| repository.history.protected.iter().any(|protected| protected == name);
    let mut branches = repository.history.branches();
    branches.retain(|(name, _)| wanted.is_none_or(|wanted| wanted == protects(name).to_string()));
    let url = repository.url(&call.api);
    let page = call.page(branches)?;
    Ok(page.list(|(name, sha)| {
        let mut shown = Map::new();
        shown.insert("name".to_owned(), name.into());
        shown.insert("commit".to_owned(), json!({ "sha": sha, "url": format!("{url}/commits/{sha}") }));
        shown.insert("protected".to_owned(), protects(name).into());
        Value::Object(shown)
    }))
}
