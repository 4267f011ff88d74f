//! Jobs without a deployment: read in the checkout, or on GitHub.

use super::*;

const GUARDED: &str = "environments:\n  production:\n    required_reviewers: [{ user: alice }]\n";
const DEPLOYS: &str = "jobs:\n  deploy:\n    environment: production\n";
const HIDES: &str = "jobs:\n  deploy:\n    environment:\n      name: production\n      deployment: false\n";
const WORKFLOW: &str = ".github/workflows/deploy.yml";
const CHECK: &str = "production: jobs without a deployment";

/// The environment as [`GUARDED`] has it.
fn guarded() -> FakeGitHub {
    let fake_github = fake_github();
    let reviewers = json!([{ "type": "User", "id": fake_github.add_user("alice") }]);
    fake_github.protect(INFRA, "production", &json!({ "reviewers": reviewers }));
    fake_github
}

fn contents(fake_github: &FakeGitHub) -> usize {
    fake_github.requests().iter().filter(|request| request.path.contains("/contents/")).count()
}

#[test]
fn a_job_in_the_checkout_is_blocked() {
    for (text, code, verdict) in [(HIDES, 1, "blocked"), (DEPLOYS, 0, "passed")] {
        let fake_github = guarded();
        let runner = runner(&fake_github, GUARDED);
        runner.write(WORKFLOW, text);
        runner.write(".github/workflows/below/other.yml", HIDES);
        runner.write(".github/workflows/notes.txt", HIDES);
        let ended = run(&fake_github, runner, "check");
        assert_eq!(end(&ended), (code, verdict), "{}", ended.log);
        assert_eq!(contents(&fake_github), 0, "the checkout has them");
        let actual = finding_of(&ended, CHECK)["actual"].as_str().unwrap();
        let expected =
            if code == 1 { "deploy.yml:5 (job deploy)" } else { "none in the workflow file of the checkout" };
        assert!(actual.ends_with(expected), "{actual}");
    }
}

#[test]
fn without_a_checkout_the_default_branch_is_read() {
    for (text, code, verdict) in [(HIDES, 1, "blocked"), (DEPLOYS, 0, "passed")] {
        let fake_github = guarded();
        fake_github.add_file(INFRA, ".github/workflows/a b.yaml", text);
        fake_github.add_file(INFRA, ".github/workflows/below/other.yml", HIDES);
        fake_github.add_file(INFRA, ".github/workflows/notes.txt", HIDES);
        let runner = runner(&fake_github, GUARDED);
        let ended = run(&fake_github, runner, "check");
        assert_eq!(end(&ended), (code, verdict), "{}", ended.log);
        assert_eq!(contents(&fake_github), 2, "the folder and the file");
        let actual = finding_of(&ended, CHECK)["actual"].as_str().unwrap();
        let place = "the default branch of acme/ecommerce-infra";
        assert!(
            if code == 1 { actual.contains("a b.yaml:5 (job deploy)") } else { actual.ends_with(place) },
            "{actual}"
        );
    }
}

#[test]
fn the_checkout_of_another_repository_is_not_read() {
    let fake_github = guarded();
    fake_github.add_file(INFRA, WORKFLOW, HIDES);
    let runner =
        runner(&fake_github, GUARDED).env("GITHUB_REPOSITORY", "acme/checkout-service").input("repository", INFRA);
    runner.write(WORKFLOW, DEPLOYS);
    let ended = run(&fake_github, runner, "check");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
}

#[test]
fn a_repository_without_workflows_passes_and_says_so() {
    let fake_github = guarded();
    let ended = run(&fake_github, runner(&fake_github, GUARDED), "check");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(finding_of(&ended, CHECK)["actual"], "no workflow files in the default branch of acme/ecommerce-infra");
}

#[test]
fn workflows_that_the_token_may_not_read_are_inconclusive() {
    let fake_github = guarded();
    fake_github.grant("ghs_small", INFRA, &["actions=read"]);
    let ended = run(&fake_github, runner(&fake_github, GUARDED).input("token", "ghs_small"), "check");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("Contents: read"), "{}", ended.outputs["reason"]);
    let open = "environments:\n  dev: {}\n";
    fake_github.protect(INFRA, "dev", &json!({}));
    let ended = run(&fake_github, runner(&fake_github, open).input("token", "ghs_small"), "check");
    assert_eq!(end(&ended), (0, "passed"), "no reviewer, nothing to read: {}", ended.log);
}

#[test]
fn a_workflow_that_the_work_tree_lacks_is_inconclusive() {
    let fake_github = guarded();
    let runner = runner(&fake_github, GUARDED);
    runner.write(WORKFLOW, HIDES);
    runner.write(".github/workflows/check.yml", DEPLOYS);
    let dir = runner.workspace();
    plan::commit_all(&dir);
    std::fs::remove_file(dir.join(WORKFLOW)).unwrap();
    let ended = run(&fake_github, runner, "check");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    let finding = finding_of(&ended, "jobs without a deployment: .github/workflows/deploy.yml");
    assert!(finding["next"].as_str().unwrap().contains("`sparse-checkout`"), "{finding}");
}
