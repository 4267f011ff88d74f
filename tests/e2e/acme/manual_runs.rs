//! Manual and scheduled runs of the infra repository's other workflows.

use promote_gates::sandbox::github;
use serde_json::{Value, json};

use super::{Acme, INFRA, RUNNER};
use crate::act::ActRun;
use crate::repo::Repo;

/// The person on call, who starts bypasses and approves nothing.
pub const ON_CALL: &str = "olga";

impl Acme {
    /// Runs a `workflow_dispatch` from a branch, whose job uses `production-emergency`; `approver` approves it.
    pub fn run_manually(&self, file: &str, job: &str, branch: &str, inputs: &Value, approver: Option<&str>) -> ActRun {
        let clone = Repo::clone_of(self.infra.path());
        clone.git(["switch", "--quiet", branch]);
        let id = self.register_run(file, job, "workflow_dispatch", &clone);
        if let Some(login) = approver {
            self.fake_github.approve(INFRA, id, "production-emergency", login, "");
        }
        let event = json!({
            "inputs": inputs,
            "ref": format!("refs/heads/{branch}"),
            "repository": { "full_name": INFRA, "default_branch": "main" },
            "sender": { "login": ON_CALL, "type": "User" },
        });
        let act = self.infra_run(&clone, id, file, "workflow_dispatch").actor(ON_CALL).payload(event);
        let run = act.run();
        self.register_results(INFRA, id, 1, &run);
        run
    }

    /// Runs a scheduled workflow.
    pub fn run_scheduled(&self, file: &str, job: &str) -> ActRun {
        let clone = Repo::clone_of(self.infra.path());
        let id = self.register_run(file, job, "schedule", &clone);
        let event = json!({ "repository": { "full_name": INFRA, "default_branch": "main" } });
        self.infra_run(&clone, id, file, "schedule").payload(event).run()
    }

    fn register_run(&self, file: &str, job: &str, event: &str, clone: &Repo) -> u64 {
        let run = github::FakeRun {
            id: self.next_run(),
            path: format!(".github/workflows/{file}"),
            event: event.to_owned(),
            head_sha: clone.git(["rev-parse", "HEAD"]),
            actor: ON_CALL.to_owned(),
            ..github::FakeRun::default()
        };
        let id = run.id;
        self.fake_github.set_run(INFRA, run.in_progress());
        self.fake_github.set_job(INFRA, id, 1, github::FakeJob::running(job, RUNNER));
        id
    }
}
