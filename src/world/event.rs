//! The event that started the workflow, read from the file at `GITHUB_EVENT_PATH`. Only the needed events and fields.
//!
//! Source: GitHub's documentation, "Webhook events and payloads": `workflow_run`, `repository_dispatch`.

mod pull_request;
mod trigger;

use std::path::Path;

use serde::Deserialize;

use super::files;
use crate::{finding::Finding, values::clip};

pub use pull_request::{PullRequestEvent, PullRequestNumber};
pub use trigger::{CompletedRun, RepositoryDispatch, TriggerEvent, complete_subject};

/// The largest event that GitHub delivers, in bytes: its documentation, "Webhook events and payloads".
pub(super) const MAX_EVENT: u64 = 25 << 20;
/// How much of an event's text a message quotes, in characters.
const MAX_QUOTE: usize = 300;

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
        let bytes = files::read_bounded(path, MAX_EVENT).map_err(|error| finding().actual(error.to_string()))?;
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

impl PullRequestEvent {
    /// Reads the event's file; `None` for an event that is not about a pull request.
    pub(super) fn read(name: Option<&str>, path: Option<&Path>) -> Result<Option<Self>, Finding> {
        let Some(name) = name.filter(|name| Self::is_about_one(name)) else { return Ok(None) };
        let finding = |actual: String| {
            Finding::inconclusive(format!("the `{name}` event"))
                .actual(clip(&actual, MAX_QUOTE))
                .expected("the number of its pull request")
        };
        let path = path.ok_or_else(|| finding("no file: GITHUB_EVENT_PATH is not set".to_owned()))?;
        let bytes = files::read_bounded(path, MAX_EVENT).map_err(|error| finding(error.to_string()))?;
        let event = serde_json::from_slice(&bytes).map_err(|error| finding(error.to_string()))?;
        Self::parse(name, &event).map(Some).map_err(finding)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use serde_json::json;

    use super::*;
    use crate::{error::CommandError, runner_env::RunnerEnv, subject::Subject, world::World};

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
        let run = json!({
            "id": 41, "run_attempt": 2, "event": "push", "head_sha": head_sha, "head_branch": "main", "name": "deploy",
        });
        json!({ "action": "completed", "workflow_run": run, "repository": {} }).to_string()
    }

    #[test]
    fn only_the_needed_fields_of_an_event_are_read() {
        let run = CompletedRun { id: 41, attempt: 2, head_sha: SHA.parse().unwrap(), event: "push".to_owned() };
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
    fn only_events_about_a_pull_request_are_read_for_its_number() {
        let nowhere = Some(Path::new("/nonexistent/event"));
        assert_eq!(PullRequestEvent::read(Some("push"), nowhere), Ok(None));
        assert_eq!(PullRequestEvent::read(None, None), Ok(None));
        for path in [None, nowhere] {
            let finding = PullRequestEvent::read(Some("pull_request"), path).unwrap_err();
            assert!(finding.check.contains("pull_request") && !finding.actual.is_empty(), "{finding}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        fs::write(&path, json!({ "pull_request": { "number": 12 } }).to_string()).unwrap();
        let event = PullRequestEvent::read(Some("pull_request_target"), Some(&path)).unwrap().unwrap();
        assert_eq!(event.number.to_string(), "#12");
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
        // A review started that run: its commit is the one of a pull request, and was not deployed.
        fs::write(&path, workflow_run_payload(SHA).replace("push", "pull_request_review")).unwrap();
        assert_eq!(completed("workflow_run", Some(&other)).unwrap().commit, Some(other.parse().unwrap()));
        assert_eq!(completed("workflow_run", None).unwrap().commit, None);
    }
}
