//! What even an emergency is refused for.

use super::*;

/// Nothing was written anywhere, for this reason.
fn refused(scene: &Scene, ended: &Ended, code: i32, part: &str) {
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
        refused(&scene, &ended, 1, other);
        assert!(ended.outputs["reason"].contains("expected refs/heads/main"), "{}", ended.outputs["reason"]);
    }
    let ended = step(&scene, 7, &dir).env("GITHUB_REF", "").run(&["emergency"]);
    refused(&scene, &ended, 3, "GITHUB_REF is not set");
}

#[test]
fn nobody_goes_around_the_gates_alone() {
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
        refused(&scene, &step(&scene, run, &dir).run(&["emergency"]), 1, part);
    }
    scene.run(5, &["bob"]);
    let again = step(&scene, 5, &dir).env("GITHUB_RUN_ATTEMPT", "2").run(&["emergency"]);
    refused(&scene, &again, 1, "this is attempt 2");
    refused(&scene, &step(&scene, 6, &dir).run(&["emergency"]), 3, "acme/infra");
    // Whoever has said no has said no.
    let rejected = step(&scene, 4, &dir).input("allow-unapproved", "true").run(&["emergency"]);
    refused(&scene, &rejected, 1, "carol rejected it");
    let alone = step(&scene, 1, &dir).input("allow-unapproved", "true").run(&["emergency"]);
    assert_eq!(end(&alone), landed(), "{}", alone.log);
    assert!(!scene.shop.trailers().iter().any(|trailer| trailer.starts_with("Approved-by")));
    assert!(scene.open_issues()[0].body.as_deref().unwrap().contains("Approved by: **no known approval**"));
    assert!(alone.log.contains("explained::approval: no person approved this run"), "{}", alone.log);
}

#[test]
fn a_token_that_may_not_is_told_which_permission_is_missing() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    let dir = scene.shop.checkout("infra", &[]);
    scene.fake_github.grant("blind", INFRA, &["issues=write"]);
    let ended = step(&scene, 7, &dir).input("api-token", "blind").run(&["emergency"]);
    refused(&scene, &ended, 3, "Actions: read");
    scene.fake_github.grant("mute", INFRA, &["actions=read", "issues=read"]);
    let ended = step(&scene, 7, &dir).input("api-token", "mute").run(&["emergency"]);
    assert_eq!((ended.code, effects(&ended)), (3, vec!["applied", "refused"]), "{}", ended.log);
    assert!(ended.log.contains("Issues: write"), "{}", ended.log);
    for told in [ended.log.replace("::add-mask::mute\n", ""), ended.report.to_string(), ended.summary] {
        assert!(!told.contains("mute"), "{told}");
    }
}

#[test]
fn a_branch_that_lets_nobody_push_files_no_issue() {
    let scene = Scene::new();
    scene.run(7, &["bob"]);
    scene.shop.hook("pre-receive", "echo protected branch >&2\nexit 1");
    let ended = step(&scene, 7, &scene.shop.checkout("infra", &[])).run(&["emergency"]);
    refused(&scene, &ended, 3, "pre-receive hook declined");
}
