//! Workflow runs, their jobs, and the annotations and reviews of both.

use jiff::Timestamp;

use crate::sandbox::github::format::now;

/// One attempt of a workflow run. The default is a successful push to `main`, completed now.
#[derive(Clone, Debug)]
pub struct FakeRun {
    pub id: u64,
    pub attempt: u32,
    /// `.github/workflows/….yml`. `FakeGitHub::workflow_id` returns the id of that workflow.
    pub path: String,
    pub event: String,
    /// `queued`, `in_progress`, `waiting`, `completed`, …
    pub status: String,
    pub conclusion: Option<String>,
    pub head_branch: Option<String>,
    pub head_sha: String,
    /// The login that started the first attempt.
    pub actor: String,
    /// The login that started this attempt; empty if it is the actor.
    pub triggering_actor: String,
    /// Empty for the repository itself.
    pub head_repository: String,
    pub created_at: Timestamp,
    pub run_started_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A job of an attempt. The default has just succeeded.
#[derive(Clone, Debug)]
pub struct FakeJob {
    /// Also the id of its check run. 0 derives the id from run, attempt and name.
    pub id: u64,
    pub name: String,
    /// `queued`, `waiting`, `in_progress`, `completed`, …
    pub status: String,
    pub conclusion: Option<String>,
    /// When a runner began its first step.
    pub started_at: Timestamp,
    /// The start time that the API reports if it differs: the time at which the job was queued.
    pub queued_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// `None` until a runner has taken the job.
    pub runner_name: Option<String>,
}

/// An annotation of a job's check run.
pub struct FakeAnnotation {
    pub job: u64,
    /// `notice`, `warning`, `failure`.
    pub level: &'static str,
    pub title: Option<String>,
    pub message: String,
}

/// The approval or rejection of a run that waits for an environment.
pub struct FakeReview {
    pub run: u64,
    pub environment: String,
    pub login: String,
    /// `approved`, `rejected`.
    pub state: &'static str,
    pub comment: String,
}

impl Default for FakeRun {
    fn default() -> Self {
        let now = now();
        Self {
            id: 1,
            attempt: 1,
            path: ".github/workflows/ci.yml".to_owned(),
            event: "push".to_owned(),
            status: "completed".to_owned(),
            conclusion: Some("success".to_owned()),
            head_branch: Some("main".to_owned()),
            head_sha: "1".repeat(40),
            actor: "octocat".to_owned(),
            triggering_actor: String::new(),
            head_repository: String::new(),
            created_at: now,
            run_started_at: now,
            updated_at: now,
        }
    }
}

impl FakeRun {
    /// The run while its jobs are running.
    #[must_use]
    pub fn in_progress(self) -> Self {
        Self { status: "in_progress".to_owned(), conclusion: None, ..self }
    }

    /// The run after it ended with `success`, `failure`, `cancelled`, …
    #[must_use]
    pub fn ended(self, conclusion: &str) -> Self {
        Self { status: "completed".to_owned(), conclusion: Some(conclusion.to_owned()), ..self }
    }
}

impl Default for FakeJob {
    fn default() -> Self {
        let now = now();
        Self {
            id: 0,
            name: "job".to_owned(),
            status: "completed".to_owned(),
            conclusion: Some("success".to_owned()),
            started_at: now,
            queued_at: None,
            completed_at: Some(now),
            runner_name: Some("GitHub Actions 1".to_owned()),
        }
    }
}

impl FakeJob {
    /// A job that ended with `success`, `failure`, `cancelled` or `skipped`.
    #[must_use]
    pub fn ended(name: &str, conclusion: &str) -> Self {
        Self { name: name.to_owned(), conclusion: Some(conclusion.to_owned()), ..Self::default() }
    }

    /// A job in progress on the named runner.
    #[must_use]
    pub fn running(name: &str, runner_name: &str) -> Self {
        Self {
            name: name.to_owned(),
            status: "in_progress".to_owned(),
            conclusion: None,
            completed_at: None,
            runner_name: Some(runner_name.to_owned()),
            ..Self::default()
        }
    }

    /// A job that waits for an approval or a timer.
    #[must_use]
    pub fn waiting(name: &str) -> Self {
        Self { status: "waiting".to_owned(), runner_name: None, ..Self::running(name, "") }
    }

    /// The same job with another start time.
    #[must_use]
    pub fn since(self, started_at: Timestamp) -> Self {
        Self { started_at, ..self }
    }
}
