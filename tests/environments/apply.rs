//! `mode: apply`: each rule is written once.

use super::*;

/// Every rule, in one file.
const FULL: &str = "\
environments:
  production:
    deployment_branch_policy:
      branches: [main, 'release/*']
      tags: [v*]
    required_reviewers:
      - team: platform-leads
      - user: Alice
    wait_timer: 10
    prevent_self_review: true
";

#[test]
fn a_second_apply_writes_nothing() {
    let fake_github = fake_github();
    let leads = fake_github.add_team("acme", "platform-leads", &["lena"]);
    let first = run(&fake_github, runner(&fake_github, REFERENCE), "apply");
    assert_eq!(end(&first), (0, "passed"), "{}", first.log);
    assert_eq!((&*first.outputs["differences"], &*first.outputs["changed"]), ("8", "true"));
    let body = |more: &str, policy: &str| format!("{{{more}\"deployment_branch_policy\":{policy}}}");
    let protected = r#"{"protected_branches":true,"custom_branch_policies":false}"#;
    let custom = r#"{"protected_branches":false,"custom_branch_policies":true}"#;
    let people = format!(r#""wait_timer":10,"reviewers":[{{"type":"Team","id":{leads}}}],"#);
    let written = [
        format!("PUT environments/dev {}", body("", custom)),
        format!("PUT environments/staging {}", body("", protected)),
        format!("PUT environments/production {}", body(&people, protected)),
    ];
    assert_eq!(writes(&fake_github), written);
    assert!(effects(&first).iter().all(|effect| effect.starts_with("applied ")), "{:?}", effects(&first));

    let second = run(&fake_github, runner(&fake_github, REFERENCE), "apply");
    assert_eq!(end(&second), (0, "passed"), "{}", second.log);
    assert_eq!((&*second.outputs["differences"], &*second.outputs["changed"]), ("0", "false"));
    assert_eq!(writes(&fake_github), written, "nothing more");
    assert_eq!(end(&run(&fake_github, runner(&fake_github, REFERENCE), "check")), (0, "passed"));
}

#[test]
fn every_rule_is_written_and_read_back() {
    let fake_github = fake_github();
    let first = run(&fake_github, runner(&fake_github, FULL), "apply");
    assert_eq!(end(&first), (0, "passed"), "{}", first.log);
    let findings = findings(&first);
    for expected in [
        "passed production: required reviewers: team platform-leads, user alice",
        "passed production: review of one's own run: prevented",
        "passed production: branch pattern main: there",
        "passed production: branch pattern release/*: there",
        "passed production: tag pattern v*: there",
    ] {
        assert!(findings.iter().any(|finding| finding == expected), "{expected}\n{findings:#?}");
    }
    let before = writes(&fake_github).len();
    assert_eq!(before, 4, "one for the rules, one for each pattern");
    assert_eq!(run(&fake_github, runner(&fake_github, FULL), "apply").outputs["changed"], "false");
    assert_eq!(writes(&fake_github).len(), before);
}

#[test]
fn rules_that_the_file_does_not_mention_are_sent_unchanged() {
    let fake_github = fake_github();
    let alice = fake_github.add_user("alice");
    let body = json!({
        "wait_timer": 30,
        "prevent_self_review": true,
        "reviewers": [{ "type": "User", "id": alice }],
        "deployment_branch_policy": policy(false),
    });
    fake_github.protect(INFRA, "production", &body);
    fake_github.add_branch_policy(INFRA, "production", "main", "branch");
    let file = "environments:\n  production:\n    wait_timer: 0\n";
    let ended = run(&fake_github, runner(&fake_github, file), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let sent = json!({ "wait_timer": 0, "prevent_self_review": true, "reviewers": body["reviewers"], "deployment_branch_policy": policy(false) });
    assert_eq!(writes(&fake_github), [format!("PUT environments/production {sent}")]);
    assert_eq!(
        effects(&ended),
        ["applied acme/ecommerce-infra, environment production: wait timer: 30 minutes → none"]
    );
    let kept = "\
environments:
  production:
    required_reviewers: [{ user: alice }]
    prevent_self_review: true
    deployment_branch_policy: { branches: [main] }
";
    assert_eq!(end(&run(&fake_github, runner(&fake_github, kept), "check")), (0, "passed"), "all else is as before");
}

#[test]
fn a_pattern_is_removed_before_another_is_added() {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "production", &json!({ "deployment_branch_policy": policy(false) }));
    let gone = fake_github.add_branch_policy(INFRA, "production", "*", "branch");
    fake_github.add_branch_policy(INFRA, "production", "main", "branch");
    let file = "environments:\n  production:\n    deployment_branch_policy: { branches: [a, main] }\n";
    let ended = run(&fake_github, runner(&fake_github, file), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let below = "environments/production/deployment-branch-policies";
    assert_eq!(
        writes(&fake_github),
        [format!("DELETE {below}/{gone} null"), format!(r#"POST {below} {{"name":"a"}}"#)]
    );
}

#[test]
fn rules_are_removed() {
    let fake_github = fake_github();
    assert_eq!(end(&run(&fake_github, runner(&fake_github, FULL), "apply")), (0, "passed"));
    let open = "\
environments:
  production:
    deployment_branch_policy: null
    required_reviewers: []
    wait_timer: 0
    prevent_self_review: false
";
    let ended = run(&fake_github, runner(&fake_github, open), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let sent =
        json!({ "wait_timer": 0, "prevent_self_review": false, "reviewers": [], "deployment_branch_policy": null });
    assert_eq!(writes(&fake_github).last().unwrap(), &format!("PUT environments/production {sent}"));
}

#[test]
fn a_dry_run_shows_the_changes_and_writes_nothing() {
    let fake_github = fake_github();
    let ended = run(&fake_github, runner(&fake_github, FULL).input("dry-run", "true"), "apply");
    assert_eq!(end(&ended), (0, "inconclusive"), "{}", ended.log);
    assert_eq!(writes(&fake_github), [""; 0]);
    let effects = effects(&ended);
    assert!(effects.len() == 4 && effects.iter().all(|effect| effect.starts_with("planned ")), "{effects:?}");
}

#[test]
fn inactive_patterns_are_removed_when_the_rule_activates_them() {
    let fake_github = fake_github();
    fake_github.protect(INFRA, "production", &json!({ "deployment_branch_policy": policy(true) }));
    // GitHub keeps this pattern inactive until the environment uses custom policies.
    fake_github.add_branch_policy(INFRA, "production", "*", "branch");
    let file = "environments:\n  production:\n    deployment_branch_policy: { branches: [main] }\n";
    let ended = run(&fake_github, runner(&fake_github, file), "apply");
    assert_eq!(end(&ended), (0, "passed"), "{}", ended.log);
    let methods: Vec<String> =
        writes(&fake_github).iter().map(|write| write.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(methods, ["PUT", "DELETE", "POST"]);
}
