//! `doctor` against a fake GitHub, a fake cluster and a fake registry, in the states that people meet: each has its one problem
//! with its fix as a command, and the state in which all is well has none.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

mod cluster;
mod github;
mod registry;
mod unseen;

use promote_gates::sandbox::{
    github::FakeGitHub,
    server::{FakeResponse, LoopbackServer, ReceivedRequest},
};
use serde_json::{Value, json};

use crate::house::{Ended, Runner};

const SHOP: &str = "acme/shop";
const TOKEN: &str = "ghs_tokenOfTheDoctor";
const KUBE_TOKEN: &str = "s3cr3t-kube-token";
/// What an App for this command may be given.
const ALL: [&str; 7] = [
    "actions=read",
    "contents=read",
    "administration=read",
    "members=read",
    "secrets=read",
    "environments=read",
    "organization_plan=read",
];

const WORKFLOW: &str = "\
on: workflow_dispatch
jobs:
  promote:
    environment: production
    steps:
      - uses: acme/promote-gates/promote@v1
        with:
          token: ${{ secrets.INFRA_WRITE_TOKEN }}
          source-token: ${{ secrets.SOURCE_READ_TOKEN || github.token }}
";

/// A repository in which all is well: people approve in the environment.
struct Clinic {
    github: FakeGitHub,
    cluster: LoopbackServer,
    registry: LoopbackServer,
    config: String,
}

/// The rule of an environment that only protected branches deploy to.
fn protected_only(reviewers: &Value) -> Value {
    json!({
        "reviewers": reviewers,
        "can_admins_bypass": false,
        "deployment_branch_policy": { "protected_branches": true, "custom_branch_policies": false },
    })
}

/// An API server that answers reviews of rights: those for which `allows` is true, and nothing else.
fn fake_cluster(allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> LoopbackServer {
    LoopbackServer::start(move |request| {
        let is_review = request.method == "POST" && request.path.ends_with("/v1/selfsubjectaccessreviews");
        if !is_review {
            return FakeResponse::status(500);
        }
        let mut review: Value = serde_json::from_slice(&request.body).unwrap();
        let asked = &review["spec"]["resourceAttributes"];
        assert_eq!(asked["namespace"], "staging");
        let text = |key: &str| asked[key].as_str().unwrap().to_owned();
        let right = format!("{} {}/{}/{}", text("verb"), text("group"), text("resource"), text("subresource"));
        review["status"] = json!({ "allowed": allows(&right) });
        FakeResponse::json(201, &review)
    })
    .unwrap()
}

fn fake_registry(answer: impl Fn(&ReceivedRequest) -> FakeResponse + Send + Sync + 'static) -> LoopbackServer {
    LoopbackServer::start(answer).unwrap()
}

impl Clinic {
    fn all_well() -> Self {
        let github = FakeGitHub::start().unwrap();
        github.create(SHOP);
        github.set_plan("acme", "enterprise");
        github.set_workflow_permissions(SHOP, "read", false);
        let leads = github.add_team("acme", "leads", &["lena"]);
        github.add_user("alice");
        github.protect(SHOP, "production", &protected_only(&json!([{ "type": "Team", "id": leads }])));
        github.protect_branch(SHOP, "main");
        github.add_rule(SHOP, "pull_request", &[]);
        github.add_secret(SHOP, Some("production"), "INFRA_WRITE_TOKEN");
        github.grant(TOKEN, SHOP, &ALL);
        let cluster = fake_cluster(|_| true);
        let registry = fake_registry(|_| FakeResponse::json(200, &json!({ "tags": ["1"] })));
        Self { github, cluster, registry, config: String::new() }
    }

    /// As [`Clinic::all_well`], with approval by pull request.
    fn by_pull_request() -> Self {
        let clinic = Self { config: "approval:\n  source: pull-request\n".to_owned(), ..Self::all_well() };
        clinic.github.set_workflow_permissions(SHOP, "read", true);
        clinic.github.add_rule(SHOP, "required_status_checks", &["promote-gates/approval"]);
        clinic
    }

    fn kubeconfig(&self) -> String {
        json!({
            "current-context": "test",
            "contexts": [{ "name": "test", "context": { "cluster": "c", "user": "u", "namespace": "staging" } }],
            "clusters": [{ "name": "c", "cluster": { "server": self.cluster.url() } }],
            "users": [{ "name": "u", "user": { "token": KUBE_TOKEN } }],
        })
        .to_string()
    }

    fn runner(&self) -> Runner {
        let runner = Runner::new()
            .env("GITHUB_API_URL", &self.github.api_url())
            .input("token", TOKEN)
            .input("kubeconfig", &self.kubeconfig());
        let host = self.registry.url().strip_prefix("http://").unwrap().to_owned();
        runner.write(".github/promote-gates.yml", format!("image: {host}/acme/shop\n{}", self.config));
        runner.write(".github/workflows/promote.yml", WORKFLOW);
        runner
    }

    fn run(&self) -> Ended {
        self.examine(&self.runner())
    }

    /// Runs it, and asserts what holds in every state.
    fn examine(&self, runner: &Runner) -> Ended {
        let ended = runner.run(&["doctor"]);
        let shown: String = ended.log.lines().filter(|line| !line.starts_with("::add-mask::")).collect();
        for secret in [TOKEN, KUBE_TOKEN] {
            assert!(!(shown.clone() + &ended.summary + &ended.report.to_string()).contains(secret), "{shown}");
        }
        assert_eq!(self.github.violations(), [""; 0]);
        assert!(self.github.requests().iter().all(|request| request.method == "GET"), "it writes nothing");
        for finding in ended.report["findings"].as_array().unwrap() {
            let is_fixed = finding["verdict"] != "blocked" || finding["next"].as_str().unwrap().contains('`');
            assert!(is_fixed, "a problem has its fix as a command: {finding}");
        }
        ended
    }
}

fn end(ended: &Ended) -> (i32, &str) {
    (ended.code, &ended.outputs["verdict"])
}

/// The findings as `verdict check: actual`.
fn findings(ended: &Ended) -> Vec<String> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let all = ended.report["findings"].as_array().unwrap();
    all.iter().map(|one| format!("{} {}: {}", text(one, "verdict"), text(one, "check"), text(one, "actual"))).collect()
}

/// Asserts that these are the only problems, and that each has such a fix.
fn assert_problems(ended: &Ended, expected: &[(&str, &str, &str)]) {
    let all = ended.report["findings"].as_array().unwrap();
    let problems: Vec<&Value> = all.iter().filter(|finding| finding["verdict"] == "blocked").collect();
    assert_eq!(problems.len(), expected.len(), "{:#?}", findings(ended));
    for (check, actual, fix) in expected {
        let finding = problems.iter().find(|finding| finding["check"] == *check);
        let finding = finding.unwrap_or_else(|| panic!("{check}: {:#?}", findings(ended)));
        assert!(finding["actual"].as_str().unwrap().contains(actual), "{finding:#}");
        assert!(finding["next"].as_str().unwrap().contains(fix), "{finding:#}");
    }
    assert_eq!(end(ended), if expected.is_empty() { (0, "passed") } else { (1, "blocked") }, "{}", ended.log);
    assert_eq!(ended.outputs["problems"], expected.len().to_string());
}

#[test]
fn all_is_well_in_both_ways() {
    let ended = Clinic::all_well().run();
    assert_problems(&ended, &[]);
    let findings = findings(&ended);
    for expected in [
        "passed token: an installation token",
        "passed plan: enterprise: a private repository can have required reviewers",
        "passed environment production: approval: one of team leads",
        "passed environment production: branches: protected branches only: main",
        "passed reviewer team leads: has access; members: 1",
        "passed default permissions of workflows: read",
        "passed pull requests by Actions: not allowed; promotions here do not need it",
        "passed branch main: protected: pull_request",
        "passed secret INFRA_WRITE_TOKEN in production: a secret of the environment production",
        "passed secret SOURCE_READ_TOKEN in production: missing, and",
        "passed cluster test: rights in staging: all 9 that `health` uses",
        "passed registry 127.0.0.1",
    ] {
        assert!(findings.iter().any(|finding| finding.starts_with(expected)), "{expected}\n{findings:#?}");
    }
    assert_eq!((&*ended.outputs["problems"], &*ended.outputs["not-seen"]), ("0", "0"));
    assert!(ended.summary.contains("doctor: 12 ok, no problem and 0 not seen"), "{}", ended.summary);
    let ended = Clinic::by_pull_request().run();
    assert_problems(&ended, &[]);
}

#[test]
fn a_repository_has_to_be_named_outside_a_workflow() {
    let clinic = Clinic::all_well();
    let ended = clinic.runner().env("GITHUB_REPOSITORY", "").run(&["doctor"]);
    assert!(ended.code == 2 && ended.log.contains("--repository OWNER/NAME"), "{}", ended.log);
    assert!(clinic.github.requests().is_empty());
    // The workflow files are then those on GitHub.
    clinic.github.add_file(SHOP, ".github/workflows/a.yml", &WORKFLOW.replace("INFRA_WRITE_TOKEN", "PUSHER"));
    let ended = clinic.runner().env("GITHUB_REPOSITORY", "").run(&["doctor", "--repository", SHOP]);
    assert_problems(&ended, &[("secret PUSHER in production", ".github/workflows/a.yml", "`gh secret set PUSHER")]);
}
