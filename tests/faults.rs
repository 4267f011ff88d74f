//! Faulty servers, for every command that talks to GitHub or git: a read survives one failure, a write is reported as it really
//! ended, a killed promotion is finished by the next run, and `timeout` bounds the whole command.
//!
//! Each command has a story: a step that succeeds, behind a relay that can let any of its requests fail.

mod api;
mod kills;
mod reads;
mod requests;
mod statuses;
mod time_limits;
mod writes;

use std::{
    collections::BTreeMap,
    io::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    house::{Ended, Runner},
    relay::{Relay, RelayedRequest},
};

/// A step of a command that succeeds, and what it leaves on the servers.
pub struct Story {
    pub relay: Relay,
    pub runner: Runner,
    pub command: &'static str,
    /// Seconds, of the step.
    timeout: Option<u32>,
    written: Box<dyn Fn() -> Vec<String> + Send>,
}

/// How a step ended, without what differs from run to run.
#[derive(Debug, PartialEq, Eq)]
pub struct StoryEnd {
    pub code: i32,
    /// Verdict by check; of one that decides nothing also what was seen.
    pub findings: BTreeMap<String, String>,
    /// The states of the effects in the report.
    pub effects: Vec<String>,
    /// What is on the servers.
    pub written: Vec<String>,
}

impl Story {
    /// `written` reads what the step left on the servers.
    pub fn new(
        relay: Relay,
        runner: Runner,
        command: &'static str,
        written: impl Fn() -> Vec<String> + Send + 'static,
    ) -> Self {
        relay.forget();
        Self { relay, runner, command, timeout: None, written: Box::new(written) }
    }

    /// An input of the step.
    pub fn input(self, key: &str, value: &str) -> Self {
        Self { runner: self.runner.input(key, value), ..self }
    }

    /// Limits the time of the step.
    pub fn within(self, seconds: u32) -> Self {
        Self { timeout: Some(seconds), ..self.input("timeout", &format!("{seconds}s")) }
    }

    /// The same with ten times as much time, if its time is limited.
    pub fn with_more_time(self) -> Option<Self> {
        let seconds = self.timeout?;
        Some(self.within(10 * seconds))
    }

    pub fn run(&self) -> Ended {
        self.runner.run(&[self.command])
    }

    pub fn written(&self) -> Vec<String> {
        (self.written)()
    }

    pub fn end(&self, ended: &Ended) -> StoryEnd {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let list = |key: &str| ended.report[key].as_array().cloned().unwrap_or_default();
        StoryEnd {
            code: ended.code,
            findings: list("findings")
                .iter()
                .map(|finding| {
                    let check = text(&finding["check"]);
                    let seen = if check.contains("workflow run") { text(&finding["actual"]) } else { String::new() };
                    let verdict = format!("{} {seen}", text(&finding["verdict"]));
                    (check, verdict)
                })
                .collect(),
            effects: list("effects").iter().map(|effect| text(&effect["state"])).collect(),
            written: self.written(),
        }
    }
}

/// A story by the name of its command, and of its variant.
type NewStory = (&'static str, fn() -> Story);

const STORIES: &[NewStory] = &[
    ("evidence", crate::evidence::story::story),
    ("approval", crate::approval::story::story),
    ("approval of a pull request", crate::approval::story::pull_request_story),
    ("status", crate::approval::story::status_story),
    ("wait", crate::wait::story::story),
    ("promote", crate::promote::story::story),
    ("promote by pull request", crate::promote::proposals::story),
    ("promote, the merge", crate::promote::merged::story),
    ("emergency", crate::emergency::story::story),
    ("rollback", crate::rollback::story::story),
    ("environments plan", || crate::environments::story::story("plan")),
    ("environments apply", || crate::environments::story::story("apply")),
    ("audit", crate::audit::story::story),
    ("record", crate::record::story::story),
];

fn story_of(name: &str) -> Story {
    let found = STORIES.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no story of {name}")).1()
}

/// The good run: how it ended, and its requests.
fn good_run(story: &Story) -> (StoryEnd, Vec<RelayedRequest>) {
    let ended = story.run();
    assert_eq!(ended.code, 0, "{}", ended.log);
    (story.end(&ended), story.relay.requests())
}

/// How many steps run at once: they wait for git and for pauses.
const AT_ONCE: usize = 6;

/// Runs all cases, a few at once. Fails with what they return.
fn run_all<T: Sync>(cases: &[T], run: impl Fn(&T) -> Result<(), String> + Sync) {
    run_at_once(AT_ONCE, cases, run);
}

/// The same, with so many at once.
fn run_at_once<T: Sync>(at_once: usize, cases: &[T], run: impl Fn(&T) -> Result<(), String> + Sync) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..at_once.min(cases.len()) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(failure) = run(case) {
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// Prints a figure, also when the test passes.
fn print(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
