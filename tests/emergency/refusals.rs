//! Emergencies that are refused.

use super::*;

/// Asserts that nothing was written, and that the reason contains `part`.
fn assert_refused(scene: &Scene, ended: &Ended, code: i32, part: &str) {
    assert_eq!(ended.code, code, "{part}: {}", ended.log);
    assert!(ended.outputs["reason"].contains(part), "{part}: {}", ended.outputs["reason"]);
    assert_eq!((scene.shop.tip(), scene.fake_github.issues(INFRA).len()), (scene.shop.first.clone(), 0), "{part}");
    assert!(effects(ended).iter().all(|state| *state == "refused"), "{:?}", effects(ended));
}

#[test]
fn a_run_from_any_other_ref_is_refused() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    git(&dir, &["push", "-q", "origin", "main:refs/heads/hotfix"]);
    for other in ["refs/heads/hotfix", "refs/tags/main", "refs/pull/1/merge", "main", "refs/heads/Main"] {
        let ended = step(&scene, 7, &dir).env("GITHUB_REF", other).run(&["emergency"]);
        assert_refused(&scene, &ended, 1, other);
        assert!(ended.outputs["reason"].contains("expected refs/heads/main"), "{}", ended.outputs["reason"]);
    }
    let ended = step(&scene, 7, &dir).env("GITHUB_REF", "").run(&["emergency"]);
    assert_refused(&scene, &ended, 3, "GITHUB_REF is not set");
}

#[test]
fn an_emergency_needs_an_approval_unless_it_may_be_unapproved() {
    let scene = Scene::new();
    let dir = scene.shop.checkout("infra", &[]);
    scene.run(1, &[]);
    scene.run(2, &["deployer[bot]"]);
    scene.run(3, &[]);
    scene.fake_github.approve(INFRA, 3, "production", "bob", "");
    scene.run(4, &["bob"]);
    scene.fake_github.reject(INFRA, 4, "production-emergency", "carol", "no");
    for (run, part) in [
        (1, "no person approved this run"),
        (2, "no person approved this run"),
        (3, "no person approved this run"),
        (4, "carol rejected it"),
    ] {
        assert_refused(&scene, &step(&scene, run, &dir).run(&["emergency"]), 1, part);
    }
    scene.run(5, &["bob"]);
    let again = step(&scene, 5, &dir).env("GITHUB_RUN_ATTEMPT", "2").run(&["emergency"]);
    assert_refused(&scene, &again, 1, "this is attempt 2");
    assert_refused(&scene, &step(&scene, 6, &dir).run(&["emergency"]), 3, "acme/infra");
    // `allow-unapproved` does not override a rejection.
    let rejected = step(&scene, 4, &dir).input("allow-unapproved", "true").run(&["emergency"]);
    assert_refused(&scene, &rejected, 1, "carol rejected it");
    let unapproved = step(&scene, 1, &dir).input("allow-unapproved", "true").run(&["emergency"]);
    assert_eq!(end(&unapproved), applied(), "{}", unapproved.log);
    assert!(!scene.shop.trailers().iter().any(|trailer| trailer.starts_with("Approved-by")));
    assert!(scene.open_issues()[0].body.as_deref().unwrap().contains("Approved by: **no known approval**"));
    assert!(unapproved.log.contains("explained::approval: no person approved this run"), "{}", unapproved.log);
}

#[test]
fn a_missing_permission_of_the_token_is_named() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    scene.fake_github.grant("no-actions", INFRA, &["issues=write"]);
    let ended = step(&scene, 7, &dir).input("api-token", "no-actions").run(&["emergency"]);
    assert_refused(&scene, &ended, 3, "Actions: read");
    scene.fake_github.grant("no-issues", INFRA, &["actions=read", "issues=read"]);
    let ended = step(&scene, 7, &dir).input("api-token", "no-issues").run(&["emergency"]);
    assert_eq!((ended.code, effects(&ended)), (3, vec!["applied", "refused"]), "{}", ended.log);
    assert!(ended.log.contains("Issues: write"), "{}", ended.log);
    for text in [ended.log.replace("::add-mask::no-issues\n", ""), ended.report.to_string(), ended.summary] {
        assert!(!text.contains("no-issues"), "{text}");
    }
}

#[test]
fn a_declined_push_opens_no_issue() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    scene.shop.hook("pre-receive", "echo protected branch >&2\nexit 1");
    let ended = step(&scene, 7, &scene.shop.checkout("infra", &[])).run(&["emergency"]);
    assert_refused(&scene, &ended, 3, "pre-receive hook declined");
}
