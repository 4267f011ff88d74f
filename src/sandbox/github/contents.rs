//! `GET …/contents/{path}`: the files of the default branch, for the tests that need some.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::{
    call::ApiCall,
    errors::not_found,
    fake_github::FakeGitHub,
    format::{id, object_fields, path_segment},
    records::{FakeAccounts, FakeRepository},
};
use crate::sandbox::server::FakeResponse;

impl FakeGitHub {
    /// Adds a file to the default branch, or replaces it. The commits of the fake repository do not show it.
    pub fn add_file(&self, repository: &str, path: &str, text: &str) {
        self.with_repository(repository, |repository, _| {
            repository.files.insert(path.to_owned(), text.to_owned());
        });
    }
}

pub fn get(repository: &FakeRepository, _: &FakeAccounts, call: &ApiCall) -> FakeResponse {
    let path = call.parameter("path");
    if let Some(text) = repository.files.get(path) {
        let mut file = entry(repository, "file", path, text.len(), &call.api);
        // GitHub breaks the lines as MIME does.
        let encoded = BASE64_STANDARD.encode(text);
        let lines: Vec<_> = encoded.as_bytes().chunks(60).map(String::from_utf8_lossy).collect();
        file.insert("content".to_owned(), (lines.join("\n") + "\n").into());
        file.insert("encoding".to_owned(), "base64".into());
        return FakeResponse::json(200, &Value::Object(file));
    }
    let folder = format!("{path}/");
    let below = repository.files.iter().filter_map(|(file, text)| Some((file.strip_prefix(&folder)?, text)));
    let mut entries: Vec<(String, &str, usize)> = below
        .map(|(rest, text)| match rest.split_once('/') {
            None => (format!("{folder}{rest}"), "file", text.len()),
            Some((name, _)) => (format!("{folder}{name}"), "dir", 0),
        })
        .collect();
    entries.dedup();
    if entries.is_empty() {
        return not_found();
    }
    let shown = entries.into_iter().map(|(path, kind, size)| entry(repository, kind, &path, size, &call.api).into());
    FakeResponse::json(200, &Value::Array(shown.collect()))
}

fn entry(repository: &FakeRepository, kind: &str, path: &str, size: usize, api: &str) -> Map<String, Value> {
    let branch = &repository.history.default_branch;
    let encoded = path.split('/').map(path_segment).collect::<Vec<_>>().join("/");
    let sha = format!("{:040x}", id(kind, &format!("{}/{path}", repository.name)));
    let own = format!("{}/contents/{encoded}?ref={branch}", repository.url(api));
    let git = format!("{}/git/{}/{sha}", repository.url(api), if kind == "dir" { "trees" } else { "blobs" });
    let html = format!("{}/blob/{branch}/{encoded}", repository.page());
    let raw = format!("https://raw.githubusercontent.com/{}/{branch}/{encoded}", repository.name);
    object_fields(json!({
        "type": kind,
        "size": size,
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
