//! Who may what.

use super::*;

#[test]
fn to_write_is_to_read_and_to_read_is_not_to_write() {
    for (granted, path, expected) in [
        ("", "", 200),
        ("metadata=read", "", 200),
        ("", "issues", 403),
        ("issues=read", "issues", 200),
        ("issues=write", "issues", 200),
        ("actions=write", "issues", 403),
        ("administration=write", "environments", 403),
        ("actions=read", "environments", 200),
    ] {
        let fake_github = open_to(&[granted]);
        let path = format!("/repos/acme/ecommerce-infra/{path}");
        assert_eq!(status(&fake_github, path.trim_end_matches('/')), expected, "{granted} {path}");
        assert_eq!(fake_github.violations(), [""; 0]);
    }
    let fake_github = open_to(&["issues=read"]);
    assert_eq!(ask(&fake_github, &Method::POST, "issues", &json!({ "title": "t" })).0, 403);
    assert_eq!(fake_github.issues(INFRA), []);
}

#[test]
fn what_is_missing_is_named() {
    let fake_github = open_to(&["administration=read"]);
    let request = agent().put(format!("{}/repos/acme/ecommerce-infra/environments/production", fake_github.api_url()));
    let answer = request.header("authorization", "token t").send("{}").unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()["x-accepted-github-permissions"], "administration=write");
}

#[test]
fn an_organisation_is_its_repositories_owner() {
    let fake_github = open_to(&["members=read"]);
    let sre = fake_github.team("acme", "sre", &["dora"]);
    fake_github.team("other", "sre", &[]);
    assert_eq!(get(&fake_github, "/orgs/ACME/teams/sre")["id"], sre);
    assert_eq!(status(&fake_github, "/orgs/acme/teams/unknown"), 404);
    assert_eq!(status(&fake_github, "/orgs/other/teams/sre"), 403);
    assert_eq!(status(&fake_github, "/orgs/acm/teams/sre"), 403, "a name is a whole one");
}

#[test]
fn users_are_for_everybody() {
    let fake_github = open_to(&[]);
    let dora = fake_github.user("Dora");
    assert_eq!(fake_github.user("dora"), dora);
    assert_eq!(
        (&get(&fake_github, "/users/dORA")["id"], &get(&fake_github, "/users/dora")["login"]),
        (&json!(dora), &json!("Dora"))
    );
    assert_eq!(get(&fake_github, "/users/acme")["type"], "Organization");
    assert_eq!(status(&fake_github, "/users/nobody"), 404);
    let url = format!("{}/users/dora", fake_github.api_url());
    assert_eq!(agent().get(&url).call().unwrap().status(), 200, "without a token");
    assert_eq!(agent().get(&url).header("authorization", "Bearer x").call().unwrap().status(), 401, "with a bad one");
}

#[test]
fn a_repository_tells_its_default_branch() {
    let fake_github = open_to(&[]);
    fake_github.set_default_branch(INFRA, "trunk");
    let shown = get(&fake_github, "/repos/Acme/Ecommerce-infra");
    assert_eq!((&shown["default_branch"], &shown["full_name"]), (&json!("trunk"), &json!(INFRA)));
}
