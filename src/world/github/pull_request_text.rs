//! The description and the labels of a pull request as they are now, and who wrote them. An event has them as they were.

use serde::Deserialize;
use serde_json::json;

use super::{
    client::GitHub,
    graphql::{Connection, GraphQlQuery, present},
    permission::RequiredPermission,
    repository::Repository,
};
use crate::{finding::Finding, world::event::PullRequestNumber};

/// The most labels that a pull request can have.
const LABELS: usize = 100;
/// How many of the last times that a label was set are looked at.
const EVENTS: usize = 100;

pub(super) const PULL_REQUEST_TEXT: GraphQlQuery =
    GraphQlQuery { name: "PullRequestText", document: include_str!("graphql/pull_request_text.graphql") };

/// What a pull request says, and who said it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullRequestText {
    /// Markdown; raw.
    pub description: String,
    /// Who wrote the description last: its editor, or the author of the pull request. `None` for a deleted account.
    pub writer: Option<String>,
    pub labels: Vec<SetLabel>,
}

/// A label of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLabel {
    pub name: String,
    /// Who set it last; `None` if GitHub does not show it.
    pub set_by: Option<String>,
}

#[derive(Deserialize)]
struct AnswerJson {
    #[serde(deserialize_with = "present")]
    repository: Option<RepositoryJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryJson {
    #[serde(deserialize_with = "present")]
    pull_request: Option<PullRequestJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullRequestJson {
    number: u64,
    body: String,
    #[serde(deserialize_with = "present")]
    author: Option<ActorJson>,
    #[serde(deserialize_with = "present")]
    editor: Option<ActorJson>,
    #[serde(deserialize_with = "present")]
    labels: Option<Connection<LabelJson>>,
    timeline_items: TimelineJson,
}

#[derive(Deserialize)]
struct ActorJson {
    #[serde(rename = "__typename")]
    kind: String,
    login: String,
}

#[derive(Deserialize)]
struct LabelJson {
    name: String,
}

#[derive(Deserialize)]
struct TimelineJson {
    nodes: Vec<LabeledJson>,
}

#[derive(Deserialize)]
struct LabeledJson {
    #[serde(deserialize_with = "present")]
    actor: Option<ActorJson>,
    label: LabelJson,
}

impl From<ActorJson> for String {
    /// The login as REST has it: GraphQL shows an App without `[bot]`.
    fn from(ActorJson { kind, login }: ActorJson) -> Self {
        if kind == "Bot" && !login.ends_with("[bot]") { format!("{login}[bot]") } else { login }
    }
}

impl GitHub {
    /// The description and the labels of a pull request, as they are now.
    ///
    /// # Errors
    /// No answer; no such pull request; a token without Pull requests: read.
    pub fn pull_request_text(
        &self,
        repository: &Repository,
        number: PullRequestNumber,
    ) -> Result<PullRequestText, Finding> {
        let variables = json!({
            "owner": repository.owner(), "name": repository.name(), "number": number.get(), "labels": LABELS, "events": EVENTS,
        });
        let required = RequiredPermission::new("Pull requests: read", repository.to_string());
        let AnswerJson { repository: found } = self.query(&PULL_REQUEST_TEXT, &variables, &required)?;
        let found = found.and_then(|repository| repository.pull_request);
        let found = found.ok_or_else(|| Self::missing(format!("pull request {number}"), &required))?;
        if found.number != number.get() {
            return Err(self.unreadable(&format!("pull request #{} instead of {number}", found.number)));
        }
        let Some(labels) = found.labels.filter(|labels| !labels.page.has_next) else {
            return Err(self.unreadable(&format!("a part of the labels of {number}")));
        };
        let mut events: Vec<(String, Option<String>)> = found
            .timeline_items
            .nodes
            .into_iter()
            .map(|event| (event.label.name, event.actor.map(String::from)))
            .collect();
        events.reverse();
        let label = |LabelJson { name }| {
            let set_by = events.iter().find(|(of, _)| *of == name).and_then(|(_, actor)| actor.clone());
            SetLabel { name, set_by }
        };
        Ok(PullRequestText {
            description: found.body,
            writer: found.editor.or(found.author).map(String::from),
            labels: labels.nodes.into_iter().map(label).collect(),
        })
    }
}
