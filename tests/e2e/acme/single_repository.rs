//! A service and its manifests in one repository: deployed to staging, validated there, and promoted by pull request, or with the
//! approval of an environment. No run has another token than its own, except where an App sets the status ([`by_app`]).

mod apart;
mod by_app;
mod by_init;
pub mod deploy_branch;
mod pull_requests;

use promote_gates::sandbox::github::{self, FakeCommit};
use promote_gates::sandbox::infra::{FIRST_TAG, Infra};
use promote_gates::sandbox::issuer::job_claims;
use serde_json::json;

use super::team::{AUTHOR, PATHS, ValidatedRelease, deployed};
use super::{Acme, INFRA, RUNNER};
use crate::act::{Act, ActRun};
use crate::repo::Repo;

pub const SERVICE: &str = "checkout-service";
const WORKFLOWS: [&str; 4] = ["validate-staging.yml", "promotion-open.yml", "promotion-review.yml", "audit.yml"];
/// The workflow that judges and merges.
const STATUS: &str = "promotion-status.yml";
/// The account of the runs' own tokens.
const ACTIONS: &str = "github-actions[bot]";

/// The repository, which is that of the manifests.
pub struct SingleRepository<'a> {
    acme: &'a Acme,
    /// The workflow that judges and merges.
    status_workflow: &'static str,
}

/// A run of one of its workflows.
struct RegisteredRun {
    id: u64,
    clone: Repo,
    facts: github::FakeRun,
    /// The number of its job.
    job: u64,
}

impl Acme {
    /// A company whose only service has its manifests beside it.
    pub fn single_repository() -> Self {
        Self::with_services(&[SERVICE], &["ecommerce-infra"], |_| {
            format!("repository: {INFRA}\n    workflow: .github/workflows/validate-staging.yml\n    paths: [src]")
        })
    }

    /// Merges a change of some files into the single repository, by [`AUTHOR`]. Returns its commit and the run that deploys it.
    pub fn merge(&self, change: &str, files: &[String]) -> (String, u64) {
        let tag = self.change_infra(change, |repo| {
            for file in files {
                repo.write(file, format!("// {change}\n"));
            }
        });
        let author = || Some(AUTHOR.to_owned());
        self.fake_github.push(
            INFRA,
            FakeCommit {
                sha: tag.clone(),
                message: change.to_owned(),
                author_name: AUTHOR.to_owned(),
                author: author(),
                committer: author(),
                files: files.to_vec(),
                ..FakeCommit::default()
            },
        );
        let deploy = self.next_run();
        let run = github::FakeRun {
            id: deploy,
            path: ".github/workflows/deploy-staging.yml".to_owned(),
            head_sha: tag.clone(),
            actor: AUTHOR.to_owned(),
            ..github::FakeRun::default()
        };
        self.fake_github.set_run(INFRA, run);
        (tag, deploy)
    }
}

impl<'a> SingleRepository<'a> {
    /// Promotes by pull request, with the shipped workflows. The service has its first tag deployed everywhere.
    pub fn new(acme: &'a Acme) -> Self {
        Self::merging_by(acme, "squash")
    }

    /// As [`Self::new`], with another way to merge.
    pub fn merging_by(acme: &'a Acme, method: &str) -> Self {
        Self::by_pull_request(acme, STATUS, method)
    }

    fn by_pull_request(acme: &'a Acme, status_workflow: &'static str, method: &str) -> Self {
        Self::set_up(acme, status_workflow, |repo| {
            for file in WORKFLOWS.into_iter().chain([status_workflow]) {
                let text = acme.shipped(&format!("single-repository/{file}"));
                let text = text.replace("merge: squash", &format!("merge: {method}"));
                repo.write(&format!(".github/workflows/{file}"), text);
            }
        })
    }

    /// Promotes with the approval of an environment, with the workflows that `init` writes.
    pub fn with_environment(acme: &'a Acme) -> Self {
        Self::set_up(acme, STATUS, |repo| by_init::write(acme, repo))
    }

    fn set_up(acme: &'a Acme, status_workflow: &'static str, write_workflows: impl FnOnce(&Repo)) -> Self {
        let first = acme.change_infra("one repository", |repo| {
            write_workflows(repo);
            repo.write("tests/smoke/paths.xml", PATHS);
            repo.write("src/app.js", "console.log('shop');\n");
        });
        acme.fake_github.commit(INFRA, &first, "platform", "one repository");
        acme.fake_github.tag(INFRA, FIRST_TAG, &first);
        acme.fake_github.serve_git(INFRA, Infra::at(acme.infra.path().parent().expect("a folder")));
        acme.staging_cluster.deploy(SERVICE, FIRST_TAG);
        acme.deploy_to_production(SERVICE, FIRST_TAG);
        Self { acme, status_workflow }
    }

    /// Merges a change, deploys it to staging, and validates it there.
    pub fn release(&self, change: &str) -> ValidatedRelease {
        let acme = self.acme;
        let (tag, deploy) = acme.merge(change, &["src/news.js".to_owned()]);
        acme.staging.deploy(SERVICE, &tag);
        acme.staging_cluster.deploy(SERVICE, &tag);
        self.validate(tag, deploy)
    }

    fn validate(&self, tag: String, deploy: u64) -> ValidatedRelease {
        let acme = self.acme;
        let run = self.register("validate-staging.yml", "workflow_run", "record", AUTHOR);
        let request_token = format!("request-token-of-run-{}", run.id);
        acme.issuer.add_job(&request_token, job_claims(INFRA, &run.facts, run.job));
        let before = acme.fake_github.dispatches(INFRA).len();
        let act = self
            .act(&run)
            .secret("STAGING_KUBECONFIG", &acme.staging_cluster.kubeconfig())
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", &acme.issuer.request_url())
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &request_token)
            .payload(deployed(INFRA, deploy, &tag));
        let ended = self.finish(&run, act);
        let dispatches = acme.fake_github.dispatches(INFRA).split_off(before);
        ValidatedRelease { tag, deploy, id: run.id, run: ended, dispatches }
    }

    /// Runs what a dispatch starts.
    pub fn open(&self, validated: &ValidatedRelease) -> ActRun {
        let run = self.register("promotion-open.yml", "repository_dispatch", "open", ACTIONS);
        let act = self.act(&run).actor(ACTIONS).payload(validated.event());
        self.finish(&run, act)
    }

    /// Runs the doorbell, as a review starts it.
    pub fn ring(&self, number: u64, login: &str) -> ActRun {
        let run = self.register("promotion-review.yml", "pull_request_review", "ring", login);
        let act = self.act(&run).actor(login).payload(json!({
            "action": "submitted",
            "pull_request": { "number": number },
            "repository": { "full_name": INFRA, "default_branch": "main" },
        }));
        self.finish(&run, act)
    }

    /// Runs what judges and merges: after the doorbell (`workflow_run`), which rang for the newest pull request, or without it
    /// (`schedule`).
    pub fn judge(&self, event: &'static str) -> ActRun {
        let run = self.register(self.status_workflow, event, "merge", ACTIONS);
        let newest = self.acme.fake_github.pull_requests(INFRA).iter().map(|one| one.number).max().unwrap_or_default();
        let act = self.act(&run).actor(ACTIONS).payload(json!({
            "action": "completed",
            "workflow_run": {
                "id": self.acme.next_run(),
                "run_attempt": 1,
                "name": "promotion-review",
                "path": ".github/workflows/promotion-review.yml",
                "event": "pull_request_review",
                "status": "completed",
                "conclusion": "success",
                "head_branch": self.branch(newest),
                "head_sha": self.head(newest),
            },
            "repository": { "full_name": INFRA, "default_branch": "main" },
        }));
        let act = act.secret("PRODUCTION_KUBECONFIG", &self.acme.production_cluster.kubeconfig());
        self.finish(&run, act)
    }

    /// Runs the audit.
    pub fn audit(&self) -> ActRun {
        let run = self.register("audit.yml", "schedule", "audit", ACTIONS);
        let act = self.act(&run).payload(json!({ "repository": { "full_name": INFRA, "default_branch": "main" } }));
        self.finish(&run, act)
    }

    fn register(&self, file: &str, event: &str, job: &str, actor: &str) -> RegisteredRun {
        self.register_on("main", file, event, job, actor, |_| {})
    }

    /// Registers a run of a branch, to which `prepare` brings a fresh clone.
    fn register_on(
        &self,
        branch: &str,
        file: &str,
        event: &str,
        job: &str,
        actor: &str,
        prepare: impl FnOnce(&Repo),
    ) -> RegisteredRun {
        let clone = Repo::clone_of(self.acme.infra.path());
        prepare(&clone);
        let facts = github::FakeRun {
            id: self.acme.next_run(),
            path: format!(".github/workflows/{file}"),
            event: event.to_owned(),
            head_branch: Some(branch.to_owned()),
            head_sha: clone.git(["rev-parse", "HEAD"]),
            actor: actor.to_owned(),
            ..github::FakeRun::default()
        };
        let facts = facts.in_progress();
        self.acme.fake_github.set_run(INFRA, facts.clone());
        let job = self.acme.fake_github.set_job(INFRA, facts.id, 1, github::FakeJob::running(job, RUNNER));
        RegisteredRun { id: facts.id, clone, facts, job }
    }

    fn act<'b>(&self, run: &'b RegisteredRun) -> Act<'b> {
        let file = run.facts.path.rsplit('/').next().expect("a file");
        self.acme.prepare_run(&run.clone, INFRA, run.id, file, &run.facts.event)
    }

    /// Runs to the end, and registers the results.
    fn finish(&self, run: &RegisteredRun, act: Act<'_>) -> ActRun {
        let ended = act.run();
        self.acme.register_results(INFRA, run.id, 1, &ended);
        let conclusion = if ended.succeeded { "success" } else { "failure" };
        let facts = github::FakeRun { updated_at: github::now(), ..run.facts.clone() };
        self.acme.fake_github.set_run(INFRA, facts.ended(conclusion));
        ended
    }
}
