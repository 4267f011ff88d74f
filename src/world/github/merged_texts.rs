//! The descriptions of merged pull requests, and the templates that they were written in.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::GitHub,
    commit_people::PullRequestId,
    graphql::{GraphQlQuery, present},
    merged_text::{MergedText, MergedTexts},
    people::read_permission,
    repository::Repository,
};
use crate::finding::Finding;

pub(super) const MERGED_TEXTS: GraphQlQuery =
    GraphQlQuery { name: "MergedTexts", document: include_str!("graphql/merged_texts.graphql") };

/// How many pull requests one query asks for: a description may have 65,536 characters.
const BATCH: usize = 25;

#[derive(Deserialize)]
struct TextsJson {
    nodes: Vec<Option<PullRequestJson>>,
    #[serde(deserialize_with = "present")]
    repository: Option<RepositoryJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullRequestJson {
    id: PullRequestId,
    number: u64,
    url: String,
    body: String,
    #[serde(deserialize_with = "present")]
    merged_at: Option<Timestamp>,
    #[serde(deserialize_with = "present")]
    last_edited_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct RepositoryJson {
    #[serde(rename = "pullRequestTemplates", deserialize_with = "present")]
    templates: Option<Vec<TemplateJson>>,
}

#[derive(Deserialize)]
struct TemplateJson {
    #[serde(deserialize_with = "present")]
    body: Option<String>,
}

impl GitHub {
    /// The descriptions of these pull requests, in the same order, and the templates of the repository.
    ///
    /// # Errors
    /// No answer; other pull requests; a token without Contents and Pull requests: read.
    pub fn merged_texts(
        &self,
        repository: &Repository,
        pull_requests: &[PullRequestId],
    ) -> Result<MergedTexts, Finding> {
        let mut texts = MergedTexts::default();
        for batch in pull_requests.chunks(BATCH) {
            let ids: Vec<&str> = batch.iter().map(|id| id.0.as_str()).collect();
            let variables = json!({ "ids": ids, "owner": repository.owner(), "name": repository.name() });
            let required = read_permission(repository);
            let TextsJson { nodes, repository: found } = self.query(&MERGED_TEXTS, &variables, &required)?;
            let nodes: Vec<PullRequestJson> = nodes.into_iter().flatten().collect();
            if !nodes.iter().map(|node| &node.id).eq(batch) {
                return Err(self.unreadable("other pull requests than those that were asked for"));
            }
            let found = found.ok_or_else(|| Self::missing(format!("the repository {repository}"), &required))?;
            texts.templates = found.templates.into_iter().flatten().filter_map(|template| template.body).collect();
            texts.pull_requests.extend(nodes.into_iter().map(|node| MergedText {
                number: node.number,
                url: node.url,
                body: node.body,
                merged_at: node.merged_at,
                edited_at: node.last_edited_at,
            }));
        }
        Ok(texts)
    }
}
