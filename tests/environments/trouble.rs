//! Bad input, people that nobody knows, refusals and lost answers.

use promote_gates::sandbox::{github::InjectedFault, server::FakeResponse};

use super::*;

const LEADS: &str = "environments:\n  production:\n    required_reviewers: [{ team: platform-leads }]\n";

#[test]
fn a_file_that_cannot_be_meant_is_told_with_its_place_before_anything_is_asked() {
    for (file, said) in [
        ("environments:\n  production:\n    wait_timers: 10\n", "did you mean `wait_timer`?"),
        ("environments:\n  production:\n    wait_timer: 43201\n", ".github/environments.yml:3:17"),
        ("environments:\n  production:\n    deployment_branch_policy: {}\n", "neither is true"),
        ("environments: [", "line 2"),
    ] {
        for mode in ["plan", "check", "apply"] {
            let fake_github = fake_github();
            let ended = run(&fake_github, runner(&fake_github, file).input("dry-run", "true"), mode);
            assert_eq!(end(&ended), (2, "inconclusive"), "{}", ended.log);
            assert!(ended.outputs["reason"].contains(said), "{}", ended.outputs["reason"]);
            assert!(fake_github.requests().is_empty(), "{:?}", fake_github.requests());
        }
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let fake_github = fake_github();
    for (key, value, said) in [
        ("mode", "aply", "apply"),
        ("file", "nowhere.yml", "no file at nowhere.yml"),
        ("repository", "acme", "owner/name"),
        ("timeout", "0", "time for GitHub to answer"),
    ] {
        let ended = runner(&fake_github, LEADS).input("mode", "check").input(key, value).run(&["environments"]);
        assert_eq!(end(&ended), (2, "inconclusive"), "{key}: {}", ended.log);
        assert!(ended.outputs["reason"].contains(said), "{key}: {}", ended.outputs["reason"]);
    }
    let ended = run(&fake_github, runner(&fake_github, LEADS).input("token", ""), "apply");
    assert_eq!(ended.code, 2, "{}", ended.log);
    assert!(ended.outputs["reason"].contains("Administration: write"), "{}", ended.outputs["reason"]);
    assert!(fake_github.requests().is_empty(), "{:?}", fake_github.requests());
}

#[test]
fn who_is_not_known_is_told_before_anything_is_written() {
    let user = "environments:\n  dev: {}\n  production:\n    required_reviewers: [{ user: nobody-at-all }]\n";
    let team = "environments:\n  dev: {}\n  production:\n    required_reviewers: [{ team: leads }]\n";
    for (file, code, said) in [
        (user, 1, "production: user nobody-at-all: GitHub knows no such user"),
        (team, 3, "production: team leads: acme has no such team, or this token may not see it"),
    ] {
        for mode in ["plan", "apply"] {
            let fake_github = fake_github();
            let ended = run(&fake_github, runner(&fake_github, file), mode);
            assert_eq!(ended.code, code, "{}", ended.log);
            assert!(ended.outputs["reason"].starts_with(said), "{}", ended.outputs["reason"]);
            assert_eq!(writes(&fake_github), [""; 0], "not even the environment before it");
        }
    }
}

#[test]
fn a_team_that_may_not_be_looked_up_names_the_permission() {
    let fake_github = fake_github();
    fake_github.grant("ghs_small", INFRA, &["actions=read", "administration=write"]);
    let ended = run(&fake_github, runner(&fake_github, LEADS).input("token", "ghs_small"), "apply");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("Members: read"), "{}", ended.outputs["reason"]);
    assert_eq!(writes(&fake_github), [""; 0]);
}

#[test]
fn reviewers_that_are_there_already_are_not_looked_up() {
    let fake_github = hub_as_the_reference_says();
    fake_github.grant("ghs_small", INFRA, &["actions=read", "contents=read"]);
    let ended = run(&fake_github, runner(&fake_github, REFERENCE).input("token", "ghs_small"), "plan");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert!(
        fake_github.requests().iter().all(|asked| !asked.path.starts_with("/orgs/")),
        "{:?}",
        fake_github.requests()
    );
}

#[test]
fn no_review_of_ones_own_run_needs_a_review() {
    let fake_github = fake_github();
    let file = "environments:\n  dev: {}\n  production:\n    prevent_self_review: true\n";
    let ended = run(&fake_github, runner(&fake_github, file), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("only beside reviewers"), "{}", ended.outputs["reason"]);
    assert_eq!(writes(&fake_github), [""; 0]);
}

#[test]
fn a_token_without_the_right_to_write_is_told_which_one() {
    let fake_github = fake_github();
    fake_github.grant("ghs_small", INFRA, &["actions=read", "contents=read", "members=read"]);
    let ended = run(&fake_github, runner(&fake_github, LEADS).input("token", "ghs_small"), "apply");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    assert!(ended.outputs["reason"].contains("Administration: write"), "{}", ended.outputs["reason"]);
    let told = effects(&ended);
    assert!(told[0].starts_with("refused acme/ecommerce-infra, environment production: "), "{told:?}");
}

#[test]
fn a_plan_that_has_no_such_rule_is_named() {
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
fn a_lost_answer_is_read_back_and_not_sent_again() {
    let fake_github = fake_github();
    fake_github.fail_at("PUT", 1, InjectedFault::AfterEffect(FakeResponse::close()));
    let ended = run(&fake_github, runner(&fake_github, LEADS), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(writes(&fake_github).len(), 1, "it had landed");
    let other = self::fake_github();
    other.fail_at("PUT", 1, InjectedFault::WithoutEffect(FakeResponse::close()));
    let ended = run(&other, runner(&other, LEADS), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(writes(&other).len(), 2, "it had not");
}

#[test]
fn a_refusal_half_way_leaves_what_was_written_and_the_next_run_goes_on() {
    let fake_github = fake_github();
    let refused = FakeResponse::json(422, &json!({ "message": "Validation Failed" }));
    fake_github.fail_at(
        "PUT /repos/acme/ecommerce-infra/environments/staging",
        1,
        InjectedFault::WithoutEffect(refused),
    );
    let ended = run(&fake_github, runner(&fake_github, REFERENCE), "apply");
    assert_eq!(end(&ended), (3, "inconclusive"), "{}", ended.log);
    let told: Vec<String> =
        effects(&ended).iter().map(|effect| effect.split(": ").next().unwrap().to_owned()).collect();
    let place = "acme/ecommerce-infra, environment";
    assert_eq!(told, [format!("applied {place} dev"), format!("refused {place} staging")]);
    let ended = run(&fake_github, runner(&fake_github, REFERENCE), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    assert_eq!(effects(&ended).len(), 2, "dev is done: {:?}", effects(&ended));
}

#[test]
fn a_write_that_github_takes_and_forgets_is_blocked() {
    let fake_github = fake_github();
    fake_github.fail_at("PUT", 1, InjectedFault::WithoutEffect(FakeResponse::json(200, &json!({}))));
    let ended = run(&fake_github, runner(&fake_github, LEADS), "apply");
    assert_eq!(end(&ended), (1, "blocked"), "{}", ended.log);
    assert_eq!(about(&ended, "production")["verdict"], "blocked");
}
