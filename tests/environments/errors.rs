//! Bad input, unknown reviewers, refusals and lost responses.

use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};

use super::*;

const LEADS: &str = "environments:\n  production:\n    required_reviewers: [{ team: platform-leads }]\n";

#[test]
fn an_error_in_the_file_is_reported_with_its_position_before_any_request() {
    for (file, message) in [
        ("environments:\n  production:\n    wait_timers: 10\n", "did you mean `wait_timer`?"),
        ("environments:\n  production:\n    wait_timer: 43201\n", ".github/environments.yml:3:17"),
        ("environments:\n  production:\n    deployment_branch_policy: {}\n", "neither is true"),
        ("environments: [", "line 2"),
    ] {
        for mode in ["plan", "check", "apply"] {
            let fake_github = fake_github();
            let ended = run(&fake_github, runner(&fake_github, file).input("dry-run", "true"), mode);
            assert_eq!(end(&ended), (2, "inconclusive"), "{}", ended.log);
            assert!(ended.outputs["reason"].contains(message), "{}", ended.outputs["reason"]);
            assert!(fake_github.requests().is_empty(), "{:?}", fake_github.requests());
        }
    }
}

#[test]
fn invalid_settings_are_refused() {
    let fake_github = fake_github();
    for (key, value, message) in [
        ("mode", "aply", "apply"),
        ("file", "nowhere.yml", "no file at nowhere.yml"),
        ("repository", "acme", "owner/name"),
        ("timeout", "0", "time for GitHub to answer"),
    ] {
        let ended = runner(&fake_github, LEADS).input("mode", "check").input(key, value).run(&["environments"]);
        assert_eq!(end(&ended), (2, "inconclusive"), "{key}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(message), "{key}: {}", ended.outputs["reason"]);
    }
    let ended = run(&fake_github, runner(&fake_github, LEADS).input("token", ""), "apply");
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("Administration: write"), "{}", ended.outputs["reason"]);
    assert!(fake_github.requests().is_empty(), "{:?}", fake_github.requests());
}

#[test]
fn an_unknown_reviewer_is_reported_before_anything_is_written() {
    let user = "environments:\n  dev: {}\n  production:\n    required_reviewers: [{ user: nobody-at-all }]\n";
    let team = "environments:\n  dev: {}\n  production:\n    required_reviewers: [{ team: leads }]\n";
    for (file, code, message) in [
        (user, 1, "production: user nobody-at-all: GitHub knows no such user"),
        (team, 3, "production: team leads: acme has no such team, or this token may not see it"),
    ] {
        for mode in ["plan", "apply"] {
            let fake_github = fake_github();
            let ended = run(&fake_github, runner(&fake_github, file), mode);
            assert_eq!(ended.code, code, "{}", ended.log);
            assert!(ended.outputs["reason"].starts_with(message), "{}", ended.outputs["reason"]);
            assert_eq!(writes(&fake_github), [""; 0], "the environment before it is not written either");
        }
    }
}

#[test]
fn the_permission_to_read_teams_is_named() {
    let fake_github = fake_github();
    fake_github.grant("ghs_small", INFRA, &["actions=read", "administration=write"]);
    let ended = run(&fake_github, runner(&fake_github, LEADS).input("token", "ghs_small"), "apply");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("Members: read"), "{}", ended.outputs["reason"]);
    assert_eq!(writes(&fake_github), [""; 0]);
}

#[test]
fn reviewers_that_are_already_set_are_not_looked_up() {
    let fake_github = fake_github_with_reference();
    fake_github.grant("ghs_small", INFRA, &["actions=read", "contents=read"]);
    let ended = run(&fake_github, runner(&fake_github, REFERENCE).input("token", "ghs_small"), "plan");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(
        fake_github.requests().iter().all(|request| !request.path.starts_with("/orgs/")),
        "{:?}",
        fake_github.requests()
    );
}

#[test]
fn preventing_self_review_requires_reviewers() {
    let fake_github = fake_github();
    let file = "environments:\n  dev: {}\n  production:\n    prevent_self_review: true\n";
    let ended = run(&fake_github, runner(&fake_github, file), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("only beside reviewers"), "{}", ended.outputs["reason"]);
    assert_eq!(writes(&fake_github), [""; 0]);
}

#[test]
fn the_missing_permission_to_write_is_named() {
    let fake_github = fake_github();
    fake_github.grant("ghs_small", INFRA, &["actions=read", "contents=read", "members=read"]);
    let ended = run(&fake_github, runner(&fake_github, LEADS).input("token", "ghs_small"), "apply");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("Administration: write"), "{}", ended.outputs["reason"]);
    let effects = effects(&ended);
    assert!(effects[0].starts_with("refused acme/ecommerce-infra, environment production: "), "{effects:?}");
}

#[test]
fn a_rule_outside_the_billing_plan_is_blocked_and_named() {
    let fake_github = fake_github();
    let message = "Failed to create the environment protection rule. Please ensure the billing plan supports the required reviewers protection rule.";
    fake_github.fail_at(
        "PUT",
        1,
        InjectedFault::WithoutEffect(FakeResponse::json(422, &json!({ "message": message }))),
    );
    let ended = run(&fake_github, runner(&fake_github, LEADS), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(
        ended.outputs["reason"].contains("private ones of the Free, Pro and Team plans"),
        "{}",
        ended.outputs["reason"]
    );
}

#[test]
fn after_a_lost_response_the_state_is_read_back_before_a_retry() {
    let fake_github = fake_github();
    fake_github.fail_at("PUT", 1, InjectedFault::AfterEffect(FakeResponse::close()));
    let ended = run(&fake_github, runner(&fake_github, LEADS), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(writes(&fake_github).len(), 1, "the write had arrived");
    let other = self::fake_github();
    other.fail_at("PUT", 1, InjectedFault::WithoutEffect(FakeResponse::close()));
    let ended = run(&other, runner(&other, LEADS), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(writes(&other).len(), 2, "the write had not arrived");
}

#[test]
fn after_a_refusal_the_next_run_writes_the_rest() {
    let fake_github = fake_github();
    let refused = FakeResponse::json(422, &json!({ "message": "Validation Failed" }));
    fake_github.fail_at(
        "PUT /repos/acme/ecommerce-infra/environments/staging",
        1,
        InjectedFault::WithoutEffect(refused),
    );
    let ended = run(&fake_github, runner(&fake_github, REFERENCE), "apply");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    let written: Vec<String> =
        effects(&ended).iter().map(|effect| effect.split(": ").next().unwrap().to_owned()).collect();
    let prefix = "acme/ecommerce-infra, environment";
    assert_eq!(written, [format!("applied {prefix} dev"), format!("refused {prefix} staging")]);
    let ended = run(&fake_github, runner(&fake_github, REFERENCE), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(effects(&ended).len(), 2, "dev is done: {:?}", effects(&ended));
}

#[test]
fn what_was_written_before_a_refusal_is_read_back() {
    let fake_github = fake_github();
    let at = |name| format!("PUT /repos/acme/ecommerce-infra/environments/{name}");
    // GitHub accepts the first timer and forgets it, and refuses the second.
    for (name, status, body) in
        [("dev", 200, json!({})), ("production", 422, json!({ "message": "Validation Failed" }))]
    {
        fake_github.fail_at(&at(name), 1, InjectedFault::WithoutEffect(FakeResponse::json(status, &body)));
    }
    for name in ["dev", "production", "last"] {
        fake_github.protect(INFRA, name, &json!({}));
    }
    let file = "environments:\n  dev: { wait_timer: 5 }\n  production: { wait_timer: 5 }\n  last: { wait_timer: 5 }\n";
    let ended = run(&fake_github, runner(&fake_github, file), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(finding_of(&ended, "production")["actual"], "GitHub refused it: 422 Validation Failed");
    let timer = "blocked dev: wait timer: none, although GitHub accepted the request".to_owned();
    assert!(findings(&ended).contains(&timer), "{:#?}", findings(&ended));
    assert_eq!(writes(&fake_github).len(), 2, "the last environment is not reached");
    assert_eq!(ended.outputs["changed"], "true");
}

#[test]
fn an_accepted_write_without_effect_is_blocked() {
    let fake_github = fake_github();
    fake_github.fail_at("PUT", 1, InjectedFault::WithoutEffect(FakeResponse::json(200, &json!({}))));
    let ended = run(&fake_github, runner(&fake_github, LEADS), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(finding_of(&ended, "production")["verdict"], "blocked");
}
