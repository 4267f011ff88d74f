//! The event that started the workflow, read from the file at `GITHUB_EVENT_PATH`. Only the needed events and fields.
//!
//! Source: GitHub's documentation, "Webhook events and payloads": `workflow_run`, `repository_dispatch`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::files;
use crate::{
    error::CommandError,
    finding::Finding,
    subject::{Commit, Subject},
    values::clip,
};

/// The largest event that GitHub delivers, in bytes: its documentation, "Webhook events and payloads".
const MAX_SIZE: u64 = 25 << 20;
/// How much of an event's text a message quotes, in characters.
const MAX_QUOTE: usize = 300;

/// The event that started the workflow.
#[derive(Clone, Debug, PartialEq)]
pub enum TriggerEvent {
    /// The run of another workflow completed.
    WorkflowRun(CompletedRun),
    RepositoryDispatch(RepositoryDispatch),
    /// Any other event, or none.
    Other,
}

/// The run that a `workflow_run` event names. Its `head_sha` is the commit that was built and deployed, while `GITHUB_SHA`
/// is the tip of the default branch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CompletedRun {
    pub id: u64,
    #[serde(rename = "run_attempt")]
    pub attempt: u32,
    pub head_sha: Commit,
    #[serde(default)]
    pub head_branch: Option<String>,
}

/// The content of a `repository_dispatch` event. Untrusted: everyone with write access to the repository can send one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RepositoryDispatch {
    /// The event type of the dispatch.
    pub action: String,
    #[serde(default)]
    pub client_payload: Value,
}

#[derive(Deserialize)]
struct WorkflowRunPayload {
    workflow_run: CompletedRun,
}

impl TriggerEvent {
    /// Reads the event's file, if the event is one of the needed ones.
    pub(super) fn read(name: Option<&str>, path: Option<&Path>) -> Result<Self, Finding> {
        let (Some(name @ ("workflow_run" | "repository_dispatch")), Some(path)) = (name, path) else {
            return Ok(Self::Other);
        };
        let finding = || Finding::inconclusive(format!("the `{name}` event at {}", path.display()));
        let bytes = files::read_bounded(path, MAX_SIZE).map_err(|error| finding().actual(error.to_string()))?;
        let event = match name {
            "workflow_run" => {
                serde_json::from_slice::<WorkflowRunPayload>(&bytes).map(|event| Self::WorkflowRun(event.workflow_run))
            }
            _ => serde_json::from_slice(&bytes).map(Self::RepositoryDispatch),
        };
        event.map_err(|error| {
            finding()
                .actual(clip(&error.to_string(), MAX_QUOTE))
                .expected("the event as GitHub writes it, of at most 25 MiB")
        })
    }
}

/// The subject with the commit of the run that a `workflow_run` event names: that commit was deployed, so it is judged.
///
/// # Errors
/// Bad input when the subject names another commit.
pub fn complete_subject(subject: Subject, event: &TriggerEvent) -> Result<Subject, CommandError> {
    let TriggerEvent::WorkflowRun(run) = event else { return Ok(subject) };
    match &subject.commit {
        Some(given) if *given != run.head_sha => Err(Finding::inconclusive("`commit`")
            .actual(given.to_string())
            .expected(format!("{}, which the `workflow_run` event is about, or none at all", run.head_sha))
            .next("leave `commit` out: in a `workflow_run` workflow, GITHUB_SHA is the tip of the default branch")
            .bad_input()),
        _ => Ok(Subject { commit: Some(run.head_sha.clone()), ..subject }),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use serde_json::json;

    use super::*;
    use crate::{runner_env::RunnerEnv, world::World};

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn runner_env(name: &str, event_path: Option<PathBuf>) -> RunnerEnv {
        RunnerEnv { event_name: Some(name.to_owned()), event_path, ..RunnerEnv::default() }
    }

    /// Reads an event file that holds `text`.
    fn read(name: &str, text: &str) -> Result<TriggerEvent, CommandError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        fs::write(&path, text).unwrap();
        World::default().event(&runner_env(name, Some(path))).cloned()
    }

    fn workflow_run_payload(head_sha: &str) -> String {
        let run = json!({ "id": 41, "run_attempt": 2, "head_sha": head_sha, "head_branch": "main", "name": "deploy" });
        json!({ "action": "completed", "workflow_run": run, "repository": {} }).to_string()
    }

    #[test]
    fn only_the_needed_fields_of_an_event_are_read() {
        let head_branch = Some("main".to_owned());
        let run = CompletedRun { id: 41, attempt: 2, head_sha: SHA.parse().unwrap(), head_branch };
        assert_eq!(read("workflow_run", &workflow_run_payload(SHA)), Ok(TriggerEvent::WorkflowRun(run)));
        let dispatched = read("repository_dispatch", r#"{"action":"x","client_payload":{"a":[1]},"sender":{}}"#);
        let expected = RepositoryDispatch { action: "x".to_owned(), client_payload: json!({ "a": [1] }) };
        assert_eq!(dispatched, Ok(TriggerEvent::RepositoryDispatch(expected)));
        assert_eq!(read("push", "no JSON at all"), Ok(TriggerEvent::Other));
        assert_eq!(World::default().event(&runner_env("workflow_run", None)), Ok(&TriggerEvent::Other));
    }

    #[test]
    fn an_unreadable_event_is_bad_input_with_a_clipped_quote() {
        let deep = format!(r#"{{"action":"x","client_payload":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
        let long = format!(r#"{{"workflow_run":{{"id":"{}"}}}}"#, "x".repeat(60_000));
        for (name, text, cause) in [
            ("repository_dispatch", deep.as_str(), "recursion limit"),
            ("repository_dispatch", "{}", "action"),
            ("workflow_run", &long, "invalid type"),
            ("workflow_run", &workflow_run_payload("HEAD"), "git commit id"),
            ("workflow_run", "", "EOF"),
        ] {
            let Err(CommandError::BadInput(finding)) = read(name, text) else { panic!("{cause}: must be refused") };
            let message = finding.to_string();
            assert!(message.contains(name) && message.contains(cause) && message.len() < 600, "{cause} in {message}");
        }
        let gone = World::default().event(&runner_env("workflow_run", Some("/nonexistent/event".into()))).cloned();
        assert!(matches!(gone, Err(CommandError::BadInput(_))), "{gone:?}");
    }

    #[test]
    fn the_commit_of_the_subject_is_the_one_that_was_deployed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        fs::write(&path, workflow_run_payload(SHA)).unwrap();
        let completed = |name: &str, commit: Option<&str>| {
            let subject = Subject { commit: commit.map(|commit| commit.parse().unwrap()), ..Subject::default() };
            World::default().complete_subject(subject, &runner_env(name, Some(path.clone())))
        };
        for given in [None, Some(SHA)] {
            let commit = completed("workflow_run", given).unwrap().commit.unwrap();
            assert_eq!(commit.as_str(), SHA);
        }
        let other = "f".repeat(40);
        let Err(CommandError::BadInput(finding)) = completed("workflow_run", Some(&other)) else {
            panic!("must be refused")
        };
        assert!(finding.actual.contains(&other) && finding.expected.contains(SHA), "{finding}");
        assert_eq!(completed("push", None).unwrap().commit, None);
    }
}
