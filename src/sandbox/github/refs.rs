//! `GET …/git/ref/{ref}`, `GET …/git/tags/{tag_sha}`.

use serde_json::{Value, json};

use super::{
    call::ApiCall,
    errors::{ContractViolation, error, not_found},
    fake_github::FakeGitHub,
    format::{LONG_AGO, id, node_id},
    records::{FakeAccounts, FakeRepository, GitObject},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Creates a branch at a commit, or moves it there, as a force push does.
    pub fn branch(&self, repository: &str, name: &str, sha: &str) {
        let result = self.with_repository(repository, |repository, _| {
            check_exists(repository, sha)?;
            repository.history.branches.insert(name.to_owned(), sha.to_owned());
            Ok(())
        });
        self.record_rejection(name, result);
    }

    /// Deletes a branch. Its commits stay.
    pub fn delete_branch(&self, repository: &str, name: &str) {
        self.with_repository(repository, |repository, _| drop(repository.history.branches.remove(name)));
    }

    /// Tags a commit.
    pub fn tag(&self, repository: &str, name: &str, sha: &str) {
        let result = self.with_repository(repository, |repository, _| check_exists(repository, sha));
        self.record_rejection(name, result);
        self.tag_object(repository, name, "commit", sha);
    }

    /// Deletes a tag.
    pub fn delete_tag(&self, repository: &str, name: &str) {
        self.with_repository(repository, |repository, _| drop(repository.history.tags.remove(name)));
    }

    /// Tags an object of any kind: `commit`, `tag`, `tree` or `blob`.
    pub fn tag_object(&self, repository: &str, name: &str, kind: &'static str, sha: &str) {
        let target = GitObject { kind, sha: sha.to_owned() };
        self.with_repository(repository, |repository, _| drop(repository.history.tags.insert(name.to_owned(), target)));
    }

    /// Creates an annotated tag of an object. Returns the id of the tag's own object.
    pub fn annotated_tag(&self, repository: &str, name: &str, kind: &'static str, sha: &str) -> String {
        let own = format!("{:040x}", id("tag object", &format!("{name} {sha}")));
        let target = GitObject { kind, sha: sha.to_owned() };
        self.with_repository(repository, |repository, _| {
            repository.history.tag_objects.insert(own.clone(), target);
        });
        self.tag_object(repository, name, "tag", &own);
        own
    }
}

fn check_exists(repository: &FakeRepository, sha: &str) -> Result<(), ContractViolation> {
    match repository.history.position(sha) {
        Some(_) => Ok(()),
        None => Err(ContractViolation::new(404, format!("no commit {sha} to name"))),
    }
}

/// One ref by its full name without `refs/`. The beginning of a name finds nothing.
pub fn get(repository: &FakeRepository, _: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let history = &repository.history;
    if history.commits.is_empty() {
        return error(409, "Git Repository is empty.");
    }
    let name = call.parameter("ref");
    let target = match name.split_once('/') {
        Some(("heads", branch)) => {
            history.branches.get(branch).map(|sha| GitObject { kind: "commit", sha: sha.clone() })
        }
        Some(("tags", tag)) => history.tags.get(tag).cloned(),
        _ => None,
    };
    let Some(target) = target else { return not_found() };
    let url = repository.url(&call.api);
    FakeResponse::json(
        200,
        &json!({
            "ref": format!("refs/{name}"),
            "node_id": node_id("REF", id("ref", name)),
            "url": format!("{url}/git/refs/{name}"),
            "object": object_json(&target, &url),
        }),
    )
}

/// An annotated tag by the id of the tag's object.
pub fn get_tag(repository: &FakeRepository, _: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let sha = call.parameter("tag_sha");
    let Some(target) = repository.history.tag_objects.get(sha) else { return not_found() };
    let url = repository.url(&call.api);
    FakeResponse::json(
        200,
        &json!({
            "node_id": node_id("TA", id("tag", sha)),
            "tag": "a-release",
            "sha": sha,
            "url": format!("{url}/git/tags/{sha}"),
            "message": "a release",
            "tagger": { "name": "Dora", "email": "dora@example.com", "date": LONG_AGO },
            "object": object_json(target, &url),
            "verification": {
                "verified": false, "reason": "unsigned", "payload": null, "signature": null, "verified_at": null
            },
        }),
    )
}

fn object_json(GitObject { kind, sha }: &GitObject, url: &str) -> Value {
    json!({ "type": kind, "sha": sha, "url": format!("{url}/git/{kind}s/{sha}") })
}
