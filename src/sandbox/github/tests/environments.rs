//! Environments and their policies.

use super::*;

const POLICIES: &str = "environments/production/deployment-branch-policies";

fn administered() -> Hub {
    open_to(&["actions=read", "administration=write"])
}

fn put(hub: &Hub, body: &Value) -> (u16, Value) {
    let (status, _, answer) = ask(hub, &Method::PUT, "environments/production", body);
    (status, answer)
}

fn branches(protected: bool, custom: bool) -> Value {
    json!({ "protected_branches": protected, "custom_branch_policies": custom })
}

#[test]
fn what_is_left_out_is_set_back() {
    let hub = administered();
    let (dora, sre) = (hub.user("dora"), hub.team("acme", "sre", &["dora"]));
    let reviewers = json!([{ "type": "User", "id": dora }, { "type": "Team", "id": sre }]);
    let full = json!({
        "wait_timer": 10,
        "prevent_self_review": true,
        "reviewers": reviewers,
        "deployment_branch_policy": branches(false, true),
    });
    let (status, shown) = put(&hub, &full);
    assert_eq!((status, &shown), (200, &get(&hub, "environments/PRODUCTION")));
    assert_eq!(each(&shown["protection_rules"], "/type"), ["wait_timer", "required_reviewers", "branch_policy"]);
    let who = &shown["protection_rules"][1];
    assert_eq!(
        (each(&who["reviewers"], "/reviewer/login"), each(&who["reviewers"], "/reviewer/slug")),
        (vec![json!("dora"), Value::Null], vec![Value::Null, json!("sre")])
    );
    assert_eq!(who["prevent_self_review"], true);

    let (_, shown) = put(&hub, &json!({ "wait_timer": 5 }));
    assert_eq!(each(&shown["protection_rules"], "/wait_timer"), [5]);
    assert_eq!(shown["deployment_branch_policy"], Value::Null);
    for body in [Value::Null, json!({}), json!({ "reviewers": null, "deployment_branch_policy": null })] {
        put(&hub, &full);
        assert_eq!(put(&hub, &body).1["protection_rules"], json!([]), "{body}");
    }
    assert_eq!(get(&hub, "environments")["total_count"], 1);
    assert_eq!(hub.violations(), [""; 0]);
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let hub = administered();
    let dora = hub.user("dora");
    put(&hub, &json!({ "wait_timer": 7 }));
    let before = get(&hub, "environments/production");
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
        let violations = hub.violations().len();
        assert_eq!(put(&hub, &body).0, 422, "{body}");
        assert_eq!(hub.violations().len(), violations + 1, "{body}");
    }
    let violations = hub.violations().len();
    for reviewer in [json!({ "type": "User", "id": 1 }), json!({ "type": "Team", "id": dora })] {
        let (status, answer) = put(&hub, &json!({ "reviewers": [reviewer] }));
        assert!(status == 422 && answer["message"].as_str().unwrap().contains("there is no"), "{answer}");
    }
    assert_eq!(hub.violations().len(), violations, "nobody of that number, which is no breach of the description");
    assert_eq!(get(&hub, "environments/production"), before);
    assert_eq!(put(&hub, &json!({ "wait_timer": 43_200 })).0, 200);
}

#[test]
fn policies_are_for_environments_that_name_their_branches() {
    let hub = administered();
    let post = |body: Value| ask(&hub, &Method::POST, POLICIES, &body);
    let names = || each(&get(&hub, POLICIES)["branch_policies"], "/name");
    let remove = |id: &Value| ask(&hub, &Method::DELETE, &format!("{POLICIES}/{id}"), &Value::Null).0;
    assert_eq!(post(json!({ "name": "main" })).0, 404, "there is no environment");
    hub.protect(INFRA, "production", &json!({ "deployment_branch_policy": branches(true, false) }));
    assert_eq!((post(json!({ "name": "main" })).0, status(&hub, POLICIES), remove(&json!(1))), (404, 404, 404));
    hub.protect(INFRA, "production", &json!({ "deployment_branch_policy": branches(false, true) }));
    let (made, _, main) = post(json!({ "name": "main" }));
    assert_eq!((made, &main["type"]), (200, &json!("branch")));
    assert_eq!(post(json!({ "name": "main", "type": "tag" })).0, 200);
    assert_eq!(post(json!({ "name": "main" })).0, 303, "there is one");
    hub.add_branch_policy(INFRA, "production", "release/*", "branch");
    assert_eq!(names(), ["main", "main", "release/*"]);
    assert_eq!((remove(&main["id"]), remove(&main["id"]), names().len()), (204, 404, 2));
    put(&hub, &json!({}));
    assert_eq!(status(&hub, POLICIES), 404);
    put(&hub, &json!({ "deployment_branch_policy": branches(false, true) }));
    assert_eq!(names(), [""; 0]);
    assert_eq!(hub.violations(), [""; 0]);
}

#[test]
fn a_name_can_be_any_text() {
    let hub = administered();
    let path = "environments/eu%2Fwest%20%231%3F";
    assert_eq!(ask(&hub, &Method::PUT, path, &json!({})).0, 200);
    assert_eq!(get(&hub, path)["name"], "eu/west #1?");
    assert!(get(&hub, path)["url"].as_str().unwrap().ends_with("/environments/eu%2Fwest%20%231%3F"));
    assert_eq!(status(&hub, "environments/eu%2Fwest"), 404);
    assert_eq!(hub.violations(), [""; 0]);
    for path in ["environments/%2", "environments/%zz", "environments/%ff", "environments//"] {
        assert_eq!(status(&hub, path), 404, "{path}");
    }
    assert_eq!(hub.violations().len(), 4, "no text, so no route");
}

#[test]
fn administrators_can_be_let_through() {
    let hub = administered();
    hub.protect(INFRA, "production", &json!({}));
    assert_eq!(get(&hub, "environments/production").get("can_admins_bypass"), None);
    hub.let_admins_bypass(INFRA, "production", false);
    put(&hub, &json!({ "wait_timer": 1 }));
    assert_eq!(get(&hub, "environments/production")["can_admins_bypass"], false);
}

#[test]
fn a_script_that_asks_for_the_impossible_has_failed() {
    let hub = administered();
    hub.protect(INFRA, "production", &json!({ "reviewers": [{ "type": "User", "id": 1 }] }));
    hub.protect(INFRA, "production", &json!({ "timer": 1 }));
    assert_eq!(status(&hub, "environments/production"), 404);
    assert_eq!(hub.violations().len(), 2);
}
