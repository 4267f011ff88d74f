//! Settings of a repository and its owner.

use super::*;

#[test]
fn the_plan_is_shown_to_those_who_may_see_it() {
    let fake_github = fake_github_with(&["organization_plan=read"]);
    fake_github.set_plan("acme", "team");
    fake_github.grant("t-read", INFRA, &["contents=read"]);
    assert_eq!(get(&fake_github, "/orgs/acme")["plan"]["name"], "team");
    let mut response = agent()
        .get(format!("{}/orgs/acme", fake_github.api_url()))
        .header("authorization", "Bearer t-read")
        .call()
        .unwrap();
    let body: Value = serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!((&body["login"], &body["plan"]), (&json!("acme"), &Value::Null));
}

#[test]
fn a_free_private_repository_has_no_rules() {
    let fake_github = fake_github_with(&[]);
    fake_github.add_rule(INFRA, "pull_request", &[]);
    assert_eq!(values_at(&get(&fake_github, "rules/branches/main"), "/type"), ["pull_request"]);
    assert_eq!(get(&fake_github, "rules/branches/other"), json!([]));
    fake_github.set_plan("acme", "free");
    assert_eq!(status(&fake_github, "rules/branches/main"), 403);
    fake_github.set_visibility(INFRA, "public");
    assert_eq!(status(&fake_github, "rules/branches/main"), 200);
    assert_eq!(get(&fake_github, "/repos/acme/ecommerce-infra")["private"], false);
}

#[test]
fn access_is_that_of_the_repository() {
    let fake_github = fake_github_with(&["members=read"]);
    let (alice, leads) = (fake_github.add_user("alice"), fake_github.add_team("acme", "leads", &["alice"]));
    let team = "/orgs/acme/teams/leads/repos/acme/ecommerce-infra";
    assert_eq!(get(&fake_github, "collaborators/alice/permission")["permission"], "write");
    assert_eq!(status(&fake_github, team), 204);
    for id in [alice, leads] {
        fake_github.revoke_access(INFRA, id);
    }
    assert_eq!(get(&fake_github, "collaborators/alice/permission")["permission"], "none");
    assert_eq!(status(&fake_github, team), 404);
    assert_eq!(fake_github.violations(), [""; 0]);
}
