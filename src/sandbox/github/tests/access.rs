//! Tokens and permissions.

use super::*;

#[test]
fn write_permission_includes_read_but_not_the_reverse() {
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
        let fake_github = fake_github_with(&[granted]);
        let path = format!("/repos/acme/ecommerce-infra/{path}");
        assert_eq!(status(&fake_github, path.trim_end_matches('/')), expected, "{granted} {path}");
        assert_eq!(fake_github.violations(), [""; 0]);
    }
    let fake_github = fake_github_with(&["issues=read"]);
    assert_eq!(send(&fake_github, &Method::POST, "issues", &json!({ "title": "t" })).0, 403);
    assert_eq!(fake_github.issues(INFRA), []);
}

#[test]
fn a_403_names_the_missing_permission() {
    let fake_github = fake_github_with(&["administration=read"]);
    let request = agent().put(format!("{}/repos/acme/ecommerce-infra/environments/production", fake_github.api_url()));
    let response = request.header("authorization", "token t").send("{}").unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["x-accepted-github-permissions"], "administration=write");
}

#[test]
fn an_organisation_permission_applies_to_the_repository_owner() {
    let fake_github = fake_github_with(&["members=read"]);
    let sre = fake_github.add_team("acme", "sre", &["dora"]);
    fake_github.add_team("other", "sre", &[]);
    assert_eq!(get(&fake_github, "/orgs/ACME/teams/sre")["id"], sre);
    assert_eq!(status(&fake_github, "/orgs/acme/teams/unknown"), 404);
    assert_eq!(status(&fake_github, "/orgs/other/teams/sre"), 403);
    assert_eq!(status(&fake_github, "/orgs/acm/teams/sre"), 403, "a name prefix does not match");
}

#[test]
fn users_are_readable_without_a_token() {
    let fake_github = fake_github_with(&[]);
    let dora = fake_github.add_user("Dora");
    assert_eq!(fake_github.add_user("dora"), dora);
    assert_eq!(
        (&get(&fake_github, "/users/dORA")["id"], &get(&fake_github, "/users/dora")["login"]),
        (&json!(dora), &json!("Dora"))
    );
    assert_eq!(get(&fake_github, "/users/acme")["type"], "Organization");
    assert_eq!(status(&fake_github, "/users/unknown"), 404);
    let url = format!("{}/users/dora", fake_github.api_url());
    assert_eq!(agent().get(&url).call().unwrap().status(), 200, "without a token");
    assert_eq!(agent().get(&url).header("authorization", "Bearer x").call().unwrap().status(), 401, "with a bad one");
}

#[test]
fn a_repository_returns_its_default_branch() {
    let fake_github = fake_github_with(&[]);
    fake_github.set_default_branch(INFRA, "trunk");
    let repository = get(&fake_github, "/repos/Acme/Ecommerce-infra");
    assert_eq!((&repository["default_branch"], &repository["full_name"]), (&json!("trunk"), &json!(INFRA)));
}
