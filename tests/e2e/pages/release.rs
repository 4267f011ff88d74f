//! The decision pack: `evidence` about a release that all four gates passed, with reports of real steps and the payload of
//! `record`.

use jiff::SignedDuration;
use promote_gates::{
    clock::{Clock as _, SystemClock},
    sandbox::{
        github::{FakeGitHub, FakeJob, FakeRun},
        issuer::{FakeIssuer, job_claims},
    },
};
use serde_json::{Map, Value, json};

use crate::{
    house::{Ended, Runner},
    shop::{self, Shop},
    stories::{COMMITS, SERVICE, TAG, bundle_size, health, performance, sha, smoke},
};

const SOURCE: &str = "acme/shop";
const INFRA: &str = "acme/ecommerce-infra";
const TOKEN: &str = "token-of-the-release";
const REQUIRED: &str = "health\nsmoke\nperformance\nbundle-size";
const CONFIG: &str = "\
services:
  checkout-service:
    repository: acme/shop
    workflow: .github/workflows/validate-staging.yml
    deploy-workflow: .github/workflows/deploy-staging.yml
    image: ghcr.io/acme/checkout-service
policy:
  performance: ['.settings[\"max-ratio\"] <= LIMIT']
";
/// Run 7 of the service's repository, which validates what run 41 deployed.
struct Validation {
    fake_github: FakeGitHub,
    issuer: FakeIssuer,
    needs: Map<String, Value>,
}

impl Validation {
    fn new() -> Self {
        let fake_github = FakeGitHub::start().expect("a free port");
        fake_github.create(SOURCE);
        fake_github.create(INFRA);
        fake_github.grant(TOKEN, SOURCE, &["actions=read", "contents=read", "pull_requests=read"]);
        fake_github.grant(TOKEN, INFRA, &["contents=write"]);
        for (login, message) in COMMITS {
            fake_github.commit(SOURCE, &sha(message), login, message);
        }
        fake_github.tag(SOURCE, "v1.4.1", &sha(COMMITS[0].1));
        let deploy = run(41, "deploy-staging.yml", "push");
        fake_github.set_run(SOURCE, FakeRun { triggering_actor: "erin".to_owned(), ..deploy });
        fake_github.set_run(SOURCE, run(7, "validate-staging.yml", "workflow_run").in_progress());
        let issuer = FakeIssuer::start().expect("a free port");
        Self { fake_github, issuer, needs: Map::new() }
    }

    /// A job of the run, completed a minute ago.
    fn job(&mut self, name: &str, step: &Ended) {
        assert_eq!(step.code, 0, "{}", step.log);
        let ended = SystemClock::new().wall() - SignedDuration::from_mins(1);
        let job = FakeJob::ended(name, "success").since(ended - SignedDuration::from_mins(1));
        self.fake_github.set_job(SOURCE, 7, 1, FakeJob { completed_at: Some(ended), ..job });
        self.needs.insert(name.to_owned(), json!({ "outputs": { "report": step.outputs["report"] } }));
    }

    /// The payload that `record` dispatches.
    fn payload(&self) -> Value {
        let job = self.fake_github.set_job(SOURCE, 7, 1, FakeJob::running("record", "GitHub Actions 9"));
        let claims = job_claims(SOURCE, &run(7, "validate-staging.yml", "workflow_run"), job);
        self.issuer.add_job("request-token", claims);
        let commit = sha(COMMITS[2].1);
        let deploy = json!({ "id": 41, "run_attempt": 1, "head_sha": commit, "head_branch": "main" });
        let step = Runner::new()
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", &self.issuer.request_url())
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token")
            .input("repository", INFRA)
            .input("token", TOKEN)
            .input("service", SERVICE)
            .input("environment", "staging")
            .input("image", &format!("ghcr.io/acme/{SERVICE}"))
            .input("tag", TAG)
            .input("required", REQUIRED)
            .input("results", &Value::Object(self.needs.clone()).to_string());
        let event = json!({ "action": "completed", "workflow_run": deploy });
        let ended = self.started_by(step, "workflow_run", &event).run(&["record"]);
        assert_eq!(ended.code, 0, "{}", ended.log);
        self.fake_github.dispatches(INFRA).remove(0).client_payload
    }

    fn started_by(&self, step: Runner, name: &str, event: &Value) -> Runner {
        step.write("../event.json", event.to_string());
        let path = step.workspace().join("../event.json").display().to_string();
        step.env("GITHUB_API_URL", &self.fake_github.api_url())
            .env("GITHUB_EVENT_NAME", name)
            .env("GITHUB_EVENT_PATH", &path)
    }
}

/// Runs `evidence` about four passed gates, with a policy that allows this ratio of `performance`; its own limit is 1.2.
pub fn evidence(allowed_ratio: &str) -> Ended {
    let mut validation = Validation::new();
    validation.job("health", &health(TAG));
    validation.job("smoke", &smoke(42, 0));
    validation.job("performance", &performance(97));
    validation.job("bundle-size", &bundle_size(false));
    let payload = validation.payload();

    let shop = Shop::new();
    let target = ("checkout-service", "production");
    shop::commit_promotion(&shop.infra, &shop::ago(9), target, "1.4.0", "Approved-by: grace");
    shop::commit_promotion(&shop.infra, &shop::ago(6), target, "1.4.1", "Approved-by: grace");
    let step = Runner::new()
        .env("GITHUB_REPOSITORY", INFRA)
        .env("GITHUB_RUN_ID", "900")
        .env("GITHUB_JOB", "evidence")
        .input("environment", "production")
        .input("required", REQUIRED)
        .input("source-token", TOKEN)
        .input("issuer", &validation.issuer.issuer())
        .input("checkout", &shop.checkout("infra", &[]).display().to_string());
    step.write(".github/promote-gates.yml", CONFIG.replace("LIMIT", allowed_ratio));
    let event = json!({ "action": "staging-validated", "branch": "main", "client_payload": payload, "sender": {} });
    let ended = validation.started_by(step, "repository_dispatch", &event).run(&["evidence"]);
    assert_eq!(validation.fake_github.violations(), [""; 0]);
    ended
}

fn run(id: u64, workflow: &str, event: &str) -> FakeRun {
    FakeRun {
        id,
        path: format!(".github/workflows/{workflow}"),
        event: event.to_owned(),
        head_sha: sha(COMMITS[2].1),
        actor: "dora".to_owned(),
        ..FakeRun::default()
    }
}
