//! The repository with the rule of main: an App sets the status, or a job; what a person who can push tries against it, and who may
//! bypass it.

use std::num::NonZeroU64;

use promote_gates::ruleset::{APPROVAL_STATUS, default_branch_ruleset};
use serde_json::json;

use super::super::apps::{JUDGE_NUMBER, JUDGE_SECRET};
use super::{ACTIONS, Acme, INFRA, STATUS, SingleRepository};
use crate::act::ActRun;
use crate::repo::Repo;

/// The environments that have the App's key.
const ENVIRONMENTS: [&str; 2] = ["promotion-status", "production-readonly"];

/// A workflow that is not shipped, or not in this place.
const OTHER: &str = "other.yml";
const OTHER_PATH: &str = ".github/workflows/other.yml";

impl<'a> SingleRepository<'a> {
    /// An App sets the status, with its own workflow. Main requires it from this App, and only main may use the App's key.
    pub fn by_an_app(acme: &'a Acme) -> Self {
        for environment in ENVIRONMENTS {
            let policy = json!({ "protected_branches": false, "custom_branch_policies": true });
            acme.fake_github.protect(INFRA, environment, &json!({ "deployment_branch_policy": policy }));
            acme.fake_github.add_branch_policy(INFRA, environment, "main", "branch");
            acme.fake_github.add_secret(INFRA, Some(environment), JUDGE_SECRET);
        }
        let shop = Self::by_pull_request(acme, "promotion-status-by-app.yml", "squash");
        shop.require_status(Some(JUDGE_NUMBER));
        shop
    }

    /// Adds the rule of main: it requires the status, from an App or from any account.
    pub fn require_status(&self, app: Option<u64>) {
        let ruleset = default_branch_ruleset(&[APPROVAL_STATUS], app.and_then(NonZeroU64::new));
        self.acme.fake_github.add_ruleset(INFRA, &ruleset);
    }

    /// Adds the workflows that bypass the gates: they push with the token of an App that may bypass the rule.
    pub fn with_bypasses(self) -> Self {
        let tip = self.acme.change_infra("emergencies", |infra| {
            for file in ["emergency-promote.yml", "rollback.yml"] {
                infra.write(
                    &format!(".github/workflows/{file}"),
                    self.acme.shipped(&format!("single-repository/{file}")),
                );
            }
        });
        self.acme.fake_github.commit(INFRA, &tip, "platform", "emergencies");
        self
    }

    /// Promotes an image in an incident; nobody has to approve it.
    pub fn emergency(&self, tag: &str, incident: &str) -> ActRun {
        let inputs = json!({ "image-tag": tag, "incident-id": incident, "reason": "Cards are declined." });
        self.acme.run_manually("emergency-promote.yml", "emergency", "main", &inputs, None)
    }

    /// Rolls the last promotion back.
    pub fn roll_back(&self, incident: &str) -> ActRun {
        let inputs = json!({ "incident-id": incident, "reason": "Carts are empty.", "commit": "" });
        self.acme.run_manually("rollback.yml", "rollback", "main", &inputs, None)
    }

    /// Runs a workflow of a branch, as a person who can push may do.
    pub fn run_on_branch(&self, branch: &str, workflow: &str) -> ActRun {
        self.run_other(branch, "mallory", |clone| {
            clone.git(["switch", "--quiet", "--create", branch]);
            clone.write(OTHER_PATH, workflow);
            clone.commit("a workflow of my own");
            clone.git(["push", "--quiet", "origin", branch]);
        })
    }

    /// Runs a workflow on main that is there in place of another one.
    pub fn run_on_main(&self, workflow: &str) -> ActRun {
        self.run_other("main", ACTIONS, |clone| {
            clone.write(OTHER_PATH, workflow);
        })
    }

    fn run_other(&self, branch: &str, actor: &str, prepare: impl FnOnce(&Repo)) -> ActRun {
        let run = self.register_on(branch, OTHER, "workflow_dispatch", "merge", actor, prepare);
        let act = self.act(&run).actor(actor).payload(json!({
            "ref": format!("refs/heads/{branch}"),
            "repository": { "full_name": INFRA, "default_branch": "main" },
        }));
        let act = act.secret("PRODUCTION_KUBECONFIG", &self.acme.production_cluster.kubeconfig());
        self.finish(&run, act)
    }

    /// The shipped workflow that judges with the token of the job, or the one that does it with the App's.
    pub fn status_workflow(&self, by_app: bool) -> String {
        let file = if by_app { self.status_workflow } else { STATUS };
        self.acme.shipped(&format!("single-repository/{file}"))
    }
}
