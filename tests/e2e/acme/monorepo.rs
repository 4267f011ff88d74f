//! A repository of three services, its deployments to staging, and their validation in one run.

use std::fs;

use promote_gates::sandbox::github::{self, FakeCommit};
use promote_gates::sandbox::{infra::FIRST_TAG, issuer::job_claims};
use serde_json::json;

use super::team::{AUTHOR, PATHS, ValidatedRelease, deployed};
use super::{Acme, INFRA, RUNNER};
use crate::repo::Repo;

pub const REPOSITORY: &str = "acme/monorepo";
pub const SERVICES: [&str; 3] = ["cart", "checkout", "search"];
const WORKFLOW: &str = "validate-monorepo.yml";

/// The repository and its teams.
pub struct Monorepo<'a> {
    acme: &'a Acme,
    pub repo: Repo,
}

impl Acme {
    /// A company with one repository of three services.
    pub fn monorepo() -> Self {
        Self::with_services(&SERVICES, &["monorepo"], |service| {
            format!(
                "repository: {REPOSITORY}\n    workflow: .github/workflows/{WORKFLOW}\n    paths: [services/{service}]"
            )
        })
    }
}

impl<'a> Monorepo<'a> {
    /// All services have their first tag deployed everywhere.
    pub fn new(acme: &'a Acme) -> Self {
        let shop = Self { acme, repo: Repo::new() };
        acme.serve(REPOSITORY, shop.repo.path());
        acme.fake_github.create(REPOSITORY);
        shop.repo.write(&format!(".github/workflows/{WORKFLOW}"), acme.shipped(WORKFLOW));
        shop.repo.write("tests/smoke/paths.xml", PATHS);
        let first = shop.commit("a shop", &SERVICES);
        acme.fake_github.tag(REPOSITORY, FIRST_TAG, &first);
        for service in SERVICES {
            acme.staging_cluster.deploy(service, FIRST_TAG);
            acme.deploy_to_production(service, FIRST_TAG);
        }
        shop
    }

    /// Makes the smoke tests of a service fail.
    pub fn break_service(&self, service: &str) {
        fs::write(self.acme.at("bin").join(format!("broken-{service}")), "").expect("write a file");
    }

    /// Commits a change of these services.
    fn commit(&self, message: &str, services: &[&str]) -> String {
        let files: Vec<String> = services.iter().map(|service| format!("services/{service}/news.js")).collect();
        for file in &files {
            self.repo.write(file, format!("// {message}\n"));
        }
        let sha = self.repo.commit(message);
        self.acme.fake_github.push(
            REPOSITORY,
            FakeCommit {
                sha: sha.clone(),
                message: message.to_owned(),
                author_name: AUTHOR.to_owned(),
                author: Some(AUTHOR.to_owned()),
                committer: Some(AUTHOR.to_owned()),
                files,
                ..FakeCommit::default()
            },
        );
        sha
    }

    /// Merges a change of these services, deploys all services to staging, and validates them there.
    pub fn release(&self, change: &str, services: &[&str]) -> ValidatedRelease {
        let (acme, tag) = (self.acme, self.commit(change, services));
        let deploy = acme.next_run();
        acme.fake_github.set_run(
            REPOSITORY,
            github::FakeRun {
                id: deploy,
                path: ".github/workflows/deploy-staging.yml".to_owned(),
                head_sha: tag.clone(),
                actor: AUTHOR.to_owned(),
                ..github::FakeRun::default()
            },
        );
        for service in SERVICES {
            acme.staging.deploy(service, &tag);
            acme.staging_cluster.deploy(service, &tag);
            let artifact = acme.at(&format!("stand-ins/store/run-{deploy}/subject-{service}"));
            fs::create_dir_all(&artifact).expect("make a folder");
            let subject = json!({ "service": service, "image": format!("ghcr.io/acme/{service}"), "tag": tag });
            fs::write(artifact.join("subject.json"), subject.to_string()).expect("write a file");
        }
        self.validate(&tag, deploy)
    }

    fn validate(&self, tag: &str, deploy: u64) -> ValidatedRelease {
        let (acme, id) = (self.acme, self.acme.next_run());
        let run = github::FakeRun {
            id,
            path: format!(".github/workflows/{WORKFLOW}"),
            event: "workflow_run".to_owned(),
            head_sha: self.repo.git(["rev-parse", "HEAD"]),
            actor: AUTHOR.to_owned(),
            ..github::FakeRun::default()
        };
        let run = run.in_progress();
        acme.fake_github.set_run(REPOSITORY, run.clone());
        let job = acme.fake_github.set_job(REPOSITORY, id, 1, github::FakeJob::running("record", RUNNER));
        let request_token = format!("request-token-of-run-{id}");
        acme.issuer.add_job(&request_token, job_claims(REPOSITORY, &run, job));
        let before = acme.fake_github.dispatches(INFRA).len();
        let ended = acme
            .prepare_run(&self.repo, REPOSITORY, id, WORKFLOW, "workflow_run")
            .secret("STAGING_KUBECONFIG", &acme.staging_cluster.kubeconfig())
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", &acme.issuer.request_url())
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &request_token)
            .payload(deployed(REPOSITORY, deploy, tag))
            .run();
        acme.register_results(REPOSITORY, id, 1, &ended);
        let conclusion = if ended.succeeded { "success" } else { "failure" };
        let done = github::FakeRun { status: "completed".to_owned(), conclusion: Some(conclusion.to_owned()), ..run };
        acme.fake_github.set_run(REPOSITORY, done);
        let dispatches = acme.fake_github.dispatches(INFRA).split_off(before);
        ValidatedRelease { tag: tag.to_owned(), deploy, id, run: ended, dispatches }
    }
}
