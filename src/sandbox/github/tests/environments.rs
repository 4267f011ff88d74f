//! Environments and their policies.

use super::*;

const POLICIES: &str = "environments/production/deployment-branch-policies";

fn administrator() -> FakeGitHub {
    fake_github_with(&["actions=read", "administration=write"])
}

fn put(fake_github: &FakeGitHub, body: &Value) -> (u16, Value) {
    let (status, _, response) = send(fake_github, &Method::PUT, "environments/production", body);
    (status, response)
}

fn branches(protected: bool, custom: bool) -> Value {
    json!({ "protected_branches": protected, "custom_branch_policies": custom })
}

#[test]
fn an_omitted_setting_is_reset() {
    let fake_github = administrator();
    let (dora, sre) = (fake_github.add_user("dora"), fake_github.add_team("acme", "sre", &["dora"]));
    let reviewers = json!([{ "type": "User", "id": dora }, { "type": "Team", "id": sre }]);
    let full = json!({
        "wait_timer": 10,
        "prevent_self_review": true,
        "reviewers": reviewers,
        "deployment_branch_policy": branches(false, true),
    });
    let (status, shown) = put(&fake_github, &full);
    assert_eq!((status, &shown), (200, &get(&fake_github, "environments/PRODUCTION")));
    assert_eq!(values_at(&shown["protection_rules"], "/type"), ["wait_timer", "required_reviewers", "branch_policy"]);
    let rule = &shown["protection_rules"][1];
    assert_eq!(
        (values_at(&rule["reviewers"], "/reviewer/login"), values_at(&rule["reviewers"], "/reviewer/slug")),
        (vec![json!("dora"), Value::Null], vec![Value::Null, json!("sre")])
    );
    assert_eq!(rule["prevent_self_review"], true);

    let (_, shown) = put(&fake_github, &json!({ "wait_timer": 5 }));
    assert_eq!(values_at(&shown["protection_rules"], "/wait_timer"), [5]);
    assert_eq!(shown["deployment_branch_policy"], Value::Null);
    for body in [Value::Null, json!({}), json!({ "reviewers": null, "deployment_branch_policy": null })] {
        put(&fake_github, &full);
        assert_eq!(put(&fake_github, &body).1["protection_rules"], json!([]), "{body}");
    }
    assert_eq!(get(&fake_github, "environments")["total_count"], 1);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn an_invalid_protection_is_rejected_without_changes() {
    let fake_github = administrator();
    let dora = fake_github.add_user("dora");
    put(&fake_github, &json!({ "wait_timer": 7 }));
    let before = get(&fake_github, "environments/production");
    let seven = vec![json!({ "type": "User", "id": dora }); 7];
    for body in [
        json!([]),
        json!({ "timer": 1 }),
        json!({ "wait_timer": 43_201 }),
        json!({ "wait_timer": -1 }),
        json!({ "wait_timer": 1.5 }),
        json!({ "wait_timer": null }),
        json!({ "reviewers": seven }),
        json!({ "reviewers": [{ "type": "User" }] }),
        json!({ "reviewers": [{ "type": "user", "id": dora }] }),
        json!({ "reviewers": [{ "type": "User", "id": dora, "login": "dora" }] }),
        json!({ "deployment_branch_policy": branches(true, true) }),
        json!({ "deployment_branch_policy": branches(false, false) }),
        json!({ "deployment_branch_policy": { "protected_branches": true } }),
        json!({ "deployment_branch_policy": "main" }),
        json!({ "prevent_self_review": 1 }),
        json!({ "prevent_self_review": true, "reviewers": [] }),
    ] {
        let violations = fake_github.violations().len();
        assert_eq!(put(&fake_github, &body).0, 422, "{body}");
        assert_eq!(fake_github.violations().len(), violations + 1, "{body}");
    }
    let violations = fake_github.violations().len();
    for reviewer in [json!({ "type": "User", "id": 1 }), json!({ "type": "Team", "id": dora })] {
        let (status, body) = put(&fake_github, &json!({ "reviewers": [reviewer] }));
        assert!(status == 422 && body["message"].as_str().unwrap().contains("there is no"), "{body}");
    }
    assert_eq!(
        fake_github.violations().len(),
        violations,
        "an unknown reviewer is an error, but not a violation of the description"
    );
    assert_eq!(get(&fake_github, "environments/production"), before);
    assert_eq!(put(&fake_github, &json!({ "wait_timer": 43_200 })).0, 200);
}

#[test]
fn branch_policies_need_an_environment_with_custom_policies() {
    let fake_github = administrator();
    let post = |body: Value| send(&fake_github, &Method::POST, POLICIES, &body);
    let names = || values_at(&get(&fake_github, POLICIES)["branch_policies"], "/name");
    let remove = |id: &Value| send(&fake_github, &Method::DELETE, &format!("{POLICIES}/{id}"), &Value::Null).0;
    assert_eq!(post(json!({ "name": "main" })).0, 404, "the environment does not exist");
    fake_github.protect(INFRA, "production", &json!({ "deployment_branch_policy": branches(true, false) }));
    assert_eq!((post(json!({ "name": "main" })).0, status(&fake_github, POLICIES), remove(&json!(1))), (404, 404, 404));
    fake_github.protect(INFRA, "production", &json!({ "deployment_branch_policy": branches(false, true) }));
    let (status_of_main, _, main) = post(json!({ "name": "main" }));
    assert_eq!((status_of_main, &main["type"]), (200, &json!("branch")));
    assert_eq!(post(json!({ "name": "main", "type": "tag" })).0, 200);
    assert_eq!(post(json!({ "name": "main" })).0, 303, "the policy exists");
    fake_github.add_branch_policy(INFRA, "production", "release/*", "branch");
    assert_eq!(names(), ["main", "main", "release/*"]);
    assert_eq!((remove(&main["id"]), remove(&main["id"]), names().len()), (204, 404, 2));
    put(&fake_github, &json!({}));
    assert_eq!(status(&fake_github, POLICIES), 404);
    put(&fake_github, &json!({ "deployment_branch_policy": branches(false, true) }));
    assert_eq!(names(), [""; 0]);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn an_environment_name_can_be_any_text() {
    let fake_github = administrator();
    let path = "environments/eu%2Fwest%20%231%3F";
    assert_eq!(send(&fake_github, &Method::PUT, path, &json!({})).0, 200);
    assert_eq!(get(&fake_github, path)["name"], "eu/west #1?");
    assert!(get(&fake_github, path)["url"].as_str().unwrap().ends_with("/environments/eu%2Fwest%20%231%3F"));
    assert_eq!(status(&fake_github, "environments/eu%2Fwest"), 404);
    assert_eq!(fake_github.violations(), [""; 0]);
    for path in ["environments/%2", "environments/%zz", "environments/%ff", "environments//"] {
        assert_eq!(status(&fake_github, path), 404, "{path}");
    }
    assert_eq!(fake_github.violations().len(), 4, "invalid encoding matches no route");
}

#[test]
fn a_request_without_the_administrator_bypass_allows_it() {
    let fake_github = administrator();
    let bypass = || get(&fake_github, "environments/production")["can_admins_bypass"].clone();
    fake_github.protect(INFRA, "production", &json!({}));
    assert_eq!(bypass(), true);
    put(&fake_github, &json!({ "wait_timer": 1, "can_admins_bypass": false }));
    assert_eq!(bypass(), false);
    put(&fake_github, &json!({ "wait_timer": 2 }));
    assert_eq!(bypass(), true);
}

#[test]
fn an_older_server_refuses_the_fields_that_it_does_not_know_and_does_not_return_them() {
    let fake_github = administrator();
    let dora = json!([{ "type": "User", "id": fake_github.add_user("dora") }]);
    fake_github.forget_fields(INFRA, &["prevent_self_review", "can_admins_bypass", "type"]);
    let full = json!({ "reviewers": dora, "deployment_branch_policy": branches(false, true) });
    for (field, value) in [("prevent_self_review", true), ("can_admins_bypass", false)] {
        let mut body = full.clone();
        body[field] = value.into();
        let (status, shown) = put(&fake_github, &body);
        assert_eq!((status, shown["message"].as_str().unwrap().contains(field)), (422, true));
    }
    let (status, shown) = put(&fake_github, &full);
    let rule = &shown["protection_rules"][0];
    assert_eq!((status, shown.get("can_admins_bypass"), rule.get("prevent_self_review")), (200, None, None));
    let post = |body: Value| send(&fake_github, &Method::POST, POLICIES, &body);
    assert_eq!(post(json!({ "name": "v*", "type": "tag" })).0, 422);
    let (status, _, shown) = post(json!({ "name": "v*" }));
    assert_eq!((status, shown.get("type")), (200, None));
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn a_reviewer_without_access_is_dropped() {
    let fake_github = administrator();
    let (dora, ken) = (fake_github.add_user("dora"), fake_github.add_user("ken"));
    fake_github.revoke_access(INFRA, ken);
    let reviewer = |id: u64| json!({ "type": "User", "id": id });
    let (status, shown) = put(&fake_github, &json!({ "reviewers": [reviewer(dora), reviewer(ken)] }));
    let reviewers = &shown["protection_rules"][0]["reviewers"];
    assert_eq!((status, values_at(reviewers, "/reviewer/login")), (200, vec![json!("dora")]));
    let (status, shown) = put(&fake_github, &json!({ "reviewers": [reviewer(ken)], "prevent_self_review": true }));
    assert_eq!((status, &shown["protection_rules"]), (200, &json!([])));
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn an_environment_gives_its_secrets_to_its_branches_only() {
    let fake_github = fake_github_with(&[]);
    let secrets = |branch: &str| fake_github.environment_secrets(INFRA, "Status", branch);
    fake_github.add_secret(INFRA, Some("status"), "KEY");
    assert_eq!(secrets("main"), [""; 0], "there is no such environment");
    fake_github.protect(INFRA, "status", &json!({}));
    assert_eq!([secrets("main"), secrets("fix")], [["KEY"], ["KEY"]]);
    fake_github.protect(INFRA, "status", &json!({ "deployment_branch_policy": branches(false, true) }));
    assert_eq!(secrets("main"), [""; 0], "no pattern lets none deploy");
    fake_github.add_branch_policy(INFRA, "status", "fix", "tag");
    fake_github.add_branch_policy(INFRA, "status", "main", "branch");
    assert_eq!((secrets("main"), secrets("fix")), (vec!["KEY".to_owned()], vec![]));
    fake_github.protect(INFRA, "status", &json!({ "deployment_branch_policy": branches(true, false) }));
    assert_eq!(secrets("main"), [""; 0], "main is not protected");
    fake_github.protect_branch(INFRA, "main");
    assert_eq!((secrets("main"), secrets("fix")), (vec!["KEY".to_owned()], vec![]));
}

#[test]
fn an_invalid_scripted_protection_is_a_violation() {
    let fake_github = administrator();
    fake_github.protect(INFRA, "production", &json!({ "reviewers": [{ "type": "User", "id": 1 }] }));
    fake_github.protect(INFRA, "production", &json!({ "timer": 1 }));
    assert_eq!(status(&fake_github, "environments/production"), 404);
    assert_eq!(fake_github.violations().len(), 2);
}
