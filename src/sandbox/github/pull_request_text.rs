//! The query `PullRequestText`: the description and the labels of a pull request, and who wrote them.

use serde_json::{Value, json};

use super::{
    accounts::is_bot,
    fake_github::FakeGitHub,
    query_call::{GraphQlFailure, QueryCall, connection},
    records::{FakeEdits, FakeIssue, FakeRepository},
};

impl FakeGitHub {
    /// Edits the description of a pull request.
    pub fn edit_description(&self, repository: &str, number: u64, editor: &str, body: &str) {
        self.with_repository(repository, |repository, accounts| {
            accounts.add_user(editor);
            for issue in pull_request(repository, number) {
                issue.body = Some(body.to_owned());
            }
            edits(repository, number).editor = Some(editor.to_owned());
        });
    }

    /// Sets a label on a pull request.
    pub fn set_label(&self, repository: &str, number: u64, login: &str, label: &str) {
        self.with_repository(repository, |repository, accounts| {
            accounts.add_user(login);
            for issue in pull_request(repository, number) {
                issue.labels.push(label.to_owned());
            }
            edits(repository, number).labelled.push((login.to_owned(), label.to_owned()));
        });
    }
}

fn pull_request(repository: &mut FakeRepository, number: u64) -> impl Iterator<Item = &mut FakeIssue> {
    repository.issues.iter_mut().filter(move |issue| issue.is_pull_request && issue.number == number)
}

fn edits(repository: &mut FakeRepository, number: u64) -> &mut FakeEdits {
    let index = repository.edits.iter().position(|edits| edits.number == number).unwrap_or_else(|| {
        repository.edits.push(FakeEdits { number, ..FakeEdits::default() });
        repository.edits.len() - 1
    });
    &mut repository.edits[index]
}

pub fn get(call: &QueryCall) -> Result<Value, GraphQlFailure> {
    let name = format!("{}/{}", call.text("owner")?, call.text("name")?);
    let unknown = || GraphQlFailure::NotFound(format!("Could not resolve to a Repository with the name '{name}'."));
    let repository = call.data.repositories.get(&name.to_lowercase()).ok_or_else(unknown)?;
    call.permit(repository, "pull_requests=read")?;
    let number = call.variables.get("number").and_then(Value::as_u64);
    let number = number.ok_or_else(|| GraphQlFailure::Violation("$number is no number".to_owned()))?;
    let (most_labels, most_events) = (call.first("labels")?, call.first("events")?);
    let issue = repository.issues.iter().find(|issue| issue.is_pull_request && issue.number == number);
    let issue = issue.ok_or_else(|| {
        GraphQlFailure::NotFound(format!("Could not resolve to a PullRequest with the number of {number}."))
    })?;
    let edits = repository.edits.iter().find(|edits| edits.number == number).cloned().unwrap_or_default();
    let labels = issue.labels.iter().map(|name| json!({ "name": name })).collect();
    let first = edits.labelled.len().saturating_sub(most_events);
    let events = edits.labelled[first..].iter().map(
        |(login, label)| json!({ "__typename": "LabeledEvent", "actor": actor(login), "label": { "name": label } }),
    );
    Ok(json!({ "repository": { "pullRequest": {
        "number": number,
        "body": issue.body.as_deref().unwrap_or_default(),
        "author": actor(&issue.user),
        "editor": edits.editor.as_deref().map(actor),
        "labels": connection(labels, most_labels),
        "timelineItems": { "nodes": events.collect::<Vec<_>>() },
    } } }))
}

/// An account as GraphQL shows an actor: an App has no `[bot]` there.
fn actor(login: &str) -> Value {
    let kind = if is_bot(login) { "Bot" } else { "User" };
    json!({ "__typename": kind, "login": login.strip_suffix("[bot]").unwrap_or(login) })
}
