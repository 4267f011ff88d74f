//! Which commits changed a path. REST lists the files of one commit at a time; GraphQL shows the object at a path in a hundred
//! commits and their parents.

use serde::Deserialize;
use serde_json::json;

use super::{
    client::GitHub,
    graphql::{Connection, GraphQlQuery, present},
    people::MAX_IDS,
    repository::Repository,
    source::read_permission,
    source_commit::SourceCommit,
};
use crate::finding::Finding;

pub(super) const COMMIT_PATHS: GraphQlQuery =
    GraphQlQuery { name: "CommitPaths", document: include_str!("graphql/commit_paths.graphql") };

/// What a commit did to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathChange {
    /// Whether the commit has a file or folder there.
    pub exists: bool,
    /// Whether it differs from what any of the commit's parents has there.
    pub is_changed: bool,
}

#[derive(Deserialize)]
struct CommitJson {
    oid: String,
    #[serde(deserialize_with = "present")]
    file: Option<EntryJson>,
    parents: Connection<ParentJson>,
}

#[derive(Deserialize)]
struct ParentJson {
    #[serde(deserialize_with = "present")]
    file: Option<EntryJson>,
}

#[derive(PartialEq, Deserialize)]
struct EntryJson {
    oid: String,
    mode: u32,
}

impl GitHub {
    /// What each of these commits did to a path, in the same order.
    ///
    /// # Errors
    /// No answer; other commits; a token without Contents: read.
    pub fn path_changes(
        &self,
        repository: &Repository,
        commits: &[SourceCommit],
        path: &str,
    ) -> Result<Vec<PathChange>, Finding> {
        let mut changes = Vec::with_capacity(commits.len());
        for batch in commits.chunks(MAX_IDS) {
            let ids: Vec<&str> = batch.iter().map(|commit| commit.node_id.as_str()).collect();
            let variables = json!({ "ids": ids, "path": path });
            let shas: Vec<&str> = batch.iter().map(|commit| commit.sha.as_str()).collect();
            let required = read_permission(repository);
            let found = self.nodes(&COMMIT_PATHS, &variables, &required, &shas, |commit: &CommitJson| &commit.oid)?;
            changes.extend(found.iter().map(PathChange::from));
        }
        Ok(changes)
    }
}

impl From<&CommitJson> for PathChange {
    fn from(CommitJson { file, parents, .. }: &CommitJson) -> Self {
        // A merge of more branches than are asked for counts as a change.
        let is_merge_of_many = parents.page.has_next;
        let differs = parents.nodes.iter().any(|parent| parent.file != *file);
        let is_first = parents.nodes.is_empty() && file.is_some();
        Self { exists: file.is_some(), is_changed: differs || is_first || is_merge_of_many }
    }
}
