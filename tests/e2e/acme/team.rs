//! A team: the repository of its service, its deployments to staging, and their validation.

use promote_gates::sandbox::github::{self, DispatchEvent};
use promote_gates::sandbox::{infra::FIRST_TAG, issuer::job_claims};
use serde_json::{Value, json};

use super::{Acme, INFRA, RUNNER};
use crate::act::{Act, ActRun};
use crate::repo::Repo;

/// The author of the service's commits and deployments.
pub const AUTHOR: &str = "dana";

/// A replacement for npm with the scripts of the team's `package.json`. The release is slow if there is a file `slow` beside it, and
/// the smoke tests of a service fail if there is a file `broken-SERVICE`.
pub const NPM: &str = r#"#!/bin/sh
p99=104
case "$TARGET" in */in-production/*) ;; *) [ -e "${0%/*}/slow" ] && p99=156 ;; esac
case "$*" in
ci) ;;
"run build") mkdir dist && cp src/* dist/ ;;
"run smoke") [ "$ENVIRONMENT" = staging ] && mkdir results && cp paths.xml results/paths.xml && [ ! -e "${0%/*}/broken-$SERVICE" ] ;;
"run load-test") [ -n "$TARGET" ] && mkdir -p load-test && echo "{\"p99_latency\": $p99}" >load-test/stats.json ;;
*) echo "npm $*: no such script" >&2 && exit 1 ;;
esac
"#;

/// The shipped workflows of a team.
const TEAM_WORKFLOWS: [&str; 5] = [
    "ci-bundle-size.yml",
    "ci-bundle-size-branch.yml",
    "ci-bundle-size-cache.yml",
    "ci-bundle-size-committed.yml",
    "validate-staging.yml",
];

/// The report of the smoke tests.
pub const PATHS: &str = r#"<testsuite name="smoke"><testcase classname="shop" name="pays by card"/></testsuite>"#;

pub fn repository(service: &str) -> String {
    format!("acme/{service}")
}

/// The team of a service.
pub struct Team<'a> {
    pub(super) acme: &'a Acme,
    pub service: &'static str,
    pub repository: String,
    pub repo: Repo,
}

/// A release that is deployed to staging and was validated there.
pub struct ValidatedRelease {
    /// The commit, which is also the image's tag.
    pub tag: String,
    /// The run of `deploy-staging`.
    pub deploy: u64,
    /// The run of `validate-staging`.
    pub id: u64,
    pub run: ActRun,
    /// The dispatch events that the infra repository received.
    pub dispatches: Vec<DispatchEvent>,
}

impl ValidatedRelease {
    /// The event of the only dispatch.
    pub fn event(&self) -> Value {
        let [dispatch] = &self.dispatches[..] else { panic!("one dispatch, saw {:#?}", self.dispatches) };
        event(&dispatch.event_type, &dispatch.client_payload)
    }
}

/// A `repository_dispatch` event of the infra repository.
pub fn event(kind: &str, payload: &Value) -> Value {
    json!({
        "action": kind,
        "branch": "main",
        "client_payload": payload,
        "repository": { "full_name": INFRA, "default_branch": "main" },
        "sender": { "login": "acme-dispatcher[bot]", "type": "Bot" },
    })
}

/// The `workflow_run` event of a deploy run that ended.
pub fn deployed(repository: &str, deploy: u64, commit: &str) -> Value {
    json!({
        "action": "completed",
        "workflow_run": {
            "id": deploy,
            "run_attempt": 1,
            "name": "deploy-staging",
            "path": ".github/workflows/deploy-staging.yml",
            "event": "push",
            "status": "completed",
            "conclusion": "success",
            "head_branch": "main",
            "head_sha": commit,
        },
        "repository": { "full_name": repository, "default_branch": "main" },
    })
}

impl<'a> Team<'a> {
    /// A team whose service has its first tag deployed everywhere.
    pub fn new(acme: &'a Acme, service: &'static str) -> Self {
        let repository = repository(service);
        let team = Self { acme, service, repository, repo: Repo::new() };
        acme.serve(&team.repository, team.repo.path());
        acme.fake_github.create(&team.repository);
        for file in TEAM_WORKFLOWS {
            let workflow = acme.shipped(file).replace("checkout-service", service);
            team.repo.write(&format!(".github/workflows/{file}"), workflow);
        }
        team.repo.write("tests/smoke/paths.xml", PATHS);
        team.repo.write("src/app.3f2a91cc.js", "console.log('shop');\n".repeat(2_000));
        let first = team.commit("a shop");
        acme.fake_github.tag(&team.repository, FIRST_TAG, &first);
        acme.staging_cluster.deploy(service, FIRST_TAG);
        acme.deploy_to_production(service, FIRST_TAG);
        team
    }

    /// Commits everything to the default branch, and pushes.
    pub fn commit(&self, message: &str) -> String {
        let commit = self.repo.commit(message);
        self.acme.fake_github.commit(&self.repository, &commit, AUTHOR, message);
        commit
    }

    /// A run of one of the team's workflows.
    pub fn workflow<'b>(&'b self, id: u64, file: &str, event: &'b str) -> Act<'b> {
        self.acme
            .prepare_run(&self.repo, &self.repository, id, file, event)
            .secret("STAGING_KUBECONFIG", &self.acme.staging_cluster.kubeconfig())
    }

    /// Merges a change, deploys it to staging, and validates it there.
    pub fn release(&self, change: &str) -> ValidatedRelease {
        self.repo.write("src/news.js", format!("// {change}\n"));
        let tag = self.commit(change);
        let deploy = self.acme.next_run();
        self.acme.fake_github.set_run(
            &self.repository,
            github::FakeRun {
                id: deploy,
                path: ".github/workflows/deploy-staging.yml".to_owned(),
                head_sha: tag.clone(),
                actor: AUTHOR.to_owned(),
                ..github::FakeRun::default()
            },
        );
        self.acme.staging.deploy(self.service, &tag);
        self.acme.staging_cluster.deploy(self.service, &tag);
        self.validate(&tag, deploy)
    }

    /// Runs `validate-staging` for a finished deploy run.
    pub fn validate(&self, tag: &str, deploy: u64) -> ValidatedRelease {
        let id = self.acme.next_run();
        let run = github::FakeRun {
            id,
            path: ".github/workflows/validate-staging.yml".to_owned(),
            event: "workflow_run".to_owned(),
            head_sha: self.repo.git(["rev-parse", "HEAD"]),
            actor: AUTHOR.to_owned(),
            ..github::FakeRun::default()
        };
        // The run is still in progress when its dispatch arrives, because its last job sends it.
        let run = run.in_progress();
        self.acme.fake_github.set_run(&self.repository, run.clone());
        // On GitHub only the job with `id-token: write` gets the two variables; here all jobs of the run do.
        let job = self.acme.fake_github.set_job(&self.repository, id, 1, github::FakeJob::running("record", RUNNER));
        let request_token = format!("request-token-of-run-{id}");
        self.acme.issuer.add_job(&request_token, job_claims(&self.repository, &run, job));
        let before = self.acme.fake_github.dispatches(INFRA).len();
        let event = deployed(&self.repository, deploy, tag);
        let run = self
            .workflow(id, "validate-staging.yml", "workflow_run")
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", &self.acme.issuer.request_url())
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &request_token)
            .payload(event)
            .run();
        self.acme.register_results(&self.repository, id, 1, &run);
        let dispatches = self.acme.fake_github.dispatches(INFRA).split_off(before);
        ValidatedRelease { tag: tag.to_owned(), deploy, id, run, dispatches }
    }
}
