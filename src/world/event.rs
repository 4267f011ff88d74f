//! The event that started the workflow: the file behind `GITHUB_EVENT_PATH`, as far as somebody here needs it.
//!
//! Source: GitHub's documentation, "Webhook events and payloads": `workflow_run`, `repository_dispatch`.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{World, files};
use crate::{
    error::CommandError,
    finding::Finding,
    runner_env::RunnerEnv,
    subject::{Commit, Subject},
    values::clip,
};

/// The largest event that GitHub delivers, in bytes: its documentation, "Webhook events and payloads".
const LARGEST: u64 = 25 << 20;
/// How much of what an event holds goes into a message, in characters.
const CLIP: usize = 300;

/// What started the workflow.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Another workflow's run has ended.
    WorkflowRun(EndedRun),
    RepositoryDispatch(Dispatched),
    /// Anything else, or nothing that is known.
    Other,
}

/// The run that a `workflow_run` event is about. The event's own `GITHUB_SHA` is the tip of the default branch; what was
/// built and deployed is here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EndedRun {
    pub id: u64,
    #[serde(rename = "run_attempt")]
    pub attempt: u32,
    pub head_sha: Commit,
    #[serde(default)]
    pub head_branch: Option<String>,
}

/// What somebody dispatched. Whoever may write to the repository can have written all of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Dispatched {
    /// The type of the event.
    pub action: String,
    #[serde(default)]
    pub client_payload: Value,
}

#[derive(Deserialize)]
struct AboutRun {
    workflow_run: EndedRun,
}

impl Event {
    /// Reads the event's file, if the event is one that somebody here needs.
    fn read(name: Option<&str>, path: Option<&Path>) -> Result<Self, Finding> {
        let (Some(name @ ("workflow_run" | "repository_dispatch")), Some(path)) = (name, path) else {
            return Ok(Self::Other);
        };
        let about = || Finding::inconclusive(format!("the `{name}` event at {}", path.display()));
        let bytes = files::read_bounded(path, LARGEST).map_err(|finding| about().actual(finding.to_string()))?;
        let event = match name {
            "workflow_run" => {
                serde_json::from_slice::<AboutRun>(&bytes).map(|event| Self::WorkflowRun(event.workflow_run))
            }
            _ => serde_json::from_slice(&bytes).map(Self::RepositoryDispatch),
        };
        event.map_err(|error| {
            about().actual(clip(&error.to_string(), CLIP)).expected("the event as GitHub tells it, of at most 25 MiB")
        })
    }
}

impl World {
    /// The event that started the workflow; its file is read once.
    ///
    /// # Errors
    /// Bad input when it cannot be read, or is not what its name says.
    pub fn event(&self, runner_env: &RunnerEnv) -> Result<&Event, CommandError> {
        let read = || Event::read(runner_env.event_name.as_deref(), runner_env.event_path.as_deref());
        self.event.get_or_init(read).as_ref().map_err(|finding| finding.clone().bad_input())
    }
}

/// The subject with the commit that a `workflow_run` event is about: what was deployed, and is judged now.
///
/// # Errors
/// Bad input when another commit was given, or the event cannot be read.
pub fn complete(subject: Subject, world: &World, runner_env: &RunnerEnv) -> Result<Subject, CommandError> {
    if runner_env.event_name.as_deref() != Some("workflow_run") {
        return Ok(subject);
    }
    let Event::WorkflowRun(run) = world.event(runner_env)? else { return Ok(subject) };
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

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn runner_env(name: &str, event_path: Option<PathBuf>) -> RunnerEnv {
        RunnerEnv { event_name: Some(name.to_owned()), event_path, ..RunnerEnv::default() }
    }

    /// What a world says of an event's text.
    fn read(name: &str, text: &str) -> Result<Event, CommandError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        fs::write(&path, text).unwrap();
        World::default().event(&runner_env(name, Some(path))).cloned()
    }

    fn about_run(head_sha: &str) -> String {
        let run = json!({ "id": 41, "run_attempt": 2, "head_sha": head_sha, "head_branch": "main", "name": "deploy" });
        json!({ "action": "completed", "workflow_run": run, "repository": {} }).to_string()
    }

    #[test]
    fn an_event_is_read_as_far_as_it_is_needed() {
        let head_branch = Some("main".to_owned());
        let run = EndedRun { id: 41, attempt: 2, head_sha: SHA.parse().unwrap(), head_branch };
        assert_eq!(read("workflow_run", &about_run(SHA)), Ok(Event::WorkflowRun(run)));
        let dispatched = read("repository_dispatch", r#"{"action":"x","client_payload":{"a":[1]},"sender":{}}"#);
        let expected = Dispatched { action: "x".to_owned(), client_payload: json!({ "a": [1] }) };
        assert_eq!(dispatched, Ok(Event::RepositoryDispatch(expected)));
        assert_eq!(read("push", "no JSON at all"), Ok(Event::Other));
        assert_eq!(World::default().event(&runner_env("workflow_run", None)), Ok(&Event::Other));
    }

    #[test]
    fn what_is_no_event_is_bad_input_and_clipped() {
        let deep = format!(r#"{{"action":"x","client_payload":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
        let long = format!(r#"{{"workflow_run":{{"id":"{}"}}}}"#, "x".repeat(60_000));
        for (name, text, seen) in [
            ("repository_dispatch", deep.as_str(), "recursion limit"),
            ("repository_dispatch", "{}", "action"),
            ("workflow_run", &long, "invalid type"),
            ("workflow_run", &about_run("HEAD"), "git commit id"),
            ("workflow_run", "", "EOF"),
        ] {
            let Err(CommandError::BadInput(finding)) = read(name, text) else { panic!("{seen}: must be refused") };
            let said = finding.to_string();
            assert!(said.contains(name) && said.contains(seen) && said.len() < 600, "{seen} in {said}");
        }
        let gone = World::default().event(&runner_env("workflow_run", Some("/nonexistent/event".into()))).cloned();
        assert!(matches!(gone, Err(CommandError::BadInput(_))), "{gone:?}");
    }

    #[test]
    fn the_commit_is_the_one_that_was_deployed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        fs::write(&path, about_run(SHA)).unwrap();
        let completed = |name: &str, commit: Option<&str>| {
            let subject = Subject { commit: commit.map(|commit| commit.parse().unwrap()), ..Subject::default() };
            complete(subject, &World::default(), &runner_env(name, Some(path.clone())))
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
