//! `POST …/git/trees`, `POST …/git/commits` and `PATCH …/git/refs/{ref}`: the git repository behind the fake really has what they make.

use serde_json::{Value, json};

use super::{
    actions_app::BOT,
    call::{ApiCall, BodyFields},
    errors::{ContractViolation, error},
    fake_github::FakeGitHub,
    format::{format_time, id, node_id},
    records::{FakeAccounts, FakeRepository},
};
use crate::sandbox::{infra::Infra, server::FakeResponse};

type Answer = Result<FakeResponse, ContractViolation>;

const MODES: [&str; 5] = ["100644", "100755", "040000", "160000", "120000"];

impl FakeGitHub {
    /// Sets whether GitHub signs the commits that Apps make by its API: an Enterprise Server may not.
    pub fn sign_commits(&self, repository: &str, signs: bool) {
        self.with_repository(repository, |repository, _| repository.settings.signs_commits = signs);
    }
}

/// The git repository. GitHub answers so for one without commits.
fn git_of(repository: &FakeRepository) -> Result<&Infra, FakeResponse> {
    repository.git.as_ref().ok_or_else(|| error(409, "Git Repository is empty."))
}

/// A failure of git is the fake's, not the client's.
fn failed(failure: &std::io::Error) -> FakeResponse {
    error(500, &format!("the fake's git failed: {failure}"))
}

/// An entry of a new tree, as mode, id and path.
fn tree_entry(git: &Infra, entry: &Value) -> Result<Result<(String, String, String), FakeResponse>, ContractViolation> {
    let fields = BodyFields::new(entry, &["path", "mode", "type", "sha", "content"])?;
    let (path, mode) = (fields.string("path")?.unwrap_or_default(), fields.string("mode")?.unwrap_or("100644"));
    if !MODES.contains(&mode) {
        return Err(ContractViolation::invalid(&format!("mode is {mode:?}, not one of {}.", MODES.join(", "))));
    }
    if fields.string("type")?.is_some_and(|kind| !["blob", "tree", "commit"].contains(&kind)) {
        return Err(ContractViolation::invalid("type is not one of blob, tree, commit."));
    }
    let blob = match (fields.string("sha")?, fields.string("content")?) {
        (Some(sha), None) => Ok(sha.to_owned()),
        (None, Some(content)) => git.write_blob(content).map_err(|failure| failed(&failure)),
        _ => Err(error(422, "Must supply either tree.sha or tree.content")),
    };
    Ok(blob.map(|blob| (mode.to_owned(), blob, path.to_owned())))
}

pub fn create_tree(repository: &mut FakeRepository, _: &mut FakeAccounts, call: &ApiCall) -> Answer {
    let body = call.body_fields(&["tree", "base_tree"])?;
    let entries = BodyFields::required("tree", body.parse("tree", "an array", Value::as_array)?)?;
    let base = body.string("base_tree")?;
    let git = match git_of(repository) {
        Ok(git) => git,
        Err(empty) => return Ok(empty),
    };
    if base.is_some_and(|base| !git.has("tree", base)) {
        return Ok(error(422, "Tree SHA does not exist"));
    }
    let mut files = Vec::with_capacity(entries.len());
    for entry in entries {
        match tree_entry(git, entry)? {
            Ok(file) => files.push(file),
            Err(refused) => return Ok(refused),
        }
    }
    let written = git.write_tree(base, &files).and_then(|tree| Ok((git.list_tree(&tree)?, tree)));
    let (listed, tree) = match written {
        Ok(written) => written,
        Err(failure) => return Ok(failed(&failure)),
    };
    let url = repository.url(&call.api);
    let entry = |[mode, kind, sha, path]: [String; 4]| {
        let url = format!("{url}/git/{kind}s/{sha}");
        json!({ "path": path, "mode": mode, "type": kind, "sha": sha, "url": url })
    };
    let entries: Vec<Value> = listed.into_iter().map(entry).collect();
    let json = json!({ "sha": tree, "url": format!("{url}/git/trees/{tree}"), "tree": entries, "truncated": false });
    Ok(FakeResponse::json(201, &json))
}

/// Makes a commit. Without an author, a committer and a signature in the request, it is the App's, and GitHub signs it.
pub fn create_commit(repository: &mut FakeRepository, _: &mut FakeAccounts, call: &ApiCall) -> Answer {
    let body = call.body_fields(&["message", "tree", "parents", "author", "committer", "signature"])?;
    let message = BodyFields::required("message", body.string("message")?)?;
    let tree = BodyFields::required("tree", body.string("tree")?)?;
    let texts = |value: &Value| value.as_array()?.iter().map(|one| one.as_str().map(ToOwned::to_owned)).collect();
    let parents: Vec<String> = body.parse("parents", "an array of strings", texts)?.unwrap_or_default();
    let is_custom = ["author", "committer", "signature"].iter().any(|name| body.get(name).is_some());
    let git = match git_of(repository) {
        Ok(git) => git,
        Err(empty) => return Ok(empty),
    };
    if !git.has("tree", tree) {
        return Ok(error(422, "Tree SHA does not exist"));
    }
    if parents.iter().any(|parent| !git.has("commit", parent)) {
        return Ok(error(422, "Parent SHA does not exist or is not a commit object"));
    }
    let email = format!("{BOT}@users.noreply.github.com");
    let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
    let commit = match git.write_commit(tree, &parents, message, (BOT, &email)) {
        Ok(commit) => commit,
        Err(failure) => return Ok(failed(&failure)),
    };
    let (url, page, at) = (repository.url(&call.api), repository.page(), format_time(call.now));
    let parent = |sha: &&str| {
        let (url, html) = (format!("{url}/git/commits/{sha}"), format!("{page}/commit/{sha}"));
        json!({ "sha": sha, "url": url, "html_url": html })
    };
    let verification = if repository.settings.signs_commits && !is_custom {
        json!({ "verified": true, "reason": "valid", "signature": "GitHub's", "payload": message, "verified_at": at })
    } else {
        json!({ "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null })
    };
    let json = json!({
        "sha": commit,
        "node_id": node_id("C", id("commit", &format!("{}/{commit}", repository.name))),
        "url": format!("{url}/git/commits/{commit}"),
        "html_url": format!("{page}/commit/{commit}"),
        "author": { "name": BOT, "email": email, "date": at },
        "committer": { "name": "GitHub", "email": "noreply@github.com", "date": at },
        "tree": { "sha": tree, "url": format!("{url}/git/trees/{tree}") },
        "message": message,
        "parents": parents.iter().map(parent).collect::<Vec<_>>(),
        "verification": verification,
    });
    Ok(FakeResponse::json(201, &json))
}

/// Moves a branch, and without `force` only forward.
pub fn update_ref(repository: &mut FakeRepository, _: &mut FakeAccounts, call: &ApiCall) -> Answer {
    let body = call.body_fields(&["sha", "force"])?;
    let commit = BodyFields::required("sha", body.string("sha")?)?;
    if body.boolean("force")? == Some(true) {
        // GitHub does it. No promotion may.
        return Err(ContractViolation::new(422, "a branch is moved by force"));
    }
    let git = match git_of(repository) {
        Ok(git) => git,
        Err(empty) => return Ok(empty),
    };
    let name = call.parameter("ref");
    let Some(branch) = name.strip_prefix("heads/").filter(|branch| git.tip_of(branch).is_some()) else {
        return Ok(error(422, "Reference does not exist"));
    };
    if !git.has("commit", commit) {
        return Ok(error(422, "Object does not exist"));
    }
    match git.move_branch(branch, commit) {
        Ok(true) => {}
        Ok(false) => return Ok(error(422, "Update is not a fast forward")),
        Err(failure) => return Ok(failed(&failure)),
    }
    let url = repository.url(&call.api);
    Ok(FakeResponse::json(
        200,
        &json!({
            "ref": format!("refs/{name}"),
            "node_id": node_id("REF", id("ref", name)),
            "url": format!("{url}/git/refs/{name}"),
            "object": { "type": "commit", "sha": commit, "url": format!("{url}/git/commits/{commit}") },
        }),
    ))
}
