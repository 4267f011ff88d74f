//! `mode: check`: GitHub is compared with the file.

use super::*;

const NO_BYPASS: &str = "environments:\n  production:\n    can_admins_bypass: false\n";

#[test]
fn an_environment_as_in_the_file_passes_with_remarks() {
    let fake_github = fake_github_with_reference();
    let ended = run(&fake_github, runner(&fake_github, REFERENCE), "check");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let findings = findings(&ended);
    for expected in [
        "passed dev: what deploys: branches and tags by pattern",
        "passed dev: what deploys there: NOTHING",
        "passed staging: wait timer: none",
        "passed staging: protected branches: main",
        "passed production: required reviewers: team platform-leads",
        "passed production: minimum approvals: 1",
        "passed production: when its timer starts: 10 minutes from when the job was triggered",
    ] {
        assert!(findings.iter().any(|finding| finding.starts_with(expected)), "{expected}\n{findings:#?}");
    }
    assert_eq!(writes(&fake_github), [""; 0]);
}

#[test]
fn each_rule_that_differs_is_blocked_and_named() {
    for (change, check) in [
        (json!({ "wait_timer": 0 }), "production: wait timer"),
        (json!({ "reviewers": [] }), "production: required reviewers"),
        (json!({ "deployment_branch_policy": null }), "production: what deploys"),
        (json!({ "deployment_branch_policy": policy(false) }), "production: what deploys"),
    ] {
        let fake_github = fake_github();
        let leads = fake_github.add_team("acme", "platform-leads", &["lena"]);
        let mut body = json!({
            "wait_timer": 10,
            "reviewers": [{ "type": "Team", "id": leads }],
            "deployment_branch_policy": policy(true),
        });
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        fake_github.protect(INFRA, "production", &body);
        let production = format!("environments:\n{}", &REFERENCE[REFERENCE.find("  production:").unwrap()..]);
        let ended = run(&fake_github, runner(&fake_github, &production), "check");
        assert_eq!(end(&ended), (1, "blocked"), "{change}: {}", ended.log);
        assert_eq!(finding_of(&ended, check)["verdict"], "blocked", "{change}");
        assert_eq!(ended.outputs["differences"], "1");
        assert!(ended.summary.starts_with(&format!("### ⛔ environments: {check} ")), "{}", ended.summary);
        assert!(
            ended.summary.contains("run <code>environments</code> with <code>mode: apply</code>"),
            "{}",
            ended.summary
        );
        assert_eq!(writes(&fake_github), [""; 0]);
    }
}

#[test]
fn other_patterns_than_in_the_file_are_blocked() {
    let file = "\
environments:
  production:
    deployment_branch_policy:
      branches: [main, release/*]
";
    let fake_github = fake_github();
    fake_github.protect(INFRA, "production", &json!({ "deployment_branch_policy": policy(false) }));
    fake_github.add_branch_policy(INFRA, "production", "main", "branch");
    fake_github.add_branch_policy(INFRA, "production", "release/*", "tag");
    let ended = run(&fake_github, runner(&fake_github, file), "check");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    let findings = findings(&ended);
    assert_eq!(
        findings[..3],
        [
            "blocked rules: 2 of 4 differ from the file",
            "blocked production: tag pattern release/*: there",
            "blocked production: branch pattern release/*: not there"
        ]
    );
    assert!(findings.contains(&"passed production: branch pattern main: there".to_owned()), "{findings:#?}");
}

#[test]
fn a_missing_environment_is_blocked_and_others_are_named() {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "preview", &json!({}));
    fake_github.protect(INFRA, "legacy | x", &json!({}));
    let ended = run(&fake_github, runner(&fake_github, REFERENCE), "check");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    for name in ["dev", "staging", "production"] {
        assert!(finding_of(&ended, name)["actual"].as_str().unwrap().contains("creates it, unprotected"));
    }
    assert_eq!(finding_of(&ended, "environments that the file does not name")["actual"], "preview, legacy | x");
}

#[test]
fn protected_branches_only_without_one_is_blocked() {
    let fake_github = FakeGitHub::start().unwrap();
    fake_github.create(INFRA);
    fake_github.grant(TOKEN, INFRA, &["actions=read", "contents=read"]);
    fake_github.protect(INFRA, "staging", &json!({ "deployment_branch_policy": policy(true) }));
    let file = "environments:\n  staging:\n    deployment_branch_policy: { protected_branches: true }\n";
    let ended = run(&fake_github, runner(&fake_github, file), "check");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    let finding = finding_of(&ended, "staging: protected branches");
    assert_eq!(finding["actual"], "no branch is protected, and then GitHub lets EVERY branch deploy");
    assert_eq!(finding_of(&ended, "staging: what deploys")["verdict"], "passed");
}

#[test]
fn a_missing_permission_is_inconclusive_and_named() {
    for (granted, needed) in [(&["contents=read"][..], "Actions: read"), (&["actions=read"], "Contents: read")] {
        let fake_github = fake_github_with_reference();
        fake_github.grant("ghs_small", INFRA, granted);
        let ended = run(&fake_github, runner(&fake_github, REFERENCE).input("token", "ghs_small"), "check");
        assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
        assert!(ended.outputs["reason"].contains(needed), "{}", ended.outputs["reason"]);
    }
}

#[test]
fn an_admin_bypass_that_github_does_not_report_is_inconclusive() {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "production", &json!({}));
    fake_github.forget_fields(INFRA, &["can_admins_bypass"]);
    let ended = run(&fake_github, runner(&fake_github, NO_BYPASS), "check");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    let finding = finding_of(&ended, "production: bypass by administrators");
    assert_eq!(finding["actual"], "not reported by GitHub: its answer has no `can_admins_bypass`");
    assert!(finding["next"].as_str().unwrap().contains("take `can_admins_bypass` out of"), "{finding}");
}

#[test]
fn an_admin_bypass_that_is_on_is_blocked() {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "production", &json!({}));
    let ended = run(&fake_github, runner(&fake_github, NO_BYPASS), "check");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(finding_of(&ended, "production: bypass by administrators")["actual"], "possible");
    fake_github.protect(INFRA, "production", &json!({ "can_admins_bypass": false }));
    let ended = run(&fake_github, runner(&fake_github, NO_BYPASS), "check");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}
