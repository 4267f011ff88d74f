//! Comments on pull requests: `/repos/{owner}/{repo}/issues/{issue_number}/comments`, and the account that writes them.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    client::GitHub,
    fields::{ViewerJson, login},
    graphql::GraphQlQuery,
    permission::RequiredPermission,
    repository::Repository,
    write::SendOutcome,
};
use crate::{finding::Finding, reconcile::Permit, world::event::PullRequestNumber};

pub(super) const VIEWER: GraphQlQuery =
    GraphQlQuery { name: "Viewer", document: include_str!("graphql/viewer.graphql") };

/// A comment on a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Comment {
    pub id: u64,
    /// Markdown; raw.
    #[serde(default)]
    pub body: String,
    pub html_url: String,
    #[serde(default, deserialize_with = "login")]
    pub user: Option<String>,
}

impl GitHub {
    /// The login of the token's account. REST has no such route for the token of a job; GraphQL shows it.
    ///
    /// # Errors
    /// No answer; a token that is not valid.
    pub fn own_login(&self) -> Result<String, Finding> {
        #[derive(Deserialize)]
        struct AnswerJson {
            viewer: ViewerJson,
        }
        let required = RequiredPermission::new("Metadata: read", "its repository");
        Ok(self.query::<AnswerJson>(&VIEWER, &json!({}), &required)?.viewer.login)
    }

    /// The comments on a pull request, oldest first. Uses the list, because GitHub's search index lags behind.
    ///
    /// # Errors
    /// No answer; no such pull request; a token without Pull requests: read.
    pub fn comments(&self, repository: &Repository, number: PullRequestNumber) -> Result<Vec<Comment>, Finding> {
        let required = RequiredPermission::new("Pull requests: read", repository.to_string());
        let mut comments: Vec<Comment> = self
            .list(&comments_path(repository, number), None, &required)?
            .ok_or_else(|| Self::missing(format!("pull request {number}"), &required))?;
        comments.sort_by_key(|comment| comment.id);
        Ok(comments)
    }

    /// Writes a comment. Needs Pull requests: write.
    pub fn create_comment(
        &self,
        _permit: &Permit,
        repository: &Repository,
        number: PullRequestNumber,
        body: &str,
    ) -> SendOutcome<Comment> {
        let parse = |body: &[u8]| serde_json::from_slice(body).ok();
        let path = comments_path(repository, number);
        self.write(Method::POST, &path, Some(&json!({ "body": body })), &write_permission(repository), 201, parse)
    }

    /// Replaces the text of a comment. Needs Pull requests: write.
    pub fn update_comment(
        &self,
        _permit: &Permit,
        repository: &Repository,
        id: u64,
        body: &str,
    ) -> SendOutcome<Comment> {
        let parse = |body: &[u8]| serde_json::from_slice(body).ok();
        let path = comment_path(repository, id);
        self.write(Method::PATCH, &path, Some(&json!({ "body": body })), &write_permission(repository), 200, parse)
    }

    /// Deletes a comment. Needs Pull requests: write.
    pub fn delete_comment(&self, _permit: &Permit, repository: &Repository, id: u64) -> SendOutcome {
        let path = comment_path(repository, id);
        self.write(Method::DELETE, &path, None, &write_permission(repository), 204, |_| Some(()))
    }
}

fn comments_path(repository: &Repository, number: PullRequestNumber) -> String {
    repository.api_path(&format!("issues/{}/comments", number.get()))
}

fn comment_path(repository: &Repository, id: u64) -> String {
    repository.api_path(&format!("issues/comments/{id}"))
}

fn write_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Pull requests: write", repository.to_string())
}
