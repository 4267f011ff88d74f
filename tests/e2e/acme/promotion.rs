//! A run of `promote-to-production`: what GitHub knows of it, who approved it, and what became of it.

use jiff::Timestamp;
use promote_gates::sandbox::github;
use promote_gates::world::clock::{Clock as _, SystemClock};
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
        let id =
            self.begin_promotion(&clone.git(["rev-parse", "HEAD"]), github::Job::running(JOB, RUNNER).since(since));
        Promotion { acme: self, id, since, event, clone }
    }

    /// A promotion that somebody approved then, and that waits since; no runner plays it.
    pub fn waiting_promotion(&self, approver: &str, since: Timestamp) -> u64 {
        let job = github::Job::running(JOB, "GitHub Actions 9").since(since);
        let id = self.begin_promotion(&"0".repeat(40), job);
        self.hub.approve(INFRA, id, "production", approver, "");
        id
    }

    fn begin_promotion(&self, head_sha: &str, job: github::Job) -> u64 {
        let run = github::Run {
            id: self.next_run(),
            path: format!(".github/workflows/{WORKFLOW}"),
            event: "repository_dispatch".to_owned(),
            head_sha: head_sha.to_owned(),
            actor: DISPATCHER.to_owned(),
            created_at: job.started_at,
            run_started_at: job.started_at,
            updated_at: job.started_at,
            ..github::Run::default()
        };
        let id = run.id;
        self.hub.set_run(INFRA, run.in_progress());
        self.hub.set_job(INFRA, id, 1, github::Job::ended("evidence", "success"));
        self.hub.set_job(INFRA, id, 1, job);
        id
    }
}

impl Promotion<'_> {
    /// Somebody presses the button.
    pub fn approved_by(self, login: &str) -> Self {
        self.acme.hub.approve(INFRA, self.id, "production", login, "looked at it");
        self
    }

    /// The run, for a test that changes something about it.
    pub fn act(&self) -> Act<'_> {
        let act = self.acme.infra_run(&self.clone, self.id, WORKFLOW, "repository_dispatch");
        act.actor(DISPATCHER).payload(self.event.clone())
    }

    /// Runs to the end.
    pub fn run(&self) -> Run {
        let run = self.act().run();
        self.acme.ended(INFRA, self.id, &run);
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
