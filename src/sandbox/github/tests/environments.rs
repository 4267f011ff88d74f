//! Environments and their policies.

use super::*;

const POLICIES: &str = "environments/production/deployment-branch-policies";

fn administered() -> FakeGitHub {
    open_to(&["actions=read", "administration=write"])
}

fn put(fake_github: &FakeGitHub, body: &Value) -> (u16, Value) {
    let (status, _, answer) = ask(fake_github, &Method::PUT, "environments/production", body);
    (status, answer)
}

fn branches(protected: bool, custom: bool) -> Value {
    json!({ "protected_branches": protected, "custom_branch_policies": custom })
}

#[test]
fn what_is_left_out_is_set_back() {
    let fake_github = administered();
    let (dora, sre) = (fake_github.user("dora"), fake_github.team("acme", "sre", &["dora"]));
    let reviewers = json!([{ "type": "User", "id": dora }, { "type": "Team", "id": sre }]);
    let full = json!({
        "wait_timer": 10,
        "prevent_self_review": true,
        "reviewers": reviewers,
        "deployment_branch_policy": branches(false, true),
    });
    let (status, shown) = put(&fake_github, &full);
    assert_eq!((status, &shown), (200, &get(&fake_github, "environments/PRODUCTION")));
    assert_eq!(each(&shown["protection_rules"], "/type"), ["wait_timer", "required_reviewers", "branch_policy"]);
    let who = &shown["protection_rules"][1];
    assert_eq!(
        (each(&who["reviewers"], "/reviewer/login"), each(&who["reviewers"], "/reviewer/slug")),
        (vec![json!("dora"), Value::Null], vec![Value::Null, json!("sre")])
    );
    assert_eq!(who["prevent_self_review"], true);

    let (_, shown) = put(&fake_github, &json!({ "wait_timer": 5 }));
    assert_eq!(each(&shown["protection_rules"], "/wait_timer"), [5]);
    assert_eq!(shown["deployment_branch_policy"], Value::Null);
    for body in [Value::Null, json!({}), json!({ "reviewers": null, "deployment_branch_policy": null })] {
        put(&fake_github, &full);
        assert_eq!(put(&fake_github, &body).1["protection_rules"], json!([]), "{body}");
    }
    assert_eq!(get(&fake_github, "environments")["total_count"], 1);
    assert_eq!(fake_github.violations(), [""; 0]);
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let fake_github = administered();
    let dora = fake_github.user("dora");
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
        let (status, answer) = put(&fake_github, &json!({ "reviewers": [reviewer] }));
        assert!(status == 422 && answer["message"].as_str().unwrap().contains("there is no"), "{answer}");
    }
    assert_eq!(
        fake_github.violations().len(),
        violations,
        "nobody of that number, which is no breach of the description"
    );
    assert_eq!(get(&fake_github, "environments/production"), before);
    assert_eq!(put(&fake_github, &json!({ "wait_timer": 43_200 })).0, 200);
}

#[test]
fn policies_are_for_environments_that_name_their_branches() {
    let fake_github = administered();
    let post = |body: Value| ask(&fake_github, &Method::POST, POLICIES, &body);
    let names = || each(&get(&fake_github, POLICIES)["branch_policies"], "/name");
    let remove = |id: &Value| ask(&fake_github, &Method::DELETE, &format!("{POLICIES}/{id}"), &Value::Null).0;
    assert_eq!(post(json!({ "name": "main" })).0, 404, "there is no environment");
    fake_github.protect(INFRA, "production", &json!({ "deployment_branch_policy": branches(true, false) }));
    assert_eq!((post(json!({ "name": "main" })).0, status(&fake_github, POLICIES), remove(&json!(1))), (404, 404, 404));
    fake_github.protect(INFRA, "production", &json!({ "deployment_branch_policy": branches(false, true) }));
    let (made, _, main) = post(json!({ "name": "main" }));
    assert_eq!((made, &main["type"]), (200, &json!("branch")));
    assert_eq!(post(json!({ "name": "main", "type": "tag" })).0, 200);
    assert_eq!(post(json!({ "name": "main" })).0, 303, "there is one");
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
fn a_name_can_be_any_text() {
    let fake_github = administered();
    let path = "environments/eu%2Fwest%20%231%3F";
    assert_eq!(ask(&fake_github, &Method::PUT, path, &json!({})).0, 200);
    assert_eq!(get(&fake_github, path)["name"], "eu/west #1?");
    assert!(get(&fake_github, path)["url"].as_str().unwrap().ends_with("/environments/eu%2Fwest%20%231%3F"));
    assert_eq!(status(&fake_github, "environments/eu%2Fwest"), 404);
    assert_eq!(fake_github.violations(), [""; 0]);
    for path in ["environments/%2", "environments/%zz", "environments/%ff", "environments//"] {
        assert_eq!(status(&fake_github, path), 404, "{path}");
    }
    assert_eq!(fake_github.violations().len(), 4, "no text, so no route");
}

#[test]
fn administrators_can_be_let_through() {
    let fake_github = administered();
    fake_github.protect(INFRA, "production", &json!({}));
    assert_eq!(get(&fake_github, "environments/production").get("can_admins_bypass"), None);
    fake_github.let_admins_bypass(INFRA, "production", false);
    put(&fake_github, &json!({ "wait_timer": 1 }));
    assert_eq!(get(&fake_github, "environments/production")["can_admins_bypass"], false);
}

#[test]
fn a_script_that_asks_for_the_impossible_has_failed() {
    let fake_github = administered();
    fake_github.protect(INFRA, "production", &json!({ "reviewers": [{ "type": "User", "id": 1 }] }));
    fake_github.protect(INFRA, "production", &json!({ "timer": 1 }));
    assert_eq!(status(&fake_github, "environments/production"), 404);
    assert_eq!(fake_github.violations().len(), 2);
}
