//! Issues: `/repos/{owner}/{repo}/issues`.

use hyper::Method;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{
    GitHub, Repository, Sent,
    actions::login,
    answer::{Need, encoded},
};
use crate::{clock::rfc3339, finding::Finding, reconcile::Permit};

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    #[serde(default, deserialize_with = "text")]
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

/// Which issues are asked for.
#[derive(Clone, Debug, Default)]
pub struct IssueQuery {
    /// All of them must be on it.
    pub labels: Vec<String>,
    /// Closed ones too.
    pub closed: bool,
    /// Those that were changed since.
    pub since: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct NewIssue {
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Made by GitHub when they are not there, if the token may push; else it leaves them out.
    pub labels: Vec<String>,
}

impl GitHub {
    /// The issues that carry certain labels, oldest first. A list is up to date; a search would lag behind.
    ///
    /// # Errors
    /// Without an answer; no such repository; a token without Issues: read.
    pub fn issues(&self, repository: &Repository, query: &IssueQuery) -> Result<Vec<Issue>, Finding> {
        let need = Need::of("Issues: read", repository.to_string());
        let state = if query.closed { "all" } else { "open" };
        let mut path = repository.path(&format!("issues?state={state}&sort=created&direction=asc"));
        if !query.labels.is_empty() {
            path += &format!("&labels={}", encoded(&query.labels.join(",")));
        }
        if let Some(since) = query.since {
            path += &format!("&since={}", encoded(&rfc3339(since)));
        }
        let issues: Vec<Issue> = self.list(&path, None, &need)?.ok_or_else(|| Self::missing("the issues", &need))?;
        Ok(issues.into_iter().filter(|issue| issue.pull_request.is_none()).collect())
    }

    /// Opens an issue. Needs Issues: write.
    pub fn create_issue(&self, _permit: &Permit, repository: &Repository, issue: &NewIssue) -> Sent<Issue> {
        let NewIssue { title, body, labels } = issue;
        let body = json!({ "title": title, "body": body, "labels": labels });
        let read = |answer: &[u8]| serde_json::from_slice(answer).ok();
        self.write(Method::POST, &repository.path("issues"), Some(&body), &writing(repository), 201, read)
    }

    /// Closes an issue that need not be acted on. Needs Issues: write.
    pub fn close_issue(&self, _permit: &Permit, repository: &Repository, number: u64) -> Sent {
        let body = json!({ "state": "closed", "state_reason": "not_planned" });
        let path = repository.path(&format!("issues/{number}"));
        self.write(Method::PATCH, &path, Some(&body), &writing(repository), 200, |_| Some(()))
    }
}

fn writing(repository: &Repository) -> Need {
    Need::of("Issues: write", repository.to_string())
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

/// A label is an object; the description also allows its bare name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Bare(String),
    Whole { name: Option<String> },
}

fn label_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let name = |label| match label {
        Label::Bare(name) => Some(name),
        Label::Whole { name } => name,
    };
    Ok(Vec::<Label>::deserialize(deserializer)?.into_iter().filter_map(name).collect())
}
