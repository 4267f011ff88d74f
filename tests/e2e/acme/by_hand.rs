//! Runs that somebody starts by hand, or the clock: of the infra repository's other workflows.

use promote_gates::sandbox::github;
use serde_json::{Value, json};

use super::{Acme, INFRA, RUNNER};
use crate::act::Run;
use crate::repo::Repo;

/// Whoever is on call, starts what goes around the gates, and approves nothing.
pub const ON_CALL: &str = "olga";

impl Acme {
    /// A `workflow_dispatch` from a branch, in which one job stands in `production-emergency`; approved by `approver`.
    pub fn by_hand(&self, file: &str, job: &str, branch: &str, inputs: &Value, approver: Option<&str>) -> Run {
        let clone = Repo::clone_of(self.infra.path());
        clone.git(["switch", "--quiet", branch]);
        let id = self.started(file, job, "workflow_dispatch", &clone);
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
        self.ended(INFRA, id, 1, &run);
        run
    }

    /// What the schedule starts.
    pub fn by_schedule(&self, file: &str, job: &str) -> Run {
        let clone = Repo::clone_of(self.infra.path());
        let id = self.started(file, job, "schedule", &clone);
        let event = json!({ "repository": { "full_name": INFRA, "default_branch": "main" } });
        self.infra_run(&clone, id, file, "schedule").payload(event).run()
    }

    fn started(&self, file: &str, job: &str, event: &str, clone: &Repo) -> u64 {
        let run = github::Run {
            id: self.next_run(),
            path: format!(".github/workflows/{file}"),
            event: event.to_owned(),
            head_sha: clone.git(["rev-parse", "HEAD"]),
            actor: ON_CALL.to_owned(),
            ..github::Run::default()
        };
        let id = run.id;
        self.fake_github.set_run(INFRA, run.in_progress());
        self.fake_github.set_job(INFRA, id, 1, github::Job::running(job, RUNNER));
        id
    }
}
