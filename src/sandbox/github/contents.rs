//! `GET` and `PUT …/contents/{path}`: the files of the default branch and of others, for the tests that need some.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::{
    call::{ApiCall, BodyFields},
    errors::{ContractViolation, error, not_found},
    fake_github::FakeGitHub,
    format::{id, object_fields, path_segment},
    records::{FakeAccounts, FakeCommit, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Adds a file to the default branch, or replaces it. The commits of the fake repository do not show it.
    pub fn add_file(&self, repository: &str, path: &str, text: &str) {
        self.with_repository(repository, |repository, _| {
            repository.files.insert(path.to_owned(), text.to_owned());
        });
    }

    /// Creates a branch for files that a program keeps there.
    pub fn add_data_branch(&self, repository: &str, name: &str) {
        let sha = format!("{:040x}", id("commit", &format!("{repository} {name}")));
        self.with_repository(repository, |repository, _| {
            repository.history.push(name, FakeCommit { sha, parents: Some(Vec::new()), ..FakeCommit::default() });
            repository.branch_files.entry(name.to_owned()).or_default();
        });
    }

    /// Adds a file to such a branch, or replaces it.
    pub fn set_branch_file(&self, repository: &str, branch: &str, path: &str, text: &str) {
        self.with_repository(repository, |repository, _| {
            repository.branch_files.entry(branch.to_owned()).or_default().insert(path.to_owned(), text.to_owned());
        });
    }

    /// A file of such a branch.
    #[must_use]
    pub fn branch_file(&self, repository: &str, branch: &str, path: &str) -> Option<String> {
        self.with_repository(repository, |repository, _| repository.branch_files.get(branch)?.get(path).cloned())
    }
}

/// The files of a branch; `None` if there is no such branch.
fn files_of<'a>(repository: &'a FakeRepository, branch: Option<&str>) -> Option<&'a BTreeMap<String, String>> {
    match branch.filter(|branch| *branch != repository.history.default_branch) {
        None => Some(&repository.files),
        Some(branch) => repository.branch_files.get(branch),
    }
}

pub fn get(repository: &FakeRepository, _: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let path = call.parameter("path");
    let Some(files) = files_of(repository, call.query_value("ref")) else { return not_found() };
    if let Some(text) = files.get(path) {
        let mut file = entry(repository, ("file", text), path, &call.api);
        // GitHub breaks the lines as MIME does.
        let encoded = BASE64_STANDARD.encode(text);
        let lines: Vec<_> = encoded.as_bytes().chunks(60).map(String::from_utf8_lossy).collect();
        file.insert("content".to_owned(), (lines.join("\n") + "\n").into());
        file.insert("encoding".to_owned(), "base64".into());
        return FakeResponse::json(200, &Value::Object(file));
    }
    let folder = format!("{path}/");
    let below = files.iter().filter_map(|(file, text)| Some((file.strip_prefix(&folder)?, text)));
    let mut entries: Vec<(String, &str, &str)> = below
        .map(|(rest, text)| match rest.split_once('/') {
            None => (format!("{folder}{rest}"), "file", text.as_str()),
            Some((name, _)) => (format!("{folder}{name}"), "dir", ""),
        })
        .collect();
    entries.dedup();
    if entries.is_empty() {
        return not_found();
    }
    let shown = entries.into_iter().map(|(path, kind, text)| entry(repository, (kind, text), &path, &call.api).into());
    FakeResponse::json(200, &Value::Array(shown.collect()))
}

/// Writes a file, if it still has the content whose `sha` the body gives. GitHub answers 409 if it has another one, and 422 if the body has
/// no `sha` and the file exists.
pub fn put(
    repository: &mut FakeRepository,
    _: &mut FakeAccounts,
    call: &ApiCall,
) -> Result<FakeResponse, ContractViolation> {
    let path = call.parameter("path").to_owned();
    let fields = call.body_fields(&["message", "content", "sha", "branch", "committer", "author"])?;
    let message = BodyFields::required("message", fields.string("message")?)?.to_owned();
    let content = BodyFields::required("content", fields.string("content")?)?;
    let invalid = || ContractViolation::new(422, "content is not valid Base64");
    let text = String::from_utf8(BASE64_STANDARD.decode(content).map_err(|_| invalid())?).map_err(|_| invalid())?;
    let (given, branch) = (fields.string("sha")?.map(ToOwned::to_owned), fields.string("branch")?);
    let branch = branch.unwrap_or(&repository.history.default_branch).to_owned();
    let Some(files) = files_of(repository, Some(&branch)) else {
        return Ok(error(404, &format!("Branch {branch} not found")));
    };
    let known = files.get(&path).map(|text| blob_sha(repository, "file", &path, text));
    match (&known, &given) {
        (Some(_), None) => return Ok(error(422, "Invalid request.\n\n\"sha\" wasn't supplied.")),
        (known, Some(_)) if *known != given => {
            return Ok(error(409, &format!("{path} does not match {}", given.unwrap_or_default())));
        }
        _ => {}
    }
    let sha = format!("{:040x}", id("commit", &format!("{path} {text} {}", repository.history.commits.len())));
    let written = entry(repository, ("file", &text), &path, &call.api);
    repository.history.push(&branch, FakeCommit { sha: sha.clone(), message, at: call.now, ..FakeCommit::default() });
    if branch == repository.history.default_branch {
        repository.files.insert(path, text);
    } else {
        repository.branch_files.entry(branch).or_default().insert(path, text);
    }
    let commit = json!({ "sha": sha, "url": format!("{}/git/commits/{sha}", repository.url(&call.api)) });
    let status = if known.is_some() { 200 } else { 201 };
    Ok(FakeResponse::json(status, &json!({ "content": written, "commit": commit })))
}

/// The id of a blob, which its content decides.
fn blob_sha(repository: &FakeRepository, kind: &str, path: &str, text: &str) -> String {
    format!("{:040x}", id(kind, &format!("{}/{path} {text}", repository.name)))
}

fn entry(repository: &FakeRepository, (kind, text): (&str, &str), path: &str, api: &str) -> Map<String, Value> {
    let branch = &repository.history.default_branch;
    let encoded = path.split('/').map(path_segment).collect::<Vec<_>>().join("/");
    let sha = blob_sha(repository, kind, path, text);
    let own = format!("{}/contents/{encoded}?ref={branch}", repository.url(api));
    let git = format!("{}/git/{}/{sha}", repository.url(api), if kind == "dir" { "trees" } else { "blobs" });
    let html = format!("{}/blob/{branch}/{encoded}", repository.page());
    let raw = format!("https://raw.githubusercontent.com/{}/{branch}/{encoded}", repository.name);
    object_fields(json!({
        "type": kind,
        "size": text.len(),
        "name": path.rsplit('/').next(),
        "path": path,
        "sha": sha,
        "url": own,
        "git_url": git,
        "html_url": html,
        "download_url": if kind == "dir" { Value::Null } else { raw.into() },
        "_links": { "git": git, "html": html, "self": own },
    }))
}
