//! `mode: import`: the file from what GitHub has.

use std::fs;

use super::*;

const FILE: &str = ".github/environments.yml";

/// A step without a file in its workspace.
fn without_file(fake_github: &FakeGitHub) -> Runner {
    Runner::new()
        .env("GITHUB_API_URL", &fake_github.api_url())
        .env("GITHUB_REPOSITORY", INFRA)
        .input("token", TOKEN)
        .input("mode", "import")
}

fn imported(fake_github: &FakeGitHub) -> (Ended, Runner, String) {
    let runner = without_file(fake_github);
    let ended = runner.run(&["environments"]);
    let text = fs::read_to_string(runner.workspace().join(FILE)).unwrap_or_default();
    assert_eq!((fake_github.violations(), writes(fake_github)), (Vec::new(), Vec::new()));
    (ended, runner, text)
}

#[test]
fn an_imported_file_asks_for_no_change() {
    let fake_github = fake_github_with_reference();
    let custom = json!({ "custom_branch_policies": true, "protected_branches": false });
    let alice = fake_github.add_user("alice");
    let reviewers = json!([{ "type": "User", "id": alice }]);
    let body = json!({ "deployment_branch_policy": custom, "reviewers": reviewers, "prevent_self_review": true });
    fake_github.protect(INFRA, "eu/west production", &body);
    fake_github.add_branch_policy(INFRA, "eu/west production", "release/*", "branch");
    fake_github.add_branch_policy(INFRA, "eu/west production", "v*", "tag");
    fake_github.protect(INFRA, "null", &json!({ "can_admins_bypass": false }));
    let (ended, runner, text) = imported(&fake_github);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!((&*ended.outputs["changed"], &*ended.outputs["differences"]), ("true", "0"));
    assert_eq!(effects(&ended), [format!("applied {FILE}: 5 of 5 environments, as GitHub has them")]);
    let production = "\
  production:
    deployment_branch_policy:
      protected_branches: true
    required_reviewers:
      - team: platform-leads
    wait_timer: 10
    prevent_self_review: false
    can_admins_bypass: true
";
    assert!(text.contains(production), "{text}");
    for mode in ["plan", "check"] {
        let ended = runner.run(&["environments", "--mode", mode]);
        assert_eq!(ended.outputs["differences"], "0", "{text}\n{}", ended.log);
        let others = findings(&ended).into_iter().find(|finding| finding.contains("does not name"));
        assert_eq!(others, None, "every environment is in the file");
    }
    // And it is never replaced.
    let again = runner.run(&["environments"]);
    assert!(again.code == 2 && again.log.contains("exists, and is never replaced"), "{}", again.log);
    assert_eq!(fs::read_to_string(runner.workspace().join(FILE)).unwrap(), text);
}

#[test]
fn a_rule_that_an_older_server_does_not_report_is_a_comment() {
    let fake_github = fake_github_with_reference();
    fake_github.forget_fields(INFRA, &["can_admins_bypass", "prevent_self_review"]);
    let (ended, runner, text) = imported(&fake_github);
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    for comment in
        ["    # can_admins_bypass: GitHub does not report it\n", "    # prevent_self_review: GitHub does not"]
    {
        assert!(text.contains(comment), "{text}");
    }
    assert_eq!(runner.run(&["environments", "--mode", "plan"]).outputs["differences"], "0");
}

#[test]
fn an_environment_that_cannot_be_read_is_a_comment_and_inconclusive() {
    use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};
    let fake_github = fake_github_with_reference();
    let broken = InjectedFault::WithoutEffect(FakeResponse::json(422, &json!({ "message": "no\n  x: 1" })));
    fake_github.fail_at("/environments/staging", usize::MAX, broken);
    let (ended, runner, text) = imported(&fake_github);
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(text.contains("\n  # staging: not seen: GitHub's API: 422 no"), "{text}");
    assert!(!text.contains("\n  x: 1") && !text.contains("\n  staging:"), "{text}");
    assert_eq!(runner.run(&["environments", "--mode", "plan"]).outputs["differences"], "0");
}

#[test]
fn nothing_is_written_in_dry_run_without_environments_or_without_permission() {
    let fake_github = fake_github_with_reference();
    let runner = without_file(&fake_github).input("dry-run", "true");
    let ended = runner.run(&["environments"]);
    assert!(ended.code == 0 && ended.log.contains("required_reviewers:"), "{}", ended.log);
    assert!(!runner.workspace().join(FILE).exists());
    let (ended, runner, _) = imported(&self::fake_github());
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(!runner.workspace().join(FILE).exists());
    fake_github.grant("ghs_small", INFRA, &["contents=read"]);
    let runner = without_file(&fake_github).input("token", "ghs_small");
    let ended = runner.run(&["environments"]);
    assert!(ended.code == 3 && ended.outputs["reason"].contains("Actions: read"), "{}", ended.log);
    assert!(!runner.workspace().join(FILE).exists());
}
