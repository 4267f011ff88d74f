//! `environments` against a fake GitHub: plan, check and apply.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be set up is a failed test")]

mod apply;
mod check;
mod errors;
mod import;
mod jobs;
mod limits;
mod names;
mod plan;
pub mod story;

use promote_gates::sandbox::github::FakeGitHub;
use serde_json::{Value, json};

use crate::{
    house::{Ended, Runner},
    repository::read,
};

const INFRA: &str = "acme/ecommerce-infra";
const TOKEN: &str = "ghs_tokenOfTheKeeper";

/// The file of the reference pipeline, unchanged.
const REFERENCE: &str = "\
# This is configured via GitHub API, shown here for documentation
environments:
  dev:
    deployment_branch_policy:
      protected_branches: false
      custom_branch_policies: true
    # Any branch can deploy to dev
  staging:
    deployment_branch_policy:
      protected_branches: true
    # Only default branch (main) deploys to staging
    wait_timer: 0
  production:
    deployment_branch_policy:
      protected_branches: true
    required_reviewers:
      - team: platform-leads
        minimum_approvals: 1
    wait_timer: 10 # 10 minutes after approval before deploy starts
";

/// A repository without environments, with a protected branch, and a token with all permissions.
fn fake_github() -> FakeGitHub {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create(INFRA);
    fake_github.protect_branch(INFRA, "main");
    fake_github.add_team("acme", "platform-leads", &["lena"]);
    fake_github.add_user("alice");
    fake_github.grant(TOKEN, INFRA, &["actions=read", "contents=read", "administration=write", "members=read"]);
    fake_github
}

/// As [`fake_github`], with the environments as [`REFERENCE`] has them.
fn fake_github_with_reference() -> FakeGitHub {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "dev", &json!({ "deployment_branch_policy": policy(false) }));
    fake_github.protect(INFRA, "staging", &json!({ "deployment_branch_policy": policy(true) }));
    let leads = fake_github.add_team("acme", "platform-leads", &["lena"]);
    let reviewers = json!([{ "type": "Team", "id": leads }]);
    let body = json!({ "wait_timer": 10, "reviewers": reviewers, "deployment_branch_policy": policy(true) });
    fake_github.protect(INFRA, "production", &body);
    fake_github
}

fn policy(protected: bool) -> Value {
    json!({ "protected_branches": protected, "custom_branch_policies": !protected })
}

/// A step with `file` in its workspace.
fn runner(fake_github: &FakeGitHub, file: &str) -> Runner {
    let runner = Runner::new()
        .env("GITHUB_API_URL", &fake_github.api_url())
        .env("GITHUB_REPOSITORY", INFRA)
        .input("token", TOKEN);
    runner.write(".github/environments.yml", file);
    runner
}

/// Runs one mode, and asserts what holds for all of them.
fn run(fake_github: &FakeGitHub, runner: Runner, mode: &str) -> Ended {
    let ended = runner.input("mode", mode).run(&["environments"]);
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    assert!(ended.summary.contains(&ended.outputs["verdict"]), "{}", ended.summary);
    // The only place of the token is its mask.
    let text = ended.log.replace(&format!("::add-mask::{TOKEN}\n"), "") + &ended.summary + &ended.report.to_string();
    assert!(!text.contains(TOKEN), "{text}");
    assert_eq!(fake_github.violations(), [""; 0]);
    ended
}

/// The exit code and the verdict.
fn end(ended: &Ended) -> (i32, &str) {
    (ended.code, &ended.outputs["verdict"])
}

/// The requests so far that write.
fn writes(fake_github: &FakeGitHub) -> Vec<String> {
    let written = fake_github.requests().into_iter().filter(|request| request.method != "GET");
    written
        .map(|request| {
            format!("{} {} {}", request.method, request.path.replace(&format!("/repos/{INFRA}/"), ""), request.body)
        })
        .collect()
}

/// The findings as `verdict check: actual`.
fn findings(ended: &Ended) -> Vec<String> {
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let all = ended.report["findings"].as_array().unwrap();
    all.iter().map(|one| format!("{} {}: {}", text(one, "verdict"), text(one, "check"), text(one, "actual"))).collect()
}

/// The effects as `state target: detail`.
fn effects(ended: &Ended) -> Vec<String> {
    let text = |effect: &Value, key: &str| effect[key].as_str().unwrap().to_owned();
    let all = ended.report["effects"].as_array().cloned().unwrap_or_default();
    all.iter().map(|one| format!("{} {}: {}", text(one, "state"), text(one, "target"), text(one, "detail"))).collect()
}

/// The finding of one check.
fn finding_of<'a>(ended: &'a Ended, check: &str) -> &'a Value {
    let all = ended.report["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check}: {:?}", findings(ended)))
}

#[test]
fn the_example_files_are_valid() {
    let page = read("environments/README.md");
    let blocks: Vec<&str> = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let shown = blocks.iter().find(|block| block.contains("\nenvironments:")).unwrap();
    for file in [read("environments/environments.yml").as_str(), shown] {
        let fake_github = fake_github();
        fake_github.add_team("acme", "platform-oncall", &["otto"]);
        let ended = run(&fake_github, runner(&fake_github, file), "plan");
        assert_eq!(end(&ended), (0, "passed"), "{file}\n{}", ended.log);
    }
}
