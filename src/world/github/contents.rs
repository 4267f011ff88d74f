//! Files of the default branch: `/repos/{owner}/{repo}/contents/{path}`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;

use super::{client::GitHub, read::encode_path, repository::Repository, source::read_permission};
use crate::finding::Finding;

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
        #[derive(Deserialize)]
        struct FileJson {
            encoding: String,
            content: String,
        }
        let required = read_permission(repository);
        let unreadable = |actual: &str| {
            Finding::inconclusive(path).actual(actual).expected(format!("a text file in {repository}, of at most 1 MB"))
        };
        let Some(found) = self.get::<Value>(&contents_path(repository, path), &required)? else {
            return Err(Self::missing(path, &required));
        };
        let FileJson { encoding, content } = self.read_value(found)?;
        if encoding != "base64" {
            return Err(unreadable(&format!("GitHub sent its content as \"{encoding}\"")));
        }
        let content: String = content.split_ascii_whitespace().collect();
        let bytes = BASE64_STANDARD.decode(content).map_err(|error| unreadable(&error.to_string()))?;
        String::from_utf8(bytes).map_err(|_| unreadable("bytes that are not UTF-8"))
    }
}

fn contents_path(repository: &Repository, path: &str) -> String {
    repository.api_path(&format!("contents/{}", encode_path(path)))
}
