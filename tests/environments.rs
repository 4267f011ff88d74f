//! `environments` against a GitHub on loopback: what is compared, what is written, and what is said about it.

#![expect(clippy::unwrap_used, reason = "what cannot be staged is a failed test")]

mod apply;
mod check;
mod plan;
mod trouble;

use promote_gates::sandbox::github::FakeGitHub;
use serde_json::{Value, json};

use crate::{
    house::{Ended, Runner},
    repository::read,
};

const INFRA: &str = "acme/ecommerce-infra";
const TOKEN: &str = "ghs_tokenOfTheKeeper";

/// The reference's file, as it stands.
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

/// A repository without environments, with a protected branch, and a token that may do everything.
fn fake_github() -> FakeGitHub {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create(INFRA);
    fake_github.protect_branch(INFRA, "main");
    fake_github.add_team("acme", "platform-leads", &["lena"]);
    fake_github.add_user("alice");
    fake_github.grant(TOKEN, INFRA, &["actions=read", "contents=read", "administration=write", "members=read"]);
    fake_github
}

/// As [`hub`], with the environments of [`REFERENCE`] as it says.
fn hub_as_the_reference_says() -> FakeGitHub {
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

/// A step with the file in its workspace.
fn runner(fake_github: &FakeGitHub, file: &str) -> Runner {
    let runner = Runner::new()
        .env("GITHUB_API_URL", &fake_github.api_url())
        .env("GITHUB_REPOSITORY", INFRA)
        .input("token", TOKEN);
    runner.write(".github/environments.yml", file);
    runner
}

/// Runs one mode, and holds what goes for all of them.
fn run(fake_github: &FakeGitHub, runner: Runner, mode: &str) -> Ended {
    let ended = runner.input("mode", mode).run(&["environments"]);
    assert_eq!(ended.outputs["verdict"], ended.report["verdict"], "{}", ended.log);
    assert!(ended.summary.contains(&ended.outputs["verdict"]), "{}", ended.summary);
    // The runner is told once what to mask.
    let told = ended.log.replace(&format!("::add-mask::{TOKEN}\n"), "") + &ended.summary + &ended.report.to_string();
    assert!(!told.contains(TOKEN), "{told}");
    assert_eq!(fake_github.violations(), [""; 0]);
    ended
}

/// Exit code and verdict, which have to agree.
fn end(ended: &Ended) -> (i32, &str) {
    (ended.code, &ended.outputs["verdict"])
}

/// The requests that write, so far.
fn writes(fake_github: &FakeGitHub) -> Vec<String> {
    let written = fake_github.requests().into_iter().filter(|asked| asked.method != "GET");
    written
        .map(|asked| format!("{} {} {}", asked.method, asked.path.replace(&format!("/repos/{INFRA}/"), ""), asked.body))
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

/// What a person reads about the finding of one check.
fn about<'a>(ended: &'a Ended, check: &str) -> &'a Value {
    let all = ended.report["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check}: {:?}", findings(ended)))
}

#[test]
fn the_files_that_people_copy_are_read() {
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
