//! Files of a branch: `/repos/{owner}/{repo}/contents/{path}`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    client::GitHub, permission::RequiredPermission, read::encode_path, repository::Repository, source::read_permission,
    write::SendOutcome,
};
use crate::{
    finding::Finding,
    reconcile::Permit,
    world::{
        git::{Branch, TreePath},
        url::percent_encode,
    },
};

/// A file of a branch, and the id of its blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchFile {
    pub bytes: Vec<u8>,
    pub sha: String,
}

/// A new content of a file on a branch.
#[derive(Clone, Copy, Debug)]
pub struct FileWrite<'a> {
    pub branch: &'a Branch,
    pub path: &'a TreePath,
    pub text: &'a str,
    /// The message of the commit.
    pub message: &'a str,
    /// The id of the blob that the file has now; `None`: there is no such file. GitHub writes only if that is so.
    pub base: Option<&'a str>,
}

impl GitHub {
    /// The paths of the regular files in a folder of the default branch, without those in folders below it; `None` when there is
    /// no such folder, or the token may not see it.
    ///
    /// # Errors
    /// No answer; a token without Contents: read; a path that is no folder.
    pub fn files_in(&self, repository: &Repository, folder: &str) -> Result<Option<Vec<String>>, Finding> {
        #[derive(Deserialize)]
        struct EntryJson {
            path: String,
            #[serde(rename = "type")]
            kind: String,
        }
        let path = contents_path(repository, folder);
        let Some(entries) = self.get::<Vec<EntryJson>>(&path, &read_permission(repository))? else { return Ok(None) };
        Ok(Some(entries.into_iter().filter(|entry| entry.kind == "file").map(|entry| entry.path).collect()))
    }

    /// The text of a file of the default branch.
    ///
    /// # Errors
    /// No answer; a token without Contents: read; no such file; a file over 1 MB, which this route does not return; one that is
    /// not UTF-8.
    pub fn file_text(&self, repository: &Repository, path: &str) -> Result<String, Finding> {
        let required = read_permission(repository);
        let Some(found) = self.get::<Value>(&contents_path(repository, path), &required)? else {
            return Err(Self::missing(path, &required));
        };
        let BranchFile { bytes, .. } = self.decode(repository, path, found)?;
        String::from_utf8(bytes).map_err(|_| unreadable(repository, path, "bytes that are not UTF-8"))
    }

    /// A file of a branch, as it is now; `None` when there is no such file, or no such branch.
    ///
    /// # Errors
    /// No answer; a token without Contents: read; a file over 1 MB, which this route does not return.
    pub fn branch_file(
        &self,
        repository: &Repository,
        branch: &Branch,
        path: &TreePath,
    ) -> Result<Option<BranchFile>, Finding> {
        let url = format!("{}?ref={}", contents_path(repository, path.as_str()), percent_encode(branch.as_str()));
        let found = self.get::<Value>(&url, &read_permission(repository))?;
        found.map(|found| self.decode(repository, path.as_str(), found)).transpose()
    }

    /// Writes a file of a branch, in a separate commit, if the file still is as [`FileWrite::base`] says. Needs Contents: write.
    pub fn put_branch_file(&self, _permit: &Permit, repository: &Repository, write: FileWrite<'_>) -> SendOutcome {
        let FileWrite { branch, path, text, message, base } = write;
        let mut body = json!({
            "message": message,
            "branch": branch.as_str(),
            "content": BASE64_STANDARD.encode(text),
        });
        if let Some(sha) = base {
            body["sha"] = sha.into();
        }
        let required = RequiredPermission::new("Contents: write", repository.to_string());
        let expected = if base.is_some() { 200 } else { 201 };
        let path = contents_path(repository, path.as_str());
        self.write(Method::PUT, &path, Some(&body), &required, expected, |_| Some(()))
    }

    fn decode(&self, repository: &Repository, path: &str, found: Value) -> Result<BranchFile, Finding> {
        #[derive(Deserialize)]
        struct FileJson {
            encoding: String,
            content: String,
            sha: String,
        }
        let FileJson { encoding, content, sha } = self.read_value(found)?;
        if encoding != "base64" {
            return Err(unreadable(repository, path, &format!("GitHub sent its content as \"{encoding}\"")));
        }
        let content: String = content.split_ascii_whitespace().collect();
        let bytes = BASE64_STANDARD.decode(content);
        Ok(BranchFile { bytes: bytes.map_err(|error| unreadable(repository, path, &error.to_string()))?, sha })
    }
}

fn unreadable(repository: &Repository, path: &str, actual: &str) -> Finding {
    Finding::inconclusive(path).actual(actual).expected(format!("a text file in {repository}, of at most 1 MB"))
}

fn contents_path(repository: &Repository, path: &str) -> String {
    repository.api_path(&format!("contents/{}", encode_path(path)))
}
