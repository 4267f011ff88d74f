//! Issues: `/repos/{owner}/{repo}/issues`.

use hyper::Method;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{
    client::GitHub, fields::login, permission::RequiredPermission, repository::Repository, write::SendOutcome,
};
use crate::{clock::rfc3339, finding::Finding, reconcile::Permit, world::url::percent_encode};

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    #[serde(default, deserialize_with = "optional_text")]
    pub body: String,
    pub state: IssueState,
    pub html_url: String,
    #[serde(default, deserialize_with = "label_names")]
    pub labels: Vec<String>,
    #[serde(default, deserialize_with = "login")]
    pub user: Option<String>,
    pub created_at: Timestamp,
    /// GitHub's lists hold pull requests too.
    #[serde(default)]
    pull_request: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueState {
    Open,
    Closed,
}

/// A filter for a list of issues.
#[derive(Clone, Debug, Default)]
pub struct IssueQuery {
    /// An issue must carry all of these.
    pub labels: Vec<String>,
    /// Closed issues too.
    pub closed: bool,
    /// Only issues that changed since.
    pub since: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct NewIssue {
    pub title: String,
    /// Markdown.
    pub body: String,
    /// GitHub creates missing labels when the token may push, and leaves them out otherwise.
    pub labels: Vec<String>,
}

impl GitHub {
    /// The issues that match `query`, oldest first. Uses the list, because GitHub's search index lags behind.
    ///
    /// # Errors
    /// No answer; no such repository; a token without Issues: read.
    pub fn issues(&self, repository: &Repository, query: &IssueQuery) -> Result<Vec<Issue>, Finding> {
        let required = RequiredPermission::new("Issues: read", repository.to_string());
        let state = if query.closed { "all" } else { "open" };
        let mut path = repository.api_path(&format!("issues?state={state}&sort=created&direction=asc"));
        if !query.labels.is_empty() {
            path += &format!("&labels={}", percent_encode(&query.labels.join(",")));
        }
        if let Some(since) = query.since {
            path += &format!("&since={}", percent_encode(&rfc3339(since)));
        }
        let issues: Vec<Issue> =
            self.list(&path, None, &required)?.ok_or_else(|| Self::missing("the issues", &required))?;
        Ok(issues.into_iter().filter(|issue| issue.pull_request.is_none()).collect())
    }

    /// Opens an issue. Needs Issues: write.
    pub fn create_issue(&self, _permit: &Permit, repository: &Repository, issue: &NewIssue) -> SendOutcome<Issue> {
        let NewIssue { title, body, labels } = issue;
        let body = json!({ "title": title, "body": body, "labels": labels });
        let parse = |body: &[u8]| serde_json::from_slice(body).ok();
        self.write(Method::POST, &repository.api_path("issues"), Some(&body), &write_permission(repository), 201, parse)
    }

    /// Closes an issue as not planned. Needs Issues: write.
    pub fn close_issue(&self, _permit: &Permit, repository: &Repository, number: u64) -> SendOutcome {
        let body = json!({ "state": "closed", "state_reason": "not_planned" });
        let path = repository.api_path(&format!("issues/{number}"));
        self.write(Method::PATCH, &path, Some(&body), &write_permission(repository), 200, |_| Some(()))
    }
}

fn write_permission(repository: &Repository) -> RequiredPermission {
    RequiredPermission::new("Issues: write", repository.to_string())
}

fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

/// A label is an object; GitHub's description also allows its bare name.
#[derive(Deserialize)]
#[serde(untagged)]
enum LabelJson {
    Bare(String),
    Object { name: Option<String> },
}

fn label_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let name = |label| match label {
        LabelJson::Bare(name) => Some(name),
        LabelJson::Object { name } => name,
    };
    Ok(Vec::<LabelJson>::deserialize(deserializer)?.into_iter().filter_map(name).collect())
}
