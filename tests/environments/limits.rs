//! What GitHub keeps, drops, or does not know: the bypass by administrators, reviewers without access, older servers.

use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};

use super::*;

fn production(rules: &str) -> String {
    format!("environments:\n  production:\n{rules}")
}

/// The effective setting, as GitHub would show it.
fn bypass(fake_github: &FakeGitHub) -> String {
    let file = production("    wait_timer: 0\n");
    let ended = run(fake_github, runner(fake_github, &file), "plan");
    finding_of(&ended, "production: bypass by administrators")["actual"].as_str().unwrap().to_owned()
}

#[test]
fn the_bypass_by_administrators_is_switched_off_and_stays_off() {
    let fake_github = fake_github();
    let file = production("    required_reviewers: [{ user: alice }]\n    can_admins_bypass: false\n");
    let ended = run(&fake_github, runner(&fake_github, &file), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let alice = fake_github.add_user("alice");
    let sent = json!({ "reviewers": [{ "type": "User", "id": alice }], "deployment_branch_policy": null, "can_admins_bypass": false });
    assert_eq!(writes(&fake_github), [format!("PUT environments/production {sent}")]);
    assert_eq!(finding_of(&ended, "production: bypass by administrators")["actual"], "not possible");
    let again = run(&fake_github, runner(&fake_github, &file), "apply");
    assert_eq!((end(&again), &*again.outputs["changed"]), ((0, "passed"), "false"));

    // A request without the field would switch it on again, though this file does not mention it.
    let timer = production("    wait_timer: 5\n");
    let ended = run(&fake_github, runner(&fake_github, &timer), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(writes(&fake_github)[1].contains(r#""can_admins_bypass":false"#), "{:?}", writes(&fake_github));

    let on = production("    can_admins_bypass: true\n");
    let ended = run(&fake_github, runner(&fake_github, &on), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(writes(&fake_github)[2].contains(r#""can_admins_bypass":true"#), "{:?}", writes(&fake_github));
    assert!(bypass(&fake_github).starts_with("possible"), "{}", bypass(&fake_github));
}

#[test]
fn a_bypass_that_is_on_and_not_mentioned_is_not_sent() {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "production", &json!({ "wait_timer": 1 }));
    let ended = run(&fake_github, runner(&fake_github, &production("    wait_timer: 5\n")), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(!writes(&fake_github)[0].contains("bypass"), "{:?}", writes(&fake_github));
}

#[test]
fn a_bypass_that_github_leaves_on_is_blocked() {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "production", &json!({}));
    fake_github.fail_at("PUT", 1, InjectedFault::WithoutEffect(FakeResponse::json(200, &json!({}))));
    let file = production("    can_admins_bypass: false\n");
    let ended = run(&fake_github, runner(&fake_github, &file), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    let finding = finding_of(&ended, "production: bypass by administrators");
    assert_eq!(finding["actual"], "possible, although GitHub accepted the request");
    assert!(finding["next"].as_str().unwrap().contains("in the environment's settings"), "{finding}");
}

#[test]
fn a_bypass_that_github_switches_on_again_is_blocked() {
    let fake_github = fake_github();
    let shown = |can: bool, timer: u32| {
        let rules = if timer > 0 { json!([{ "type": "wait_timer", "wait_timer": timer }]) } else { json!([]) };
        let shown = json!({ "name": "production", "protection_rules": rules, "can_admins_bypass": can });
        InjectedFault::WithoutEffect(FakeResponse::json(200, &shown))
    };
    let route = "GET /repos/acme/ecommerce-infra/environments/production";
    // Once for the plan and once before the write.
    fake_github.fail_at(route, 2, shown(false, 0));
    fake_github.fail_at(route, usize::MAX, shown(true, 5));
    let ended = run(&fake_github, runner(&fake_github, &production("    wait_timer: 5\n")), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(writes(&fake_github)[0].contains(r#""can_admins_bypass":false"#), "{:?}", writes(&fake_github));
    let findings = findings(&ended);
    assert!(findings.contains(&"blocked production: bypass by administrators: possible".to_owned()), "{findings:#?}");
}

#[test]
fn a_server_that_does_not_know_a_field_is_named() {
    let reviewers = "    required_reviewers: [{ user: alice }]\n";
    let pattern = "    deployment_branch_policy: { tags: [v*] }\n";
    for (rules, key, field) in [
        (format!("{reviewers}    prevent_self_review: true\n"), "prevent_self_review", "prevent_self_review"),
        ("    can_admins_bypass: false\n".to_owned(), "can_admins_bypass", "can_admins_bypass"),
        (pattern.to_owned(), "tags", "type"),
    ] {
        let fake_github = fake_github();
        fake_github.forget_fields(INFRA, &["prevent_self_review", "can_admins_bypass", "type"]);
        let ended = run(&fake_github, runner(&fake_github, &production(&rules)), "apply");
        assert_eq!(end(&ended), (1, "blocked"), "{rules}: {}", ended.log);
        let finding = finding_of(&ended, "production");
        let (actual, next) = (finding["actual"].as_str().unwrap(), finding["next"].as_str().unwrap());
        assert!(actual.contains(&format!("\"{field}\" is not a permitted key")), "{actual}");
        assert!(
            next.contains(&format!("take `{key}` out of the environment at .github/environments.yml:2:3")),
            "{next}"
        );
    }
}

#[test]
fn an_older_server_takes_the_rules_that_it_knows() {
    let fake_github = fake_github();
    fake_github.forget_fields(INFRA, &["prevent_self_review", "can_admins_bypass", "type"]);
    let file = production(
        "    required_reviewers: [{ user: alice }]\n    wait_timer: 5\n    deployment_branch_policy: { branches: [main] }\n",
    );
    let ended = run(&fake_github, runner(&fake_github, &file), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let file = production("    required_reviewers: [{ user: alice }, { team: platform-leads }]\n    wait_timer: 6\n");
    let ended = run(&fake_github, runner(&fake_github, &file), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}

#[test]
fn an_older_server_gets_no_pattern_of_tags_beside_patterns_of_branches() {
    let fake_github = fake_github();
    fake_github.forget_fields(INFRA, &["type"]);
    fake_github.protect(INFRA, "production", &json!({ "deployment_branch_policy": policy(false) }));
    fake_github.add_branch_policy(INFRA, "production", "main", "branch");
    let file = production("    deployment_branch_policy: { branches: [main], tags: [v*] }\n");
    let ended = run(&fake_github, runner(&fake_github, &file), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("this server knows only branches"), "{}", ended.outputs["reason"]);
    assert_eq!(writes(&fake_github), [""; 0]);
}

#[test]
fn a_reviewer_that_github_drops_is_named() {
    let file = production("    required_reviewers: [{ team: platform-leads }, { user: alice }]\n");
    let fake_github = fake_github();
    let leads = fake_github.add_team("acme", "platform-leads", &["lena"]);
    fake_github.revoke_access(INFRA, leads);
    for _ in 0..2 {
        let ended = run(&fake_github, runner(&fake_github, &file), "apply");
        assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
        let finding = finding_of(&ended, "production: required reviewers");
        assert_eq!(finding["actual"], "user alice: GitHub accepted the request, and left out team platform-leads");
        let next = finding["next"].as_str().unwrap();
        assert!(next.starts_with("give team platform-leads at least read access to the repository"), "{next}");
        assert!(!ended.summary.contains("mode: apply"), "{}", ended.summary);
    }
}

#[test]
fn a_refusal_of_reviewers_says_which_they_are() {
    let fake_github = fake_github();
    let refused =
        json!({ "message": "Failed to create the environment protection rule. Reviewer is not a collaborator." });
    fake_github.fail_at("PUT", 1, InjectedFault::WithoutEffect(FakeResponse::json(422, &refused)));
    let file = production("    required_reviewers: [{ team: platform-leads }, { user: alice }]\n");
    let ended = run(&fake_github, runner(&fake_github, &file), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    let next = finding_of(&ended, "production")["next"].as_str().unwrap().to_owned();
    assert!(next.starts_with("give each of team platform-leads, user alice at least read access"), "{next}");
}

#[test]
fn an_organisation_is_no_reviewer() {
    let fake_github = fake_github();
    let file = production("    required_reviewers: [{ user: acme }]\n");
    let ended = run(&fake_github, runner(&fake_github, &file), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(finding_of(&ended, "production: user acme")["actual"], "GitHub knows no such user");
    assert_eq!(writes(&fake_github), [""; 0]);
}

#[test]
fn taking_away_reviewers_and_with_them_the_rule_on_self_review_is_refused() {
    let guarded = |fake_github: &FakeGitHub| {
        let reviewers = json!([{ "type": "User", "id": fake_github.add_user("alice") }]);
        fake_github.protect(INFRA, "production", &json!({ "reviewers": reviewers, "prevent_self_review": true }));
    };
    let silent = "environments:\n  dev: {}\n  production:\n    required_reviewers: []\n";
    for (mode, code) in [("plan", 1), ("check", 1), ("apply", 1)] {
        let fake_github = fake_github();
        guarded(&fake_github);
        let ended = run(&fake_github, runner(&fake_github, silent), mode);
        assert_eq!(end(&ended), (code, "blocked"), "{mode}: {}", ended.log);
        let said = "write `prevent_self_review: false` beside `required_reviewers: []`";
        assert!(ended.report.to_string().contains(said), "{mode}: {}", ended.log);
        assert_eq!(writes(&fake_github), [""; 0], "dev is not written either");
    }
    let fake_github = fake_github();
    guarded(&fake_github);
    let open = format!("{silent}    prevent_self_review: false\n");
    let ended = run(&fake_github, runner(&fake_github, &open), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
}
