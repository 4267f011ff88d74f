//! A run of `promote-to-production`: what GitHub knows of it, who approved it, and what became of it.

use jiff::Timestamp;
use promote_gates::clock::{Clock as _, SystemClock};
use promote_gates::sandbox::github;
use serde_json::Value;

use super::{Acme, INFRA, RUNNER};
use crate::act::{Act, Run};
use crate::repo::Repo;

const WORKFLOW: &str = "promote-to-production.yml";
/// Its job behind the environment.
const JOB: &str = "promote";
/// The App that dispatches: GitHub calls it the actor, and it is nobody who approves.
const DISPATCHER: &str = "acme-dispatcher[bot]";

/// A run that is about to start.
pub struct Promotion<'a> {
    acme: &'a Acme,
    pub id: u64,
    attempt: u32,
    /// When its protected job started.
    pub since: Timestamp,
    event: Value,
    clone: Repo,
}

impl Acme {
    /// The run that an event starts. It is known to GitHub as it will be in its second job; nobody has approved it.
    pub fn promotion(&self, event: Value) -> Promotion<'_> {
        let clone = Repo::clone_of(self.infra.path());
        let since = SystemClock::new().wall();
        let promotion = Promotion { acme: self, id: self.next_run(), attempt: 1, since, event, clone };
        promotion.begin();
        promotion
    }

    /// A promotion that somebody approved then, and that waits since; no runner plays it.
    pub fn waiting_promotion(&self, approver: &str, since: Timestamp) {
        let job = github::Job::running(JOB, "GitHub Actions 9").since(since);
        let id = self.next_run();
        self.begin_promotion(id, 1, &"0".repeat(40), job);
        self.fake_github.approve(INFRA, id, "production", approver, "");
    }

    fn begin_promotion(&self, id: u64, attempt: u32, head_sha: &str, job: github::Job) {
        let run = github::Run {
            id,
            attempt,
            path: format!(".github/workflows/{WORKFLOW}"),
            event: "repository_dispatch".to_owned(),
            head_sha: head_sha.to_owned(),
            actor: DISPATCHER.to_owned(),
            created_at: job.started_at,
            run_started_at: job.started_at,
            updated_at: job.started_at,
            ..github::Run::default()
        };
        self.fake_github.set_run(INFRA, run.in_progress());
        self.fake_github.set_job(INFRA, id, attempt, github::Job::ended("evidence", "success"));
        self.fake_github.set_job(INFRA, id, attempt, job);
    }
}

impl Promotion<'_> {
    fn begin(&self) {
        let head_sha = self.clone.git(["rev-parse", "HEAD"]);
        let job = github::Job::running(JOB, RUNNER).since(self.since);
        self.acme.begin_promotion(self.id, self.attempt, &head_sha, job);
    }

    /// Somebody starts all its jobs again: the same event and commit, and the approvals that there were.
    pub fn again(mut self) -> Self {
        (self.attempt, self.since) = (self.attempt + 1, SystemClock::new().wall());
        self.begin();
        self
    }

    /// Somebody presses the button.
    pub fn approved_by(self, login: &str) -> Self {
        self.acme.fake_github.approve(INFRA, self.id, "production", login, "looked at it");
        self
    }

    /// The run, for a test that changes something about it.
    pub fn act(&self) -> Act<'_> {
        let act = self.acme.infra_run(&self.clone, self.id, WORKFLOW, "repository_dispatch");
        act.actor(DISPATCHER).payload(self.event.clone()).env("GITHUB_RUN_ATTEMPT", &self.attempt.to_string())
    }

    /// Runs to the end.
    pub fn run(&self) -> Run {
        let run = self.act().run();
        self.acme.ended(INFRA, self.id, self.attempt, &run);
        run
    }

    /// Another workflow than the shipped one: this text in the place of that one, which must stand there once.
    pub fn changed(self, from: &str, to: &str) -> Self {
        let text = self.acme.shipped(WORKFLOW);
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {WORKFLOW}");
        self.clone.write(&format!(".github/workflows/{WORKFLOW}"), text.replace(from, to));
        self
    }
}
