//! `mode: plan`: the changes are shown, and nothing is written.

use std::{path::Path, process::Command};

use super::*;

#[test]
fn each_difference_is_shown() {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "Staging", &json!({ "wait_timer": 5 }));
    fake_github.protect(INFRA, "preview", &json!({}));
    let ended = run(&fake_github, runner(&fake_github, REFERENCE), "plan");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(
        effects(&ended),
        [
            "planned acme/ecommerce-infra, environment dev: environment: not there → there; \
             what deploys: any branch → branches and tags by pattern",
            "planned acme/ecommerce-infra, environment staging: wait timer: 5 minutes → none; \
             what deploys: any branch → protected branches only",
            "planned acme/ecommerce-infra, environment production: environment: not there → there; \
             wait timer: none → 10 minutes; required reviewers: none → team platform-leads; \
             what deploys: any branch → protected branches only",
        ]
    );
    assert_eq!((&*ended.outputs["differences"], &*ended.outputs["changed"]), ("8", "false"));
    assert_eq!(writes(&fake_github), [""; 0]);
    for row in [
        "### ✅ environments: 8 of 8 rules differ",
        "**Next:** run <code>environments</code> with <code>mode: apply</code>, or change the file",
        "| staging: wait timer | 5 minutes | none |",
        "| staging: required reviewers | none |",
        "| production: required reviewers | none | team platform-leads |",
    ] {
        assert!(ended.summary.contains(row), "{row}\n{}", ended.summary);
    }
    let findings = findings(&ended);
    for expected in [
        "passed staging: 2 rules differ",
        "passed dev: what deploys there: NOTHING",
        "passed production: minimum approvals: 1: any one of the reviewers suffices",
        "passed production: when its timer starts: 10 minutes from when the job was triggered, not from the approval",
        "passed production: bypass by administrators: possible; the file does not mention it",
        "passed production: protected branches: main",
        "passed environments that the file does not name: preview",
    ] {
        assert!(findings.iter().any(|finding| finding.starts_with(expected)), "{expected}\n{findings:#?}");
    }
}

#[test]
fn without_a_difference_the_plan_says_so() {
    let fake_github = fake_github_with_reference();
    let ended = run(&fake_github, runner(&fake_github, REFERENCE), "plan");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!((effects(&ended), &*ended.outputs["differences"]), (vec![], "0"));
    assert_eq!(finding_of(&ended, "production")["actual"], "as the file says");
    assert!(ended.summary.starts_with("### ✅ environments: all 6 rules as the file says\n"), "{}", ended.summary);
}

#[test]
fn a_plan_reports_what_check_would_block_on_and_passes() {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create(INFRA);
    fake_github.grant(TOKEN, INFRA, &["actions=read", "contents=read"]);
    let file = "\
environments:
  production:
    deployment_branch_policy:
      protected_branches: true
    minimum_approvals: 2
";
    let ended = run(&fake_github, runner(&fake_github, file), "plan");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    for check in ["production: protected branches", "production: minimum approvals"] {
        assert_eq!(finding_of(&ended, check)["waived"], "a plan judges nothing: `check` and `apply` block on this");
    }
    assert!(
        ended.outputs["reason"].contains("no approval is requested"),
        "the worst finding is the reason: {}",
        ended.outputs["reason"]
    );
}

/// A checkout whose base commit holds [`REFERENCE`], on the event of a pull request that proposes `file`.
fn proposal(fake_github: &FakeGitHub, file: &str) -> Runner {
    let runner = runner(fake_github, REFERENCE);
    let dir = runner.workspace();
    let base = commit_all(&dir);
    runner.write(".github/environments.yml", file);
    runner.write("event.json", json!({ "pull_request": { "base": { "sha": base } } }).to_string());
    let event = dir.join("event.json").display().to_string();
    runner.env("GITHUB_EVENT_NAME", "pull_request").env("GITHUB_EVENT_PATH", &event)
}

#[test]
fn a_pull_requests_file_is_planned_but_not_checked_or_applied() {
    let fake_github = fake_github_with_reference();
    let open = "environments:\n  production:\n    required_reviewers: []\n";
    let ended = run(&fake_github, proposal(&fake_github, open), "plan");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let planned =
        "planned acme/ecommerce-infra, environment production: required reviewers: team platform-leads → none";
    assert_eq!(effects(&ended), [planned]);
    for mode in ["check", "apply"] {
        let ended = run(&fake_github, proposal(&fake_github, open), mode);
        assert_eq!((end(&ended), &*ended.outputs["differences"]), ((0, "passed"), "0"), "{}", ended.log);
    }
    assert_eq!(writes(&fake_github), [""; 0]);
}

/// Commits every file of a folder, which becomes a checkout; returns the commit.
pub fn commit_all(dir: &Path) -> String {
    git(dir, &["init", "--quiet", "--initial-branch=main"]);
    git(dir, &["add", "--all"]);
    git(dir, &["commit", "--quiet", "--message", "environments"]);
    git(dir, &["rev-parse", "HEAD"])
}

/// Runs git with nothing of this machine's environment but PATH; returns its output.
#[expect(clippy::disallowed_methods, reason = "PATH says where git is")]
fn git(dir: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    git.envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")]);
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@acme.example");
    }
    let output = git.current_dir(dir).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
