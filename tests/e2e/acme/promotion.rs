//! A run of `promote-to-production`: its records on the fake GitHub, its approvals, and its result.

use jiff::{SignedDuration, Timestamp};
use promote_gates::clock::{Clock as _, SystemClock};
use promote_gates::sandbox::github;
use serde_json::Value;

use super::{Acme, INFRA, RUNNER};
use crate::act::{Act, ActRun};
use crate::repo::Repo;

const WORKFLOW: &str = "promote-to-production.yml";
/// The job that uses the protected environment.
const JOB: &str = "promote";
/// The app that sends dispatches. It is the actor of the run, and is not a reviewer.
const DISPATCHER: &str = "acme-dispatcher[bot]";

/// A run that is about to start.
pub struct Promotion<'a> {
    acme: &'a Acme,
    pub id: u64,
    attempt: u32,
    /// When the protected job was approved and started.
    pub since: Timestamp,
    event: Value,
    clone: Repo,
}

impl Acme {
    /// The run that an event starts, without approval. The fake GitHub has it in the state of its second job.
    pub fn promotion(&self, event: Value) -> Promotion<'_> {
        let clone = Repo::clone_of(self.infra.path());
        let since = SystemClock::new().wall();
        let promotion = Promotion { acme: self, id: self.next_run(), attempt: 1, since, event, clone };
        promotion.begin();
        promotion
    }

    /// Registers an approved promotion that waits since then; it does not run.
    pub fn add_waiting_promotion(&self, approver: &str, since: Timestamp) {
        let job = github::FakeJob::running(JOB, "GitHub Actions 9").since(since);
        let id = self.next_run();
        self.begin_promotion(id, 1, &"0".repeat(40), job);
        self.fake_github.approve(INFRA, id, "production", approver, "");
    }

    fn begin_promotion(&self, id: u64, attempt: u32, head_sha: &str, job: github::FakeJob) {
        let run = github::FakeRun {
            id,
            attempt,
            path: format!(".github/workflows/{WORKFLOW}"),
            event: "repository_dispatch".to_owned(),
            head_sha: head_sha.to_owned(),
            actor: DISPATCHER.to_owned(),
            created_at: job.started_at,
            run_started_at: job.started_at,
            updated_at: job.started_at,
            ..github::FakeRun::default()
        };
        self.fake_github.set_run(INFRA, run.in_progress());
        self.fake_github.set_job(INFRA, id, attempt, github::FakeJob::ended("evidence", "success"));
        // GitHub requested the approval when `evidence` had ended, and the job started with it.
        let approved_at = job.started_at;
        let job = self.fake_github.set_job(INFRA, id, attempt, job);
        let deployment = github::FakeDeployment::waiting(id, job, approved_at - SignedDuration::from_secs(90));
        let deployment = deployment.then("QUEUED", approved_at).then("IN_PROGRESS", approved_at);
        self.fake_github.set_deployment(INFRA, "production", deployment);
    }
}

impl Promotion<'_> {
    fn begin(&self) {
        let head_sha = self.clone.git(["rev-parse", "HEAD"]);
        let job = github::FakeJob::running(JOB, RUNNER).since(self.since);
        self.acme.begin_promotion(self.id, self.attempt, &head_sha, job);
    }

    /// Re-runs all jobs: a new attempt with the same event, commit and approvals.
    pub fn rerun(mut self) -> Self {
        (self.attempt, self.since) = (self.attempt + 1, SystemClock::new().wall());
        self.begin();
        self
    }

    /// Approves the run for production.
    pub fn approved_by(self, login: &str) -> Self {
        self.acme.fake_github.approve(INFRA, self.id, "production", login, "looked at it");
        self
    }

    /// The run before it starts, so that a test can change it.
    pub fn act(&self) -> Act<'_> {
        let act = self.acme.infra_run(&self.clone, self.id, WORKFLOW, "repository_dispatch");
        act.actor(DISPATCHER).payload(self.event.clone()).env("GITHUB_RUN_ATTEMPT", &self.attempt.to_string())
    }

    /// Runs to the end, and registers the results.
    pub fn run(&self) -> ActRun {
        let run = self.act().run();
        self.acme.register_results(INFRA, self.id, self.attempt, &run);
        run
    }

    /// Changes the workflow: replaces a text that must occur exactly once.
    pub fn with_workflow_change(self, from: &str, to: &str) -> Self {
        let text = self.acme.shipped(WORKFLOW);
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {WORKFLOW}");
        self.clone.write(&format!(".github/workflows/{WORKFLOW}"), text.replace(from, to));
        self
    }
}
